"""Archives as streams of their contents: gzip, bzip2, xz and zstd, and the files in a tar or zip, also in a cut one.

All streams give as much as can be read and then raise `BrokenArchiveError`. Never more than some megabytes are unpacked
at once, so that a decompression bomb meets its limit before it fills the memory.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Self, cast

import zstandard

from secops.locale import _
from secops.siem.collect.streams import CHUNK, BrokenArchiveError, Stream

_WINDOW = 1 << 27  # bytes of history a zstd frame may ask for, which is what ``zstd --ultra -22`` asks for
_SIP = 1 << 10  # bytes of zstd input at once: 128 KiB may come out of 4
_LOCAL = struct.Struct("<4s5HIIIHH")  # the header before a member of a zip
_DEFLATED = 8


def unpacked(kind: str, packed: Stream) -> Stream:
    """What is inside a stream of one of the kinds in `containers.STREAMS`."""
    file = cast("IO[bytes]", packed)  # the readers of the standard library only call `read`
    if kind == "gzip":
        return _Guarded(gzip.GzipFile(fileobj=file, mode="rb").read1)
    if kind == "bzip2":
        return _Guarded(bz2.BZ2File(file).read1)
    if kind == "xz":
        return _Guarded(lzma.LZMAFile(file).read1)
    return _Guarded(_Zstd(packed).read)


_DAMAGES = (EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zstandard.ZstdError)


class _Guarded:
    """A stream whose many ways to fail are one; an error of the disk stays what it is.

    The library's ``read`` goes on until it has as much as was asked for and loses that where it fails;
    ``read1`` does not.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def read(self, size: int) -> bytes:
        try:
            return self._read(size)
        except _DAMAGES as error:
            raise BrokenArchiveError(broken_text(error)) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise BrokenArchiveError(broken_text(error)) from error


class _Zstd:
    """The frames of a zstd file one behind the other; unlike the library's own reader it notices a cut file."""

    def __init__(self, packed: Stream) -> None:
        self._packed = packed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            data = self._rest or self._packed.read(_SIP)
            self._rest = b""
            if not data:
                if self._frame is not None:
                    raise EOFError(_("zstd のフレームが途中で切れています"))
                return b""
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
            self._ready = self._frame.decompress(data)
            if self._frame.eof:
                self._rest = self._frame.unused_data
                self._frame = None
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


def broken_text(error: Exception) -> str:
    """What to say of a damaged archive."""
    text = _(
        "圧縮ファイルが壊れているか、途中で切れています({error})。読めた分は取り込みました。元から写し直してください。"
    )
    return text.format(error=error)


# ---------------------------------------------------------------------------------------------------------- zip and tar


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file in a zip or tar: its stream, or why there is none."""

    name: str
    stream: Stream | None
    problem: str = ""


def zip_members(file: IO[bytes]) -> Iterator[PackedFile]:
    """The files in a zip, in its order; of a zip without its directory (a cut one) those that are there.

    A stream is to be read before the next member is asked for. A cut zip ends in BrokenArchiveError.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error) as error:
        yield from _salvaged(file)
        raise BrokenArchiveError(broken_text(error)) from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield PackedFile(info.filename, None, _encrypted())
                continue
            try:
                body: Any = archive.open(info)
            except (zipfile.BadZipFile, NotImplementedError, struct.error, RuntimeError) as error:
                yield PackedFile(info.filename, None, broken_text(error))
                continue
            with body:
                yield PackedFile(info.filename, _Guarded(body.read1))


_NAMES = frozenset({tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, b"X"})
_LONGEST = 1 << 20  # bytes of what a tar says of a file besides its content: it is read at once


class _Entry(tarfile.TarInfo):
    """A header that says when it is damaged: the library takes such a one, and the end of a cut file, for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            found = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # not in the stubs: a block of zeros, the real end
            raise
        except tarfile.HeaderError as error:
            raise BrokenArchiveError(broken_text(error)) from error
        if found.type in _NAMES and found.size > _LONGEST:
            raise BrokenArchiveError(broken_text(tarfile.TarError(_("ファイル名などの情報が大きすぎます"))))
        return found


def tar_members(stream: Stream) -> Iterator[PackedFile]:
    """The files in a tar, in its order; nothing is ever extracted, so names and links mean nothing.

    A stream is to be read before the next member is asked for. A cut tar ends in BrokenArchiveError.
    """
    whole = _UntilBreak(stream)
    file = cast("IO[bytes]", whole)  # the library only calls `read`
    try:
        with tarfile.open(fileobj=file, mode="r|", tarinfo=_Entry, encoding="utf-8") as archive:
            for info in archive:
                if info.isreg() and (body := archive.extractfile(info)):
                    yield PackedFile(_readable(info.name), _Guarded(cast("io.BufferedReader", body).read1))
    except (tarfile.TarError, EOFError) as error:
        raise whole.broken or BrokenArchiveError(broken_text(error)) from error


class _UntilBreak:
    """A stream that ends where it breaks, so that the library hands out what it has read; ``broken`` is the break."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.broken: BrokenArchiveError | None = None

    def read(self, size: int) -> bytes:
        try:
            return b"" if self.broken else self._stream.read(size)
        except BrokenArchiveError as error:
            self.broken = error
            return b""


def _readable(name: str) -> str:
    """A name whose bytes are no UTF-8 as Japanese Windows wrote it."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp932", "replace")


def _encrypted() -> str:
    return _("暗号化された zip は読めません。展開してから置いてください。")


def _salvaged(file: IO[bytes]) -> Iterator[PackedFile]:
    """Members by the headers in front of them, until one of them is not as it should be."""
    file.seek(0)
    while len(header := file.read(_LOCAL.size)) == _LOCAL.size:
        magic, _version, flags, method, _time, _date, _crc, size, _full, name_size, extra = _LOCAL.unpack(header)
        if magic != b"PK\x03\x04":
            return
        name = file.read(name_size).decode("utf-8" if flags & 0x800 else "cp932", "replace")
        file.seek(extra, 1)
        if name.endswith("/"):
            continue
        if flags & 1:
            yield PackedFile(name, None, _encrypted())
            return
        if method != _DEFLATED:
            if flags & 8:
                return  # how long it is stands in the directory only
            begin = file.tell()
            yield PackedFile(name, _Guarded(_Part(file, size).read))
            file.seek(begin + size)
            continue
        body = _Deflated(file)
        yield PackedFile(name, _Guarded(body.read))
        try:
            while body.read(CHUNK):
                pass
        except (EOFError, zlib.error):
            return
        if flags & 8:  # checksum and sizes stand behind it, with or without a mark of their own
            file.seek(12 if file.read(4) == b"PK\x07\x08" else 8, 1)


class _Part:
    """The next bytes of a file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int) -> bytes:
        if not self._left:
            return b""
        data = self._file.read(min(size, self._left))
        if not data:
            raise EOFError(_("zip の中のファイルが途中で切れています"))
        self._left -= len(data)
        return data


class _Deflated:
    """A deflated stream within a file, which is left right behind it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(-15)
        self._packed = b""

    def read(self, size: int) -> bytes:
        while not self._over():
            packed = self._packed or self._file.read(64 << 10)
            if not packed:
                raise EOFError(_("zip の中のファイルが途中で切れています"))
            data = self._inflate.decompress(packed, size)
            self._packed = self._inflate.unconsumed_tail
            if self._over():
                self._file.seek(-len(self._inflate.unused_data), 1)
            if data:
                return data
        return b""

    def _over(self) -> bool:
        return self._inflate.eof
