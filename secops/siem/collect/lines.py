"""Bytes of a log file → records, without I/O: lines, CSV rows with quoted newlines, UTF-16, overlong lines.

The records are a function of the bytes alone: however the input is cut into chunks, the same records with the same
offsets come out. That is what makes a checkpoint (an offset and a part number) enough to go on after a crash.

A newline byte (0x0A) is never part of a character in UTF-8, CP932 and EUC-JP; in UTF-16 it is two bytes at an even
offset. Blank lines are not records. Nothing else is left out: NUL bytes and invalid sequences stay as they are.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Protocol

MAX_RECORD = 1 << 20  # bytes; a longer line becomes several records, so that one line cannot fill the memory
MAX_ROW = 64 << 10  # bytes; a CSV row over several lines that is longer has an unclosed quote
WIDE = {"utf-16-le": b"\n\x00", "utf-16-be": b"\x00\n"}
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
UNCLOSED = "unclosed quote"
_PART = re.compile(r"part (\d+) of an overlong line")
CUT = "truncated"


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records; ``offset`` is that of the first one's first byte, ``note`` says what was unusual."""

    offset: int
    records: list[bytes]
    note: str | None = None


class Splitter(Protocol):
    """Cuts a stream of bytes into records; ``offset`` and ``part`` are where to go on after a restart."""

    offset: int
    part: int

    def feed(self, data: bytes) -> list[Piece]:
        """The records that are complete now."""
        ...

    def finish(self) -> list[Piece]:
        """What is left when no more bytes will come."""
        ...

    @property
    def held(self) -> bytes:
        """Bytes from ``offset`` on that wait for the end of their record."""
        ...


def byte_order_mark(start: bytes) -> tuple[str, int] | None:
    """The encoding that a byte order mark at the start of a file announces, and the length of the mark."""
    return next(((name, len(mark)) for mark, name in BOMS if start.startswith(mark)), None)


def byte_order_of(encoding: str) -> str:
    """The setting ``utf-16`` without a mark in the file is little-endian, as Windows writes it."""
    return "utf-16-le" if encoding == "utf-16" else encoding


def part_note(part: int) -> str:
    """The note of a part of an overlong line; parts count from 1."""
    return f"part {part} of an overlong line"


def is_part(note: str | None) -> int:
    """Which part of an overlong line a note speaks of; 0 where it does not."""
    found = _PART.fullmatch(note) if note else None
    return int(found[1]) if found else 0


