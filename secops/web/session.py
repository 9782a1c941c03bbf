"""Who is asking: session cookie, CSRF token, and the guards every route stands behind.

The CSRF token is an HMAC under the session's own token, which only the browser's cookie and a hash in the records
know: it is bound to the session, needs no key of its own and outlives a restart of the server. Before login the same
holds for a short-lived cookie of the login page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Header, Request
from starlette.responses import Response

from secops.access.ports import Party, Right, Session, Step, User, Visit
from secops.errors import DeniedError
from secops.locale import _
from secops.settings_values import is_address
from secops.siem.ports import Scope
from secops.web.menu import home_of
from secops.web.services import Services

QUEUE = "/alerts"
LOGIN_COOKIE = "secops_login"
DEVICE_LASTS = timedelta(days=400)  # as long as browsers keep a cookie; the accounts forget an unused one sooner
RECENT = timedelta(minutes=15)  # how long after showing who one is one may change how one logs in
STEP_PATHS = {Step.FACTOR: "/login/factor", Step.PASSWORD: "/login/password", Step.ENROLL: "/login/enroll"}


class LoginNeededError(Exception):
    """Nobody is logged in, or the session has ended."""


class StepNeededError(Exception):
    """Somebody has logged in as far as this step, and not further; DONE: there is no step left to take."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


class ConfirmNeededError(Exception):
    """The login is too long ago for what is asked for; ``target`` is where to go on afterwards."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


def services(request: Request) -> Services:
    """The ports behind this app."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


def cookie_name(secure: bool) -> str:
    """``__Host-`` (RFC 6265bis) makes the browser refuse the cookie from other hosts, paths and plain HTTP."""
    return "__Host-secops" if secure else "secops"


def device_cookie(secure: bool) -> str:
    """What a browser shows that somebody has logged in with it before; it stays when they log out."""
    return "__Host-secops-device" if secure else "secops_device"


def token_of(request: Request) -> str:
    """The session token the browser sent, or the one this answer gives it; an empty text where there is none."""
    fresh: str = getattr(request.state, "token", "")
    return fresh or request.cookies.get(cookie_name(services(request).secure), "")


def set_cookie(response: Response, name: str, value: str, *, secure: bool, seconds: int | None = None) -> None:
    """A cookie that scripts cannot read and other sites cannot send along with a form."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def csrf_token(secret: str) -> str:
    """The token that forms of the holder of this secret carry."""
    return hmac.new(secret.encode("utf-8", "replace"), b"secops form", hashlib.sha256).hexdigest()


def check_csrf(secret: str, given: str) -> None:
    """Refuse a form that was not made for this session.

    Raises:
        DeniedError: the token is missing or belongs to another session.
    """
    expected = csrf_token(secret).encode()
    if not secret or not hmac.compare_digest(expected, given.encode("utf-8", "replace")):
        raise DeniedError(_("画面が古くなっています。変更はしていません。画面を開き直して、もう一度操作してください。"))


def begun(request: Request) -> Session:
    """The session of this request, at whatever step. What a page asks for by itself (``X-Background``) is no use of it.

    Raises:
        LoginNeededError: there is none, or it has ended.
    """
    here = services(request)
    token = token_of(request)
    by_hand = request.headers.get("x-background") != "1"
    session = here.accounts.session(token, here.now(), touch=by_hand) if token else None
    if session is None:
        raise LoginNeededError
    request.state.begun = session
    return session


def current(request: Request) -> Session:
    """The session of someone who has taken all steps of the login.

    Raises:
        LoginNeededError: there is none, or it has ended.
        StepNeededError: something has to be done first.
    """
    session = begun(request)
    if session.step is not Step.DONE:
        raise StepNeededError(session.step)
    request.state.session = session
    return session


def visit(request: Request) -> Visit:
    """Who asks, as far as the network tells."""
    here = services(request)
    peer = request.client.host if request.client else ""
    device = request.cookies.get(device_cookie(here.secure), "")[:100]
    return Visit(peer, request.headers.get("user-agent", ""), here.now(), device)


def party(request: Request) -> Party | None:
    """The console as this browser sees it; None where browsers have no passkeys: under a number, or without TLS."""
    here = services(request)
    host = request.headers.get("host", "").lower()
    name = host.partition(":")[0]
    if host.startswith("[") or not name or is_address(name) or not (here.secure or name == "localhost"):
        return None
    return Party(name, f"secops {here.settings.site.name}", f"{'https' if here.secure else 'http'}://{host}")


def enter(request: Request, response: Response, token: str) -> Response:
    """Give the browser the token of its session, and, once somebody is wholly logged in, one as a device of theirs."""
    here, who = services(request), visit(request)
    set_cookie(response, cookie_name(here.secure), token, secure=here.secure)
    session = here.accounts.session(token, who.now, touch=False)
    if session and (device := here.accounts.remember(session, who)):
        seconds = int(DEVICE_LASTS.total_seconds())
        set_cookie(response, device_cookie(here.secure), device, secure=here.secure, seconds=seconds)
    return response


def onward(session: Session, target: str) -> str:
    """Where somebody goes next: the next step of the login, or what they wanted (a path on this host)."""
    if session.step is Step.DONE:
        path = local_path(target)
        return home_of(session.user) if path == QUEUE else path
    return STEP_PATHS[session.step] + (f"?next={quote(target)}" if local_path(target) == target else "")


def local_path(text: str) -> str:
    """An address to go on to, only if it is a path on this host; else the queue. Ends open redirects."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) < 1000:
        return text
    return QUEUE


