"""Actions on all alerts that pass a filter: a page that says how many, the action, and its undo."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import ConflictError, NotFoundError, SecopsError, SetChangedError, UsageError
from secops.locale import _
from secops.siem.ports import BulkAction, Chosen, Left
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem.alert import check_assignee
from secops.web.siem.filters import QueueFilter, alert_filter, parse
from secops.web.siem.queue import allowed_zones, read_verdict
from secops.web.siem.story import entity
from secops.web.siem.trace import note_many
from secops.web.words import action_label, clock_seconds

router = APIRouter()
SHOWN = 10
Worker = Annotated[Session, Depends(changes(Right.WORK_ALERTS))]


def _view(request: Request, session: Session, query: str) -> QueueFilter:
    here = services(request)
    view, wrong = parse(dict(parse_qsl(query)), allowed_zones(here, scope_of(session.user)))
    if wrong:  # a condition that is passed over would widen what is changed
        raise UsageError(
            _("次の条件を読み取れないため、まとめて操作できません: {wrong}").format(wrong=", ".join(wrong))
        )
    return view


def _confirm(
    request: Request, session: Session, query: str, problem: SecopsError | None = None, **draft: str
) -> Response:
    here, scope = services(request), scope_of(session.user)
    view = _view(request, session, query)
    wanted = alert_filter(view, session.user.name, here.now())
    found = here.work.chosen(Chosen(wanted=wanted), scope)
    return page(
        request,
        "bulk.html",
        status=status_of(problem) if problem else 200,
        view=view,
        query=query,
        found=found,
        first=[(one, entity(one)) for one in here.desk.alerts(wanted, scope, limit=SHOWN).alerts],
        people=sorted(one.name for one in here.accounts.users() if one.may(Right.WORK_ALERTS) and not one.disabled),
        problem=str(problem) if problem else "",
        draft={"verdict": "", "reason": "", "assignee": session.user.name, "leader": "", **draft},
    )


def _number(text: str) -> int:
    """The number of the alert to link with.

    Raises:
        UsageError: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,15}", text.strip()):
        raise UsageError(_("関連付ける相手のアラートの番号を、数字で入力してください。"))
    return int(text)


@router.get("/alerts/bulk")
def confirm(request: Request, session: Annotated[Session, Depends(reads(Right.WORK_ALERTS))]) -> Response:
    """The page that says what would be changed: the filter of the queue, the exact number, the first few."""
    return _confirm(request, session, request.url.query)


@router.post("/alerts/bulk/all")
def act_on_all(
    request: Request,
    session: Worker,
    query: Annotated[str, Form()] = "",
    mark: Annotated[str, Form()] = "",
    action: Annotated[str, Form()] = "",
    assignee: Annotated[str, Form()] = "",
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    leader: Annotated[str, Form()] = "",
) -> Response:
    """Do it, if the set is still the one that was confirmed; else the page again, with the new number."""
    here, scope, me = services(request), scope_of(session.user), session.user.name
    try:
        view = _view(request, session, query)
        wanted = Chosen(wanted=alert_filter(view, me, here.now()), words=query or "state=active")
        if action == "assign":
            check_assignee(here, assignee)
            does = BulkAction(assignee=assignee)
        elif action == "link":
            does = BulkAction(leader=_number(leader))
        else:
            does = BulkAction(verdict=read_verdict(verdict), reason=reason)
        done = here.work.act(wanted, does, mark=mark, actor=me, scope=scope, now=here.now())
        note_many(request, session, done)
    except (SetChangedError, ConflictError, UsageError, NotFoundError) as error:
        draft = {"verdict": verdict, "reason": reason, "assignee": assignee or me, "leader": leader}
        return _confirm(request, session, query, error, **draft)
    return RedirectResponse("/alerts?done=bulk", 303)


@router.post("/alerts/bulk/{number}/undo")
def undo(request: Request, number: int, session: Worker, back: Annotated[str, Form()] = "") -> Response:
    """Take an action on many alerts back; the page says which alerts were left alone, and why.

    ``back`` is the alert from whose page one alert's action is taken back.
    """
    here, scope = services(request), scope_of(session.user)
    if number >= 1 << 62:
        raise NotFoundError(_("一括操作 {id} は見つかりませんでした。").format(id=number))
    done = here.work.undo(number, actor=session.user.name, scope=scope, now=here.now())
    note_many(request, session, done.bulk)
    if re.fullmatch(r"[0-9]{1,15}", back) and not done.left:
        return RedirectResponse(f"/alerts/{back}?done=undone", 303)
    return page(request, "undone.html", done=done, left=[(one.alert_id, _why(one)) for one in done.left])


def _why(one: Left) -> str:
    if one.successor:
        return _("続きのアラート {id} が対応中です。").format(id=one.successor)
    if one.at is None:
        return _("閲覧できる範囲の外です。")
    text = _("{at} に {actor} が操作しました({action})。")
    return text.format(at=clock_seconds(one.at), actor=one.actor, action=action_label(one.action))
