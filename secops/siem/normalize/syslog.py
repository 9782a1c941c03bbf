"""Syslog lines: header, then what well-known programs say (`syslog_content`).

RFC 3164, also without ``<PRI>`` as in /var/log; RFC 5424 with structured data; the ISO time stamps of rsyslog files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from secops.locale import _
from secops.siem.normalize import moments, syslog_content
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import EMPTY_RECORD, Input, Want, decode
from secops.siem.normalize.mapped import Groups, Table, emit

MODULE = "system"
_MONTHS = {
    name: i + 1
    for i, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])
}

_TAG = r"(?:(?P<tag>[^\s\[\]:<>]{1,128})(?:\[(?P<pid>[^\]]{0,64})\])?:\s?)?(?P<message>.*)"
_OLD = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?\s?(?P<time>[A-Z][a-z]{2} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,6})?|"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) (?P<host>[^\s:\[\]]+) " + _TAG,
    re.DOTALL,
)
_NEW = re.compile(
    r"<(?P<pri>\d{1,3})>(?P<version>[1-9]\d?) (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
    r"(?P<data>-|(?:\[(?:[^\]\\\"]|\"(?:[^\"\\]|\\.)*\")*\])+)(?: (?P<message>.*))?",
    re.DOTALL,
)
_BARE = re.compile(r"<(?P<pri>\d{1,3})>\s?" + _TAG, re.DOTALL)
_MONTH_TIME = re.compile(r"[A-Z][a-z]{2} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})((?:[^\]\\\"]|\"(?:[^\"\\]|\\.)*\")*)\]")
_PARAMETER = re.compile(r'([^\s=\]"]{1,64})="((?:[^"\\]|\\.)*)"')

# pri, version, time, host, app, pid, msgid, structured data, message
_NAMES = ("pri", "version", "_time", "host", "app", "pid", "msgid", "structured_data", "message")
TABLE = Table(
    "syslog.",
    {
        "pri": "long:log.syslog.priority",
        "version": "log.syslog.version",
        "host": "clean:host.name host:host.hostname clean:log.syslog.hostname",
        "app": "clean:process.name clean:log.syslog.appname",
        "pid": "long:process.pid clean:log.syslog.procid",
        "msgid": "clean:log.syslog.msgid",
        "message": "message",
        **syslog_content.FIELDS,
    },
)
_DROP = frozenset({"pri", "version", "host", "app", "pid", "msgid", "message"})


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a line."""
    groups = Groups()
    wrong: dict[int, str] = {}
    texts: list[str] = []
    for index, record in enumerate(records):
        line = decode(record, given.origin.encoding).strip("\0\r\n")
        row = header(line)
        if row is None:
            wrong[index] = (
                _("syslog の形(優先度または日時とホスト名)ではありません。") if line.strip() else _(EMPTY_RECORD)
            )
            texts.append(line)
            continue
        kind, found = syslog_content.recognise(row[4], row[8])
        groups.add(kind, index, (*row, *found))
    wide = Wide()
    for kind, (indexes, rows) in groups.of.items():
        _emit(kind, indexes, rows, given, want, wide)
    if wrong:
        wide.group(*failed(list(wrong), texts, list(wrong.values()), MODULE))
    return wide.frame()


def header(line: str) -> tuple[str | None, ...] | None:
    """The nine parts of a line in the order of the RFC 5424 header, or None where it is no syslog line."""
    if match := _OLD.match(line):
        pri, time, host, tag, pid, message = match.groups()
        return (pri, None, time, host, _program(tag), pid, None, None, message) if _priority(pri) else None
    if match := _NEW.fullmatch(line):
        pri, version, time, host, app, pid, msgid, data, message = match.groups()
        text = (message or "").removeprefix("\ufeff")
        return (pri, version, time, host, app, pid, msgid, data, text) if _priority(pri) else None
    if match := _BARE.fullmatch(line):
        pri, tag, pid, message = match.groups()
        return (pri, None, None, None, _program(tag), pid, None, None, message) if _priority(pri) else None
    return None


