r"""FortiGate logs (FortiOS 6 and 7, ``key=value``), bare or behind a syslog header.

A line's keys are the same for all lines of its kind, so each kind gets a regular expression of its own, learnt from the
first line seen, which then takes a whole line apart in one step. Values are bare or in double quotes, where ``\"``
and ``\\`` stand for themselves. Source: FortiOS Log Message Reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import polars as pl

from secops.locale import _
from secops.siem.normalize import moments, values
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import EMPTY_RECORD, Input, Want, decode
from secops.siem.normalize.mapped import Groups, Table, emit

MODULE = "fortinet"
_PAIR = re.compile(r'([A-Za-z_][\w.\-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?=\s|$)')
_START = re.compile(r"(?:^|[\s>])(?=(?:date|logver|eventtime|devname|devid|itime|timestamp|type)=)")
_REMEMBERED = 48  # kinds of line whose expression is kept at hand
_LEARNT = 256  # kinds in one batch; hostile lines must not make us compile one expression each
_UNQUOTE = re.compile(r"\\(.)")

_Kind = tuple[re.Pattern[str], tuple[str, ...]]

TABLE = Table(
    "fortinet.firewall.",
    {
        "devname": "clean:observer.name",
        "devid": "clean:observer.serial_number",
        "level": "clean:log.level",
        "srcip": "ip:source.ip",
        "srcport": "port:source.port",
        "srcintf": "clean:observer.ingress.interface.name",
        "srcmac": "clean:source.mac",
        "srcname": "clean:source.domain",
        "dstip": "ip:destination.ip",
        "dstport": "port:destination.port",
        "dstintf": "clean:observer.egress.interface.name",
        "dstmac": "clean:destination.mac",
        "dstname": "clean:destination.domain",
        "transip": "ip:source.nat.ip",
        "transport": "port:source.nat.port",
        "tranip": "ip:destination.nat.ip",
        "tranport": "port:destination.nat.port",
        "proto": "transport:network.transport clean:network.iana_number",
        "service": "lower:network.protocol",
        "app": "clean:network.application",
        "policyid": "clean:rule.id",
        "policyname": "clean:rule.name",
        "action": "clean:event.action",
        "sentbyte": "long:source.bytes",
        "rcvdbyte": "long:destination.bytes",
        "sentpkt": "long:source.packets",
        "rcvdpkt": "long:destination.packets",
        "user": "clean:user.name",
        "unauthuser": "clean:source.user.name",
        "group": "clean:user.group.name",
        "logid": "clean:event.code",
        "msg": "clean:message",
        "hostname": "clean:url.domain",
        "url": "clean:url.original",
        "catdesc": "clean:rule.category",
        "attack": "clean:vulnerability.id",
        "virus": "clean:threat.indicator.type",
        "filename": "clean:file.name",
        "remip": "ip:source.ip",
        "ui": "clean:event.reason",
        "agent": "clean:user_agent.original",
    },
)
_DENIED = frozenset(
    {"deny", "denied", "block", "blocked", "dropped", "reset", "close-deny", "quarantine", "failed", "failure"}
)
_DATASETS = {"traffic": "fortinet.traffic", "utm": "fortinet.utm", "event": "fortinet.event"}


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a line."""
    groups = Groups()
    wrong: dict[int, str] = {}
    texts: list[str] = []
    recent: list[_Kind] = []
    for index, record in enumerate(records):
        line = decode(record, given.origin.encoding).strip("\0 \t\r\n")
        start = _START.search(line)
        if start is None:
            wrong[index] = _("FortiGate のログの形(date=… key=value)ではありません。") if line else _(EMPTY_RECORD)
            texts.append(line)
            continue
        header, body = line[: start.end()], line[start.end() :]
        match = None
        for pattern, names in recent:
            if match := pattern.fullmatch(body):
                groups.add((names, False), index, (header.strip(), *match.groups()))
                break
        if match is None:
            _learn(body, header, index, groups, recent, wrong, texts, line)
    wide = Wide()
    for (names, odd), (indexes, rows) in groups.of.items():
        _emit(names, odd, indexes, rows, given, want, wide)
    if wrong:
        wide.group(*failed(list(wrong), texts, list(wrong.values()), MODULE))
    return wide.frame()


