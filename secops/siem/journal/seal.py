"""From a closed segment to a sealed one: re-block, hash, sign, check, replace.

The original is deleted only after the new file was read back whole and hashed to the same content. A crash at any
moment leaves either the original alone, or both: then the sealed one is complete and only the deletion is left to do.

Records that cannot be read any more do not stop the chain for ever: what is left is sealed, the header names what is
lost (`verify` reports it from then on), and the damaged original is kept beside it as ``.damaged``.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import astuple
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

from secops.durable import place
from secops.errors import JournalError
from secops.locale import _
from secops.siem.journal import layout
from secops.siem.journal.codec import ContentHash, Run, canonical, compress, encode_block
from secops.siem.journal.failure import DamagedError, database_error, missing_segment
from secops.siem.journal.keys import fingerprint
from secops.siem.journal.layout import Step
from secops.siem.journal.sealed import DATA, GENESIS, Block, Header, SealedSegment, write_body
from secops.siem.journal.segment import OPEN, Facts, OpenSegment, Row

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BLOCK_BYTES = 1 << 20
_READ_BYTES = 8 << 20


def previous_digest(folder: Path, number: int) -> str:
    """The digest the header of a segment must name as previous."""
    if number == 1:
        return GENESIS
    path = layout.sealed_path(folder, number - 1)
    try:
        return SealedSegment(path).front.digest
    except FileNotFoundError:
        raise missing_segment(path) from None


def seal(folder: Path, number: int, key: Ed25519PrivateKey, sealed_at: int, step: Step) -> None:
    """Seal one closed segment whose predecessors are sealed; the caller holds the seal lock.

    Raises:
        JournalError: the segment cannot be read at all, or the disk is full; the original stays.
    """
    original, final = layout.open_path(folder, number), layout.sealed_path(folder, number)
    temporary = final.with_name(final.name + ".tmp")
    previous = previous_digest(folder, number)
    segment = OpenSegment(original)
    try:
        if segment.facts().state == OPEN:  # it has a successor, so it cannot be
            raise DamagedError(original)
        with tempfile.TemporaryFile(dir=folder) as blocks:
            builder = _Builder(blocks, original)
            for row in _rows(segment, builder.lose):
                builder.add(row)
            builder.flush()
            header, index = _header(segment, builder, previous, fingerprint(key.public_key()), sealed_at)
            preamble = header.preamble()
            blocks.seek(0)
            write_body(
                temporary, preamble + key.sign(preamble) + DATA, chain([index], iter(lambda: blocks.read(1 << 20), b""))
            )
        if header.lost:
            segment.fold_log()
    except OSError as error:
        raise database_error(final, error) from error
    finally:
        segment.close()
    _read_back(temporary, header)
    step("seal:written")
    place(temporary, final)
    step("seal:placed")
    layout.put_away(original, keep=bool(header.lost))
    step("seal:removed")


def _rows(segment: OpenSegment, lose: Callable[[str, int, int], None]) -> Iterator[Row]:
    """All batches, by source and number, in reads of a few MB each; numbers without a batch are told as lost."""
    for source, (before, last) in sorted(segment.heads().items()):
        after = before
        while after < last:
            rows = segment.rows(source, after, _READ_BYTES)
            for row in rows:
                if row.first_seq <= after or row.last_seq > last:
                    raise DamagedError(segment.path, source, row.first_seq, row.last_seq)
                if row.first_seq > after + 1:
                    lose(source, after + 1, row.first_seq - 1)
                yield row
                after = row.last_seq
            if not rows:
                lose(source, after + 1, last)
                break


class _Builder:
    """Collects rows into blocks of one source and writes them, hashing the records on the way."""

    def __init__(self, out: IO[bytes], path: Path) -> None:
        self._out = out
        self._path = path
        self._runs: list[Run] = []
        self._records: list[bytes] = []
        self._size = 0
        self._source = ""
        self._first = 0
        self.content = ContentHash()
        self.index: list[Block] = []
        self.stored = 0
        self.records = 0
        self.lost: list[tuple[str, int, int]] = []

    def lose(self, source: str, first: int, last: int) -> None:
        """Note records that cannot be read; a block ends before them, as its numbers run on."""
        self.flush()
        self.lost.append((source, first, last))

    def add(self, row: Row) -> None:
        """Take in a row, cutting it where a block is full."""
        if row.source != self._source:
            self.flush()
            self._source = row.source
        try:
            _origin, records = row.content(self._path)
        except DamagedError:
            self.lose(row.source, row.first_seq, row.last_seq)
            return
        origin = json.loads(row.origin)
        self.content.add(row.source, row.first_seq, row.received, canonical(origin), records)
        self.records += len(records)
        offset = origin.pop("offset", None)
        start = 0
        for end in self._cuts(records):
            if not self._records:
                self._first = row.first_seq + start
            self._records += records[start:end]
            self._runs.append(Run(end - start, row.received, origin, offset))
            start = end
            if self._size >= BLOCK_BYTES:
                self.flush()

    def _cuts(self, records: list[bytes]) -> Iterator[int]:
        """Where to cut the records, so that each part fills the block that is being built."""
        for number, record in enumerate(records, 1):
            self._size += len(record)
            if self._size >= BLOCK_BYTES or number == len(records):
                yield number

    def flush(self) -> None:
        """Write the block that is being built."""
        if self._records:
            data = encode_block(self._runs, self._records)
            frame = compress(data)
            digest = hashlib.sha256(frame).hexdigest()
            count = len(self._records)
            self.index.append(Block(self._source, self._first, count, self.stored, len(frame), len(data), digest))
            self._out.write(frame)
            self.stored += len(frame)
        self._runs, self._records, self._size = [], [], 0


def _header(segment: OpenSegment, builder: _Builder, previous: str, key: str, sealed_at: int) -> tuple[Header, bytes]:
    facts: Facts = segment.facts()
    found = builder.records + sum(last - first + 1 for _source, first, last in builder.lost)
    if found != facts.records:
        reason = _("{found} 件(正しくは {expected} 件)").format(found=found, expected=facts.records)
        raise DamagedError(segment.path, reason=reason)
    rows = json.dumps([astuple(block) for block in builder.index], separators=(",", ":")).encode()
    index = compress(rows)
    closed = facts.opened if facts.closed is None else facts.closed
    header = Header(
        segment=facts.number,
        site=facts.site,
        opened=facts.opened,
        closed=closed,
        sealed=sealed_at,
        first_received=facts.opened if facts.first_received is None else facts.first_received,
        last_received=closed if facts.last_received is None else facts.last_received,
        records=builder.records,
        raw_bytes=facts.raw_bytes,
        heads=segment.heads(),
        lost=tuple(builder.lost),
        blocks=len(builder.index),
        block_bytes=builder.stored,
        index_bytes=len(index),
        index_size=len(rows),
        index_sha256=hashlib.sha256(index).hexdigest(),
        content=builder.content.hexdigest(),
        previous=previous,
        key=key,
    )
    return header, index


def _read_back(path: Path, header: Header) -> None:
    """Hash the records again as a reader gets them from the new file."""
    from secops.siem.journal.verify import content_of

    if content_of(path) != header.content:
        text = _("{path}: 封印したファイルを読み返したところ内容が一致しません。元のファイルを残します。")
        raise JournalError(text.format(path=path))
