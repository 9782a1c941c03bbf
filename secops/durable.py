"""Files that survive power loss: content, names in folders, and replacing a file in one step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any


def settle(file: IO[Any]) -> None:
    """Force what was written to an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Force a file's content, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def place(temporary: Path, final: Path) -> None:
    """Give a finished and synced file its name, durably and in one step."""
    temporary.replace(final)
    sync(final.parent)


def write_new(path: Path, pieces: Iterable[bytes], mode: int) -> None:
    """Write a file that must not be there yet, with these rights from the start; its name is not synced.

    Raises:
        FileExistsError: it is there.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.writelines(pieces)
        settle(file)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file of UTF-8 text."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        settle(file)
    place(temporary, path)


def make_folder(path: Path) -> None:
    """Make a folder and the ones above it, each durable in its parent."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync(path.parent)
