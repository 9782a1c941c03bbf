"""``/policy/guideline``: the editions of the national guideline, clause by clause, and what names each clause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import Right, Session, User
from secops.errors import NotFoundError
from secops.isms.clauses.ids import tail_of
from secops.isms.clauses.model import CHANGE_LABELS, Change, Edition, GuidelineClause
from secops.isms.policy.impact import KIND_LABELS, Kind, Thing
from secops.locale import _, language
from secops.schema.dates import JST
from secops.web.pages import page
from secops.web.session import reads, services

router = APIRouter()
CHANGES = (Change.CHANGED, Change.MOVED, Change.NEW)


@dataclass(frozen=True, slots=True)
class Row:
    """A clause on the page: how deep it stands, where it comes from, what names it by kind."""

    clause: GuidelineClause
    depth: int
    tail: str
    before: Sequence[str]
    named: dict[Kind, list[Thing]]


@router.get("/policy/guideline")
def show_guideline(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]) -> Response:
    """An edition: all of its clauses, or those that it changed."""
    room, values = services(request).guideline, request.query_params
    editions = room.editions()
    wrong = ""
    try:
        edition = editions.get(values["edition"]) if values.get("edition") else editions.latest
    except NotFoundError as error:
        edition, wrong = editions.latest, str(error)
    changed = values.get("changed") == "1"
    naming = room.naming(edition.id, today(request))
    rows = [
        _row(one, naming.get(one.id, ())) for one in edition.clauses if not changed or one.change is not Change.SAME
    ]
    return page(
        request,
        "policy_guideline.html",
        editions=editions,
        edition=edition,
        before=editions.by_id.get(edition.previous),
        chapters=_chapters(edition, rows),
        changed=changed,
        counts={change: sum(one.change is change for one in edition.clauses) for change in CHANGES},
        doubtful=sum(one.confirm for one in edition.clauses),
        change_labels=CHANGE_LABELS,
        kind_labels=KIND_LABELS,
        address=lambda thing: address(thing, session.user),
        title=titles(request),
        wrong=wrong,
    )


def today(request: Request) -> date:
    """The day in Japan."""
    return services(request).now().astimezone(JST).date()


def address(thing: Thing, user: User) -> str:
    """The page of a thing, where it has one that this person may see; else empty."""
    if thing.kind is Kind.RULE and user.may(Right.SEE_STATUS):
        return f"/rules/{quote(thing.id)}"
    if thing.kind is Kind.CLAUSE and thing.where:
        return f"/policy/documents/{quote(thing.where)}#{quote(thing.id)}"
    return f"/audit/items/{quote(thing.id)}" if thing.kind is Kind.ITEM else ""


def titles(request: Request) -> Callable[[Kind, str, str], str]:
    """What says the title of a thing in the language of the screen; as it is kept where there is no translation.

    Titles are kept in Japanese, in a work list as they were when it was made. Rules have an English one of their own.
    """
    here = services(request)

    def title(kind: Kind, name: str, kept: str) -> str:
        if language() == "ja":
            return kept
        if kind is Kind.RULE and (rule := here.rule(name)) is not None and rule.title:
            return rule.title
        return _(kept) if kind is Kind.FORM else kept

    return title


def _row(clause: GuidelineClause, things: Iterable[Thing]) -> Row:
    named: dict[Kind, list[Thing]] = {}
    for thing in things:
        named.setdefault(thing.kind, []).append(thing)
    named.pop(Kind.FORM, None)  # a form has half of all clauses: it tells nothing here
    tail = tail_of(clause.id)
    depth = tail.count("-") + tail.count(".") + 1
    return Row(
        clause, depth, tail, [tail_of(one) for one in clause.previous], {k: named[k] for k in Kind if k in named}
    )


def _chapters(edition: Edition, rows: Sequence[Row]) -> list[tuple[GuidelineClause, list[Row]]]:
    """The rows under the chapter they belong to; chapters without rows are left out."""
    chapters = {one.id: one for one in edition.clauses if not one.parent}
    found: dict[str, list[Row]] = {}
    for row in rows:
        head = row.clause.id
        while edition.by_id[head].parent:
            head = edition.by_id[head].parent
        found.setdefault(head, []).append(row)
    return [(chapters[head], below) for head, below in found.items()]
