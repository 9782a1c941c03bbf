"""Plans of the audit are drafted and changed: from the ranking with its reasons, decided by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import ConflictError, SecopsError, UsageError
from secops.isms.audit.ports import PlanRecord
from secops.isms.audit.priority import Ranked
from secops.isms.audit.round import CONDUCT_LABELS, PHASE_LABELS, PLAN_LABELS, Conduct, Phase, Plan, PlanLevel, Unit
from secops.isms.audit.sheets import Place
from secops.locale import _
from secops.schema.dates import JST, fiscal_year
from secops.web.isms.findings import day_of
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.services import Services
from secops.web.session import changes, reads, services

router = APIRouter()
Planning = Annotated[Session, Depends(reads(Right.LEAD_AUDIT))]
Leading = Annotated[Session, Depends(changes(Right.LEAD_AUDIT))]
Text = Annotated[str, Form()]
Texts = Annotated[list[str] | None, Form()]
MAX_FORM = 1 << 20  # bytes: 60 departments with their systems are some kilobytes
PROGRAMME_YEARS = 3
ABOVE = {PlanLevel.ANNUAL: PlanLevel.PROGRAMME, PlanLevel.ENGAGEMENT: PlanLevel.ANNUAL}
MEANINGS = {
    PlanLevel.PROGRAMME: "3 年間でどの部署・情報システムを、どの段階まで監査するかを決めます。",
    PlanLevel.ANNUAL: (
        "その年度に自己点検する監査単位と、監査人が監査する単位を決めます。承認すると自己点検票が配られます。"
    ),
    PlanLevel.ENGAGEMENT: "年度計画で選んだ監査対象を、いつ、だれが監査するかを決めます。",
    PlanLevel.SPECIAL: "インシデントの発生などにより、計画によらずに監査します。",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A unit to choose, with what the ranking says of it; ``at`` 0: it says nothing."""

    key: str
    place: Place
    at: int
    ranked: Ranked | None
    chosen: bool


def form_of(
    level: Text = "",
    year: Text = "",
    to_year: Text = "",
    title: Text = "",
    above: Text = "",
    stage: Text = "1",
    conduct: Text = "internal",
    purpose: Text = "",
    theme: Text = "",
    office: Text = "",
    due: Text = "",
    begins: Text = "",
    ends: Text = "",
    first: Text = "",
    last: Text = "",
    revision: Text = "0",
    phases: Texts = None,
    units: Texts = None,
) -> dict[str, Any]:
    """What a form of a plan carries, as it was typed."""
    return {**locals(), "phases": phases or [], "units": units or []}


Typed = Annotated[dict[str, Any], Depends(form_of)]


def typed_of(plan: Plan, revision: int) -> dict[str, Any]:
    """What the form of a plan begins with."""
    days = {name: value.isoformat() if value else "" for name, value in _days(plan)}
    return {
        "level": plan.level.value,
        "year": str(plan.years[0]),
        "to_year": str(plan.years[1]),
        "title": plan.title,
        "above": plan.above,
        "stage": str(plan.stage),
        "conduct": plan.conduct.value,
        "purpose": plan.purpose,
        "theme": plan.theme,
        "office": plan.office,
        "revision": str(revision),
        "phases": [one.value for one in plan.phases],
        "units": [str(one) for one in plan.units],
        **days,
    }


def _days(plan: Plan) -> Iterator[tuple[str, date | None]]:
    first, last = plan.period or (None, None)
    yield from (("due", plan.due), ("begins", plan.begins), ("ends", plan.ends), ("first", first), ("last", last))


