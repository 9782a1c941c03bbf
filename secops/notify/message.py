"""What a page says: ward, zone, level, time, numbers, count and an address. Nothing of an event, by its very fields.

A message crosses networks and telephones that are not ours. Whoever reads it opens the console to learn more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from secops.locale import _, language
from secops.schema.dates import JST, screen, wareki
from secops.schema.severity import Severity
from secops.siem.ports import Cause, Notice

SHOWN = 10  # alert numbers that are named; the count is exact

CONDITIONS: Mapping[str, str] = {
    "stalled": "ログの処理の遅れ",
    "disk_low": "ディスクの空き不足",
    "source_silent": "収集元の受信停止",
    "chain_broken": "原本ログの検証の異常",
    "part_failing": "処理の停止・再起動の繰り返し",
    "channel_failing": "通知の送信の失敗",
    "certificate_ending": "画面の証明書の期限切れ間近",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A page.

    ``kind`` is ``alert``, ``condition`` (began), ``over`` (a condition is), ``test`` or ``reminder`` (of the
    self-inspection ``round``: ``count`` items are open on ``sheets`` sheets, ``due`` as ISO 8601, ``late`` when that is
    over). ``numbers`` are those of alerts or conditions, the first `SHOWN` of ``count``. ``topics`` are kinds of
    conditions (`CONDITIONS`). ``step``: the how manieth person of the rota this is, 0 where that says nothing.
    """

    kind: str
    site: str
    at: datetime
    level: str = ""
    zones: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    count: int = 1
    topics: tuple[str, ...] = ()
    step: int = 0
    url: str = ""
    round: str = ""
    sheets: int = 0
    due: str = ""
    late: bool = False

    @property
    def severity(self) -> Severity | None:
        """The gravest level of what it tells of."""
        return Severity.parse(self.level) if self.level else None


def of_notices(notices: Sequence[Notice], *, site: str, zones: Mapping[str, str], url: str, step: int) -> Message:
    """One message about notices of one kind; a zone that the settings do not know has no name in it."""
    about_alerts = notices[0].alert_id is not None
    over = notices[0].cause is Cause.OVER
    numbers = list(dict.fromkeys(one.alert_id or one.condition_id or 0 for one in notices))
    return Message(
        kind="alert" if about_alerts else "over" if over else "condition",
        site=site,
        at=min(one.at for one in notices),
        level=max(one.severity for one in notices).code,
        zones=tuple(label for zone, label in zones.items() if any(one.zone == zone for one in notices)),
        numbers=tuple(numbers[:SHOWN]),
        count=len(numbers),
        topics=tuple(topic for topic in CONDITIONS if any(one.condition == topic for one in notices)),
        step=step,
        url=_address(url, numbers, about_alerts=about_alerts),
    )


def _address(url: str, numbers: Sequence[int], *, about_alerts: bool) -> str:
    if not url:
        return ""
    if not about_alerts:
        return f"{url}/notify"
    return f"{url}/alerts/{numbers[0]}" if len(numbers) == 1 else f"{url}/alerts"


def to_plain(message: Message) -> dict[str, Any]:
    """As the outbox keeps it: JSON."""
    return {**asdict(message), "at": message.at.isoformat()}


def from_plain(value: Mapping[str, Any]) -> Message:
    """From the outbox."""
    parts: dict[str, Any] = {key: tuple(part) if isinstance(part, list) else part for key, part in value.items()}
    return Message(**parts | {"at": datetime.fromisoformat(value["at"])})


def subject(message: Message) -> str:
    """One line."""
    level = message.severity
    mark = f"{level.mark} {_(level.label)} " if level is not None else ""
    texts = {
        "alert": _("アラート {n} 件"),
        "condition": _("稼働の異常 {n} 件"),
        "over": _("稼働の異常 {n} 件が復旧"),
        "test": _("通知の試験"),
        "reminder": _("【期限超過】情報セキュリティ自己点検のお願い")
        if message.late
        else _("情報セキュリティ自己点検のお願い"),
    }
    what = texts[message.kind].format(n=message.count)
    return f"[secops {_flat(message.site)}] {mark if message.kind != 'over' else ''}{what}"


def text(message: Message) -> str:
    """The whole of it, one fact a line."""
    lines = [_opening(message), "", *(f"{label}: {value}" for label, value in _facts(message))]
    if message.kind in {"alert", "condition"}:
        lines += ["", _("この通知には内容を載せていません。画面を開いて確認してください。")]
        lines += [_("担当するか「確認」を押すまで、決められた時間ごとに次の人へ通知します。")]
    return "\n".join(lines) + "\n"


def _opening(message: Message) -> str:
    texts = {
        "alert": _("{site} で対応が必要なアラートがあります。"),
        "condition": _("{site} の secops の稼働に異常があります。確認してください。"),
        "over": _("{site} の secops の次の異常は復旧しました。"),
        "test": _("{site} の secops からの試験です。対応は要りません。"),
        "reminder": _("{site} の情報セキュリティ自己点検が済んでいません。画面を開いて、入力と確認をしてください。"),
    }
    return texts[message.kind].format(site=_flat(message.site))


def _of_reminder(message: Message) -> list[tuple[str, str]]:
    due = wareki(date.fromisoformat(message.due)) if language() == "ja" and message.due else message.due
    facts = [
        (_("自己点検"), _flat(message.round)),
        (_("確認済でない点検票"), _("{n} 枚").format(n=message.sheets)),
        (_("未回答の項目"), _("{n} 項目").format(n=message.count)),
        (_("期限"), due + (_("(過ぎています)") if message.late else "")),
        (_("画面"), message.url),
    ]
    return [(label, value) for label, value in facts if value]


def _facts(message: Message) -> list[tuple[str, str]]:
    if message.kind == "reminder":
        return _of_reminder(message)
    level, numbers = message.severity, _("、").join(map(str, message.numbers))
    if message.count > len(message.numbers):
        numbers += " " + _("ほか {n} 件").format(n=message.count - len(message.numbers))
    facts = [
        (_("重大度"), f"{level.mark} {_(level.label)}" if level is not None and message.kind != "over" else ""),
        (_("異常の内容"), _("、").join(_(CONDITIONS[topic]) for topic in message.topics if topic in CONDITIONS)),
        (_("系統"), _("、").join(map(_flat, message.zones))),
        (_("時刻"), moment(message.at)),
        (_("件数"), str(message.count) if message.kind != "test" else ""),
        (_("番号"), numbers if message.kind != "test" else ""),
        (_("通知の順番"), _("{n} 人目").format(n=message.step) if message.step > 1 else ""),
        (_("画面"), message.url),
    ]
    return [(label, value) for label, value in facts if value]


def moment(at: datetime) -> str:
    """The time in Japan, and that it is."""
    if language() == "ja":
        return f"{screen(at)} (JST)"
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M:%S} (JST)"


def _flat(label: str) -> str:
    """A label of the settings as one line."""
    return " ".join("".join(char if char.isprintable() else " " for char in label).split())
