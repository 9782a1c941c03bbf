"""What was read from files, read again only when one of them changed: for a console that runs for months."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from secops.errors import InputError

T = TypeVar("T")
log = logging.getLogger("secops")


def files_in(place: Path) -> list[Path]:
    """A file, or all files of a folder and those below it."""
    return sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]


class Watched(Generic[T]):
    """Calls ``read`` at first and whenever the ``paths`` or their times and sizes differ from those of the last call.

    What cannot be read is logged, and what was read before stays in force; at first it is raised.
    """

    def __init__(self, paths: Callable[[], Iterable[Path]], read: Callable[[], T]) -> None:
        self._paths = paths
        self._read = read
        self._lock = Lock()
        self._value: list[T] = []
        self._seen: object = None

    def __call__(self) -> T:
        """What the files say."""
        with self._lock:
            seen = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in self._paths()]
            if seen != self._seen:
                try:
                    self._value = [self._read()]
                except InputError as error:
                    if not self._value:
                        raise
                    log.error("%s", error)  # noqa: TRY400 - the message says it all
                self._seen = seen
            return self._value[0]
