"""What comes between a right password and the console: the second factor, the first password, setting a factor up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Session, Step
from secops.errors import DeniedError, UsageError
from secops.locale import _
from secops.web.pages import page
from secops.web.session import enter, onward, party, services, step, step_form, visit

router = APIRouter()
Choosing = Annotated[Session, Depends(step(Step.PASSWORD))]
Chosen = Annotated[Session, Depends(step_form(Step.PASSWORD))]
Proving = Annotated[Session, Depends(step(Step.FACTOR))]
Proved = Annotated[Session, Depends(step_form(Step.FACTOR))]


def _password(request: Request, session: Session, target: str, problem: str = "") -> Response:
    length = services(request).settings.web.password_length
    status = 400 if problem else 200
    return page(
        request, "step_password.html", status=status, who=session.user, target=target, problem=problem, length=length
    )


@router.get("/login/password")
def show_password(request: Request, session: Choosing, next: str = "") -> Response:  # noqa: A002 - as in the address
    """Choose the first password, or a new one after a reset."""
    return _password(request, session, next)


@router.post("/login/password")
def choose_password(
    request: Request,
    session: Chosen,
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
) -> Response:
    """Keep it; the set-up code is worth nothing from here on."""
    try:
        same(new, again)
        token, renewed = services(request).accounts.choose_password(session, new, visit(request))
    except UsageError as error:
        return _password(request, session, target, str(error))
    return enter(request, RedirectResponse(onward(renewed, target), 303), token)


def same(new: str, again: str) -> None:
    """Refuse a password that was typed in two ways."""
    if new != again:
        raise UsageError(_("2 回の入力が一致しません。もう一度入力してください。"))


def _factor(request: Request, session: Session, target: str, problem: str = "") -> Response:
    here, known = services(request), party(request)
    options = here.accounts.ask_passkey(session, known) if session.user.passkeys and known else ""
    status = 403 if problem else 200
    return page(
        request, "step_factor.html", status=status, who=session.user, target=target, problem=problem, options=options
    )


@router.get("/login/factor")
def show_factor(request: Request, session: Proving, next: str = "") -> Response:  # noqa: A002 - as in the address
    """Ask for the second factor."""
    return _factor(request, session, next)


@router.post("/login/factor")
def give_code(
    request: Request, session: Proved, code: Annotated[str, Form()] = "", target: Annotated[str, Form()] = ""
) -> Response:
    """A code of the app, or a recovery code."""
    try:
        token, renewed = services(request).accounts.pass_code(session, code[:100], visit(request))
    except DeniedError as error:
        return _factor(request, session, target, str(error))
    return enter(request, RedirectResponse(onward(renewed, target), 303), token)


@router.post("/login/factor/passkey")
def give_passkey(
    request: Request, session: Proved, credential: Annotated[str, Form()] = "", target: Annotated[str, Form()] = ""
) -> Response:
    """What a passkey signed."""
    known = party(request)
    try:
        if known is None:
            return RedirectResponse("/login/factor", 303)
        token, renewed = services(request).accounts.pass_passkey(session, known, credential, visit(request))
    except DeniedError as error:
        return _factor(request, session, target, str(error))
    return enter(request, RedirectResponse(onward(renewed, target), 303), token)


@router.get("/login/enroll")
def show_enroll(
    request: Request,
    session: Annotated[Session, Depends(step(Step.ENROLL))],
    next: str = "",  # noqa: A002 - as in the address
) -> Response:
    """The role needs a second factor: choose which kind."""
    can = party(request) is not None
    return page(request, "step_enroll.html", who=session.user, target=next, passkeys=can, problem="")
