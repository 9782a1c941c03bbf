"""One file that is being followed: reads what is new, cuts it into records, notices when it is another file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secops.siem.collect.lines import CUT, LineSplitter, Piece, byte_order_mark, byte_order_of
from secops.siem.collect.mark import SPAN, Identity, Mark, Print
from secops.siem.collect.recognise import CSV_FORMATS, SAMPLE, decode, is_header, recognise


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is to be read: None stands for "recognise it from the content"."""

    format: str | None
    encoding: str | None


class Follow:
    """An open file and the state of reading it. The descriptor stays open, so a renamed or deleted file is finished.

    ``offset`` (in the splitter) is what is journaled or handed over, ``position`` what is read; the difference is an
    unfinished line.
    """

    def __init__(self, path: str, fd: int, identity: Identity, reading: Reading, mark: Mark | None = None) -> None:
        self.path = path
        self.fd = fd
        self.identity = identity
        self.detached = False  # no name of the source leads to it any more
        self.waits_for: list[Follow] = []  # its predecessors are read to their ends first
        self.copied_from: Follow | None = None  # the truncated file of which this has the rest
        self.changed: datetime | None = None  # when it was last seen to grow
        self._reading = reading
        self._seen = -1  # mtime (ns) up to which everything is read
        self._mtime = 0
        self._resume(mark)

    def _resume(self, mark: Mark | None) -> None:
        self.format = self._reading.format or (mark.format if mark else "text")
        self.encoding = (
            byte_order_of(self._reading.encoding) if self._reading.encoding else (mark.encoding if mark else "utf-8")
        )
        if mark and mark.offset:
            self.encoding = mark.encoding
        self.sure = mark.sure if mark and mark.offset else False
        self.header = mark.header if mark else None
        offset = mark.offset if mark else 0
        self._started = offset > 0
        self._at_start = offset <= 3  # nothing was emitted but perhaps a byte order mark
        self.position = offset
        self._mtime = mark.mtime if mark else self._mtime
        self._head = os.pread(self.fd, mark.head.length, 0) if mark else b""
        self._before = os.pread(self.fd, min(SPAN, offset), max(offset - SPAN, 0)) if offset else b""
        self.splitter = self._new_splitter(offset, mark.part if mark else 0)

    def _new_splitter(self, offset: int, part: int = 0) -> LineSplitter:
        return LineSplitter(self.encoding, offset=offset, part=part, rows=self.format in CSV_FORMATS)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)

    def mark(self) -> Mark:
        """The checkpoint for what has been handed over."""
        return Mark(
            self.path,
            self.splitter.offset,
            self.splitter.part,
            Print.of(self._head),
            Print.of(self._before),
            self.format,
            self.encoding,
            self.sure,
            self.header,
            self._mtime,
        )

    # -- has it changed?

    def unread(self) -> bool:
        """Whether there is something to look at: the size or the time differs from what was read."""
        stat = os.fstat(self.fd)
        return stat.st_size != self.position or stat.st_mtime_ns != self._seen

    def grown(self) -> bool:
        """Whether there are bytes behind the position."""
        return os.fstat(self.fd).st_size > self.position

    def intact(self) -> bool:
        """Whether what was read is still there: False after a truncation, also if the file has grown again since."""
        if os.fstat(self.fd).st_size < self.position:
            return False
        if os.pread(self.fd, len(self._head), 0) != self._head:
            return False
        start = self.splitter.offset - len(self._before)
        return os.pread(self.fd, len(self._before), start) == self._before

    def has_copy(self, fd: int) -> bool:
        """Whether another open file is a copy of this one's first bytes, as far as both reach."""
        size = min(os.fstat(fd).st_size, self.position)
        start = max(size - SPAN, 0)
        return (
            size > 0
            and os.pread(fd, min(SPAN, size), 0) == os.pread(self.fd, min(SPAN, size), 0)
            and os.pread(fd, size - start, start) == os.pread(self.fd, size - start, start)
        )

    # -- reading

    def read(self, limit: int) -> list[Piece] | None:
        """The records in the next ``limit`` bytes; None where the file was truncated or written anew.

        The check comes after the read: bytes that were read before a truncation are good.
        """
        self._mtime = os.fstat(self.fd).st_mtime_ns
        data = os.pread(self.fd, limit, self.position)
        if not self.intact():
            return None
        self._seen = self._mtime if len(data) < limit else -1
        if not data:
            return []
        if self.position <= len(self._head) < SPAN:  # after a restart the head reaches into the unfinished line
            self._head += data[len(self._head) - self.position :][: SPAN - len(self._head)]
        self.position += len(data)
        if not self._started:
            data = self._start(data)
        elif self._reading.format is None:
            self._look_again(data)
        return self._feed(data)

    def finish(self, note: str | None = None) -> list[Piece]:
        """The last line without newline, when the file will not go on."""
        pieces = [Piece(piece.offset, piece.records, note or piece.note) for piece in self.splitter.finish()]
        self._remember(b"")
        return pieces

    def restart(self) -> list[Piece]:
        """Begin anew after a truncation; returns an unfinished line of the old content, which exists nowhere else."""
        pieces = self.finish(CUT)
        self._seen = -1
        header = self.header
        self._resume(None)
        self.header = header
        return pieces

    def _feed(self, data: bytes) -> list[Piece]:
        start = self.splitter.offset
        held = self.splitter.held
        first = self._at_start
        pieces = self.splitter.feed(data)
        self._remember(data, start, held)
        if first and pieces and self.format in CSV_FORMATS:
            self._at_start = False
            pieces = self._take_header(pieces, held + data)
        return pieces

    def _remember(self, data: bytes, start: int = 0, held: bytes = b"") -> None:
        """Keep the last kilobyte before the offset."""
        offset = self.splitter.offset
        data_start = self.position - len(data)
        if data and offset - data_start >= SPAN:
            end = offset - data_start
            self._before = data[end - SPAN : end]
        elif data:
            stream = self._before + held + data
            self._before = stream[: offset - start + len(self._before)][-SPAN:]
        else:
            self._before = os.pread(self.fd, min(SPAN, offset), max(offset - SPAN, 0))

    # -- format

    def _start(self, data: bytes) -> bytes:
        """Decide encoding and format at the first bytes of the file; returns them without a byte order mark."""
        self._started = True
        marked = byte_order_mark(data)
        guess = recognise(data[:SAMPLE], Path(self.path).name)
        self.encoding = marked[0] if marked else byte_order_of(self._reading.encoding or guess.encoding)
        self.format = self._reading.format or guess.format
        self.sure = guess.sure or self._reading.format is not None
        skip = marked[1] if marked else 0
        self.splitter = self._new_splitter(skip)
        self._before = data[:skip]
        return data[skip:]

    def _look_again(self, data: bytes) -> None:
        """A file may begin with too little to tell, or change its format midway."""
        if self.sure:
            guess = recognise(data[:8192])
            switch = guess.sure and data.count(b"\n", 0, 8192) >= 5 and guess.layout == "lines"
            if switch and self.format not in CSV_FORMATS:
                self.format = guess.format
            return
        sample = os.pread(self.fd, SAMPLE, 0)
        guess = recognise(sample, Path(self.path).name)
        if not guess.sure:
            return
        self.sure = True
        self.format = guess.format
        if self._reading.encoding is None:
            self.encoding = guess.encoding
        if guess.layout == "rows":
            first = decode(sample, self.encoding).split("\n", 1)[0].rstrip("\r")
            self.header = first if is_header(first) else self.header
            self._at_start = False
        held = self.splitter.held
        self.splitter = self._new_splitter(self.splitter.offset, self.splitter.part)
        self.splitter.feed(held)

    def _take_header(self, pieces: list[Piece], stream: bytes) -> list[Piece]:
        """The first row of a CSV file names the columns: it belongs to the origin of the rows."""
        first = pieces[0]
        text = first.records[0].decode(self.encoding, "replace")
        if not is_header(text):
            return pieces
        self.header = text
        width = len(first.records[0])
        line_end = "\r\n".encode(self.encoding)
        width += len(line_end) if stream[width:].startswith(line_end) else len(line_end) // 2
        rest = first.records[1:]
        return ([Piece(first.offset + width, rest, first.note)] if rest else []) + pieces[1:]
