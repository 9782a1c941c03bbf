"""The audit items: what is asked, how it is checked, which logs and rules help, and the way back from an alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError
from secops.isms.audit.model import ANSWERER_LABELS, METHOD_LABELS, STAGES, Catalogue, Item
from secops.locale import _
from secops.query import write
from secops.schema.text import fold
from secops.siem.ports import Rule, Span
from secops.web.isms import tabs
from secops.web.pages import page
from secops.web.services import Services
from secops.web.session import reads, scope_of, services

router = APIRouter()
ALERT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Serving:
    """A rule that serves a clause of an item, and how many alerts it raised that the reader may see."""

    rule: Rule
    alerts: int
    url: str


@router.get("/audit")
def show_audit(session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]) -> Response:
    """The first page of the audit wing that somebody may see."""
    found = next(place.path for place in tabs.AUDIT if session.user.may(place.right))
    return RedirectResponse(found, 303)


@router.get("/audit/items", dependencies=[Depends(reads(Right.SEE_POLICY))])
def show_items(request: Request) -> Response:
    """The catalogue by chapter, narrowed by words, chapter, or to what logs can help with."""
    catalogue = services(request).evidence.catalogue()
    values = request.query_params
    words, chapter = values.get("q", "").strip()[:200], values.get("chapter", "")
    clause, logs = values.get("clause", "")[:60], values.get("logs") == "1"
    chosen = [
        item
        for item in catalogue.items
        if (not chapter or item.chapter == chapter)
        and (not clause or clause in item.clauses)
        and (not logs or item.telemetry)
        and all(fold(word) in _searched(item) for word in words.split())
    ]
    shown = {
        number: [item for item in chosen if item.chapter == number]
        for number in catalogue.chapters
        if any(item.chapter == number for item in chosen)
    }
    return page(
        request,
        "items.html",
        shown=shown,
        chapters=catalogue.chapters,
        total=len(catalogue.items),
        found=len(chosen),
        with_logs=sum(bool(item.telemetry) for item in catalogue.items),
        asked={"q": words, "chapter": chapter, "logs": logs, "clause": clause},
    )


def _searched(item: Item) -> str:
    return fold(" ".join([item.id, item.title, item.look, *item.clauses, *item.evidence]))


def items_of(catalogue: Catalogue, clauses: Sequence[str]) -> dict[str, list[Item]]:
    """Clause → the items that it is the criterion of."""
    return {clause: [item for item in catalogue.items if clause in item.clauses] for clause in clauses}


@router.get("/audit/items/{item_id}")
def show_item(
    request: Request, item_id: str, session: Annotated[Session, Depends(reads(Right.SEE_POLICY))]
) -> Response:
    """One item: what to look at, how to check, the queries and rules that help, alerts of these rules."""
    here = services(request)
    catalogue, telemetry = here.evidence.catalogue(), here.evidence.telemetry()
    item = catalogue.by_id.get(item_id)
    if item is None:
        raise NotFoundError(_("監査項目「{id}」はありません。").format(id=item_id[:60]))
    may_alerts = session.user.may(Right.SEE_ALERTS)
    serving = _serving(here, session, item) if session.user.may(Right.SEE_STATUS) or may_alerts else []
    place = catalogue.items.index(item)
    return page(
        request,
        "item.html",
        item=item,
        chapter=catalogue.chapters[item.chapter],
        methods=METHOD_LABELS,
        answerer=_(ANSWERER_LABELS[item.answers]),
        stage=_(STAGES[item.stage]),
        clause_title=here.evidence.clause_title,
        queries=[(name, telemetry.queries.get(name)) for name in item.telemetry],
        source_title=lambda name: telemetry.sources[name].title,
        serving=serving,
        alerts=sum(one.alerts for one in serving),
        days=ALERT_DAYS,
        may_alerts=may_alerts,
        may_rules=session.user.may(Right.SEE_STATUS),
        before=catalogue.items[place - 1] if place else None,
        after=catalogue.items[place + 1] if place + 1 < len(catalogue.items) else None,
    )


def _serving(here: Services, session: Session, item: Item) -> list[Serving]:
    """The active rules of the item's clauses, those with most alerts first."""
    rules = [rule for rule in here.rules() if rule.active and set(rule.clauses) & set(item.clauses)]
    counts: Counter[str] = Counter()
    if rules and session.user.may(Right.SEE_ALERTS):
        span = Span(since=here.now() - timedelta(days=ALERT_DAYS))
        counts.update(here.work.opened_by_rule(span, scope_of(session.user)))
    found = [Serving(rule, counts[rule.id], _alerts_of(rule)) for rule in rules]
    return sorted(found, key=lambda one: (-one.alerts, -int(one.rule.level), one.rule.id))


def _alerts_of(rule: Rule) -> str:
    query = f"{write.term('rule', rule.id)} opened:>={ALERT_DAYS}d"
    return "/alerts?" + urlencode({"state": "all", "q": query})
