"""Searches under a name: listed, saved, renamed, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.web.pages import page
from secops.web.session import changes, reads, scope_of, services

router = APIRouter()
PATHS = {"alerts": "/alerts", "events": "/events"}
MOST = 50
Owner = Annotated[Session, Depends(changes(Right.SEE_ALERTS))]


@router.get("/saved")
def show_saved(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_ALERTS))]) -> Response:
    """One's own searches and those that others share."""
    found = services(request).work.searches(session.user.name, scope_of(session.user))
    kinds = set(PATHS) if session.user.may(Right.SEARCH_EVENTS) else {"alerts"}
    return page(request, "saved.html", found=[one for one in found if one.kind in kinds], paths=PATHS, most=MOST)


@router.post("/saved")
def save(
    request: Request,
    session: Owner,
    kind: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    query: Annotated[str, Form()] = "",
    shared: Annotated[str, Form()] = "",
) -> Response:
    """Save what the page before showed."""
    here, user = services(request), session.user
    here.work.save_search(kind, name, query, shared=bool(shared), owner=user.name, scope=scope_of(user), now=here.now())
    return RedirectResponse("/saved", 303)


@router.post("/saved/{search_id}/rename")
def rename(
    request: Request,
    search_id: int,
    session: Owner,
    name: Annotated[str, Form()] = "",
    shared: Annotated[str, Form()] = "",
) -> Response:
    """Another name; shared or not."""
    here = services(request)
    here.work.rename_search(search_id, name, shared=bool(shared), owner=session.user.name, now=here.now())
    return RedirectResponse("/saved", 303)


@router.post("/saved/{search_id}/delete")
def delete(request: Request, search_id: int, session: Owner) -> Response:
    """Delete one's own."""
    services(request).work.delete_search(search_id, owner=session.user.name)
    return RedirectResponse("/saved", 303)
