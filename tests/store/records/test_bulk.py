"""Actions on many alerts and their undo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.errors import ConflictError, NotFoundError, SetChangedError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, BulkAction, Chosen, Hit, Scope, State, Verdict
from secops.store.records import Records, bulk, open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ALL = Scope()
LGWAN = Scope(zones=frozenset({"lgwan"}))
CLOSE = BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="複合機の更新")
EVERY = Chosen(wanted=AlertFilter(), words="すべて")


@pytest.fixture
def records(records_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    monkeypatch.setattr(bulk, "SLICE", 2)  # so that five alerts are three slices
    opened = open_records(records_place)
    opened.put_hits([hit(n) for n in range(1, 6)], {"win": 5}, NOW)
    yield opened
    opened.dispose()


def hit(seq: int, host: str = "", zone: str = "") -> Hit:
    at = NOW + timedelta(seconds=seq)
    where = zone or ("internet" if seq == 5 else "lgwan")
    return Hit("r1", Severity.HIGH, f"w.win.{seq}", "win", seq, at, at, where, {"host.name": host or f"K-{seq}"})


def act(records: Records, chosen: Chosen = EVERY, action: BulkAction = CLOSE, scope: Scope = ALL, **more: Any):
    return records.act(chosen, action, **{"mark": None, "actor": "sato", "scope": scope, "now": NOW, **more})


def states(records: Records) -> dict[int, tuple[State, str]]:
    return {one.id: (one.state, one.assignee) for one in records.alerts(AlertFilter(), ALL).alerts}


def test_all_that_match_are_closed_with_one_reason_and_each_says_so(records: Records):
    found = records.chosen(EVERY, ALL)
    done = act(records, mark=found.mark)
    assert (found.count, done.asked, done.done, done.left, done.action) == (5, 5, 5, 0, "closed")
    for number in range(1, 6):
        detail = records.detail(number, ALL)
        assert detail.alert.verdict is Verdict.FALSE_POSITIVE
        last = detail.history[-1]
        assert (last.action, last.actor, last.text, last.bulk) == ("closed", "sato", "誤検知: 複合機の更新", done.id)
    assert records.bulks("sato", NOW) == [done]
    assert records.bulks("tanaka", NOW) == []


def test_a_set_that_changed_meanwhile_is_left_alone_and_its_new_number_told(records: Records):
    mark = records.chosen(EVERY, ALL).mark
    records.put_hits([hit(6)], {"win": 6}, NOW)
    with pytest.raises(SetChangedError) as told:
        act(records, mark=mark)
    assert told.value.count == 6
    # The number alone is not enough: another one in the place of one that went is another set.
    records.close([1], Verdict.TRUE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    with pytest.raises(SetChangedError):
        act(records, mark=mark)
    assert [state for state, _ in states(records).values()].count(State.CLOSED) == 1
    assert records.bulks("sato", NOW) == []


def test_nobody_closes_what_is_out_of_sight(records: Records):
    assert records.chosen(EVERY, LGWAN).count == 4
    assert act(records, scope=LGWAN).done == 4
    assert states(records)[5][0] is State.OPEN
    there = Chosen(ids=(5, 4, 99))
    found = records.chosen(there, LGWAN)
    assert (found.count, found.closed, found.missing) == (0, 1, 2)
    with pytest.raises(UsageError):
        act(records, there, scope=LGWAN)


def test_a_closing_needs_a_reason(records: Records):
    with pytest.raises(UsageError, match="理由"):
        act(records, action=BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="  "))
    assert records.bulks("sato", NOW) == []


def test_an_undo_restores_exactly_and_leaves_what_others_changed(records: Records):
    records.assign([1], "tanaka", actor="tanaka", scope=ALL, now=NOW)
    before = {number: records.detail(number, ALL).alert for number in range(1, 6)}
    done = act(records)
    records.reopen([2], actor="suzuki", scope=ALL, now=LATER)
    records.note(3, "確認した", actor="suzuki", scope=ALL, now=LATER)
    records.put_hits([hit(6, "K-4")], {"win": 6}, LATER)  # what K-4 does again is a new alert
    assert records.detail(6, ALL).alert.previous == 4

    undone = records.undo(done.id, actor="sato", scope=ALL, now=LATER)

    assert undone.restored == undone.bulk.restored == 2
    assert {(one.alert_id, one.action, one.actor, one.successor) for one in undone.left} == {
        (2, "reopened", "suzuki", None),
        (3, "noted", "suzuki", None),
        (4, "", "", 6),
    }
    assert records.detail(1, ALL).alert == before[1]
    assert records.detail(5, ALL).alert == before[5]
    assert records.detail(4, ALL).alert.state is State.CLOSED
    assert records.detail(1, ALL).history[-1].action == "undone"


def test_an_undo_is_for_the_same_person_once_and_not_too_late(records: Records):
    done = act(records)
    with pytest.raises(NotFoundError):
        records.undo(done.id, actor="tanaka", scope=ALL, now=LATER)
    with pytest.raises(ConflictError):
        records.undo(done.id, actor="sato", scope=ALL, now=NOW + bulk.UNDO_WITHIN + timedelta(seconds=1))
    assert records.undo(done.id, actor="sato", scope=ALL, now=LATER).restored == 5
    with pytest.raises(ConflictError):
        records.undo(done.id, actor="sato", scope=ALL, now=LATER)


def test_what_was_taken_is_given_back(records: Records):
    records.assign([2], "tanaka", actor="tanaka", scope=ALL, now=NOW)
    before = states(records)
    done = act(records, Chosen(ids=(1, 2)), BulkAction(assignee="sato"))
    assert states(records)[2] == (State.IN_PROGRESS, "sato")
    records.undo(done.id, actor="sato", scope=ALL, now=LATER)
    assert states(records) == before


def test_two_closed_alerts_of_one_key_do_not_both_open_again(records: Records):
    first = act(records, Chosen(ids=(1,)))
    records.put_hits([hit(6, "K-1")], {"win": 6}, LATER)
    second = act(records, Chosen(ids=(6,)))
    assert records.undo(second.id, actor="sato", scope=ALL, now=LATER).restored == 1
    undone = records.undo(first.id, actor="sato", scope=ALL, now=LATER)
    assert [(one.alert_id, one.successor) for one in undone.left] == [(1, 6)]
