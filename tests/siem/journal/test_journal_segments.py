"""Segments through their life: rotation, sealing, and readers and writers that meet them on the way."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest

from secops.errors import JournalError
from secops.settings import JournalSettings
from secops.siem.journal import Journal, create_journal, create_keys, load_public_key
from secops.siem.journal.layout import EPOCH, from_micros, to_micros
from secops.siem.ports import Drop
from tests.fakes.journal import ORIGIN, new_batch
from tests.siem.journal.places import HOUR, NOW, everything


def test_files_and_folders_are_for_their_owner_only(place, journal):
    journal.append([new_batch("a", b"1")])
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.journal.iterdir()}
    assert modes.pop("00000001.sealed") == 0o400
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(place.journal.stat().st_mode) == 0o700
    assert stat.S_IMODE((place.keys / "journal.key").stat().st_mode) == 0o400


def test_a_segment_rotates_when_it_is_old_or_large(journal):
    settings = JournalSettings(segment_mib=1, segment_age="1h")
    assert journal.rotate_if_due(NOW + 99 * HOUR, settings) is None  # nothing in it
    journal.append([new_batch("a", b"1", received=NOW)])
    assert journal.rotate_if_due(NOW + 0.9 * HOUR, settings) is None
    assert journal.rotate_if_due(NOW + HOUR, settings) == 1
    journal.append([new_batch("a", bytes(1 << 20), received=NOW + HOUR)])
    assert journal.rotate_if_due(NOW + HOUR, settings) == 2
    assert journal.rotate(NOW + HOUR) is None


def test_checkpoints_drops_and_numbers_go_over_into_the_next_segment(place, journal):
    journal.append([new_batch("a", b"1"), new_batch("b", b"x")], {"key": b"value"}, [Drop("a", "too long", 2)])
    for _round in range(3):
        journal.append([new_batch("a", b"1")])
        journal.rotate(NOW)
    with place.open() as other:
        assert other.append([new_batch("a", b"2"), new_batch("b", b"y")], None, [Drop("a", "too long", 1)]) == [5, 2]
        assert other.checkpoint("key") == b"value"
        assert other.drops() == {"a": {"too long": 3}}
    assert everything(journal, "b") == [b"x", b"y"]


def test_a_forgotten_checkpoint_stays_forgotten_in_the_next_segment(place, journal):
    journal.append([new_batch("a", b"1")], {"one": b"1", "two": b"2"})
    journal.rotate(NOW)
    journal.append([new_batch("a", b"2")], {"one": b""})
    journal.rotate(NOW)
    with place.open() as other:
        assert other.checkpoints("") == {"two": b"2"}


def test_other_processes_notice_rotation_and_sealing(place, journal):
    with place.open() as writer, place.open() as reader:
        for round_ in range(4):
            assert writer.append([new_batch("a", b"%d" % round_)]) == [round_ + 1]
            assert reader.heads() == {"a": round_ + 1}
            journal.rotate(NOW)
            assert len(everything(reader)) == round_ + 1  # the closed segment, read in SQLite format …
            journal.seal_closed(NOW)
            assert len(everything(reader)) == round_ + 1  # … and the same one, sealed
        assert writer.checkpoint("nothing") is None
        assert everything(reader) == [b"0", b"1", b"2", b"3"]


def test_reading_goes_on_where_a_segment_is_sealed_meanwhile(place, journal):
    journal.append([new_batch("a", b"1"), new_batch("a", b"2")])
    journal.rotate(NOW)
    journal.append([new_batch("a", b"3")])
    with place.open() as reader:
        first = reader.read("a", 0, max_bytes=1)
        journal.seal_closed(NOW)
        assert [list(batch.records) for batch in first] == [[b"1"]]
        assert everything(reader, after=1) == [b"2", b"3"]
        assert not list(place.journal.glob("00000001.open*"))


def test_sealing_cuts_blocks_of_about_a_megabyte_and_keeps_every_batch(place, journal):
    batches = [
        new_batch("a", *(os.urandom(200_000) for _ in range(12)), origin=replace(ORIGIN, offset=7)),
        new_batch("b", b"x" * 3_000_000),
        *(new_batch("a", b"%d" % index, origin=replace(ORIGIN, offset=index)) for index in range(50)),
    ]
    journal.append(batches)
    journal.rotate(NOW)
    assert journal.seal_closed(NOW) == [1]
    assert everything(journal) == [record for batch in batches if batch.source == "a" for record in batch.records]
    assert everything(journal, "b") == [b"x" * 3_000_000]
    assert len(journal.read("a", 0, max_bytes=1)) == 1
    for seq, offset in ((1, 7), (12, 7), (13, 0), (62, 49)):
        found = journal.record("a", seq)
        assert found is not None
        assert found.origin.offset == offset
    assert place.verify().ok


def test_small_batches_take_much_less_room_once_sealed(journal):
    line = (
        b'{"EventID":4688,"Channel":"Security","Computer":"PC%05d","NewProcessName":"C:\\\\Windows\\\\cmd.exe","n":%d}'
    )
    for index in range(0, 2000, 5):
        journal.append([new_batch("a", *(line % (number % 7, number) for number in range(index, index + 5)))])
    journal.rotate(NOW)
    before = journal.segments()[0]
    journal.seal_closed(NOW)
    after = journal.segments()[0]
    assert (before.state, after.state) == ("closed", "sealed")
    assert after.raw_bytes == before.raw_bytes
    assert after.stored_bytes < 0.2 * before.stored_bytes


def test_the_list_of_segments_and_the_head_of_the_chain(journal):
    assert journal.chain_head() is None
    journal.append([new_batch("a", b"1", b"2", received=NOW), new_batch("b", b"x", received=NOW + HOUR)])
    journal.rotate(NOW + HOUR)
    journal.append([new_batch("b", b"y", received=NOW + HOUR)])
    journal.rotate(NOW + 2 * HOUR)
    assert journal.seal_closed(NOW + 3 * HOUR) == [1, 2]
    assert journal.seal_closed(NOW + 4 * HOUR) == []
    first, second, newest = journal.segments()
    assert [one.state for one in (first, second, newest)] == ["sealed", "sealed", "open"]
    assert first.sources == {"a": (1, 2), "b": (1, 1)}
    assert (first.first_received, first.last_received, first.records) == (NOW, NOW + HOUR, 3)
    assert second.sources == {"b": (2, 2)}
    assert second.previous == first.digest
    assert (newest.sources, newest.records, newest.digest) == ({}, 0, "")
    head = journal.chain_head()
    assert head is not None
    assert (head.segment, head.digest, head.at) == (2, second.digest, NOW + 3 * HOUR)
    assert journal.size_on_disk() >= sum(one.stored_bytes for one in journal.segments())


def test_sealing_without_a_key_says_what_is_missing(place, journal):
    journal.append([new_batch("a", b"1")])
    journal.rotate(NOW)
    with Journal(place.journal) as keyless:
        with pytest.raises(JournalError, match="署名鍵"):
            keyless.seal_closed(NOW)
        assert keyless.append([new_batch("a", b"2")]) == [2]
    assert journal.seal_closed(NOW) == [1]


def test_many_segments_are_searched_by_halving(place, journal):
    for index in range(1, 41):
        journal.append([new_batch("a", b"%d" % index)] if index % 3 else [new_batch("b", b"%d" % index)])
        journal.rotate(NOW)
    journal.seal_closed(NOW)
    with place.open() as reader:
        assert everything(reader) == [b"%d" % index for index in range(1, 41) if index % 3]
        assert everything(reader, "b", after=10) == [b"33", b"36", b"39"]
        found = [reader.record("b", seq) for seq in range(13, 0, -1)]
        assert [one.records[0] for one in found if one] == [b"%d" % index for index in range(39, 0, -3)]


def test_keys_are_made_once_and_read_with_clear_errors(tmp_path):
    create_keys(tmp_path)
    with pytest.raises(JournalError, match="既にあります"):
        create_keys(tmp_path)
    (tmp_path / "journal.pub").chmod(0o600)
    (tmp_path / "journal.pub").write_text("rubbish")
    with pytest.raises(JournalError, match=r"journal\.pub"):
        load_public_key(tmp_path)
    with pytest.raises(JournalError, match=r"journal\.pub"):
        load_public_key(tmp_path / "nowhere")


def test_a_journal_is_made_once_and_never_silently_again(tmp_path):
    with pytest.raises(JournalError, match="ログ保管フォルダを開けません"):
        Journal(tmp_path / "journal")
    (tmp_path / "journal").mkdir()
    with pytest.raises(JournalError, match="secops init"):
        Journal(tmp_path / "journal")
    create_journal(tmp_path / "journal", "demo", NOW)
    with pytest.raises(JournalError, match="既にあります"):
        create_journal(tmp_path / "journal", "demo", NOW)


def test_moments_are_kept_to_the_microsecond():
    moment = EPOCH.replace(year=2199, microsecond=999_999)
    assert from_micros(to_micros(moment)) == moment
