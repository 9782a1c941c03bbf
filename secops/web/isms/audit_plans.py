"""Plans of the audit, who is audited next and why, how far the self-inspection has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.isms.audit.ports import PlanRecord
from secops.isms.audit.progress import progress, whole
from secops.isms.audit.round import CONDUCT_LABELS, PHASE_LABELS, PLAN_LABELS, PlanLevel, Unit
from secops.isms.audit.sheets import Sheet, SheetKind
from secops.locale import _
from secops.schema.dates import JST, fiscal_year
from secops.web.isms.inspection import LABELS, catalogue_of, today
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.services import Services
from secops.web.session import changes, reads, services

router = APIRouter()
Seeing = Annotated[Session, Depends(reads(Right.SEE_AUDIT))]
Planning = Annotated[Session, Depends(reads(Right.LEAD_AUDIT))]
Leading = Annotated[Session, Depends(changes(Right.LEAD_AUDIT))]
DONE = {
    "created": "計画の案を作りました。監査人と日程を決めてから、承認を記録してください。",
    "changed": "計画の案を直しました。",
    "assigned": "監査人を割り当てました。",
    "unassigned": "監査人から外しました。",
    "visit": "実地監査の予定を記録しました。監査実施通知書に載ります。",
    "dropped": "実地監査の予定を取り消しました。",
    "gone": "計画の案を削除しました。",
}
TYPED = ("unit", "person", "login", "reason", "by", "on", "begins", "ends", "place", "attendees", "materials")
WORDS: dict[str, Any] = {"levels": PLAN_LABELS, "conducts": CONDUCT_LABELS, "phases": PHASE_LABELS}


@router.get("/audit/plans")
def show_plans(request: Request, session: Seeing) -> Response:
    """All plans that the reader is part of, the newest first."""
    here = services(request)
    found = here.rounds.plans(viewer_of(session.user))
    return page(request, "audit_plans.html", plans=found, said=_said(request), **WORDS)


@router.get("/audit/plans/{plan}")
def show_plan(request: Request, plan: str, session: Seeing) -> Response:
    """One plan with its units, decisions and auditors."""
    return plan_page(request, session, plan)


def plan_page(
    request: Request,
    session: Session,
    number: str,
    problem: SecopsError | None = None,
    *,
    where: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The page of a plan; a problem stands at the form ``where`` it came from, which keeps what was ``typed``."""
    here = services(request)
    viewer = viewer_of(session.user)
    record = here.rounds.plan(number, viewer)
    below = [one for one in here.rounds.plans(viewer) if one.plan.above == number]
    return page(
        request,
        "audit_plan.html",
        status=status_of(problem) if problem else 200,
        record=record,
        plan=record.plan,
        below=below,
        place=here.place,
        decisions={one.unit: one for one in record.decisions},
        auditors={unit: [one for one in record.assignments if one.unit == unit] for unit in record.plan.units},
        today=today(here),
        where=where,
        blank=dict.fromkeys(TYPED, ""),
        typed={**dict.fromkeys(TYPED, ""), **(typed or {})},
        problem=str(problem) if problem else "",
        said=_said(request),
        logins=_logins(here) if session.user.may(Right.LEAD_AUDIT) else (),
        history=here.trail(f"plan {number}"),
        **WORDS,
    )


def _said(request: Request) -> str:
    done = request.query_params.get("done", "")
    return _(DONE[done]) if done in DONE else ""


def _logins(here: Services) -> list[tuple[str, str]]:
    """Those who audit on the console: login and name."""
    found = (one for one in here.accounts.users() if one.may(Right.AUDIT) and not one.disabled)
    return [(one.name, one.display_name) for one in found]


@router.post("/audit/plans/{plan}/approve")
def approve(
    request: Request,
    plan: str,
    session: Leading,
    by: Annotated[str, Form()] = "",
    on: Annotated[str, Form()] = "",
) -> Response:
    """Enter what a committee approved."""
    here = services(request)
    try:
        day = date.fromisoformat(on)
    except ValueError:
        error = UsageError(_("承認した日を入力してください。"))
        return plan_page(request, session, plan, error, where="approve", typed={"by": by, "on": on})
    try:
        opening = here.opening(here.rounds.plan(plan, viewer_of(session.user)).plan)
        how = {"actor": session.user.name, "now": here.now(), "opening": opening}
        here.rounds.approve(plan, by=by, on=day, **how)  # type: ignore[arg-type]  # names and values as the port has
    except NotFoundError:
        raise
    except SecopsError as error:
        return plan_page(request, session, plan, error, where="approve", typed={"by": by, "on": on})
    return RedirectResponse(f"/audit/plans/{plan}", 303)


