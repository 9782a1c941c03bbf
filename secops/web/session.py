"""Who is asking: session cookie, CSRF token, and the guards every route stands behind.

The CSRF token is an HMAC under the session's own token, which only the browser's cookie and a hash in the records
know: it is bound to the session, needs no key of its own and outlives a restart of the server. Before login the same
holds for a short-lived cookie of the login page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Header, Request
from starlette.responses import Response

from secops.access.ports import Right, Session, User
from secops.errors import DeniedError
from secops.locale import _
from secops.siem.ports import Scope
from secops.web.services import Services

LOGIN_COOKIE = "secops_login"


class LoginNeededError(Exception):
    """Nobody is logged in, or the session has ended."""


def services(request: Request) -> Services:
    """The ports behind this app."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


def cookie_name(secure: bool) -> str:
    """``__Host-`` (RFC 6265bis) makes the browser refuse the cookie from other hosts, paths and plain HTTP."""
    return "__Host-secops" if secure else "secops"


def token_of(request: Request) -> str:
    """The session token the browser sent, or an empty text."""
    return request.cookies.get(cookie_name(services(request).secure), "")


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


def current(request: Request) -> Session:
    """The session of this request. What a page asks for by itself (``X-Background``) does not prolong it.

    Raises:
        LoginNeededError: there is none, or it has ended.
    """
    here = services(request)
    token = token_of(request)
    by_hand = request.headers.get("x-background") != "1"
    session = here.accounts.session(token, here.now(), touch=by_hand) if token else None
    if session is None:
        raise LoginNeededError
    request.state.session = session
    return session


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


def api_changes(right: Right) -> Callable[[Request, str], Session]:
    """The same for JSON, where the token comes in a header."""

    def guard(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> Session:
        session = current(request)
        check_csrf(token_of(request), x_csrf_token)
        return require(session, right)

    return guard
