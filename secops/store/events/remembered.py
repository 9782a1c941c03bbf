"""Answers of the lake that are remembered. A file is never changed, so an answer holds as long as its files are there.

What is remembered is found by all that it was made of (statement, values, files), and a reader's scope is among the
values: nothing that others may see is found for them. An answer goes with its files, so what retention took out of the
lake is not kept here.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

MOST_BYTES = 32 << 20
LARGEST = 1 << 20  # bytes; an export's step would only drive the others out


def key_of(*parts: object) -> bytes:
    """What an answer is found by: a digest of all that it was made of."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=32).digest()


class Remembered:
    """Answers by key, the ones used least lately given up first; safe to use from several threads."""

    def __init__(self, most: int = MOST_BYTES, largest: int = LARGEST) -> None:
        self._most = most
        self._largest = largest
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[Any, frozenset[str], int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: bytes) -> Any | None:
        """The answer with this key, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: bytes, answer: Any, files: Iterable[str], size: int) -> None:
        """Remember an answer of so many bytes that was made of these files."""
        if size > self._largest:
            return
        with self._lock:
            self._drop(key)
            self._kept[key] = answer, frozenset(files), size
            self._bytes += size
            while self._bytes > self._most:
                self._drop(next(iter(self._kept)))

    def only_of(self, files: Iterable[str]) -> None:
        """Forget every answer that was made of a file which is not among these."""
        live = frozenset(files)
        with self._lock:
            for key in [key for key, (_answer, made_of, _size) in self._kept.items() if not made_of <= live]:
                self._drop(key)

    def __len__(self) -> int:
        return len(self._kept)

    def _drop(self, key: bytes) -> None:
        _answer, _files, size = self._kept.pop(key, (None, None, 0))
        self._bytes -= size
