"""The self-inspection: own sheets, a list of items, one item a screen; saved as it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import InputError, NotFoundError, SecopsError, UsageError
from secops.isms.audit.model import ANSWERER_LABELS, VERDICT_MARKS, Catalogue, Item, Verdict
from secops.isms.audit.ports import AnswerChangedError, Foot, Viewer
from secops.isms.audit.sheets import ANSWERS, SHEET_LABELS, SHEET_STATES, Answer, Sheet, SheetKind, missing
from secops.locale import _
from secops.schema.dates import JST
from secops.web import words
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import Json, status_of
from secops.web.services import Services
from secops.web.session import api_changes, changes, reads, services

router = APIRouter()
Reading = Annotated[Session, Depends(reads(Right.ANSWER_INSPECTION))]
Answering = Annotated[Session, Depends(changes(Right.ANSWER_INSPECTION))]
Confirming = Annotated[Session, Depends(changes(Right.CONFIRM_INSPECTION))]
Saving = Annotated[Session, Depends(api_changes(Right.ANSWER_INSPECTION))]
MARKS = {one: VERDICT_MARKS[one] for one in ANSWERS}
MEANINGS = {
    Verdict.MET: "できている",
    Verdict.PARTIAL: "一部できていない",
    Verdict.NOT_MET: "できていない",
    Verdict.NOT_APPLICABLE: "当てはまらない",
}
LABELS: dict[str, Any] = {
    "marks": VERDICT_MARKS,
    "choices": MARKS,
    "meanings": MEANINGS,
    "kinds": SHEET_LABELS,
    "states": SHEET_STATES,
}
DONE = {
    "saved": "保存しました。",
    "entered": "入力を終え、情報セキュリティ管理者の確認待ちにしました。",
    "taken": "入力を再開しました。",
    "confirmed": "確認しました。",
    "returned": "担当者に差し戻しました。",
    "added": "証拠を追加しました。",
    "withdrawn": "証拠を取り下げました(記録は残ります)。",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """An item in the list."""

    item: Item
    answer: Answer
    last: Answer | None
    files: int
    lacks: bool


def today(here: Services) -> date:
    """The day in Tokyo."""
    return here.now().astimezone(JST).date()


def catalogue_of(here: Services, sheet: Sheet) -> Catalogue:
    """The items of the sheet's round, as they were when it began."""
    return here.rounds.round(sheet.round).catalogue


@router.get("/inspection")
def show_sheets(request: Request, session: Reading) -> Response:
    """Own sheets with their progress: those of the newest round, and earlier ones below."""
    here = services(request)
    found = here.rounds.sheets(viewer_of(session.user))
    newest = max((one.year for one in found), default=0)
    return page(
        request,
        "inspection.html",
        sheets=[one for one in found if one.year == newest],
        earlier=[one for one in found if one.year != newest and one.kind is not SheetKind.STAFF],
        year=newest,
        today=today(here),
        **LABELS,
    )


@router.get("/inspection/{number}")
def show_sheet(request: Request, number: int, session: Reading) -> Response:
    """The items of a sheet, and what can be done with it."""
    return sheet_page(request, session, number)


def sheet_page(request: Request, session: Session, number: int, *, status: int = 200, **more: Any) -> Response:
    """The page of a sheet, also where something was refused."""
    here, viewer = services(request), viewer_of(session.user)
    sheet = here.rounds.sheet(number, viewer)
    catalogue = catalogue_of(here, sheet)
    if sheet.kind is SheetKind.STAFF:
        counts = here.rounds.staff_counts(number, viewer)
        items = [catalogue.by_id[one] for one in sheet.items]
        values = {"problem": "", "codes": (), **LABELS, **more}
        return page(
            request, "inspection_staff_counts.html", status=status, sheet=sheet, counts=counts, items=items, **values
        )
    rows = _rows(here, sheet, viewer, catalogue)
    chapters = [(title, [row for row in rows if row.item.chapter == key]) for key, title in catalogue.chapters.items()]
    values = {"problem": "", "problems": (), "imported": None, **LABELS, **more}
    return page(
        request,
        "inspection_sheet.html",
        status=status,
        sheet=sheet,
        chapters=[(title, found) for title, found in chapters if found],
        first=next((row.item.id for row in rows if row.lacks), sheet.items[0]),
        lacking=sum(row.lacks for row in rows),
        today=today(here),
        done=_(DONE.get(request.query_params.get("done", ""), "")),
        **values,
    )


