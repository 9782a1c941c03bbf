"""Which process does what: one file lock per part; the kernel releases it when its process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secops.errors import ConflictError
from secops.locale import _
from secops.settings import Settings


def _path(site: Path, part: str) -> Path:
    folder = site / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{part}.lock"


@contextmanager
def held(site: Path, part: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a part.

    Raises:
        ConflictError: another process holds it (only without ``wait``).
    """
    descriptor = os.open(_path(site, part), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            text = _("「{part}」はすでに動いています(サイト {site})。先に止めてください。")
            raise ConflictError(text.format(part=part, site=site)) from None
        yield
    finally:
        os.close(descriptor)


def is_held(site: Path, part: str) -> bool:
    """Whether a living process holds the lock of a part."""
    path = _path(site, part)
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def worker_names(settings: Settings) -> list[str]:
    """The names of the workers."""
    return [f"worker-{number}" for number in range(settings.work.workers)]


def part_names(settings: Settings) -> list[str]:
    """The names of all parts, in the order in which they are stopped."""
    return ["collectors", *worker_names(settings), "keeper", "web"]


def parts_running(site: Path, settings: Settings) -> dict[str, str]:
    """Name of each part → ``running``, ``stopped`` (the whole program is), or ``missing``."""
    absent = "missing" if is_held(site, "supervisor") else "stopped"
    return {name: "running" if is_held(site, name) else absent for name in part_names(settings)}
