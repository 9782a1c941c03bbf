"""Logging in through the ward's identity provider: to it, and back with its answer."""

from __future__ import annotations

import base64
import binascii
import secrets

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from secops.access.oidc import IdentityProvider, fits, refused
from secops.errors import DeniedError, NotFoundError
from secops.locale import _
from secops.web.login import login_form
from secops.web.session import enter, local_path, onward, services, set_cookie, token_of, visit

router = APIRouter()
COOKIE = "secops_oidc"
SECONDS = 600  # to log in at the provider
CALLBACK = "/login/oidc/callback"


def _provider(request: Request) -> IdentityProvider:
    found = services(request).identity
    if found is None:
        raise NotFoundError(_("庁内の認証基盤によるログインは設定されていません。"))
    return found


def _redirect(request: Request) -> str:
    """Our address as the browser knows it; the host was checked against the allowed ones."""
    scheme = "https" if services(request).secure else "http"
    return f"{scheme}://{request.headers['host'].lower()}{CALLBACK}"


@router.get("/login/oidc")
def begin(request: Request, next: str = "") -> Response:  # noqa: A002 - as in the address
    """Send the browser to the provider, with a secret that only this browser brings back."""
    provider, secret = _provider(request), secrets.token_urlsafe(32)
    try:
        there = provider.begin(secret, _redirect(request))
    except DeniedError as error:
        return login_form(request, status=503, target=next, problem=str(error))
    response = RedirectResponse(there, 303)
    target = base64.urlsafe_b64encode(local_path(next).encode("utf-8", "replace")).decode()
    set_cookie(response, COOKIE, f"{secret}.{target}", secure=services(request).secure, seconds=SECONDS)
    return response


@router.get(CALLBACK)
def come_back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Check the answer and open a session."""
    provider, here, who = _provider(request), services(request), visit(request)
    secret, _dot, rest = request.cookies.get(COOKIE, "").partition(".")
    target = _target(rest)
    try:
        if not fits(secret, state):
            raise refused(_("このブラウザから始めたログインではありません"))
        if error or not code:
            raise refused(_("認証基盤でログインが完了しませんでした"))
        identity = provider.finish(secret, _redirect(request), code, who.now)
        token, session = here.accounts.login_external(identity, who, make=provider.makes_users)
    except DeniedError as denied:
        response = login_form(request, status=403, target=target, problem=str(denied))
        response.delete_cookie(COOKIE, path="/")
        return response
    if old := token_of(request):
        here.accounts.logout(old, here.now())
    response = enter(request, RedirectResponse(onward(session, target), 303), token)
    response.delete_cookie(COOKIE, path="/")
    return response


def _target(text: str) -> str:
    try:
        return local_path(base64.urlsafe_b64decode(text.encode()).decode())
    except (binascii.Error, ValueError):
        return local_path("")
