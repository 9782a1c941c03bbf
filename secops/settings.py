"""The settings of a site: ``secops.toml``, read once, with every mistake in it reported together."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from secops.errors import Problem, SettingsError
from secops.locale import _
from secops.settings_notify import NotifySettings
from secops.settings_notify import cross_checks as notify_checks
from secops.settings_values import (
    Clock,
    Duration,
    Encoding,
    Name,
    Network,
    Placeholder,
    RoleName,
    Timezone,
    ZoneName,
    check_address,
    check_duration,
    check_format,
    check_host,
    check_issuer,
    check_prefix,
    check_url,
    is_local,
    network_of,
    or_empty,
)

FILE_NAME = "secops.toml"
TIMEZONE = "Asia/Tokyo"  # unless the settings say otherwise
SYSLOG_KINDS = ("syslog-udp", "syslog-tcp")
MODELS = ("alpha", "alpha_prime", "beta", "beta_prime")


class _Strict(BaseModel):
    """Unknown keys are mistakes: a misspelt setting must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(_Strict):
    """``[site]``: whose it is. ``model`` is the ward's 三層の対策 model (α, α´, β, β´)."""

    id: Name
    name: str
    timezone: Timezone = TIMEZONE
    model: Literal["alpha", "alpha_prime", "beta", "beta_prime"] = "alpha"


class ZoneSettings(_Strict):
    """``[zones.<id>]``: a label for screens and the networks that make up the zone."""

    label: str
    networks: list[Network] = []


class SourceSettings(_Strict):
    """``[[sources]]``: one place logs come from.

    ``file`` follows ``path`` (a file or a glob), ``folder`` takes in what is dropped into ``path``, the syslog kinds
    listen on ``listen``. ``format`` is a normalizer's name or ``auto``. ``quiet_after`` is how long the source may be
    silent before that is a problem (empty: never). ``zone`` may be empty where the addresses tell it (a firewall).
    """

    id: Name
    kind: Literal["file", "folder", "syslog-udp", "syslog-tcp"]
    name: str = ""
    zone: str = ""
    path: str = ""
    listen: Annotated[str, or_empty(check_address)] = ""
    format: Annotated[str, AfterValidator(check_format)] = "auto"
    encoding: Encoding = "utf-8"
    timezone: Timezone | None = None
    quiet_after: Annotated[str, or_empty(check_duration)] = ""
    from_start: bool = True

    @model_validator(mode="after")
    def _place(self) -> SourceSettings:
        if self.kind in SYSLOG_KINDS:
            if not self.listen:
                raise ValueError(_("syslog の収集元には listen(例: 127.0.0.1:5514)が必要です"))
        elif not self.path:
            raise ValueError(_("file・folder の収集元には path が必要です"))
        return self


class RulesSettings(_Strict):
    """``[rules]``: folders with Sigma rules (relative to the site folder), and rules that are switched off by id.

    ``pipelines`` are files of pySigma processing pipelines, ``placeholders`` what ``%name%`` stands for in rules that
    say ``expand`` (they go before those of ``placeholders.yml`` in rule folders).
    """

    folders: list[str] = []
    builtin: bool = True
    disabled: dict[str, str] = {}
    pipelines: list[str] = []
    placeholders: dict[Placeholder, Annotated[list[str], Field(min_length=1)]] = {}


class RetentionSettings(_Strict):
    """``[retention]``: how long the journal (the evidence) and the lake (the searchable copy) are kept."""

    journal: Duration = "400d"
    lake: Duration = "400d"


class JournalSettings(_Strict):
    """``[journal]``: when an open segment is sealed, by raw size (MiB) or age."""

    segment_mib: Annotated[int, Field(ge=1, le=4096)] = 256
    segment_age: Duration = "1h"


class WorkSettings(_Strict):
    """``[work]``: hours that count as work (for ``labels.off_hours``) and the number of worker processes."""

    start: Clock = "07:00"
    end: Clock = "21:00"
    workers: Annotated[int, Field(ge=1, le=16)] = 1
    flush_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0


