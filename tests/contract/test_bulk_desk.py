"""What every `BulkDesk` must do; run over the SQL records and over the desk of the stage that pages are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.errors import ConflictError, NotFoundError, SetChangedError, UsageError
from secops.query.parse import parse
from secops.schema.severity import Severity
from secops.siem.ports import AlertDesk, AlertFilter, BulkAction, BulkDesk, Chosen, Hit, Scope, State, Verdict
from secops.siem.triage.search import ALERTS
from secops.store.records import bulk, open_records
from secops.store.records.engine import connect
from tests.databases import new_records
from tests.fakes.desk import MemoryDesk
from tests.web.desk import StageWork

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ALL = Scope()
LGWAN = Scope(zones=frozenset({"lgwan"}))
CLOSE = BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="複合機の更新")
TAKE = BulkAction(assignee="sato")
EVERY = Chosen(wanted=AlertFilter(), words="すべて")


@dataclass
class Room:
    """A desk for many alerts, and the one on which single alerts are seen and changed."""

    work: BulkDesk
    desk: Any
    links: bool

    def act(self, chosen: Chosen = EVERY, action: BulkAction = CLOSE, scope: Scope = ALL, **more: Any) -> Any:
        return self.work.act(chosen, action, **{"mark": None, "actor": "sato", "scope": scope, "now": NOW, **more})

    def undo(self, number: int, scope: Scope = ALL, actor: str = "sato", now: datetime = LATER) -> Any:
        return self.work.undo(number, actor=actor, scope=scope, now=now)

    def one(self, number: int) -> Any:
        desk: AlertDesk = self.desk
        return desk.detail(number, ALL).alert

    def standing(self) -> dict[int, tuple[State, str, str]]:
        found = self.desk.alerts(AlertFilter(), ALL).alerts
        return {one.id: (one.state, one.assignee, one.closed_reason) for one in found}


def hit(seq: int, host: str = "", zone: str = "") -> Hit:
    at, where = NOW + timedelta(seconds=seq), zone or ("internet" if seq == 5 else "lgwan")
    event = {"host.name": host or f"K-{seq}", "labels.department": f"課{seq % 2}"}
    return Hit("r1", Severity.HIGH, f"w.win.{seq}", "win", seq, at, at, where, event)


@pytest.fixture(params=["sqlite", "postgresql", "stage"])
def room(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Five alerts, the fifth of another zone."""
    monkeypatch.setattr(bulk, "SLICE", 2)  # so that five alerts are three slices
    kept = ExitStack()
    if request.param == "stage":
        memory, database = MemoryDesk({}), connect(new_records(tmp_path / "records.db"))
        made = Room(StageWork(database, memory), memory, links=False)
        close = database.close
    else:
        postgresql = request.param == "postgresql"
        place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
        records = open_records(place or new_records(tmp_path / "records.db"))
        made = Room(records, records, links=True)
        close = records.dispose
    made.desk.put_hits([hit(n) for n in range(1, 6)], {"win": 5}, NOW)
    yield made
    close()
    kept.close()


