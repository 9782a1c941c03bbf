"""A consistent copy of a journal that is being written to, file by file.

What is in SQLite format is copied under the locks of rotation and sealing: for these moments no segment is closed,
sealed or retired, while collectors go on writing; SQLite's own backup gives each open segment as it stood at one
moment. Sealed segments never change (retention puts a signed tombstone in their place): they are read unlocked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from secops.siem.journal import layout
from secops.siem.journal.failure import no_journal

# Called with the name in the journal folder and where its content is now.
Put = Callable[[str, Path], None]


def copy_journal(folder: Path, scratch: Path, put: Put) -> None:
    """Hand over every segment of a journal; ``scratch`` takes copies of the open ones.

    Raises:
        JournalError: there is no journal in the folder.
    """
    with layout.locked(folder, layout.SEAL_LOCK), layout.locked(folder, layout.ROTATE_LOCK):
        found = layout.numbers(folder)
        if not (found["open"] | found["sealed"]):
            raise no_journal(folder)
        unsealed = [layout.open_path(folder, number) for number in sorted(found["open"] - found["sealed"])]
        copies = [copy_database(path, scratch / path.name) for path in unsealed]
    sealed = [layout.sealed_path(folder, number) for number in sorted(found["sealed"])]
    for path in [*sealed, *copies, *sorted(folder.glob("*.damaged"))]:
        put(path.name, path)


def unsealed_bytes(folder: Path) -> int:
    """Bytes of the segments in SQLite format: what `copy_journal` needs in its scratch folder."""
    return sum(layout.stored_bytes(folder, number) for number in layout.numbers(folder)["open"])


def copy_database(source: Path, target: Path) -> Path:
    """An SQLite file as it stands at one moment, whoever writes to it meanwhile; returns the target."""
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=60)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
    return target
