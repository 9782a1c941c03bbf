"""Who audits a unit, if independent of it, and when they come: arranged on the page of the plan."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.isms.audit.ports import PlanRecord
from secops.isms.audit.round import Plan, Unit, Visit
from secops.locale import _
from secops.schema.dates import JST
from secops.web.isms.audit_plans import plan_page
from secops.web.isms.findings import day_of
from secops.web.isms.viewing import viewer_of
from secops.web.session import changes, services

router = APIRouter()
Leading = Annotated[Session, Depends(changes(Right.LEAD_AUDIT))]
Text = Annotated[str, Form()]


def _unit(plan: Plan, key: str) -> Unit:
    found = next((one for one in plan.units if str(one) == key), None)
    if found is None:
        raise UsageError(_("監査単位を選んでください。"))
    return found


@router.post("/audit/plans/{plan}/assign")
def assign(
    request: Request, plan: str, session: Leading, unit: Text = "", person: Text = "", login: Text = ""
) -> Response:
    """An auditor for a unit; who is not independent is refused with every reason, at the field."""
    here = services(request)
    record = here.rounds.plan(plan, viewer_of(session.user))
    typed = {"unit": unit, "person": person, "login": login}
    try:
        if not person.strip():
            raise UsageError(_("監査人の職員番号か氏名を入力してください。"))
        try:
            who, engagement, org = here.planning.appoint(record.plan, _unit(record.plan, unit), person.strip(), login)
        except NotFoundError as error:  # a name that was typed, no address
            raise UsageError(str(error)) from None
        here.rounds.assign(plan, who, engagement, org, actor=session.user.name, now=here.now())
    except SecopsError as error:
        return plan_page(request, session, plan, error, where="assign", typed=typed)
    return RedirectResponse(f"/audit/plans/{plan}?done=assigned#auditors", 303)


@router.post("/audit/plans/{plan}/unassign")
def unassign(request: Request, plan: str, session: Leading, unit: Text = "", person: Text = "") -> Response:
    """Take an auditor off a unit."""
    here = services(request)
    record = here.rounds.plan(plan, viewer_of(session.user))
    try:
        how = {"actor": session.user.name, "now": here.now()}
        here.rounds.unassign(plan, _unit(record.plan, unit), person, **how)  # type: ignore[arg-type]  # names as the port has
    except UsageError as error:
        return plan_page(request, session, plan, error, where="assign")
    return RedirectResponse(f"/audit/plans/{plan}?done=unassigned#auditors", 303)


@router.post("/audit/plans/{plan}/visits")
def plan_visit(
    request: Request,
    plan: str,
    session: Leading,
    unit: Text = "",
    on: Text = "",
    begins: Text = "",
    ends: Text = "",
    place: Text = "",
    attendees: Text = "",
    materials: Text = "",
) -> Response:
    """An appointment of the fieldwork: it goes into the plan and into the letter of notice."""
    here = services(request)
    record = here.rounds.plan(plan, viewer_of(session.user))
    typed = {"unit": unit, "on": on, "begins": begins, "ends": ends, "place": place}
    typed |= {"attendees": attendees, "materials": materials}
    try:
        first, last = _moment(on, begins), _moment(on, ends)
        people, papers = (tuple(text.splitlines()) for text in (attendees, materials))
        visit = Visit(_unit(record.plan, unit), first, last, place, people, papers)
        here.rounds.plan_visit(plan, visit, actor=session.user.name, now=here.now())
    except SecopsError as error:
        return plan_page(request, session, plan, error, where="visit", typed=typed)
    return RedirectResponse(f"/audit/plans/{plan}?done=visit#visits", 303)


@router.post("/audit/plans/{plan}/visits/drop")
def drop_visit(request: Request, plan: str, session: Leading, unit: Text = "", begins: Text = "") -> Response:
    """Call an appointment off."""
    here = services(request)
    record = here.rounds.plan(plan, viewer_of(session.user))
    try:
        found = _appointment(record, unit, begins)
        here.rounds.drop_visit(plan, found.unit, found.begins, actor=session.user.name, now=here.now())
    except UsageError as error:
        return plan_page(request, session, plan, error, where="visit")
    return RedirectResponse(f"/audit/plans/{plan}?done=dropped#visits", 303)


def _appointment(record: PlanRecord, unit: str, begins: str) -> Visit:
    """The appointment that a form names; it may have been called off or moved meanwhile.

    Raises:
        UsageError: there is none.
    """
    found = (one for one in record.visits if (str(one.unit), one.begins.isoformat()) == (unit, begins))
    if (one := next(found, None)) is None:
        raise UsageError(_("取り消す予定が選ばれていません。画面を開き直してください。"))
    return one


def _moment(day: str, clock: str) -> datetime:
    """A day and a time of a form, in Japan.

    Raises:
        UsageError: one of them cannot be read.
    """
    on = day_of(day, _("実地監査の日"))
    try:
        at = time.fromisoformat(clock)
    except ValueError:
        at = None
    if on is None or at is None or at.tzinfo is not None:
        raise UsageError(_("実地監査の日と、始まりと終わりの時刻(例: 09:30)を入力してください。"))
    return datetime.combine(on, at, JST)
