from __future__ import annotations

import multiprocessing
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, create_mock_engine

from secops.errors import StoreError
from secops.schema.severity import Severity
from secops.siem.ports import Hit
from secops.store.records import access_tables, migrate, open_records, siem_tables
from secops.store.records.engine import connect
from secops.store.records.migrations.versions import m0009_names
from secops.store.records.tables import metadata

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)


def test_migrations_make_what_the_models_say(tmp_path: Path):
    database = connect(tmp_path / "records.db")
    migrate.upgrade(database)
    assert {siem_tables.alerts, access_tables.users} <= set(metadata.tables.values())
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path):
    path = tmp_path / "records.db"
    open_records(path).dispose()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()
    with pytest.raises(StoreError, match="9999"):
        open_records(path)


def test_a_file_that_is_no_database_is_said_with_its_name(tmp_path: Path):
    path = tmp_path / "records.db"
    path.write_bytes(b"not a database" * 500)
    with pytest.raises(StoreError, match=r"records\.db"):
        open_records(path)
    with pytest.raises(StoreError):
        open_records(tmp_path / "missing" / "records.db")


def _open(path: Path) -> None:
    open_records(path).dispose()


def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    openers = [context.Process(target=_open, args=(tmp_path / "records.db",)) for _ in range(3)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert [opener.exitcode for opener in openers] == [0, 0, 0]


def test_the_tables_can_be_made_in_postgresql():
    statements: list[str] = []

    def keep(statement: object, *_args: object, **_options: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))  # type: ignore[attr-defined]  # DDL

    engine = create_mock_engine("postgresql+psycopg://", keep)
    metadata.create_all(engine, checkfirst=False)
    assert any("WHERE state <> 'closed'" in statement for statement in statements)


def test_the_names_of_alerts_from_before_can_be_searched(tmp_path: Path):
    """What an older program wrote has no folded names yet: the migration makes them as the program does."""
    path = tmp_path / "records.db"
    hit = Hit(
        "r1", Severity.HIGH, "w.win.1", "win", 1, NOW, NOW, "lgwan", {"host.name": "Ｋ-0213", "user.name": 'a"b'}, ()
    )
    records = open_records(path)
    records.put_hits([hit], {"win": 1}, NOW)
    records.dispose()
    with sqlite3.connect(path) as file:
        [[wanted]] = file.execute("SELECT names FROM alerts").fetchall()
        file.execute("ALTER TABLE alerts DROP COLUMN names")
    # That migration alone: those behind it have run.
    with (
        create_engine(f"sqlite:///{path}").begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        m0009_names.upgrade()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT names FROM alerts").fetchall() == [(wanted,)]
    assert "host.name=k-0213" in wanted
