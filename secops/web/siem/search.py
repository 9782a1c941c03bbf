"""The search page: events that match, when they happened, which fields they have; and the same as a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from secops.access.ports import AuditEntry, Right, Session
from secops.errors import QueryError, UsageError
from secops.locale import _
from secops.query.parse import parse as parse_query
from secops.query.tree import Node
from secops.query.write import narrowed, term
from secops.report.events import EXPORT_MOST, FORMATS
from secops.report.text import flat
from secops.siem.ports import EventStore, Found, Place, Scope, Span
from secops.siem.triage.trace import of_access
from secops.web.pages import page
from secops.web.problems import marked, status_of
from secops.web.services import Services
from secops.web.session import reads, scope_of, services
from secops.web.siem import around, charts, spans
from secops.web.words import moment_of

router = APIRouter()
PAGE_SIZE = 100
MOST_COLUMNS = 12
DEFAULT_COLUMNS = ("labels.zone", "host.name", "user.name")
TOP_VALUES = 5
EXPORT_STEP = 5000  # events read at a time while a file is written
_FIELD = re.compile(r"[^\s,\"'<>&\x00-\x1f]{1,200}")
_PLACE = re.compile(r"(?P<time>-?\d{1,16}|\d{17})-(?P<id>[a-z0-9.+-]{1,200})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SearchView:
    """What an address of the search asks for; ``after`` and ``back`` are where its page lies."""

    text: str
    spell: spans.Spell
    columns: tuple[str, ...] = ()
    after: Place | None = None
    back: Place | None = None

    def url(self, path: str = "/events", **changes: Any) -> str:
        """The address of this search with values changed (``text``, ``columns``, ``after``, ``back``, ``times``).

        Without ``after`` or ``back`` it is the first page.
        """
        times = changes.pop("times", None)
        more = changes.pop("more", {})
        wanted = replace(self, **{"after": None, "back": None, **changes})
        values = {
            "q": wanted.text,
            **(self.spell.values if times is None else times),
            "cols": ",".join(wanted.columns),
            "after": _written(wanted.after),
            "back": _written(wanted.back),
            **more,
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """The columns of the table beside the time."""
        return self.columns or DEFAULT_COLUMNS


def read(request: Request, now: datetime) -> tuple[SearchView, list[str]]:
    """Read an address; what makes no sense is left out and named."""
    values = request.query_params
    wrong: list[str] = []

    def place(name: str) -> Place | None:
        text = values.get(name, "")
        found = _PLACE.fullmatch(text)
        if text and not found:
            wrong.append(f"{name}={text[:40]}")
        return Place(_EPOCH + timedelta(microseconds=int(found["time"])), found["id"]) if found else None

    names = [name for part in values.getlist("cols") for name in part.split(",") if name]
    bad = [name for name in names if not _FIELD.fullmatch(name)]
    wrong += [f"cols={name[:40]}" for name in bad]
    columns = tuple(dict.fromkeys(name for name in names if name not in bad))
    if len(columns) > MOST_COLUMNS:
        wrong += [f"cols={name}" for name in columns[MOST_COLUMNS:]]
    text = values.get("q", "").strip()
    return SearchView(text, spans.read(values, now), columns[:MOST_COLUMNS], place("after"), place("back")), wrong


def _written(place: Place | None) -> str:
    return f"{(place.time - _EPOCH) // timedelta(microseconds=1)}-{place.id}" if place else ""


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field of the events on a page: how many have it, and its most frequent values with their counts."""

    name: str
    count: int
    values: Sequence[tuple[str, int, str]]  # text, events, address that narrows to it ("" where it cannot)


