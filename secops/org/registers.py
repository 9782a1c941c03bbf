"""Registers of systems and assets as people look after them: what is missing, who may see which row, rows as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from secops.org.model import Asset, Directory, System
from secops.org.tables import TABLES
from secops.schema.dates import fiscal_year

Row = System | Asset


class Gap(StrEnum):
    """What a row of a register does not say."""

    OWNER = "owner"
    MANAGER = "manager"
    CLASSIFICATION = "classification"
    CONTRACTOR = "contractor"
    CLOUD = "cloud"
    PERSONAL_DATA = "personal_data"
    REVIEW = "review"


GAP_LABELS = {
    Gap.OWNER: "主管課がない",
    Gap.MANAGER: "管理者(職名)がない",
    Gap.CLASSIFICATION: "分類がない",
    Gap.CONTRACTOR: "委託の有無が不明",
    Gap.CLOUD: "クラウドの利用が不明",
    Gap.PERSONAL_DATA: "個人情報の区分が不明",
    Gap.REVIEW: "今年度の確認がない",
}


@dataclass(frozen=True, slots=True)
class Registers:
    """The rows that a person may see; ``names`` are department codes → names of all departments."""

    systems: tuple[System, ...] = ()
    assets: tuple[Asset, ...] = ()
    names: Mapping[str, str] | None = None

    def rows(self, kind: str) -> tuple[Row, ...]:
        """``systems`` or ``assets``."""
        return self.assets if kind == "assets" else self.systems

    def name(self, code: str) -> str:
        """The name of a department, or its code where it has none."""
        return (self.names or {}).get(code, code)


def registers_of(directory: Directory, zones: frozenset[str] | None, codes: frozenset[str] | None) -> Registers:
    """The registers as far as a scope reaches; None is all.

    An asset stands in no zone but in that of its system: of a zone outside of the scope it is not seen, and one whose
    system is unknown is seen by its department alone.
    """
    zone_of = {one.code: one.zone for one in directory.systems}

    def seen(department: str, zone: str | None) -> bool:
        return (codes is None or department in codes) and (zones is None or zone is None or zone in zones)

    return Registers(
        tuple(one for one in directory.systems if seen(one.department, one.zone)),
        tuple(one for one in directory.assets if seen(one.department, zone_of.get(one.system))),
        {one.code: one.name for one in directory.departments},
    )


def gaps(row: Row, today: date) -> tuple[Gap, ...]:
    """What a row does not say; a retired system is asked nothing any more."""
    if isinstance(row, System) and row.state == "retired":
        return ()
    asked = [
        (Gap.OWNER, row.department),
        (Gap.MANAGER, row.manager),
        (Gap.CLASSIFICATION, _classified(row)),
        (Gap.PERSONAL_DATA, row.personal_data),
    ]
    if isinstance(row, System):
        asked += [(Gap.CONTRACTOR, row.contractor), (Gap.CLOUD, row.cloud)]
    found = [gap for gap, value in asked if not value]
    if row.reviewed is None or fiscal_year(row.reviewed) < fiscal_year(today):
        found.append(Gap.REVIEW)
    return tuple(gap for gap in Gap if gap in found)


def _classified(row: Row) -> str:
    if isinstance(row, System):
        return row.classification
    return row.confidentiality if row.integrity and row.availability else ""


def classification(row: Row) -> str:
    """The class of confidentiality, one of `secops.org.model.CLASSES`."""
    return row.classification if isinstance(row, System) else row.confidentiality


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are asked for; an empty text is all. ``unknown`` as a class asks for rows without one."""

    department: str = ""
    zone: str = ""
    classification: str = ""
    gap: str = ""
    text: str = ""

    def fits(self, row: Row, today: date) -> bool:
        """Whether a row is one of them."""
        words = (row.code, row.name, row.manager, getattr(row, "contractor", ""), getattr(row, "cloud_service", ""))
        return (
            self.department in {"", row.department}
            and (not self.zone or getattr(row, "zone", "") == self.zone)
            and self.classification in {"", classification(row) or "unknown"}
            and (not self.gap or any(self.gap == one.value for one in gaps(row, today)))
            and self.text.casefold() in "\n".join(words).casefold()
        )


def counts(rows: Iterable[Row], of: Callable[[Row], str]) -> Sequence[tuple[str, int]]:
    """How many rows have each value, most first."""
    return Counter(map(of, rows)).most_common()


def gap_counts(rows: Iterable[Row], today: date) -> dict[Gap, int]:
    """How many rows lack what; every gap has a count, zero too."""
    found = Counter(gap for row in rows for gap in gaps(row, today))
    return {gap: found[gap] for gap in Gap}


def printed(
    kind: str, rows: Iterable[Row], registers: Registers, zone_label: Callable[[str], str]
) -> list[list[object]]:
    """Rows as people read them, in the order of the table's columns: words for codes, names of departments."""
    columns = TABLES[kind].columns

    def cell(row: Row, name: str, words: Mapping[str, str] | None) -> object:
        value = getattr(row, name)
        if words is not None:
            return words.get(value, value)
        if name == "department":
            return registers.name(value)
        if name == "zone":
            return zone_label(value)
        if isinstance(value, tuple):
            return ";".join(map(str, value))
        if isinstance(value, date):
            return value.isoformat()
        return "" if value is None else value

    return [[cell(row, column.field, column.words) for column in columns] for row in rows]
