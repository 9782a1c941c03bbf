"""Work lists of revisions: one entry for each thing, and who did what is in the trail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.policy.impact import Kind
from secops.isms.policy.work import Entry, Why
from secops.store.records.engine import connect
from secops.store.records.trail import SqlTrail
from secops.store.records.worklist import SqlReviewWork

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WHY = (Why("mic-2025-03-6.3-1", "6.3 (1)", "調達", "changed", "要件が変わった"),)
ITEM = Entry(Kind.ITEM, "a6.3-1", "仕様書に要件を書いているか。", WHY)
RULE = Entry(Kind.RULE, "r1", "画面転送", WHY, owner="CSIRT")


@pytest.fixture
def database(records_place):
    made = connect(records_place)
    yield made
    made.close()


@pytest.fixture
def work(database):
    return SqlReviewWork(database)


def make(work, *entries, **more):
    return work.make("mic-2024-10", "mic-2025-03", entries, by="owner", now=NOW, **more)


def test_a_list_has_one_entry_for_each_thing_with_reason_owner_and_due_date(work):
    made = make(work, RULE, ITEM, due=date(2027, 3, 31))
    found = work.items(made.list_id)
    assert [(one.thing, one.owner, one.due) for one in found] == [
        ("a6.3-1", "", date(2027, 3, 31)),
        ("r1", "CSIRT", date(2027, 3, 31)),
    ]
    assert found[0].why == WHY


def test_the_same_revision_keeps_one_list_and_only_adds_what_is_missing(work):
    first = make(work, ITEM)
    second = make(work, ITEM, RULE)
    assert (second.list_id, second.added, second.known) == (first.list_id, 1, 1)
    assert [(one.items, one.done) for one in work.lists()] == [(2, 0)]


def test_an_entry_is_assigned_ticked_off_and_taken_back(work):
    make(work, ITEM, RULE)
    one, _other = work.items()
    work.assign([one.id], owner="監査担当", due=date(2027, 1, 31), by="owner", now=NOW)
    (done,) = work.finish([one.id], "直した", by="kansa", now=NOW + timedelta(days=1))
    assert (done.owner, done.done_by, done.note, done.done) == ("監査担当", "kansa", "直した", True)
    assert [each.id for each in work.items(open_only=True)] == [_other.id]
    with pytest.raises(ConflictError, match="kansa"):
        work.finish([one.id], by="owner", now=NOW)
    (again,) = work.reopen([one.id], by="owner", now=NOW)
    assert not again.done
    with pytest.raises(ConflictError):
        work.reopen([one.id], by="owner", now=NOW)


def test_only_an_open_entry_is_overdue(work):
    make(work, ITEM, due=date(2026, 11, 22))
    (one,) = work.items()
    assert one.overdue(date(2026, 11, 23))
    assert not one.overdue(date(2026, 11, 22))
    (done,) = work.finish([one.id], by="a", now=NOW)
    assert not done.overdue(date(2026, 11, 23))


def test_what_does_not_exist_changes_nothing(work):
    make(work, ITEM)
    (one,) = work.items()
    with pytest.raises(NotFoundError, match="99"):
        work.assign([one.id, 99], owner="x", by="a", now=NOW)
    assert work.items()[0].owner == ""
    with pytest.raises(NotFoundError):
        work.items(7)
    with pytest.raises(UsageError):
        work.assign([one.id], by="a", now=NOW)
    with pytest.raises(UsageError):
        work.finish([one.id], "x" * 2001, by="a", now=NOW)


def test_every_step_is_in_the_trail(work, database):
    make(work, ITEM)
    (one,) = work.items()
    work.assign([one.id], owner="x", by="b", now=NOW)
    work.finish([one.id], by="c", now=NOW)
    work.reopen([one.id], by="d", now=NOW)
    make(work, ITEM)  # nothing new: nothing to tell
    told = [(entry.actor, entry.action, entry.target) for entry in SqlTrail(database).all()]
    assert told == [
        ("owner", "work.made", "work 1"),
        ("b", "work.assigned", "work 1"),
        ("c", "work.done", "work 1"),
        ("d", "work.reopened", "work 1"),
    ]
