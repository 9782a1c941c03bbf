"""Login, logout and the language switch."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Step
from secops.errors import DeniedError
from secops.locale import LANGUAGES, _
from secops.web.pages import page
from secops.web.security import LANGUAGE_COOKIE, YEAR
from secops.web.session import (
    LOGIN_COOKIE,
    LoginNeededError,
    begun,
    check_csrf,
    cookie_name,
    csrf_token,
    enter,
    local_path,
    onward,
    services,
    set_cookie,
    step_form,
    token_of,
    visit,
)

router = APIRouter()
LOGIN_SECONDS = 3600


def login_form(request: Request, *, status: int = 200, name: str = "", target: str = "", problem: str = "") -> Response:
    """The login page, with the secret of its own token in a cookie."""
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
        oidc=(here.settings.web.oidc.label or _("庁内の認証基盤")) if here.identity else "",
    )
    set_cookie(response, LOGIN_COOKIE, secret, secure=here.secure, seconds=LOGIN_SECONDS)
    return response


@router.get("/login")
def show_login(request: Request, next: str = "") -> Response:  # noqa: A002 - the name of the value in the address
    """The login page; whoever is logged in already goes on."""
    try:
        session = begun(request)
    except LoginNeededError:
        return login_form(request, target=next)
    return RedirectResponse(onward(session, next), 303)


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
) -> Response:
    """Check name and password; failures are slowed down and recorded by the accounts."""
    here, who = services(request), visit(request)
    try:
        check_csrf(request.cookies.get(LOGIN_COOKIE, ""), csrf)
        token, session = here.accounts.login(
            name.strip()[:64],
            password,
            peer=who.peer,
            now=who.now,
            demo_allowed=here.local_only,
            agent=who.agent,
            device=who.device,
        )
    except DeniedError as error:
        return login_form(request, status=403, name=name.strip()[:64], target=target, problem=str(error))
    if old := token_of(request):
        here.accounts.logout(old, here.now())
    response = enter(request, RedirectResponse(onward(session, target), 303), token)
    response.delete_cookie(LOGIN_COOKIE, path="/")
    return response


@router.post("/logout", dependencies=[Depends(step_form(*Step))])
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
