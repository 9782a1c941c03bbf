"""Evidence sheets as they were made: kept for ever, known by their hash, seen within the reader's scope only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, false, func, insert, or_, select, true

from secops.errors import NotFoundError
from secops.isms.audit.evidence_text import canonical, digest, sheet_of
from secops.isms.audit.ports import Reach
from secops.isms.audit.round import EvidenceSheet, SheetCheck
from secops.locale import _
from secops.schema.dates import JST
from secops.siem.ports import Scope
from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database
from secops.store.records.evidence_tables import evidence_sheets as table
from secops.store.records.trail import Entry, SqlTrail, note


@dataclass(frozen=True, slots=True)
class Filed:
    """A sheet in a list. ``zones`` are those that were looked at (None: all), ``missing`` how many sources were not."""

    number: int
    name: str
    title: str
    round: str
    department: str
    department_name: str
    system: str
    system_name: str
    period: tuple[datetime, datetime]
    made_at: datetime
    made_by: str
    items: tuple[str, ...]
    missing: tuple[str, ...]
    sha256: str

    @property
    def of(self) -> str:
        """The unit as it is read."""
        return f"{self.department_name} {self.system_name}" if self.system else self.department_name


@dataclass(frozen=True, slots=True)
class Kept:
    """A sheet with its number; ``whole`` says whether its text still has the hash that was kept beside it."""

    number: int
    sheet: EvidenceSheet
    round: str
    whole: bool


@dataclass(frozen=True, slots=True)
class SheetFilter:
    """Which sheets: of a department (code), of an item, of a query, of a round (plan number); empty is all.

    Of a department are those of its systems too; ``system`` is the code of one.
    """

    department: str = ""
    item: str = ""
    name: str = ""
    round: str = ""
    system: str = ""


class SqlEvidence:
    """Keeps and gives evidence sheets; each keeping is in the trail of the wing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, sheet: EvidenceSheet, *, round_: str = "", actor: str, now: datetime) -> int:
        """File a sheet for ever; returns its number."""
        text = canonical(sheet)
        row = {
            "name": sheet.name,
            "title": sheet.title,
            "round": round_,
            "department": sheet.unit.department,
            "department_name": sheet.department,
            "system": sheet.unit.system,
            "since": sheet.period[0],
            "until": sheet.period[1],
            "made_at": sheet.made_at,
            "made_by": actor,
            "items": to_json(sheet.items),
            "zones": None if sheet.zones is None else to_json(sheet.zones),
            "missing": to_json(sheet.missing),
            "body": text,
            "sha256": digest(text),
        }
        with self._database.write() as connection:
            made = connection.execute(insert(table).values(row)).inserted_primary_key
            assert made is not None
            number = int(made[0])
            detail = {"query": sheet.name, "unit": str(sheet.unit), "sha256": row["sha256"]}
            note(
                connection,
                actor=actor,
                action="evidence.made",
                target=f"evidence {number}",
                now=now,
                detail={**detail, "since": sheet.period[0], "until": sheet.period[1]},
            )
        return number

    def sheets(
        self,
        wanted: SheetFilter,
        scope: Scope,
        reach: Sequence[Reach] | None = None,
        *,
        limit: int = 100,
        before: int | None = None,
    ) -> tuple[Sequence[Filed], int]:
        """The newest sheets that pass, and how many there are; ``before`` is the number of the last one seen.

        ``reach``: only of the units that an auditor is assigned to, made in the year of a plan of theirs or for one.
        """
        where = and_(_seen(scope), _reached(reach), *_chosen(wanted))
        statement = select(table).where(where).order_by(table.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(table.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
            total = connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()
        return [_filed(row) for row in rows], int(total)

    def sheet(self, number: int, scope: Scope, reach: Sequence[Reach] | None = None) -> Kept:
        """One sheet; ``reach`` as in `sheets`.

        Raises:
            NotFoundError: there is none, or the reader may not see it.
        """
        row = None
        if 0 < number < 1 << 63:
            with self._database.read() as connection:
                statement = select(table).where(table.c.id == number, _seen(scope), _reached(reach))
                row = connection.execute(statement).mappings().first()
        if row is None:
            raise NotFoundError(_("裏付け票 {number} はありません。").format(number=number))
        return self._whole(row)

    def checked(self, kept: Kept, differing: Sequence[str], *, actor: str, now: datetime) -> None:
        """Note that somebody looked at a sheet's hash and asked again, and what differed."""
        detail = {"sha256": kept.sheet.sha256, "whole": kept.whole, "differing": list(differing)}
        with self._database.write() as connection:
            target = f"evidence {kept.number}"
            note(connection, actor=actor, action="evidence.checked", target=target, now=now, detail=detail)

    def checks(self, number: int) -> Sequence[SheetCheck]:
        """Who checked a sheet, the newest first."""
        entries = SqlTrail(self._database).entries(target=f"evidence {number}")
        return [_check(one) for one in entries if one.action == "evidence.checked"]

    @staticmethod
    def _whole(row: RowMapping) -> Kept:
        return Kept(row["id"], sheet_of(row["body"]), row["round"], digest(row["body"]) == row["sha256"])


def _check(entry: Entry) -> SheetCheck:
    return SheetCheck(entry.at, entry.actor, bool(entry.detail["whole"]), tuple(entry.detail["differing"]))


def _chosen(wanted: SheetFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.department:
        where.append(table.c.department == wanted.department)
    if wanted.system:
        where.append(table.c.system == wanted.system)
    if wanted.name:
        where.append(table.c.name == wanted.name)
    if wanted.round:
        where.append(table.c.round == wanted.round)
    if wanted.item:
        where.append(table.c["items"].contains(to_json(wanted.item), autoescape=True))
    return where


def _seen(scope: Scope) -> ColumnElement[bool]:
    """A reader sees sheets of their departments that were made of no more zones than they see."""
    where: list[ColumnElement[bool]] = [true()]
    if scope.departments is not None:
        where.append(table.c.department_name.in_(sorted(scope.departments)))
    if scope.zones is not None:
        # Few sets of zones are ever used, so they are named rather than taken apart in SQL.
        where.append(or_(*(table.c.zones == to_json(one) for one in _subsets(sorted(scope.zones)))))
    return and_(*where)


def _reached(reach: Sequence[Reach] | None) -> ColumnElement[bool]:
    """Whether a sheet is of a unit in reach, and of the time or the plan for which it is."""
    if reach is None:
        return true()
    return or_(false(), *(_of_reach(one) for one in reach))


def _of_reach(one: Reach) -> ColumnElement[bool]:
    first, last = (datetime(year, 4, 1, tzinfo=JST) for year in (one.years[0], one.years[1] + 1))
    of_unit = (table.c.department == one.unit.department) & (table.c.system == one.unit.system)
    return of_unit & or_((table.c.made_at >= first) & (table.c.made_at < last), table.c.round.in_(sorted(one.plans)))


def _subsets(zones: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of these zones, as sheets keep it: in order."""
    found: list[tuple[str, ...]] = [()]
    for zone in zones[:8]:
        found += [(*one, zone) for one in found]
    return found


def _filed(row: RowMapping) -> Filed:
    listed: dict[str, Any] = {name: tuple(from_json(row[name])) for name in ("items", "missing")}
    names = ("name", "title", "round", "department", "department_name", "system", "made_at", "made_by", "sha256")
    own = {name: row[name] for name in names}
    system = sheet_of(row["body"]).system if row["system"] else ""
    return Filed(number=row["id"], system_name=system, period=(row["since"], row["until"]), **listed, **own)