@router.post("/audit/plans/{plan}/drop")
def drop(request: Request, plan: str, session: Leading, reason: Annotated[str, Form()] = "") -> Response:
    """Take a draft away."""
    here = services(request)
    try:
        here.rounds.drop_plan(plan, reason=reason, actor=session.user.name, now=here.now())
    except NotFoundError:
        raise
    except SecopsError as error:
        return plan_page(request, session, plan, error, where="drop", typed={"reason": reason})
    return RedirectResponse("/audit/plans?done=gone", 303)


def _drafts(here: Services, session: Session) -> list[PlanRecord]:
    found = here.rounds.plans(viewer_of(session.user), level=PlanLevel.ANNUAL)
    return [one for one in found if not one.approved]


@router.get("/audit/next")
def show_next(request: Request, session: Planning) -> Response:
    """Units by risk with every reason; what was chosen stands in the draft of the annual plan."""
    return _next_page(request, session)


def _next_page(request: Request, session: Session, problem: SecopsError | None = None) -> Response:
    here = services(request)
    drafts = _drafts(here, session)
    wanted = request.query_params.get("plan", "")
    draft = next((one for one in drafts if one.plan.number == wanted), drafts[0] if drafts else None)
    year = draft.plan.years[0] if draft else fiscal_year(here.now().astimezone(JST).date())
    found = [(at, Unit(one.unit.department, one.unit.system), one) for at, one in enumerate(here.ranking(year), 1)]
    return page(
        request,
        "audit_next.html",
        status=status_of(problem) if problem else 200,
        ranking=found,
        draft=draft,
        drafts=drafts,
        year=year,
        place=here.place,
        decisions={one.unit: one for one in draft.decisions} if draft else {},
        problem=str(problem) if problem else "",
    )


@router.post("/audit/plans/{plan}/decide")
def decide(
    request: Request,
    plan: str,
    session: Leading,
    department: Annotated[str, Form()] = "",
    system: Annotated[str, Form()] = "",
    chosen: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Take a unit among those audited this year, or out again; to pass over others needs a note."""
    here, unit = services(request), Unit(department, system)
    record = here.rounds.plan(plan, viewer_of(session.user))
    try:
        proposed = here.proposed(record, unit, note) if chosen == "1" else ""
        how = {"proposed": proposed, "actor": session.user.name}
        here.rounds.decide(plan, unit, chosen=chosen == "1", note=note, now=here.now(), **how)
    except SecopsError as error:
        return _next_page(request, session, error)
    return RedirectResponse(f"/audit/next?plan={plan}#u-{department}-{system}", 303)


@router.get("/audit/progress")
def show_progress(request: Request, session: Seeing) -> Response:
    """By department and 部: asked, entered, confirmed, late."""
    here = services(request)
    found = here.rounds.sheets(viewer_of(session.user))
    numbers = list(dict.fromkeys(one.round for one in found))
    wanted = request.query_params.get("round", "")
    number = wanted if wanted in numbers else (numbers[0] if numbers else "")
    sheets = [one for one in found if one.round == number]
    return page(
        request,
        "audit_progress.html",
        rounds=numbers,
        round=number,
        rows=progress(sheets, today(here)),
        whole=whole(sheets, today(here)) if sheets else None,
        sheets=_by_department(sheets),
        due=next((one.due for one in sheets if one.due), None),
        today=today(here),
        **LABELS,
    )


def _by_department(sheets: list[Sheet]) -> dict[str, list[Sheet]]:
    found: dict[str, list[Sheet]] = {}
    for one in sheets:
        if one.kind is not SheetKind.STAFF:
            found.setdefault(one.unit.department, []).append(one)
    return found


@router.get("/audit/sheets/{number}")
def show_sheet(request: Request, number: int, session: Seeing) -> Response:
    """A sheet to read, with its evidence: what the unit declares, no more."""
    here, viewer = services(request), viewer_of(session.user)
    sheet = here.rounds.sheet(number, viewer)
    catalogue = catalogue_of(here, sheet)
    return page(
        request,
        "audit_sheet.html",
        sheet=sheet,
        items=[catalogue.by_id[one] for one in sheet.items],
        answers=here.rounds.answers(number, viewer),
        last=here.rounds.last_answers(number, viewer),
        files=[one for one in here.rounds.files(number, viewer) if one.withdrawn_at is None],
        counts=here.rounds.staff_counts(number, viewer) if sheet.kind is SheetKind.STAFF else None,
        **LABELS,
    )
