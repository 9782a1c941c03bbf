"""A complete file → its records: plain or in an archive, lines, CSV, JSON documents or EVTX.

What comes out is a function of the file's bytes (and the chosen format) alone, in the same order every time: so the
number of records already journaled is enough to go on after a crash, also inside an archive. Memory stays flat:
nothing is read as a whole but one EVTX chunk.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.containers import EVTX_MAGIC, MAGIC, STREAMS, SUFFIXES, container, refused
from secops.siem.collect.documents import WRAPPER, DocumentSplitter
from secops.siem.collect.evtx_file import events, sound_events, survey
from secops.siem.collect.lines import (
    CUT,
    MAX_RECORD,
    LineSplitter,
    Piece,
    Splitter,
    byte_order_mark,
    byte_order_of,
)
from secops.siem.collect.recognise import (
    CSV_FORMATS,
    SAMPLE,
    Guess,
    is_header,
    is_no_evtx,
    recognise,
)
from secops.siem.collect.streams import (
    CHUNK,
    BombError,
    BrokenArchiveError,
    Counted,
    Joined,
    Limits,
    Meter,
    Stream,
)
from secops.siem.ports import Origin

if TYPE_CHECKING:  # the readers of archives take as long to import as everything else here: only archives pay for them
    from secops.siem.collect.archives import PackedFile

EVTX_RECORDS = 1000  # in one piece
_SMALL = 1 << 20  # bytes of an EVTX file whose records are held together until it is clear that nothing is wrong


@dataclass(frozen=True, slots=True)
class Member:
    """A file, or a file in an archive, begins: what it was recognised as."""

    path: str
    guess: Guess


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records and where they are from."""

    origin: Origin
    records: list[bytes]