def test_the_set_is_exact_within_the_scope_and_its_mark_its_own(room: Room):
    found = room.work.chosen(EVERY, ALL)
    assert (found.count, found.closed, found.missing, list(found.numbers)) == (5, 0, 0, [1, 2, 3, 4, 5])
    assert room.work.chosen(EVERY, LGWAN).numbers == [1, 2, 3, 4]
    assert room.work.chosen(EVERY, ALL).mark == found.mark != room.work.chosen(EVERY, LGWAN).mark
    room.desk.close([1], Verdict.TRUE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    some = room.work.chosen(Chosen(ids=(1, 2, 5, 99, 2)), LGWAN)
    assert (some.count, some.closed, some.missing, list(some.numbers)) == (1, 1, 2, [2])


def test_a_query_chooses_what_the_queue_shows(room: Room):
    for text in ("host:K-1", "-zone:internet host:K-*", "number:[2 TO 4]", "severity:high AND NOT host.name:K-3"):
        wanted = AlertFilter(query=parse(text, NOW, ALERTS))
        shown = sorted(one.id for one in room.desk.alerts(wanted, ALL).alerts)
        assert list(room.work.chosen(Chosen(wanted=wanted), ALL).numbers) == shown != []


def test_closing_needs_a_reason_and_taking_a_name_and_both_something_to_do(room: Room):
    before = room.standing()
    for chosen, action in (
        (EVERY, BulkAction(verdict=Verdict.FALSE_POSITIVE, reason=" ")),
        (EVERY, BulkAction(assignee=" ")),
        (Chosen(ids=(99,)), CLOSE),
    ):
        with pytest.raises(UsageError):
            room.act(chosen, action)
    assert room.standing() == before
    assert list(room.work.bulks("sato", NOW)) == []


def test_an_action_says_how_many_and_is_listed_for_its_actor_alone(room: Room):
    done = room.act(mark=room.work.chosen(EVERY, ALL).mark)
    told = (done.actor, done.at, done.action, done.text, done.chosen, done.asked, done.done, done.left)
    assert told == ("sato", NOW, "closed", "誤検知: 複合機の更新", "すべて", 5, 5, 0)
    assert set(room.standing().values()) == {(State.CLOSED, "", "複合機の更新")}
    assert [one.id for one in room.work.bulks("sato", NOW)] == [done.id]
    assert list(room.work.bulks("sato", LATER)) == list(room.work.bulks("tanaka", NOW)) == []
    again = room.desk.detail(3, ALL).history[-1]
    assert (again.action, again.actor, again.text) == ("closed", "sato", "誤検知: 複合機の更新")


def test_another_set_than_the_confirmed_one_is_left_alone(room: Room):
    mark = room.work.chosen(EVERY, ALL).mark
    room.desk.put_hits([hit(6)], {"win": 6}, NOW)
    with pytest.raises(SetChangedError) as told:
        room.act(mark=mark)
    assert told.value.count == 6
    room.desk.close([1], Verdict.TRUE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    with pytest.raises(SetChangedError):  # as many as before, but others
        room.act(mark=mark)
    assert [one[0] for one in room.standing().values()].count(State.CLOSED) == 1


def test_an_undo_puts_back_what_nobody_changed_and_says_the_rest(room: Room):
    room.desk.assign([1], "tanaka", actor="tanaka", scope=ALL, now=NOW)
    before = {number: room.one(number) for number in range(1, 6)}
    done = room.act()
    room.desk.reopen([2], actor="suzuki", scope=ALL, now=LATER)
    room.desk.note(3, "確認した", actor="suzuki", scope=ALL, now=LATER)
    room.desk.put_hits([hit(6, "K-4")], {"win": 6}, LATER)  # what K-4 does again is a new alert
    undone = room.undo(done.id, LGWAN)
    assert (undone.restored, undone.bulk.restored, undone.bulk.undone_at) == (1, 1, LATER)
    assert {(one.alert_id, one.action, one.actor, one.successor) for one in undone.left} == {
        (2, "reopened", "suzuki", None),
        (3, "noted", "suzuki", None),
        (4, "", "", 6),
        (5, "", "", None),  # out of sight
    }
    assert room.one(1) == before[1]
    assert room.one(5).state is State.CLOSED
    assert room.desk.detail(1, ALL).history[-1].action == "undone"


def test_an_undo_is_for_the_same_person_once_and_within_the_hour(room: Room):
    done = room.act(Chosen(ids=(1, 2)), TAKE)
    assert room.standing()[1] == (State.IN_PROGRESS, "sato", "")
    for number, actor, now, kind in (
        (done.id, "tanaka", LATER, NotFoundError),
        (done.id + 1, "sato", LATER, NotFoundError),
        (done.id, "sato", NOW + timedelta(hours=1, seconds=1), ConflictError),
    ):
        with pytest.raises(kind):
            room.undo(number, actor=actor, now=now)
    assert room.undo(done.id).restored == 2
    assert room.standing()[1] == (State.OPEN, "", "")
    with pytest.raises(ConflictError):
        room.undo(done.id)


def test_places_are_those_of_what_was_touched(room: Room):
    assert room.work.places([1, 3, 99]) == {("lgwan", "課1")}
    assert room.work.places([]) == frozenset()
    done = room.act(Chosen(ids=(2, 5)), TAKE)
    assert room.work.places([], bulk=done.id) == {("lgwan", "課0"), ("internet", "課1")}


def test_many_are_linked_with_one_and_only_these_links_are_taken_back(room: Room):
    if not room.links:
        pytest.skip("the stage links nothing; pages about links are tested over the real desk")
    desk = room.desk
    desk.link(5, [1], actor="a", scope=ALL, now=NOW)
    done = room.act(action=BulkAction(leader=5))
    assert (done.action, done.text, done.asked, done.done, done.left) == ("linked", "5", 3, 3, 0)
    assert {one.id for one in desk.bonds(5, ALL).links} == {1, 2, 3, 4}
    history = desk.detail(2, ALL).history[-1]
    assert (history.action, history.text, history.bulk) == ("linked", "5", done.id)
    desk.unlink(2, 5, actor="suzuki", scope=ALL, now=LATER)
    desk.close([3], Verdict.TRUE_POSITIVE, "x", actor="suzuki", scope=ALL, now=LATER)  # no reason to keep the link
    undone = room.undo(done.id)
    assert undone.restored == 2
    assert [(one.alert_id, one.action, one.actor) for one in undone.left] == [(2, "unlinked", "suzuki")]
    assert [one.id for one in desk.bonds(5, ALL).links] == [1]
    assert room.one(3).state is State.CLOSED
    with pytest.raises(UsageError):
        room.act(Chosen(ids=(1, 5)), BulkAction(leader=5))
    for leader, scope in ((99, ALL), (5, LGWAN)):
        with pytest.raises(NotFoundError):
            room.act(action=BulkAction(leader=leader), scope=scope)