def _priority(pri: str | None) -> bool:
    return pri is None or int(pri) <= 191


def _program(tag: str | None) -> str | None:
    """``/usr/sbin/cron`` and ``CRON`` are written by the same program; the path is no part of its name."""
    return tag.rpartition("/")[2] or tag if tag else None


def _emit(
    kind: syslog_content.Kind | None,
    indexes: list[int],
    rows: list[Sequence[Any]],
    given: Input,
    want: Want,
    wide: Wide,
) -> None:
    cells = list(zip(*rows, strict=True))
    stamp = _Stamp(given)
    derived: dict[str, Sequence[Any]] = {
        "@timestamp": list(map(stamp, cells[2])),
        "log.syslog.facility.code": [None if pri is None else int(pri) >> 3 for pri in cells[0]],
        "log.syslog.severity.code": [None if pri is None else int(pri) & 7 for pri in cells[0]],
        "event.dataset": [
            "system.auth" if kind or app in syslog_content.AUTH_PROGRAMS else "system.syslog" for app in cells[4]
        ],
    }
    constants: dict[str, Any] = {"event.kind": "event", "event.module": MODULE}
    names: tuple[str, ...] = _NAMES
    if kind is not None:
        names = (*_NAMES, *kind.names)
        constants |= {
            "event.action": kind.action,
            "event.outcome": kind.outcome,
            "event.category": kind.category.split(),
            "event.type": kind.type.split(),
        }
    names, rows = _with_structured(names, rows, cells[7])
    emit(wide, indexes, names, rows, TABLE, want, constants, derived)


def _with_structured(
    names: tuple[str, ...], rows: list[Sequence[Any]], data: Sequence[str | None]
) -> tuple[tuple[str, ...], list[Sequence[Any]]]:
    """Structured data as an object ``{id: {name: value}}`` in place of its text."""
    if not any(one and one != "-" for one in data):
        return names, rows
    place = _NAMES.index("structured_data")
    return names, [(*row[:place], structured(row[place]), *row[place + 1 :]) for row in rows]


def structured(data: str | None) -> dict[str, dict[str, str]] | None:
    r"""RFC 5424 section 6.3: ``[id name="value" …]…``; in values ``\"``, ``\\`` and ``\\]`` are escaped."""
    if not data or data == "-":
        return None
    return {
        name: {key: re.sub(r'\\(["\\\]])', r"\1", value) for key, value in _PARAMETER.findall(parameters)}
        for name, parameters in _ELEMENT.findall(data)
    }


class _Stamp:
    """Reads time stamps of one batch.

    Those without a year take the year nearest the receive time, those without an offset the zone of the origin.
    """

    def __init__(self, given: Input) -> None:
        self._received = given.received
        self._zone = moments.zone_of(given.origin.timezone)
        self._local = moments.local_time(given.origin.timezone)
        self._hours: dict[str, int | None] = {}

    def __call__(self, time: str | None) -> int | None:
        if time is None:
            return None
        if time[0].isdigit():
            found: int | None = self._local[time]
            return found
        if not _MONTH_TIME.fullmatch(time):
            return None  # RFC 5424 allows "-"; some devices write anything there
        day, _space, clock = time.rpartition(" ")
        hour, minutes, seconds = clock.split(":")
        if hour > "23" or minutes > "59" or seconds[:2] > "60":
            return None
        key = f"{day} {hour}"  # by the hour: where summer time begins, a day has not one offset
        if key not in self._hours:
            self._hours[key] = self._hour(day, int(hour))
        began = self._hours[key]
        return None if began is None else began + int(minutes) * 60_000_000 + int(float(seconds) * 1_000_000)

    def _hour(self, day: str, hour: int) -> int | None:
        name, number, *year = day.split()
        month = _MONTHS.get(name)
        if month is None:
            return None
        if year:
            exact: int | None = self._local[f"{year[0]}-{month:02}-{int(number):02} {hour:02}:00:00"]
            return exact
        return moments.nearest_year(month, int(number), hour, self._received, self._zone)
