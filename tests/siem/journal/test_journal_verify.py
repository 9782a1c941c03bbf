"""Whatever is done to the files of a journal, `verify` names the segment and, where it can, the records."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.errors import JournalError
from secops.siem.journal import DamagedError, Journal, create_keys, load_public_key, verify
from secops.siem.journal.layout import sealed_path
from secops.siem.journal.sealed import read_front, read_index
from secops.siem.journal.verify import content_of
from tests.fakes.journal import new_batch
from tests.siem.journal.places import HOUR, NOW, Place, everything, new_place


@pytest.fixture
def sealed(place: Place, journal: Journal) -> Place:
    """Three sealed segments and an open one; the second has several blocks."""
    journal.append([new_batch("a", b"1", b"2", received=NOW), new_batch("b", b"x", received=NOW)], {"key": b"value"})
    journal.rotate(NOW)
    journal.append([new_batch("a", *(b"%07d" % index * 1000 for index in range(400)), received=NOW + HOUR)])
    journal.rotate(NOW + HOUR)
    journal.append([new_batch("b", b"y", received=NOW + 2 * HOUR)])
    journal.rotate(NOW + 2 * HOUR)
    journal.seal_closed(NOW + 2 * HOUR)
    journal.append([new_batch("a", b"end", received=NOW + 2 * HOUR)])
    journal.close()
    assert place.verify().ok
    return place


def codes(place: Place) -> list[tuple[int, str]]:
    return [(finding.segment, finding.code) for finding in place.verify().findings]


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def test_a_whole_journal_has_no_findings(sealed):
    report = sealed.verify()
    assert report.findings == []
    assert (report.segments, report.records) == (4, 405)
    assert report.head is not None
    assert report.head.segment == 3


def test_every_single_flipped_byte_of_a_sealed_file_is_found(place, journal):
    journal.append([new_batch("a", b"1", b"2")])
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    path = sealed_path(place.journal, 1)
    whole = path.read_bytes()
    for at in range(len(whole)):
        rewrite(path, whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        found = codes(place)
        assert {segment for segment, _code in found} == {1}, at


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_anywhere_names_its_segment(sealed, data):
    number = data.draw(st.integers(1, 3))
    path = sealed_path(sealed.journal, number)
    whole = path.read_bytes()
    place, mask = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    rewrite(path, whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
    try:
        assert {segment for segment, _code in codes(sealed)} == {number}
    finally:
        rewrite(path, whole)


def test_a_damaged_block_names_its_records_and_readers_can_go_on_behind_it(sealed):
    path = sealed_path(sealed.journal, 2)
    with path.open("rb") as file:
        front = read_front(path, file)
        blocks = read_index(path, file, front)
    assert len(blocks) == 3
    whole = bytearray(path.read_bytes())
    whole[front.blocks_at + blocks[1].place + blocks[1].stored // 2] ^= 1
    rewrite(path, bytes(whole))
    (finding,) = sealed.verify().findings
    assert (finding.segment, finding.code, finding.source) == (2, "block", "a")
    assert (finding.first_seq, finding.last_seq) == (blocks[1].first_seq, blocks[1].last_seq)
    with sealed.open() as journal:
        with pytest.raises(DamagedError, match=r"a \d+-\d+.*secops journal verify") as caught:
            everything(journal)
        assert caught.value.last_seq == blocks[1].last_seq
        assert len(everything(journal, after=caught.value.last_seq)) == 403 - blocks[1].last_seq


@pytest.mark.parametrize("kept", [0, 10, 200, 900, -1])
def test_a_cut_tail_is_found(sealed, kept):
    path = sealed_path(sealed.journal, 2)
    rewrite(path, path.read_bytes()[:kept])
    assert {segment for segment, _code in codes(sealed)} == {2}


def test_a_cut_tail_names_the_records_that_are_gone(sealed):
    path = sealed_path(sealed.journal, 2)
    rewrite(path, path.read_bytes()[:-1])
    last = [finding for finding in sealed.verify().findings if finding.code == "block"]
    assert [(one.source, one.last_seq) for one in last] == [("a", 402)]


def test_an_added_tail_is_found(sealed):
    path = sealed_path(sealed.journal, 2)
    rewrite(path, path.read_bytes() + b"\0")
    assert codes(sealed) == [(2, "size")]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_missing_segment_is_found(sealed, number):
    sealed_path(sealed.journal, number).unlink()
    assert codes(sealed) == [(number, "missing")]


def test_a_missing_open_segment_is_found_and_never_made_anew(sealed):
    for path in sealed.journal.glob("00000004.open*"):
        path.unlink()
    assert codes(sealed) == [(4, "missing")]
    with pytest.raises(JournalError, match=r"00000004\.open.*バックアップ"):
        sealed.open()


def test_swapped_segments_are_found(sealed):
    first, third = sealed_path(sealed.journal, 1), sealed_path(sealed.journal, 3)
    first.rename(sealed.journal / "x")
    third.rename(first)
    (sealed.journal / "x").rename(third)
    assert codes(sealed) == [(1, "misplaced"), (3, "misplaced")]


def test_a_journal_signed_with_another_key_is_not_ours(sealed, tmp_path):
    create_keys(tmp_path / "other")
    report = verify(sealed.journal, load_public_key(tmp_path / "other"))
    assert [(one.segment, one.code) for one in report.findings] == [(number, "signature") for number in (1, 2, 3)]


def test_a_segment_of_another_chain_signed_with_our_key_breaks_the_chain(sealed, tmp_path):
    (tmp_path / "fork").mkdir()
    fork = new_place(tmp_path / "fork")
    with replace(fork, keys=sealed.keys).open() as journal:
        journal.append([new_batch("a", b"1", b"forged"), new_batch("b", b"x")])
        journal.rotate(NOW)
        journal.seal_closed(NOW)
    shutil.copy(sealed_path(fork.journal, 1), sealed.journal / "copy")
    (sealed.journal / "copy").replace(sealed_path(sealed.journal, 1))
    assert codes(sealed) == [(2, "chain")]


def test_a_journal_put_back_to_an_older_state_misses_its_anchor(sealed):
    head = sealed.verify().head
    assert head is not None
    key = load_public_key(sealed.keys)
    assert verify(sealed.journal, key, {head.segment: head.digest}).ok
    report = verify(sealed.journal, key, {9: "0" * 64, 4: "0" * 64, 2: "0" * 64})
    assert [(one.segment, one.code) for one in report.findings] == [(2, "anchor"), (4, "anchor"), (9, "anchor")]


def test_progress_is_told_in_stored_bytes(sealed):
    told: list[int] = []
    verify(sealed.journal, load_public_key(sealed.keys), progress=told.append)
    assert len(told) == 4
    assert told[0] == sealed_path(sealed.journal, 1).stat().st_size


def change(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE batch SET block = zeroblob(length(block))", "block"),
        ("DELETE FROM batch", "order"),
        ("UPDATE batch SET first_seq = first_seq + 1", "order"),
        ("UPDATE head SET before = 0", "order"),
        ("UPDATE segment SET state = 'closed'", "missing"),
        ("UPDATE segment SET number = 9", "misplaced"),
        ("PRAGMA application_id = 1", "unreadable"),
        ("PRAGMA user_version = 9", "unreadable"),
        ("DROP TABLE head", "unreadable"),
    ],
)
def test_damage_to_the_open_segment_is_found(sealed, statement, code):
    change(sealed.journal / "00000004.open", statement)
    assert code in {finding.code for finding in sealed.verify().findings}


def test_an_open_segment_in_place_of_a_sealed_one_breaks_the_chain(sealed, tmp_path):
    (tmp_path / "fork").mkdir()
    fork = new_place(tmp_path / "fork")
    with fork.open() as journal:
        journal.append([new_batch("a", b"1", b"2"), new_batch("b", b"x")])
        journal.rotate(NOW)
    sealed_path(sealed.journal, 1).unlink()
    shutil.copy(fork.journal / "00000001.open", sealed.journal)
    assert codes(sealed) == [(2, "chain")]


def test_the_content_digest_can_be_computed_from_records_alone(sealed):
    path = sealed_path(sealed.journal, 2)
    with path.open("rb") as file:
        assert content_of(path) == read_front(path, file).header.content


def test_what_is_no_journal_is_said(tmp_path, sealed):
    (tmp_path / "empty").mkdir()
    with pytest.raises(JournalError, match="secops init"):
        verify(tmp_path / "empty", load_public_key(sealed.keys))
