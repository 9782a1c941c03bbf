"""What single values of ``secops.toml`` must be, whichever section they stand in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from secops.locale import _
from secops.schema.dates import parse_duration
from secops.schema.names import FORMATS
from secops.schema.text import is_name


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(_("英小文字・数字・ハイフン(40 字以内)で書いてください"))
    return text


def _zone_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text):
        raise ValueError(_("英小文字で始め、英小文字・数字・下線(40 字以内)で書いてください"))
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=True))
    except ValueError:
        hint = network_of(text)
        example = _("({network} のことですか)").format(network=hint) if hint else _("(例: 10.20.0.0/16)")
        raise ValueError(_("ネットワーク(CIDR)で書いてください") + example) from None


def network_of(text: str) -> str:
    """The network that an address with a length lies in; empty where it is no address."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return ""


def check_duration(text: str) -> str:
    """A length of time such as ``15m``."""
    parse_duration(text)
    return text


def is_timezone(text: str) -> bool:
    """Whether it is the name of a time zone, such as ``Asia/Tokyo``."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # OSError: a folder of the time zone data
        return False
    return True


def _timezone(text: str) -> str:
    if not is_timezone(text):
        raise ValueError(_("タイムゾーン名で書いてください(例: Asia/Tokyo)"))
    return text


def check_address(text: str) -> str:
    """An address with a port."""
    host, colon, port = text.rpartition(":")
    if not (colon and is_address(host.strip("[]")) and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(_("「アドレス:ポート」で書いてください(例: 127.0.0.1:5514)"))
    return text


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_host(text: str) -> str:
    """An address to listen on."""
    if text != "localhost" and not is_address(text):
        raise ValueError(_("IP アドレスか localhost を書いてください"))
    return text


def check_issuer(text: str) -> str:
    """TLS, or this machine: whoever stands between could be anyone otherwise."""
    found = urlsplit(text)
    local = found.scheme == "http" and found.hostname in {"127.0.0.1", "localhost", "::1"}
    if not found.hostname or not (found.scheme == "https" or local) or found.query or found.fragment:
        raise ValueError(_("https:// で始まる発行者の URL を書いてください(例: https://login.example.lg.jp/realms/ku)"))
    return text.rstrip("/")


def check_url(text: str) -> str:
    """The address of a server, with its port."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port and parts.username is None
    except ValueError:
        known = False
    if not known:
        raise ValueError(
            _("「https://名前:ポート」で書いてください(例: https://es01:9200)。利用者名は user に書きます")
        )
    return text.rstrip("/")


def is_local(url: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def check_prefix(text: str) -> str:
    """The beginning of the names of indices."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", text):
        raise ValueError(_("英小文字で始め、英小文字・数字・下線(30 字以内)で書いてください"))
    return text


def _clock(text: str) -> str:
    if not re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(_("時刻を 07:00 のように書いてください"))
    return text


def check_format(text: str) -> str:
    """The format of a log."""
    if text not in {"auto", *FORMATS}:
        raise ValueError(_("使えるもの: {known}").format(known=", ".join(("auto", *FORMATS))))
    return text


def check_placeholder(text: str) -> str:
    """The name of a placeholder of rules."""
    if not re.fullmatch(r"[^%\s]+", text):
        raise ValueError(_("% と空白を含まない名前にしてください"))
    return text


def or_empty(check: Callable[[str], str]) -> AfterValidator:
    """The check, but for an empty text, which stands for nothing."""
    return AfterValidator(lambda text: check(text) if text else text)


Name = Annotated[str, AfterValidator(_name)]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
Network = Annotated[str, AfterValidator(_network)]
Duration = Annotated[str, AfterValidator(check_duration)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Placeholder = Annotated[str, AfterValidator(check_placeholder)]
Clock = Annotated[str, AfterValidator(_clock)]
RoleName = Literal["admin", "csirt", "audit_lead", "auditor", "security_manager", "policy_owner", "staff", "viewer"]
Encoding = Literal["utf-8", "cp932", "euc_jp", "utf-16", "utf-16-le", "utf-16-be"]
