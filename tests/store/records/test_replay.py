from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secops.schema.severity import Severity
from secops.siem.ports import Alert, AlertFilter, Filtered, Hit, Scope, State, Tally, Verdict
from secops.store.records import Records, open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALL = Scope()


@pytest.fixture
def records(records_place: Path | str) -> Iterator[Records]:
    opened = open_records(records_place)
    yield opened
    opened.dispose()


def hit(seq: int, host: str = "K-1", rule: str = "r1") -> Hit:
    at = NOW + timedelta(seconds=seq)
    return Hit(rule, Severity.HIGH, f"ward.win.{seq}", "win", seq, at, at, "lgwan", {"host.name": host})


def queue(records: Records) -> dict[str, Alert]:
    return {alert.entities["host.name"]: alert for alert in records.alerts(AlertFilter(), ALL).alerts}


def close(records: Records, alert: Alert) -> None:
    records.close([alert.id], Verdict.FALSE_POSITIVE, "更新", actor="sato", scope=ALL, now=NOW)


def test_a_replay_that_finds_the_same_changes_nothing(records: Records):
    first = [hit(1), hit(2), hit(3, "K-2")]
    records.put_hits(first, {"win": 3}, NOW)
    close(records, queue(records)["K-1"])
    records.put_hits([hit(4)], {"win": 4}, NOW)
    before = [records.detail(alert.id, ALL) for alert in records.alerts(AlertFilter(), ALL).alerts]
    change, _ = records.changes(0)

    sink = records.replay_sink()
    sink.put_hits(first, {"win": 3}, LATER)
    assert (sink.put_hits([*first, hit(4)], {"win": 4}, LATER).new_hits, sink.positions()) == (1, {"win": 4})
    assert [records.detail(alert.id, ALL) for alert in records.alerts(AlertFilter(), ALL).alerts] == before
    swapped = records.swap_replay(LATER)

    assert (swapped.hits, swapped.opened, swapped.removed, swapped.unconfirmed) == (4, (), 0, ())
    assert [records.detail(alert.id, ALL) for alert in records.alerts(AlertFilter(), ALL).alerts] == before
    assert records.changes(change)[1] == ()


def test_what_people_wrote_stays_and_what_nobody_touched_goes(records: Records):
    records.put_hits([hit(1, "noted"), hit(2, "closed"), hit(3, "plain")], {"win": 3}, NOW)
    records.note(queue(records)["noted"].id, "確認中", actor="sato", scope=ALL, now=NOW)
    close(records, queue(records)["closed"])
    report = records.open_manual(
        title="紛失", category="loss", zone="lgwan", severity=Severity.LOW, department="", text="", actor="a", now=NOW
    )
    before = queue_by_id(records)

    records.replay_sink().put_hits([hit(5, "new")], {"win": 5}, LATER)
    swapped = records.swap_replay(LATER)

    after = queue_by_id(records)
    noted, closed = before["noted"], before["closed"]
    assert swapped.removed == 1
    assert set(swapped.unconfirmed) == {noted.id, closed.id}
    assert set(after) == {"noted", "closed", "new", ""}
    assert after["noted"] == replace(noted, count=0)
    assert after["closed"] == replace(closed, count=0)
    assert after[""] == report
    last = records.detail(noted.id, ALL).history[-1]
    assert (last.actor, last.action) == ("secops", "replayed")
    # A second replay that does not find them either does not say so again.
    records.replay_sink().put_hits([hit(5, "new")], {"win": 5}, LATER)
    assert records.swap_replay(LATER).unconfirmed == ()


def queue_by_id(records: Records) -> dict[str, Alert]:
    return {alert.entities.get("host.name", ""): alert for alert in records.alerts(AlertFilter(), ALL).alerts}


def test_a_better_rule_finds_more_of_what_was_judged_and_opens_what_was_not(records: Records):
    records.put_hits([hit(10), hit(20)], {"win": 20}, NOW)
    closed = queue(records)["K-1"]
    close(records, closed)
    records.replay_sink().put_hits([hit(10), hit(15), hit(20), hit(40)], {"win": 40}, LATER)
    (opened,) = records.swap_replay(LATER).opened
    assert records.detail(closed.id, ALL).alert.count == 3
    assert [h.seq for h in records.detail(closed.id, ALL).hits] == [20, 15, 10]
    follower = records.detail(opened, ALL).alert
    assert (follower.previous, follower.count, follower.state, follower.opened_at) == (closed.id, 1, State.OPEN, LATER)


