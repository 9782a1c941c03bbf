"""Small pure conversions of one value, remembered: log values repeat, so most answers are a dictionary look-up.

Every conversion takes whatever JSON can hold and answers None for what does not fit; none of them raises.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

_LIMIT = 1 << 17  # entries of one memo before it is dropped
_LONGEST = 512  # characters; longer texts hardly repeat and would make the memo large
_INT64 = 1 << 63
_DEEPEST = 200  # levels; orjson writes 254, and whoever keeps a field puts it into objects of its own


class Plain:
    """A function that is cheaper than remembering its answers, or whose values no dictionary can hold."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def all(self, values: Iterable[Any]) -> list[Any]:
        """The answers for a column of values."""
        return list(map(self._function, values))


class Stripped(Plain):
    """`clean` for a whole column of texts without a Python call per value."""

    def all(self, values: Iterable[Any]) -> list[Any]:
        """The answers for a column of values."""
        column = list(values)
        try:
            return [None if found in _NOTHING else found for found in map(str.strip, column)]
        except TypeError:
            return super().all(column)


class Digits(Plain):
    """`long` for a whole column that is mostly plain decimal numbers."""

    def all(self, values: Iterable[Any]) -> list[Any]:
        """The answers for a column of values."""
        column, slow = list(values), self._function
        try:
            return [int(one) if one.isdecimal() and len(one) < 19 else slow(one) for one in column]
        except AttributeError:
            return super().all(column)


_ALIKE = frozenset({bool, float})  # types whose values may equal an int, which stands for something else


class Memo(dict[Any, Any]):
    """A function with a bounded memory, read as ``memo[value]``; about 40 ns for a value seen before.

    To a dictionary, 1, 1.0 and true are one key: `all` keeps such columns out of it.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, value: Any) -> Any:
        answer = self._function(value)
        if not isinstance(value, str) or len(value) <= _LONGEST:
            if len(self) >= _LIMIT:
                self.clear()
            self[value] = answer
        return answer

    def all(self, values: Iterable[Any]) -> list[Any]:
        """The answers for a column of values; lists and objects, which no dictionary can hold, are computed anew."""
        column = values if isinstance(values, list | tuple) else list(values)
        if not _ALIKE.isdisjoint(map(type, column)):
            return [self._function(value) for value in column]
        try:
            return list(map(self.__getitem__, column))
        except TypeError:
            return [self._safe(value) for value in column]

    def _safe(self, value: Any) -> Any:
        try:
            return self[value]
        except TypeError:
            return self._function(value)


def text(value: Any) -> str | None:
    """A value as the text rules are compared with: 5 → ``5``, true → ``true``, an object or list → its JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return dump(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value)


def dump(value: Any) -> str:
    """A value as compact JSON."""
    return dump_bytes(value).decode()


def dump_bytes(value: Any) -> bytes:
    """A value as compact JSON in UTF-8; also integers beyond 64 bits, which orjson refuses."""
    try:
        return orjson.dumps(value)
    except TypeError:
        try:
            found = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
        except RecursionError:
            found = _dump_deep(value)
        return found.encode("utf-8", "replace")