def _learn(
    body: str,
    header: str,
    index: int,
    groups: Groups,
    recent: list[_Kind],
    wrong: dict[int, str],
    texts: list[str],
    line: str,
) -> None:
    """Take an unknown kind of line apart pair by pair and remember how its kind looks."""
    pairs = _PAIR.findall(body)
    names = tuple(name for name, _value in pairs)
    if not pairs or len(set(names)) != len(names) or len(names) > 99:
        pairs = list(dict(pairs).items())  # a doubled key: the last one counts, as in FortiAnalyzer
        names = tuple(name for name, _value in pairs)
        if not pairs:
            wrong[index] = _("key=value の組が見つかりませんでした。")
            texts.append(line)
            return
    elif len(groups.of) < _LEARNT:
        pattern = _pattern(names, tuple(value.startswith('"') for _name, value in pairs))
        if match := pattern.fullmatch(body):
            groups.add((names, False), index, (header.strip(), *match.groups()))
            recent.insert(0, (pattern, names))
            del recent[_REMEMBERED:]
            return
    rest = _PAIR.sub("", body).strip()
    groups.add((names, True), index, (header.strip(), *(_plain(value) for _name, value in pairs), rest))


@lru_cache(maxsize=512)
def _pattern(names: tuple[str, ...], quoted: tuple[bool, ...]) -> re.Pattern[str]:
    parts = (
        rf'{re.escape(n)}="([^"\\]*+)"' if q else rf'{re.escape(n)}=([^\s"]*+)'
        for n, q in zip(names, quoted, strict=True)
    )
    return re.compile(r"\s++".join(parts))


def _plain(value: str) -> str:
    return _UNQUOTE.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _emit(
    known: tuple[str, ...],
    odd: bool,
    indexes: list[int],
    rows: list[Sequence[Any]],
    given: Input,
    want: Want,
    wide: Wide,
) -> None:
    names = ("syslog_header", *known, "unparsed") if odd else ("syslog_header", *known)
    cells = dict(zip(names, zip(*rows, strict=True), strict=True))
    derived: dict[str, Sequence[Any]] = {"@timestamp": _times(cells, len(rows), given.origin.timezone)}
    if "duration" in cells:
        seconds = values.CONVERSIONS["long"].all(cells["duration"])
        derived["event.duration"] = [None if one is None else one * 1_000_000_000 for one in seconds]
    if "type" in cells:
        derived["event.dataset"] = [_DATASETS.get(kind, "fortinet.event") for kind in cells["type"]]
    if "action" in cells or "status" in cells:
        said = cells.get("status") or cells["action"]
        derived["event.outcome"] = ["failure" if one.lower() in _DENIED else "success" for one in said]
    constants = {
        "event.kind": "event",
        "event.module": MODULE,
        "event.category": ["network"],
        "observer.vendor": "Fortinet",
        "observer.product": "FortiGate",
        "observer.type": "firewall",
    }
    if "type" not in cells:
        constants["event.dataset"] = "fortinet.event"
    emit(wide, indexes, names, rows, TABLE, want, constants, derived)


def _times(cells: Mapping[str, Sequence[str]], count: int, timezone: str | None) -> list[int | None]:
    """``eventtime`` (seconds or nanoseconds since 1970), or ``date`` and ``time`` in zone ``tz``, else the origin's."""
    found: list[int | None] = [None] * count
    if "eventtime" in cells:
        found = moments.UTC_TIME.all(cells["eventtime"])
    if None in found and "date" in cells and "time" in cells:
        zones = cells.get("tz") or [""] * count
        local = [f"{d} {t}{z.strip()}" for d, t, z in zip(cells["date"], cells["time"], zones, strict=True)]
        found = [a if a is not None else b for a, b in zip(found, moments.local_time(timezone).all(local), strict=True)]
    return found
