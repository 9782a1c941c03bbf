"""A ward of two departments with a round that has begun: what the tests of plans, sheets and pages look at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from secops.isms.audit.catalogue import read_catalogue
from secops.isms.audit.model import Catalogue, Verdict
from secops.isms.audit.ports import Opening, RoundDesk, Viewer
from secops.isms.audit.round import Plan, PlanLevel, Unit
from secops.isms.audit.sheets import Answer, Place, Sheet, SheetKind

NOW = datetime(2026, 6, 1, 0, 20, tzinfo=UTC)
KUMIN, ZEIMU, JOHO = Unit("kumin"), Unit("zeimu"), Unit("joho")
KUMIN_SYSTEM = Unit("kumin", "juki")
NAMES = {"kumin": "区民課", "zeimu": "税務課", "joho": "区民情報課"}
LEAD = Viewer("toukatsu")
HEAD = Viewer("kumin-kacho", frozenset({"区民課"}))
CLERK = Viewer("kumin-tanto", frozenset({"区民課"}))
OTHER = Viewer("zeimu-tanto", frozenset({"税務課"}))

ITEM = """  - id: {id}
    title: {title}
    mandatory: {mandatory}
    clauses: [{clause}]
    look: {title}
    check:
      examine: 記録を読む
    evidence: [台帳の写し, 決裁文書]
    weight: 1
    answers: {answers}
    stage: {stage}
"""
ITEMS = [
    ("t1", "課の情報資産を台帳に載せているか。", "department", "true", "mic-2025-03-2", 1),
    ("t2", "離席するときに端末を画面ロックしているか。", "staff", "false", "mic-2025-03-5.1", 1),
    ("t3", "USB メモリの使用を課長が許可しているか。", "department", "true", "mic-2025-03-4.4", 1),
    ("t4", "システムの ID を人事異動のたびに見直しているか。", "system", "true", "mic-2025-03-6.2", 1),
    ("t5", "CISO を定めているか。", "ward", "true", "mic-2025-03-1", 1),
    ("t6", "訓練の結果を課で話し合っているか。", "department", "false", "mic-2025-03-5.2", 3),
]


def catalogue(*more: tuple[str, str, str, str, str, int]) -> Catalogue:
    """Six items for all who answer, and ``more``."""
    names = ("id", "title", "answers", "mandatory", "clause", "stage")
    text = "".join(ITEM.format(**dict(zip(names, one, strict=True))) for one in [*ITEMS, *more])
    return read_catalogue([("c.yml", f'chapter: "2"\ntitle: 情報資産の分類と管理\nitems:\n{text}')])


def places() -> dict[Unit, Place]:
    """The units with their names."""
    found = {Unit(code): Place(Unit(code), name, "", "kumin-bu", "区民部") for code, name in NAMES.items()}
    return {**found, KUMIN_SYSTEM: Place(KUMIN_SYSTEM, "区民課", "住民記録システム", "kumin-bu", "区民部")}


def annual(year: int = 2026, **more: object) -> Plan:
    """A plan of a year over all units."""
    said = {
        "number": str(year),
        "level": PlanLevel.ANNUAL,
        "title": f"{year}年度情報セキュリティ監査計画",
        "years": (year, year),
        "units": (KUMIN, KUMIN_SYSTEM, ZEIMU),
        "office": "joho",
        "due": date(year, 7, 31),
    }
    return Plan(**{**said, **more})  # type: ignore[arg-type]  # values by name


def begin(rounds: RoundDesk, year: int = 2026, **more: object) -> None:
    """An approved plan with its sheets."""
    rounds.create_plan(annual(year, **more), actor="toukatsu", now=NOW)
    rounds.approve(
        str(year),
        by="情報セキュリティ委員会",
        on=date(year, 5, 20),
        actor="toukatsu",
        now=NOW - timedelta(days=365 * (2026 - year)),
        opening=Opening(catalogue(), places()),
    )


def sheet_of(rounds: RoundDesk, unit: Unit = KUMIN, kind: SheetKind = SheetKind.DEPARTMENT, of: str = "2026") -> Sheet:
    """The sheet of a unit."""
    return next(one for one in rounds.sheets(LEAD, of=of) if one.unit == unit and one.kind is kind)


def fill(rounds: RoundDesk, sheet: Sheet, viewer: Viewer = CLERK, but: str = "") -> None:
    """○ for every item, × with its reason for ``but``."""
    for item in sheet.items:
        answer = Answer(item, Verdict.MET, "台帳で確認")
        if item == but:
            answer = Answer(item, Verdict.NOT_MET, "", "台帳がない", "台帳を作る", date(2026, 9, 30))
        there = rounds.answers(sheet.number, viewer).get(item)
        rounds.save(sheet.number, answer, revision=there.revision if there else 0, viewer=viewer, now=NOW)