def _rows(here: Services, sheet: Sheet, viewer: Viewer, catalogue: Catalogue) -> list[_Row]:
    answers, last = here.rounds.answers(sheet.number, viewer), here.rounds.last_answers(sheet.number, viewer)
    files: dict[str, set[str]] = {}
    for one in here.rounds.files(sheet.number, viewer):
        if one.withdrawn_at is None:
            files.setdefault(one.item, set()).add(one.name)
    lacks = {problem.where for problem in missing(sheet.items, answers)}
    return [
        _Row(
            catalogue.by_id[key], answers.get(key) or Answer(key), last.get(key), len(files.get(key, ())), key in lacks
        )
        for key in sheet.items
    ]


@router.get("/inspection/{number}/{item}")
def show_item(request: Request, number: int, item: str, session: Reading) -> Response:
    """One item."""
    return item_page(request, session, number, item)


def item_page(
    request: Request,
    session: Session,
    number: int,
    item: str,
    *,
    draft: Answer | None = None,
    problem: SecopsError | None = None,
) -> Response:
    """The page of an item; ``draft`` is what somebody typed that was not saved."""
    here, viewer = services(request), viewer_of(session.user)
    sheet = here.rounds.sheet(number, viewer)
    if item not in sheet.items or sheet.kind is SheetKind.STAFF:
        raise NotFoundError(_("項目 {item} は、この点検票にありません。").format(item=item))
    answers, at = here.rounds.answers(number, viewer), sheet.items.index(item)
    current = answers.get(item) or Answer(item)
    catalogue = catalogue_of(here, sheet)
    sentences = here.sentences()
    asked = catalogue.by_id[item]
    return page(
        request,
        "inspection_item.html",
        status=status_of(problem) if problem else 200,
        sheet=sheet,
        item=asked,
        chapter=catalogue.chapters[asked.chapter],
        clauses=[(one, sentences.get(one, "")) for one in asked.clauses],
        answerers=ANSWERER_LABELS,
        answer=draft or current,
        current=current,
        changed=problem if isinstance(problem, AnswerChangedError) else None,
        problem=str(problem) if problem else "",
        last=here.rounds.last_answers(number, viewer).get(item),
        history=[one for one in here.rounds.history(number, item, viewer) if one.revision < current.revision][::-1],
        files=[one for one in here.rounds.files(number, viewer) if one.item == item],
        staff=_staff(here, sheet, item, viewer),
        position=at + 1,
        before=sheet.items[at - 1] if at else "",
        after=sheet.items[at + 1] if at + 1 < len(sheet.items) else "",
        done=_(DONE.get(request.query_params.get("done", ""), "")),
        **LABELS,
    )


def _staff(here: Services, sheet: Sheet, item: str, viewer: Viewer) -> Mapping[Verdict, int] | None:
    """What the staff of the department say to the same item, where enough of them did."""
    if sheet.kind is not SheetKind.DEPARTMENT:
        return None
    found = (one for one in here.rounds.sheets(viewer, of=sheet.round) if one.kind is SheetKind.STAFF)
    own = next((one for one in found if one.unit == sheet.unit and item in one.items), None)
    counts = here.rounds.staff_counts(own.number, viewer).counts if own else None
    return counts[item] if counts else None


def _answer(item: str, verdict: str, note: str, reason: str, improvement: str, due: str) -> Answer:
    """What a form or a script sent.

    Raises:
        UsageError: a verdict or a date that is none.
    """
    if verdict and verdict not in {one.value for one in ANSWERS}:
        raise UsageError(_("判定(○・△・×・対象外)を選んでください。"))
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        raise UsageError(_("「{text}」は日付として読めません(例: 2026-04-01)。").format(text=due[:40])) from None
    return Answer(item, Verdict(verdict) if verdict else Verdict.NOT_VERIFIED, note, reason, improvement, day)


