"""Looking back: how long alerts take, and the morning page."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.locale import _
from secops.siem.health import problems_of
from secops.siem.ports import Span
from secops.siem.triage.morning import AGES, evening_before, morning
from secops.siem.triage.times import times
from secops.siem.triage.usual import CONDUCT_LABELS, behaviours, reach
from secops.web.pages import page
from secops.web.session import reads, scope_of, services
from secops.web.siem.queue import allowed_zones, visible_sources
from secops.web.siem.story import entity

router = APIRouter()
DAYS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
Reader = Annotated[Session, Depends(reads(Right.SEE_ALERTS))]


@router.get("/alerts/times")
def show_times(request: Request, session: Reader) -> Response:
    """How long the alerts took that were opened in a span."""
    here, scope, now = services(request), scope_of(session.user), services(request).now()
    chosen = request.query_params.get("since", "30d")
    chosen = chosen if chosen in DAYS else "30d"
    found = here.work.lengths(Span(now - timedelta(days=DAYS[chosen]), now), scope)
    return page(request, "times.html", table=times(found, allowed_zones(here, scope), now), chosen=chosen, days=DAYS)


@router.get("/morning")
def show_morning(request: Request, session: Reader) -> Response:
    """What happened since the last working day's evening, on one sheet."""
    here, scope, now = services(request), scope_of(session.user), services(request).now()
    span = Span(evening_before(now, here.settings.web.day_ends), now)
    sources = visible_sources(here.sources(), scope)
    judged = behaviours(here.work.arrivals(reach(span)), [one.id for one in sources], span)
    system = here.system()
    problems = problems_of(sources, system.chain, system.disk, system.parts, system.rules_active, system.filters)
    night = here.work.night(span, scope, AGES)
    found = morning(night, judged, sources, allowed_zones(here, scope), span, problems)
    return page(
        request,
        "morning.html",
        found=found,
        labels=CONDUCT_LABELS,
        entity=entity,
        ages=(_("1 日以内"), _("3 日以内"), _("7 日以内"), _("30 日以内"), _("30 日超")),
    )
