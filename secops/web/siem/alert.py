"""One alert: what, why, what to do; and what people do with it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, QueryError, SecopsError, StoreError, UsageError
from secops.locale import _
from secops.query import write
from secops.query.tree import Term
from secops.report.text import flat
from secops.siem.ports import Alert, AlertDesk, AlertDetail, Bulk, BulkAction, Chosen, Scope, State
from secops.siem.triage import exemption
from secops.siem.triage.manual import CATEGORIES
from secops.siem.triage.trace import named
from secops.web.isms.cited import cited
from secops.web.isms.items import items_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.services import Services
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem import around, spans, story
from secops.web.siem.queue import UNDO_WITHIN, read_verdict
from secops.web.siem.raw import RawRecord, Wanted, open_record
from secops.web.siem.trace import note as traced
from secops.web.siem.trace import note_look, note_many
from secops.web.words import field_label

router = APIRouter()
log = logging.getLogger("secops.web")
HITS = 20
ALIKE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Near:
    """What the same host and user did around the newest hit.

    ``total`` is exact where ``lines`` are not all; ``by`` has for the host and for the user: word, value, how many
    events, and the search that finds them.
    """

    lines: Sequence[around.Line]
    total: int
    centre: datetime
    by: Sequence[tuple[str, str, int, str]] = ()


def _around(here: Services, detail: AlertDetail, scope: Scope) -> Near:
    """Events of the same host or user around the newest hit; where there are more than fit, those nearest to it."""
    centre = detail.hits[0].timestamp if detail.hits else detail.alert.last_seen
    wanted = around.identity(detail.alert.entities, detail.hits[0].event if detail.hits else {})
    query = around.query(wanted)
    if query is None:
        return Near([], 0, centre)
    host = next((name for name in ("host.name", "labels.device", "source.ip") if name in wanted), "")
    names = list(filter(wanted.get, (host, "user.name")))
    found = here.store.nearby(
        query,
        [Term(name, wanted[name]) for name in names],
        centre,
        around.span(centre),
        scope,
        limit=around.SHOWN,
        fields=around.FIELDS,
    )
    by = [
        (field_label(name), wanted[name], count, _search_near(name, wanted[name], centre))
        for name, count in zip(names, found.counts, strict=True)
    ]
    return Near(around.lines(found.events, detail.hits), found.total, centre, by)


def _search_near(name: str, value: str, centre: datetime) -> str:
    """The address of the search for a value around a moment; "" where no query can say it."""
    text = write.term(name, value)
    return "/events?" + urlencode({"q": text, **spans.around(centre, around.REACH)}) if text else ""


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
    seen = here.desk.detail(alert_id, scope, hits=0)  # NotFoundError before anything is remembered
    here.desk.viewed(alert_id, actor=session.user.name, now=now)
    note_look(request, session, seen.alert)
    detail = here.desk.detail(alert_id, scope, hits=HITS)
    alert, rule = detail.alert, here.rule(detail.alert.rule_id)
    may_search = session.user.may(Right.SEARCH_EVENTS)
    near, unread = Near([], 0, alert.last_seen), ""
    if may_search:
        try:
            near = _around(here, detail, scope)
        except (StoreError, QueryError) as error:  # whoever is on call needs the rest of the page all the more
            unread = str(error)
            log.warning("alert %s: %s", alert_id, error)
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
        near=near.lines,
        unread=unread,
        near_total=near.total,
        near_by=near.by,
        timeline=around.timeline(near.lines, near.centre) if near.lines else "",
        ours=cited(request),
        same_clause=story.same_clause(here.rules(), alert.clauses, alert.rule_id),
        audit_items=items_of(here.evidence.catalogue(), alert.clauses),
        alike=story.alike_words(here.desk.alike(alert_id, scope, now - timedelta(days=ALIKE_DAYS)), ALIKE_DAYS),
        of_host=_of_host(alert),
        matched_fields=story.matched_fields(detail.hits[0]) if detail.hits else {},
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
        taken=_taken(request, session, alert),
        entity=story.entity,
        summary=around.summary,
        rule_title=lambda rule_id: story.title_of(here.rule(rule_id)) or rule_id,
    )


def _of_host(alert: Alert) -> list[tuple[str, str]]:
    """The host and the user with the addresses of all alerts that name them."""
    seen = {name: flat(alert.entities.get(name)) for name in ("labels.device", "host.name", "user.name")}
    values = dict.fromkeys(value for value in seen.values() if value and len(value) <= 200)
    return [(value, "/alerts?" + urlencode({"state": "all", "q": value})) for value in values]


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
        "undone": _("元に戻しました。"),
    }
    return texts.get(request.query_params.get("done", ""), "")


def _taken(request: Request, session: Session, alert: Alert) -> Bulk | None:
    """What was just done to the alert and can be taken back, where the address names it."""
    number, here = request.query_params.get("bulk", ""), services(request)
    if alert.state is State.CLOSED or not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    found = here.work.bulks(session.user.name, here.now() - UNDO_WITHIN)
    return next((one for one in found if one.id == int(number) and one.undone_at is None), None)


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
    text: str = "",
) -> Response:
    """Do something to an alert and go back to its page; a refusal shows the page with the reason and the draft."""
    here, scope = services(request), scope_of(session.user)
    try:
        action(here.desk, scope, here.now())
        traced(request, session, f"alerts_{done}", [alert_id], text)
    except NotFoundError:
        raise
    except SecopsError as error:
        return show(request, session, alert_id, problem=error, draft={**draft, "form": done})
    return RedirectResponse(f"/alerts/{alert_id}?done={done}", 303)


Worker = Annotated[Session, Depends(changes(Right.WORK_ALERTS))]


@router.post("/alerts/{alert_id}/assign")
def assign(request: Request, alert_id: int, session: Worker, assignee: Annotated[str, Form()] = "") -> Response:
    """Take the alert, or hand it to a colleague who may work on alerts; the page offers to take that back."""
    here, wanted = services(request), assignee.strip() or session.user.name
    try:
        here.desk.detail(alert_id, scope_of(session.user), hits=0)
        check_assignee(here, wanted)
        _changed, bulk = hand(request, session, [alert_id], wanted)
    except NotFoundError:
        raise
    except SecopsError as error:
        return show(request, session, alert_id, problem=error, draft={"form": "assigned"})
    return RedirectResponse(f"/alerts/{alert_id}?done=assigned" + (f"&bulk={bulk}" if bulk else ""), 303)


def hand(request: Request, session: Session, ids: Sequence[int], assignee: str) -> tuple[int, int]:
    """Give alerts to somebody, all or none; how many, and the number by which that can be undone.

    Raises:
        ConflictError: one of them cannot be given to anybody.
        NotFoundError: one of them is not there for this user.
    """
    here, me, scope = services(request), session.user.name, scope_of(session.user)
    chosen = Chosen(ids=tuple(ids), words=_("一覧で選んだもの") if len(ids) > 1 else named(ids))
    found = here.work.chosen(chosen, scope)
    if found.closed or found.missing:  # this says which one cannot be taken, and why
        changed = here.desk.assign(ids, assignee, actor=me, scope=scope, now=here.now())
        traced(request, session, "alerts_assigned", ids, assignee)
        return changed, 0
    does = BulkAction(assignee=assignee)
    done = here.work.act(chosen, does, mark=found.mark, actor=me, scope=scope, now=here.now())
    note_many(request, session, done)
    return done.done, done.id


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
        f"{verdict}: {reason}",
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
        text,
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
        department = str(hit.event.get("labels.department") or "")
        raw = open_record(request, session, Wanted(hit.source, hit.seq, hit.event_id, hit.zone, department), reason)
    except SecopsError as error:
        return show(request, session, alert_id, problem=error, draft={"form": "raw", "event_id": event_id})
    return show(request, session, alert_id, raw=raw)
