"""Errors as pages: what happened, what is safe, what to do. For /api the same as JSON."""

from __future__ import annotations

import json
import logging
import secrets
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from secops.errors import (
    ConflictError,
    DeniedError,
    InputError,
    JournalError,
    NotFoundError,
    QueryError,
    SecopsError,
    StoreError,
    UsageError,
)
from secops.locale import _
from secops.web.pages import page
from secops.web.session import STEP_PATHS, ConfirmNeededError, LoginNeededError, StepNeededError

log = logging.getLogger("secops.web")

_STATUS: tuple[tuple[type[SecopsError], int], ...] = (
    (NotFoundError, 404),
    (DeniedError, 403),
    (ConflictError, 409),
    (UsageError, 400),
    (InputError, 400),
    (QueryError, 400),
    (StoreError, 503),
    (JournalError, 503),
)


def status_of(error: SecopsError) -> int:
    """The HTTP status of one of our errors."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def marked(text: str, problem: Exception | None) -> tuple[str, str, str] | None:
    """The query before, at and behind the place of a mistake, cut to what fits under the field."""
    at = getattr(problem, "at", None)
    if at is None or not text:
        return None
    at = min(at, len(text))
    before = text[max(0, at - 40) : at]
    return ("…" if at > 40 else "") + before, text[at : at + 1], text[at + 1 : at + 40]


def _title(status: int) -> str:
    titles = {
        400: _("入力を読み取れませんでした"),
        403: _("この操作はできません"),
        404: _("見つかりませんでした"),
        405: _("この操作はできません"),
        409: _("状態が変わっていたため、操作できませんでした"),
        413: _("送られたデータが大きすぎます"),
        503: _("データを読み出せませんでした"),
    }
    return titles.get(status) or _("画面を表示できませんでした")


def _advice(status: int) -> tuple[str, str]:
    """(what is safe, what to do)."""
    safe = _("変更はしていません。ログの収集と検知は続いています。")
    if status == 404:
        return safe, _("番号を確認するか、一覧から開いてください。閲覧できる系統・部署の外にある場合もあります。")
    if status == 403:
        return safe, _("画面を開き直してください。権限が必要なときは管理者に相談してください。")
    if status == 409:
        return safe, _("最新の状態を開いて、もう一度確認してください。")
    if status in {500, 503}:
        return (
            _("ログは失われていません。収集と検知は画面とは別に続いています。"),
            _("しばらくして開き直してください。続くときは、下の受付番号を管理者に伝えてください。"),
        )
    return safe, _("入力を確認して、もう一度操作してください。")


class Json(JSONResponse):
    """JSON in UTF-8; a lone surrogate, which UTF-8 does not have, becomes a question mark instead of an error."""

    def render(self, content: object) -> bytes:
        """The bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


def answer(request: Request, status: int, detail: str, number: str = "") -> Response:
    """The error page, or for /api its JSON."""
    if request.url.path.startswith("/api/"):
        return Json({"error": {"status": status, "title": _title(status), "detail": detail}}, status)
    safe, todo = _advice(status)
    return page(
        request,
        "error.html",
        status=status,
        title=_title(status),
        detail=detail,
        safe=safe,
        todo=todo,
        number=number,
    )


def _next(request: Request) -> str:
    """What a page was asked for, for the address of the login; empty for what was sent and for steps of a login."""
    path = request.url.path
    if request.method != "GET" or path == "/" or path.startswith("/login"):
        return ""
    return f"?next={quote(path + (f'?{request.url.query}' if request.url.query else ''))}"


def install(app: FastAPI) -> None:
    """Hang the handlers into the app."""

    @app.exception_handler(LoginNeededError)
    def login_needed(request: Request, _error: LoginNeededError) -> Response:
        if request.url.path.startswith("/api/"):
            return Json({"error": {"status": 401, "title": _("ログインしてください")}}, 401)
        return RedirectResponse(f"/login{_next(request)}", 303)

    @app.exception_handler(StepNeededError)
    def step_needed(request: Request, error: StepNeededError) -> Response:
        if request.url.path.startswith("/api/"):
            return Json({"error": {"status": 401, "title": _("ログインしてください")}}, 401)
        if error.step not in STEP_PATHS:
            return RedirectResponse("/", 303)
        return RedirectResponse(STEP_PATHS[error.step] + _next(request), 303)

    @app.exception_handler(ConfirmNeededError)
    def confirm_needed(_request: Request, error: ConfirmNeededError) -> Response:
        return RedirectResponse(f"/account/confirm?next={quote(error.target)}", 303)

    @app.exception_handler(SecopsError)
    def known(request: Request, error: SecopsError) -> Response:
        status = status_of(error)
        number = ""
        if status >= 500:
            number = secrets.token_hex(4)
            log.error("%s %s %s: %s", number, request.method, request.url.path, error)
        return answer(request, status, str(error), number)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, "")

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        # An id in the address that is no number names nothing that exists.
        if any(one["loc"][0] == "path" for one in error.errors()):
            return answer(request, 404, "")
        where = ", ".join(".".join(map(str, one["loc"][1:])) for one in error.errors())
        return answer(request, 400, _("次の項目を確認してください: {where}").format(where=where))

    @app.exception_handler(Exception)
    def unknown(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(4)
        log.error("%s %s %s", number, request.method, request.url.path, exc_info=error)
        return answer(request, 500, "", number)
