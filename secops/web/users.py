"""The users of the console, for administrators: who they are, what they may see, and a way back in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import ConflictError
from secops.locale import _
from secops.web.pages import page
from secops.web.session import changes, reads, recent, services, visit

router = APIRouter()
DONE = {
    "disabled": "「{name}」を停止しました。ログイン中だった場合は、すぐに切れています。",
    "enabled": "「{name}」の停止を取り消しました。",
    "unlocked": "「{name}」の失敗の記録を消しました。すぐにログインできます。",
}
Managing = Annotated[Session, Depends(changes(Right.MANAGE_USERS))]


@router.get("/users", dependencies=[Depends(reads(Right.MANAGE_USERS))])
def show_users(request: Request) -> Response:
    """The list."""
    here = services(request)
    people = here.accounts.users(here.now())
    values = request.query_params
    done = DONE.get(values.get("done", ""), "")
    return page(
        request,
        "users.html",
        people=people,
        locked=[one for one in people if one.locked_until],
        required=frozenset(here.settings.web.second_factor),
        done=_(done).format(name=values.get("name", "")[:40]) if done else "",
    )


def _not_oneself(session: Session, name: str) -> None:
    if session.user.name == name:
        raise ConflictError(
            _("自分自身は停止もリセットもできません。アカウントの画面を使うか、別の管理者に頼んでください。")
        )


@router.post("/users/{name}/disable")
def disable(request: Request, name: str, session: Managing) -> Response:
    """Their sessions end at once."""
    recent(request, session, "/users")
    _not_oneself(session, name)
    who = visit(request)
    services(request).accounts.disable(name, actor=session.user.name, now=who.now, peer=who.peer)
    return RedirectResponse(f"/users?done=disabled&name={name}", 303)


@router.post("/users/{name}/enable")
def enable(request: Request, name: str, session: Managing) -> Response:
    """Back again."""
    recent(request, session, "/users")
    who = visit(request)
    accounts = services(request).accounts
    accounts.disable(name, actor=session.user.name, now=who.now, disabled=False, peer=who.peer)
    return RedirectResponse(f"/users?done=enabled&name={name}", 303)


@router.post("/users/{name}/unlock")
def unlock(request: Request, name: str, session: Managing) -> Response:
    """Forget failed logins."""
    who = visit(request)
    services(request).accounts.unlock(name, actor=session.user.name, now=who.now, peer=who.peer)
    return RedirectResponse(f"/users?done=unlocked&name={name}", 303)


@router.post("/users/{name}/reset")
def reset(request: Request, name: str, session: Managing, factors: Annotated[str, Form()] = "") -> Response:
    """A new set-up code, shown once."""
    recent(request, session, "/users")
    _not_oneself(session, name)
    who = visit(request)
    user, code = services(request).accounts.reset(
        name, actor=session.user.name, now=who.now, factors=factors == "1", peer=who.peer
    )
    return page(request, "setup_code.html", person=user, code=code, factors=factors == "1")
