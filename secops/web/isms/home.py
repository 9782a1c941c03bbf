"""``/policy`` leads to the first page of the wing that a person may see."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.web.isms import tabs
from secops.web.session import reads

router = APIRouter()


@router.get("/policy")
def policy_home(session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]) -> Response:
    """To the first tab."""
    return RedirectResponse(next(place.path for place in tabs.POLICY if session.user.may(place.right)), 303)
