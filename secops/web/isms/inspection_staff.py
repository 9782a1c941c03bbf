"""The short sheet of the staff: a code instead of a login, counts instead of names."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from secops.errors import NotFoundError, UsageError
from secops.isms.audit.model import Verdict
from secops.isms.audit.sheets import ANSWERS
from secops.web.isms.inspection import LABELS, Confirming, catalogue_of, sheet_page
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import services

router = APIRouter()
PATH = "/inspection/staff"


def _code_page(request: Request, *, status: int = 200, problem: str = "", thanks: bool = False) -> Response:
    return page(request, "inspection_code.html", status=status, problem=problem, thanks=thanks)


@router.get(PATH)
def show_code(request: Request) -> Response:
    """Where somebody types the code they were given. Nobody is logged in here, and nothing of a ward is shown."""
    return _code_page(request)


@router.post(PATH)
async def answer(request: Request, code: Annotated[str, Form()] = "") -> Response:
    """The items that a code opens; with answers to all of them, a count more. The code is the only key."""
    sent = await request.form()
    return await run_in_threadpool(_answered, request, code[:40], {key: str(said) for key, said in sent.items()})


def _answered(request: Request, code: str, sent: dict[str, str]) -> Response:
    here = services(request)
    try:
        sheet = here.rounds.staff_sheet(code)
        answers = {item: sent.get(f"item-{item}", "") for item in sheet.items}
        known = {one.value for one in ANSWERS}
        verdicts = {item: Verdict(said) for item, said in answers.items() if said in known}
        if "send" in sent:
            here.rounds.staff_answer(code, verdicts, now=here.now())
            return _code_page(request, thanks=True)
    except NotFoundError as error:
        return _code_page(request, status=404, problem=str(error))
    except UsageError as error:
        return _form(request, code, answers, problem=error)
    return _form(request, code, answers)


def _form(request: Request, code: str, answers: dict[str, str], problem: UsageError | None = None) -> Response:
    here = services(request)
    sheet = here.rounds.staff_sheet(code)
    items = catalogue_of(here, sheet).by_id
    return page(
        request,
        "inspection_staff.html",
        status=status_of(problem) if problem else 200,
        sheet=sheet,
        code=code,
        items=[items[one] for one in sheet.items],
        answers=answers,
        problem=str(problem) if problem else "",
        **LABELS,
    )


@router.post("/inspection/{number}/codes")
def make_codes(request: Request, number: int, session: Confirming, count: Annotated[int, Form()] = 0) -> Response:
    """Codes to hand out, shown this once."""
    here = services(request)
    try:
        codes = here.rounds.make_codes(number, count, viewer=viewer_of(session.user), now=here.now())
    except UsageError as error:
        return sheet_page(request, session, number, status=400, problem=str(error))
    return sheet_page(request, session, number, codes=codes)
