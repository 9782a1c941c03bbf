"""The alert queue: what needs a person, worst and newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import QueryError, SetChangedError, UsageError
from secops.locale import _
from secops.schema.dates import JST
from secops.schema.severity import Severity
from secops.siem.ports import (
    AlertFilter,
    AlertPage,
    BulkAction,
    Chosen,
    Scope,
    SourceStatus,
    Span,
    State,
    Verdict,
)
from secops.web.pages import page
from secops.web.problems import marked, status_of
from secops.web.services import Services
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem.filters import (
    PAGE_SIZE,
    PERIODS,
    TAB_LABELS,
    TABS,
    QueueFilter,
    alert_filter,
    parse,
    place_of,
)
from secops.web.siem.story import entity
from secops.web.siem.trace import note_list, note_many

router = APIRouter()
UNDO_WITHIN = timedelta(hours=1)
NEWEST = 1 << 62  # behind every change there can be: asks for the newest number alone


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources in one line: how many are all right, which are not, and when the last record came."""

    ok: int
    total: int
    troubled: Sequence[SourceStatus]
    last: datetime | None


def sources_in_brief(sources: Sequence[SourceStatus]) -> Sources:
    """Count those that are neither silent nor have a problem."""
    troubled = [source for source in sources if source.silent or source.problem]
    times = [source.last_received for source in sources if source.last_received]
    return Sources(len(sources) - len(troubled), len(sources), troubled, max(times, default=None))


def visible_sources(sources: Sequence[SourceStatus], scope: Scope) -> list[SourceStatus]:
    """Those of the zones this user may see; one without a zone of its own serves all."""
    return [source for source in sources if scope.zones is None or not source.zone or source.zone in scope.zones]


def today(now: datetime) -> Span:
    """From midnight in Japan on."""
    return Span(since=now.astimezone(JST).replace(hour=0, minute=0, second=0, microsecond=0))


def allowed_zones(here: Services, scope: Scope) -> list[str]:
    """Zones to choose from."""
    return [zone for zone in here.settings.zones if scope.zones is None or zone in scope.zones]


@router.get("/alerts")
def show_queue(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_ALERTS))]) -> Response:
    """The queue page. A request marked as background (a live update) does not count as the reader having looked."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    view, wrong = parse(request.query_params, allowed_zones(here, scope))
    change, _ids = here.desk.changes(NEWEST)  # before the rows are read: what changes meanwhile is told by the stream
    found, problem = AlertPage((), 0), None
    try:
        found = page_of(here, view, session, now)
    except QueryError as error:
        problem = error
    counts = here.desk.counts(scope)
    state = counts["state"]
    news = here.desk.news(session.user.name, scope)
    if request.headers.get("x-background") != "1":
        here.desk.looked(session.user.name, now=now)
        note_list(request, session, view.asked, None if problem else found.total)
    # Only what is closed has a moment of closing: to ask for the state as well would have all closed ones looked at.
    done = here.desk.alerts(AlertFilter(closed=today(now)), scope, limit=0).total
    return page(
        request,
        "queue.html",
        status=status_of(problem) if problem else 200,
        view=view,
        problem=problem,
        marked=marked(view.text, problem),
        change=change,
        wrong=wrong,
        rows=[(alert, entity(alert)) for alert in found.alerts],
        total=found.total,
        paging=paging(view, found),
        tabs=_tabs(state),
        tab_labels=TAB_LABELS,
        periods=PERIODS,
        zones=allowed_zones(here, scope),
        people=sorted({user.name for user in here.accounts.users() if user.may(Right.WORK_ALERTS)}),
        levels=sorted(Severity, reverse=True),
        counts=counts,
        news=news,
        done=done,
        sources=sources_in_brief(visible_sources(here.sources(), scope)),
        may_work=session.user.may(Right.WORK_ALERTS),
        said=_said(request),
        unanswered=here.paging.unanswered(),
        bulks=[one for one in here.work.bulks(session.user.name, now - UNDO_WITHIN) if one.undone_at is None][:3],
        searches=here.work.searches(session.user.name, scope, "alerts"),
    )


def _tabs(state: dict[str, int] | object) -> dict[str, int]:
    assert isinstance(state, dict)
    numbers = {name: sum(state.get(one.value, 0) for one in (wanted or State)) for name, wanted in TABS.items()}
    return {name: numbers[name] for name in TABS}


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page lies in the whole: 1-based numbers of its first and last row, addresses of its neighbours."""

    first: int
    last: int
    previous: str
    next: str


def page_of(here: Services, view: QueueFilter, session: Session, now: datetime) -> AlertPage:
    """The rows of a view; a page before the first row begins with it."""
    wanted, scope = alert_filter(view, session.user.name, now), scope_of(session.user)
    found = here.desk.alerts(wanted, scope, limit=PAGE_SIZE, after=view.after, before=view.back)
    if view.back and not found.ahead:
        return here.desk.alerts(wanted, scope, limit=PAGE_SIZE)
    return found


def paging(view: QueueFilter, found: AlertPage) -> Paging:
    """Where a page lies, and the addresses of its neighbours."""
    rows, end = found.alerts, found.ahead + len(found.alerts)
    return Paging(
        first=found.ahead + 1 if rows else 0,
        last=end if rows else 0,
        previous=(view.url(back=place_of(rows[0])) if rows else view.url(after=None)) if found.ahead else "",
        next=view.url(after=place_of(rows[-1])) if rows and end < found.total else "",
    )


def _said(request: Request) -> str:
    """What the action before this page did, in words; the address carries only a code and a number."""
    count = request.query_params.get("n", "")
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 7 else 0
    texts = {
        "assigned": _("{n} 件を担当にしました。"),
        "closed": _("{n} 件を対応完了にしました。"),
    }
    text = texts.get(request.query_params.get("done", ""))
    return text.format(n=number) if text and number else ""


@router.post("/alerts/bulk")
def act_on_many(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.WORK_ALERTS))],
    action: Annotated[str, Form()] = "",
    ids: Annotated[list[int] | None, Form()] = None,
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Take or close the rows that are ticked."""
    here, now, scope, me = services(request), services(request).now(), scope_of(session.user), session.user.name
    if not ids:
        raise UsageError(_("アラートが選ばれていません。一覧で選んでから操作してください。"))
    if action == "assign":
        does = BulkAction(assignee=me)
    elif action == "close":
        does = BulkAction(verdict=read_verdict(verdict), reason=reason)
    else:
        raise UsageError(_("この操作はありません。画面を開き直してください。"))
    chosen = Chosen(ids=tuple(ids), words=_("一覧で選んだもの"))
    found = here.work.chosen(chosen, scope)
    if found.closed or found.missing:  # the page is older than what colleagues did: look again first
        raise SetChangedError(
            _("選んだ {n} 件のうち {m} 件は、すでに対応完了か、見つかりません。何も変更していません。").format(
                n=len(set(ids)), m=found.closed + found.missing
            ),
            found.count,
        )
    done = does.name
    made = here.work.act(chosen, does, mark=found.mark, actor=me, scope=scope, now=now)
    note_many(request, session, made)
    changed = made.done
    target = back if back.startswith("/alerts") and not back.startswith("/alerts/") else "/alerts"
    joint = "&" if "?" in target else "?"
    return RedirectResponse(f"{target}{joint}done={done}&n={changed}", 303)


def read_verdict(text: str) -> Verdict:
    """The verdict with this code.

    Raises:
        UsageError: none was chosen.
    """
    try:
        return Verdict(text)
    except ValueError:
        raise UsageError(_("完了の区分が選ばれていません。三つのうち一つを選んでください。")) from None
