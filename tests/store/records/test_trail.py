"""The chained log of the policy and audit wing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from secops.errors import StoreError
from secops.store.records.engine import connect
from secops.store.records.trail import START, SqlTrail, note
from secops.store.records.trail_tables import trail
from tests.databases import another_program

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)


@pytest.fixture
def database(records_place: Path | str):
    made = connect(records_place)
    yield made
    made.close()


def write(database, count: int) -> None:
    for number in range(count):
        with database.write() as connection:
            note(
                connection,
                actor="kansa",
                action="plan.approved",
                target=f"plan 2026-{number % 3}",
                now=NOW + timedelta(minutes=number),
                detail={"title": "年度計画", "by": "CISO"},
            )


def test_entries_are_chained_and_read_back(database):
    found = SqlTrail(database)
    assert found.verify().head == START
    write(database, 5)
    assert [one.number for one in found.entries(limit=2)] == [5, 4]
    assert [one.number for one in found.entries(target="plan 2026-1")] == [5, 2]
    assert [one.number for one in found.entries(before=3)] == [2, 1]
    first = next(iter(found.all()))
    assert (first.actor, first.at, first.detail) == ("kansa", NOW, {"title": "年度計画", "by": "CISO"})
    whole = found.verify()
    assert (whole.number, whole.entries, whole.head) == (None, 5, found.entries(limit=1)[0].digest)


def test_what_is_not_committed_leaves_no_entry(database):
    def fail() -> None:
        with database.write() as connection:
            note(connection, actor="a", action="b", target="c", now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not SqlTrail(database).entries()


@pytest.mark.parametrize("change", [update(trail).values(actor="someone else"), delete(trail)])
def test_the_database_refuses_to_change_or_remove_an_entry(database, change):
    write(database, 2)
    with pytest.raises(StoreError, match="trail only grows"), database.write() as connection:
        connection.execute(change)
    assert SqlTrail(database).verify().entries == 2


def test_nor_to_empty_the_table_at_a_stroke(database):
    """SQLite has no TRUNCATE."""
    if database.engine.dialect.name == "sqlite":
        return
    write(database, 2)
    with pytest.raises(DBAPIError, match="trail only grows"), another_program(database) as other:
        other.exec_driver_sql("TRUNCATE trail CASCADE")
    assert SqlTrail(database).verify().entries == 2


@pytest.mark.parametrize(
    ("forge", "broken"),
    [
        ("UPDATE trail SET detail = '{}' WHERE id = 3", 3),
        ("UPDATE trail SET at = at + 1 WHERE id = 1", 1),
        ("DELETE FROM trail WHERE id = 2", 3),
    ],
)
def test_what_another_program_did_is_found(database, forge, broken):
    write(database, 4)
    with another_program(database, unguarded="trail") as other:
        other.exec_driver_sql(forge)
    assert SqlTrail(database).verify().number == broken


def test_more_entries_than_are_read_at_a_time(database, monkeypatch):
    monkeypatch.setattr("secops.store.records.trail.STEP", 3)
    write(database, 7)
    assert [one.number for one in SqlTrail(database).all()] == [1, 2, 3, 4, 5, 6, 7]
    assert SqlTrail(database).verify().entries == 7