class CorrelationSettings(_Strict):
    """``[correlation]``: how late events of a source may come, and how much is kept in mind for correlations."""

    lateness: Duration = "10m"
    max_inputs: Annotated[int, Field(ge=1000, le=10_000_000)] = 200_000
    max_group: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000


class OidcSettings(_Strict):
    """``[web.oidc]``: logging in through the ward's own identity provider (OpenID Connect). Off without ``issuer``.

    ``name_claim`` becomes the user name (of an address the part before ``@``); ``roles`` maps values of ``role_claim``
    to roles, the first that fits counts. ``domains``: only people with a verified address there. ``unknown``: whether
    someone who was not added here is refused or becomes a viewer. ``trust_second_factor``: a provider that says ``mfa``
    in ``amr`` is believed, and no second factor of our own is asked for. ``ca_file``: the ward's own CA, as PEM.
    """

    issuer: Annotated[str, or_empty(check_issuer)] = ""
    client_id: str = ""
    client_secret_file: str = ""
    label: str = ""
    scopes: list[str] = ["openid", "profile", "email"]
    name_claim: str = "preferred_username"
    role_claim: str = ""
    roles: dict[str, RoleName] = {}
    domains: list[str] = []
    unknown: Literal["refuse", "viewer"] = "refuse"
    trust_second_factor: bool = False
    ca_file: str = ""

    @model_validator(mode="after")
    def _whole(self) -> OidcSettings:
        if self.issuer and not self.client_id:
            raise ValueError(_("issuer を書くときは client_id も必要です"))
        if "openid" not in self.scopes:
            raise ValueError(_("scopes には openid が必要です"))
        if bool(self.roles) != bool(self.role_claim):
            raise ValueError(_("role_claim と roles は両方書いてください"))
        return self


