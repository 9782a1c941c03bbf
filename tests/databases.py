"""New records databases for tests: the migrations run once a process, every further one is a copy of what they made.

And what somebody can do to one past the program, in either kind of database.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, MetaData, create_engine, select

from secops.store.records.engine import Database, connect
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


@contextmanager
def another_program(database: Database, *, unguarded: str = "") -> Iterator[Connection]:
    """A connection of another program's, which may take away what keeps a table from being changed."""
    engine = create_engine(database.engine.url)
    try:
        with engine.begin() as connection:
            if unguarded:
                guards = ("no_update", "no_delete") if engine.dialect.name == "sqlite" else ("only_grows",)
                where = "" if engine.dialect.name == "sqlite" else f" ON {unguarded}"
                for guard in guards:
                    connection.exec_driver_sql(f"DROP TRIGGER {unguarded}_{guard}{where}")
            yield connection
    finally:
        engine.dispose()


def dump(database: Database) -> str:
    """Every value of every table."""
    with another_program(database) as connection:
        tables = MetaData()
        tables.reflect(connection)
        return "\n".join(
            repr(tuple(row)) for table in tables.sorted_tables for row in connection.execute(select(table))
        )