def whole_characters(data: bytes, encoding: str) -> int:
    """Length of ``data`` without a character that is cut off at its end."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    decoder.decode(data)
    return len(data) - len(decoder.getstate()[0])


def split_wide(body: bytes, newline: bytes) -> list[bytes]:
    """Split UTF-16 at newlines on even offsets only; ``body`` starts at one.

    U+0A41 followed by U+3000 contains the two bytes of a newline at an odd offset: such pieces are joined again. A
    misplaced match can never overlap a real newline, because the bytes of both differ where they would.
    """
    lines: list[bytes] = []
    open_pieces: list[bytes] = []
    length = 0
    for piece in body.split(newline):
        open_pieces.append(piece)
        length += len(piece)
        if length % 2 == 0:
            lines.append(newline.join(open_pieces))
            open_pieces = []
            length = 0
    if open_pieces:
        lines.append(newline.join(open_pieces))
    return lines


class LineSplitter:
    """Lines, or with ``rows`` CSV rows, of a file in one encoding.

    ``offset`` is where the bytes fed first stand in the file (behind a byte order mark) and then the start of what is
    not yet emitted; ``part`` is how many parts of an overlong line went before it.
    """

    def __init__(
        self, encoding: str = "utf-8", *, offset: int = 0, part: int = 0, rows: bool = False, longest: int = MAX_RECORD
    ) -> None:
        self.encoding = encoding
        self._longest = longest
        self.offset = offset
        self.part = part
        self._rows = rows
        self._newline = WIDE.get(encoding, b"\n")
        self._return = "\r".encode(encoding)
        self._rest = b""

    @property
    def held(self) -> bytes:
        """The unfinished record at the end."""
        return self._rest

    def feed(self, data: bytes) -> list[Piece]:
        """The records that are complete now; cuts an overlong line as soon as it is one."""
        if not self.part and not self._rows and len(self._newline) == 1:
            usual = self._feed_lines(data)
            if usual is not None:
                return usual
        buffer = self._rest + data if self._rest else data
        pieces: list[Piece] = []
        used = self._finish_overlong(buffer, pieces) if self.part else 0
        if not self.part:
            if self._rows and b'"' in buffer:
                used = self._feed_rows(buffer, used, pieces)
            else:
                end = self._last_newline(buffer)
                if end > used:
                    self._emit(buffer[used:end] if used or end < len(buffer) else buffer, pieces)
                    used = end
            used = self._cut_overlong(buffer, used, pieces)
        self._rest = buffer[used:]
        return pieces

    def finish(self) -> list[Piece]:
        """The last line of a file that does not end with a newline."""
        pieces: list[Piece] = []
        if self._rest:
            closed = self._rows and not self._odd_quotes(self._rest)
            lines = [self._rest] if closed else self._split(self._rest)
            for index, line in enumerate(lines):
                length = len(line) + (len(self._newline) if index < len(lines) - 1 else 0)
                self._single(line, length, None if len(lines) == 1 else UNCLOSED, pieces)
        self._rest = b""
        return pieces

    # -- plain lines

    def _feed_lines(self, data: bytes) -> list[Piece] | None:
        """`feed` without a copy of the data, or None (and nothing done) where a line is overlong."""
        lines = data.split(b"\n")
        lines[0] = self._rest + lines[0]
        if max(map(len, lines)) > MAX_RECORD:
            return None
        rest = lines.pop()
        length = len(self._rest) + len(data) - len(rest)
        if b"\r" in data or b"\r" in self._rest:
            lines = [line.removesuffix(b"\r") for line in lines]
        records = list(filter(None, lines))
        pieces = [Piece(self.offset, records)] if records else []
        self.offset += length
        self._rest = rest
        return pieces

    def _split(self, body: bytes) -> list[bytes]:
        return body.split(b"\n") if len(self._newline) == 1 else split_wide(body, self._newline)

    def _last_newline(self, buffer: bytes) -> int:
        """Offset behind the last newline, 0 where there is none."""
        at = buffer.rfind(self._newline)
        while len(self._newline) == 2 and at % 2 and at > 0:
            at = buffer.rfind(self._newline, 0, at)
        return at + len(self._newline) if at >= 0 and at % len(self._newline) == 0 else 0

    def _next_newline(self, buffer: bytes, start: int) -> int:
        """Offset of the next newline at or behind ``start``, -1 where there is none."""
        at = buffer.find(self._newline, start)
        while len(self._newline) == 2 and at % 2 and at > 0:
            at = buffer.find(self._newline, at + 1)
        return at

    def _emit(self, body: bytes, pieces: list[Piece]) -> None:
        """Whole lines: one pass in C, unless one of them is overlong."""
        lines = self._split(body)
        lines.pop()  # what stands behind the last newline: nothing
        if len(body) > self._longest and max(map(len, lines)) > self._longest:
            for line in lines:
                self._single(line, len(line) + len(self._newline), None, pieces)
            return
        if self._return in body:
            mark = self._return
            lines = [line.removesuffix(mark) for line in lines]
        records = list(filter(None, lines))
        if records:
            pieces.append(Piece(self.offset, records))
        self.offset += len(body)

    def _single(self, line: bytes, length: int, note: str | None, pieces: list[Piece]) -> None:
        """One line of ``length`` bytes with its newline, cut into parts where it is overlong."""
        start = 0
        end_of_line = self.offset + length
        while len(line) - start > self._longest:
            start = self._part(line, start, pieces)
        record = line[start:].removesuffix(self._return)
        if self.part:
            self.part += 1
            note = part_note(self.part)
        if record:
            if not note and pieces and not pieces[-1].note:
                pieces[-1].records.append(record)
            else:
                pieces.append(Piece(self.offset, [record], note))
        self.offset = end_of_line
        self.part = 0

    # -- overlong lines

    def _part(self, line: bytes, start: int, pieces: list[Piece]) -> int:
        """Cut one part off an overlong line, at the end of a character."""
        part = line[start : start + self._longest]
        part = part[: whole_characters(part, self.encoding) or self._longest]
        self.part += 1
        pieces.append(Piece(self.offset, [part], part_note(self.part)))
        self.offset += len(part)
        return start + len(part)

    def _cut_overlong(self, buffer: bytes, start: int, pieces: list[Piece]) -> int:
        """Parts of an unfinished last line that is already too long."""
        while len(buffer) - start > self._longest:
            start = self._part(buffer, start, pieces)
        return start

    def _finish_overlong(self, buffer: bytes, pieces: list[Piece]) -> int:
        """The rest of a line whose first parts are already emitted."""
        end = self._next_newline(buffer, 0)
        if end < 0:
            return self._cut_overlong(buffer, 0, pieces)
        self._single(buffer[:end], end + len(self._newline), None, pieces)
        return end + len(self._newline)

    # -- CSV rows

    def _odd_quotes(self, line: bytes) -> bool:
        if len(self._newline) == 1:
            return line.count(b'"') % 2 == 1
        return line.decode(self.encoding, "replace").count('"') % 2 == 1

    def _feed_rows(self, buffer: bytes, used: int, pieces: list[Piece]) -> int:
        """Rows that are complete: a newline between an odd and an even quote belongs to the row.

        A stray quote must not swallow the file: a row over several lines longer than ``MAX_ROW`` is given up, its first
        line is a record of its own with a note, and reading goes on with the second.
        """
        lines = self._split(buffer[used:] if used else buffer)
        unfinished = lines.pop()
        width = len(self._newline)
        first = 0
        while first < len(lines):
            last, size = self._row(lines, first)
            whole = last < len(lines)
            if last > first and (size > MAX_ROW or (not whole and size + len(unfinished) > MAX_ROW)):
                used += len(lines[first]) + width
                self._single(lines[first], len(lines[first]) + width, UNCLOSED, pieces)
                first += 1
            elif whole:
                row = lines[first] if last == first else self._newline.join(lines[first : last + 1])
                used += len(row) + width
                self._single(row, len(row) + width, None, pieces)
                first = last + 1
            else:
                break
        return used

    def _row(self, lines: list[bytes], first: int) -> tuple[int, int]:
        """Index of the row's last line (``len(lines)`` where it is not there yet) and its length up to there."""
        is_open = self._odd_quotes(lines[first])
        last, size = first, len(lines[first])
        while is_open and size <= MAX_ROW:
            last += 1
            if last == len(lines):
                break
            is_open ^= self._odd_quotes(lines[last])
            size += len(lines[last])
        return last, size
