"""What is usual for a source: named cases, and any history against an evaluator that reckons it the long way."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.siem.ports import Span
from secops.siem.triage.usual import WEEKS, Behaviour, Conduct, behaviour, behaviours, reach

EVENING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
NIGHT = Span(EVENING, EVENING + 4 * HOUR)


def history(per_hour: int, weeks: int, span: Span = NIGHT) -> dict[datetime, int]:
    """The same number in each hour of the span, in so many weeks before it."""
    assert span.since
    return {span.since + h * HOUR - n * WEEK: per_hour for n in range(1, weeks + 1) for h in range(4)}


def judged(found: dict[datetime, int], now: list[int], span: Span = NIGHT) -> Behaviour:
    assert span.since
    here = {span.since + n * HOUR: count for n, count in enumerate(now) if count}
    return behaviour("fw", sorted({**found, **here}.items()), span)


@pytest.mark.parametrize(
    ("per_hour", "weeks", "now", "conduct"),
    [
        (100, 8, [100, 100, 100, 100], Conduct.USUAL),
        (100, 8, [90, 110, 95, 100], Conduct.USUAL),
        (100, 8, [0, 0, 0, 0], Conduct.SILENT),
        (100, 8, [40, 30, 40, 30], Conduct.FEWER),
        (100, 8, [400, 300, 100, 300], Conduct.MORE),
        (100, 8, [400, 0, 0, 0], Conduct.MORE),  # 400 in all as ever, but not one hour of it
        (1, 8, [5, 5, 5, 5], Conduct.USUAL),  # a handful is not worth a word
        (0, 8, [0, 0, 0, 0], Conduct.UNKNOWN),  # nothing ever came: no history
        (100, 2, [0, 0, 0, 0], Conduct.UNKNOWN),
        (100, 3, [0, 0, 0, 0], Conduct.SILENT),
    ],
)
def test_how_a_source_behaved(per_hour: int, weeks: int, now: list[int], conduct: Conduct):
    found = {at: count for at, count in history(per_hour, weeks).items() if count}
    assert judged(found, now).conduct is conduct


def test_one_holiday_and_one_flood_among_the_weeks_change_nothing():
    found = history(100, 8)
    found |= {EVENING + h * HOUR - 2 * WEEK: 0 for h in range(4)}
    found |= {EVENING + h * HOUR - 5 * WEEK: 100_000 for h in range(4)}
    one = judged(found, [100, 100, 100, 100])
    assert (one.conduct, one.usual, one.spread, one.weeks) == (Conduct.USUAL, 400.0, 0.0, 8)


def test_the_hour_that_is_going_on_is_not_over():
    span = Span(EVENING + timedelta(minutes=20), EVENING + timedelta(hours=3, minutes=59))
    found = history(100, 8)
    one = judged({**found, EVENING: 7, EVENING + 3 * HOUR: 3}, [7, 100, 100, 3])
    assert one.count == 210
    part = behaviour("fw", sorted({**found, EVENING + HOUR: 100, EVENING + 2 * HOUR: 100}.items()), span)
    assert (part.count, part.usual, part.conduct) == (200, 200.0, Conduct.USUAL)


def test_a_span_without_a_whole_hour_says_nothing():
    span = Span(EVENING + timedelta(minutes=1), EVENING + timedelta(minutes=59))
    one = behaviour("fw", sorted(history(100, 8).items()), span)
    assert (one.conduct, one.count) == (Conduct.UNKNOWN, 0)


def test_the_unusual_ones_come_first_and_a_source_without_records_is_there():
    found = {"b": sorted(history(100, 8).items()), "a": sorted({**history(5, 8), EVENING: 20}.items())}
    order = behaviours(found, ["a", "b", "new"], NIGHT)
    assert [(one.source, one.conduct) for one in order] == [
        ("b", Conduct.SILENT),
        ("a", Conduct.USUAL),
        ("new", Conduct.UNKNOWN),
    ]


def test_the_hours_that_are_read_reach_the_first_week():
    wanted = reach(NIGHT)
    assert wanted.since is not None
    assert wanted.since <= EVENING - WEEKS * WEEK
    assert wanted.until == NIGHT.until


# The long way: every hour and every week looked up, medians by sorting.


def middle_of(values: list[int] | list[float]) -> float:
    line = sorted(values)
    half = len(line) // 2
    return float(line[half]) if len(line) % 2 else (line[half - 1] + line[half]) / 2


def plainly(found: dict[datetime, int], span: Span) -> tuple[str, int, float, datetime | None]:
    """(conduct, count, usual, the worst hour), as the docstring of the module says it."""
    assert span.since
    assert span.until
    hours = []
    at = datetime(span.since.year, span.since.month, span.since.day, tzinfo=UTC)
    while at + HOUR <= span.until:
        if at >= span.since:
            hours.append(at)
        at += HOUR
    count = sum(found.get(hour, 0) for hour in hours)
    weeks = [n for n in range(1, 9) if hours and found and hours[0] - n * WEEK >= min(found)]
    if len(weeks) < 3:
        return "unknown", count, 0.0, None
    past = [sum(found.get(hour - n * WEEK, 0) for hour in hours) for n in weeks]
    usual, far = middle_of(past), bound(past)
    worst, worst_by = None, 1.0
    for hour in hours:
        before = [found.get(hour - n * WEEK, 0) for n in weeks]
        by = abs(found.get(hour, 0) - middle_of(before)) / (2 * bound(before))
        if by > worst_by:
            worst, worst_by = hour, by
    if count == 0 and usual > 3 * spread_of(past):  # none where some are sure to come
        return "silent", count, usual, worst
    if abs(count - usual) > far:
        return "more" if count > usual else "fewer", count, usual, worst
    if worst is not None:
        higher = found.get(worst, 0) > middle_of([found.get(worst - n * WEEK, 0) for n in weeks])
        return "more" if higher else "fewer", count, usual, worst
    return "usual", count, usual, None


def spread_of(values: list[int]) -> float:
    return 1.4826 * middle_of([abs(value - middle_of(values)) for value in values])


def bound(values: list[int]) -> float:
    return max(3 * spread_of(values), middle_of(values) / 2, 20)


counts = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 5000))
lines = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(-1, 6)), counts.filter(bool), max_size=70)


@given(lines, st.integers(0, 3599), st.integers(0, 6 * 3600))
def test_any_history_is_judged_as_the_long_way_round(found, begin, length):
    by_hour = {EVENING + hour * HOUR - week * WEEK: count for (week, hour), count in found.items()}
    span = Span(EVENING + timedelta(seconds=begin), EVENING + timedelta(seconds=begin + length))
    one = behaviour("fw", sorted(by_hour.items()), span)
    conduct, count, usual, hour = plainly(by_hour, span)
    assert (one.conduct.value, one.count, one.hour) == (conduct, count, hour)
    assert math.isclose(one.usual, usual)
