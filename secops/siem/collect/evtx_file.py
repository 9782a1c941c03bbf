"""Windows event log files → one JSON record per event."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import evtx

from secops.locale import _
from secops.siem.collect.evtx_mend import CHUNK_MAGIC, CHUNK_SIZE, HEADER, announced, is_sound, mended, sound_header

HEADER_SIZE = 4096


class Survey(NamedTuple):
    """What a file says of itself before it is parsed.

    ``records`` is how many its headers announce, ``complaint`` what is wrong with it ("" if nothing), ``damaged`` the
    chunks whose check sums are wrong: the parser is told about them one by one.
    """

    records: int
    complaint: str
    chunks: int
    damaged: frozenset[int]


def survey(file: IO[bytes]) -> Survey:
    """Read the headers and check sums. The parser says nothing about what a cut file lacks or what zeros replaced."""
    file.seek(0)
    header = file.read(HEADER_SIZE)
    promised = _promised(header)
    being_written = bool(header[120:121] and header[120] & 1)  # check sums are written when a chunk is full
    records = index = 0
    damaged = set[int]()
    missing = 0
    while chunk := file.read(CHUNK_SIZE):
        if chunk.count(0) == len(chunk):  # reserved and never used, or lost
            missing += index < promised
        else:
            records += announced(chunk)
            if not is_sound(chunk):
                damaged.add(index)
        index += 1
    missing += max(promised - index, 0)
    complaint = ""
    if missing or (damaged and not being_written):
        text = _("チャンク {promised} 個のうち {damaged} 個が壊れ、{missing} 個がありません")
        complaint = text.format(promised=max(promised, index), damaged=len(damaged), missing=missing)
    return Survey(records, complaint, index, frozenset(damaged))


def sound_events(file: IO[bytes], path: str, size: int) -> list[bytes] | None:
    """All events of a small file at a path with which nothing is wrong; None where it has to be looked at closely.

    What `survey` reads and sums up is read and summed up by the parser here; it is silent only about what is missing.
    """
    file.seek(0)
    expected = chunks = 0
    promised = _promised(file.read(HEADER_SIZE))
    for at in range(HEADER_SIZE, size, CHUNK_SIZE):
        file.seek(at)
        count = sound_header(file.read(HEADER))
        if not count:
            return None
        expected += count
        chunks += 1
    if chunks < promised:
        return None
    try:
        parser: Any = evtx.PyEvtxParser(path, number_of_threads=1, validate_checksums=True)
        found = [
            record["data"].encode("utf-8", "surrogatepass")
            for record in parser.records_json()
            if record["event_record_id"]
        ]
    except (RuntimeError, ValueError, OSError):
        return None
    return found if len(found) == expected else None


def _promised(header: bytes) -> int:
    return int.from_bytes(header[42:44], "little")


def events(file: IO[bytes], found: Survey) -> Iterator[bytes | Exception]:
    """The events as JSON bytes; an event that cannot be read is its error, and the next one follows.

    Of damaged chunks the records that are whole are read.
    """
    file.seek(0)
    if not found.damaged:
        yield from _parsed(file)
        return
    header = file.read(HEADER_SIZE)
    for index in range(found.chunks):
        file.seek(HEADER_SIZE + index * CHUNK_SIZE)
        chunk: bytes | None = file.read(CHUNK_SIZE)
        if index in found.damaged:
            chunk = mended(chunk or b"")
        if chunk and chunk[:8] == CHUNK_MAGIC:
            yield from _parsed(io.BytesIO(header + chunk))


def _parsed(file: IO[bytes]) -> Iterator[bytes | Exception]:
    parser: Any = evtx.PyEvtxParser(file, number_of_threads=1)
    found = iter(parser.records_json())
    while True:
        try:
            record = next(found)
            if record["event_record_id"]:  # 0 stands for a gap
                yield record["data"].encode("utf-8", "surrogatepass")
        except StopIteration:
            return
        except RuntimeError as error:
            yield error
