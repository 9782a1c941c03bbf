"""Issued papers in the records: numbered, never changed, and seen by who may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from secops.access.ports import Access
from secops.errors import ConflictError, NotFoundError, StoreError
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.releases import NewRelease, Reader
from secops.isms.audit.round import ReleasedFile
from secops.store.records.engine import connect
from secops.store.records.release_tables import release_files, releases
from secops.store.records.releases import SqlReleases
from secops.store.records.trail import SqlTrail

NOW = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)
ALL = Reader(Access(), audits=True)


@pytest.fixture
def database(records_place: Path | str):
    made = connect(records_place)
    yield made
    made.close()


def add(desk: SqlReleases, kind: PaperKind = PaperKind.REPORT, department: str = "", replaces: str = "", year=2026):
    new = NewRelease(kind, year, "題", department, "区民課" if department else "", replaces)
    return desk.add(new, lambda number: [ReleasedFile(f"{number}.docx", "ab" * 32, 9)], actor="lead", now=NOW)


def test_papers_are_numbered_by_year_and_known_by_their_hash(database):
    desk = SqlReleases(database)
    assert [add(desk).number, add(desk).number, add(desk, year=2027).number] == ["2026-R01", "2026-R02", "2027-R01"]
    found = desk.release("2026-R01", ALL)
    assert found.sha256 == "ab" * 32
    assert found.released_by == "lead"
    assert [one.number for one in desk.releases(ALL)] == ["2027-R01", "2026-R02", "2026-R01"]
    assert [one.number for one in desk.releases(ALL, year=2027)] == ["2027-R01"]
    assert all(one.files for one in desk.releases(ALL))


def test_issuing_is_in_the_trail(database):
    add(SqlReleases(database))
    (entry,) = SqlTrail(database).entries()
    assert (entry.action, entry.target) == ("report.released", "release 2026-R01")
    assert entry.detail["files"] == {"2026-R01.docx": "ab" * 32}


def test_the_database_refuses_to_change_or_forget_a_paper(database):
    add(SqlReleases(database))
    for statement in (
        update(releases).values(title="別"),
        delete(releases),
        update(release_files).values(sha256="cd" * 32),
        delete(release_files),
    ):
        with pytest.raises(StoreError, match="only grows"), database.write() as connection:
            connection.execute(statement)


def test_a_paper_whose_files_could_not_be_kept_is_not_issued(database):
    desk = SqlReleases(database)

    def full(_number: str):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        desk.add(NewRelease(PaperKind.REPORT, 2026, "題"), full, actor="lead", now=NOW)
    assert desk.releases(ALL) == []
    assert SqlTrail(database).entries() == []
    assert add(desk).number == "2026-R01"


def test_a_correction_names_what_it_corrects_and_only_once(database):
    desk = SqlReleases(database)
    add(desk)
    assert add(desk, replaces="2026-R01").replaces == "2026-R01"
    with pytest.raises(ConflictError, match="2026-R02"):
        add(desk, replaces="2026-R01")
    with pytest.raises(ConflictError, match="2026-R09"):
        add(desk, replaces="2026-R09")
    with pytest.raises(ConflictError, match="同じ種類"):
        add(desk, PaperKind.PLAN, replaces="2026-R02")


@pytest.mark.parametrize(
    ("kind", "department", "viewer", "kumin", "other", "auditor"),
    [
        (PaperKind.SUMMARY, "", True, True, True, True),
        (PaperKind.PLAN, "", True, True, True, True),
        (PaperKind.REPORT, "", True, False, False, True),
        (PaperKind.BRIEFING, "", True, False, False, True),
        (PaperKind.REPORT, "1010", True, True, False, True),
        (PaperKind.IMPROVEMENT, "1010", True, True, False, True),
        (PaperKind.WORKPAPER, "", False, False, False, True),
        (PaperKind.WORKPAPER, "1010", False, False, False, True),
    ],
)
def test_who_may_read_what(database, kind, department, viewer, kumin, other, auditor):
    desk = SqlReleases(database)
    number = add(desk, kind, department).number
    readers = {
        "viewer": (Reader(Access()), viewer),
        "kumin by name": (Reader(Access(departments=frozenset({"区民課"}))), kumin),
        "kumin by code": (Reader(Access(departments=frozenset({"1010"}))), kumin),
        "other": (Reader(Access(departments=frozenset({"税務課"}))), other),
        "nobody": (Reader(Access(departments=frozenset())), other),
        "auditor": (ALL, auditor),
    }
    for name, (reader, may) in readers.items():
        assert bool(desk.releases(reader)) is may, name
        if may:
            assert desk.release(number, reader).number == number
        else:
            with pytest.raises(NotFoundError):
                desk.release(number, reader)
