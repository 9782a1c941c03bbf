"""Streams of bytes and their limits: what reading a file has in common with reading what is packed in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from secops.locale import _

CHUNK = 4 << 20  # bytes


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
