"""The console as an ASGI app. No logic of its own: it joins routes, guards and headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.types import Scope as AsgiScope

from secops.web import account, audit_log, login, notify, problems, sso, steps, users
from secops.web.isms import (
    audit_drafting,
    audit_plans,
    audit_staffing,
    calendar,
    compare,
    evidence,
    exceptions,
    findings,
    gap,
    guideline,
    heatmap,
    impact,
    inspection,
    inspection_files,
    inspection_form,
    inspection_staff,
    items,
    papers,
    policy,
    policy_document,
    policy_draft,
    policy_publish,
    policy_word,
    registers,
    reminding,
    reports,
)
from secops.web.menu import home_of
from secops.web.pages import STATIC
from secops.web.security import YEAR, Armour
from secops.web.services import Services
from secops.web.session import QUEUE, LoginNeededError, StepNeededError, current
from secops.web.siem import (
    alert,
    api,
    bonds,
    bulk,
    events,
    exception,
    queue,
    report,
    review,
    rules,
    saved,
    search,
    sources,
    stream,
    zones,
)

# Pages of the policy and audit wing; the first ones lie below the address of a later one.
ISMS = (
    inspection_staff,
    inspection_files,
    inspection_form,
    inspection,
    audit_drafting,
    audit_plans,
    audit_staffing,
    calendar,
    compare,
    evidence,
    exceptions,
    findings,
    gap,
    guideline,
    heatmap,
    impact,
    items,
    papers,
    policy,
    policy_document,
    policy_draft,
    policy_publish,
    policy_word,
    registers,
    reminding,
    reports,
)

MAX_BODY = 256 * 1024  # the largest form is a note; a route that takes more says how much


class _Static(StaticFiles):
    """Static files carry a mark of their content in the address, so browsers may keep them."""

    async def get_response(self, path: str, scope: AsgiScope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["cache-control"] = f"public, max-age={YEAR}, immutable"
        return response


class Console(FastAPI):
    """A FastAPI app in its armour: outside of everything else, so that error pages and refusals carry it too."""

    def build_middleware_stack(self) -> ASGIApp:
        """The stack of FastAPI, wrapped."""
        return Armour(super().build_middleware_stack(), self.state.services.settings.web)


def create_app(services: Services) -> FastAPI:
    """The console over these ports. Documentation pages of the API are off: they would load scripts from elsewhere."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with stream.pulse(services) as pulse:
            app.state.pulse = pulse
            yield

    app = Console(
        title="secops", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life, max_body_size=MAX_BODY
    )
    app.state.services = services
    app.mount("/static", _Static(directory=STATIC), name="static")
    for part in (login, steps, sso, account, users, audit_log, notify):
        app.include_router(part.router)
    for part in (bulk, review, saved, bonds, exception):  # before `alert`, whose addresses end in a number
        app.include_router(part.router)
    for part in (report, queue, alert, search, events, rules, sources, zones, stream, api):
        app.include_router(part.router)
    for part in ISMS:
        app.include_router(part.router)
    problems.install(app)

    @app.get("/")
    def home(request: Request) -> Response:
        try:
            return RedirectResponse(home_of(current(request).user), 303)
        except (LoginNeededError, StepNeededError):
            return RedirectResponse(QUEUE, 303)  # which leads to the login

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the console answers and its records can be read; says nothing else to anyone."""
        services.desk.changes(queue.NEWEST)
        return PlainTextResponse("ok")

    return app