class WebSettings(_Strict):
    """``[web]``: where the console listens. Beyond 127.0.0.1 it needs a certificate and its key.

    A session ends when unused for ``session_minutes``, and ``session_hours`` after login. ``second_factor`` are the
    roles that must have one. ``day_ends`` is when the working day ends: the morning page tells what happened since.
    """

    host: Annotated[str, AfterValidator(check_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8765
    allowed_hosts: list[str] = []
    tls_certificate: str = ""
    tls_key: str = ""
    session_minutes: Annotated[int, Field(ge=5, le=1440)] = 480
    session_hours: Annotated[int, Field(ge=1, le=24)] = 12
    password_length: Annotated[int, Field(ge=8, le=64)] = 12
    second_factor: list[RoleName] = []
    oidc: OidcSettings = OidcSettings()
    day_ends: Clock = "17:15"

    @model_validator(mode="after")
    def _tls(self) -> WebSettings:
        local = self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        if not local and not (self.tls_certificate and self.tls_key):
            raise ValueError(_("127.0.0.1 以外で待ち受けるには tls_certificate と tls_key が必要です"))
        return self


class StoreSettings(_Strict):
    """``[store]``: where events are searched: the lake in the site folder, or Elasticsearch (8 or 9).

    ``prefix`` begins the names of its indices, and belongs to one site. Passwords and keys are in files (one line),
    relative to the site folder. ``timeout_seconds`` bounds one request, ``retry_seconds`` how long a write is tried
    before the worker goes on without the store.
    """

    kind: Literal["lake", "elasticsearch"] = "lake"
    urls: list[Annotated[str, AfterValidator(check_url)]] = []
    prefix: Annotated[str, AfterValidator(check_prefix)] = "secops"
    user: str = ""
    password_file: str = ""
    api_key_file: str = ""
    ca_file: str = ""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    retry_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0

    @model_validator(mode="after")
    def _complete(self) -> StoreSettings:
        if self.kind == "lake":
            return self
        if not self.urls:
            raise ValueError(_('Elasticsearch を使うには urls(例: ["https://es01:9200"])が必要です'))
        if bool(self.user) != bool(self.password_file):
            raise ValueError(_("user と password_file は両方書いてください"))
        if self.user and self.api_key_file:
            raise ValueError(_("user と api_key_file は、どちらか一方だけにしてください"))
        secret = self.user or self.api_key_file
        if secret and any(url.startswith("http:") and not is_local(url) for url in self.urls):
            raise ValueError(_("パスワードや API キーを平文で送らないよう、urls は https:// で始めてください"))
        return self


class RecordsSettings(_Strict):
    """``[records]``: the SQLAlchemy URL of alerts, users and notes; empty is ``records.db`` in the site folder."""

    url: str = ""


class Settings(_Strict):
    """Everything in ``secops.toml``."""

    site: SiteSettings
    zones: dict[ZoneName, ZoneSettings]
    sources: list[SourceSettings] = []
    rules: RulesSettings = RulesSettings()
    retention: RetentionSettings = RetentionSettings()
    journal: JournalSettings = JournalSettings()
    work: WorkSettings = WorkSettings()
    correlation: CorrelationSettings = CorrelationSettings()
    web: WebSettings = WebSettings()
    store: StoreSettings = StoreSettings()
    records: RecordsSettings = RecordsSettings()
    notify: NotifySettings = NotifySettings()

    def local_time(self, own: str | None) -> str | None:
        """What an origin says of local times: a source's own zone or else the site's; None stands for Japan's."""
        chosen = own or self.site.timezone
        return None if chosen == TIMEZONE else chosen

    def source(self, source_id: str) -> SourceSettings | None:
        """The source with this id, or None."""
        return next((source for source in self.sources if source.id == source_id), None)


def load(folder: Path) -> Settings:
    """Read ``secops.toml`` in a site folder.

    Raises:
        SettingsError: every wrong key, with what was found and what was expected.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = _("設定ファイルがありません。secops init で作るか、--site でフォルダを指定してください。")
        raise SettingsError([Problem(str(path), hint)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError([Problem(f"{path}:{line}", _("UTF-8 で保存し直してください。"))]) from None
    except OSError as error:
        text = _("読めません({error})。").format(error=error.strerror or error)
        raise SettingsError([Problem(str(path), text)]) from None
    return parse(text, str(path))


def absent_files(settings: Settings, folder: Path) -> list[Problem]:
    """Files and folders that the settings name and that are not there; sources may come later."""
    named = {
        "rules.folders": settings.rules.folders,
        "rules.pipelines": settings.rules.pipelines,
        "web.tls_certificate": [settings.web.tls_certificate],
        "web.tls_key": [settings.web.tls_key],
        "notify.channels": [path for one in settings.notify.channels for path in (one.password_file, one.ca_file)],
        "web.oidc.client_secret_file": [settings.web.oidc.client_secret_file],
        "web.oidc.ca_file": [settings.web.oidc.ca_file],
        "store.password_file": [settings.store.password_file],
        "store.api_key_file": [settings.store.api_key_file],
        "store.ca_file": [settings.store.ca_file],
    }
    return [
        Problem(f"{folder / FILE_NAME}: {key}", _("「{path}」がありません。パスを確認してください。").format(path=path))
        for key, paths in named.items()
        for path in paths
        if path and not (folder / path).exists()
    ]


def parse(text: str, where: str) -> Settings:
    """Read settings from TOML text; ``where`` names the file in messages."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        at = f"{where}:{place[1]}" if place else where
        raise SettingsError([Problem(at, _("TOML として読めません: {error}").format(error=error))]) from None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        wrong = [_problem(where, detail) for detail in error.errors()]
        raise SettingsError([*wrong, *_cross_checks(values, where)]) from None
    if problems := _cross_checks(values, where):
        raise SettingsError(problems)
    return settings


def _cross_checks(values: Mapping[str, Any], where: str) -> list[Problem]:
    """What only the whole can tell: unknown zones, doubled ids, doubled ports, networks in two zones.

    Looks at the text's own values, so that these mistakes are told beside those of single settings.
    """
    problems: list[Problem] = []
    zones = values.get("zones")
    zones = zones if isinstance(zones, dict) else {}
    sources = values.get("sources")
    seen: dict[str, int] = {}
    listening: dict[tuple[str, str], str] = {}
    for index, source in enumerate(sources if isinstance(sources, list) else ()):
        said = {key: text for key, text in source.items() if isinstance(text, str)} if isinstance(source, dict) else {}
        key, name, zone, listen = f"{where}: sources[{index}]", said.get("id"), said.get("zone"), said.get("listen")
        if name and (first := seen.setdefault(name, index)) != index:
            text = _("「{id}」は {n} 番目(sources[{first}])と重複しています").format(id=name, n=first + 1, first=first)
            problems.append(Problem(f"{key}.id", text))
        if zone and zone not in zones:
            text = _("「{zone}」という系統はありません(使えるもの: {known})").format(zone=zone, known=", ".join(zones))
            problems.append(Problem(f"{key}.zone", text))
        if listen and (other := listening.setdefault((said.get("kind", ""), listen), name or key)) != (name or key):
            text = _("{listen} は「{other}」が使っています").format(listen=listen, other=other)
            problems.append(Problem(f"{key}.listen", text))
    return problems + _overlaps(zones, where) + notify_checks(values, where)


def _overlaps(zones: Mapping[str, Any], where: str) -> list[Problem]:
    networks = [
        (network, zone)
        for zone, one in zones.items()
        if isinstance(one, dict) and isinstance(one.get("networks"), list)
        for text in one["networks"]
        if isinstance(text, str) and (network := network_of(text))
    ]
    problems = []
    for index, (network, zone) in enumerate(networks):
        for other, other_zone in networks[:index]:
            if zone != other_zone and network == other:
                text = _("{network} は系統「{other}」にもあります").format(network=network, other=other_zone)
                problems.append(Problem(f"{where}: zones.{zone}.networks", text))
    return problems


# What pydantic found wrong, by the kind of its error; {…} are what it says of the limits.
_EXPECTED = {
    "string_type": '文字列を引用符 " で囲んで書いてください',
    "int_type": "整数で書いてください",
    "int_parsing": "整数で書いてください",
    "int_from_float": "整数で書いてください",
    "float_type": "数で書いてください",
    "float_parsing": "数で書いてください",
    "bool_type": "true か false で書いてください",
    "bool_parsing": "true か false で書いてください",
    "list_type": "一覧([ と ] の間)で書いてください",
    "dict_type": "「名前 = 値」の組で書いてください",
    "model_type": "「名前 = 値」の組で書いてください",
    "greater_than": "{gt} より大きい数にしてください",
    "greater_than_equal": "{ge} 以上にしてください",
    "less_than_equal": "{le} 以下にしてください",
    "literal_error": "使えるもの: {known}",
    "too_short": "{min_length} つ以上書いてください",
}


def _problem(where: str, detail: Any) -> Problem:
    """One pydantic error in the reader's words: key, what was found, what was expected."""
    path = [part for part in detail["loc"] if part != "[key]"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Problem(f"{where}: {key}", _("この設定項目はありません。つづりを確認するか、行を消してください。"))
    if kind == "missing":
        return Problem(f"{where}: {key}", _("必要な設定がありません。"))
    limits = dict(detail.get("ctx", {}))
    limits["known"] = ", ".join(re.findall(r"'([^']*)'", str(limits.get("expected", ""))))
    known = _EXPECTED.get(kind)
    message = _(known).format(**limits) if known else str(detail["msg"]).removeprefix("Value error, ")
    found = detail.get("input")
    if isinstance(found, dict):
        return Problem(f"{where}: {key}", message)
    text = _("{found!r} は使えません: {message}").format(found=found, message=message)
    return Problem(f"{where}: {key}", text)
