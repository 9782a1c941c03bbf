"""The users of the console, for administrators: who they are, what they may see, and a way back in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Access, Right, Role, Session, User
from secops.errors import ConflictError, SecopsError, UsageError
from secops.locale import _
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, recent, services, visit

router = APIRouter()
DONE = {
    "disabled": "「{name}」を停止しました。ログイン中だった場合は、すぐに切れています。",
    "enabled": "「{name}」の停止を取り消しました。",
    "changed": "「{name}」の役割と範囲を変えました。権限か範囲が減った場合は、ログインを終わらせています。",
    "unlocked": "「{name}」の失敗の記録を消しました。すぐにログインできます。",
}
ALL = "*"  # all zones or all departments, in the form
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


@router.get("/users/{name}/change", dependencies=[Depends(reads(Right.MANAGE_USERS))])
def show_change(request: Request, name: str) -> Response:
    """The form to change role and scope."""
    person = services(request).accounts.user(name)
    return _change_page(request, person, person.role.value, person.access)


def _change_page(
    request: Request, person: User, role: str, chosen: Access, problem: SecopsError | None = None
) -> Response:
    here = services(request)
    zones, departments = here.settings.zones, here.departments()
    return page(
        request,
        "user_change.html",
        status=status_of(problem) if problem else 200,
        person=person,
        role=role,
        zones=list(dict.fromkeys([*zones, *sorted(person.access.zones or ())])),
        departments=list(dict.fromkeys([*departments, *sorted(person.access.departments or ())])),
        chosen_zones=chosen.zones,
        chosen_departments=chosen.departments,
        mapped=bool(here.settings.web.oidc.roles),
        problem=str(problem) if problem else "",
    )


@router.post("/users/{name}/change")
def change(
    request: Request,
    name: str,
    session: Managing,
    role: Annotated[str, Form()] = "",
    zones: Annotated[list[str], Form()] = [],  # noqa: B006 - never changed; FastAPI copies it
    departments: Annotated[list[str], Form()] = [],  # noqa: B006 - as above
) -> Response:
    """Another role or scope; sessions end where the person can do or see less."""
    recent(request, session, f"/users/{quote(name)}/change")
    person = services(request).accounts.user(name)
    if session.user.name == name:
        raise ConflictError(_("自分自身の役割と範囲は変えられません。別の管理者に頼んでください。"))
    who = visit(request)
    chosen = Access(_chosen(zones), _chosen(departments))
    try:
        _check(request, person, role, zones, departments)
        services(request).accounts.change(
            name, role=Role(role), access=chosen, actor=session.user.name, now=who.now, peer=who.peer
        )
    except SecopsError as error:
        return _change_page(request, person, role, chosen, error)
    return RedirectResponse(f"/users?done=changed&name={quote(name)}", 303)


def _chosen(names: list[str]) -> frozenset[str] | None:
    return None if names == [ALL] else frozenset(names) - {ALL}


def _check(request: Request, person: User, role: str, zones: list[str], departments: list[str]) -> None:
    """Refuse what our form does not send, and what could be meant in two ways."""
    here = services(request)
    known_zones = {*here.settings.zones, *(person.access.zones or ())}
    known_departments = {*here.departments(), *(person.access.departments or ())}
    if role not in set(Role):
        raise UsageError(_("役割を選んでください。"))
    for names, known in ((zones, known_zones), (departments, known_departments)):
        if not names or (ALL in names and len(names) > 1):
            raise UsageError(_("系統も課も、「すべて」か、見てよいものか、どちらかを選んでください。"))
        if ALL not in names and not set(names) <= known:
            raise UsageError(_("一覧にない系統または課が選ばれています。選び直してください。"))


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
