"""The queue as JSON, under the same guards as the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.schema.severity import Severity
from secops.siem.ports import Verdict
from secops.web.problems import Json
from secops.web.session import api_changes, reads, scope_of, services
from secops.web.siem.alert import HITS, check_assignee, hand
from secops.web.siem.filters import parse
from secops.web.siem.queue import allowed_zones, page_of, paging
from secops.web.siem.trace import note as traced
from secops.web.siem.trace import note_list, note_look
from secops.web.words import iso

router = APIRouter(prefix="/api")
Reader = Annotated[Session, Depends(reads(Right.SEE_ALERTS))]
Worker = Annotated[Session, Depends(api_changes(Right.WORK_ALERTS))]
Ids = Annotated[list[int], Field(min_length=1, max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AssignBody(_Body):
    """Take alerts; without ``assignee`` oneself."""

    ids: Ids
    assignee: str = ""


class CloseBody(_Body):
    """Close alerts with a verdict and a reason."""

    ids: Ids
    verdict: Verdict
    reason: str


class ReopenBody(_Body):
    """Undo closings."""

    ids: Ids


class NoteBody(_Body):
    """A note on one alert."""

    text: str


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects, moments as ISO 8601 in UTC, severities by name."""
    if isinstance(value, Severity):
        return value.code
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _json(value: object) -> Response:
    return Json(plain(value))


@router.get("/alerts")
def list_alerts(request: Request, session: Reader) -> Response:
    """A page of the queue, 50 rows, with the filters of the page ``/alerts``; ``next`` is the page behind it."""
    here, scope = services(request), scope_of(session.user)
    view, wrong = parse(request.query_params, allowed_zones(here, scope))
    found = page_of(here, view, session, here.now())
    note_list(request, session, view.asked, found.total)
    following = paging(view, found).next.replace("/alerts", "/api/alerts", 1)
    return _json(
        {"alerts": found.alerts, "total": found.total, "ahead": found.ahead, "next": following, "ignored": wrong}
    )


@router.get("/alerts/{alert_id}")
def one_alert(request: Request, alert_id: int, session: Reader) -> Response:
    """One alert with its newest hits, history and earlier alerts alike."""
    found = services(request).desk.detail(alert_id, scope_of(session.user), hits=HITS)
    note_look(request, session, found.alert)
    return _json(found)


@router.post("/alerts/looked")
def looked(request: Request, session: Annotated[Session, Depends(api_changes(Right.SEE_ALERTS))]) -> Response:
    """The reader has called up what is new."""
    here = services(request)
    here.desk.looked(session.user.name, now=here.now())
    return _json({"changed": 0})


@router.post("/alerts/assign")
def assign(request: Request, body: AssignBody, session: Worker) -> Response:
    """Take or hand over. ``bulk`` is the number by which that can be undone (``/alerts/bulk/{number}/undo``)."""
    wanted = body.assignee.strip() or session.user.name
    check_assignee(services(request), wanted)
    changed, bulk = hand(request, session, body.ids, wanted)
    return _json({"changed": changed, "bulk": bulk} if bulk else {"changed": changed})


@router.post("/alerts/close")
def close(request: Request, body: CloseBody, session: Worker) -> Response:
    """Close with a verdict and a reason."""
    here, scope = services(request), scope_of(session.user)
    changed = here.desk.close(body.ids, body.verdict, body.reason, actor=session.user.name, scope=scope, now=here.now())
    traced(request, session, "alerts_closed", body.ids, f"{body.verdict}: {body.reason}")
    return _json({"changed": changed})


@router.post("/alerts/reopen")
def reopen(request: Request, body: ReopenBody, session: Worker) -> Response:
    """Undo closings."""
    here, scope = services(request), scope_of(session.user)
    changed = here.desk.reopen(body.ids, actor=session.user.name, scope=scope, now=here.now())
    traced(request, session, "alerts_reopened", body.ids)
    return _json({"changed": changed})


@router.post("/alerts/{alert_id}/notes")
def note(request: Request, alert_id: int, body: NoteBody, session: Worker) -> Response:
    """Add a note."""
    here, scope = services(request), scope_of(session.user)
    here.desk.note(alert_id, body.text, actor=session.user.name, scope=scope, now=here.now())
    traced(request, session, "alerts_noted", [alert_id], body.text)
    return _json({"changed": 1})
