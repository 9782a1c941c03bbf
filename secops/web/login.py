"""Login, logout and the language switch."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.errors import DeniedError
from secops.locale import LANGUAGES
from secops.web.pages import page
from secops.web.security import LANGUAGE_COOKIE, YEAR
from secops.web.session import (
    LOGIN_COOKIE,
    LoginNeededError,
    changes,
    check_csrf,
    cookie_name,
    csrf_token,
    current,
    services,
    set_cookie,
    token_of,
)

router = APIRouter()
LOGIN_SECONDS = 3600


def local_path(text: str) -> str:
    """An address to go on to, only if it is a path on this host; else the queue. Ends open redirects."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) < 1000:
        return text
    return "/alerts"


def _form(request: Request, *, status: int = 200, name: str = "", target: str = "", problem: str = "") -> Response:
    here = services(request)
    secret = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(32)
    response = page(
        request,
        "login.html",
        status=status,
        form_csrf=csrf_token(secret),
        name=name,
        target=target,
        problem=problem,
    )
    set_cookie(response, LOGIN_COOKIE, secret, secure=here.secure, seconds=LOGIN_SECONDS)
    return response


@router.get("/login")
def show_login(request: Request, next: str = "") -> Response:  # noqa: A002 - the name of the value in the address
    """The login page; whoever is logged in already goes on."""
    try:
        current(request)
    except LoginNeededError:
        return _form(request, target=next)
    return RedirectResponse(local_path(next), 303)


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
) -> Response:
    """Check name and password; failures are slowed down and recorded by the accounts."""
    here = services(request)
    peer = request.client.host if request.client else ""
    try:
        check_csrf(request.cookies.get(LOGIN_COOKIE, ""), csrf)
        token, _session = here.accounts.login(
            name.strip()[:64], password, peer=peer, now=here.now(), demo_allowed=here.local_only
        )
    except DeniedError as error:
        return _form(request, status=403, name=name.strip()[:64], target=target, problem=str(error))
    if old := token_of(request):
        here.accounts.logout(old, here.now())
    response = RedirectResponse(local_path(target), 303)
    set_cookie(response, cookie_name(here.secure), token, secure=here.secure)
    response.delete_cookie(LOGIN_COOKIE, path="/")
    return response


@router.post("/logout", dependencies=[Depends(changes(None))])
def logout(request: Request) -> Response:
    """End the session here and in the records."""
    here = services(request)
    here.accounts.logout(token_of(request), here.now())
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(here.secure), path="/", secure=here.secure, httponly=True, samesite="lax")
    return response


@router.post("/language")
def switch_language(
    request: Request, language: Annotated[str, Form()] = "ja", target: Annotated[str, Form()] = ""
) -> Response:
    """Remember the reader's language. It changes nothing but this browser, so it needs neither login nor token."""
    response = RedirectResponse(local_path(target), 303)
    chosen = language if language in LANGUAGES else "ja"
    set_cookie(response, LANGUAGE_COOKIE, chosen, secure=services(request).secure, seconds=YEAR)
    return response
