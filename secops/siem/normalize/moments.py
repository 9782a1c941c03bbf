"""Time stamps of log lines as microseconds since 1970 UTC: one memo per spelling, and columns of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from secops.schema.dates import JST
from secops.siem.normalize import values
from secops.siem.normalize.values import Memo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - arithmetic on wall clock times
_MICRO = timedelta(microseconds=1)
_LATEST = 253_402_300_799  # 9999-12-31 in seconds


def micros(moment: datetime) -> int:
    """A moment as microseconds since 1970 UTC; one without a zone is taken as UTC."""
    passed = moment - _EPOCH if moment.tzinfo else moment - _NAIVE_EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def moment_of(value: int) -> datetime:
    """The moment of microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=value)


def texts(column: Iterable[int | None]) -> list[str | None]:
    """Moments as rules see them: ISO 8601 in UTC with six decimals."""
    return [None if value is None else moment_of(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for value in column]


_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")


def parse(text: str) -> datetime | None:
    """A date and time in one of the usual ISO spellings (also ``2026/11/23 1:02:03``), with or without a zone."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        plain = _LONG_FRACTION.sub(r"\1", text.strip())
    match = _LOOSE.fullmatch(plain)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction = match.groups()
    part = int((fraction or "").ljust(6, "0")[:6])
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), part)  # noqa: DTZ001 - the caller knows the zone
    except ValueError:
        return None


_LOOSE = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?")


def _utc(value: Any) -> int | None:
    """Text that is UTC where it names no zone, or a number of seconds, milli-, micro- or nanoseconds since 1970."""
    if isinstance(value, str):
        if value.isdecimal() and value.isascii() and 9 <= len(value) <= 19:
            return _epoch(int(value))
        found = parse(value) if len(value) <= 64 else None
        if found is None:
            return _epoch(float(value)) if _NUMBER.fullmatch(value) else None
        try:
            return micros(found)
        except OverflowError:
            return None
    return _epoch(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")


def _epoch(number: float) -> int | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size (1971 to 9999)."""
    if not 30_000_000 <= number < 1e19:
        return None
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        if number / scale <= _LATEST / 50:  # up to the year 2130
            return number * 1_000_000 // scale if isinstance(number, int) else int(number * 1_000_000 / scale)
    return None


def zone_of(timezone: str | None) -> tzinfo:
    """The zone of an origin: Japan's where it names none, or one that this machine does not know."""
    try:
        return ZoneInfo(timezone) if timezone else JST
    except (ZoneInfoNotFoundError, ValueError, OSError):  # what was journaled must stay readable
        return JST


@lru_cache(maxsize=64)
def local_time(timezone: str | None) -> Memo:
    """Reads as `UTC_TIME` does, but text that names no zone is time in the origin's zone (see `zone_of`)."""
    zone = zone_of(timezone)

    def read(value: Any) -> int | None:
        if isinstance(value, str) and len(value) <= 64 and (found := parse(value)) is not None:
            try:
                return micros(found if found.tzinfo else found.replace(tzinfo=zone))
            except OverflowError:
                return None
        return _utc(value)

    return Memo(read)


def _wall(value: Any) -> int | None:
    """The wall clock reading, whatever the zone, to compare two of the same clock."""
    found = parse(value) if isinstance(value, str) and len(value) <= 64 else None
    return micros(found.replace(tzinfo=None)) if found else None


UTC_TIME = values.CONVERSIONS["date"] = Memo(_utc)
WALL_TIME = Memo(_wall)


_UTC_SECOND = Memo(_utc)


_THOUSANDTHS = {f".{number:03}{zone}": number * 1000 for number in range(1000) for zone in ("", "Z")}


def utc_column(items: Sequence[Any]) -> list[int | None]:
    """A column of UTC time stamps. Those with milliseconds are looked up by their second, since no two are alike."""
    second, thousandths, slow = _UTC_SECOND, _THOUSANDTHS, UTC_TIME
    with suppress(KeyError, TypeError):
        return [second[item[:19]] + thousandths[item[19:]] for item in items]
    try:
        return [
            second[item[:19]] + thousandths[item[19:]] if item[19:] in thousandths else slow[item] for item in items
        ]
    except TypeError:
        return slow.all(items)


def nearest_year(month: int, day: int, hour: int, received: datetime, zone: tzinfo) -> int | None:
    """RFC 3164 names no year: microseconds UTC of that local hour in the year nearest the receive time.

    The receive time itself wins on either side of New Year; a 29 February is
    only in leap years.
    """
    best: int | None = None
    now = micros(received)
    for year in (received.year - 1, received.year, received.year + 1):
        try:
            moment = datetime(year, month, day, hour, tzinfo=zone)
        except ValueError:
            continue
        value = micros(moment)
        if best is None or abs(value - now) < abs(best - now):
            best = value
    return best


def column(function: Callable[[Any], int | None] | Memo, items: Iterable[Any]) -> list[int | None]:
    """A column of time stamps."""
    memo = function if isinstance(function, Memo) else Memo(function)
    return memo.all(items)
