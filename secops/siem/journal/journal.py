"""The `Journal`: both ports over a folder of segments, and the keeper's work on it.

How a segment passes through its life, and why a crash between any two steps does no harm:

1. *open* → *closing*: one SQLite commit. From here on nobody can append to it, so its tables no longer change.
2. The next segment is written under a temporary name from those tables, synced, and named. If we die before that, the
   next one who wants to append finds *closing* and does this step, with the same result.
3. *closing* → *closed*. From here on a missing successor is a loss, not a crash, and is never made anew: that would
   give sequence numbers out twice.
4. Sealing writes and syncs the sealed file, checks it, names it, and only then deletes the SQLite file. Readers look
   for the sealed file first, so both may be there.
5. Retention replaces the sealed file by its header with a tombstone, in one rename.

Steps 1-3 are done under `rotate.lock`, 4 and 5 under `seal.lock`. Whoever writes takes `write.lock` last, and nobody
waits for a lock while in a transaction.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from secops.errors import JournalError
from secops.locale import _
from secops.schema.dates import parse_duration
from secops.schema.text import is_name
from secops.settings import JournalSettings
from secops.siem.journal import layout
from secops.siem.journal.catalogue import (
    SegmentInfo,
    list_segments,
    newest_segment,
    size_on_disk,
    tidy,
    unsealed,
)
from secops.siem.journal.codec import prepare
from secops.siem.journal.failure import DamagedError, missing_segment
from secops.siem.journal.keys import load_private_key
from secops.siem.journal.layout import (
    ROTATE_LOCK,
    SEAL_LOCK,
    Step,
    from_micros,
    locked,
    no_step,
    to_micros,
    turn_to_write,
)
from secops.siem.journal.retention import Retired, bury, first_with_data, unread_source
from secops.siem.journal.seal import seal
from secops.siem.journal.sealed import Replaced, SealedSegment, Tombstone
from secops.siem.journal.segment import CLOSED, CLOSING, OPEN, OpenSegment, as_batch, create
from secops.siem.journal.verify import ChainHead
from secops.siem.ports import Drop, NewBatch, RecordBatch

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CACHED_SEGMENTS = 64


def create_journal(folder: Path, site: str, now: datetime) -> None:
    """Make a new, empty journal; the folder may exist, but must hold no segment.

    Raises:
        JournalError: there already is a journal, or the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise layout.folder_error(folder, error) from None
    with locked(folder, ROTATE_LOCK):
        found = layout.numbers(folder)
        if found["open"] or found["sealed"]:
            text = _("{folder}: 原本ログが既にあります。別のフォルダを指定してください。")
            raise JournalError(text.format(folder=folder))
        create(layout.open_path(folder, 1), 1, site, to_micros(now))