def fields_seen(events: Sequence[Mapping[str, Any]], view: SearchView) -> list[FieldSeen]:
    """All fields of these events by name."""
    found: dict[str, Counter[str]] = {}
    kept: dict[tuple[str, str], Any] = {}
    for event in events:
        for name, value in event.items():
            counter = found.setdefault(name, Counter())
            for one in value if isinstance(value, list) else [value]:
                text = flat(one)[:200]
                counter[text] += 1
                kept.setdefault((name, text), one)
    counts = Counter(name for event in events for name in event)
    return [
        FieldSeen(
            name,
            counts[name],
            [(text, n, narrow(view, name, kept[name, text])) for text, n in values.most_common(TOP_VALUES)],
        )
        for name, values in sorted(found.items())
    ]


def narrow(view: SearchView, field: str, value: object) -> str:
    """The address of the search with a value of a field as one more condition; "" where that cannot be written."""
    text = narrowed(view.text, wanted) if (wanted := term(field, value)) else ""
    return view.url(text=text) if text else ""


@router.get("/events")
def show_search(request: Request, session: Annotated[Session, Depends(reads(Right.SEARCH_EVENTS))]) -> Response:
    """The search page. What was asked, and how many were found, is in the audit log."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    view, wrong = read(request, now)
    problem: QueryError | UsageError | None = UsageError(view.spell.problem) if view.spell.problem else None
    found, shown = Found([], 0), None
    if problem is None:
        try:
            node = parse_query(view.text, now)
            found = _page(here.store, node, view, scope)
            shown = _bars(here.store, node, view.spell.span, scope, now) if found.total else None
        except QueryError as error:
            problem = error
    _note(request, session, "events_searched", view, "" if problem else str(found.total))
    return page(
        request,
        "events.html",
        status=status_of(problem) if problem else 200,
        view=view,
        wrong=wrong,
        problem=problem,
        marked=marked(view.text, problem),
        presets=spans.PRESETS,
        span_words=spans.in_words(view.spell.span, now),
        events=found.events,
        total=found.total,
        between=_between(found),
        bars=shown,
        finding=charts.finding(shown) if shown else "",
        picture=charts.histogram(shown, lambda bar: _of_bar(view, bar)) if shown else "",
        bar_label=charts.label,
        bar_link=lambda bar: _of_bar(view, bar),
        previous=_turned(view, found, now, back=True),
        next=_turned(view, found, now, back=False),
        seen=fields_seen(found.events, view),
        summary=around.summary,
        moment_of=moment_of,
        most=EXPORT_MOST,
        formats=FORMATS,
    )


def _page(store: EventStore, node: Node, view: SearchView, scope: Scope) -> Found:
    """A page, newest first. Turning back reads the other way round, and what that leaves short begins at the front."""
    span = view.spell.span
    if view.back:
        found = store.search(node, span, scope, limit=PAGE_SIZE, newest_first=False, after=view.back)
        if len(found.events) == PAGE_SIZE:
            return Found(found.events[::-1], found.total)
        return store.search(node, span, scope, limit=PAGE_SIZE)
    return store.search(node, span, scope, limit=PAGE_SIZE, after=view.after)


def _bars(store: EventStore, node: Node, span: Span, scope: Scope, now: datetime) -> charts.Bars:
    """The histogram of a search; an open end is that of what is stored."""
    stats = store.stats() if span.since is None or span.until is None else None
    since = span.since or (stats and stats.oldest) or now
    newest = (stats and stats.newest) or now
    until = span.until or max(now, newest if span.since is None else now) + timedelta(microseconds=1)
    whole = Span(since, max(until, since + timedelta(seconds=1)))
    seconds = charts.bucket_seconds(whole)
    counts = store.histogram(node, span, scope, charts.asked_seconds(seconds))
    if counts and counts[-1][0] >= (whole.until or now):  # a clock that runs fast
        whole = Span(since, counts[-1][0] + timedelta(seconds=1))
        seconds = charts.bucket_seconds(whole)
    return charts.bars(counts, whole, seconds)


def _of_bar(view: SearchView, bar: charts.Bar) -> str:
    return view.url(times=spans.exact(bar.begin, bar.end))


def _between(found: Found) -> tuple[datetime, datetime] | str:
    """The times of the newest and the oldest event of a page."""
    if not found.events:
        return ""
    first, last = found.events[0].get("@timestamp"), found.events[-1].get("@timestamp")
    return (first, last) if isinstance(first, datetime) and isinstance(last, datetime) else ""


def _turned(view: SearchView, found: Found, now: datetime, *, back: bool) -> str:
    """The address of the page before or behind. A relative span stands still while one turns pages."""
    on_front = view.after is None and (view.back is None or len(found.events) < PAGE_SIZE)
    if not found.events or (back and on_front) or (not back and not view.back and len(found.events) < PAGE_SIZE):
        return ""
    if not back and found.total == len(found.events):
        return ""
    edge = found.events[0 if back else -1]
    place = Place(edge["@timestamp"], edge["event.id"])
    span = view.spell.span
    times = None
    if view.spell.preset and span.since is not None:
        times = spans.exact(span.since.replace(microsecond=0), now.replace(microsecond=0) + timedelta(seconds=1))
    return view.url(times=times, back=place) if back else view.url(times=times, after=place)


def _note(request: Request, session: Session, action: str, view: SearchView, count: str) -> None:
    """Who looked for what is in the audit log, as of all zones and departments that the searcher sees."""
    here, (zone, department) = services(request), of_access(session.user.access)
    here.accounts.record(
        AuditEntry(
            at=here.now(),
            actor=session.user.name,
            action=action,
            target=" ".join(f"{name}={text}" for name, text in view.spell.values.items()) or spans.DEFAULT,
            peer=request.client.host if request.client else "",
            text=f"{view.text[:500]} → {count or '-'}",
            zone=zone,
            department=department,
        )
    )


# ------------------------------------------------------------------------------------------------------------- export


@router.get("/events/export")
def export(
    request: Request,
    session: Annotated[Session, Depends(reads(Right.SEARCH_EVENTS))],
    format: str = "csv",
) -> Response:
    """What was found as CSV for Excel or as JSON lines, newest first; how many there are is in the file's name."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    view, _wrong = read(request, now)
    if format not in FORMATS:
        raise UsageError(_("出力の形式は csv か jsonl です: {found}").format(found=format[:40]))
    if view.spell.problem:
        raise UsageError(view.spell.problem)
    node = parse_query(view.text, now)
    span = view.spell.span
    first = here.store.search(node, span, scope, limit=EXPORT_STEP)  # a mistake is a page, not a broken file
    given = min(first.total, EXPORT_MOST)
    _note(request, session, "events_exported", view, f"{format} {given}/{first.total}")
    writer = FORMATS[format](view.shown_columns)
    count = str(given) if given == first.total else f"{given}-of-{first.total}"
    name = f"secops-events-{spans.typed(now).partition('.')[0].replace(':', '').replace('-', '')}-{count}.{format}"
    return StreamingResponse(
        _rows(here, node, span, scope, first, writer),
        media_type=writer.media_type,
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "x-total-count": str(first.total),
            "x-exported-count": str(given),
        },
    )


def _rows(here: Services, node: Node, span: Span, scope: Scope, first: Found, writer: Any) -> Any:
    """The bytes of the file. An error in the middle breaks the download off, which browsers tell."""
    yield writer.head
    found, written = first, 0
    while found.events:
        chunk = found.events[: EXPORT_MOST - written]
        yield b"".join(writer.row(event, around.summary(event)) for event in chunk)
        written += len(chunk)
        last = chunk[-1]
        if len(found.events) < EXPORT_STEP or written >= EXPORT_MOST:
            return
        # What is behind the last row cannot be newer, so the store need not look at what was written already.
        rest = Span(span.since, last["@timestamp"] + timedelta(microseconds=1))
        found = here.store.search(
            node, rest, scope, limit=EXPORT_STEP, after=Place(last["@timestamp"], last["event.id"])
        )
