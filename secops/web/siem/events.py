"""One event with all its fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from secops.access.ports import AuditEntry, Right, Session
from secops.errors import NotFoundError, SecopsError
from secops.locale import _
from secops.query import write
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services, visit
from secops.web.siem import around, spans
from secops.web.siem.raw import RawRecord, Wanted, open_record
from secops.web.words import moment_of

router = APIRouter()
SAME_LOOK = timedelta(hours=1)  # within which opening an event again is the same look
# Groups of fields in the order a reader asks: when and what, who, from where to where; the rest by name.
GROUPS = (
    ("何が", ("@timestamp", "event.", "message", "error.", "log.", "rule.")),
    ("誰が・どの機器で", ("user.", "host.", "device.", "observer.", "agent.", "group.", "related.", "email.")),
    ("何を", ("process.", "file.", "registry.", "dll.", "service.")),
    ("どこへ", ("source.", "destination.", "network.", "url.", "http.", "dns.", "tls.", "client.", "server.")),
    ("区での位置づけ", ("labels.", "tags", "organization.")),
)


def grouped(event: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """All fields of an event by group, in order of name; none is left out."""
    left = dict(sorted(event.items()))
    groups: list[tuple[str, list[tuple[str, Any]]]] = []
    for title, prefixes in GROUPS:
        names = [name for name in left if name.startswith(prefixes)]
        if names:
            groups.append((_(title), [(name, left.pop(name)) for name in names]))
    if left:
        groups.append((_("その他の項目"), list(left.items())))
    return groups


def search_link(field: str, value: Any) -> str:
    """The address of the search for a value of a field; "" where no query can say it."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    text = write.term(field, one)
    return "/events?" + urlencode({"q": text, "span": "7d"}) if text else ""


def _near(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Searches for what the same host and user did around this event: value and address."""
    moment = moment_of(event.get("@timestamp"))
    found = []
    for name in ("host.name", "user.name", "source.ip"):
        text = write.term(name, event.get(name))
        if moment and text:
            times = spans.around(moment, around.REACH)
            found.append((str(event[name]), "/events?" + urlencode({"q": text, **times})))
    return found


def _load(request: Request, session: Session, event_id: str) -> Mapping[str, Any]:
    event = services(request).store.get(event_id, scope_of(session.user))
    if event is None:
        raise NotFoundError(
            _("イベント {id} は見つかりませんでした。保存期間を過ぎたか、閲覧できる範囲の外です。").format(id=event_id)
        )
    return event


def _show(
    request: Request,
    session: Session,
    event: Mapping[str, Any],
    raw: RawRecord | None = None,
    problem: SecopsError | None = None,
) -> Response:
    return page(
        request,
        "event.html",
        status=status_of(problem) if problem else 200,
        event=event,
        groups=grouped(event),
        summary=around.summary(event),
        search=search_link,
        near=_near(event),
        moment=moment_of(event.get("@timestamp")),
        may_raw=session.user.may(Right.SEE_RAW),
        raw=raw,
        problem=str(problem) if problem else "",
    )


@router.get("/events/{event_id}")
def show_event(
    request: Request, event_id: str, session: Annotated[Session, Depends(reads(Right.SEARCH_EVENTS))]
) -> Response:
    """The event's page; who looks is in the audit log, once an hour for each event."""
    event = _load(request, session, event_id)
    who, (zone, department) = visit(request), _belongs(event)
    entry = AuditEntry(who.now, session.user.name, "event_viewed", event_id, who.peer, zone=zone, department=department)
    services(request).accounts.record_once(entry, SAME_LOOK)
    return _show(request, session, event)


def _belongs(event: Mapping[str, Any]) -> tuple[str, str]:
    """The zone and the department of an event, empty where it has none."""
    return str(event.get("labels.zone") or ""), str(event.get("labels.department") or "")


@router.post("/events/{event_id}/raw")
def show_raw(
    request: Request,
    event_id: str,
    session: Annotated[Session, Depends(changes(Right.SEE_RAW))],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """The unmasked record behind the event; the look is in the audit log."""
    event = _load(request, session, event_id)
    try:
        source, seq = str(event.get("labels.source", "")), int(event.get("event.sequence") or 0)
        raw = open_record(request, session, Wanted(source, seq, event_id, *_belongs(event)), reason)
    except SecopsError as error:
        return _show(request, session, event, problem=error)
    return _show(request, session, event, raw=raw)
