"""A hint that files changed, so that the next poll comes at once. Polling does not depend on it.

inotify overflows silently and says nothing on network drives; where watching fails, only the hint is missing.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

_CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Any change in the folder; what it is, the poll finds out."""
        if event.event_type in _CHANGES:
            self._wake()


class Watch:
    """Calls functions, from a thread of its own, when something changes in their folders."""

    def __init__(self) -> None:
        self._observer = Observer()
        self._observer.daemon = True
        self._started = False

    def add(self, folder: Path, wake: Callable[[], None]) -> None:
        """Watch one folder, without those in it; one that does not exist (yet) is left to polling."""
        try:
            self._observer.schedule(_Handler(wake), str(folder), recursive=False)
        except OSError:
            return

    def start(self) -> None:
        """Begin; where the system allows no more watches, do without."""
        try:
            self._observer.start()
            self._started = True
        except OSError:
            self._started = False

    def stop(self) -> None:
        """End the thread."""
        if self._started:
            self._observer.stop()
            self._observer.join(2)


def folder_of(path: str) -> Path:
    """The folder in which files of a path or glob appear; of ``a/*/b.log`` the part without wildcards."""
    folder = Path(path).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder
