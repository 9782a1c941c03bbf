"""Looking back: what the statements count is what a plain walk over all alerts counts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from secops.schema.severity import Severity
from secops.siem.ports import Alert, AlertFilter, Scope, Span, State, Verdict
from secops.siem.triage.states import new_alert
from secops.store.records import Records, open_records
from secops.store.records.codec import row_of
from secops.store.records.siem_tables import alerts
from tests.databases import new_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
DAY = timedelta(days=1)
AGES = (DAY, 3 * DAY, 7 * DAY)
EVERY = Span(NOW - 40 * DAY, NOW)
SCOPES = [
    Scope(),
    Scope(frozenset({"lgwan"})),
    Scope(frozenset({"lgwan", "internet"}), frozenset({"区民課"})),
    Scope(frozenset()),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: Any, tmp_path: Any) -> Iterator[Records]:
    with ExitStack() as kept:
        postgresql = request.param == "postgresql"
        place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
        opened = open_records(place or new_records(tmp_path / "records.db"), [])
        yield opened
        opened.dispose()


def made(records: Records, seed: int) -> list[Alert]:
    """Sixty alerts of three rules and three zones; some are merged into another one."""
    dice = random.Random(seed)
    rows = []
    for number in range(1, 61):
        zone, rule = dice.choice(["lgwan", "internet", "mynumber"]), dice.choice(["r1", "r2", ""])
        at = NOW - dice.choice([DAY, 3 * DAY, 7 * DAY, dice.random() * 50 * DAY, timedelta(0)])
        department = dice.choice(["区民課", "税務課"])
        key = f"{rule}|{zone}|{number if dice.random() < 0.8 else 'same'}"
        alert = new_alert(
            number, key, ("題", "title"), Severity(dice.randrange(5)), at, zone=zone, department=department
        )
        row = row_of(alert, number) | {"rule_id": rule, "category": "" if rule else "loss"}
        if dice.random() < 0.6:
            row |= {"acknowledged_at": at + timedelta(seconds=dice.randrange(9)), "assignee": "sato"}
        if dice.random() < 0.6 or key.endswith("same"):
            closed = {"state": State.CLOSED.value, "verdict": dice.choice(list(Verdict)).value}
            row |= {**closed, "closed_at": at + timedelta(minutes=dice.randrange(99))}
        if number > 5 and dice.random() < 0.15:
            row |= {"merged_into": dice.randrange(1, 5)}
        rows.append(row)
    with records.database.write() as connection:
        for row in rows:
            connection.execute(insert(alerts).values(row))
    return list(records.alerts(AlertFilter(), Scope(), limit=100).alerts)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(3))
def test_what_waits_is_counted_by_age_as_one_would_by_hand(records, seed, scope):
    made(records, seed)
    seen = [one for one in records.alerts(AlertFilter(), scope, limit=100).alerts if one.state is not State.CLOSED]
    counts: Counter[tuple[str, Severity, int]] = Counter()
    oldest: dict[tuple[str, Severity, int], datetime] = {}
    for one in seen:
        key = one.zone, one.severity, sum(NOW - one.opened_at >= age for age in AGES)
        counts[key] += 1
        oldest[key] = min(one.opened_at, oldest.get(key, NOW))
    night = records.night(Span(NOW - DAY, NOW), scope, AGES)
    found = {(one.zone, one.severity, one.age): (one.count, one.oldest) for one in night.waiting}
    assert found == {key: (counts[key], oldest[key]) for key in counts}
    assert len(found) == len(night.waiting)
    assert bool(found) == (scope != Scope(frozenset()))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(3))
def test_lengths_are_those_of_what_was_handled(records, seed, scope):
    made(records, seed)
    handled = records.handled(EVERY, scope)
    microsecond = timedelta(microseconds=1)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    lengths = records.lengths(EVERY, scope)
    assert {tuple(row) for row in lengths.rows} == {
        (
            one.zone,
            one.rule_id,
            (one.opened - epoch) // microsecond,
            one.acknowledged and (one.acknowledged - one.opened) // microsecond,
            one.closed and (one.closed - one.opened) // microsecond,
            one.id,
        )
        for one in handled
    }
    assert len(lengths.rows) == len(handled)
    assert all(lengths.titles[one.rule_id] == one.title for one in handled)
    assert records.opened_by_rule(EVERY, scope) == Counter(one.rule_id for one in handled)
    assert bool(handled) == (scope != Scope(frozenset()))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(3))
def test_alike_are_those_of_the_rule_and_kind_that_one_may_see(records, seed, scope):
    everything = made(records, seed)
    since = NOW - 5 * DAY
    with records.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT id, rule_id, category, key, zone, department FROM alerts").all()
    known = {row[0]: row for row in rows}
    ended = dict(connection_states(records))
    seen = [
        one.id
        for one in (*everything, *(member for one in everything for member in records.bonds(one.id, Scope()).members))
        if (scope.zones is None or one.zone in scope.zones)
        and (scope.departments is None or one.department in scope.departments)
        and one.last_seen >= since
    ]
    for alert in records.alerts(AlertFilter(), scope, limit=100).alerts:
        mine = known[alert.id]
        others = [one for one in set(seen) if one != alert.id and known[one][1:3] == mine[1:3]]
        found = records.alike(alert.id, scope, since)
        assert found.total == len(others)
        assert dict(found.ended) == Counter(ended[one] for one in others)
        assert found.same == sum(known[one][3] == mine[3] for one in others)


def connection_states(records: Records) -> Iterator[tuple[int, str]]:
    """How each alert ended, or its state."""
    with records.database.read() as connection:
        for number, state, verdict in connection.exec_driver_sql("SELECT id, state, verdict FROM alerts"):
            yield number, verdict or state
