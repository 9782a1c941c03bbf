"""New records databases for tests: the migrations run once a process, every further one is a copy of what they made."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from secops.store.records.engine import connect
from secops.store.records.migrate import upgrade


@cache
def _migrated() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    folder = tempfile.TemporaryDirectory(prefix="secops-records-")  # goes when the process ends
    path = Path(folder.name) / "records.db"
    database = connect(path)
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.rollback()
    database.close()
    return folder, path


def new_records(path: Path) -> Path:
    """An empty records database at the path, as `upgrade` leaves it."""
    shutil.copyfile(_migrated()[1], path)
    return path
