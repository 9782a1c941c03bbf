"""JSON documents that are not one per line: an array of objects, or pretty-printed objects one behind the other.

Cuts a stream of bytes into the objects as they stand in it, without parsing them and without I/O. Only brackets and
strings are looked at, so a broken document is passed on for the normalizer to complain about.
"""

from __future__ import annotations

import re

from secops.siem.collect.lines import CUT, MAX_RECORD, Piece, part_note

# A whole string, a bracket, or a string whose end is not there yet. Possessive: no backtracking on hostile input.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|"', re.DOTALL)
_BETWEEN = b" \t\r\n,[]"
OUTSIDE = "outside of a JSON document"


class DocumentSplitter:
    """Top-level objects, and objects in top-level arrays; ``offset`` and ``part`` as in `LineSplitter`.

    What stands between the documents and is neither white space nor a comma or bracket is a record with a note.
    """

    def __init__(self, *, offset: int = 0) -> None:
        self.offset = offset
        self.part = 0
        self._rest = b""
        self._scanned = 0  # bytes of the rest that were looked at
        self._depth = 0  # of braces and the brackets within them

    @property
    def held(self) -> bytes:
        """The unfinished document at the end."""
        return self._rest

    def feed(self, data: bytes) -> list[Piece]:
        """The documents that are complete now."""
        buffer = self._rest + data if self._rest else data
        pieces: list[Piece] = []
        start = 0
        scan = self._scanned
        while token := _TOKEN.search(buffer, scan):
            text = token[0]
            if text == b'"':
                break  # an unfinished string: look again when there is more
            scan = token.end()
            if text in {b"{", b"["} and (self._depth or text == b"{"):
                if self._depth == 0 and not self.part:
                    start = self._outside(buffer, start, token.start(), pieces)
                self._depth += 1
            elif text in {b"}", b"]"} and self._depth:
                self._depth -= 1
                if self._depth == 0:
                    self._record(buffer[start:scan], pieces)
                    start = scan
        scan = token.start() if token else len(buffer)
        while len(buffer) - start > MAX_RECORD:
            self.part += 1
            self._add(buffer[start : start + MAX_RECORD], part_note(self.part), pieces)
            start += MAX_RECORD
        self._rest = buffer[start:]
        self._scanned = max(scan - start, 0)
        return pieces

    def finish(self) -> list[Piece]:
        """A document that was cut off, or what stands behind the last one."""
        pieces: list[Piece] = []
        if self._depth or self.part:
            self._record(self._rest, pieces, CUT)
        else:
            self._outside(self._rest, 0, len(self._rest), pieces)
        self._rest = b""
        self._depth = 0
        return pieces

    def _outside(self, buffer: bytes, start: int, end: int, pieces: list[Piece]) -> int:
        """Pass over what stands before a document; returns the document's start."""
        between = buffer[start:end]
        if junk := between.strip(_BETWEEN):
            pieces.append(Piece(self.offset, [junk], OUTSIDE))
        self.offset += len(between)
        return end

    def _record(self, document: bytes, pieces: list[Piece], note: str | None = None) -> None:
        if self.part:
            note = part_note(self.part + 1)
            self.part = 0
        self._add(document, note, pieces)

    def _add(self, record: bytes, note: str | None, pieces: list[Piece]) -> None:
        if record and note is None and pieces and pieces[-1].note is None:
            pieces[-1].records.append(record)
        elif record:
            pieces.append(Piece(self.offset, [record], note))
        self.offset += len(record)
