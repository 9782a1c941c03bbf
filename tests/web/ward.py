"""What the pages of the audit wing ask of the ward: names, ranking, sentences of the guideline."""

from __future__ import annotations

from decimal import Decimal

from secops.errors import UsageError
from secops.isms.audit.ports import Opening, PlanRecord
from secops.isms.audit.priority import Ranked, Reason, UnitRecord
from secops.isms.audit.round import Plan, Unit
from secops.isms.audit.sheets import Place
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
