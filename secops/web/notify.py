"""Notify: who is on duty, do the channels work, what went out, and what is wrong with the program itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import UsageError
from secops.locale import _
from secops.notify import message
from secops.notify.plan import addressed, trial_message
from secops.notify.rota import duties, order
from secops.settings_notify import ChannelSettings
from secops.siem.ports import OUTGOING_LABELS, Attempt, OutgoingState
from secops.web.pages import page
from secops.web.services import Services
from secops.web.session import changes, reads, scope_of, services

router = APIRouter()
PAGE_SIZE = 50
TRIES = 20
DAYS = 7
CONDITIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel as the page shows it: ``place`` is where it leads, ``people`` how many it reaches."""

    settings: ChannelSettings
    place: str
    people: int
    last: Attempt | None


def _channels(here: Services, tries: Sequence[Attempt]) -> list[ChannelRow]:
    notify = here.settings.notify
    newest = {one.channel: one for one in reversed(tries)}
    return [
        ChannelRow(
            one,
            f"{one.host}:{one.at_port} ({one.security})" if one.kind == "mail" else " ".join(one.argv),
            sum(one.id in person.contacts for person in notify.people),
            newest.get(one.id),
        )
        for one in notify.channels
    ]


@router.get("/notify")
def show_notify(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The page; messages about alerts that the reader may not see are left out."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    notify, desk = here.settings.notify, here.paging
    state, begin = _state(request.query_params.get("state", "")), _number(request.query_params.get("start", ""))
    rows, total = desk.outbox(scope, state=state, limit=PAGE_SIZE, offset=begin)
    tries = desk.attempts(scope, limit=500)
    names = {person.id: person.name for person in notify.people}
    return page(
        request,
        "notify.html",
        notify=notify,
        counts=desk.counts(),
        channels=_channels(here, tries),
        line=order(notify, now) if notify.enabled else (),
        duties=duties(notify, now, now + timedelta(days=DAYS)) if notify.enabled else (),
        conditions=desk.conditions(scope, limit=CONDITIONS_SHOWN),
        topics=message.CONDITIONS,
        part_names=_subjects(here),
        rows=[(one, message.from_plain(one.content)) for one in rows],
        total=total,
        begin=begin,
        state=state,
        previous=_url(state, begin - PAGE_SIZE) if begin else "",
        next=_url(state, begin + len(rows)) if begin + len(rows) < total else "",
        states=OUTGOING_LABELS,
        url=_url,
        tries=tries[:TRIES],
        person=lambda name: names.get(name, name),
        subject=message.subject,
        may_test=session.user.may(Right.TEST_NOTIFY),
        may_confirm=session.user.may(Right.CONFIRM_NOTIFY),
        said=_said(request),
    )


def _subjects(here: Services) -> dict[str, str]:
    """Names of what conditions are about, for those who may see this page."""
    return {source.id: source.name or source.id for source in here.settings.sources}


def _state(text: str) -> OutgoingState | None:
    return next((state for state in OutgoingState if state == text), None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _url(state: OutgoingState | None, start: int = 0) -> str:
    parts = [f"state={state.value}"] if state else []
    parts += [f"start={start}"] if start > 0 else []
    return "/notify" + ("?" + "&".join(parts) if parts else "") + "#outbox"


def _said(request: Request) -> str:
    count = _number(request.query_params.get("n", ""))
    texts = {
        "tested": _("試験の通知 {n} 件を送信待ちにしました。数秒後にこの画面を開き直すと、結果が見られます。"),
        "confirmed": _("確認を記録しました。"),
        "seen": _("断念した通知 {n} 件の確認を記録しました。"),
    }
    return texts.get(request.query_params.get("done", ""), "").format(n=count)


@router.post("/notify/test")
def try_channel(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.TEST_NOTIFY))],
    channel: Annotated[str, Form()] = "",
) -> Response:
    """A test message to everybody whom the channel reaches, through the outbox as any other."""
    here, now = services(request), services(request).now()
    pages = addressed(trial_message(here.settings, now), here.settings.notify.people, channel or "-")
    if not pages:
        raise UsageError(_("この通知手段の宛先がありません。secops.toml の [notify] を確認してください。"))
    here.paging.put_test(pages, actor=session.user.name, peer=session.peer, now=now)
    return RedirectResponse(f"/notify?done=tested&n={len(pages)}", 303)


Confirming = Annotated[Session, Depends(changes(Right.CONFIRM_NOTIFY))]


@router.post("/notify/conditions/{condition_id}/confirm")
def confirm_condition(request: Request, condition_id: int, session: Confirming) -> Response:
    """Somebody looks after it: nobody else is called."""
    here = services(request)
    scope, me = scope_of(session.user), session.user.name
    here.paging.confirm_condition(condition_id, actor=me, peer=session.peer, scope=scope, now=here.now())
    return RedirectResponse("/notify?done=confirmed", 303)


@router.post("/notify/given-up")
def confirm_given_up(request: Request, session: Confirming) -> Response:
    """Somebody has seen what could not be sent."""
    here = services(request)
    count = here.paging.confirm_given_up(actor=session.user.name, peer=session.peer, now=here.now())
    return RedirectResponse(f"/notify?done=seen&n={count}", 303)
