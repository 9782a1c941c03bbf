"""Parts of large files of lines, so that several processes can share one file.

A slice owns the lines that *begin* in it. Which slices a file is cut into depends on its bytes alone, and the slices of
a file together give exactly the records that reading it as a whole gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from secops.siem.collect.containers import EVTX_MAGIC, MAGIC, container
from secops.siem.collect.lines import WIDE, LineSplitter, byte_order_mark, byte_order_of
from secops.siem.collect.recognise import SAMPLE, Guess, is_no_evtx, recognise
from secops.siem.collect.streams import CHUNK
from secops.siem.collect.whole import Chunk, Item, Wanted, read_evtx, read_whole
from secops.siem.ports import Origin

SIZE = 24 << 20  # bytes
_SHORT = 80  # bytes; a longer line is not looked at whether it is blank, and is then said to be unreadable
_AT_ONCE = 64 << 20  # bytes; more are in a slice only where it ends in a line that is itself very long
_JSON = frozenset({"windows_json", "json"})


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes of a file from ``start`` up to ``stop``; without a guess it is the whole file, of whatever kind."""

    path: Path
    start: int
    stop: int
    guess: Guess | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.stop - self.start


def slices(path: Path, size: int = SIZE) -> list[Slice]:
    """What a file is cut into; what cannot be opened is one slice, and the error comes when it is read.

    A file that is small enough for one slice is opened when it is read, and not before.
    """
    try:
        length = path.stat().st_size
        if length <= size:
            return [Slice(path, 0, length)]
        with path.open("rb") as file:
            guess = _of_lines(file.read(SAMPLE), path.name)
    except OSError:
        return [Slice(path, 0, 0)]
    if guess is None:
        return [Slice(path, 0, length)]
    return [Slice(path, start, min(start + size, length), guess) for start in range(0, length, size)]


def _of_lines(sample: bytes, name: str) -> Guess | None:
    """What a file of lines is that begins so; None for every other."""
    if not sample or container(sample) or is_no_evtx(sample, name):
        return None
    guess = recognise(sample, name)
    if guess.layout != "lines" or byte_order_of(guess.encoding) in WIDE:
        return None
    mark = byte_order_mark(sample)
    return replace(guess, encoding=mark[0] if mark else guess.encoding)


def read_slice(one: Slice, wanted: Wanted, progress: Callable[[int], None] = lambda _bytes: None) -> Iterator[Item]:
    """The records of a slice, as `read_whole` would give them; lines of JSON may keep their newline and their length.

    Raises OSError where the file cannot be opened or the disk fails.
    """
    guess = one.guess
    if guess is None:
        with one.path.open("rb", buffering=0) as raw:
            start = raw.read(MAGIC)
            if start.startswith(EVTX_MAGIC):
                yield from read_evtx(raw, one.path, one.size, wanted, progress)
                return
            raw.seek(0)
            guess = _of_lines(raw.read(SAMPLE), one.path.name) if one.stop else None
    if guess is None:
        yield from read_whole(one.path, wanted, progress)
        return
    with one.path.open("rb", buffering=1 << 20) as file:
        yield from _read_lines(file, one, guess, wanted)
    progress(one.size)


def _read_lines(file: BinaryIO, one: Slice, guess: Guess, wanted: Wanted) -> Iterator[Item]:
    origin = Origin(
        wanted.kind, wanted.format or guess.format, guess.encoding,
        path=str(one.path), zone=wanted.zone, timezone=wanted.timezone,
    )  # fmt: skip
    mark = byte_order_mark(file.read(4))
    at = _line_start(file, one.start) if one.start else (mark[1] if mark else 0)
    left = _line_start(file, one.stop) - at
    file.seek(at)
    if origin.format in _JSON and guess.encoding == "utf-8" and left <= _AT_ONCE:
        yield Chunk(replace(origin, offset=at), _lines(file, left))
        return
    splitter = LineSplitter(guess.encoding, offset=at)
    while left > 0 and (data := file.read(min(max(CHUNK, one.size), left))):
        left -= len(data)
        for piece in splitter.feed(data):
            yield Chunk(replace(origin, offset=piece.offset, note=piece.note), piece.records)
    for piece in splitter.finish():
        yield Chunk(replace(origin, offset=piece.offset, note=piece.note), piece.records)


def _lines(file: BinaryIO, left: int) -> list[bytes]:
    """All lines of the next bytes but blank ones; they keep their newline, which JSON does not mind."""
    lines: list[bytes] = []
    while left > 0:
        # It reads on until the lines are *longer* than it is told, and 0 would be no limit.
        more = file.readlines(left - 1) if left > 1 else [file.readline()]
        if not any(more):
            break
        lines += more
        left -= sum(map(len, more))
    return [line for line in lines if not line.isspace()] if min(map(len, lines), default=0) < _SHORT else lines


def _line_start(file: BinaryIO, offset: int) -> int:
    """Where the first line begins that begins at or behind an offset; the end of the file where none does."""
    at = offset - 1
    file.seek(at)
    while block := file.read(64 << 10):
        found = block.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(block)
    return at
