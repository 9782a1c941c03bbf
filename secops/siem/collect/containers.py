"""Files that do not grow line by line: EVTX and archives. A tail cannot follow them, a drop folder takes them whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.generations import related

EVTX_MAGIC = b"ElfFile\x00"
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
MAGIC = 8  # bytes that tell


def container(start: bytes) -> str | None:
    """``EVTX``, ``gzip`` or ``zip`` by the first bytes of a file; None for all others."""
    if start.startswith(EVTX_MAGIC):
        return "EVTX"
    if start.startswith(GZIP_MAGIC):
        return "gzip"
    return "zip" if start.startswith(ZIP_MAGIC) else None


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
