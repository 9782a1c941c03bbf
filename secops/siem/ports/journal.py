"""Raw records, and the journal that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch of records came from, so that each can be found again and decoded the same way at any later time.

    ``kind`` is ``file``, ``syslog`` or ``import``. ``format`` is a normalizer's name, ``encoding`` the Python codec of
    the bytes. ``path`` and ``offset`` (bytes, of the first record; for EVTX the record number) are for files, ``peer``
    (``ip:port/udp``) for the network. ``header`` is the CSV header line of the file, decoded.
    ``note`` says what was unusual (``truncated``, ``part 2 of an overlong line``). ``timezone`` is the IANA name of the
    zone in which times without an offset are meant; None is Asia/Tokyo.
    """

    kind: str
    format: str
    encoding: str = "utf-8"
    path: str | None = None
    offset: int | None = None
    peer: str | None = None
    header: str | None = None
    zone: str | None = None
    note: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Records of one source that are to be journaled together; ``received`` is when the collector had them."""

    source: str
    received: datetime
    origin: Origin
    records: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Journaled records of one source: ``records[i]`` has the sequence number ``first_seq + i``."""

    source: str
    first_seq: int
    received: datetime
    origin: Origin
    records: Sequence[bytes]

    @property
    def last_seq(self) -> int:
        """Sequence number of the last record."""
        return self.first_seq + len(self.records) - 1

    def after(self, seq: int) -> RecordBatch:
        """The part of the batch behind a sequence number (itself, if all of it is)."""
        skip = seq - self.first_seq + 1
        if skip <= 0:
            return self
        return RecordBatch(self.source, self.first_seq + skip, self.received, self.origin, self.records[skip:])


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that a collector had to let go before the journal, with the reason; part of ``received``."""

    source: str
    reason: str
    count: int


class JournalWriter(Protocol):
    """The durable side of the journal. Safe to call from one thread; several processes may each hold one."""

    def append(
        self,
        batches: Sequence[NewBatch],
        checkpoints: Mapping[str, bytes] | None = None,
        drops: Sequence[Drop] = (),
    ) -> list[int]:
        """Commit batches, checkpoints and drop counts in one durable transaction.

        A checkpoint whose value is empty is forgotten: its key is there no more.
        Returns the first sequence number of each batch. When it returns, the records survive power loss; when it
        raises, nothing of the call was kept.

        Raises:
            JournalError: the disk is full, the folder is gone, …; the caller may retry.
        """
        ...

    def checkpoint(self, key: str) -> bytes | None:
        """The value last committed for a collector's key (``file:<source>:<identity>``), or None."""
        ...

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose key begins so."""
        ...


class JournalReader(Protocol):
    """The reading side. Transactions are short: no open cursor outlives a call or a step of an iterator.

    Safe to call from several threads.
    """

    def heads(self) -> dict[str, int]:
        """Last sequence number per source; cheap enough to ask ten times a second."""
        ...

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """The next batches of a source behind a sequence number, about ``max_bytes`` of raw records (at least one).

        Empty at the end. Batches are in order and without a gap, except where retention removed records.
        """
        ...

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """The one record as a batch of one, or None where it does not exist or was removed by retention."""
        ...

    def drops(self) -> dict[str, dict[str, int]]:
        """Per source: reason → number of records dropped before the journal, since the site was made."""
        ...