Item = Member | Chunk | Problem


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to read: None is "recognise it". ``kind``, ``zone`` and ``timezone`` go into the origin.

    ``longest`` is the length in bytes from which a record is cut into parts.
    """

    kind: str = "import"
    format: str | None = None
    encoding: str | None = None
    zone: str | None = None
    limits: Limits = Limits()
    timezone: str | None = None
    longest: int = MAX_RECORD


def read_whole(path: Path, wanted: Wanted, progress: Callable[[int], None] = lambda _count: None) -> Iterator[Item]:
    """All records of a file, in order, with what was recognised and what was wrong.

    ``progress`` gets the number of bytes read from the file on disk, in the end all of them. A file that breaks off
    yields what can be read, then a `Problem`. Raises OSError only where the file cannot be opened or the disk fails.
    """
    with path.open("rb") as file:
        reading = _Reading(file, path.stat().st_size, wanted, progress)
        yield from reading.file(str(path), path.name)
        reading.rest()


def read_evtx(
    file: IO[bytes], path: Path, size: int, wanted: Wanted, progress: Callable[[int], None] = lambda _count: None
) -> Iterator[Item]:
    """The same of an open file that is known to be EVTX."""
    name = str(path)
    found = sound_events(file, name, size) if size <= _SMALL and name.isprintable() else None
    if found is None:
        yield from _read_evtx(file, name, wanted)
    else:
        yield Member(name, recognise(EVTX_MAGIC, name))
        for start in range(0, len(found), EVTX_RECORDS):
            yield _evtx_chunk(found[start : start + EVTX_RECORDS], start, name, wanted)
    progress(size)


class _Reading:
    """One file on disk and what is in it."""

    def __init__(self, file: IO[bytes], size: int, wanted: Wanted, progress: Callable[[int], None]) -> None:
        self._file = file
        self._size = size
        self._wanted = wanted
        self._progress = progress
        self._said = 0
        self._meter = Meter(size, wanted.limits)

    def file(self, name: str, short: str) -> Iterator[Item]:
        """The records of the file."""
        try:
            kind = container(self._file.read(MAGIC))
            self._file.seek(0)
            if kind in {"EVTX", "zip"}:
                yield from self._seekable(kind, self._file, name, 0)
            else:
                yield from self._stream(Counted(self._file, self._say), name, short, 0)
        except BombError as error:
            yield Problem(name, str(error))

    def rest(self) -> None:
        """Report the bytes that nobody needed to read."""
        self._progress(max(self._size - self._said, 0))

    def _say(self, _count: int = 0) -> None:
        """Report how far the file was read; going back is no progress."""
        at = self._file.tell()
        if at > self._said:
            self._progress(at - self._said)
            self._said = at

    def _stream(self, stream: Stream, path: str, name: str, depth: int, *, packed: bool = False) -> Iterator[Item]:
        """A file of any kind that is read from front to back; what is in ``depth`` archives already.

        A tar that is ``packed`` (.tar.gz) is one archive, not two.
        """
        first, stream = _read_up_to(stream, SAMPLE)
        kind = container(first)
        deeper = not (kind == "EVTX" or (kind == "tar" and packed))
        if kind and depth + deeper > self._wanted.limits.depth:
            yield Problem(path, _("圧縮ファイルの入れ子が深すぎます。展開してから置いてください。"))
        elif kind in STREAMS:
            from secops.siem.collect.archives import unpacked

            inner = unpacked(kind, Joined(first, stream))
            yield from self._stream(Counted(inner, self._allow), path, _inner_name(name), depth + 1, packed=True)
        elif kind == "tar":
            from secops.siem.collect.archives import tar_members

            yield from self._members(tar_members(Joined(first, stream)), path, depth + deeper)
        elif kind:
            yield from self._copied(kind, Joined(first, stream), path, depth)
        elif other := refused(first):
            text = _("{kind} 形式は読めません。展開するか、テキスト・JSON・EVTX で書き出してから置いてください。")
            yield Problem(path, text.format(kind=other))
        elif not self._wanted.format and is_no_evtx(first, name):
            text = _(
                "名前は .evtx ですが、EVTX(Windows イベントログ)の形式ではありません。"
                "壊れているか、別の種類のファイルです。元の機器から書き出し直してください。"
            )
            yield Problem(path, text)
        else:
            try:
                yield from _read_text(stream, path, name, self._wanted, first)
            except BrokenArchiveError as error:
                yield Problem(path, str(error))

    def _allow(self, count: int) -> None:
        self._meter(count)
        self._say()

    def _copied(self, kind: str, stream: Stream, path: str, depth: int) -> Iterator[Item]:
        """EVTX and zip need a file that can seek, so they are unpacked to disk first."""
        import tempfile

        with tempfile.TemporaryFile() as copy:
            broken = ""
            try:
                while data := stream.read(CHUNK):
                    copy.write(data)
                    if copy.tell() > self._wanted.limits.copy:
                        raise BombError(
                            _("圧縮ファイルの中の {kind} が大きすぎます。展開してから置いてください。").format(
                                kind=kind
                            )
                        )
            except BrokenArchiveError as error:
                broken = str(error)
            copy.seek(0)
            yield from self._seekable(kind, copy, path, depth)
            if broken:
                yield Problem(path, broken)

    def _seekable(self, kind: str, file: IO[bytes], path: str, depth: int) -> Iterator[Item]:
        if kind == "EVTX":
            for item in _read_evtx(file, path, self._wanted):
                yield item
                self._say()
            return
        from secops.siem.collect.archives import zip_members

        yield from self._members(zip_members(file), path, depth + 1)

    def _members(self, members: Iterator[PackedFile], path: str, depth: int) -> Iterator[Item]:
        """The files in a zip or tar, which are in ``depth`` archives."""
        try:
            for member in members:
                inner = f"{path}!{member.name}"
                if member.stream is None:
                    yield Problem(inner, member.problem)
                else:
                    stream = Counted(member.stream, self._allow)
                    yield from self._stream(stream, inner, PurePosixPath(member.name).name, depth)
        except BrokenArchiveError as error:
            yield Problem(path, str(error))


def _inner_name(name: str) -> str:
    """The name of the file in a compressed one."""
    return next((name[: -len(suffix)] for suffix in SUFFIXES if name.lower().endswith(suffix)), name)


# ---------------------------------------------------------------------------------------------------------------- text


def _read_up_to(stream: Stream, size: int) -> tuple[bytes, Stream]:
    """Exactly ``size`` bytes, fewer only at the end: recognition must not depend on how a stream is buffered.

    Also what is left of the stream: where it broke off, the error waits behind the bytes that came before.
    """
    data = b""
    try:
        while len(data) < size and (more := stream.read(size - len(data))):
            data += more
    except (BrokenArchiveError, BombError) as error:
        return data, _Failing(error)
    return data, stream


class _Failing:
    """The end of a stream that broke off."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, _size: int) -> bytes:
        raise self._error


