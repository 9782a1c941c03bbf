"""Retention: records go, headers and the reason stay, and nothing goes that a sink still needs."""

from __future__ import annotations

import pytest

from secops.siem.journal import Journal, Retired
from secops.siem.journal.layout import sealed_path
from secops.siem.journal.sealed import read_front
from tests.fakes.journal import new_batch
from tests.siem.journal.places import HOUR, NOW, Place, everything

ALL = {"a": 99, "b": 99}


@pytest.fixture
def filled(place: Place, journal: Journal) -> Journal:
    """Segments 1-3 sealed, an hour each, two records of a in each and one of b in the second; 4 is open."""
    for index in range(4):
        moment = NOW + index * HOUR
        batches = [new_batch("a", b"%d" % index, b"%d'" % index, received=moment)]
        journal.append(batches + ([new_batch("b", b"x", received=moment)] if index == 1 else []))
        if index < 3:
            journal.rotate(moment)
    journal.seal_closed(NOW + 4 * HOUR)
    return journal


def retain(journal: Journal, hours: float, positions: dict[str, int]) -> Retired:
    return journal.retain(NOW + hours * HOUR, positions, now=NOW + 9 * HOUR, by="keeper", reason="保存期間 400d")


def test_old_records_go_and_the_rest_is_read_on(place, filled):
    with place.open() as reader:
        assert len(everything(reader)) == 8
        done = retain(filled, 1.5, ALL)
        assert (done.segments, done.records, done.waiting_for) == ((1, 2), 5, "")
        assert done.freed > 0
        for journal in (reader, filled):
            assert everything(journal, after=4) == [b"2", b"2'", b"3", b"3'"]
            assert journal.read("a", 0)[0].first_seq == 5
            assert list(journal.read("b", 0)) == []
            assert journal.record("a", 4) is None
            assert journal.record("a", 5) is not None
            assert journal.heads() == {"a": 8, "b": 1}


def test_the_chain_still_verifies_and_shows_what_was_removed(place, filled):
    retain(filled, 1.5, ALL)
    report = place.verify()
    assert report.ok
    assert [(one.segment, one.records, one.by, one.reason) for one in report.removed] == [
        (1, 2, "keeper", "保存期間 400d"),
        (2, 3, "keeper", "保存期間 400d"),
    ]
    assert report.removed[0].at == NOW + 9 * HOUR
    first = filled.segments()[0]
    assert (first.state, first.records, first.removed, first.removed_by) == ("removed", 2, NOW + 9 * HOUR, "keeper")
    assert first.sources == {"a": (1, 2)}


def test_what_a_sink_has_not_read_stays(filled):
    done = retain(filled, 9, {"a": 3, "b": 1})
    assert (done.segments, done.records, done.waiting_for) == ((1,), 2, "a")
    assert retain(filled, 9, {"a": 4}).waiting_for == "b"
    assert everything(filled, after=2)[0] == b"1"


def test_repeating_it_changes_nothing(place, filled):
    retain(filled, 1.5, ALL)
    before = sealed_path(place.journal, 1).read_bytes()
    assert retain(filled, 1.5, ALL).segments == ()
    assert sealed_path(place.journal, 1).read_bytes() == before


def test_open_and_unsealed_segments_are_never_touched(journal):
    journal.append([new_batch("a", b"1", received=NOW)])
    journal.rotate(NOW)
    journal.append([new_batch("a", b"2", received=NOW)])
    assert retain(journal, 9, ALL).segments == ()
    journal.seal_closed(NOW)
    assert retain(journal, 9, ALL).segments == (1,)
    assert everything(journal, after=1) == [b"2"]


def test_every_flipped_byte_of_a_tombstone_is_found(place: Place, journal):
    journal.append([new_batch("a", b"1", received=NOW)])
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    retain(journal, 1, ALL)
    path = sealed_path(place.journal, 1)
    with path.open("rb") as file:
        body = read_front(path, file).body
    whole = path.read_bytes()
    path.chmod(0o600)
    for index in range(body - 1, len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        report = place.verify()
        assert {finding.segment for finding in report.findings} == {1}, index
        assert not report.removed


def test_a_tombstone_of_another_segment_is_not_accepted(place: Place, filled):
    retain(filled, 1.5, ALL)
    first, second = sealed_path(place.journal, 1), sealed_path(place.journal, 2)
    stones = []
    for path in (first, second):
        with path.open("rb") as file:
            front = read_front(path, file)
            stones.append((path.read_bytes()[: front.body], path.read_bytes()[front.body :]))
    second.chmod(0o600)
    second.write_bytes(stones[1][0] + stones[0][1])
    assert [(one.segment, one.code) for one in place.verify().findings] == [(2, "removal")]
