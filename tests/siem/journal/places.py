"""A site's journal and keys in a temporary folder, and how tests look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secops.siem.journal import Journal, Report, create_journal, create_keys, load_public_key, verify
from secops.siem.journal.layout import Step, no_step
from secops.siem.ports import JournalReader
from tests.fakes.journal import batches_of

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """A site's folders."""

    journal: Path
    keys: Path

    def open(self, step: Step = no_step) -> Journal:
        return Journal(self.journal, self.keys, step=step)

    def verify(self) -> Report:
        return verify(self.journal, load_public_key(self.keys))


def new_place(folder: Path) -> Place:
    """An empty journal with keys."""
    create_keys(folder / "keys")
    create_journal(folder / "journal", "demo", NOW)
    return Place(folder / "journal", folder / "keys")


def everything(reader: JournalReader, source: str = "a", after: int = 0) -> list[bytes]:
    """All records of a source behind a number; fails if the numbers have a gap."""
    found: list[bytes] = []
    for batch in batches_of(reader, source, after):
        assert batch.first_seq == after + 1
        found += batch.records
        after = batch.last_seq
    return found
