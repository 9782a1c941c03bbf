"""How the policy stands against the guideline, with suggestions that a person confirms or refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.isms.clauses.model import LinkKind
from secops.isms.policy.gap import HOW_LABELS, STATUS_LABELS, Gap, How, Status
from secops.isms.policy.suggest import Ruling
from secops.locale import _
from secops.web.isms.cited import today
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()
MARKS = {Status.MISSING: "×", Status.OUTDATED: "▲", Status.PARTLY: "△", Status.COVERED: "○"}
VERDICTS = ("confirm", "partly", "refuse", "withdraw")
KEPT = ("edition", "status", "chapter", "draft")


def url(values: Mapping[str, str], **more: str) -> str:
    """The address of the page with some of what was asked for changed."""
    kept = {name: values.get(name, "") for name in KEPT} | more
    query = urlencode({name: value for name, value in kept.items() if value})
    return f"/policy/gap?{query}" if query else "/policy/gap"


def _asked(request: Request, session: Session) -> dict[str, str]:
    """What the address asks for; a draft only where the reader works on drafts."""
    values = {name: request.query_params.get(name, "")[:60] for name in KEPT}
    if not session.user.may(Right.EDIT_POLICY):
        values["draft"] = ""
    return values


def _show(
    request: Request, session: Session, values: Mapping[str, str], problem: SecopsError | None = None
) -> Response:
    desk, day = services(request).links, today(request)
    drafts = bool(values["draft"])
    found = desk.gap(values["edition"], day, drafts=drafts)
    status = Status(values["status"]) if values["status"] in set(Status) else None
    rows = [
        one for one in found.rows if (status is None or one.status is status) and values["chapter"] in {"", one.chapter}
    ]
    open_ = [one.clause.id for one in rows if one.status is not Status.COVERED]
    names = {one.clause.id for one in rows}
    return page(
        request,
        "gap.html",
        status=status_of(problem) if problem else 200,
        found=found,
        rows=rows,
        chapters=_chapters(found),
        chosen=status,
        asked=values,
        editions=[(one.id, one.title) for one in reversed(desk.editions.all)],
        suggestions=desk.suggestions(found.edition.id, day, drafts=drafts, only=open_),
        refused=_refused(desk.rulings(), names),
        titles={one.working.id: one.working.title for one in desk.library.entries(day)},
        may_edit=session.user.may(Right.EDIT_POLICY),
        problem=str(problem) if problem else "",
        done=request.query_params.get("done", ""),
        Status=Status,
        How=How,
        STATUS_LABELS=STATUS_LABELS,
        HOW_LABELS=HOW_LABELS,
        MARKS=MARKS,
        url=lambda **more: url(values, **more),
    )


def _chapters(found: Gap) -> list[tuple[str, str, Mapping[Status, int], int]]:
    """Id, number and title, counts by status and in all of each chapter."""
    return [
        (
            chapter.id,
            f"{chapter.number} {chapter.title}",
            {status: sum(one.status is status for one in rows) for status in Status},
            len(rows),
        )
        for chapter, rows in found.chapters
    ]


def _refused(rulings: Iterable[Ruling], names: set[str]) -> Mapping[str, list[Ruling]]:
    found: dict[str, list[Ruling]] = {}
    for one in rulings:
        if not one.confirmed and one.pair.guideline in names:
            found.setdefault(one.pair.guideline, []).append(one)
    return found


@router.get("/policy/gap")
def show_gap(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]) -> Response:
    """Each clause of an edition with what answers it."""
    return _show(request, session, _asked(request, session))


@router.post("/policy/gap/link")
def rule(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.EDIT_POLICY))],
    clause: Annotated[str, Form()] = "",
    guideline: Annotated[str, Form()] = "",
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Confirm or refuse a suggestion, or take that back; a mistake shows the page again with what is wrong."""
    values = _asked(request, session)
    desk, now = services(request).links, services(request).now()
    try:
        if verdict not in VERDICTS:
            raise UsageError(_("採用、一部採用、不採用のどれかを選んでください。"))
        if verdict == "withdraw":
            desk.withdraw(clause, guideline, by=session.user.name, now=now)
        else:
            kind = LinkKind.PARTLY if verdict == "partly" else LinkKind.IMPLEMENTS
            desk.rule(
                clause,
                guideline,
                confirmed=verdict != "refuse",
                kind=kind,
                reason=reason,
                by=session.user.name,
                now=now,
                day=today(request),
            )
    except SecopsError as error:
        return _show(request, session, values, error)
    back = url(values)
    return RedirectResponse(f"{back}{'&' if '?' in back else '?'}done={verdict}#{guideline}", 303)
