"""How long alerts take: medians and the worst of those that got there, and those that wait counted beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secops.siem.ports import Handled
from secops.siem.triage.times import as_plain, times

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def handled(number: int, zone: str, rule: str, acknowledged: int | None, closed: int | None) -> Handled:
    """Opened ten hours ago; the others are hours after that."""
    opened = NOW - 10 * HOUR
    answered, done = (None if hours is None else opened + hours * HOUR for hours in (acknowledged, closed))
    return Handled(number, zone, rule, rule.upper(), opened, answered, done)


FOUND = [
    handled(1, "lgwan", "r1", 1, 2),
    handled(2, "lgwan", "r1", 3, 8),
    handled(3, "mynumber", "r2", 2, None),
    handled(4, "mynumber", "", None, None),
]


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
    assert as_plain(times([], ["lgwan"], NOW)) == {"all": every, "zones": [], "rules": []}
