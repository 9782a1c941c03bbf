"""One alert: what, why, what to do; and what people do with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.locale import _
from secops.siem.ports import AlertDesk, AlertDetail, Scope
from secops.siem.triage import exemption
from secops.siem.triage.manual import CATEGORIES
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.services import Services
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem import around, story
from secops.web.siem.queue import read_verdict
from secops.web.siem.raw import RawRecord, open_record

router = APIRouter()
HITS = 20


def _around(here: Services, detail: AlertDetail, scope: Scope) -> tuple[list[around.Line], int, datetime]:
    """Events of the same host or user around the newest hit: lines, exact total, centre.

    Where there are more than fit, those nearest to the centre are kept: half from before, half from after.
    """
    centre = detail.hits[0].timestamp if detail.hits else detail.alert.last_seen
    query = around.query(detail.alert.entities, detail.hits[0].event if detail.hits else {})
    if query is None:
        return [], 0, centre
    span, half = around.span(centre), around.SHOWN // 2
    before = here.store.search(query, around.before(span, centre), scope, limit=half)
    after = here.store.search(query, around.after(span, centre), scope, limit=half, newest_first=False)
    events = [*reversed(before.events), *after.events]
    return around.lines(events, detail.hits), before.total + after.total, centre


def show(
    request: Request,
    session: Session,
    alert_id: int,
    *,
    problem: SecopsError | None = None,
    draft: dict[str, str] | None = None,
    raw: RawRecord | None = None,
) -> Response:
    """The page of an alert; after a refused action with the reason and what was typed."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    here.desk.detail(alert_id, scope, hits=0)  # NotFoundError before anything is remembered
    here.desk.viewed(alert_id, actor=session.user.name, now=now)
    detail = here.desk.detail(alert_id, scope, hits=HITS)
    alert, rule = detail.alert, here.rule(detail.alert.rule_id)
    may_search = session.user.may(Right.SEARCH_EVENTS)
    near, near_total, centre = _around(here, detail, scope) if may_search else ([], 0, alert.last_seen)
    return page(
        request,
        "alert.html",
        status=status_of(problem) if problem else 200,
        alert=alert,
        detail=detail,
        rule=rule,
        sentence=story.sentence(alert, detail.hits),
        facts=story.facts(alert),
        reasons=story.reasons(detail.hits[0].matched) if detail.hits else {},
        condition=story.condition(rule) if rule else "",
        exception=exemption.draft(alert, rule, detail.hits) if rule and detail.hits else "",
        near=near,
        near_total=near_total,
        timeline=around.timeline(near, centre) if near else "",
        same_clause=story.same_clause(here.rules(), alert.clauses, alert.rule_id),
        verdict_words=story.verdict_counts(detail.similar),
        bonds=here.work.bonds(alert_id, scope),
        may_except=session.user.may(Right.MAKE_EXCEPTIONS),
        category=_(CATEGORIES[alert.category]) if alert.category in CATEGORIES else "",
        people=sorted(user.name for user in here.accounts.users() if user.may(Right.WORK_ALERTS) and not user.disabled),
        may_work=session.user.may(Right.WORK_ALERTS),
        paged=here.paging.waits(alert_id),
        may_search=may_search,
        may_raw=session.user.may(Right.SEE_RAW),
        problem=str(problem) if problem else "",
        draft=defaultdict(str, draft or {}),
        raw=raw,
        said=_said(request),
        entity=story.entity,
        summary=around.summary,
        rule_title=lambda rule_id: story.title_of(here.rule(rule_id)) or rule_id,
    )


def _said(request: Request) -> str:
    texts = {
        "assigned": _("担当を記録しました。"),
        "closed": _("対応を完了しました。"),
        "reopened": _("対応を再開しました。"),
        "noted": _("メモを保存しました。"),
        "confirmed": _("通知の確認を記録しました。次の人への通知は止まります。"),
        "reported": _("登録しました。"),
        "linked": _("関連付けました。"),
        "unlinked": _("関連付けを解除しました。"),
        "merged": _("統合しました。"),
        "unmerged": _("統合を解除しました。"),
        "split": _("分割しました。新しいアラートは「関連するアラート」にあります。"),
    }
    return texts.get(request.query_params.get("done", ""), "")


