"""JSON documents that are not one per line: an array of objects, or pretty-printed objects one behind the other.

Cuts a stream of bytes into the objects as they stand in it, without parsing them and without I/O. Only brackets and
strings are looked at, so a broken document is passed on for the normalizer to complain about.
"""

from __future__ import annotations

import re

from secops.siem.collect.lines import CUT, MAX_RECORD, Piece, part_note

# Everything up to the next bracket that is in no string, or up to a string whose end is not there yet. Possessive: no
# backtracking on hostile input.
_RUN = re.compile(rb'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+"[^"{}\[\]]*+)*+', re.DOTALL)
# An object whose first field is the array of events; what stands behind the array is outside of a document.
WRAPPER = re.compile(rb'\s*\{\s*"(?:Records|records|Events|events|value|logs)"\s*:\s*\[(?=\s*\{)')
_HEADING = re.compile(rb"Record \d+\s*")  # what evtx_dump writes before each document
_STRING_END = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_QUOTE, _OPEN, _OPEN_LIST = b'"{['
_BETWEEN = b" \t\r\n,[]}\x00"
OUTSIDE = "outside of a JSON document"


class DocumentSplitter:
    """Top-level objects, and objects in top-level arrays; ``offset`` and ``part`` as in `LineSplitter`.

    What stands between the documents and is neither white space nor a comma or bracket is a record with a note. A
    document of more than ``longest`` bytes is cut into parts.
    """

    def __init__(self, *, offset: int = 0, longest: int = MAX_RECORD) -> None:
        self.offset = offset
        self._longest = longest
        self.part = 0
        self._rest = b""
        self._scanned = 0  # bytes of the rest that were looked at
        self._quoted = False  # the rest begins within a string
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
        size = len(buffer)
        if self._quoted:
            string = _STRING_END.match(buffer, scan)
            scan, self._quoted = (string.end(), False) if string else (scan, True)
        while not self._quoted:
            scan = _RUN.match(buffer, scan).end()  # type: ignore[union-attr]  # it matches nothing, at least
            if scan == size or (token := buffer[scan]) == _QUOTE:
                break  # an unfinished string: look again when there is more
            if token in (_OPEN, _OPEN_LIST):
                if self._depth or token == _OPEN:
                    if self._depth == 0 and not self.part:
                        start = self._outside(buffer, start, scan, pieces)
                    self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    self._record(buffer[start : scan + 1], pieces)
                    start = scan + 1
            scan += 1
        while len(buffer) - start > self._longest:
            self.part += 1
            self._add(buffer[start : start + self._longest], part_note(self.part), pieces)
            start += self._longest
        if start > scan:  # within a string; its escapes must not be torn
            text = buffer[scan if self._quoted else scan + 1 : start]
            self._quoted = True
            scan = start + (len(text) - len(text.rstrip(b"\\"))) % 2
        self._rest = buffer[start:]
        self._scanned = scan - start
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
        if (junk := between.strip(_BETWEEN)) and not _HEADING.fullmatch(junk):
            pieces.append(Piece(self.offset, [junk], OUTSIDE))
        self.offset += len(between)
        return end

    def _record(self, document: bytes, pieces: list[Piece], note: str | None = None) -> None:
        while self.part and len(document) > self._longest:
            self.part += 1
            self._add(document[: self._longest], part_note(self.part), pieces)
            document = document[self._longest :]
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
