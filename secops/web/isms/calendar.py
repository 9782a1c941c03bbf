"""The review calendar as a page: what is overdue, the months of a 年度, the form that says something was reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.isms.policy.calendar import DUE_LABELS, OUTCOME_LABELS, Due, Outcome, Review, What, by_month, done_in
from secops.locale import _
from secops.org.tables import parse_day
from secops.schema.dates import JST, fiscal_year
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services
from secops.wiring.policy_watch import ics_of

router = APIRouter()
Seeing = Annotated[Session, Depends(reads(Right.SEE_POLICY))]
Editing = Annotated[Session, Depends(changes(Right.EDIT_POLICY))]
Text = Annotated[str, Form()]


def _today(request: Request) -> date:
    return services(request).now().astimezone(JST).date()


def _show(
    request: Request,
    session: Session,
    *,
    year: str = "",
    done: str = "",
    problem: SecopsError | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    today = _today(request)
    calendar = services(request).care.calendar()
    chosen = int(year) if year.isascii() and year.isdigit() and 2000 <= int(year[:5]) <= 2100 else fiscal_year(today)
    found = calendar.entries
    reviewed = calendar.entry(done) if done else None
    return page(
        request,
        "policy_calendar.html",
        status=status_of(problem) if problem else 200,
        calendar=calendar,
        urgent=[one for one in found if one.state(today) in {Due.OVERDUE, Due.UNDATED}],
        months=by_month(found, chosen),
        year=chosen,
        done_in=lambda month: done_in(found, month),
        counts=Counter(one.state(today) for one in found),
        today=today,
        labels=DUE_LABELS,
        outcomes=OUTCOME_LABELS,
        may_edit=session.user.may(Right.EDIT_POLICY),
        problem=str(problem) if problem else "",
        given={"entry": "", "on": today.isoformat(), "outcome": "", "note": "", "next": "", **(given or {})},
        reviewed=reviewed,
        Due=Due,
        What=What,
    )


@router.get("/policy/calendar")
def show_calendar(request: Request, session: Seeing, year: str = "", done: str = "") -> Response:
    """All of it, overdue first."""
    return _show(request, session, year=year, done=done)


@router.get("/policy/calendar.ics", dependencies=[Depends(reads(Right.SEE_POLICY))])
def export(request: Request) -> Response:
    """For the calendars of people."""
    here = services(request)
    text = ics_of(here.care.calendar().entries, here.settings.site, here.now())
    headers = {"content-disposition": 'attachment; filename="secops-reviews.ics"'}
    return Response(text.encode("utf-8", "replace"), media_type="text/calendar; charset=utf-8", headers=headers)


@router.post("/policy/calendar/reviewed")
def reviewed(
    request: Request,
    session: Editing,
    entry: Text = "",
    on: Text = "",
    outcome: Text = "",
    note: Text = "",
    next_on: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Say that something was reviewed."""
    given = {"entry": entry, "on": on, "outcome": outcome, "note": note, "next": next_on}
    here = services(request)
    try:
        if outcome not in set(Outcome):
            raise UsageError(_("結果を選んでください。"))
        review = Review(
            entry,
            _day(on, _("実施した日")),
            Outcome(outcome),
            note.strip(),
            _day(next_on, _("次の期日")) if next_on else None,
            session.user.name,
            here.now(),
        )
        here.care.record(review)
    except SecopsError as error:
        return _show(request, session, problem=error, given=given)
    return RedirectResponse(f"/policy/calendar?done={quote(entry, safe='')}", 303)


def _day(text: str, name: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise UsageError(_("{name}: {hint}。").format(name=name, hint=error)) from None
