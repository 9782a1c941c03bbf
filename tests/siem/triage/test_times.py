"""How long alerts take: medians and the worst of those that got there, and those that wait counted beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secops.siem.ports import Lengths, Took
from secops.siem.triage.times import Line, as_plain, times

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def took(number: int, zone: str, rule: str, acknowledged: int | None, closed: int | None) -> Took:
    """Opened ten hours ago; the others are hours after that."""
    opened = int((NOW - 10 * HOUR).timestamp()) * 10**6
    lengths = [None if hours is None else hours * 3600 * 10**6 for hours in (acknowledged, closed)]
    return zone, rule, opened, lengths[0], lengths[1], number


FOUND = Lengths(
    [
        took(1, "lgwan", "r1", 1, 2),
        took(2, "lgwan", "r1", 3, 8),
        took(3, "mynumber", "r2", 2, None),
        took(4, "mynumber", "", None, None),
    ],
    {"r1": "R1", "r2": "R2", "": "a report has a title of its own"},
)


def test_who_waits_is_counted_beside_who_got_there():
    table = times(FOUND, ["mynumber", "lgwan", "internet"], NOW)
    every = table.all
    assert (every.total, every.acknowledged.count, every.acknowledged.waiting) == (4, 3, 1)
    assert (every.acknowledged.median, every.acknowledged.worst, every.acknowledged.worst_id) == (2 * HOUR, 3 * HOUR, 2)
    assert (every.closed.count, every.closed.median, every.closed.worst_id) == (2, 5 * HOUR, 2)
    assert (every.closed.waiting, every.closed.oldest, every.closed.oldest_id) == (2, 10 * HOUR, 4)


def test_zones_stand_in_the_order_asked_for_and_rules_by_how_slow_they_are():
    table = times(FOUND, ["mynumber", "lgwan", "internet"], NOW)
    assert [line.name for line in table.zones] == ["mynumber", "lgwan"]
    assert [line.name for line in table.rules][-1] == "r1"
    assert times(FOUND, [], NOW).zones[0].name == "lgwan"  # a zone nobody configured is not left out


def test_nothing_is_a_table_too():
    nothing = {
        "count": 0,
        "median_seconds": None,
        "worst_seconds": None,
        "worst_alert": None,
        "waiting": 0,
        "oldest_waiting_seconds": None,
        "oldest_waiting_alert": None,
    }
    every = {"name": "", "total": 0, "acknowledged": nothing, "closed": nothing}
    assert as_plain(times(Lengths([], {}), ["lgwan"], NOW)) == {"all": every, "zones": [], "rules": []}


def test_titles_are_those_of_rules_and_reports_have_none():
    assert {line.name: line.title for line in times(FOUND, [], NOW).rules} == {"r1": "R1", "r2": "R2", "": ""}


def test_a_line_is_that_of_its_own_alerts():
    table = times(FOUND, [], NOW)
    lines = {line.name: line for line in (*table.zones, *table.rules)}
    assert (lines["r1"].total, lines["r1"].closed.median, lines["r1"].closed.worst_id) == (2, 5 * HOUR, 2)
    assert (lines["r2"].closed.median, lines["r2"].closed.waiting, lines["r2"].closed.oldest_id) == (None, 1, 3)
    assert lines["lgwan"].acknowledged.median == 2 * HOUR
    assert lines["mynumber"].acknowledged.waiting == 1


def test_of_alerts_that_took_as_long_the_newest_is_named():
    found = Lengths([took(7, "a", "r1", 5, 5), took(9, "b", "r1", 5, 5), took(8, "a", "r2", 5, None)], {})
    every = times(found, [], NOW).all
    assert (every.acknowledged.worst_id, every.closed.worst_id, every.closed.oldest_id) == (9, 9, 8)


def test_what_is_closed_within_the_same_second_took_no_time():
    table = times(Lengths([took(1, "lgwan", "r1", 0, 0)], {}), ["lgwan"], NOW)
    assert (table.all.closed.median, table.all.closed.worst) == (timedelta(), timedelta())
    assert table.all.closed.waiting == 0


# The long way: one pass for each line and moment, medians by sorting.


def plainly(found: list[Took], place: int) -> tuple[Any, ...]:
    """``place`` is that of the length in a row: 3 until acknowledged, 4 until closed; ties go to the newer alert."""
    rows: list[tuple[Any, ...]] = list(found)
    there = sorted((one[place] / 10**6, one[5]) for one in rows if one[place] is not None)
    wait = sorted((NOW.timestamp() - one[2] / 10**6, one[5]) for one in rows if one[place] is None)
    lengths = [length for length, _number in there]
    half = len(lengths) // 2
    middle = None
    if lengths:
        middle = lengths[half] if len(lengths) % 2 else (lengths[half - 1] + lengths[half]) / 2
    nothing = (None, None)
    return (len(there), middle, *(there[-1] if there else nothing), len(wait), *(wait[-1] if wait else nothing))


def told(line: Line, moment: str) -> tuple[object, ...]:
    one = getattr(line, moment)
    seconds = [None if length is None else length.total_seconds() for length in (one.median, one.worst, one.oldest)]
    return (one.count, seconds[0], seconds[1], one.worst_id, one.waiting, seconds[2], one.oldest_id)


hours = st.one_of(st.none(), st.integers(0, 9))
alerts = st.lists(
    st.tuples(st.sampled_from(["lgwan", "mynumber", ""]), st.sampled_from(["r1", "r2", ""]), hours, hours)
)


@given(alerts, st.lists(st.sampled_from(["lgwan", "internet"]), unique=True))
def test_any_table_is_as_the_long_way_round(rows, zones):
    found = [took(number, *row) for number, row in enumerate(rows, 1)]
    table = times(Lengths(found, {}), zones, NOW)
    groups = [(table.all, found)]
    groups += [(line, [one for one in found if one[0] == line.name]) for line in table.zones]
    groups += [(line, [one for one in found if one[1] == line.name]) for line in table.rules]
    for line, some in groups:
        assert line.total == len(some)
        assert told(line, "acknowledged") == plainly(some, 3)
        assert told(line, "closed") == plainly(some, 4)
    for lines, names in ((table.zones, {one[0] for one in found}), (table.rules, {one[1] for one in found})):
        assert {line.name for line in lines} == names
        assert sum(line.total for line in lines) == len(found), "each alert is in one line"
    slow = [plainly([one for one in found if one[1] == line.name], 4) for line in table.rules]
    lengths = [one[5] if one[1] is None else one[1] for one in slow]
    assert all(before >= after for before, after in pairwise(lengths))
