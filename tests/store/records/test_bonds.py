"""Alerts that are linked, merged, split; and what a replay makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, BulkAction, Chosen, Hit, Scope, State, Verdict
from secops.store.records import Records, open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ALL = Scope()
LGWAN = Scope(zones=frozenset({"lgwan"}))
WHO: dict[str, Any] = {"actor": "sato", "scope": ALL, "now": NOW}


@pytest.fixture
def records(records_place: Path | str) -> Iterator[Records]:
    opened = open_records(records_place)
    yield opened
    opened.dispose()


def hit(seq: int, host: str, zone: str = "lgwan", level: Severity = Severity.HIGH, **event: str) -> Hit:
    at = NOW + timedelta(seconds=seq)
    fields = {"host.name": host, **{name.replace("__", "."): value for name, value in event.items()}}
    return Hit("r1", level, f"w.win.{seq}", "win", seq, at, at, zone, fields)


def put(records: Records, *hits: Hit, now: datetime = NOW) -> None:
    records.put_hits(hits, {"win": max(one.seq for one in hits)}, now)


def queue(records: Records, scope: Scope = ALL, **wanted: Any) -> dict[int, tuple[int, Severity]]:
    return {one.id: (one.total, one.severity) for one in records.alerts(AlertFilter(**wanted), scope).alerts}


def total(records: Records) -> int:
    return sum(count for count, _severity in queue(records).values())


def test_a_link_is_seen_from_both_sides_and_taken_back(records: Records):
    put(records, hit(1, "A"), hit(2, "B"), hit(3, "C", "internet"))
    assert records.link(1, [2, 3], **WHO) == 2
    assert records.link(2, [1], **WHO) == 0
    assert {one.id for one in records.bonds(1, ALL).links} == {2, 3}
    assert [one.id for one in records.bonds(2, ALL).links] == [1]
    assert [one.id for one in records.bonds(1, LGWAN).links] == [2]  # C is out of sight
    assert (records.detail(3, ALL).history[-1].action, records.detail(3, ALL).history[-1].text) == ("linked", "1")
    records.unlink(3, 1, **WHO)
    assert [one.id for one in records.bonds(1, ALL).links] == [2]
    assert records.detail(1, ALL).history[-1].action == "unlinked"
    with pytest.raises(NotFoundError):
        records.unlink(3, 1, **WHO)
    with pytest.raises(NotFoundError):
        records.link(1, [3], actor="x", scope=LGWAN, now=NOW)
    with pytest.raises(UsageError):
        records.link(1, [1], **WHO)


def test_merged_alerts_count_together_and_new_hits_go_to_the_leader(records: Records):
    put(records, hit(1, "A"), hit(2, "B"), hit(3, "B"), hit(4, "C"))
    assert records.merge(1, [2, 3], **WHO) == 2
    assert queue(records) == {1: (4, Severity.HIGH)}
    assert records.counts(ALL)["state"]["open"] == 1
    put(records, hit(5, "B", level=Severity.CRITICAL), hit(6, "D"))
    assert queue(records) == {1: (5, Severity.CRITICAL), 4: (1, Severity.HIGH)}
    assert total(records) == 6  # each hit once
    assert {one.event_id for one in records.detail(1, ALL).hits} == {f"w.win.{n}" for n in range(1, 6)}
    assert set(queue(records, text="b")) == {1}  # found by what is merged into it
    assert records.detail(2, ALL).alert.merged_into == 1


def test_what_happens_to_the_leader_happens_to_all_and_only_there(records: Records):
    put(records, hit(1, "A"), hit(2, "B"))
    records.merge(1, [2], **WHO)
    with pytest.raises(ConflictError, match="1"):
        records.close([2], Verdict.TRUE_POSITIVE, "x", **WHO)
    assert records.assign([1], "sato", **WHO) == 1
    assert records.close([1], Verdict.TRUE_POSITIVE, "感染", **WHO) == 1
    assert {records.detail(n, ALL).alert.state for n in (1, 2)} == {State.CLOSED}
    put(records, hit(3, "B"), now=LATER)  # a closed alert absorbs nothing
    assert queue(records) == {1: (2, Severity.HIGH), 3: (1, Severity.HIGH)}
    assert records.detail(3, ALL).alert.previous == 2
    assert records.reopen([1], **WHO) == 1
    assert records.detail(2, ALL).alert.state is State.CLOSED  # its key has a follower
    with pytest.raises(ConflictError):
        records.merge(3, [2], **WHO)


def test_a_bulk_closing_takes_merged_alerts_along_and_its_undo_too(records: Records):
    put(records, hit(1, "A"), hit(2, "B"))
    records.merge(1, [2], **WHO)
    done = records.act(
        Chosen(wanted=AlertFilter()), BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="訓練"), mark=None, **WHO
    )
    assert (done.asked, done.done) == (1, 1)
    assert records.detail(2, ALL).alert.state is State.CLOSED
    records.undo(done.id, **WHO)
    assert {records.detail(n, ALL).alert.state for n in (1, 2)} == {State.OPEN}


def test_members_stand_alone_again_when_the_merge_is_taken_back(records: Records):
    put(records, hit(1, "A"), hit(2, "B", level=Severity.CRITICAL), hit(3, "C"))
    before = queue(records)
    records.merge(1, [2, 3], **WHO)
    assert records.unmerge(1, [2], **WHO) == 1
    assert queue(records) == {2: (1, Severity.CRITICAL), 1: (2, Severity.HIGH)}
    records.unmerge(1, [3], **WHO)
    assert queue(records) == before
    assert [entry.action for entry in records.detail(2, ALL).history] == ["detected", "merged", "unmerged"]
    with pytest.raises(ConflictError):
        records.unmerge(1, [3], **WHO)


def test_a_merge_moves_what_the_other_led(records: Records):
    put(records, hit(1, "A"), hit(2, "B"), hit(3, "C"))
    records.merge(2, [3], **WHO)
    records.merge(1, [2], **WHO)
    assert queue(records) == {1: (3, Severity.HIGH)}
    assert [one.id for one in records.bonds(1, ALL).members] == [2, 3]
    put(records, hit(4, "C"))
    assert queue(records) == {1: (4, Severity.HIGH)}


def test_who_sees_one_zone_sees_a_merged_alert_of_it_but_not_what_leads_it(records: Records):
    put(records, hit(1, "A", "internet"), hit(2, "B"), hit(3, "C"))
    records.merge(1, [2], **WHO)
    assert set(queue(records, LGWAN)) == {2, 3}
    records.merge(3, [1], **WHO)
    assert queue(records, LGWAN) == {3: (2, Severity.HIGH)}  # A is not counted for who cannot see it
    assert records.alerts(AlertFilter(text="A"), LGWAN).total == 0
    assert [one.id for one in records.bonds(3, LGWAN).members] == [2]


def test_hits_of_one_address_are_taken_out_and_put_back(records: Records):
    put(records, *(hit(n, "A", source__ip="10.1.1.1" if n % 2 else "10.1.1.2") for n in range(1, 7)))
    parts = [("source.ip", "10.1.1.1", 3), ("source.ip", "10.1.1.2", 3)]
    assert (records.bonds(1, ALL).parts, records.bonds(1, ALL).unseen) == (parts, 0)
    new = records.split(1, "source.ip", "10.1.1.2", **WHO)
    assert records.bonds(1, ALL).parts == []
    assert queue(records) == {1: (3, Severity.HIGH), new.id: (3, Severity.HIGH)}
    assert {one.seq for one in records.detail(new.id, ALL).hits} == {2, 4, 6}
    assert records.detail(1, ALL).alert.last_seen == hit(5, "A").timestamp
    assert [one.id for one in records.bonds(new.id, ALL).links] == [1]
    put(records, hit(7, "A", source__ip="10.1.1.2"))  # new ones go on where they went
    assert queue(records)[1] == (4, Severity.HIGH)
    with pytest.raises(UsageError):
        records.split(new.id, "source.ip", "10.1.1.2", **WHO)  # all of it
    with pytest.raises(UsageError):
        records.split(1, "source.ip", "10.9.9.9", **WHO)  # nothing
    records.merge(1, [new.id], **WHO)
    assert queue(records) == {1: (7, Severity.HIGH)}


def test_a_replay_keeps_what_people_joined_and_parted(records: Records):
    found = [
        *(hit(n, "A", source__ip="10.1.1.1" if n % 2 else "10.1.1.2") for n in range(1, 5)),
        hit(5, "B", level=Severity.CRITICAL),
        hit(6, "C"),
    ]
    put(records, *found)
    new = records.split(1, "source.ip", "10.1.1.2", **WHO)
    records.merge(3, [2], **WHO)
    records.link(1, [3], **WHO)
    before = queue(records)
    links = records.bonds(1, ALL).links

    sink = records.replay_sink()
    sink.put_hits(found, {"win": 6}, LATER)
    swapped = records.swap_replay(LATER)

    assert (swapped.removed, swapped.opened) == (0, ())
    assert queue(records) == before == {1: (2, Severity.HIGH), new.id: (2, Severity.HIGH), 3: (2, Severity.CRITICAL)}
    assert records.bonds(1, ALL).links == links
    put(records, hit(7, "B"))
    assert queue(records)[3] == (3, Severity.CRITICAL)
