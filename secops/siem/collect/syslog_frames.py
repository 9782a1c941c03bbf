"""A TCP stream → syslog messages (RFC 6587), without I/O.

Both framings may come on one connection, so each frame is looked at by itself: digits, a space and a ``<`` or ``{``
are an octet count (section 3.4.1), anything else ends at a newline (section 3.4.2). A count of more than `MAX_RECORD`
is not believed: such a frame is read up to its newline, count included, so that nothing is lost and a hostile count
holds no memory.
"""

from __future__ import annotations

import re

from secops.siem.collect.lines import CUT, MAX_RECORD, Piece, part_note

_COUNT = re.compile(rb"([1-9]\d{0,6}) (?=[<{])")
_MAYBE_COUNT = re.compile(rb"[1-9]\d{0,6} ?\Z")
_LONGEST_COUNT = 9  # bytes that must be there before it is clear whether a frame starts with a count


class FrameSplitter:
    """The messages of one connection, each without its count and its newline; empty ones are ignored."""

    def __init__(self) -> None:
        self._rest = b""
        self._part = 0

    @property
    def held(self) -> int:
        """Bytes that wait for the end of their frame."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Piece]:
        """The frames that are complete now; at most one piece without a note in a row."""
        buffer = self._rest + data if self._rest else data
        pieces: list[Piece] = []
        position = 0
        while position < len(buffer):
            after = self._frame(buffer, position, pieces)
            if after == position:
                break
            position = after
        self._rest = buffer[position:]
        return pieces

    def finish(self) -> list[Piece]:
        """What is left when the peer closed: a last line without newline, or a frame that was cut off."""
        pieces: list[Piece] = []
        counted = _COUNT.match(self._rest) if not self._part else None
        if counted and int(counted[1]) <= MAX_RECORD:
            _add(pieces, self._rest[counted.end() :], CUT)
        else:
            self._line(self._rest, pieces)
        self._rest = b""
        return pieces

    def _frame(self, buffer: bytes, start: int, pieces: list[Piece]) -> int:
        """Read one frame; returns where the next starts, or ``start`` if this one is not complete."""
        if not self._part and 0x31 <= buffer[start] <= 0x39:
            counted = _COUNT.match(buffer, start)
            if counted and int(counted[1]) <= MAX_RECORD:
                end = counted.end() + int(counted[1])
                if end > len(buffer):
                    return start
                _add(pieces, buffer[counted.end() : end])
                return end
            if not counted and len(buffer) - start < _LONGEST_COUNT and _MAYBE_COUNT.match(buffer, start):
                return start
        end = buffer.find(b"\n", start, start + MAX_RECORD + 1)
        if end >= 0:
            self._line(buffer[start:end], pieces)
            return end + 1
        if len(buffer) - start > MAX_RECORD:
            self._part += 1
            pieces.append(Piece(0, [buffer[start : start + MAX_RECORD]], part_note(self._part)))
            return start + MAX_RECORD
        return start

    def _line(self, line: bytes, pieces: list[Piece]) -> None:
        note = None
        if self._part:
            note = part_note(self._part + 1)
            self._part = 0
        _add(pieces, line, note)


def _add(pieces: list[Piece], frame: bytes, note: str | None = None) -> None:
    record = strip_newline(frame)
    if not record:
        return
    if note is None and pieces and pieces[-1].note is None:
        pieces[-1].records.append(record)
    else:
        pieces.append(Piece(0, [record], note))


def strip_newline(message: bytes) -> bytes:
    """A message without the line end that many senders add."""
    return message.removesuffix(b"\n").removesuffix(b"\r")
