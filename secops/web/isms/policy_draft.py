"""The draft of a document: one clause at a time or the whole text; nothing that somebody else wrote is overwritten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import InputError, NotFoundError, Problem, SecopsError, UsageError
from secops.isms.clauses.markdown import tidy, write_document
from secops.isms.clauses.model import DOCUMENT_LABELS, Clause, Document, Link, LinkKind
from secops.isms.policy.library import ClauseChangedError, Entry, Touched, clause_digest, touched
from secops.isms.policy.ports import DraftChangedError
from secops.locale import _
from secops.web.isms.cited import today
from secops.web.isms.policy import day_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.services import Services
from secops.web.session import changes, reads, services

router = APIRouter()
MAX_DRAFT = 2 * 1024 * 1024  # bytes of a form with a whole document; a field of it may have half of that
HOW = {"added": "追加", "removed": "削除", "changed": "変更"}
_SEPARATORS = re.compile(r"[\s,、]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A problem of a text at its line; ``text`` is what stands there."""

    line: int
    what: str
    text: str


def _mistakes(problems: Sequence[Problem], text: str) -> list[Mistake]:
    lines = text.replace("\r\n", "\n").split("\n")
    found = []
    for one in problems:
        match = re.match(r"[^ ]*:(\d+)", one.where)
        line = int(match[1]) if match else 0
        found.append(Mistake(line, one.what, lines[line - 1][:200] if 0 < line <= len(lines) else ""))
    return found


def _address(document_id: str, more: str = "") -> str:
    return f"/policy/documents/{quote(document_id)}/draft{more}"


def base_of(here: Services, entry: Entry) -> Document | None:
    """What a draft is compared with: the newest version, else what the file says."""
    if entry.versions:
        return here.guideline.library.version(entry.working.id, entry.versions[-1].number)
    return here.guideline.library.file(entry.working.id)


def _show(request: Request, session: Session, entry: Entry, template: str, **values: Any) -> Response:
    problem: SecopsError | None = values.get("problem")
    plain = {
        "document": entry.working,
        "entry": entry,
        "kinds": DOCUMENT_LABELS,
        "how": HOW,
        "may_publish": session.user.may(Right.PUBLISH_POLICY),
        **values,
        "problem": str(problem) if problem and not isinstance(problem, InputError) else "",
    }
    status = 200 if problem is None else 400 if isinstance(problem, InputError) else status_of(problem)
    return page(request, template, status=status, **plain)


@router.get("/policy/documents/{document_id}/draft")
def show_draft(
    request: Request, document_id: str, session: Annotated[Session, Depends(reads(Right.EDIT_POLICY))]
) -> Response:
    """What the draft changes and its clauses to choose from; or the form of one clause, or of the whole text."""
    here = services(request)
    entry = here.guideline.library.entry(document_id, today(request))
    if name := request.query_params.get("clause", ""):
        clause = entry.working.by_id.get(name)
        if clause is None:
            raise NotFoundError(
                _("「{document}」に「{clause}」という条文はありません。").format(document=document_id, clause=name)
            )
        return _clause_form(request, session, entry, clause, values_of(clause))
    if request.query_params.get("text"):
        return _text_form(request, session, entry, write_document(entry.working), entry.draft.revision)
    return _overview(request, session, entry)


def _overview(request: Request, session: Session, entry: Entry, problem: SecopsError | None = None) -> Response:
    here = services(request)
    base = base_of(here, entry)
    found = touched(base, entry.working) if base else ()
    said = {"saved": _("改正案を保存しました。"), "dropped": _("改正案を取りやめました。")}
    return _show(
        request,
        session,
        entry,
        "policy_draft.html",
        found=found,
        by_id={one.id: one for one in found},
        unknown=here.guideline.library.check(entry.working),
        said=said.get(request.query_params.get("done", ""), ""),
        problem=problem,
    )


def values_of(clause: Clause) -> dict[str, str]:
    """What the form of a clause begins with."""
    links = {kind: " ".join(link.guideline for link in clause.links if link.kind is kind) for kind in LinkKind}
    return {
        "label": clause.label,
        "title": clause.title,
        "text": clause.text,
        "implements": links[LinkKind.IMPLEMENTS],
        "partly": links[LinkKind.PARTLY],
        "owner": clause.owner,
        "review": clause.review.isoformat() if clause.review else "",
    }


