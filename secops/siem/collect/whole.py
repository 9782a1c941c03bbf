"""A complete file → its records: plain, in .gz or in .zip, lines, CSV, JSON documents or EVTX.

What comes out is a function of the file's bytes (and the chosen format) alone, in the same order every time: so the
number of records already journaled is enough to go on after a crash, also inside an archive. Memory stays flat:
nothing is read as a whole but one EVTX chunk.
"""

from __future__ import annotations

import codecs
import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import evtx

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.containers import EVTX_MAGIC, GZIP_MAGIC, ZIP_MAGIC
from secops.siem.collect.documents import DocumentSplitter
from secops.siem.collect.lines import CUT, LineSplitter, Piece, Splitter, byte_order_mark, byte_order_of
from secops.siem.collect.recognise import (
    CSV_FORMATS,
    SAMPLE,
    Guess,
    is_header,
    recognise,
)
from secops.siem.ports import Origin

CHUNK = 4 << 20  # bytes
EVTX_RECORDS = 1000  # in one piece


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may grow to before it is taken for a decompression bomb."""

    total: int = 64 << 30  # bytes out of one file
    ratio: int = 400  # bytes out for one byte in; log files reach 100
    free: int = 256 << 20  # bytes out before the ratio is looked at
    evtx: int = 2 << 30  # bytes of an EVTX file inside an archive, which must be unpacked to disk


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


class BombError(Exception):
    """An archive grew beyond its limits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to read: None is "recognise it". ``kind``, ``zone`` and ``timezone`` go into the origin."""

    kind: str = "import"
    format: str | None = None
    encoding: str | None = None
    zone: str | None = None
    limits: Limits = Limits()
    timezone: str | None = None


class Counted:
    """A binary stream that reports how many bytes were read from it and stops at a limit."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, allow: Callable[[int], None]) -> None:
        self._stream = stream
        self._allow = allow

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, b"" at the end."""
        data = self._stream.read(size)
        self._allow(len(data))
        return data


def read_whole(path: Path, wanted: Wanted, progress: Callable[[int], None] = lambda _count: None) -> Iterator[Item]:
    """All records of a file, in order, with what was recognised and what was wrong.

    ``progress`` gets the number of bytes read from the file on disk. A file that breaks off yields what can be read,
    then a `Problem`. Raises OSError only where the file cannot be opened or the disk fails.
    """
    name = str(path)
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        counted = Counted(file, progress)
        try:
            if start.startswith(ZIP_MAGIC):
                progress(path.stat().st_size)
                yield from _read_zip(file, name, path.stat().st_size, wanted)
            elif start.startswith(GZIP_MAGIC):
                yield from _read_gzip(file, name, path.stat().st_size, wanted, progress)
            elif start.startswith(EVTX_MAGIC):
                progress(path.stat().st_size)
                yield from _read_evtx(file, name, wanted)
            else:
                yield from _read_text(counted, name, path.name, wanted)
        except BombError as error:
            yield Problem(name, str(error))
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            yield Problem(name, _broken_text(error))


# ------------------------------------------------------------------------------------------------------------ archives


class Meter:
    """Watches how far an archive has grown."""

    def __init__(self, size: int, limits: Limits) -> None:
        self._size = max(size, 1)
        self._limits = limits
        self._out = 0

    def __call__(self, count: int) -> None:
        """Count bytes that came out; raises BombError beyond the limits."""
        self._out += count
        limits = self._limits
        if self._out > limits.total or (self._out > limits.free and self._out > self._size * limits.ratio):
            text = _(
                "展開後の大きさが上限({limit} MB、または元の {ratio} 倍)を超えたため、途中で止めました。"
                "正しいログであれば、展開してから置いてください。"
            )
            raise BombError(text.format(limit=limits.total >> 20, ratio=limits.ratio))


def _read_gzip(
    file: IO[bytes], name: str, size: int, wanted: Wanted, progress: Callable[[int], None]
) -> Iterator[Item]:
    meter = Meter(size, wanted.limits)
    at = 0

    def allow(count: int) -> None:
        nonlocal at
        meter(count)
        progress(file.tell() - at)
        at = file.tell()

    with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        stream = Counted(unpacked, allow)
        yield from _read_member(stream, name, Path(name).name.removesuffix(".gz"), wanted)


def _read_zip(file: IO[bytes], name: str, size: int, wanted: Wanted) -> Iterator[Item]:
    meter = Meter(size, wanted.limits)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            member = f"{name}!{info.filename}"
            if info.flag_bits & 1:
                yield Problem(member, _("暗号化された zip は読めません。展開してから置いてください。"))
                continue
            try:
                with archive.open(info) as unpacked:
                    yield from _read_member(Counted(unpacked, meter), member, info.filename, wanted)
            except (EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
                yield Problem(member, _broken_text(error))


def _read_member(stream: Counted, path: str, name: str, wanted: Wanted) -> Iterator[Item]:
    """A file inside an archive; EVTX needs a file that can seek, so it is unpacked first."""
    first = _read_up_to(stream, SAMPLE)
    if not first.startswith(EVTX_MAGIC):
        yield from _read_text(stream, path, name, wanted, first)
        return
    with tempfile.TemporaryFile() as copy:
        while first:
            copy.write(first)
            if copy.tell() > wanted.limits.evtx:
                raise BombError(_("圧縮ファイルの中の EVTX が大きすぎます。展開してから置いてください。"))
            first = stream.read(CHUNK)
        copy.seek(0)
        yield from _read_evtx(copy, path, wanted)


def _broken_text(error: Exception) -> str:
    text = _(
        "圧縮ファイルが壊れているか、途中で切れています({error})。読めた分は取り込みました。元から写し直してください。"
    )
    return text.format(error=error)


# ---------------------------------------------------------------------------------------------------------------- text


def _read_up_to(stream: Counted, size: int) -> bytes:
    """Exactly ``size`` bytes, fewer only at the end: recognition must not depend on how a stream is buffered."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _read_text(stream: Counted, path: str, name: str, wanted: Wanted, first: bytes | None = None) -> Iterator[Item]:
    """Lines, CSV rows or JSON documents. A broken archive still yields what came before the break."""
    sample = _read_up_to(stream, SAMPLE) if first is None else first
    if not sample:
        return
    guess = recognise(sample, name)
    marked = byte_order_mark(sample)
    encoding = marked[0] if marked else (wanted.encoding or guess.encoding)
    encoding = byte_order_of(encoding)
    format = wanted.format or guess.format
    layout = "rows" if format in CSV_FORMATS else ("lines" if guess.layout == "rows" else guess.layout)
    yield Member(path, replace(guess, format=format, encoding=encoding))
    skip = marked[1] if marked else 0
    splitter, recode = _splitter(layout, encoding, skip)
    said = "utf-8" if recode else encoding
    origin = Origin(wanted.kind, format, said, path=path, zone=wanted.zone, timezone=wanted.timezone)
    is_first = layout == "rows"
    data = sample[skip:]
    broken: Exception | None = None
    while data:
        pieces = splitter.feed(recode(data) if recode else data)
        if is_first and pieces:
            origin, pieces = _header(origin, pieces)
            is_first = False
        yield from _chunks(origin, pieces)
        try:
            data = stream.read(CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, BombError) as error:
            broken = error
            break
    rest = splitter.finish()
    if is_first and rest and not broken:
        origin, rest = _header(origin, rest)
    yield from _chunks(origin, [Piece(one.offset, one.records, CUT) for one in rest] if broken else rest)
    if broken:
        raise broken


