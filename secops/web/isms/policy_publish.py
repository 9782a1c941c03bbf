"""From a draft to a version that nobody changes any more: who approved it when, in force from when, and why."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import ConflictError, InputError, SecopsError, UsageError
from secops.isms.policy.library import touched
from secops.isms.policy.ports import Decision
from secops.locale import _
from secops.web.isms.cited import today
from secops.web.isms.policy import day_of
from secops.web.isms.policy_draft import HOW, base_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()


def _show(
    request: Request,
    document_id: str,
    values: dict[str, str],
    decision: Decision | None = None,
    problem: SecopsError | None = None,
) -> Response:
    here = services(request)
    entry = here.guideline.library.entry(document_id, today(request))
    if not entry.draft.open:
        raise ConflictError(_("「{document}」に改正案はありません。").format(document=document_id))
    base = base_of(here, entry)
    wrong = [str(one) for one in problem.problems] if isinstance(problem, InputError) else [str(problem)]
    status = 200 if problem is None else 400 if isinstance(problem, InputError) else status_of(problem)
    return page(
        request,
        "policy_publish.html",
        status=status,
        document=entry.working,
        entry=entry,
        number=len(entry.versions) + 1,
        found=touched(base, entry.working) if base else (),
        how=HOW,
        unknown=here.guideline.library.check(entry.working),
        values=values,
        decision=decision,
        wrong=wrong if problem else [],
    )


@router.get("/policy/documents/{document_id}/publish")
def show_publish(
    request: Request, document_id: str, session: Annotated[Session, Depends(reads(Right.PUBLISH_POLICY))]
) -> Response:
    """The form."""
    _session = session
    names = ("effective", "committee", "approved", "promulgated", "reason")
    revision = services(request).guideline.library.shelf.draft(document_id).revision
    return _show(request, document_id, {**dict.fromkeys(names, ""), "seen": str(revision)})


@router.post("/policy/documents/{document_id}/publish")
def publish(
    request: Request,
    document_id: str,
    session: Annotated[Session, Depends(changes(Right.PUBLISH_POLICY))],
    effective: Annotated[str, Form()] = "",
    committee: Annotated[str, Form()] = "",
    approved: Annotated[str, Form()] = "",
    promulgated: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    seen: Annotated[int, Form()] = 0,
    action: Annotated[str, Form()] = "check",
) -> Response:
    """Show what would be published, then publish it."""
    here = services(request)
    values = {
        "effective": effective,
        "committee": committee,
        "approved": approved,
        "promulgated": promulgated,
        "reason": reason,
        "seen": str(seen),
    }
    try:
        decision = Decision(
            day_of(effective, _("施行日")),
            " ".join(committee.split()),
            day_of(approved, _("承認の日")),
            reason.strip(),
            day_of(promulgated, _("公布の日")) if promulgated.strip() else None,
        )
        if not decision.committee or not decision.reason:
            raise UsageError(_("承認した委員会と改正理由を入力してください。"))
        if action != "publish":
            return _show(request, document_id, values, decision)
        here.guideline.library.publish(document_id, decision, seen=seen, by=session.user.name, now=here.now())
    except SecopsError as error:
        return _show(request, document_id, values, problem=error)
    return RedirectResponse(f"/policy/documents/{quote(document_id)}", 303)
