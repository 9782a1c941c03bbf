"""What every sink must do for correlations: inputs with the hits, state with the alerts, each in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from secops.errors import ConflictError
from secops.schema.severity import Severity
from secops.siem.correlating import Correlating, correlate_replayed, watermark
from secops.siem.ports import (
    AlertDesk,
    AlertFilter,
    Correlation,
    CorrelationDesk,
    CorrelationInput,
    CorrelationLimits,
    Feed,
    Hit,
    HitSink,
    Rule,
    Scope,
    SourceClock,
)
from secops.store.records import open_records
from secops.store.records.records import Records as SqlRecords
from tests.databases import new_records
from tests.fakes.desk import MemoryDesk

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SPAN, LATENESS = timedelta(minutes=10), timedelta(minutes=5)
ALL = Scope()


def shown(rule_id: str, kind: str = "event", alerts: bool = True, group_by: tuple[str, ...] = ()) -> Rule:
    return Rule(rule_id, rule_id, rule_id, rule_id, "", "", Severity.HIGH, (), (), (), (), group_by, {}, "", "",
                kind=kind, alerts=alerts)  # fmt: skip


RULES = [
    shown("a", alerts=False),
    shown("many", "correlation", alerts=False, group_by=("ip",)),
    shown("b", alerts=False),
    shown("then", "correlation", group_by=("ip",)),
    shown("few", "correlation", group_by=("ip",)),
]
MANY = Correlation("many", "event_count", ("a",), ("ip",), SPAN, (("gte", "3"),), level=Severity.LOW)
THEN = Correlation("then", "temporal_ordered", ("many", "b"), ("ip",), SPAN, (("gte", "2"),), level=Severity.HIGH)
FEW = Correlation("few", "event_count", ("a",), ("ip",), SPAN, (("lt", "3"),), level=Severity.LOW)


class Records(HitSink, AlertDesk, CorrelationDesk, Protocol):
    pass


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def records(request: Any, tmp_path: Path) -> Iterator[Records]:
    if request.param == "memory":
        yield MemoryDesk({rule.id: rule for rule in RULES})
        return
    with ExitStack() as kept:
        postgresql = request.param == "postgresql"
        place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
        opened = open_records(place or new_records(tmp_path / "records.db"), RULES)
        yield opened
        opened.dispose()


def item(seq: int, rule: str = "a", at: float = 0, source: str = "win", ip: str = "10.0.0.1") -> CorrelationInput:
    moment = NOW + timedelta(seconds=at)
    event = {"source.ip": ip, "event.id": f"w.{source}.{seq}", "host.name": f"h{seq}"}
    return CorrelationInput(rule, f"w.{source}.{seq}", source, seq, moment, moment, "lgwan", {"ip": (ip,)}, event)


def put(records: HitSink, *inputs: CorrelationInput, hits: tuple[Hit, ...] = ()) -> None:
    clocks = {one.source: SourceClock(one.time, one.received) for one in sorted(inputs, key=lambda one: one.time)}
    records.put_hits(hits, {one.source: one.seq for one in inputs}, NOW, (), Feed(inputs, clocks))


def correlating(records: CorrelationDesk, *rules: Correlation, lateness: timedelta = LATENESS) -> Correlating:
    return Correlating(records, lambda: rules or (MANY, THEN), lambda: (), lateness, CorrelationLimits())


def attack(records: HitSink) -> None:
    put(records, *(item(n, at=n) for n in range(1, 4)))
    put(records, item(1, "b", 5, "fw"))


def queue(records: AlertDesk) -> list[tuple[str, str, int]]:
    page = records.alerts(AlertFilter(), ALL)
    return sorted((alert.rule_id, alert.entities.get("ip", ""), alert.count) for alert in page.alerts)


def test_inputs_come_back_as_they_were_and_once(records: Records):
    put(records, item(1), item(2))
    records.put_hits([], {"win": 3}, NOW, (), Feed([item(2), item(3)], {}))
    assert [replace(one, id=0) for one in records.correlation_inputs(0, 10)] == [item(1), item(2), item(3)]
    first = records.correlation_inputs(0, 1)[0]
    assert [one.seq for one in records.correlation_inputs(first.id, 10)] == [2, 3]
    assert records.correlation_waiting() == 3
    put(records, item(1, at=99))
    assert len(records.correlation_inputs(0, 10)) == 3, "behind the position of its source"


def test_clocks_only_go_forward(records: Records):
    put(records, item(1, at=60))
    put(records, item(2, at=30))
    assert records.correlation_clocks() == {"win": SourceClock(item(1, at=60).time, item(1, at=60).time)}


def test_an_alert_across_sources_with_its_events(records: Records):
    attack(records)
    correlating(records).step(NOW + timedelta(seconds=6))
    assert queue(records) == [("then", "10.0.0.1", 1)]
    [alert] = records.alerts(AlertFilter(), ALL).alerts
    entities = {"ip": "10.0.0.1", "source.ip": "10.0.0.1"}  # and no host: they are several
    assert (alert.severity, alert.zone, alert.entities) == (Severity.HIGH, "lgwan", entities)
    [hit] = records.detail(alert.id, ALL).hits
    assert (hit.source, hit.seq, hit.contributed) == ("fw", 1, 2)
    assert [(one.rule_id, one.event_id, one.time) for one in hit.contributing] == [
        ("many", "w.win.3", item(3, at=3).time),
        ("b", "w.fw.1", item(1, at=5).time),
    ]
    assert hit.contributing[0].event == item(3, at=3).event
    assert records.correlation_waiting() == 0


def test_a_step_is_committed_whole_or_not_at_all(records: Records):
    attack(records)
    before = records.correlation_state()
    road = correlating(records)
    road.step(NOW)
    after = records.correlation_state()
    step = replace_cursor(records, after.cursor)
    with pytest.raises(ConflictError):
        records.put_correlated(step, before, NOW)
    assert (records.correlation_state(), queue(records)) == (after, [("then", "10.0.0.1", 1)])


def replace_cursor(records: CorrelationDesk, cursor: int) -> Any:
    from secops.siem.ports import CorrelationStep

    return CorrelationStep((), (), (), [("a", "w.win.1")], replace(records.correlation_state(), cursor=cursor + 7))


class Dying:
    """A desk whose process dies at the commit: before it, or after it and before anybody hears."""

    def __init__(self, desk: CorrelationDesk, *, after: bool) -> None:
        self.desk, self.after = desk, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk, name)

    def put_correlated(self, *arguments: Any) -> Any:
        if self.after:
            self.desk.put_correlated(*arguments)
        raise OSError("killed")


@pytest.mark.parametrize("after", [False, True])
def test_a_keeper_that_is_killed_at_the_commit_alerts_once(records: Records, after: bool):
    rules = (MANY, THEN)
    for batch in ([item(1, at=1)], [item(2, at=2), item(3, at=3)], [item(1, "b", 5, "fw")]):
        put(records, *batch)
        dying: Any = Dying(records, after=after)
        killed = Correlating(dying, lambda: rules, lambda: (), LATENESS, CorrelationLimits())
        with pytest.raises(OSError, match="killed"):
            killed.step(NOW)
        correlating(records).step(NOW)
    assert queue(records) == [("then", "10.0.0.1", 1)]
    assert records.correlation_state().counts.late == {}


def test_the_same_keeper_goes_on_after_an_error(records: Records):
    road = correlating(records)
    put(records, item(1, at=1))
    road.step(NOW)
    put(records, item(2, at=2), item(3, at=3), item(4, "b", 5))
    desk, dying = road._desk, Dying(records, after=True)
    road._desk = cast("CorrelationDesk", dying)
    with pytest.raises(OSError, match="killed"):
        road.step(NOW)
    road._desk = desk
    road.step(NOW)
    assert queue(records) == [("then", "10.0.0.1", 1)]


def test_what_waits_is_told_once_when_the_watermark_passes(records: Records):
    records_rules = [FEW]
    put(records, item(1, at=1), item(2, at=2))
    for minute in (0, 4, 6, 8):
        Correlating(records, lambda: records_rules, lambda: (), LATENESS, CorrelationLimits()).step(
            NOW + timedelta(minutes=minute)
        )
        assert queue(records) == ([] if minute < 5 else [("few", "10.0.0.1", 2)]), minute


def test_a_late_event_changes_what_contributes_and_not_the_alert(records: Records):
    road = correlating(records, replace(THEN, refs=("a", "b"), rule_id="then"))
    put(records, item(1, at=1), item(2, "b", 5))
    road.step(NOW)
    put(records, item(3, at=2))
    road.step(NOW)
    [alert] = records.alerts(AlertFilter(), ALL).alerts
    [hit] = records.detail(alert.id, ALL).hits
    assert (alert.count, hit.contributed, [one.seq for one in hit.contributing]) == (1, 3, [1, 3, 2])


def test_nothing_is_kept_that_nothing_can_look_back_to(records: Records):
    attack(records)
    road = correlating(records)
    road.step(NOW)
    road.step(NOW + timedelta(hours=1))
    assert list(records.correlation_kept(10**9)) == []
    assert records.correlation_state().inputs == 0


# ---------------------------------------------------------------------------------------------------- watermark


def test_the_slowest_source_holds_the_watermark_and_a_silent_one_does_not():
    moment = NOW - timedelta(hours=3)
    clocks = {
        "now": SourceClock(NOW, NOW),
        "bundle": SourceClock(moment, NOW - timedelta(minutes=1)),
        "silent": SourceClock(moment - timedelta(days=1), NOW - timedelta(minutes=6)),
    }
    mark = watermark(clocks, (), NOW, LATENESS)
    assert mark.general == moment - LATENESS
    assert set(mark.own) == {"now", "bundle"}
    assert watermark(clocks, {"silent"}, NOW, LATENESS).general == moment - timedelta(days=1) - LATENESS
    assert watermark({}, (), NOW, LATENESS).general == NOW - LATENESS


# ------------------------------------------------------------------------------------------------------- replay


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqlRecords]:
    opened = open_records(new_records(tmp_path / "records.db"), RULES)
    yield opened
    opened.dispose()


def replayed(records: SqlRecords, *inputs: CorrelationInput, after: dict[str, int] | None = None) -> Any:
    sink = records.replay_sink(after)
    put(sink, *inputs)
    later = NOW + timedelta(seconds=30)
    mark = watermark(sink.correlation_clocks(), (), later, LATENESS)
    correlate_replayed(sink, sink.correlation_by_time, (MANY, THEN), mark, CorrelationLimits(), later)
    return records.swap_replay(later)


ATTACK = [*(item(n, at=n) for n in range(1, 4)), item(1, "b", 5, "fw")]


def test_a_replay_gives_the_same_alerts_and_the_keeper_goes_on(database: SqlRecords):
    road = correlating(database)
    attack(database)
    road.step(NOW)
    before = [database.detail(one.id, ALL) for one in database.alerts(AlertFilter(), ALL).alerts]
    swapped = replayed(database, *ATTACK)
    assert (swapped.opened, swapped.removed) == ((), 0)
    assert [database.detail(one.id, ALL) for one in database.alerts(AlertFilter(), ALL).alerts] == before
    put(database, item(2, "b", 8, "fw"))
    road.step(NOW)  # finds another state
    road.step(NOW)
    assert queue(database) == [("then", "10.0.0.1", 2)]


def test_a_replay_finds_what_came_too_late(database: SqlRecords):
    road = correlating(database)
    put(database, item(1, "b", 5, "fw"))
    road.step(NOW + timedelta(hours=1))
    put(database, *(item(n, at=n) for n in range(1, 4)))
    road.step(NOW + timedelta(hours=1))
    assert queue(database) == []
    assert database.correlation_state().counts.late == {"a": 3}
    replayed(database, *ATTACK)
    assert queue(database) == [("then", "10.0.0.1", 1)]
    assert database.correlation_state().counts.late == {}


def test_a_part_of_a_replay_keeps_what_began_before_it(database: SqlRecords):
    road = correlating(database)
    attack(database)
    road.step(NOW)
    replayed(database, *ATTACK[3:], after={"win": 3})
    assert queue(database) == [("then", "10.0.0.1", 1)]


def test_inputs_that_the_keeper_had_not_seen_are_not_lost_in_a_swap(database: SqlRecords):
    attack(database)
    replayed(database, *ATTACK[3:], after={"win": 3})
    correlating(database).step(NOW)
    correlating(database).step(NOW)
    assert queue(database) == [("then", "10.0.0.1", 1)]
