"""What people say about how alerts belong together: forms of the alert page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError
from secops.siem.ports import Alert, Scope, WorkDesk
from secops.web.session import changes, scope_of, services
from secops.web.siem.alert import show
from secops.web.siem.trace import note

router = APIRouter()
Worker = Annotated[Session, Depends(changes(Right.WORK_ALERTS))]
Numbers = Annotated[str, Form()]


def numbers(text: str) -> list[int]:
    """Numbers of alerts as people type them: ``12, 15 18``."""
    return [int(found) for found in re.findall(r"[0-9]{1,15}", text)]


def _act(
    request: Request,
    session: Session,
    alert_id: int,
    done: str,
    action: Callable[[WorkDesk, Scope], object],
    others: Sequence[int] = (),
    text: str = "",
) -> Response:
    try:
        made = action(services(request).work, scope_of(session.user))
        others = [made.id] if isinstance(made, Alert) else others
        note(request, session, f"alerts_{done}", [alert_id, *others], text)
    except SecopsError as error:
        if isinstance(error, NotFoundError):
            services(request).desk.detail(alert_id, scope_of(session.user), hits=0)  # of the alert itself: no page
        return show(request, session, alert_id, problem=error, draft={"form": done})
    return RedirectResponse(f"/alerts/{alert_id}?done={done}", 303)


@router.post("/alerts/{alert_id}/link")
def link(request: Request, alert_id: int, session: Worker, others: Numbers = "") -> Response:
    """Say that alerts belong together."""
    who, now = session.user.name, services(request).now()
    return _act(
        request,
        session,
        alert_id,
        "linked",
        lambda desk, scope: desk.link(alert_id, numbers(others), actor=who, scope=scope, now=now),
        numbers(others),
    )


@router.post("/alerts/{alert_id}/unlink")
def unlink(request: Request, alert_id: int, session: Worker, other: Annotated[int, Form()] = 0) -> Response:
    """The opposite."""
    who, now = session.user.name, services(request).now()
    return _act(
        request,
        session,
        alert_id,
        "unlinked",
        lambda desk, scope: desk.unlink(alert_id, other, actor=who, scope=scope, now=now),
        [other],
    )


@router.post("/alerts/{alert_id}/merge")
def merge(request: Request, alert_id: int, session: Worker, others: Numbers = "") -> Response:
    """Let this alert lead others."""
    who, now = session.user.name, services(request).now()
    return _act(
        request,
        session,
        alert_id,
        "merged",
        lambda desk, scope: desk.merge(alert_id, numbers(others), actor=who, scope=scope, now=now),
        numbers(others),
    )


@router.post("/alerts/{alert_id}/unmerge")
def unmerge(
    request: Request, alert_id: int, session: Worker, members: Annotated[list[int] | None, Form()] = None
) -> Response:
    """Let merged alerts stand alone again."""
    who, now = session.user.name, services(request).now()
    return _act(
        request,
        session,
        alert_id,
        "unmerged",
        lambda desk, scope: desk.unmerge(alert_id, members or [], actor=who, scope=scope, now=now),
        members or [],
    )


@router.post("/alerts/{alert_id}/split")
def split(request: Request, alert_id: int, session: Worker, part: Annotated[str, Form()] = "") -> Response:
    """Take the hits with a value (``field=value``) out into an alert of their own."""
    who, now = session.user.name, services(request).now()
    field, _equals, value = part.partition("=")
    return _act(
        request,
        session,
        alert_id,
        "split",
        lambda desk, scope: desk.split(alert_id, field, value, actor=who, scope=scope, now=now),
        text=part[:300],
    )