def _read_text(stream: Stream, path: str, name: str, wanted: Wanted, sample: bytes) -> Iterator[Item]:
    """Lines, CSV rows or JSON documents. A broken archive still yields what came before the break."""
    if not sample:
        stream.read(1)  # an error may be all there is
        return
    guess = recognise(sample, name)
    marked = byte_order_mark(sample)
    encoding = marked[0] if marked else (wanted.encoding or guess.encoding)
    encoding = byte_order_of(encoding)
    format = wanted.format or guess.format
    layout = "rows" if format in CSV_FORMATS else ("lines" if guess.layout == "rows" else guess.layout)
    reason = _("指定された形式です") if wanted.format else guess.reason
    yield Member(path, replace(guess, format=format, encoding=encoding, reason=reason))
    skip = marked[1] if marked else 0
    recode = _recoder(layout, encoding)
    said = "utf-8" if recode else encoding
    origin = Origin(wanted.kind, format, said, path=path, zone=wanted.zone, timezone=wanted.timezone)
    is_first = layout == "rows"
    data = recode(sample[skip:]) if recode else sample[skip:]
    splitter: Splitter
    if layout == "documents":
        wrapper = WRAPPER.match(data)
        data = data[wrapper.end() :] if wrapper else data
        splitter = DocumentSplitter(offset=skip + (wrapper.end() if wrapper else 0), longest=wanted.longest)
    else:
        splitter = LineSplitter(encoding, offset=skip, rows=is_first, longest=wanted.longest)
    broken: Exception | None = None
    while data:
        pieces = splitter.feed(data)
        if is_first and pieces:
            origin, pieces = _header(origin, pieces)
            is_first = False
        yield from _chunks(origin, pieces)
        try:
            data = stream.read(CHUNK)
        except (BrokenArchiveError, BombError) as error:
            broken = error
            break
        data = recode(data) if recode else data
    rest = splitter.finish()
    if is_first and rest and not broken:
        origin, rest = _header(origin, rest)
    yield from _chunks(origin, [Piece(one.offset, one.records, CUT) for one in rest] if broken else rest)
    if broken:
        raise broken


def _recoder(layout: str, encoding: str) -> Callable[[bytes], bytes] | None:
    """JSON documents in another encoding become UTF-8 before they are cut: a byte of theirs may look like a bracket."""
    if layout != "documents" or encoding in {"utf-8", "utf-8-sig", "ascii"}:
        return None
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return lambda data: decoder.decode(data).encode("utf-8", "replace")


def _header(origin: Origin, pieces: list[Piece]) -> tuple[Origin, list[Piece]]:
    """Take the row of column names off the first piece of a CSV file."""
    first = pieces[0]
    text = first.records[0].decode(origin.encoding, "replace")
    if not is_header(text):
        return origin, pieces
    rest = [Piece(first.offset, first.records[1:], first.note)] if len(first.records) > 1 else []
    return replace(origin, header=text), rest + pieces[1:]


def _chunks(origin: Origin, pieces: list[Piece]) -> Iterator[Chunk]:
    for piece in pieces:
        yield Chunk(replace(origin, offset=piece.offset, note=piece.note), piece.records)


# ---------------------------------------------------------------------------------------------------------------- EVTX


def _read_evtx(file: IO[bytes], path: str, wanted: Wanted) -> Iterator[Item]:
    """One JSON record per event. The parser is silent about what a cut file lacks, so the headers are counted too."""
    yield Member(path, recognise(EVTX_MAGIC, path))
    found = survey(file)
    expected, complaint = found.records, found.complaint
    note = CUT if complaint else None
    records: list[bytes] = []
    done = failed = 0
    try:
        for one in events(file, found):
            if isinstance(one, bytes):
                records.append(one)
            else:
                failed += 1
            if len(records) >= EVTX_RECORDS:
                yield _evtx_chunk(records, done, path, wanted, note)
                done += len(records)
                records = []
    except (RuntimeError, ValueError, OSError) as error:
        complaint = complaint or str(error)
    if records:
        yield _evtx_chunk(records, done, path, wanted, note)
        done += len(records)
    if complaint or failed or done < expected:
        text = _(
            "EVTX が壊れているか、途中で切れています。{done} 件を読み、{lost} 件は読めませんでした{reason}。"
            "元の機器から書き出し直してください。"
        )
        reason = f" ({complaint})" if complaint else ""
        yield Problem(path, text.format(done=done, lost=max(expected - done, failed), reason=reason))


def _evtx_chunk(records: list[bytes], offset: int, path: str, wanted: Wanted, note: str | None = None) -> Chunk:
    origin = Origin(
        wanted.kind, "windows_json",
        path=path, offset=offset, zone=wanted.zone, note=note, timezone=wanted.timezone,
    )  # fmt: skip
    return Chunk(origin, records)
