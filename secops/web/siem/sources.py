"""Sources and health: does everything arrive, is it understood, is the evidence whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import QueryError, StoreError
from secops.locale import _, language
from secops.query.tree import Term
from secops.query.write import term
from secops.schema.dates import parse_duration
from secops.schema.frame import PIPELINE_ERROR
from secops.siem.health import problems_of
from secops.siem.ports import EventStore, Found, Scope, SourceStatus, Span
from secops.web.pages import page
from secops.web.services import Services
from secops.web.session import reads, scope_of, services
from secops.web.siem.charts import sparkline
from secops.web.siem.queue import sources_in_brief, visible_sources
from secops.web.words import span_words

router = APIRouter()
ERRORS_SHOWN = 20
MINUTES = 60  # of the small lines


def rates(
    found: Sequence[SourceStatus], arrived: Mapping[str, Sequence[tuple[datetime, int]]], now: datetime
) -> dict[str, tuple[str, Markup]]:
    """By source: records a minute on average over the last hour in words, and the small line of its minutes."""
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    shown = {}
    for source in found:
        counts = [0] * MINUTES
        for moment, count in arrived.get(source.id, ()):
            if moment >= begin:
                counts[min(int((moment - begin).total_seconds() // 60), MINUTES - 1)] += count
        total = sum(counts)
        title = _("直近 60 分に {total:,} 件。最も多い 1 分は {most:,} 件。").format(total=total, most=max(counts))
        average = total / MINUTES
        shown[source.id] = (
            f"{average:,.0f}" if average >= 10 or not total else f"{average:.1f}",
            sparkline(counts, title),
        )
    return shown


def rhythm(here: Services, source: SourceStatus) -> str:
    """How often something is expected from a source: its setting ``quiet_after`` in words."""
    known = next((one for one in here.settings.sources if one.id == source.id), None)
    if known is None:
        return "—"
    if not known.quiet_after:
        return _("定めなし")
    return _("{length}以内").format(length=span_words(parse_duration(known.quiet_after).total_seconds()))


def balanced(source: SourceStatus) -> bool:
    """Whether received = stored + rejected + dropped + waiting holds; anything else is a fault of this program."""
    return source.received == source.stored + source.rejected + sum(source.dropped.values()) + source.waiting


def worst_first(source: SourceStatus) -> tuple[bool, bool, bool, str]:
    """Sort key: problems, then silence, then rejected records, then by name."""
    return (not (source.problem or not balanced(source)), not source.silent, not source.rejected, source.name)


def unreadable(store: EventStore, scope: Scope) -> Found:
    """The newest records that no parser understood, of all that are stored."""
    return store.search(Term("event.kind", PIPELINE_ERROR), Span(), scope, limit=ERRORS_SHOWN)


@router.get("/sources")
def show_sources(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The page. Records that could not be read are shown only to those who may search events."""
    here, scope = services(request), scope_of(session.user)
    found = visible_sources(here.sources(), scope)
    may_search = session.user.may(Right.SEARCH_EVENTS)
    system, now = here.system(), here.now()
    errors, arrived, unread = Found([], 0), {}, ""
    try:
        if may_search:
            errors = unreadable(here.store, scope)
        arrived = dict(here.store.arrivals(Span(now - timedelta(minutes=MINUTES)), scope, 60))
    except (StoreError, QueryError) as error:  # what is wrong is to be seen here of all places
        unread = str(error)
    # The site's list of problems names sources of all zones; who sees only some gets the list of those.
    problems = (
        system.problems
        if scope.zones is None
        else problems_of(
            found, system.chain, system.disk, system.parts, system.rules_active, system.filters, system.store
        )
    )
    rules = here.rules()
    titles = {rule.id: (rule.title_ja if language() == "ja" else rule.title) for rule in rules}
    return page(
        request,
        "sources.html",
        sources=sorted(found, key=worst_first),
        brief=sources_in_brief(found),
        balanced=balanced,
        rates=rates(found, arrived, now),
        events_of=lambda source: "/events?" + urlencode({"q": term("labels.source", source.id)}),
        rhythm=lambda source: rhythm(here, source),
        system=system,
        problems=problems,
        errors=errors,
        unread=unread,
        inactive=[rule for rule in rules if not rule.active],
        rule_title=lambda rule_id: titles.get(rule_id, rule_id),
        may_search=may_search,
    )
