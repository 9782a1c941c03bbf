"""``[notify]`` in ``secops.toml``: who is paged, over what, in which order, and the limits of the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from secops.errors import Problem
from secops.locale import _
from secops.settings_values import Duration, Name

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d|24:00)")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday", "workday", "offday"]
Level = Literal["informational", "low", "medium", "high", "critical"]


class _Strict(BaseModel):
    """Unknown keys are mistakes: a misspelt setting must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _line(text: str) -> str:
    """A text that goes into a header, an argument or a list: one line without control characters."""
    if not text.strip() or not text.isprintable():
        raise ValueError(_("空でない一行で書いてください(制御文字は使えません)"))
    return text.strip()


def is_mail_address(text: str) -> bool:
    """Whether it is a plain mail address (RFC 5321 Mailbox without quoting, ASCII)."""
    return len(text) <= 254 and _MAIL.fullmatch(text) is not None


def _sender(text: str) -> str:
    if text and not is_mail_address(text):
        raise ValueError(_("メールアドレスを書いてください(例: secops@example.lg.jp)"))
    return text


def _ascii(text: str) -> str:
    if not (text.isascii() and (not text or text.isprintable())):
        raise ValueError(_("ASCII の文字で書いてください"))
    return text


def _hours(text: str) -> str:
    if text and not _HOURS.fullmatch(text):
        raise ValueError(_("時間帯を 17:15-08:30 のように書いてください(終わりは 24:00 まで)"))
    return text


def _url(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain or not text.isprintable():
        raise ValueError(_("画面の URL を https://secops.example.lg.jp のように書いてください"))
    return text.rstrip("/")


Line = Annotated[str, AfterValidator(_line)]


class ChannelSettings(_Strict):
    """``[[notify.channels]]``: a way out, mail or a command.

    ``port`` 0 is the usual one for ``security``. ``password_file`` and ``ca_file`` are relative to the site folder.
    ``argv`` is started as it is, never by a shell. ``timeout_s``: how long a try may take, in seconds.
    """

    id: Name
    kind: Literal["mail", "command"]
    host: str = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, AfterValidator(_sender)] = ""
    user: Annotated[str, AfterValidator(_ascii)] = ""
    password_file: str = ""
    ca_file: str = ""
    argv: list[Line] = []
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0

    @model_validator(mode="after")
    def _whole(self) -> ChannelSettings:
        if self.kind == "command":
            if not self.argv:
                raise ValueError(_('command には argv(例: ["/usr/local/bin/page"])が必要です'))
            return self
        if not (self.host and self.sender):
            raise ValueError(_("mail には host(メールサーバ)と sender(差出人)が必要です"))
        if self.user and not self.password_file:
            raise ValueError(_("user を書くときは password_file(パスワードだけを書いたファイル)が必要です"))
        if self.user and self.security == "none":
            raise ValueError(_("暗号化しない接続(none)ではパスワードを送りません。starttls か tls にしてください"))
        return self

    @property
    def at_port(self) -> int:
        """The port to connect to."""
        return self.port or PORTS[self.security]


class PersonSettings(_Strict):
    """``[[notify.people]]``: someone who is paged; ``contacts`` are addresses by channel, all of which are used."""

    id: Name
    name: Line
    contacts: Annotated[dict[str, Line], Field(min_length=1)]


class ShiftSettings(_Strict):
    """``[[notify.shifts]]``: the order of people on some days and hours (Japan time); the first that fits counts.

    ``days``: ``mon`` … ``sun``, ``holiday`` (国民の祝日), ``workday`` and ``offday`` (the office is open or closed);
    empty is every day. Hours that run over midnight belong to the day on which they begin.
    """

    days: list[Day] = []
    hours: Annotated[str, AfterValidator(_hours)] = ""
    people: Annotated[list[str], Field(min_length=1)]


class NotifySettings(_Strict):
    """``[notify]``: alerts from ``level`` up are paged, and the program's own troubles beyond these limits."""

    level: Level = "high"
    escalation_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    gather_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    url: Annotated[str, AfterValidator(_url)] = ""
    rota: list[str] = []
    stalled_after: Duration = "15m"
    disk_free_percent: Annotated[int, Field(ge=1, le=50)] = 10
    certificate_days: Annotated[int, Field(ge=1, le=365)] = 30
    channels: list[ChannelSettings] = []
    people: list[PersonSettings] = []
    shifts: list[ShiftSettings] = []

    @property
    def enabled(self) -> bool:
        """Whether anybody can be paged."""
        return bool(self.channels and self.people)


def cross_checks(values: Mapping[str, Any], where: str) -> list[Problem]:
    """What only the whole of ``[notify]`` can tell, from the text's own values: ids that are doubled or unknown."""
    notify = values.get("notify")
    if not isinstance(notify, dict):
        return []
    channels, people = _rows(notify, "channels"), _rows(notify, "people")
    problems = [*_doubled(channels, f"{where}: notify.channels"), *_doubled(people, f"{where}: notify.people")]
    kinds = {str(one.get("id")): one.get("kind") for one in channels}
    for index, person in enumerate(people):
        problems += _contacts(person, kinds, f"{where}: notify.people[{index}].contacts")
    known = {str(one.get("id")) for one in people}
    problems += _unknown(notify.get("rota"), known, f"{where}: notify.rota")
    for index, shift in enumerate(_rows(notify, "shifts")):
        problems += _unknown(shift.get("people"), known, f"{where}: notify.shifts[{index}].people")
    if bool(channels) != bool(people):
        text = _("通知には channels(通知手段)と people(当番者)の両方が必要です。")
        problems.append(Problem(f"{where}: notify", text))
    return problems


def _rows(notify: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = notify.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _doubled(rows: list[dict[str, Any]], where: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        name = row.get("id")
        if isinstance(name, str) and (first := seen.setdefault(name, index)) != index:
            text = _("「{id}」は {n} 番目と重複しています").format(id=name, n=first + 1)
            yield Problem(f"{where}[{index}].id", text)


def _contacts(person: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> Iterator[Problem]:
    contacts = person.get("contacts")
    for channel, address in contacts.items() if isinstance(contacts, dict) else ():
        if channel not in kinds:
            known = ", ".join(kinds) or "—"
            text = _("「{id}」という通知手段はありません(使えるもの: {known})").format(id=channel, known=known)
            yield Problem(f"{where}.{channel}", text)
        elif kinds[channel] == "mail" and isinstance(address, str) and not is_mail_address(address):
            text = _("「{found}」はメールアドレスとして読めません(例: toban@example.lg.jp)").format(found=address)
            yield Problem(f"{where}.{channel}", text)


def _unknown(names: Any, known: set[str], where: str) -> Iterator[Problem]:
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str) and name not in known:
            text = _("「{id}」という当番者はいません(使えるもの: {known})")
            yield Problem(where, text.format(id=name, known=", ".join(sorted(known)) or "—"))
