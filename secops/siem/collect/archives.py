"""Archives as streams of their contents: gzip, bzip2, xz and zstd, and the members of a zip, also of a cut one.

All streams give as much as can be read and then raise `BrokenArchiveError`. Never more than some megabytes are unpacked
at once, so that a decompression bomb meets its limit before it fills the memory.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

import zstandard

from secops.locale import _

CHUNK = 4 << 20  # bytes
_WINDOW = 1 << 27  # bytes of history a zstd frame may ask for, which is what ``zstd --ultra -22`` asks for
_SIP = 1 << 10  # bytes of zstd input at once: 128 KiB may come out of 4
_LOCAL = struct.Struct("<4s5HIIIHH")  # the header before a member of a zip
_DEFLATED = 8


class Stream(Protocol):
    """A stream of bytes, read from front to back."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, b"" at the end."""
        ...


class BombError(Exception):
    """An archive grew beyond its limits."""


class BrokenArchiveError(Exception):
    """An archive is damaged or cut off; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may grow to before it is taken for a decompression bomb."""

    total: int = 64 << 30  # bytes out of one file
    ratio: int = 400  # bytes out for one byte in; log files reach 100
    free: int = 256 << 20  # bytes out before the ratio is looked at
    copy: int = 2 << 30  # bytes of an EVTX or a zip inside an archive, which must be unpacked to disk
    depth: int = 2  # archives within each other


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
                "正しいログであれば、展開してから置いてください"
                "(secops hunt では --max-unpacked と --max-ratio で上限を上げられます)。"
            )
            raise BombError(text.format(limit=limits.total >> 20, ratio=limits.ratio))


class Counted:
    """A stream that reports how many bytes were read from it; ``allow`` may raise to stop it."""

    def __init__(self, stream: Stream, allow: Callable[[int], None]) -> None:
        self._stream = stream
        self._allow = allow

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, b"" at the end."""
        data = self._stream.read(size)
        self._allow(len(data))
        return data


class Joined:
    """Bytes that were read already, then the stream they were read from."""

    def __init__(self, first: bytes, stream: Stream) -> None:
        self._first = first
        self._stream = stream

    def read(self, size: int = CHUNK) -> bytes:
        """Up to ``size`` bytes, b"" at the end."""
        if not self._first:
            return self._stream.read(size)
        data, self._first = self._first[:size], self._first[size:]
        return data


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
        except (EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, zstandard.ZstdError) as error:
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


# ----------------------------------------------------------------------------------------------------------------- zip


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in a zip: its stream, or why there is none."""

    name: str
    stream: Stream | None
    problem: str = ""


def zip_members(file: IO[bytes]) -> Iterator[ZipMember]:
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
                yield ZipMember(info.filename, None, _encrypted())
                continue
            try:
                body: Any = archive.open(info)
            except (zipfile.BadZipFile, NotImplementedError, struct.error, RuntimeError) as error:
                yield ZipMember(info.filename, None, broken_text(error))
                continue
            with body:
                yield ZipMember(info.filename, _Guarded(body.read1))


def _encrypted() -> str:
    return _("暗号化された zip は読めません。展開してから置いてください。")


def _salvaged(file: IO[bytes]) -> Iterator[ZipMember]:
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
            yield ZipMember(name, None, _encrypted())
            return
        if method != _DEFLATED:
            if flags & 8:
                return  # how long it is stands in the directory only
            begin = file.tell()
            yield ZipMember(name, _Guarded(_Part(file, size).read))
            file.seek(begin + size)
            continue
        body = _Deflated(file)
        yield ZipMember(name, _Guarded(body.read))
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
