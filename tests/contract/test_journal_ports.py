"""What every journal promises its writers and readers, held against the real one and the fake in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

import pytest

from secops.siem.journal import Journal, create_journal, create_keys
from secops.siem.ports import Drop, JournalReader, JournalWriter, NewBatch, Origin
from tests.fakes.journal import MOMENT, MemoryJournal, batches_of, new_batch


class BothPorts(JournalWriter, JournalReader, Protocol):
    """A journal for writing and reading."""


def real(folder: Path) -> Iterator[BothPorts]:
    create_journal(folder / "journal", "demo", MOMENT)
    with Journal(folder / "journal") as journal:
        yield journal


def rotated_after_every_append(folder: Path) -> Iterator[BothPorts]:
    """Every batch lies in a segment of its own; the older ones are sealed."""
    create_keys(folder / "keys")
    create_journal(folder / "journal", "demo", MOMENT)

    class Restless(Journal):
        def append(self, *args, **kwargs):
            firsts = super().append(*args, **kwargs)
            self.rotate(MOMENT)
            self.seal_closed(MOMENT)
            return firsts

    with Restless(folder / "journal", folder / "keys") as journal:
        yield journal


def in_memory(_folder: Path) -> Iterator[BothPorts]:
    yield MemoryJournal()


@pytest.fixture(params=[real, rotated_after_every_append, in_memory])
def journal(request, tmp_path) -> Iterator[BothPorts]:
    make: Callable[[Path], Iterator[BothPorts]] = request.param
    yield from make(tmp_path)


def test_an_empty_journal_has_nothing(journal):
    assert journal.heads() == {}
    assert journal.drops() == {}
    assert list(journal.read("a", 0)) == []
    assert journal.record("a", 1) is None
    assert journal.checkpoint("file:a:1") is None
    assert journal.checkpoints("file:") == {}


def test_numbers_begin_at_one_and_run_on_per_source(journal):
    assert journal.append([new_batch("a", b"1", b"2"), new_batch("b", b"x"), new_batch("a", b"3")]) == [1, 1, 3]
    assert journal.append([new_batch("b", b"y"), new_batch("a", b"4")]) == [2, 4]
    assert journal.heads() == {"a": 4, "b": 2}


def test_what_was_appended_is_read_back_with_all_that_belongs_to_it(journal):
    origin = Origin(
        kind="file",
        format="skysea",
        encoding="cp932",
        path="/ログ/\udcff操作.csv",  # a file name that is not valid UTF-8
        offset=1 << 40,
        header="日時,氏名",
        zone="lgwan",
        note="truncated",
        timezone="Europe/London",
    )
    received = datetime(2026, 11, 23, 2, 4, 11, 123456, tzinfo=timezone(timedelta(hours=9)))
    records = [b"", b"\x00\xff\n\r", "日本".encode("cp932"), b"x" * 300_000]
    journal.append([NewBatch("a", received, origin, records)])
    (batch,) = journal.read("a", 0)
    assert (batch.source, batch.first_seq, batch.last_seq) == ("a", 1, 4)
    assert batch.received == received
    assert batch.received.tzinfo == UTC
    assert batch.origin == origin
    assert list(batch.records) == records


def test_reading_goes_on_in_the_middle_of_a_batch(journal):
    journal.append([new_batch("a", b"1", b"2", b"3")])
    journal.append([new_batch("b", b"x"), new_batch("a", b"4")])
    found = list(batches_of(journal, "a", 1))
    assert [(batch.first_seq, list(batch.records)) for batch in found] == [(2, [b"2", b"3"]), (4, [b"4"])]
    assert list(journal.read("a", 4)) == []
    assert list(journal.read("a", 99)) == []
    assert list(journal.read("nobody", 0)) == []


def test_a_read_is_about_max_bytes_but_at_least_one_batch(journal):
    journal.append([new_batch("a", bytes([65 + index]) * 1000) for index in range(10)])
    assert len(journal.read("a", 0, max_bytes=1)) >= 1
    first = journal.read("a", 0, max_bytes=3500)
    assert first[0].first_seq == 1
    whole = [record for batch in batches_of(journal, "a", 0) for record in batch.records]
    assert [record[0] - 64 for record in whole] == list(range(1, 11))


def test_one_record_is_found_by_its_number(journal):
    journal.append([new_batch("a", b"1", b"2", b"3")])
    journal.append([new_batch("a", b"4")])
    found = journal.record("a", 2)
    assert found is not None
    assert (found.source, found.first_seq, list(found.records)) == ("a", 2, [b"2"])
    assert found.received == MOMENT
    assert [journal.record("a", seq) for seq in (-1, 0, 5)] == [None, None, None]


def test_an_empty_batch_takes_no_number(journal):
    assert journal.append([new_batch("a"), new_batch("a", b"1"), new_batch("a")]) == [1, 1, 2]
    assert journal.heads() == {"a": 1}
    assert journal.append([]) == []


def test_checkpoints_are_kept_and_found_by_prefix(journal):
    journal.append([new_batch("a", b"1")], {"file:a:1": b"\x00one", "file:a:2": b"two", "file:b:1": b"\x00"})
    journal.append([], {"file:a:2": b"two again"})
    assert journal.checkpoint("file:a:1") == b"\x00one"
    assert journal.checkpoint("file:b:1") == b"\x00"
    assert journal.checkpoint("file:a") is None
    assert journal.checkpoints("file:a:") == {"file:a:1": b"\x00one", "file:a:2": b"two again"}
    assert journal.checkpoints("file:_:") == {}


def test_an_empty_checkpoint_is_forgotten_with_what_is_committed_beside_it(journal):
    journal.append([], {"file:a:1": b"one", "file:a:2": b"two"})
    assert journal.append([new_batch("a", b"1")], {"file:a:1": b"", "file:a:3": b"three", "file:a:4": b""}) == [1]
    assert journal.checkpoint("file:a:1") is None
    assert journal.checkpoints("file:") == {"file:a:2": b"two", "file:a:3": b"three"}
    journal.append([], {"file:a:1": b"again"})
    assert journal.checkpoint("file:a:1") == b"again"


def test_drops_add_up_per_source_and_reason(journal):
    journal.append([], None, [Drop("a", "too long", 2), Drop("a", "queue full", 1)])
    journal.append([new_batch("b", b"1")], None, [Drop("a", "too long", 3)])
    assert journal.drops() == {"a": {"too long": 5, "queue full": 1}}
    assert journal.heads() == {"b": 1}


def test_a_wrong_argument_keeps_nothing_of_the_call(journal):
    with pytest.raises(ValueError, match=r"a\.b"):
        journal.append([new_batch("a", b"1"), new_batch("a.b", b"1")], {"key": b"value"})
    with pytest.raises(ValueError, match="aware"):
        journal.append([new_batch("a", b"1", received=datetime(2026, 4, 1))], {"key": b"value"})  # noqa: DTZ001 -- naive on purpose
    assert journal.heads() == {}
    assert journal.checkpoint("key") is None


def test_what_a_reader_was_given_does_not_change_afterwards(journal):
    journal.append([new_batch("a", b"1")])
    heads, batches = journal.heads(), journal.read("a", 0)
    journal.append([new_batch("a", b"2")])
    assert heads == {"a": 1}
    assert [list(batch.records) for batch in batches] == [[b"1"]]
    assert journal.heads() == {"a": 2}
