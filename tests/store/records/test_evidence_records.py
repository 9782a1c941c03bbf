"""Evidence sheets in the records: kept for ever, by hash, within the reader's scope, each in the trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from secops.errors import NotFoundError, StoreError
from secops.isms.audit.evidence_text import sealed
from secops.isms.audit.round import EvidenceSheet, Unit
from secops.siem.ports import Scope
from secops.store.records import open_records
from secops.store.records.evidence import SheetFilter
from secops.store.records.evidence_tables import evidence_sheets
from tests.databases import another_program

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
SHEET = sealed(
    EvidenceSheet(
        name="usb_use",
        title="USB",
        unit=Unit("211"),
        period=(NOW - timedelta(days=90), NOW),
        made_at=NOW,
        query="event.action:x",
        figures={"回数": 3, "許可": None},
        rows=({"端末": "L-1"},),
        items=("a2-07", "a3-04"),
        department="区民課",
        rows_total=1,
    )
)


@pytest.fixture
def records(records_place: Path | str):
    made = open_records(records_place)
    yield made
    made.dispose()


def test_a_sheet_comes_back_as_it_was_and_its_making_is_in_the_trail(records):
    number = records.evidence.keep(SHEET, round_="2026-1", actor="kansa", now=NOW)
    kept = records.evidence.sheet(number, Scope())
    assert (kept.sheet, kept.whole, kept.round) == (SHEET, True, "2026-1")
    (entry,) = records.trail.entries(target=f"evidence {number}")
    assert (entry.actor, entry.action, entry.detail["sha256"]) == ("kansa", "evidence.made", SHEET.sha256)
    assert records.trail.verify().number is None


def test_no_program_changes_or_removes_a_sheet(records):
    number = records.evidence.keep(SHEET, actor="kansa", now=NOW)
    for statement in (update(evidence_sheets).values(body="{}"), delete(evidence_sheets)):
        with pytest.raises(StoreError, match="only grows"), records.database.write() as connection:
            connection.execute(statement)
    with pytest.raises(DBAPIError, match="only grows"), another_program(records.database) as other:
        other.execute(delete(evidence_sheets))
    # Who takes the guard away is found out by the hash.
    with another_program(records.database, unguarded="evidence_sheets") as other:
        other.exec_driver_sql("UPDATE evidence_sheets SET body = replace(body, '\"回数\":3', '\"回数\":0')")
    kept = records.evidence.sheet(number, Scope())
    assert (kept.whole, kept.sheet.figures["回数"]) == (False, 0)


def test_lists_by_department_item_query_and_round(records):
    other = sealed(replace(SHEET, unit=Unit("212"), department="税務課", name="print_volume", items=("a6.1-20",)))
    first = records.evidence.keep(SHEET, round_="2026-1", actor="kansa", now=NOW)
    second = records.evidence.keep(other, actor="kansa", now=NOW)

    def numbers(scope: Scope = Scope(), **wanted: str) -> list[int]:  # noqa: B008 - frozen
        found, total = records.evidence.sheets(SheetFilter(**wanted), scope)
        assert total == len(found)
        return [one.number for one in found]

    assert numbers() == [second, first]
    assert numbers(department="211") == numbers(item="a3-04") == numbers(round="2026-1") == [first]
    assert numbers(name="print_volume") == numbers(item="a6.1-20") == [second]
    assert numbers(item="a3") == numbers(item="%") == []
    assert [one.number for one in records.evidence.sheets(SheetFilter(), Scope(), before=second)[0]] == [first]


def test_a_reader_sees_their_departments_and_no_more_zones_than_theirs(records):
    part = sealed(replace(SHEET, zones=("lgwan",)))
    whole = records.evidence.keep(SHEET, actor="kansa", now=NOW)
    lgwan = records.evidence.keep(part, actor="kansa", now=NOW)
    both = Scope(zones=frozenset({"lgwan", "internet"}))
    assert [one.number for one in records.evidence.sheets(SheetFilter(), both)[0]] == [lgwan]
    assert records.evidence.sheet(lgwan, both).sheet == part
    for number, scope in (
        (whole, both),
        (lgwan, Scope(zones=frozenset({"internet"}))),
        (whole, Scope(departments=frozenset({"税務課"}))),
        (99, Scope()),
        (1 << 70, Scope()),
    ):
        with pytest.raises(NotFoundError):
            records.evidence.sheet(number, scope)
