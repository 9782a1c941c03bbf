"""Templates to answers: one Jinja environment, one `page` function that every route ends with."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from secops.access.ports import ROLE_LABELS, Right
from secops.locale import gettext, language
from secops.notify.rota import order
from secops.report import text
from secops.schema.severity import Severity
from secops.siem.ports import STATE_LABELS, VERDICT_LABELS
from secops.web import words
from secops.web.isms import tabs
from secops.web.menu import MENU
from secops.web.session import csrf_token, services, token_of

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


@cache
def static_url(name: str) -> str:
    """The address of a static file with a mark of its content, so that browsers may keep it for long."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={mark}"


def severity_mark(severity: Severity, solid: bool = True) -> Markup:
    """Shape, word and colour of a severity; the shape is for the eye only."""
    return _mark(severity, gettext(severity.label), solid)


@cache
def _mark(severity: Severity, label: str, solid: bool) -> Markup:
    kind = f"sev sev-{severity.code}" + (" solid" if solid else "")
    return Markup('<span class="{}"><i aria-hidden="true">{}</i>{}</span>').format(kind, severity.mark, label)


@cache
def environment() -> Environment:
    """The Jinja environment: everything is escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # they come with the program; to look at each file for every page costs more than it gives
    )
    made.globals.update(
        _=gettext,
        static=static_url,
        severity=severity_mark,
        words=words,
        menu=MENU,
        tabs=tabs,
        Right=Right,
        Severity=Severity,
        ROLE_LABELS=ROLE_LABELS,
        STATE_LABELS=STATE_LABELS,
        VERDICT_LABELS=VERDICT_LABELS,
        language=language,
    )
    made.filters.update(visible=text.visible, plain=text.plain, flat=text.flat, num="{:,}".format)
    return made


def warm() -> None:
    """Compile what a desk opens all the time, once: else everybody who comes first would do it at the same moment."""
    for name in ("base.html", "queue.html", "alert.html", "events.html", "sources.html", "login.html"):
        environment().get_template(name)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Every template sees ``user`` (or None), ``on_duty``, ``csrf``, ``now``, ``site`` and ``zone_label``."""
    here = services(request)
    notify = here.settings.notify
    session = getattr(request.state, "session", None)
    begun = getattr(request.state, "begun", None)
    token = token_of(request)
    body = (
        environment()
        .get_template(template)
        .render(
            user=session.user if session else None,
            csrf=csrf_token(token) if begun and token else "",
            now=here.now(),
            on_duty=order(notify, here.now())[0].name if session and notify.enabled else "",
            site=here.settings.site.name,
            zone_label=here.zone_label,
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            **values,
        )
    )
    # A lone surrogate can only come from a value that is not shown by `visible`; it must not break the whole page.
    return HTMLResponse(body.encode("utf-8", "replace"), status_code=status)
