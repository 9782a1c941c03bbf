"""What is usual for a source: how many records came in the same hours of the same weekday in past weeks.

The middle is the median of these weeks, the spread the median distance from it (MAD, scaled to a standard deviation):
one week with a flood or with a holiday changes neither. A source is unusual where it is further away than three
spreads *and* than half of the middle *and* than a handful of records: quiet sources vary by nature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from secops.siem.ports import Span

WEEKS = 8
LEAST_WEEKS = 3  # of history before anything is said
_SCALE = 1.4826  # of the MAD, so that it is a standard deviation where values are normal
_SPREADS = 3
_SHARE = 0.5
_HANDFUL = 20
_HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)


class Conduct(StrEnum):
    """How a source behaved."""

    SILENT = "silent"
    FEWER = "fewer"
    MORE = "more"
    USUAL = "usual"
    UNKNOWN = "unknown"  # not enough history


CONDUCT_LABELS = {
    Conduct.SILENT: "途絶",
    Conduct.FEWER: "少ない",
    Conduct.MORE: "多い",
    Conduct.USUAL: "通常どおり",
    Conduct.UNKNOWN: "資料不足",
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Records of a source in a span beside those of the same hours in ``weeks`` past weeks.

    ``hour`` is the hour that was furthest from its own usual, with its ``hour_count`` and ``hour_usual``; None where
    no hour was unusual.
    """

    source: str
    conduct: Conduct
    count: int
    usual: float
    spread: float
    weeks: int
    hour: datetime | None = None
    hour_count: int = 0
    hour_usual: float = 0.0


def reach(span: Span) -> Span:
    """The hours to read for `behaviour`: those of the span and of the weeks before."""
    assert span.since is not None
    return Span(span.since - WEEKS * _WEEK - _HOUR, span.until)


def behaviour(source: str, found: Sequence[tuple[datetime, int]], span: Span) -> Behaviour:
    """Judge one source; ``found`` are its records by hour, of `reach`. The span is taken in whole hours."""
    assert span.since is not None
    assert span.until is not None
    by_hour = dict(found)
    hours = _hours(span.since, span.until)
    first = min(by_hour, default=None)
    weeks = sum(first is not None and hours[0] - n * _WEEK >= first for n in range(1, WEEKS + 1)) if hours else 0
    count = sum(by_hour.get(hour, 0) for hour in hours)
    if weeks < LEAST_WEEKS:
        return Behaviour(source, Conduct.UNKNOWN, count, 0.0, 0.0, weeks)
    past = [sum(by_hour.get(hour - n * _WEEK, 0) for hour in hours) for n in range(1, weeks + 1)]
    middle, spread = _usual(past)
    conduct = _judge(count, middle, spread)
    hour, hour_count, hour_usual = _worst_hour(by_hour, hours, weeks)
    if conduct is Conduct.USUAL and hour is not None:
        conduct = Conduct.MORE if hour_count > hour_usual else Conduct.FEWER
    return Behaviour(source, conduct, count, middle, spread, weeks, hour, hour_count, hour_usual)


def behaviours(
    found: Mapping[str, Sequence[tuple[datetime, int]]], sources: Sequence[str], span: Span
) -> list[Behaviour]:
    """Of each source, the unusual ones first."""
    order = list(Conduct)
    judged = [behaviour(source, found.get(source, ()), span) for source in sources]
    return sorted(judged, key=lambda one: (order.index(one.conduct), one.source))


def _hours(since: datetime, until: datetime) -> list[datetime]:
    """The whole hours within a span: the one that is going on is not over, and looks like too few records."""
    begin = since.replace(minute=0, second=0, microsecond=0)
    begin += _HOUR if begin < since else timedelta()
    return [begin + n * _HOUR for n in range(max(0, (until - begin) // _HOUR))]


def _usual(past: Sequence[int]) -> tuple[float, float]:
    middle = float(median(past))
    return middle, _SCALE * float(median(abs(value - middle) for value in past))


def _judge(count: int, middle: float, spread: float) -> Conduct:
    far = max(_SPREADS * spread, _SHARE * middle, _HANDFUL)
    if count == 0 and middle > 0 and middle > _SPREADS * spread:
        return Conduct.SILENT
    if abs(count - middle) <= far:
        return Conduct.USUAL
    return Conduct.MORE if count > middle else Conduct.FEWER


def _worst_hour(
    by_hour: Mapping[datetime, int], hours: Sequence[datetime], weeks: int
) -> tuple[datetime | None, int, float]:
    """The hour furthest from its usual, where it is unusual by twice the distance that a whole span is judged by."""
    worst: tuple[float, datetime | None, int, float] = (1.0, None, 0, 0.0)
    for hour in hours:
        middle, spread = _usual([by_hour.get(hour - n * _WEEK, 0) for n in range(1, weeks + 1)])
        count = by_hour.get(hour, 0)
        far = abs(count - middle) / (2 * max(_SPREADS * spread, _SHARE * middle, _HANDFUL))
        if far > worst[0]:
            worst = (far, hour, count, middle)
    return worst[1:]