def _clause_form(
    request: Request, session: Session, entry: Entry, clause: Clause, values: Mapping[str, str], **more: Any
) -> Response:
    return _show(
        request,
        session,
        entry,
        "policy_clause.html",
        **{
            "clause": clause,
            "number": entry.working.number(clause.id),
            "values": values,
            "was": clause_digest(clause),
            "present": None,
            "mistakes": [],
            "problem": None,
            **more,
        },
    )


def _text_form(request: Request, session: Session, entry: Entry, text: str, seen: int, **more: Any) -> Response:
    empty: tuple[Touched, ...] = ()
    shown = {"text": text, "seen": seen, "mistakes": [], "meanwhile": empty, "problem": None, **more}
    return _show(request, session, entry, "policy_text.html", **shown)


def _links(implements: str, partly: str) -> tuple[Link, ...]:
    named = ((LinkKind.IMPLEMENTS, implements), (LinkKind.PARTLY, partly))
    return tuple(Link(one, kind) for kind, text in named for one in _SEPARATORS.split(text) if one)


@router.post("/policy/documents/{document_id}/draft/clause")
def save_clause(
    request: Request,
    document_id: str,
    session: Annotated[Session, Depends(changes(Right.EDIT_POLICY))],
    clause: Annotated[str, Form()] = "",
    was: Annotated[str, Form()] = "",
    label: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    implements: Annotated[str, Form()] = "",
    partly: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    review: Annotated[str, Form()] = "",
) -> Response:
    """Save one clause into the draft."""
    here, day = services(request), today(request)
    entry = here.guideline.library.entry(document_id, day)
    present = entry.working.by_id.get(clause)
    if present is None:
        what = _("「{document}」に「{clause}」という条文はありません。")
        raise NotFoundError(what.format(document=document_id, clause=clause))
    names = ("label", "title", "text", "implements", "partly", "owner", "review")
    values = dict(zip(names, (label, title, text, implements, partly, owner, review), strict=True))
    try:
        new = replace(
            present,
            label=label.strip(),
            title=title.strip(),
            text=tidy(text),
            links=_links(implements, partly),
            owner=owner.strip(),
            review=day_of(review, _("次回見直し")) if review.strip() else None,
        )
        here.guideline.library.save_clause(document_id, new, was, day=day, by=session.user.name, now=here.now())
    except InputError as error:
        mistakes = [Mistake(0, one.what, "") for one in error.problems]
        return _clause_form(request, session, entry, present, values, was=was, mistakes=mistakes, problem=error)
    except ClauseChangedError as error:
        entry = here.guideline.library.entry(document_id, day)
        now = error.clause or present
        return _clause_form(request, session, entry, now, values, present=values_of(now), problem=error)
    except SecopsError as error:
        return _clause_form(request, session, entry, present, values, was=was, problem=error)
    return RedirectResponse(_address(document_id, f"?done=saved#c-{quote(clause)}"), 303)


@router.post("/policy/documents/{document_id}/draft", max_body_size=MAX_DRAFT)
def save_text(
    request: Request,
    document_id: str,
    session: Annotated[Session, Depends(changes(Right.EDIT_POLICY))],
    text: Annotated[str, Form()] = "",
    seen: Annotated[int, Form()] = 0,
) -> Response:
    """Save the whole text as the draft."""
    here, day = services(request), today(request)
    entry = here.guideline.library.entry(document_id, day)
    try:
        document = here.guideline.library.read(document_id, text)
        here.guideline.library.save(document, seen=seen, by=session.user.name, now=here.now())
    except InputError as error:
        mistakes = _mistakes(error.problems, text)
        return _text_form(request, session, entry, text, seen, mistakes=mistakes, problem=error)
    except DraftChangedError as error:
        meanwhile = here.guideline.library.changed_since(document_id, seen, day) or ()
        return _text_form(request, session, entry, text, error.draft.revision, meanwhile=meanwhile, problem=error)
    return RedirectResponse(_address(document_id, "?done=saved"), 303)


@router.post("/policy/documents/{document_id}/draft/drop")
def drop(
    request: Request,
    document_id: str,
    session: Annotated[Session, Depends(changes(Right.EDIT_POLICY))],
    seen: Annotated[int, Form()] = 0,
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Give the draft up."""
    here = services(request)
    entry = here.guideline.library.entry(document_id, today(request))
    try:
        if sure != "1":
            raise UsageError(_("改正案を取りやめるには、確認の欄に印を付けてください。"))
        here.guideline.library.shelf.drop_draft(document_id, seen=seen, by=session.user.name, now=here.now())
    except SecopsError as error:
        return _overview(request, session, entry, error)
    return RedirectResponse(_address(document_id, "?done=dropped"), 303)
