"""Reminders of the self-inspection: who gets which mail is shown first, then they are put into the outbox."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.locale import _
from secops.notify import message
from secops.siem.ports import OUTGOING_LABELS
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()


@router.get("/audit/remind")
def show(request: Request, _session: Annotated[Session, Depends(reads(Right.LEAD_AUDIT))]) -> Response:
    """Who would get a mail and what it says; the text for those who have no address."""
    return _page(request, request.query_params.get("round", ""))


def _page(request: Request, wanted: str, problem: SecopsError | None = None) -> Response:
    here, values = services(request), request.query_params
    rounds = [one.number for one in here.rounds.rounds()]
    number = wanted if wanted in rounds else (rounds[0] if rounds else "")
    found = here.reminders.receivers(number) if number else ()
    mailed = [one for one in found if one.address]
    count, already = (int(text) if (text := values.get(name, "")).isdigit() else 0 for name in ("sent", "already"))
    said = _("{sent} 通を送信待ちにしました。今日すでに送った課 {already}。").format(sent=count, already=already)
    return page(
        request,
        "audit_remind.html",
        status=status_of(problem) if problem else 200,
        round=number,
        mailed=mailed,
        bare=[one for one in found if not one.address],
        channel=here.reminders.channel,
        subject=message.subject,
        text=message.text,
        states=OUTGOING_LABELS,
        said=said if "sent" in values and problem is None else "",
        problem=str(problem) if problem else "",
    )


@router.post("/audit/remind")
def send(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.LEAD_AUDIT))],
    number: Annotated[str, Form(alias="round")] = "",
    departments: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Put a mail for each chosen department into the outbox."""
    here = services(request)
    try:
        if number not in {one.number for one in here.rounds.rounds()}:
            raise UsageError(_("自己点検が選ばれていません。画面を開き直してください。"))
        count, already = here.reminders.send(number, frozenset(departments or ()), actor=session.user.name)
    except SecopsError as error:
        return _page(request, number, error)
    return RedirectResponse("/audit/remind?" + urlencode({"round": number, "sent": count, "already": already}), 303)
