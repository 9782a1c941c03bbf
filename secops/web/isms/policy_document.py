"""A document as readers see it: its clauses under their anchors, and what each of them is connected with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError
from secops.isms.audit.model import Item
from secops.isms.clauses.md_tables import Rows, parts_of
from secops.isms.clauses.model import DOCUMENT_LABELS, Clause, Document, GuidelineClause, Link
from secops.isms.policy.library import Entry, version_on
from secops.isms.policy.links import Bearing
from secops.locale import _
from secops.siem.ports import Rule
from secops.web.isms.cited import today
from secops.web.pages import page
from secops.web.services import Services
from secops.web.session import reads, services

router = APIRouter()
SHOWN = 20  # items and rules under a clause; further ones are counted


@dataclass(frozen=True)
class Shown:
    """A clause on the page. ``number`` is how it is cited, ``links`` with the guideline clause where it exists."""

    clause: Clause
    number: str
    blocks: list[str | Rows]
    links: list[tuple[Link, GuidelineClause | None]]
    items: list[Item]
    rules: list[Rule]


def shown_clauses(here: Services, document: Document) -> list[Shown]:
    """The clauses of a document with items and rules that bear on the same guideline clauses."""
    editions = here.guideline.editions()
    items = Bearing(here.evidence.catalogue().items, lambda item: item.clauses)
    rules = Bearing((rule for rule in here.rules() if rule.active), lambda rule: rule.clauses)
    found = []
    for clause in document.clauses:
        names = [link.guideline for link in clause.links]
        links = [(link, editions.clause(link.guideline)) for link in clause.links]
        number = document.number(clause.id)
        found.append(Shown(clause, number, list(parts_of(clause.text)), links, items.on(names), rules.on(names)))
    return found


def _chosen(here: Services, entry: Entry, asked: str, session: Session) -> tuple[Document, str]:
    """The document in the version that was asked for, and which that is: a number, ``draft`` or ``file``."""
    if asked == "draft" and entry.draft.open:
        if not session.user.may(Right.EDIT_POLICY):
            raise NotFoundError(_("改正案を見られるのは、ポリシー担当だけです。"))
        return entry.working, "draft"
    if asked.isascii() and asked.isdigit() and len(asked) < 6:
        return here.guideline.library.version(entry.working.id, int(asked)), str(int(asked))
    if asked:
        raise NotFoundError(_("その版はありません。"))
    if entry.in_force:
        return entry.current, str(entry.in_force.number)
    if entry.versions:
        number = entry.versions[-1].number
        return here.guideline.library.version(entry.working.id, number), str(number)
    return (entry.working, "draft" if entry.draft.open else "file")


@router.get("/policy/documents/{document_id}")
def show_document(
    request: Request, document_id: str, session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]
) -> Response:
    """The document in force, or the version that was asked for."""
    here, day = services(request), today(request)
    entry = here.guideline.library.entry(document_id, day)
    document, which = _chosen(here, entry, request.query_params.get("version", ""), session)
    version = next((one for one in entry.versions if str(one.number) == which), None)
    return page(
        request,
        "policy_document.html",
        entry=entry,
        document=document,
        which=which,
        version=version,
        current=version_on(entry.versions, day),
        clauses=shown_clauses(here, document),
        preamble=list(parts_of(document.preamble)),
        chapters=[one for one in document.clauses if one.depth == 1],
        kinds=DOCUMENT_LABELS,
        most=SHOWN,
        day=day,
        may_edit=session.user.may(Right.EDIT_POLICY),
        may_rules=session.user.may(Right.SEE_STATUS),
    )
