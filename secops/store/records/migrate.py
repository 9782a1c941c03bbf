"""Bringing a records database up to today's tables, whoever opens it first."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from secops.errors import StoreError
from secops.locale import _
from secops.store.records.engine import Database

FOLDER = Path(__file__).parent / "migrations"
HEAD = "0020"  # the newest migration; a test compares it with the folder


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, in one transaction; several processes may do so at once.

    Alembic is only imported when there is something to do: every command opens the records.

    Raises:
        StoreError: the database was written by a newer program, or cannot be reached.
    """
    with database.read() as connection:
        if version(connection) == HEAD:
            return
    with database.migrate() as connection:
        found = version(connection)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise StoreError(
                _(
                    "記録データベースの版 {found} は、このプログラムの版 {head} より新しいため開けません。"
                    "プログラムを更新してください。"
                ).format(found=found, head=HEAD)
            )
        _run(connection)


def version(connection: Connection) -> str | None:
    """The migration the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
