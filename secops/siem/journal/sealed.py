r"""The file of a sealed segment. Every byte is covered by the signature, directly or through a digest.

    16 bytes   b"secops-journal", version, b"\n"
    u32        length of the header
    header     JSON (`Header`): what is in the segment, the digest of its content, the previous segment's digest
    64 bytes   Ed25519 signature over all of the above
    1 byte     b"D": index and blocks follow · b"T": retention removed them, a tombstone follows

    D  index   zstd of JSON, one row a block: source, first seq, count, place, stored size, size, SHA-256 as stored
       blocks  zstd frames of about 1 MB (`codec.encode_block`), by source, then by sequence number
    T  u32     length of the tombstone
       JSON    (`Tombstone`), then 64 bytes: Ed25519 signature over the segment's digest (32 bytes) and this JSON

The segment's **digest** is the SHA-256 of everything before the first signature. It is what the next header names as
``previous``: so the digests form the chain. ``content`` in the header is `codec.ContentHash` over all records, which an
auditor can compute again from records alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from secops.durable import write_new
from secops.siem.journal.codec import CodecError, Run, canonical, decode_block, decompress, make_origin
from secops.siem.journal.failure import DamagedError, newer_version
from secops.siem.journal.layout import from_micros
from secops.siem.ports import RecordBatch

VERSION = 1
_NAME = b"secops-journal"
MAGIC = _NAME + bytes([VERSION]) + b"\n"
SIGNATURE_BYTES = 64
DATA, TOMBSTONE = b"D", b"T"
GENESIS = "0" * 64  # what the first segment names as previous
_LONGEST_HEADER = 64 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a segment for ever. Times are microseconds since 1970 UTC, digests hex.

    ``heads`` has, for every source that ever had records, its last sequence number before the segment and at its end.
    ``lost`` has source, first and last number of records that could not be read any more when the segment was sealed.
    """

    segment: int
    site: str
    opened: int
    closed: int
    sealed: int
    first_received: int
    last_received: int
    records: int
    raw_bytes: int
    heads: Mapping[str, tuple[int, int]]
    lost: tuple[tuple[str, int, int], ...]
    blocks: int
    block_bytes: int
    index_bytes: int
    index_size: int
    index_sha256: str
    content: str
    previous: str
    key: str

    def preamble(self) -> bytes:
        """The signed bytes at the beginning of the file."""
        data = canonical(asdict(self)).encode()
        return MAGIC + struct.pack("<I", len(data)) + data


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Why the records of a segment are gone: removed ``at``, being received before ``before``, ``by`` whom."""

    segment: int
    digest: str
    at: int
    before: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block is: ``place`` counts from the first block, ``size`` is what it decompresses to."""

    source: str
    first_seq: int
    count: int
    place: int
    stored: int
    size: int
    sha256: str

    @property
    def last_seq(self) -> int:
        """Sequence number of the last record."""
        return self.first_seq + self.count - 1


def digest_of(preamble: bytes) -> str:
    """A segment's digest."""
    return hashlib.sha256(preamble).hexdigest()


def signed_removal(digest: str, tombstone: bytes) -> bytes:
    """The bytes that the signature of a tombstone covers."""
    return bytes.fromhex(digest) + tombstone


@dataclass(frozen=True, slots=True)
class Front:
    """The beginning of a sealed file: header, and what follows it.

    ``digest`` is computed from the bytes read. ``body`` is the offset of the index, or of the tombstone's length.
    """

    header: Header
    preamble: bytes
    signature: bytes
    digest: str
    kind: bytes
    body: int
    file_size: int

    @property
    def blocks_at(self) -> int:
        """Offset of the first block."""
        return self.body + self.header.index_bytes


def read_front(path: Path, file: BinaryIO) -> Front:
    """Read the beginning of a sealed file.

    Raises:
        DamagedError: it cannot be understood; JournalError: it is of a newer version.
    """
    file_size = os.fstat(file.fileno()).st_size
    start = file.read(len(MAGIC) + 4)
    if len(start) < len(MAGIC) + 4 or not start.startswith(_NAME) or start[15:16] != b"\n":
        raise DamagedError(path)
    if start[14] > VERSION:
        raise newer_version(path, start[14], VERSION)
    (size,) = struct.unpack("<I", start[len(MAGIC) :])
    if start[14] != VERSION or size > min(_LONGEST_HEADER, file_size):
        raise DamagedError(path)
    data, signature, kind = file.read(size), file.read(SIGNATURE_BYTES), file.read(1)
    if kind not in {DATA, TOMBSTONE}:
        raise DamagedError(path)
    header = _parse_header(path, data)
    preamble = start + data
    body = len(preamble) + SIGNATURE_BYTES + 1
    return Front(header, preamble, signature, digest_of(preamble), kind, body, file_size)


