from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.siem.journal import DamagedError
from secops.siem.journal.ahead import ReadAhead
from secops.siem.ports import NewBatch, Origin
from tests.fakes.journal import MemoryJournal

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def journal_of(*sizes, journal=None):
    journal = journal or MemoryJournal()
    for count in sizes:
        journal.append([NewBatch("x", NOW, Origin("file", "text"), [b"line"] * count)])
    return journal


def everything(reader, journal):
    found, after = [], 0
    while (head := journal.heads().get("x", 0)) > after:
        batches = reader.read("x", after, head, 1)
        found += [(batch.first_seq, batch.last_seq) for batch in batches]
        after = batches[-1].last_seq
    return found


def test_every_batch_comes_once_and_in_order():
    journal = journal_of(3, 1, 4, 1, 5)
    reader = ReadAhead(journal)
    assert everything(reader, journal) == [(1, 3), (4, 4), (5, 8), (9, 9), (10, 14)]
    reader.close()


def test_what_was_appended_meanwhile_is_read():
    journal = journal_of(2)
    reader = ReadAhead(journal)
    assert [batch.last_seq for batch in reader.read("x", 0, 2, 1)] == [2]
    assert list(reader.read("x", 2, 2, 1)) == []
    journal.append([NewBatch("x", NOW, Origin("file", "text"), [b"more"])])
    assert [batch.last_seq for batch in reader.read("x", 2, 3, 1)] == [3]
    reader.close()


def test_another_place_than_the_expected_is_read_afresh():
    journal = journal_of(2, 2, 2)
    reader = ReadAhead(journal)
    reader.read("x", 0, 6, 1)
    assert [batch.first_seq for batch in reader.read("x", 4, 6, 1)] == [5]
    reader.close()


class Damaged(MemoryJournal):
    """A journal whose records from 3 on cannot be read."""

    def read(self, source, after, max_bytes=8 << 20):
        if after >= 2:
            raise DamagedError(Path("segment"), source, 3, 4)
        return super().read(source, after, max_bytes)


def test_damage_that_was_met_ahead_is_raised_when_it_is_asked_for():
    reader = ReadAhead(journal_of(2, 2, journal=Damaged()))
    assert [batch.last_seq for batch in reader.read("x", 0, 4, 1)] == [2]
    with pytest.raises(DamagedError):
        reader.read("x", 2, 4, 1)
    reader.close()