def plan_of(typed: Mapping[str, Any], offered: Mapping[str, Unit], base: Plan) -> Plan:
    """The plan that a form asks for, over what the form does not have.

    Raises:
        UsageError: with everything that cannot be read, a line each.
    """
    wrong: list[str] = []

    def read(what: Callable[[], Any], fallback: Any) -> Any:
        try:
            return what()
        except UsageError as error:
            wrong.append(str(error))
            return fallback

    year = read(lambda: _year(typed["year"]), base.years[0])
    last_year = read(lambda: _year(typed["to_year"] or str(year)), year) if base.level is PlanLevel.PROGRAMME else year
    labels = {
        "due": _("自己点検の期限"),
        "begins": _("実施期間の始まり"),
        "ends": _("実施期間の終わり"),
        "first": _("監査対象期間の最初の日"),
        "last": _("監査対象期間の最後の日"),
    }
    days = {name: read(partial(day_of, typed[name], label), None) for name, label in labels.items()}
    if (days["first"] is None) != (days["last"] is None):
        wrong.append(_("監査対象期間は、最初の日と最後の日の両方を入力してください。"))
    if strange := [one for one in typed["units"] if one not in offered]:
        text = _("選べない監査単位です: {units}。画面を開き直してください。")
        wrong.append(text.format(units="、".join(strange)[:200]))
    if wrong:
        raise UsageError("\n".join(wrong))
    units = base.units if base.level is PlanLevel.PROGRAMME else tuple(offered[one] for one in typed["units"])
    title = _("{year} 年度 情報セキュリティ監査 {level}")
    return replace(
        base,
        title=typed["title"].strip() or title.format(year=year, level=_(PLAN_LABELS[base.level])),
        years=(year, last_year),
        above=typed["above"],
        stage=int(typed["stage"]) if typed["stage"] in {"1", "2", "3"} else 0,
        conduct=Conduct(typed["conduct"]) if typed["conduct"] in set(Conduct) else base.conduct,
        purpose=typed["purpose"].strip(),
        theme=typed["theme"].strip(),
        office=typed["office"],
        phases=tuple(one for one in Phase if one.value in typed["phases"]) or base.phases,
        units=tuple(dict.fromkeys(units)),
        audited=tuple(one for one in base.audited if one in units),
        due=days["due"],
        begins=days["begins"],
        ends=days["ends"],
        period=(days["first"], days["last"]) if days["first"] and days["last"] else None,
    )


def _year(text: str) -> int:
    if text.isascii() and text.isdigit() and 2000 <= int(text[:6]) <= 2100:
        return int(text)
    raise UsageError(_("年度を西暦 4 桁で入力してください(例: 2026)。"))


def _offered(here: Services, level: PlanLevel, above: PlanRecord | None, plan: Plan | None) -> dict[str, Unit]:
    """The units that a plan may have: of an engagement, what the annual plan chose."""
    found = above.plan.audited if level is PlanLevel.ENGAGEMENT and above else here.planning.units()
    kept = plan.units if plan else ()
    return {str(one): one for one in dict.fromkeys([*found, *kept])}


def _rows(here: Services, year: int, offered: Mapping[str, Unit], chosen: Sequence[str]) -> list[Row]:
    ranked = {Unit(one.unit.department, one.unit.system): (at, one) for at, one in enumerate(here.ranking(year), 1)}
    rows = []
    for key, unit in offered.items():
        at, one = ranked.get(unit, (0, None))
        rows.append(Row(key, here.place(unit), at, one, key in chosen))
    return sorted(rows, key=lambda row: (row.at == 0, row.at))


@router.get("/audit/plan/new")
def new_plan(request: Request, session: Planning, level: str = "", above: str = "", year: str = "") -> Response:
    """Which kind of plan; then the form with what is proposed."""
    here = services(request)
    plans = here.rounds.plans(viewer_of(session.user))
    if level not in set(PlanLevel):
        annual = [one for one in plans if one.plan.level is PlanLevel.ANNUAL and one.plan.audited]
        return page(
            request,
            "audit_plan_kind.html",
            annual=annual,
            left=_left(plans),
            levels=PLAN_LABELS,
            meanings=MEANINGS,
        )
    kind = PlanLevel(level)
    record = next((one for one in plans if one.plan.number == above and one.plan.level is ABOVE.get(kind)), None)
    this = fiscal_year(here.now().astimezone(JST).date())
    first = (
        record.plan.years[0] if record else int(year) if year.isascii() and year.isdigit() and len(year) == 4 else this
    )
    last = first + PROGRAMME_YEARS - 1 if kind is PlanLevel.PROGRAMME else first
    begun = Plan("", kind, "", (first, last), above=record.plan.number if record else "")
    if record:
        begun = replace(begun, stage=record.plan.stage, conduct=record.plan.conduct, office=record.plan.office)
    typed = typed_of(replace(begun, phases=_usual(kind)), 0)
    offered = _offered(here, kind, record, None)
    if kind is PlanLevel.ANNUAL:
        typed["units"] = list(offered)
    elif kind is PlanLevel.ENGAGEMENT and record:
        typed["units"] = [str(one) for one in _left(plans).get(record.plan.number, ())]
    return _form(request, typed, offered, plans)


def _usual(level: PlanLevel) -> tuple[Phase, ...]:
    """The phases that a plan of this level begins with."""
    if level is PlanLevel.ENGAGEMENT:
        return (Phase.DOCUMENTS, Phase.ON_SITE)
    return (Phase.ON_SITE,) if level is PlanLevel.SPECIAL else (Phase.SELF_INSPECTION,)


