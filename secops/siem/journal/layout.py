"""Names, locks and durable moves of the files in a journal folder.

    00000001.sealed   a sealed segment (`sealed.py`); read-only, for ever
    00000002.open     a segment in SQLite format (`segment.py`): closed and waiting to be sealed, or, if it has the
                      highest number, the one that is written to
    00000003.damaged  the SQLite file of a segment from which not every record could be sealed
    rotate.lock, seal.lock   held (flock) while a segment is followed by the next one / is sealed or retired
    next.lock, write.lock    held while waiting for a turn to write / while writing
    *.tmp             work in progress of whoever holds the lock; worthless after a crash

Segment numbers begin at 1 and have no holes, so which files must exist follows from the highest number.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secops.durable import place
from secops.errors import JournalError
from secops.locale import _

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROTATE_LOCK = "rotate.lock"
SEAL_LOCK = "seal.lock"
WRITE_LOCK = "write.lock"
NEXT_LOCK = "next.lock"

# Called with a name between two steps that must survive a crash; tests end the process in it.
Step = Callable[[str], None]


def no_step(_name: str) -> None:
    """The step hook of every day."""


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC; the moment must be aware."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment so many microseconds after 1970, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def open_path(folder: Path, number: int) -> Path:
    """Where a segment in SQLite format is."""
    return folder / f"{number:08d}.open"


def sealed_path(folder: Path, number: int) -> Path:
    """Where a sealed segment is."""
    return folder / f"{number:08d}.sealed"


def numbers(folder: Path) -> dict[str, set[int]]:
    """The segment numbers that have an ``open`` file and those that have a ``sealed`` one.

    Raises:
        JournalError: the folder is not there or cannot be read.
    """
    found: dict[str, set[int]] = {"open": set(), "sealed": set()}
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise folder_error(folder, error) from None
    for name in names:
        stem, dot, kind = name.partition(".")
        if dot and kind in found and stem.isdigit():
            found[kind].add(int(stem))
    return found


def exists(folder: Path, number: int) -> bool:
    """Whether a segment is there, in whatever form. Asked in this order it holds while the segment is being sealed."""
    return open_path(folder, number).exists() or sealed_path(folder, number).exists()


def stored_bytes(folder: Path, number: int) -> int:
    """Bytes of a segment's files, in whatever form it is; 0 if it is missing."""
    path = open_path(folder, number)
    sizes = (_size(one) for one in (sealed_path(folder, number), path, path.with_name(path.name + "-wal")))
    return sum(sizes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def folder_error(folder: Path, error: OSError) -> JournalError:
    """The message for a journal folder that cannot be used."""
    text = _(
        "{folder}: ログ保管フォルダを開けません({reason})。ディスクがマウントされているか、"
        "パスと権限が正しいかを確認してください。"
    )
    return JournalError(text.format(folder=folder, reason=error.strerror or error))


def remove_database(path: Path) -> None:
    """Delete an SQLite file and what SQLite keeps beside it; what is not there is fine."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def put_away(path: Path, *, keep: bool) -> None:
    """Delete the SQLite file of a sealed segment, or keep it as ``.damaged`` because not all of it could be sealed."""
    if keep and path.exists():
        place(path, path.with_suffix(".damaged"))
    remove_database(path)


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Hold one of the folder's locks against all other processes and threads; the kernel frees it when we die."""
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise folder_error(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def turn_to_write(folder: Path) -> Iterator[None]:
    """Wait in line for a write transaction.

    SQLite alone waits by looking again after growing sleeps; beside an importer that writes without a pause, a
    collector starved for seconds (measured). Whoever holds `NEXT_LOCK` is the next to write, so nobody overtakes.
    """
    with ExitStack() as stack:
        with locked(folder, NEXT_LOCK):
            stack.enter_context(locked(folder, WRITE_LOCK))
        yield
