"""An alert that no log tells: a person reports a loss, a misdelivery, an outage."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import DeniedError, SecopsError, UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Scope
from secops.siem.triage.manual import CATEGORIES
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem.queue import allowed_zones
from secops.web.siem.trace import note

router = APIRouter()


def _form(
    request: Request, session: Session, draft: dict[str, str] | None = None, problem: SecopsError | None = None
) -> Response:
    here, scope = services(request), scope_of(session.user)
    departments = here.departments() if scope.departments is None else sorted(scope.departments)
    return page(
        request,
        "report.html",
        status=status_of(problem) if problem else 200,
        categories=CATEGORIES,
        zones=allowed_zones(here, scope),
        departments=departments,
        levels=sorted(Severity, reverse=True),
        draft=defaultdict(str, draft or {}),
        problem=str(problem) if problem else "",
    )


@router.get("/alerts/new")
def show_report(request: Request, session: Annotated[Session, Depends(reads(Right.REPORT_CASE))]) -> Response:
    """The empty form."""
    return _form(request, session)


@router.post("/alerts/new")
def report(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.REPORT_CASE))],
    title: Annotated[str, Form()] = "",
    category: Annotated[str, Form()] = "",
    zone: Annotated[str, Form()] = "",
    severity: Annotated[str, Form()] = "",
    department: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
) -> Response:
    """Open the alert and show it; a mistake shows the form again with what was typed."""
    here, scope = services(request), scope_of(session.user)
    try:
        _inside(scope, zone, department)
        alert = here.desk.open_manual(
            title=title,
            category=category,
            zone=zone,
            severity=_severity(severity),
            department=department.strip()[:100],
            text=text[:4000],
            actor=session.user.name,
            now=here.now(),
        )
        note(request, session, "alerts_reported", [alert.id], alert.title)
    except SecopsError as error:
        draft = {
            "title": title,
            "category": category,
            "zone": zone,
            "severity": severity,
            "department": department,
            "text": text,
        }
        return _form(request, session, draft, error)
    return RedirectResponse(f"/alerts/{alert.id}?done=reported", 303)


def _severity(text: str) -> Severity:
    try:
        return Severity.parse(text)
    except ValueError:
        raise UsageError(_("重大度が選ばれていません。五つのうち一つを選んでください。")) from None


def _inside(scope: Scope, zone: str, department: str) -> None:
    """Nobody may report into a place they cannot see: the alert would vanish from them."""
    if scope.zones is not None and zone not in scope.zones:
        raise DeniedError(_("この系統のアラートは登録できません。自分の担当の系統を選んでください。"))
    if scope.departments is not None and department.strip() not in scope.departments:
        raise DeniedError(_("この部署のアラートは登録できません。自分の部署を選んでください。"))