def test_hits_outside_the_replay_stay(records: Records):
    records.put_hits([hit(1), hit(2), hit(3), hit(4)], {"win": 4}, NOW)
    sink = records.replay_sink(after={"win": 1})
    assert sink.positions() == sink.tally_positions() == {"win": 1}
    sink.put_hits([hit(1), hit(3)], {"win": 3}, LATER)
    records.swap_replay(LATER)
    alert = queue(records)["K-1"]
    assert [h.seq for h in records.detail(alert.id, ALL).hits] == [4, 3, 1]
    assert (alert.count, records.positions()) == (3, {"win": 4})


def test_an_interrupted_replay_leaves_no_trace(records: Records):
    records.put_hits([hit(1)], {"win": 1}, NOW)
    records.replay_sink().put_hits([hit(1), hit(2, "K-2")], {"win": 2}, LATER)
    records.replay_sink().put_hits([hit(1)], {"win": 1}, LATER)
    records.drop_replay()
    records.replay_sink().put_hits([hit(1), hit(3, "K-3")], {"win": 3}, LATER)
    records.swap_replay(LATER)
    assert set(queue(records)) == {"K-1", "K-3"}


def test_floods_are_thinned_out_again(records: Records):
    sink = records.replay_sink()
    for first in range(1, 500, 100):
        sink.put_hits([hit(n) for n in range(first, first + 100)], {"win": first + 99}, LATER)
    records.swap_replay(LATER)
    alert = queue(records)["K-1"]
    assert (alert.count, alert.suppressed) == (500, 400)
    assert [h.seq for h in records.detail(alert.id, ALL, hits=99).hits][-50:] == list(range(50, 0, -1))
    records.put_hits([hit(501)], {"win": 501}, LATER)
    assert queue(records)["K-1"].count == 501


def test_tallies_are_replaced_where_every_record_was_counted_again(records: Records):
    records.put_tallies([Tally("win", 10, 5, 5, NOW, {"json": 5}), Tally("fw", 10, 10, 0)], NOW)
    sink = records.replay_sink(after={"fw": 4})
    sink.put_tallies([Tally("win", 10, 9, 1, NOW, {"utf8": 1}), Tally("fw", 10, 5, 1)], LATER)
    records.swap_replay(LATER)
    tallies = records.tallies()
    assert tallies["win"] == Tally("win", 10, 9, 1, NOW, {"utf8": 1})
    assert (tallies["fw"].stored, tallies["fw"].rejected) == (10, 0)


def test_counts_of_filters_are_taken_from_a_replay_of_whole_sources(records: Records):
    def held(source: str, seq: int) -> Filtered:
        return Filtered("f1", "r1", source, seq, NOW)

    records.put_hits([], {"win": 3, "fw": 2}, NOW, [held("win", 1), held("win", 2), held("fw", 1), held("fw", 2)])
    sink = records.replay_sink({"fw": 1})
    assert sink.put_hits([], {"win": 3, "fw": 2}, LATER, [held("win", 1)]).filtered == 1
    sink.put_hits([], {"win": 3, "fw": 2}, LATER, [held("win", 1)])
    assert [one.count for one in sink.filter_counts()] == [1]
    assert [one.count for one in records.filter_counts()] == [4]
    records.swap_replay(LATER)
    assert [one.count for one in records.filter_counts()] == [3], "one of win again, two of fw that began later"
    records.put_hits([], {"win": 4}, LATER, [held("win", 3), held("win", 4)])
    assert [one.count for one in records.filter_counts()] == [4]
    assert records.replay_sink().filter_counts() == []


def test_counts_survive_hits_that_went_with_their_records(records: Records):
    first = [replace(hit(seq), timestamp=NOW - timedelta(days=seq)) for seq in range(1, 131)]
    records.put_hits([*first, *(hit(seq) for seq in range(131, 301))], {"win": 300}, NOW)
    assert records.retire({"win": 210}) == 160
    before = queue(records)["K-1"]
    shown = [one.seq for one in records.detail(before.id, ALL, hits=500).hits]

    sink = records.replay_sink({"win": 210})  # what retention removed is not read again
    sink.put_hits([hit(seq) for seq in range(211, 301)], {"win": 300}, LATER)
    records.swap_replay(LATER)

    assert queue(records)["K-1"] == before
    assert (before.count, before.first_seen) == (300, NOW - timedelta(days=130))
    assert [one.seq for one in records.detail(before.id, ALL, hits=500).hits] == shown
    records.put_hits([hit(seq) for seq in range(301, 311)], {"win": 310}, LATER)
    after = records.detail(before.id, ALL, hits=500)
    assert (after.alert.count, after.alert.suppressed) == (310, 210)
    assert [one.seq for one in after.hits] == [*range(310, 260, -1), *range(50, 0, -1)]