@router.post("/inspection/{number}/{item}/answer")
def save_item(
    request: Request,
    number: int,
    item: str,
    session: Answering,
    revision: Annotated[int, Form()] = 0,
    verdict: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    improvement: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    go: Annotated[str, Form()] = "",
) -> Response:
    """Save without script; what was refused is shown again with what was typed."""
    here, viewer, draft = services(request), viewer_of(session.user), None
    try:
        draft = _answer(item, verdict, note, reason, improvement, due)
        here.rounds.save(number, draft, revision=revision, viewer=viewer, now=here.now())
    except NotFoundError:
        raise
    except SecopsError as error:
        return item_page(request, session, number, item, draft=draft, problem=error)
    items = here.rounds.sheet(number, viewer).items
    at = items.index(item) + 1
    if go == "next":
        return RedirectResponse(
            f"/inspection/{number}/{items[at]}" if at < len(items) else f"/inspection/{number}", 303
        )
    return RedirectResponse(f"/inspection/{number}/{item}?done=saved", 303)


class _Saved(BaseModel):
    """What the page's script sends."""

    revision: int
    verdict: str = ""
    note: str = Field("", max_length=10_000)
    reason: str = Field("", max_length=10_000)
    improvement: str = Field("", max_length=10_000)
    due: str = Field("", max_length=40)


@router.post("/api/inspection/{number}/{item}")
def save_typed(request: Request, number: int, item: str, session: Saving, sent: _Saved) -> Response:
    """Save what is being typed; where somebody else was first, what they wrote comes back and nothing is saved."""
    here = services(request)
    draft = _answer(item, sent.verdict, sent.note, sent.reason, sent.improvement, sent.due)
    try:
        saved = here.rounds.save(number, draft, revision=sent.revision, viewer=viewer_of(session.user), now=here.now())
    except AnswerChangedError as error:
        return Json({"error": {"status": 409, "detail": str(error)}, "current": _plain(error.current)}, 409)
    return Json({"revision": saved.revision, "at": words.clock(here.now())})


def _plain(answer: Answer) -> dict[str, Any]:
    return {
        "revision": answer.revision,
        "by": answer.by,
        "at": words.when(answer.at),
        "mark": VERDICT_MARKS[answer.verdict],
        "note": answer.note,
        "reason": answer.reason,
        "improvement": answer.improvement,
        "due": answer.due.isoformat() if answer.due else "",
    }


@router.post("/inspection/{number}/foot")
def save_foot(
    request: Request,
    number: int,
    session: Answering,
    revision: Annotated[int, Form()] = 0,
    summary: Annotated[str, Form()] = "",
    remarks: Annotated[str, Form()] = "",
) -> Response:
    """課としての総括 and 特記事項."""
    here = services(request)
    foot = Foot(summary, remarks)
    try:
        here.rounds.save_foot(number, foot, revision=revision, viewer=viewer_of(session.user), now=here.now())
    except NotFoundError:
        raise
    except SecopsError as error:
        return sheet_page(request, session, number, status=status_of(error), problem=str(error), typed=foot)
    return RedirectResponse(f"/inspection/{number}?done=saved", 303)


@router.post("/inspection/{number}/finish")
def finish(request: Request, number: int, session: Answering) -> Response:
    """The person in charge is done; what is missing is listed with a link to each item."""
    here = services(request)
    try:
        here.rounds.finish(number, viewer=viewer_of(session.user), now=here.now())
    except InputError as error:
        text = _("まだ終えられません。次の {count} 件を直してください。").format(count=len(error.problems))
        return sheet_page(request, session, number, status=409, problem=text, problems=error.problems)
    return RedirectResponse(f"/inspection/{number}?done=entered", 303)


@router.post("/inspection/{number}/take-back")
def take_back(request: Request, number: int, session: Answering) -> Response:
    """Go on writing."""
    here = services(request)
    here.rounds.take_back(number, viewer=viewer_of(session.user), now=here.now())
    return RedirectResponse(f"/inspection/{number}?done=taken", 303)


@router.post("/inspection/{number}/confirm")
def confirm(request: Request, number: int, session: Confirming, revision: Annotated[int, Form()] = 0) -> Response:
    """The head of the department agrees."""
    here = services(request)
    here.rounds.confirm(number, revision=revision, viewer=viewer_of(session.user), now=here.now())
    return RedirectResponse(f"/inspection/{number}?done=confirmed", 303)


@router.post("/inspection/{number}/return")
def give_back(request: Request, number: int, session: Confirming, reason: Annotated[str, Form()] = "") -> Response:
    """Back to the person in charge."""
    here = services(request)
    here.rounds.give_back(number, reason, viewer=viewer_of(session.user), now=here.now())
    return RedirectResponse(f"/inspection/{number}?done=returned", 303)
