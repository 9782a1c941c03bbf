"""The first page of the policy: documents with what is in force, and the statutory policy of each body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.isms.clauses.model import DOCUMENT_LABELS
from secops.isms.policy.library import Entry
from secops.isms.policy.statutory import LACK_LABELS, statutory_state
from secops.locale import _
from secops.web.isms.cited import today
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()


def day_of(text: str, name: str) -> date:
    """A day as a form gives it.

    Raises:
        UsageError: it is none.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        what = _("{name}を日付で入力してください(例: 2027-04-01)。")
        raise UsageError(what.format(name=name)) from None


def _overdue(entries: Sequence[Entry], day: date) -> int:
    return sum(one.working.review is not None and one.working.review < day for one in entries)


def _show(request: Request, session: Session, problem: SecopsError | None = None) -> Response:
    here, day = services(request), today(request)
    entries, rules = here.guideline.library.entries(day), here.statutory()
    bodies = statutory_state(entries, here.guideline.library.shelf.statements(), rules.bodies)
    return page(
        request,
        "policy.html",
        status=status_of(problem) if problem else 200,
        entries=entries,
        day=day,
        overdue=_overdue(entries, day),
        in_force=sum(one.in_force is not None for one in entries),
        drafts=sum(one.draft.open for one in entries),
        file_problems=here.guideline.library.problems,
        sample=any(one.sample for one in entries),
        bodies=bodies,
        lacking=sum(bool(one.lacks) for one in bodies),
        law=rules.law,
        since=rules.since,
        lack_labels=LACK_LABELS,
        kinds=DOCUMENT_LABELS,
        may_edit=session.user.may(Right.EDIT_POLICY),
        may_publish=session.user.may(Right.PUBLISH_POLICY),
        problem=str(problem) if problem else "",
        said=_("公表の記入を保存しました。") if request.query_params.get("done") == "stated" else "",
    )


@router.get("/policy")
def show_policy(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]) -> Response:
    """Documents, and the statutory policy of each body."""
    return _show(request, session)


@router.post("/policy/statutory")
def state(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.PUBLISH_POLICY))],
    document: Annotated[str, Form()] = "",
    body: Annotated[str, Form()] = "",
    place: Annotated[str, Form()] = "",
    day: Annotated[str, Form()] = "",
) -> Response:
    """Enter where and when a document was published as the policy of a body."""
    here = services(request)
    try:
        on = day_of(day, _("公表した日"))
        entry = here.guideline.library.entry(document, today(request))
        if body not in {one.body for one in entry.current.statutory}:
            what = _("「{document}」の頭書き(statutory)に「{body}」がありません。改正案に加えてから記入してください。")
            raise UsageError(what.format(document=entry.current.title, body=body))
        here.guideline.library.shelf.state(document, body, place, on, by=session.user.name, now=here.now())
    except SecopsError as error:
        return _show(request, session, error)
    return RedirectResponse("/policy?done=stated#statutory", 303)