def _left(plans: Sequence[PlanRecord]) -> dict[str, list[Unit]]:
    """Annual plan → what it chose and no engagement plan has yet."""
    taken: dict[str, set[Unit]] = {}
    for one in plans:
        if one.plan.level is PlanLevel.ENGAGEMENT:
            taken.setdefault(one.plan.above, set()).update(one.plan.units)
    return {
        one.plan.number: [unit for unit in one.plan.audited if unit not in taken.get(one.plan.number, set())]
        for one in plans
        if one.plan.level is PlanLevel.ANNUAL
    }


def _form(
    request: Request,
    typed: Mapping[str, Any],
    offered: Mapping[str, Unit],
    plans: Sequence[PlanRecord],
    *,
    record: PlanRecord | None = None,
    problem: SecopsError | None = None,
) -> Response:
    here, kind = services(request), PlanLevel(typed["level"])
    year = int(typed["year"]) if typed["year"].isascii() and typed["year"].isdigit() else 0
    return page(
        request,
        "audit_plan_form.html",
        status=status_of(problem) if problem else 200,
        typed=typed,
        record=record,
        level=kind,
        PlanLevel=PlanLevel,
        meaning=MEANINGS[kind],
        aboves=[one.plan for one in plans if one.plan.level is ABOVE.get(kind)],
        rows=_rows(here, year or fiscal_year(here.now().astimezone(JST).date()), offered, typed["units"]),
        offices=here.planning.offices(),
        levels=PLAN_LABELS,
        conducts=CONDUCT_LABELS,
        phases=PHASE_LABELS,
        problem=str(problem) if problem else "",
    )


@router.post("/audit/plans", max_body_size=MAX_FORM)
def create(request: Request, session: Leading, typed: Typed) -> Response:
    """A draft of a plan."""
    here = services(request)
    if typed["level"] not in set(PlanLevel):
        raise UsageError(_("どの計画を作るかが選ばれていません。画面を開き直してください。"))
    kind, plans = PlanLevel(typed["level"]), here.rounds.plans(viewer_of(session.user))
    above = next((one for one in plans if one.plan.number == typed["above"]), None)
    offered = _offered(here, kind, above, None)
    try:
        plan = plan_of(typed, offered, Plan("", kind, "", (0, 0), phases=_usual(kind)))
        made = here.rounds.create_plan(plan, actor=session.user.name, now=here.now())
    except SecopsError as error:
        return _form(request, typed, offered, plans, problem=error)
    return RedirectResponse(f"/audit/plans/{made.plan.number}?done=created", 303)


def _draft(here: Services, session: Session, number: str) -> PlanRecord:
    record = here.rounds.plan(number, viewer_of(session.user))
    if record.approved:
        raise ConflictError(_("監査計画 {number} は承認されています。変えられません。").format(number=number))
    return record


@router.get("/audit/plans/{plan}/edit")
def edit(request: Request, plan: str, session: Planning) -> Response:
    """The form of a draft."""
    here = services(request)
    record, plans = _draft(here, session, plan), here.rounds.plans(viewer_of(session.user))
    offered = _offered(here, record.plan.level, _above(plans, record.plan.above), record.plan)
    typed = typed_of(record.plan, record.revision)
    return _form(request, typed, offered, plans, record=record)


def _above(plans: Sequence[PlanRecord], number: str) -> PlanRecord | None:
    return next((one for one in plans if one.plan.number == number), None)


@router.post("/audit/plans/{plan}/change", max_body_size=MAX_FORM)
def change(request: Request, plan: str, session: Leading, typed: Typed) -> Response:
    """Another text of a draft; what somebody else wrote meanwhile is not overwritten."""
    here = services(request)
    record, plans = _draft(here, session, plan), here.rounds.plans(viewer_of(session.user))
    typed["level"] = record.plan.level.value  # a plan stays what it is
    offered = _offered(here, record.plan.level, _above(plans, typed["above"]), record.plan)
    try:
        changed = plan_of(typed, offered, record.plan)
        seen = int(typed["revision"]) if typed["revision"].isascii() and typed["revision"].isdigit() else 0
        here.rounds.change_plan(changed, revision=seen, actor=session.user.name, now=here.now())
    except SecopsError as error:
        return _form(request, typed, offered, plans, record=record, problem=error)
    return RedirectResponse(f"/audit/plans/{plan}?done=changed", 303)
