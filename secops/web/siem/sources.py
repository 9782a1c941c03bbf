"""Sources and health: does everything arrive, is it understood, is the evidence whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import AwayError
from secops.locale import language
from secops.query.tree import Term
from secops.schema.frame import PIPELINE_ERROR
from secops.siem.health import problems_of
from secops.siem.ports import SourceStatus, Span
from secops.web.pages import page
from secops.web.session import reads, scope_of, services
from secops.web.siem.queue import sources_in_brief, visible_sources

router = APIRouter()
ERRORS_SHOWN = 20


def balanced(source: SourceStatus) -> bool:
    """Whether received = stored + rejected + dropped + waiting holds; anything else is a fault of this program."""
    return source.received == source.stored + source.rejected + sum(source.dropped.values()) + source.waiting


def worst_first(source: SourceStatus) -> tuple[bool, bool, bool, str]:
    """Sort key: problems, then silence, then rejected records, then by name."""
    return (not (source.problem or not balanced(source)), not source.silent, not source.rejected, source.name)


@router.get("/sources")
def show_sources(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The page. Records that could not be read are shown only to those who may search events."""
    here, scope = services(request), scope_of(session.user)
    found = visible_sources(here.sources(), scope)
    may_search = session.user.may(Right.SEARCH_EVENTS)
    errors, store_away = None, ""
    try:
        if may_search:
            errors = here.store.search(Term("event.kind", PIPELINE_ERROR), Span(), scope, limit=ERRORS_SHOWN)
    except AwayError as error:
        store_away = str(error)
    system = here.system()
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
        system=system,
        problems=problems,
        errors=errors,
        store_away=store_away,
        inactive=[rule for rule in rules if not rule.active],
        rule_title=lambda rule_id: titles.get(rule_id, rule_id),
        may_search=may_search,
    )