def dump_fields(fields: Mapping[str, Any]) -> bytes:
    """Fields as compact JSON that any parser and writer takes: what is nested too deeply is a text, its JSON."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return dump_bytes({name: dump(value) if _is_deep(value) else value for name, value in fields.items()})


def _is_deep(value: Any) -> bool:
    """Whether objects and arrays are nested more than `_DEEPEST` times."""
    level = [value]
    for _depth in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [part for parts in inner for part in parts]
        if not level:
            return False
    return True


class _Written(str):
    """A piece of JSON as it stands."""

    __slots__ = ()


def _dump_deep(value: Any) -> str:
    """The same for what is nested so deeply (up to 1,024 levels, which the parser takes) that writers give up."""
    found: list[str] = []
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, _Written):
            found.append(one)
        elif isinstance(one, dict) and one:
            todo.append(_Written("}"))
            for key in reversed(one):
                todo += (one[key], _Written(json.dumps(str(key), ensure_ascii=False) + ":"), _Written(","))
            todo[-1] = _Written("{")
        elif isinstance(one, list) and one:
            todo.append(_Written("]"))
            for item in reversed(one):
                todo += (item, _Written(","))
            todo[-1] = _Written("[")
        else:
            found.append(json.dumps(one, ensure_ascii=False, default=str))
    return "".join(found)


def texts(value: Any) -> str | list[str] | None:
    """As `text`, but a list stays a list (of texts, without its nulls), for fields that may hold several values."""
    if isinstance(value, list):
        return [one for one in map(text, value) if one is not None]
    return text(value)


def clean(value: Any) -> str | None:
    """Text, where Windows and most devices write ``-`` or nothing for "not there"."""
    found = value if isinstance(value, str) else text(value)
    if found is None:
        return None
    found = found.strip()
    return None if found in _NOTHING else found


_NOTHING = frozenset({"", "-", "--", "N/A", "n/a"})


def long(value: Any) -> int | None:
    """A whole number: decimal, or hexadecimal as Windows writes process ids (``0x1a4``); within 64 bits."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        number = value
    elif isinstance(value, float):
        if not value.is_integer():
            return None
        number = int(value)
    else:
        found = clean(value)
        if not found or not _NUMBER.fullmatch(found):
            return None
        number = int(found, 16) if found[:2] in {"0x", "0X"} else int(found)
    return number if -_INT64 <= number < _INT64 else None


_NUMBER = re.compile(r"-?[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}")


def real(value: Any) -> float | None:
    """A number with a fraction, finite."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def port(value: Any) -> int | None:
    """A TCP or UDP port, 0–65535."""
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 6 else long(value)
    return number if number is not None and 0 <= number <= 65535 else None


def ip(value: Any) -> str | None:
    """A valid IPv4 or IPv6 address in its usual short form; an IPv4 address wrapped in IPv6 is unwrapped.

    A scope (``fe80::1%12``) names an interface of one machine only and is cut off.
    """
    found = clean(value)
    if not found or len(found) > 64:
        return None
    if _IPV4.fullmatch(found):
        return found
    try:
        address = ipaddress.ip_address(found.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)


def boolean(value: Any) -> bool | None:
    """``true``/``false``, ``yes``/``no``, 1/0."""
    return _BOOLEANS.get(str(value).lower()) if isinstance(value, str | int) else None


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def basename(value: Any) -> str | None:
    r"""The last part of a Windows or POSIX path: ``C:\Windows\cmd.exe`` → ``cmd.exe``."""
    found = clean(value)
    return (found.replace("\\", "/").rpartition("/")[2] or None) if found else None


def directory(value: Any) -> str | None:
    r"""Everything before the last part of a path: ``C:\Windows\cmd.exe`` → ``C:\Windows``."""
    found = clean(value)
    if not found:
        return None
    cut = max(found.rfind("\\"), found.rfind("/"))
    return found[:cut] or None if cut > 0 else None


def extension(value: Any) -> str | None:
    """The extension of a path in lower case, without its dot."""
    name = basename(value)
    stem, dot, last = (name or "").rpartition(".")
    return last.lower() if dot and stem and last.isalnum() and len(last) <= 10 else None


def short_host(value: Any) -> str | None:
    """The host part of a name: ``PC01.ward.local`` → ``PC01``; an address has none."""
    found = clean(value)
    if not found or ip(found):
        return None
    return found.partition(".")[0] or None


def account(value: Any) -> str | None:
    r"""The user of ``DOMAIN\user``, else the whole text."""
    found = clean(value)
    return (found.rpartition("\\")[2] or None) if found else None


def account_domain(value: Any) -> str | None:
    r"""The domain of ``DOMAIN\user``."""
    found = clean(value)
    return (found.rpartition("\\")[0] or None) if found else None


def _hash(kind: str) -> Callable[[Any], str | None]:
    pattern = re.compile(rf"(?:^|,){kind}=([0-9A-Fa-f]+)", re.IGNORECASE)

    def found(value: Any) -> str | None:
        match = pattern.search(value) if isinstance(value, str) else None
        return match[1].lower() if match else None

    return found


def hive(value: Any) -> str | None:
    r"""The first part of a registry path: ``HKLM\SOFTWARE\x`` → ``HKLM``."""
    found = clean(value)
    first = found.lstrip("\\").partition("\\")[0] if found else ""
    return first if first.upper().startswith(("HK", "REGISTRY")) else None


def registry_key(value: Any) -> str | None:
    r"""A registry path without its hive."""
    found = clean(value)
    return (found.lstrip("\\").partition("\\")[2] or None) if found else None


def level(value: Any) -> str | None:
    """A Windows or NXLog level as one of the words winlogbeat uses."""
    found = clean(value)
    return _LEVELS.get(found.lower(), found.lower()) if found else None


_LEVELS = {
    "0": "information", "1": "critical", "2": "error", "3": "warning", "4": "information", "5": "verbose",
    "info": "information", "debug": "verbose", "warn": "warning",
}  # fmt: skip


def outcome(value: Any) -> str | None:
    """Success or failure from the keywords of an audit event: bits 53 and 52, or their names."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, str):
        lowered = value.lower()
        if "audit" in lowered:
            return "failure" if "fail" in lowered else "success"
    number = value if isinstance(value, int) else long_unsigned(value)
    if number is None:
        return None
    return "failure" if number & (1 << 52) else "success" if number & (1 << 53) else None