def _parse_header(path: Path, data: bytes) -> Header:
    try:
        values = json.loads(data)
        heads = {str(source): (int(before), int(last)) for source, (before, last) in values.pop("heads").items()}
        lost = tuple((str(source), int(first), int(last)) for source, first, last in values.pop("lost"))
        header = Header(**values, heads=heads, lost=lost)
        numbers = [values[name] for name in ("segment", "blocks", "block_bytes", "index_bytes", "index_size")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(path, reason=str(error)) from None
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise DamagedError(path)
    return header


def read_index(path: Path, file: BinaryIO, front: Front) -> list[Block]:
    """The index of a file that has its data.

    Raises:
        DamagedError: it is not the one the header names.
    """
    file.seek(front.body)
    stored = file.read(front.header.index_bytes)
    if hashlib.sha256(stored).hexdigest() != front.header.index_sha256:
        raise DamagedError(path, reason="index")
    try:
        return [Block(*row) for row in json.loads(decompress(stored, front.header.index_size))]
    except (CodecError, ValueError, TypeError) as error:
        raise DamagedError(path, reason=str(error)) from None


def read_tombstone(path: Path, file: BinaryIO, front: Front) -> tuple[Tombstone, bytes, bytes]:
    """The tombstone, its bytes and its signature.

    Raises:
        DamagedError: there is none that can be read.
    """
    file.seek(front.body)
    rest = file.read()
    try:
        (size,) = struct.unpack_from("<I", rest)
        data, signature = rest[4 : 4 + size], rest[4 + size :]
        return Tombstone(**json.loads(data)), data, signature
    except (struct.error, ValueError, TypeError) as error:
        raise DamagedError(path, reason=str(error)) from None


class Replaced(Exception):  # noqa: N818 -- not an error: the reader looks again
    """The file was replaced since it was looked at (retention put a tombstone in its place)."""


class SealedSegment:
    """A sealed file for reading. Holds no file open, so that one removed by retention gives its space back at once."""

    def __init__(self, path: Path) -> None:
        """Read the header, and the tombstone if there is one.

        Raises:
            FileNotFoundError: there is no such file; DamagedError: it cannot be understood.
        """
        self.path = path
        with path.open("rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            self.front = read_front(path, file)
            self.tombstone: Tombstone | None = None
            self._blocks: dict[str, list[Block]] | None = None  # read when first needed
            if self.front.kind == TOMBSTONE:
                self.tombstone = read_tombstone(path, file, self.front)[0]

    @property
    def header(self) -> Header:
        """What is kept for ever."""
        return self.front.header

    def heads(self) -> Mapping[str, tuple[int, int]]:
        """Per source: last number before the segment, last number."""
        return self.header.heads

    def batches(self, source: str, after: int, max_bytes: int) -> list[RecordBatch]:
        """The batches behind ``after``, at least one, until about ``max_bytes`` are together; [] once removed.

        Raises:
            Replaced: look again; DamagedError: a block cannot be read.
        """
        found: list[RecordBatch] = []
        size = 0
        with self.path.open("rb") as file:
            if os.fstat(file.fileno()).st_ino != self._inode:
                raise Replaced
            blocks = self._index(file).get(source, [])
            for block in blocks[bisect_right(blocks, after, key=lambda block: block.last_seq) :]:
                size += block.size
                if found and size > max_bytes:
                    break
                found += self._decode(file, block, after)
        return found

    def _index(self, file: BinaryIO) -> dict[str, list[Block]]:
        if self._blocks is None:
            blocks: dict[str, list[Block]] = {}
            if self.front.kind == DATA:
                for block in read_index(self.path, file, self.front):
                    blocks.setdefault(block.source, []).append(block)
            self._blocks = blocks
        return self._blocks

    def _decode(self, file: BinaryIO, block: Block, after: int) -> Iterator[RecordBatch]:
        file.seek(self.front.blocks_at + block.place)
        try:
            runs, records = decode_block(decompress(file.read(block.stored), block.size), block.count)
        except CodecError as error:
            raise DamagedError(self.path, block.source, block.first_seq, block.last_seq, str(error)) from error
        return runs_as_batches(block, runs, records, after)


def runs_as_batches(block: Block, runs: list[Run], records: list[bytes], after: int) -> Iterator[RecordBatch]:
    """A block's runs as batches, from behind ``after``."""
    start = 0
    for run in runs:
        first, end = block.first_seq + start, start + run.count
        if first + run.count - 1 > after:
            part = records if run.count == len(records) else records[start:end]
            origin = make_origin(run.origin_values())
            yield RecordBatch(block.source, first, from_micros(run.received), origin, part).after(after)
        start = end


def write_body(path: Path, front: bytes, body: Iterable[bytes]) -> None:
    """Write a whole sealed file, which its owner may only read, and sync it."""
    path.unlink(missing_ok=True)
    write_new(path, chain([front], body), 0o400)
