"""Papers of the audit: what was released for who may read it, drafts for auditors, releasing for the one who leads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import InputError, Problem, SecopsError, UsageError
from secops.isms.audit.figures import departments_of
from secops.isms.audit.paper_style import PAPER_LABELS, PaperKind
from secops.isms.audit.releases import Edited, ReleaseRequest
from secops.isms.clauses.word_package import MAX_FILE
from secops.locale import _
from secops.web.isms.heatmap import reader_of, year_asked
from secops.web.isms.uploading import Upload, receive
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()
FORMATS: Mapping[str, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMAT_LABELS = {"docx": "Word", "pdf": "PDF", "xlsx": "Excel(採点表)"}
LONGEST = 60  # characters of a document number
TYPED = ("department", "number", "decided", "retention", "replaces")  # in the order of `ReleaseRequest`
LARGEST = MAX_FILE >> 20  # MB of an edited paper; its PDF may have as much
MAX_UPLOAD = 2 * MAX_FILE + (64 << 10)
_ONE = threading.Lock()  # checking an edited paper may take a gigabyte: one at a time


def _list(
    request: Request,
    session: Session,
    *,
    problem: SecopsError | None = None,
    faults: Sequence[Problem] = (),
    asked: ReleaseRequest | None = None,
    said: str = "",
) -> Response:
    papers, reader = services(request).papers, reader_of(session)
    year = asked.year if asked else year_asked(request.query_params.get("year", ""))
    may_make = session.user.may(Right.AUDIT)
    book = papers.book(year, reader) if may_make else None
    return page(
        request,
        "reports.html",
        status=status_of(problem) if problem else 200,
        released=papers.releases(reader),
        years=papers.years() if may_make else [],
        book=book,
        departments=[(code, book.names.get(code, code)) for code in departments_of(book)] if book else [],
        kinds=PAPER_LABELS,
        formats=FORMAT_LABELS,
        problem=str(problem) if problem and not isinstance(problem, InputError) else "",
        faults=problem.problems if isinstance(problem, InputError) else faults,
        asked=asked or ReleaseRequest(PaperKind.REPORT, year),
        said=said or _said(request),
        may_make=may_make,
        converts=papers.converts,
        largest=LARGEST,
        may_release=session.user.may(Right.LEAD_AUDIT),
    )


def _said(request: Request) -> str:
    number = request.query_params.get("released", "")[:20]
    return _("{number} として発行しました。").format(number=number) if number else ""


@router.get("/audit/reports")
def show_reports(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_RELEASED))]) -> Response:
    """What was released, as far as the reader may see it; for auditors also the making of drafts."""
    return _list(request, session)


@router.get("/audit/reports/draft")
def make_draft(request: Request, session: Annotated[Session, Depends(reads(Right.AUDIT))]) -> Response:
    """A draft as a file; each page of it says that it is one."""
    values = request.query_params
    suffix = values.get("format", "docx")
    suffix = suffix if suffix in FORMATS else "docx"
    request_ = ReleaseRequest(
        _kind(values.get("kind", "")), year_asked(values.get("year", "")), values.get("department", "")[:60]
    )
    try:
        name, data = services(request).papers.draft(request_, suffix, reader_of(session))
    except SecopsError as error:
        return _list(request, session, problem=error, asked=request_)
    return _file(name, data, suffix)


def _kind(text: str) -> PaperKind:
    return PaperKind(text) if text in set(PaperKind) else PaperKind.REPORT


def _file(name: str, data: bytes, suffix: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    media = FORMATS.get(suffix, "application/octet-stream")
    return Response(data, media_type=media, headers={"content-disposition": disposition})


@router.post("/audit/reports/release")
def release(
    request: Request,
    session: Annotated[Session, Depends(changes(Right.LEAD_AUDIT))],
    kind: Annotated[str, Form()] = "",
    year: Annotated[str, Form()] = "",
    department: Annotated[str, Form()] = "",
    number: Annotated[str, Form()] = "",
    decided: Annotated[str, Form()] = "",
    retention: Annotated[str, Form()] = "",
    replaces: Annotated[str, Form()] = "",
    action: Annotated[str, Form()] = "check",
) -> Response:
    """Check a paper, or release it where the linter finds nothing."""
    texts = [text.strip()[:LONGEST] for text in (department, number, decided, retention, replaces)]  # as TYPED
    asked = ReleaseRequest(_kind(kind), year_asked(year), *texts)
    papers = services(request).papers
    try:
        if action == "release":
            made = papers.release(asked, actor=session.user.name)
            return RedirectResponse("/audit/reports?" + urlencode({"released": made.number}), 303)
        faults = papers.faults(asked)
    except SecopsError as error:
        return _list(request, session, problem=error, asked=asked)
    said = "" if faults else _("直すところはありません。発行できます。")
    return _list(request, session, faults=faults, asked=asked, said=said)


@router.post("/audit/reports/edited", max_body_size=MAX_UPLOAD)
async def release_edited(request: Request) -> Response:
    """Check a paper that was edited in Word, or release it where the linter finds nothing."""
    sent = await receive(request, Right.LEAD_AUDIT, files=2)
    return await run_in_threadpool(_release_edited, request, sent)


def _release_edited(request: Request, sent: Upload) -> Response:
    typed = {name: sent.fields.get(name, "").strip()[:LONGEST] for name in ("kind", "year", *TYPED)}
    asked = ReleaseRequest(_kind(typed["kind"]), year_asked(typed["year"]), *(typed[name] for name in TYPED))
    papers = services(request).papers
    try:
        if not sent.file.name.lower().endswith(".docx"):
            what = _("「{name}」は Word ファイル(.docx)ではありません。")
            raise UsageError(what.format(name=sent.file.name[:80]))
        pdf = sent.files["pdf"].data if "pdf" in sent.files else b""
        edited = Edited(sent.file.name[:80], sent.file.data, pdf)
        with _ONE:
            if sent.fields.get("action") == "release":
                made = papers.release(asked, actor=sent.session.user.name, edited=edited)
                return RedirectResponse("/audit/reports?" + urlencode({"released": made.number}), 303)
            faults = papers.faults(asked, edited)
    except SecopsError as error:
        return _list(request, sent.session, problem=error, asked=asked)
    said = "" if faults else _("直すところはありません。もう一度ファイルを選んで発行できます。")
    return _list(request, sent.session, faults=faults, asked=asked, said=said)


@router.get("/audit/reports/{release_number}/{file_name}")
def give_file(
    request: Request,
    release_number: str,
    file_name: str,
    session: Annotated[Session, Depends(reads(Right.SEE_RELEASED))],
) -> Response:
    """A file of a released report, as it was released."""
    data = services(request).papers.file(release_number, file_name, reader_of(session))
    return _file(file_name, data, file_name.rsplit(".", 1)[-1])