class Journal:
    """The journal of a site: `JournalWriter` and `JournalReader`, rotation, sealing and retention.

    Any number of processes may each hold one; within a process it may be shared by threads. ``keys`` is the folder with
    the signing key, which only sealing and retention read. ``step`` is called between steps that must survive a crash.
    """

    def __init__(self, folder: Path, keys: Path | None = None, *, step: Step = no_step) -> None:
        """Open a journal that exists.

        Raises:
            JournalError: there is none, a segment is missing, or it is of a newer version.
        """
        self.folder = folder
        self._keys = keys
        self._step = step
        self._lock = threading.RLock()
        self._current: OpenSegment | None = None
        self._number = 0
        self._version = -1
        self._heads: dict[str, int] = {}
        self._drops: dict[str, dict[str, int]] = {}
        self._tidied = False
        self._segments: OrderedDict[int, SealedSegment | OpenSegment] = OrderedDict()
        with self._usable():
            pass

    def close(self) -> None:
        """Close all files. The object opens them again if it is used afterwards."""
        with self._lock:
            self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # --------------------------------------------------------------------------------------------------------- writing

    def append(
        self,
        batches: Sequence[NewBatch],
        checkpoints: Mapping[str, bytes] | None = None,
        drops: Sequence[Drop] = (),
    ) -> list[int]:
        """Commit batches, checkpoints and drop counts in one durable transaction; see `JournalWriter`."""
        for name in [batch.source for batch in batches] + [drop.source for drop in drops]:
            if not is_name(name):
                raise ValueError(f"not a source name: {name!r}")
        if any(batch.received.tzinfo is None for batch in batches):
            raise ValueError("received must be an aware datetime")
        prepared = [prepare(batch) for batch in batches]
        if not (prepared or checkpoints or drops):
            return []
        with self._usable():
            while True:
                with turn_to_write(self.folder):
                    firsts = self._open_segment().append(prepared, checkpoints or {}, drops)
                if firsts is not None:
                    self._version = -1  # our own commit does not show in the data version
                    return firsts
                self._move_on()

    def checkpoint(self, key: str) -> bytes | None:
        """The value last committed for a collector's key, or None."""
        with self._usable():
            self._refresh()
            return self._open_segment().checkpoint(key)

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose key begins so."""
        with self._usable():
            self._refresh()
            return self._open_segment().checkpoints(prefix)

    # --------------------------------------------------------------------------------------------------------- reading

    def heads(self) -> dict[str, int]:
        """Last sequence number per source; a few microseconds when nothing was appended since the last call."""
        with self._usable():
            self._refresh()
            return dict(self._heads)

    def drops(self) -> dict[str, dict[str, int]]:
        """Per source: reason → number of records dropped before the journal, since the site was made."""
        with self._usable():
            self._refresh()
            return {source: dict(reasons) for source, reasons in self._drops.items()}

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """The next batches behind a sequence number; see `JournalReader`. Ends early where a segment ends.

        Raises:
            DamagedError: stored records cannot be read; it names them.
        """
        while True:
            try:
                found, last = self._read(source, max(after, 0), max_bytes)
            except (Replaced, FileNotFoundError):
                self._drop_cached()
                continue
            if found or last <= after:
                return found
            after = last  # the segment's records were removed: go on behind it

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """The one record as a batch of one, or None where it does not exist or was removed by retention."""
        if seq < 1:
            return None
        found = self.read(source, seq - 1, max_bytes=1)
        if not found or found[0].first_seq != seq:
            return None
        batch = found[0]
        return RecordBatch(source, seq, batch.received, batch.origin, [batch.records[0]])

    def _read(self, source: str, after: int, max_bytes: int) -> tuple[list[RecordBatch], int]:
        """What the segment with the number behind ``after`` has, and that segment's last number."""
        with self._usable():
            self._refresh()
            if self._heads.get(source, 0) <= after:
                return [], after
            segment = self._segment(self._find(source, after + 1))
            last = segment.heads().get(source, (0, 0))[1]
            rows = segment.rows(source, after, max_bytes) if isinstance(segment, OpenSegment) else []
            if last <= after:
                raise DamagedError(segment.path, source, after + 1, after + 1, _("見出しに記録がありません"))
        # Reading sealed files and decompressing need no lock.
        if isinstance(segment, SealedSegment):
            return segment.batches(source, after, max_bytes), last
        return [as_batch(segment.path, row, after) for row in rows], last

    def _find(self, source: str, seq: int) -> int:
        """The segment that has (or had) a sequence number that was given out; halving, newest first."""
        low, high = 1, self._number
        probe = high
        while low < high:
            before, last = self._segment(probe).heads().get(source, (0, 0))
            if seq <= before:
                high = probe - 1
            elif seq > last:
                low = probe + 1
            else:
                return probe
            probe = (low + high + 1) // 2
        return low

    # ------------------------------------------------------------------------------------------------ the open segment

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Hold the lock; after an error start afresh next time, as nothing is known about the connections."""
        with self._lock:
            try:
                self._open_segment()
                yield
            except (JournalError, OSError):
                self._forget()
                raise

    def _forget(self) -> None:
        if self._current is not None:
            self._current.close()
        self._current = None
        self._drop_cached()

    def _drop_cached(self) -> None:
        with self._lock:
            for segment in self._segments.values():
                if isinstance(segment, OpenSegment):
                    segment.close()
            self._segments.clear()

    def _open_segment(self) -> OpenSegment:
        """The connection to the newest segment, which takes appends unless it was closed a moment ago."""
        while self._current is None:
            number = newest_segment(self.folder)
            with suppress(FileNotFoundError):  # rotated and sealed since we looked: look again
                self._use(number)
        return self._current

    def _use(self, number: int) -> None:
        segment = OpenSegment(layout.open_path(self.folder, number))
        if self._current is not None:
            self._current.close()
        self._current, self._number, self._version = segment, number, -1

    def _move_on(self) -> None:
        """Go on from a segment that is closed to the newest, finishing the rotation of whoever died in it."""
        segment, number = self._open_segment(), self._number
        with locked(self.folder, ROTATE_LOCK):
            self._follow(segment)
        segment.close()
        self._current = None
        self._open_segment()
        if self._number <= number:
            raise missing_segment(layout.open_path(self.folder, number + 1))

    def _follow(self, segment: OpenSegment) -> None:
        """Steps 2 and 3 of the module's list, for a segment in state CLOSING; the caller holds the lock."""
        if segment.facts().state != CLOSING:
            return
        after = self._number + 1
        if not layout.exists(self.folder, after):
            segment.write_successor(layout.open_path(self.folder, after))
            self._step("rotate:successor")
        with segment.writing():
            segment.set_state(CLOSED)
        self._step("rotate:closed")

    def _refresh(self) -> None:
        """Learn what other processes committed; next to nothing to do if they did not."""
        while True:
            segment = self._open_segment()
            version = segment.data_version()
            if version == self._version:
                return
            with segment.reading():
                state, heads, drops = segment.state(), segment.heads(), segment.drops()
            if state == OPEN:
                self._heads = {source: last for source, (_before, last) in heads.items() if last}
                self._drops, self._version = drops, version
                return
            self._move_on()

    # ------------------------------------------------------------------------------------------------ the keeper's work

    def rotate_if_due(self, now: datetime, settings: JournalSettings) -> int | None:
        """Close the open segment if it is large or old enough; returns its number, or None if nothing was due."""
        with self._usable():
            self._refresh()
            facts = self._open_segment().facts()
        if facts.first_received is None:
            return None
        large = facts.raw_bytes >= settings.segment_mib << 20
        old = now - from_micros(facts.first_received) >= parse_duration(settings.segment_age)
        return self.rotate(now) if large or old else None

    def rotate(self, now: datetime) -> int | None:
        """Close the open segment and begin the next; returns the closed one's number, or None if it had no records."""
        with self._usable():
            self._refresh()
            with locked(self.folder, ROTATE_LOCK):
                segment, number = self._open_segment(), self._number
                with turn_to_write(self.folder), segment.writing():
                    if segment.takes_appends():
                        if not segment.facts().records:
                            return None
                        segment.set_state(CLOSING, to_micros(now))
                self._step("rotate:closing")
            self._move_on()
        return number

    def seal_closed(self, now: datetime) -> list[int]:
        """Seal every closed segment, oldest first; returns their numbers. Appends and reads go on meanwhile.

        Raises:
            JournalError: the signing key cannot be read, a segment is damaged, or the disk is full; nothing is lost.
        """
        with self._usable():
            self._refresh()
            newest = self._number
        sealed = []
        with locked(self.folder, SEAL_LOCK):
            waiting = unsealed(self.folder, newest)
            if waiting or not self._tidied:
                tidy(self.folder)
                self._tidied = True
            key = self._signing_key() if waiting else None
            for number in waiting:
                assert key is not None
                seal(self.folder, number, key, to_micros(now), self._step)
                sealed.append(number)
        return sealed

    def retain(self, before: datetime, positions: Mapping[str, int], *, now: datetime, by: str, reason: str) -> Retired:
        """Remove the records of sealed segments that were all received before a moment; headers stay for ever.

        ``positions`` has, per source, the lowest position over all sinks: what some sink has not read is not removed.
        ``by`` and ``reason`` go into the signed tombstones.

        Raises:
            JournalError: the signing key or a segment cannot be read, or the disk is full.
        """
        with self._usable():
            self._refresh()
            newest = self._number
        numbers, records, freed, waiting_for = [], 0, 0, ""
        with locked(self.folder, SEAL_LOCK):
            last = (unsealed(self.folder, newest) or [newest])[0] - 1
            for number in range(first_with_data(self.folder, last), last + 1):
                segment = SealedSegment(layout.sealed_path(self.folder, number))
                if segment.header.last_received >= to_micros(before):
                    break
                if waiting_for := unread_source(segment, positions):
                    break
                stone = Tombstone(number, segment.front.digest, to_micros(now), to_micros(before), by, reason)
                freed += bury(segment, stone, self._signing_key(), self._step)
                records += segment.header.records
                numbers.append(number)
        return Retired(tuple(numbers), records, freed, waiting_for)

    def removed(self) -> dict[str, int]:
        """Source → last sequence number whose record retention removed."""
        found: dict[str, int] = {}
        for segment in self.segments():
            if segment.state == "removed":
                found |= {source: last for source, (_first, last) in segment.sources.items()}
        return found

    def _signing_key(self) -> Ed25519PrivateKey:
        if self._keys is None:
            text = _("{folder}: 封印に使う署名鍵のフォルダが指定されていません。")
            raise JournalError(text.format(folder=self.folder))
        return load_private_key(self._keys)

    # ---------------------------------------------------------------------------------------------------------- status

    def segments(self) -> list[SegmentInfo]:
        """All segments, oldest first, including those whose records retention removed."""
        with self._usable():
            self._refresh()
            return list_segments(self.folder, self._number)

    def chain_head(self) -> ChainHead | None:
        """The newest sealed segment with its digest and the time of sealing; None before the first is sealed."""
        with self._usable():
            self._refresh()
            newest = self._number
        last = (unsealed(self.folder, newest) or [newest])[0] - 1
        if not last:
            return None
        front = SealedSegment(layout.sealed_path(self.folder, last)).front
        return ChainHead(last, front.digest, from_micros(front.header.sealed))

    def size_on_disk(self) -> int:
        """Bytes of all files in the journal's folder."""
        return size_on_disk(self.folder)

    # ------------------------------------------------------------------------------------------------- older segments

    def _segment(self, number: int) -> SealedSegment | OpenSegment:
        """A segment for reading, cached; the sealed file as soon as there is one."""
        if number == self._number:
            return self._open_segment()
        cached = self._segments.get(number)
        if isinstance(cached, OpenSegment) and not cached.in_place():
            cached.close()
            cached = None
        if cached is None:
            cached = self._segments[number] = self._load(number)
        self._segments.move_to_end(number)
        while len(self._segments) > _CACHED_SEGMENTS:
            _number, oldest = self._segments.popitem(last=False)
            if isinstance(oldest, OpenSegment):
                oldest.close()
        return cached

    def _load(self, number: int) -> SealedSegment | OpenSegment:
        path = layout.sealed_path(self.folder, number)
        for _attempt in range(2):  # it may be sealed between the two looks
            try:
                return SealedSegment(path)
            except FileNotFoundError:
                try:
                    return OpenSegment(layout.open_path(self.folder, number))
                except FileNotFoundError:
                    continue
        raise missing_segment(path)
