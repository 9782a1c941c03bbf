"""What the pages of the audit wing ask of the ward: names, ranking, sentences of the guideline."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from secops.errors import NotFoundError, UsageError
from secops.isms.audit.independence import Engagement, Organisation, Post
from secops.isms.audit.ports import Appointment, Opening, PlanRecord
from secops.isms.audit.priority import Ranked, Reason, UnitRecord
from secops.isms.audit.round import Plan, Unit
from secops.isms.audit.sheets import Place
from secops.org.model import Department, Directory
from secops.web.isms.planning import Appointed, Planning
from tests.rounds import KUMIN, KUMIN_SYSTEM, NAMES, ZEIMU, catalogue, places

SENTENCES = {"mic-2025-03-2": "情報資産を分類し、台帳で管理する。"}
ORDER = (KUMIN_SYSTEM, ZEIMU, KUMIN)


def ranking(_year: int) -> list[Ranked]:
    """Three units, each with its reasons."""
    reasons = (Reason(Decimal(10), "監査の記録なし"), Reason(Decimal("0.5"), "アラート 1 件"))
    return [
        Ranked(UnitRecord(one.department, one.system), Decimal("10.5") - at, reasons) for at, one in enumerate(ORDER)
    ]


def proposed(_record: PlanRecord, unit: Unit, note: str) -> str:
    """As `secops.wiring.rounds.propose` over the ranking above."""
    at = ORDER.index(unit)
    if at and not note:
        raise UsageError("順位を飛ばす理由を書いてください。")
    return f"{at + 1}位"


def opening(_plan: Plan) -> Opening:
    """The catalogue and the names of `tests.rounds`."""
    return Opening(catalogue(), places())


def place(unit: Unit) -> Place:
    """A unit with its names."""
    return places().get(unit) or Place(unit, NAMES.get(unit.department, unit.department), unit.system)


PEOPLE = {"1001": ("監査 花子", "somu"), "2001": ("区民 太郎", "kumin")}  # staff number → name, department


def appoint(plan: Plan, unit: Unit, person: str, login: str) -> Appointed:
    """As `secops.wiring.rounds.appoint` over two people, who have been in their departments since 2020."""
    found = next((number for number, (name, _code) in PEOPLE.items() if person in {number, name}), "")
    if not found:
        raise NotFoundError(f"職員「{person}」は台帳(inventory/staff.csv)にありません。")
    name, code = PEOPLE[found]
    engagement = Engagement(unit.department, (), date(plan.years[0], 4, 1), date(plan.years[1] + 1, 3, 31))
    who = Appointment(unit, found, name, login, [Post(found, code, date(2020, 4, 1))])
    return who, engagement, Organisation({}, {**NAMES, "somu": "総務課"})


PLANNING = Planning(lambda: ORDER, lambda: list(NAMES.items()), appoint)

# 税務課 and 区民情報課 have a box for mail, 区民課 has none.
DIRECTORY = Directory(
    departments=tuple(
        Department(code, name, mail="" if code == "kumin" else f"{code}@example.lg.jp") for code, name in NAMES.items()
    )
)