def scope_of(user: User) -> Scope:
    """What this user may see, in the words of the stores."""
    return Scope(user.access.zones, user.access.departments)


def require(session: Session, right: Right) -> Session:
    """Pass a session that has the right.

    Raises:
        DeniedError: the role does not have it.
    """
    if not session.user.may(right):
        raise DeniedError(_("この操作をする権限がありません。必要なときは管理者に相談してください。"))
    return session


def reads(right: Right) -> Callable[[Request], Session]:
    """A guard for pages: logged in, with the right."""

    def guard(request: Request) -> Session:
        return require(current(request), right)

    return guard


def changes(right: Right | None) -> Callable[[Request, str], Session]:
    """A guard for forms: logged in, with the right (None: any), and sent by our own page."""

    def guard(request: Request, csrf: Annotated[str, Form()] = "") -> Session:
        session = current(request)
        check_csrf(token_of(request), csrf)
        return session if right is None else require(session, right)

    return guard


def step(*steps: Step) -> Callable[[Request], Session]:
    """A guard for pages of the login itself: only at these steps."""

    def guard(request: Request) -> Session:
        session = begun(request)
        if session.step not in steps:
            raise StepNeededError(session.step)
        if session.step is Step.DONE:
            request.state.session = session
        return session

    return guard


def step_form(*steps: Step) -> Callable[[Request, str], Session]:
    """The same for their forms, sent by our own page."""
    at = step(*steps)

    def guard(request: Request, csrf: Annotated[str, Form()] = "") -> Session:
        begun(request)
        check_csrf(token_of(request), csrf)
        return at(request)

    return guard


def recent(request: Request, session: Session, target: str) -> None:
    """Refuse a change of how one logs in from a browser that was left open.

    Raises:
        ConfirmNeededError: the person showed who they are longer than `RECENT` ago.
    """
    if session.step is not Step.DONE:
        return
    if session.confirmed is None or services(request).now() - session.confirmed > RECENT:
        raise ConfirmNeededError(target)


def api_changes(right: Right) -> Callable[[Request, str], Session]:
    """The same for JSON, where the token comes in a header."""

    def guard(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> Session:
        session = current(request)
        check_csrf(token_of(request), x_csrf_token)
        return require(session, right)

    return guard
