"""What the scripts of this folder share: a clock to turn, and short ways to look into a journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from secops.siem.collect.commit import Delivery
from secops.siem.ports import RecordBatch
from tests.fakes.journal import MemoryJournal


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.time = datetime(2026, 4, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def turn(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Polled(Protocol):
    def poll(self) -> Delivery | None: ...


def drain(poller: Polled, journal: MemoryJournal) -> None:
    """Poll and commit until there is nothing more."""
    while delivery := poller.poll():
        journal.append(delivery.batches, delivery.checkpoints)


def batches(journal: MemoryJournal, source: str) -> list[RecordBatch]:
    return list(journal.read(source, 0, 1 << 40))


def records(journal: MemoryJournal, source: str) -> list[bytes]:
    return [record for batch in batches(journal, source) for record in batch.records]