def _splitter(layout: str, encoding: str, skip: int) -> tuple[Splitter, Callable[[bytes], bytes] | None]:
    """What cuts the stream; JSON documents in UTF-16 are recoded to UTF-8 first, which JSON does not mind."""
    if layout != "documents":
        return LineSplitter(encoding, offset=skip, rows=layout == "rows"), None
    if not encoding.startswith("utf-16"):
        return DocumentSplitter(offset=skip), None
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return DocumentSplitter(), lambda data: decoder.decode(data).encode("utf-8", "replace")


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
    guess = recognise(EVTX_MAGIC, path)
    yield Member(path, guess)
    expected, complaint = evtx_expectation(file)
    file.seek(0)
    note = CUT if complaint else None
    origin = Origin(
        wanted.kind, guess.format, "utf-8", path=path, zone=wanted.zone, note=note, timezone=wanted.timezone
    )
    records: list[bytes] = []
    done = failed = 0
    try:
        for one in _events(file):
            if isinstance(one, bytes):
                records.append(one)
            else:
                failed += 1
            if len(records) >= EVTX_RECORDS:
                yield Chunk(replace(origin, offset=done), records)
                done += len(records)
                records = []
    except (RuntimeError, ValueError, OSError) as error:
        complaint = complaint or str(error)
    if records:
        yield Chunk(replace(origin, offset=done), records)
        done += len(records)
    if complaint or failed or done < expected:
        text = _(
            "EVTX が壊れているか、途中で切れています。{done} 件を読み、{lost} 件は読めませんでした{reason}。"
            "元の機器から書き出し直してください。"
        )
        reason = f" ({complaint})" if complaint else ""
        yield Problem(path, text.format(done=done, lost=max(expected - done, failed), reason=reason))


def _events(file: IO[bytes]) -> Iterator[bytes | Exception]:
    """The events as JSON bytes; an event that cannot be read is its error, and the next one follows."""
    parser: Any = evtx.PyEvtxParser(file, number_of_threads=1)
    events = iter(parser.records_json())
    while True:
        try:
            yield next(events)["data"].encode("utf-8", "surrogatepass")
        except StopIteration:
            return
        except RuntimeError as error:
            yield error


def evtx_expectation(file: IO[bytes]) -> tuple[int, str]:
    r"""How many records the headers announce, and what is wrong with the file's size ("" if nothing).

    Layout: [MS-EVEN6] and libevtx: a 4096-byte header with the chunk count at 42, then chunks of 65,536 bytes beginning
    with ``ElfChnk\0`` and the first and last record number at 8 and 16.
    """
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    header = file.read(128)
    chunks = int.from_bytes(header[42:44], "little")
    records = 0
    for index in range((size - 4096 + 65535) // 65536 if size > 4096 else 0):
        file.seek(4096 + index * 65536)
        chunk = file.read(24)
        if chunk[:8] == b"ElfChnk\x00":
            first, last = (int.from_bytes(chunk[at : at + 8], "little") for at in (8, 16))
            if 0 < first <= last < first + 65536:
                records += last - first + 1
    there = max(size - 4096, 0) // 65536
    if there < chunks:
        return records, f"{there} of {chunks} chunks"
    return records, ""