def long_unsigned(value: Any) -> int | None:
    """A hexadecimal number of up to 64 bits."""
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        return None


_TRANSPORTS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "51": "ah", "58": "ipv6-icmp"}


def transport(value: Any) -> str | None:
    """A transport protocol in lower case from its IANA number or name."""
    found = clean(value)
    return _TRANSPORTS.get(found, found.lower()) if found else None


def direction(value: Any) -> str | None:
    """Windows filtering platform: %%14592 is inbound, %%14593 outbound; Sysmon: whether this host initiated."""
    return _DIRECTIONS.get(str(value).lower())


_DIRECTIONS = {"%%14592": "ingress", "%%14593": "egress", "true": "egress", "false": "ingress"}


def listed(value: Any) -> list[str] | None:
    """A list of texts; a single value is a list of one."""
    if type(value) is str:
        return [value]
    if type(value) is list and {str}.issuperset(map(type, value)):
        return value
    found = texts(value)
    return [found] if isinstance(found, str) else found


def ips(value: Any) -> list[str] | None:
    """The valid addresses in a list, or in a text separated by ``;`` or ``,`` (Sysmon's QueryResults)."""
    parts = value if isinstance(value, list) else re.split(r"[;,]", value) if isinstance(value, str) else []
    found = [address for address in map(ip, parts) if address]
    return found or None


def lower(value: Any) -> str | None:
    """Text in lower case."""
    found = clean(value)
    return found.lower() if found else None


CONVERSIONS: dict[str, Memo | Plain] = {
    "text": Plain(text),
    "clean": Stripped(clean),
    "lower": Memo(lower),
    "long": Digits(long),
    "port": Memo(port),
    "ip": Memo(ip),
    "ips": Memo(ips),
    "bool": Memo(boolean),
    "real": Memo(real),
    "name": Memo(basename),
    "dir": Memo(directory),
    "ext": Memo(extension),
    "host": Memo(short_host),
    "user": Memo(account),
    "domain": Memo(account_domain),
    "md5": Memo(_hash("MD5")),
    "sha1": Memo(_hash("SHA1")),
    "sha256": Memo(_hash("SHA256")),
    "imphash": Memo(_hash("IMPHASH")),
    "hive": Memo(hive),
    "regkey": Memo(registry_key),
    "level": Memo(level),
    "outcome": Memo(outcome),
    "transport": Memo(transport),
    "direction": Memo(direction),
    "list": Plain(listed),
}

# How a value of unknown origin is fitted into a column of a given ECS type.
BY_TYPE: dict[str, str] = {
    "keyword": "text", "wildcard": "text", "match_only_text": "text", "constant_keyword": "text", "flattened": "text",
    "keyword[]": "list", "wildcard[]": "list", "ip": "ip", "ip[]": "ips", "long": "long", "float": "real",
    "boolean": "bool", "date": "date",
}  # fmt: skip
