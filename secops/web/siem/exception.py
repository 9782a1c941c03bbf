"""From a closed false positive to the exception that would have kept it away, with what it would have hidden."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from secops.access.ports import AuditEntry, Right, Session
from secops.errors import SecopsError, UsageError
from secops.locale import _
from secops.siem.ports import Scope
from secops.siem.triage.exemption import WHO, check_verdict, document, last_day
from secops.siem.triage.preview import Preview, choices, preview
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services

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
        draft={"owner": "", "reason": "", "expires": "", **(draft or {})},
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
    action: Annotated[str, Form()] = "preview",
) -> Response:
    """Show what it would have hidden, or write it."""
    here, scope = services(request), scope_of(session.user)
    names, draft = tuple(fields or ()), {"owner": owner, "reason": reason, "expires": expires}
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
        number, text = document(
            detail.alert, rule, chosen, owner=owner, reason=reason, expires=last_day(expires, here.now().date())
        )
        written = here.write_exception(text, number)
        peer = request.client.host if request.client else ""
        said = f"{rule.id} {', '.join(chosen)} {owner} {expires}: {reason}"
        here.accounts.record(
            AuditEntry(
                here.now(),
                session.user.name,
                "exception.written",
                str(alert_id),
                peer,
                said[:2000],
                zone=detail.alert.zone or "",
                department=detail.alert.department or "",
            )
        )
    except SecopsError as error:
        here.desk.detail(alert_id, scope, hits=0)
        return _show(request, session, alert_id, chosen=names, draft=draft, shown=shown, problem=error)
    return _show(request, session, alert_id, chosen=names, draft=draft, shown=shown, written=written)
