"""From a closed false positive to the exception that would have kept it away, with what it would have hidden."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.locale import _
from secops.siem.ports import Scope
from secops.siem.triage.exemption import WHO, accepted, check_verdict, document, last_day
from secops.siem.triage.preview import Preview, choices, preview
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem.trace import note

router = APIRouter()
DAYS = 30


def _show(
    request: Request,
    session: Session,
    alert_id: int,
    *,
    chosen: tuple[str, ...] = (),
    draft: Mapping[str, str] | None = None,
    shown: Preview | None = None,
    problem: SecopsError | None = None,
    written: str = "",
) -> Response:
    here, scope = services(request), scope_of(session.user)
    detail = here.desk.detail(alert_id, scope)
    check_verdict(detail.alert.verdict)
    return page(
        request,
        "exception.html",
        status=status_of(problem) if problem else 200,
        alert=detail.alert,
        fields=choices(detail.hits, WHO),
        chosen=chosen,
        draft={"owner": "", "reason": "", "expires": "", "sure": "", "why": "", **(draft or {})},
        shown=shown,
        problem=str(problem) if problem else "",
        written=written,
        days=DAYS,
    )


@router.get("/alerts/{alert_id}/exception")
def show_form(
    request: Request, alert_id: int, session: Annotated[Session, Depends(reads(Right.MAKE_EXCEPTIONS))]
) -> Response:
    """The form: which fields, who answers for it, why, until when."""
    return _show(request, session, alert_id)


@router.post("/alerts/{alert_id}/exception")
def act(
    request: Request,
    alert_id: int,
    session: Annotated[Session, Depends(changes(Right.MAKE_EXCEPTIONS))],
    fields: Annotated[list[str] | None, Form()] = None,
    owner: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    expires: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
    why: Annotated[str, Form()] = "",
    action: Annotated[str, Form()] = "preview",
) -> Response:
    """Show what it would have hidden, or write it; ``sure`` is the number of incidents that are hidden knowingly."""
    here, scope = services(request), scope_of(session.user)
    names = tuple(fields or ())
    draft = {"owner": owner, "reason": reason, "expires": expires, "sure": sure, "why": why}
    shown: Preview | None = None
    try:
        detail = here.desk.detail(alert_id, scope)
        rule = here.rule(detail.alert.rule_id)
        check_verdict(detail.alert.verdict)
        if rule is None:
            raise UsageError(_("アラート {id} のルールがないため、例外を作れません。").format(id=alert_id))
        offered = choices(detail.hits, WHO)
        chosen = {name: offered[name] for name in names if name in offered}
        if not chosen:
            raise UsageError(_("除外する項目が選ばれていません。一つ以上選んでください。"))
        # An exception hides for everybody, so it is held against everybody's hits; examples stay within the scope.
        shown = preview(here.work.kept_hits(rule.id, here.now() - timedelta(days=DAYS), Scope()), chosen)
        if scope != Scope():
            seen = {one.alert_id for one in here.work.kept_hits(rule.id, here.now() - timedelta(days=DAYS), scope)}
            shown.examples = [one for one in shown.examples if one[0] in seen]
        if action != "write":
            return _show(request, session, alert_id, chosen=names, draft=draft, shown=shown)
        incidents = accepted(shown.incidents, _count(sure), why, session.user.name)
        day = last_day(expires, here.now().date())
        number, text = document(
            detail.alert, rule, chosen, owner=owner, reason=reason, expires=day, incidents=incidents
        )
        written = here.write_exception(text, number)
        said = f"{rule.id} {', '.join(chosen)} {owner} {expires}: {reason}"
        said += f" [incidents: {incidents}]" if incidents else ""
        note(request, session, "exception.written", [alert_id], said)
    except SecopsError as error:
        here.desk.detail(alert_id, scope, hits=0)
        return _show(request, session, alert_id, chosen=names, draft=draft, shown=shown, problem=error)
    return _show(request, session, alert_id, chosen=names, draft=draft, shown=shown, written=written)


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