@router.get("/alerts/{alert_id}")
def show_alert(
    request: Request, alert_id: int, session: Annotated[Session, Depends(reads(Right.SEE_ALERTS))]
) -> Response:
    """The alert's page; that it was looked at is in its history."""
    return show(request, session, alert_id)


def _act(
    request: Request,
    session: Session,
    alert_id: int,
    done: str,
    draft: dict[str, str],
    action: Callable[[AlertDesk, Scope, datetime], object],
) -> Response:
    """Do something to an alert and go back to its page; a refusal shows the page with the reason and the draft."""
    here, scope = services(request), scope_of(session.user)
    try:
        action(here.desk, scope, here.now())
    except NotFoundError:
        raise
    except SecopsError as error:
        return show(request, session, alert_id, problem=error, draft={**draft, "form": done})
    return RedirectResponse(f"/alerts/{alert_id}?done={done}", 303)


Worker = Annotated[Session, Depends(changes(Right.WORK_ALERTS))]


@router.post("/alerts/{alert_id}/assign")
def assign(request: Request, alert_id: int, session: Worker, assignee: Annotated[str, Form()] = "") -> Response:
    """Take the alert, or hand it to a colleague who may work on alerts."""
    here, me = services(request), session.user.name
    wanted = assignee.strip() or me

    def action(desk: AlertDesk, scope: Scope, now: datetime) -> None:
        check_assignee(here, wanted)
        desk.assign([alert_id], wanted, actor=me, scope=scope, now=now)

    return _act(request, session, alert_id, "assigned", {}, action)


def check_assignee(here: Services, name: str) -> None:
    """Only people who can work on alerts can have one.

    Raises:
        UsageError: no such user, disabled, or without the right.
    """
    workers = {user.name for user in here.accounts.users() if not user.disabled and user.may(Right.WORK_ALERTS)}
    if name not in workers:
        raise UsageError(_("「{name}」は担当者に選べません。一覧から選んでください。").format(name=name))


@router.post("/alerts/{alert_id}/close")
def close(
    request: Request,
    alert_id: int,
    session: Worker,
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Close with a verdict and a reason."""
    return _act(
        request,
        session,
        alert_id,
        "closed",
        {"verdict": verdict, "reason": reason},
        lambda desk, scope, now: desk.close(
            [alert_id], read_verdict(verdict), reason, actor=session.user.name, scope=scope, now=now
        ),
    )


@router.post("/alerts/{alert_id}/confirm")
def confirm(request: Request, alert_id: int, session: Worker) -> Response:
    """Say that the page was seen: nobody else is called, and the alert stays as it is."""
    here = services(request)

    def action(_desk: AlertDesk, scope: Scope, now: datetime) -> None:
        here.paging.confirm_alert(alert_id, actor=session.user.name, scope=scope, now=now)

    return _act(request, session, alert_id, "confirmed", {}, action)


@router.post("/alerts/{alert_id}/reopen")
def reopen(request: Request, alert_id: int, session: Worker) -> Response:
    """Undo a closing."""
    return _act(
        request,
        session,
        alert_id,
        "reopened",
        {},
        lambda desk, scope, now: desk.reopen([alert_id], actor=session.user.name, scope=scope, now=now),
    )


@router.post("/alerts/{alert_id}/note")
def note(request: Request, alert_id: int, session: Worker, text: Annotated[str, Form()] = "") -> Response:
    """Add a note."""
    return _act(
        request,
        session,
        alert_id,
        "noted",
        {"text": text},
        lambda desk, scope, now: desk.note(alert_id, text, actor=session.user.name, scope=scope, now=now),
    )


@router.post("/alerts/{alert_id}/raw")
def show_raw(
    request: Request,
    alert_id: int,
    session: Annotated[Session, Depends(changes(Right.SEE_RAW))],
    event_id: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Show the unmasked record of one of the alert's hits; the look is in the audit log before anything is shown."""
    here, scope = services(request), scope_of(session.user)
    detail = here.desk.detail(alert_id, scope, hits=HITS)
    hit = next((hit for hit in detail.hits if hit.event_id == event_id), None)
    if hit is None:
        raise NotFoundError(_("この記録はアラート {id} にありません。").format(id=alert_id))
    try:
        raw = open_record(request, session, hit.source, hit.seq, hit.event_id, reason)
    except SecopsError as error:
        return show(request, session, alert_id, problem=error, draft={"form": "raw", "event_id": event_id})
    return show(request, session, alert_id, raw=raw)
