"""Files that do not grow line by line: EVTX and archives. A tail cannot follow them, a drop folder takes them whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.generations import related

EVTX_MAGIC = b"ElfFile\x00"
_KINDS = (
    ("EVTX", EVTX_MAGIC),
    ("gzip", b"\x1f\x8b"),
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    *(("zstd", bytes([byte, 0x2A, 0x4D, 0x18])) for byte in range(0x50, 0x60)),  # a skippable frame goes first
    ("xz", b"\xfd7zXZ\x00"),
    *(("bzip2", b"BZh%d1AY&" % level) for level in range(1, 10)),
)
STREAMS = frozenset({"gzip", "zstd", "xz", "bzip2"})  # one file inside, read from front to back
SUFFIXES = (".gz", ".zst", ".zstd", ".xz", ".bz2")
# What nobody reads as text, and who unpacks or exports it is told so.
_REFUSED = (
    ("7z", b"7z\xbc\xaf\x27\x1c"),
    ("RAR", b"Rar!\x1a\x07"),
    ("CAB", b"MSCF\x00\x00\x00\x00"),
    ("LZ4", b"\x04\x22\x4d\x18"),
    ("Parquet", b"PAR1"),
    ("SQLite", b"SQLite f"),
    ("PDF", b"%PDF-"),
)
_TAR = slice(257, 262), b"ustar"  # as POSIX and GNU write it; before it stands the name of the first file
MAGIC = 262  # bytes that tell


def container(start: bytes) -> str | None:
    """``EVTX``, ``gzip``, ``zip``, ``zstd``, ``xz``, ``bzip2`` or ``tar`` by the first bytes; None for all others."""
    found = next((kind for kind, magic in _KINDS if start.startswith(magic)), None)
    return found or ("tar" if start[_TAR[0]] == _TAR[1] else None)


def refused(start: bytes) -> str | None:
    """The name of a binary format that is not read here, by the first bytes of a file; None for all others."""
    return next((kind for kind, magic in _REFUSED if start.startswith(magic)), None)


def container_at(path: str) -> str | None:
    """`container` of a file; raises OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return container(file.read(MAGIC))


def cannot_follow(path: str, kind: str, others: Iterable[str]) -> Problem | None:
    """What is wrong with a container at a path of a ``file`` source.

    Nothing is where it is the archived generation of another file of the source (``others``): that one was followed.
    """
    if kind != "EVTX" and any(other != path and related(other, path) for other in others):
        return None
    text = _(
        '{kind} 形式のファイルです。kind = "file" は追記されるテキストのログだけを読みます。'
        'フォルダに置き、その収集元を kind = "folder" にしてください。'
    )
    return Problem(path, text.format(kind=kind))
