"""One's own account: password, second factors, recovery codes, and where one is logged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from secops.access.factors import address
from secops.access.ports import Session, Step
from secops.errors import DeniedError, UsageError
from secops.locale import _
from secops.web.pages import page
from secops.web.session import (
    changes,
    current,
    enter,
    local_path,
    onward,
    party,
    recent,
    services,
    step,
    step_form,
    visit,
)
from secops.web.steps import same

router = APIRouter()
DONE = {
    "password": "パスワードを変更しました。ほかの端末のログインは終わりました。",
    "totp": "認証アプリを登録しました。",
    "passkey": "パスキーを登録しました。",
    "totp-removed": "認証アプリの登録を外しました。",
    "passkey-removed": "パスキーの登録を外しました。",
    "ended": "ログインを終わらせました。",
}
Own = Annotated[Session, Depends(current)]
Changing = Annotated[Session, Depends(changes(None))]
SettingUp = Annotated[Session, Depends(step(Step.DONE, Step.ENROLL))]
SetUp = Annotated[Session, Depends(step_form(Step.DONE, Step.ENROLL))]


def _account(request: Request, session: Session, problem: str = "", status: int = 200) -> Response:
    here = services(request)
    user = session.user
    return page(
        request,
        "account.html",
        status=status,
        me=user,
        mine=session.id,
        sessions=here.accounts.sessions(user.name, here.now()),
        passkeys=here.accounts.passkeys(user.name),
        can_passkey=party(request) is not None,
        required=user.role.value in here.settings.web.second_factor and not user.demo,
        length=here.settings.web.password_length,
        done=DONE.get(request.query_params.get("done", "")),
        problem=problem,
    )


@router.get("/account")
def show_account(request: Request, session: Own) -> Response:
    """The page."""
    return _account(request, session)


@router.post("/account/password")
def change_password(
    request: Request,
    session: Changing,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """A new password; all other sessions end."""
    try:
        if session.user.external:
            raise UsageError(_("この利用者のパスワードは、庁内の認証基盤で変更してください。"))  # noqa: TRY301 - shown on the page as the others
        same(new, again)
        token, _renewed = services(request).accounts.change_password(session, old, new, visit(request))
    except (DeniedError, UsageError) as error:
        return _account(request, session, str(error), 403 if isinstance(error, DeniedError) else 400)
    return enter(request, RedirectResponse("/account?done=password", 303), token)


@router.get("/account/confirm")
def show_confirm(request: Request, session: Own, next: str = "/account") -> Response:  # noqa: A002 - as in the address
    """Ask for the password again, before something that a browser left open must not do."""
    return page(request, "confirm.html", who=session.user, target=next, problem="")


@router.post("/account/confirm")
def confirm(
    request: Request, session: Changing, password: Annotated[str, Form()] = "", target: Annotated[str, Form()] = ""
) -> Response:
    """Check it; the browser gets another token."""
    try:
        token, _renewed = services(request).accounts.confirm(session, password, visit(request))
    except DeniedError as error:
        return page(request, "confirm.html", status=403, who=session.user, target=target, problem=str(error))
    return enter(request, RedirectResponse(local_path(target), 303), token)


def _totp(request: Request, session: Session, target: str, problem: str = "") -> Response:
    import segno

    here = services(request)
    secret = here.accounts.begin_totp(session)
    place = address(secret, session.user.name, f"secops {here.settings.site.name}")
    code = segno.make(place, error="m", micro=False)
    # Dark on light with its quiet zone, in dark mode too: many cameras read nothing else.
    picture = code.svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", title=_("認証アプリに読み取らせる QR コード")
    )
    return page(
        request,
        "totp.html",
        status=400 if problem else 200,
        who=session.user,
        target=target,
        picture=Markup(picture),  # noqa: S704 - of the QR code's own squares; the title is ours
        secret=[secret[at : at + 4] for at in range(0, len(secret), 4)],
        problem=problem,
        first=session.step is Step.ENROLL,
    )


@router.get("/account/totp")
def show_totp(request: Request, session: SettingUp, next: str = "") -> Response:  # noqa: A002 - as in the address
    """The QR code, and where to type the first code."""
    recent(request, session, "/account/totp")
    return _totp(request, session, next)


@router.post("/account/totp")
def add_totp(
    request: Request, session: SetUp, code: Annotated[str, Form()] = "", target: Annotated[str, Form()] = ""
) -> Response:
    """Take the app in use."""
    recent(request, session, "/account/totp")
    try:
        token, renewed, codes = services(request).accounts.finish_totp(session, code[:100], visit(request))
    except UsageError as error:
        return _totp(request, session, target, str(error))
    return _added(request, token, renewed, codes, target or "/account?done=totp")


@router.post("/account/totp/remove")
def remove_totp(request: Request, session: Changing) -> Response:
    """Give the app up."""
    recent(request, session, "/account")
    services(request).accounts.drop_totp(session, visit(request))
    return RedirectResponse("/account?done=totp-removed", 303)


def _passkey(request: Request, session: Session, target: str, problem: str = "") -> Response:
    known = party(request)
    options = services(request).accounts.begin_passkey(session, known) if known else ""
    return page(
        request,
        "passkey.html",
        status=403 if problem else 200,
        who=session.user,
        target=target,
        options=options,
        problem=problem,
        first=session.step is Step.ENROLL,
    )


@router.get("/account/passkey")
def show_passkey(request: Request, session: SettingUp, next: str = "") -> Response:  # noqa: A002 - as in the address
    """Name a passkey and make it."""
    recent(request, session, "/account/passkey")
    return _passkey(request, session, next)


@router.post("/account/passkey")
def add_passkey(
    request: Request,
    session: SetUp,
    name: Annotated[str, Form()] = "",
    credential: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
) -> Response:
    """Keep what the browser made."""
    recent(request, session, "/account/passkey")
    known = party(request)
    if known is None:
        return RedirectResponse("/account/passkey", 303)
    try:
        token, renewed, codes = services(request).accounts.finish_passkey(
            session, known, name, credential, visit(request)
        )
    except DeniedError as error:
        return _passkey(request, session, target, str(error))
    return _added(request, token, renewed, codes, target or "/account?done=passkey")


@router.post("/account/passkey/remove")
def remove_passkey(request: Request, session: Changing, passkey: Annotated[str, Form()] = "") -> Response:
    """Give a passkey up."""
    recent(request, session, "/account")
    services(request).accounts.drop_passkey(session, passkey, visit(request))
    return RedirectResponse("/account?done=passkey-removed", 303)


def _added(request: Request, token: str, session: Session, codes: Sequence[str], target: str) -> Response:
    """After a factor was added: the recovery codes where there are new ones, else onwards."""
    if not codes:
        return enter(request, RedirectResponse(onward(session, target), 303), token)
    return _codes(request, session, codes, onward(session, target), token)


def _codes(request: Request, session: Session, codes: Sequence[str], after: str, token: str = "") -> Response:
    request.state.session = request.state.begun = session
    if token:
        request.state.token = token
    answer = page(request, "recovery.html", codes=codes, after=after)
    return enter(request, answer, token) if token else answer


@router.post("/account/recovery")
def new_recovery(request: Request, session: Changing) -> Response:
    """A new set of recovery codes, shown once."""
    recent(request, session, "/account")
    codes = services(request).accounts.new_recovery(session, visit(request))
    return _codes(request, session, codes, "/account")


@router.post("/account/sessions/end")
def end_session(request: Request, session: Changing, which: Annotated[str, Form()] = "") -> Response:
    """End one of one's own sessions."""
    services(request).accounts.end_session(session.user.name, which, visit(request))
    return RedirectResponse("/account?done=ended#sessions", 303)


@router.post("/account/sessions/end-others")
def end_others(request: Request, session: Changing) -> Response:
    """End all of them but this one."""
    services(request).accounts.end_others(session, visit(request))
    return RedirectResponse("/account?done=ended#sessions", 303)
