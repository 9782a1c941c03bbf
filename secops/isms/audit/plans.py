"""What holds a plan together: its numbers, its years, and that it fits the plan above it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from secops.errors import UsageError
from secops.isms.audit.ports import PlanRecord, Reach, Viewer
from secops.isms.audit.round import PLAN_LABELS, Plan, PlanLevel, Visit
from secops.locale import _
from secops.schema.dates import JST

_NUMBER = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,18}[0-9A-Za-z])?", re.ASCII)
LONGEST_PROGRAMME = 6  # years; three are usual
LONGEST_LINE = 200  # characters of a place, a post or a document that is asked for
MOST_LINES = 30  # of people or documents at one appointment
_ABOVE = {PlanLevel.ANNUAL: PlanLevel.PROGRAMME, PlanLevel.ENGAGEMENT: PlanLevel.ANNUAL}


def next_number(plan: Plan, taken: Collection[str]) -> str:
    """The number of a plan that has none: ``2026-2028``, ``2026``, ``2026-1``, ``2026-S1``; empty: it is taken."""
    first, last = plan.years
    if plan.level is PlanLevel.PROGRAMME or plan.level is PlanLevel.ANNUAL:
        number = f"{first}-{last}" if plan.level is PlanLevel.PROGRAMME else str(first)
        return "" if number in taken else number
    sign = "S" if plan.level is PlanLevel.SPECIAL else ""
    count = 1
    while f"{first}-{sign}{count}" in taken:
        count += 1
    return f"{first}-{sign}{count}"


def reach_of(found: Sequence[PlanRecord], viewer: Viewer) -> tuple[Reach, ...] | None:
    """The units that an auditor is assigned to in some plans; None for who is bound to no plan."""
    if not viewer.assigned:
        return None
    above = {one.plan.number: one.plan.above for one in found}
    reach = []
    for one in found:
        line, number = set[str](), one.plan.number
        while number and number not in line:
            line.add(number)
            number = above.get(number, "")
        mine = dict.fromkeys(who.unit for who in one.assignments if who.login == viewer.name)
        reach += [Reach(unit, frozenset(line), one.plan.years) for unit in mine]
    return tuple(reach)


def check_plan(plan: Plan, above: Plan | None) -> None:
    """Whether a plan makes sense, and fits the one above (None: there is none of this number).

    Raises:
        UsageError: with everything that is wrong.
    """
    if wrong := list(_wrong(plan, above)):
        raise UsageError("\n".join(wrong))


def _wrong(plan: Plan, above: Plan | None) -> Iterator[str]:
    if not _NUMBER.fullmatch(plan.number):
        yield _("計画の番号「{number}」は使えません(英数字とハイフン、20 字まで。例: 2026-1)。").format(
            number=plan.number
        )
    if not plan.title.strip():
        yield _("計画の題名がありません。")
    if plan.stage not in {1, 2, 3}:
        yield _("段階は 1 から 3 のどれかです。")
    yield from _wrong_days(plan)
    yield from _wrong_above(plan, above)
    yield from _wrong_units(plan, above)


def _wrong_days(plan: Plan) -> Iterator[str]:
    first, last = plan.years
    if plan.level is PlanLevel.PROGRAMME:
        if not first <= last < first + LONGEST_PROGRAMME:
            yield _("中期計画の年度は、初年度と最終年度(6 年以内)で書いてください。")
    elif first != last:
        yield _("{level}は 1 つの年度のものです。").format(level=_(PLAN_LABELS[plan.level]))
    if plan.begins and plan.ends and plan.ends < plan.begins:
        yield _("終わりの日が始まりの日より前です。")
    if plan.period and plan.period[1] < plan.period[0]:
        yield _("監査対象期間の終わりが始まりより前です。")


def _wrong_above(plan: Plan, above: Plan | None) -> Iterator[str]:
    level = _ABOVE.get(plan.level)
    if plan.above and above is None:
        yield _("上位の計画 {number} がありません。").format(number=plan.above)
    elif above is not None and level is not None and above.level is not level:
        what = _("上位の計画 {number} は{found}です。{wanted}を指定してください。")
        yield what.format(number=above.number, found=_(PLAN_LABELS[above.level]), wanted=_(PLAN_LABELS[level]))
    elif above is not None and not above.years[0] <= plan.years[0] <= above.years[1]:
        what = _("{year} 年度は、上位の計画 {number} の年度に入っていません。")
        yield what.format(year=plan.years[0], number=above.number)
    elif above is None and plan.level is PlanLevel.ENGAGEMENT:
        yield _("実施計画には、上位の年度計画が必要です。")


def _wrong_units(plan: Plan, above: Plan | None) -> Iterator[str]:
    if len(set(plan.units)) != len(plan.units):
        yield _("同じ監査単位が二度書かれています。")
    for unit in plan.audited:
        if unit not in plan.units:
            yield _("{unit} は、この計画の監査単位にありません。").format(unit=unit)
    if plan.level is PlanLevel.SPECIAL and not plan.units:
        yield _("監査の対象(部署又は情報システム)がありません。")
    if plan.level is not PlanLevel.ENGAGEMENT or above is None:
        return
    if not plan.units:
        yield _("監査の対象(部署又は情報システム)がありません。")
    for unit in plan.units:
        if unit not in above.audited:
            what = _("{unit} は、年度計画 {number} で今年度の監査対象に選ばれていません。先に選んでください。")
            yield what.format(unit=unit, number=above.number)


def check_visit(visit: Visit, plan: Plan) -> None:
    """Whether an appointment makes sense and is about a unit of the plan.

    Raises:
        UsageError: with everything that is wrong.
    """
    wrong = []
    if visit.unit not in plan.units:
        wrong.append(_("{unit} は、この計画の監査単位にありません。").format(unit=visit.unit))
    begins, ends = visit.begins.astimezone(JST), visit.ends.astimezone(JST)
    if visit.ends <= visit.begins or begins.date() != ends.date():
        wrong.append(_("終わりの時刻は、同じ日の、始まりより後の時刻にしてください。"))
    texts = (visit.place, *visit.attendees, *visit.materials)
    if any(len(one) > LONGEST_LINE for one in texts) or max(len(visit.attendees), len(visit.materials)) > MOST_LINES:
        what = _("場所・出席者・資料は、1 つ {length} 字、{count} 個までにしてください。")
        wrong.append(what.format(length=LONGEST_LINE, count=MOST_LINES))
    if wrong:
        raise UsageError("\n".join(wrong))
