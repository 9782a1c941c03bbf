"""The sheet as an Excel file, out and in again."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import InputError
from secops.isms.audit.filetypes import KINDS
from secops.isms.audit.form import LIMITS, form_of
from secops.isms.audit.form_import import take_form
from secops.locale import _
from secops.report.inspection_form import file_name, form_data, make_form
from secops.web.isms.inspection import Reading, sheet_page
from secops.web.isms.uploading import receive
from secops.web.isms.viewing import viewer_of
from secops.web.session import services
from secops.wiring.apart import sheets_apart

router = APIRouter()


@router.get("/inspection/{number}/form/xlsx")
def export(request: Request, number: int, session: Reading) -> Response:
    """The file, with the answers so far."""
    here = services(request)
    site = here.settings.site
    data = form_data(here.rounds, number, viewer_of(session.user), site=site.id, ward=site.name)
    name = quote(file_name(data.sheet), safe="")
    headers = {"content-disposition": f"attachment; filename=\"form.xlsx\"; filename*=UTF-8''{name}"}
    return Response(make_form(data), media_type=KINDS["xlsx"], headers=headers)


@router.post("/inspection/{number}/form", max_body_size=LIMITS.packed + (64 << 10))
async def bring_back(request: Request, number: int) -> Response:
    """Take what the file says; what was not taken is listed on the sheet's page, with its cell."""
    sent = await receive(request, Right.ANSWER_INSPECTION)
    return await run_in_threadpool(_take, request, sent.session, number, sent.file.name, sent.file.data)


def _take(request: Request, session: Session, number: int, name: str, data: bytes) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    sheet = here.rounds.sheet(number, viewer)
    try:
        form = form_of(sheets_apart(name, data, LIMITS), name)
        found = take_form(here.rounds, form, sheet, here.settings.site.id, viewer=viewer, now=here.now())
    except InputError as error:
        text = _("{name} を取り込めませんでした。").format(name=name[:80])
        whole = "\n".join(one.what for one in error.problems)
        return sheet_page(request, session, number, status=400, problem=f"{text}{whole}")
    return sheet_page(request, session, number, imported=found)
