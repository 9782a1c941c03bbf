"""Evidence of the self-inspection: uploads that are refused early, downloads that no browser opens by itself."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.isms.audit.filetypes import KINDS, MAX_FILE
from secops.isms.audit.ports import Viewer
from secops.isms.audit.sheets import EvidenceFile
from secops.locale import _
from secops.web.isms.inspection import Answering, item_page
from secops.web.isms.uploading import receive
from secops.web.isms.viewing import viewer_of
from secops.web.services import Services
from secops.web.session import current, require, services

router = APIRouter()
MAX_UPLOAD = MAX_FILE + (64 << 10)  # a file with the fields of its form


@router.post("/inspection/{number}/{item}/files", max_body_size=MAX_UPLOAD)
async def add_file(request: Request, number: int, item: str) -> Response:
    """Judge the file, put it away, note it."""
    sent = await receive(request, Right.ANSWER_INSPECTION)
    return await run_in_threadpool(_keep, request, sent.session, number, item, sent.file.name, sent.file.data)


def _keep(request: Request, session: Session, number: int, item: str, name: str, data: bytes) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    here.rounds.sheet(number, viewer)  # who may not see the sheet fills no disk
    try:
        kept = here.files.keep(name, data)
        here.rounds.add_file(number, item, kept, viewer=viewer, now=here.now())
    except UsageError as error:
        return item_page(request, session, number, item, problem=error)
    return RedirectResponse(f"/inspection/{number}/{item}?done=added#files", 303)


@router.get("/inspection/{number}/files/{file}")
def get_file(request: Request, number: int, file: int) -> Response:
    """A version, to be saved: for the department, and for who audits it."""
    session = current(request)
    if not session.user.may(Right.SEE_AUDIT):
        require(session, Right.ANSWER_INSPECTION)
    here = services(request)
    found = _file(here, number, file, viewer_of(session.user))
    data = here.files.read(found.sha256)
    name = quote(found.name, safe="")
    headers = {"content-disposition": f"attachment; filename=\"evidence.{found.kind}\"; filename*=UTF-8''{name}"}
    return Response(data, media_type=KINDS.get(found.kind, "application/octet-stream"), headers=headers)


def _file(here: Services, number: int, file: int, viewer: Viewer) -> EvidenceFile:
    """A version of a file, under the address of its own sheet alone."""
    found = here.rounds.file(file, viewer)
    if found.sheet != number:
        raise NotFoundError(_("証拠 {number} はありません。").format(number=file))
    return found


@router.post("/inspection/{number}/files/{file}/withdraw")
def withdraw(
    request: Request, number: int, file: int, session: Answering, reason: Annotated[str, Form()] = ""
) -> Response:
    """Say that it counts no more."""
    here, viewer = services(request), viewer_of(session.user)
    found = _file(here, number, file, viewer)
    try:
        here.rounds.withdraw_file(file, reason, viewer=viewer, now=here.now())
    except SecopsError as error:
        return item_page(request, session, found.sheet, found.item, problem=error)
    return RedirectResponse(f"/inspection/{found.sheet}/{found.item}?done=withdrawn#files", 303)
