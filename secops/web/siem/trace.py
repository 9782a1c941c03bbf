"""What the pages about alerts leave in the audit log: who, from where, did or saw what."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from secops.access.ports import Session
from secops.siem.ports import Alert, Bulk
from secops.siem.triage import trace
from secops.web.session import services, visit


def _doer(request: Request, session: Session) -> trace.Doer:
    return trace.Doer(session.user.name, visit(request).peer)


def note(request: Request, session: Session, action: str, numbers: Sequence[int], text: str = "") -> None:
    """An action on some alerts."""
    here = services(request)
    places = here.work.places(numbers)
    here.accounts.record(trace.line(_doer(request, session), action, numbers, places, text, here.now()))


def note_many(request: Request, session: Session, done: Bulk) -> None:
    """An action on many alerts, or its undo."""
    here = services(request)
    places = here.work.places((), bulk=done.id)
    here.accounts.record(trace.many(_doer(request, session), done, places, here.now()))


def note_look(request: Request, session: Session, alert: Alert) -> None:
    """Somebody looks at an alert; looking again soon is the same look."""
    here, places = services(request), [(alert.zone, alert.department)]
    entry = trace.line(_doer(request, session), "alert_viewed", [alert.id], places, "", here.now())
    here.accounts.record_once(entry, trace.SAME_LOOK)


def note_list(request: Request, session: Session, asked: str, total: int | None) -> None:
    """Somebody looks at the queue; with the same conditions within the hour it is the same look. None: it failed."""
    here, access = services(request), session.user.access
    who = _doer(request, session)
    entry = trace.listed(who, "alerts_listed", asked[:500], f"→ {'-' if total is None else total}", access, here.now())
    here.accounts.record_once(entry, trace.SAME_LIST)
