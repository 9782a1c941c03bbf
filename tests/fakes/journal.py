"""A journal in memory: both ports, no files. The contract suite holds it and the real one to the same behaviour."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from secops.schema.text import is_name
from secops.siem.ports import Drop, JournalReader, NewBatch, Origin, RecordBatch

MOMENT = datetime(2026, 4, 1, tzinfo=UTC)
ORIGIN = Origin(kind="file", format="jsonl", path="/logs/a.log")


def new_batch(source: str, *records: bytes, received: datetime = MOMENT, origin: Origin = ORIGIN) -> NewBatch:
    """A batch with everything a test does not care about filled in."""
    return NewBatch(source, received, origin, list(records))


class MemoryJournal:
    """JournalWriter and JournalReader over plain lists; sequence numbers begin at 1, as in the real one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[str, list[RecordBatch]] = {}
        self._heads: dict[str, int] = {}
        self._checkpoints: dict[str, bytes] = {}
        self._drops: dict[str, dict[str, int]] = {}

    def append(
        self,
        batches: Sequence[NewBatch],
        checkpoints: Mapping[str, bytes] | None = None,
        drops: Sequence[Drop] = (),
    ) -> list[int]:
        """Keep everything, or nothing if an argument is wrong; returns the first sequence number of each batch."""
        for name in [one.source for one in batches] + [drop.source for drop in drops]:
            if not is_name(name):
                raise ValueError(f"not a source name: {name!r}")
        if any(batch.received.tzinfo is None for batch in batches):
            raise ValueError("received must be an aware datetime")
        with self._lock:
            firsts = [self._keep(batch) for batch in batches]
            self._checkpoints.update(checkpoints or {})
            self._checkpoints = {key: value for key, value in self._checkpoints.items() if value}
            for drop in drops:
                reasons = self._drops.setdefault(drop.source, {})
                reasons[drop.reason] = reasons.get(drop.reason, 0) + drop.count
        return firsts

    def _keep(self, batch: NewBatch) -> int:
        first = self._heads.get(batch.source, 0) + 1
        if batch.records:
            received = batch.received.astimezone(UTC)
            kept = RecordBatch(batch.source, first, received, batch.origin, list(batch.records))
            self._batches.setdefault(batch.source, []).append(kept)
            self._heads[batch.source] = kept.last_seq
        return first

    def checkpoint(self, key: str) -> bytes | None:
        """The value last committed for a key."""
        with self._lock:
            return self._checkpoints.get(key)

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose key begins so."""
        with self._lock:
            return {key: value for key, value in self._checkpoints.items() if key.startswith(prefix)}

    def heads(self) -> dict[str, int]:
        """Last sequence number per source."""
        with self._lock:
            return dict(self._heads)

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """The next batches behind a sequence number, about ``max_bytes`` of raw records (at least one batch)."""
        found: list[RecordBatch] = []
        size = 0
        with self._lock:
            for batch in self._batches.get(source, ()):
                if batch.last_seq <= after:
                    continue
                size += sum(map(len, batch.records))
                if found and size > max_bytes:
                    break
                found.append(batch.after(after))
        return found

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """The one record as a batch of one, or None."""
        with self._lock:
            for batch in self._batches.get(source, ()):
                if batch.first_seq <= seq <= batch.last_seq:
                    one = batch.records[seq - batch.first_seq]
                    return RecordBatch(source, seq, batch.received, batch.origin, [one])
        return None

    def drops(self) -> dict[str, dict[str, int]]:
        """Per source: reason → number of dropped records."""
        with self._lock:
            return {source: dict(reasons) for source, reasons in self._drops.items()}


def batches_of(reader: JournalReader, source: str, after: int) -> Iterator[RecordBatch]:
    """All batches of a source behind a sequence number, one read at a time."""
    while chunk := reader.read(source, after):
        yield from chunk
        after = chunk[-1].last_seq
