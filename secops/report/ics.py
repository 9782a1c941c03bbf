"""Days as an iCalendar file (RFC 5545), for the calendars of people: values in, text out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_LINE = 75  # octets


@dataclass(frozen=True, slots=True)
class AllDay:
    """Something on a day; ``id`` stays the same when the day changes, so that calendars move it."""

    id: str
    day: date
    title: str
    text: str = ""


def calendar_file(name: str, domain: str, days: Iterable[AllDay], now: datetime) -> str:
    """All days as one calendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//secops//review calendar//JA", "CALSCALE:GREGORIAN"]
    lines.append(f"X-WR-CALNAME:{_escaped(name)}")
    for one in days:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_escaped(one.id)}@{_escaped(domain)}",
            f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{one.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{one.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escaped(one.title)}",
            *([f"DESCRIPTION:{_escaped(one.text)}"] if one.text else []),
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _escaped(text: str) -> str:
    for found, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\n"), ("\r", "\n")):
        text = text.replace(found, written)
    return "\\n".join("".join(char for char in line if char.isprintable()) for line in text.split("\n"))


def _folded(line: str) -> str:
    """A long line in parts that begin with a space, cut between characters."""
    parts, part, size = [], "", 0
    for char in line:
        width = len(char.encode("utf-8", "replace"))
        if size + width > _LINE:
            parts.append(part)
            part, size = " ", 1
        part, size = part + char, size + width
    return "\r\n".join([*parts, part])
