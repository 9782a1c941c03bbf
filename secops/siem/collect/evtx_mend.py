r"""A damaged chunk of an EVTX file → one that the parser reads as far as its records are whole.

Layout ([MS-EVEN6], libevtx): 512 bytes of header (magic, first and last record number at 8 and 16, end of the records
at 48, CRC-32 of the records at 52, of the header at 124; from 128 two tables that only save time), then the records:
``**\0\0``, size at 4, record number at 8, content from 24, the size again in the last four bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

CHUNK_SIZE = 65_536
CHUNK_MAGIC = b"ElfChnk\x00"
HEADER = 512  # bytes
_RECORD_MAGIC = b"**\x00\x00"
_SMALLEST = 40  # bytes of a gap that a record without content can stand in for
_NOTHING = b"\x0f\x01\x01\x00\x00"  # binary XML: the beginning of a fragment, and its end


class Found(NamedTuple):
    """A record that is whole from its first to its last byte: where it begins, how long it is, its number."""

    start: int
    size: int
    number: int


def is_sound(chunk: bytes) -> bool:
    """Whether magic, length and both check sums are right."""
    return (
        len(chunk) == CHUNK_SIZE and _header_is_sound(chunk) and crc32(chunk[HEADER : _end(chunk)]) == _u32(chunk, 52)
    )


def announced(chunk: bytes) -> int:
    """How many records the header says there are; of a header that makes no sense, how many are found."""
    return _announced(chunk) or len(list(records(chunk)))


def sound_header(head: bytes) -> int:
    """How many records a chunk has by its header; 0 where something is wrong with that."""
    return _announced(head) if len(head) == HEADER and _header_is_sound(head) else 0


def _announced(head: bytes) -> int:
    """How many records the header says there are; 0 for a header that makes no sense."""
    if head[:8] == CHUNK_MAGIC:
        first, last = int.from_bytes(head[8:16], "little"), int.from_bytes(head[16:24], "little")
        if 0 < first <= last < first + CHUNK_SIZE // 28:
            return last - first + 1
    return 0


def records(chunk: bytes) -> Iterator[Found]:
    """The whole records. What stands between two of them is skipped; a smaller number is a remnant of older use."""
    at, number = HEADER, 0
    end = _end(chunk) if _header_is_sound(chunk) else len(chunk)
    while (at := chunk.find(_RECORD_MAGIC, at, end)) >= 0:
        found = Found(at, _u32(chunk, at + 4), int.from_bytes(chunk[at + 8 : at + 16], "little"))
        whole = 28 < found.size <= end - at and _u32(chunk, at + found.size - 4) == found.size
        if not whole or not found.number:
            at += 1
            continue
        if found.number <= number:
            return
        yield found
        at, number = at + found.size, found.number


def mended(chunk: bytes) -> bytes | None:
    """A chunk with the whole records where they were (they refer to each other by place); None if there is none.

    Gaps become records without content, with the number 0.
    """
    kept = [Found(HEADER, 0, 0)]
    for record in records(chunk):
        if not 0 < record.start - (kept[-1].start + kept[-1].size) < _SMALLEST:
            kept.append(record)
    if len(kept) == 1:
        return None
    data = bytearray(chunk.ljust(CHUNK_SIZE, b"\x00"))
    for before, record in pairwise(kept):
        gap = before.start + before.size
        if size := record.start - gap:
            data[gap : gap + 24] = _RECORD_MAGIC + size.to_bytes(4, "little") + bytes(16)
            data[gap + 24 : gap + 29] = _NOTHING
            data[record.start - 4 : record.start] = size.to_bytes(4, "little")
    last = kept[-1]
    data[:8] = CHUNK_MAGIC
    numbers = kept[1].number.to_bytes(8, "little") + last.number.to_bytes(8, "little")
    data[8:40] = numbers * 2
    ends = (128, last.start, last.start + last.size)
    data[40:52] = b"".join(one.to_bytes(4, "little") for one in ends)
    data[128:HEADER] = bytes(HEADER - 128)
    return bytes(data)


def _header_is_sound(chunk: bytes) -> bool:
    right = crc32(chunk[128:HEADER], crc32(chunk[:120])) == _u32(chunk, 124)
    return chunk[:8] == CHUNK_MAGIC and right and HEADER <= _end(chunk) <= CHUNK_SIZE


def _end(chunk: bytes) -> int:
    return _u32(chunk, 48)


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
