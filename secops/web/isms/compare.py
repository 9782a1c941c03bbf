"""Two versions of a document side by side, and the 新旧対照表 to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import Right, Session, User
from secops.errors import NotFoundError
from secops.isms.clauses.model import Document
from secops.isms.policy.comparison import KIND_LABELS, compare
from secops.isms.policy.library import Entry
from secops.isms.policy.ports import Version
from secops.locale import _
from secops.report.comparison import Sheet, columns, entries, lead, sides
from secops.report.comparison_html import cell_html
from secops.schema.dates import wareki
from secops.web.isms.cited import today
from secops.web.pages import page
from secops.web.session import reads, services

router = APIRouter()
DRAFT = "draft"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
Reader = Annotated[Session, Depends(reads(Right.SEE_POLICY))]


@dataclass(frozen=True, slots=True)
class Choice:
    """A version that can be chosen: its name in addresses and on screen."""

    name: str
    label: str


@dataclass(frozen=True)
class Chosen:
    """What is compared: a document, its choices, and the two that were chosen; empty where there are not two."""

    entry: Entry
    choices: Sequence[Choice]
    old: str = ""
    new: str = ""


def choices_of(entry: Entry, user: User) -> list[Choice]:
    """Published versions, the newest first, above them the draft for who may work on it."""
    found = [
        Choice(
            str(one.number),
            _("第 {n} 版({day} 施行)").format(n=one.number, day=wareki(one.decision.effective_on)),
        )
        for one in reversed(entry.versions)
    ]
    if entry.draft.open and user.may(Right.EDIT_POLICY):
        found.insert(0, Choice(DRAFT, _("改正案(保存 {n} 回目)").format(n=entry.draft.revision)))
    return found


def chosen(all_entries: Sequence[Entry], values: Mapping[str, str], user: User) -> Chosen | None:
    """What the address asks for; else the first document that has two versions, the newest against the one before."""
    asked = values.get("document", "")
    named = [one for one in all_entries if one.working.id == asked]
    if asked and not named:
        raise NotFoundError(_("「{name}」という文書はありません。").format(name=asked[:100]))
    with_two = [one for one in all_entries if len(choices_of(one, user)) > 1]
    entry = next(iter(named or with_two or all_entries), None)
    if entry is None:
        return None
    choices = choices_of(entry, user)
    names = [one.name for one in choices]
    if len(names) < 2:
        return Chosen(entry, choices)
    new = values.get("new", "") if values.get("new", "") in names else names[0]
    before = next((name for name in names[names.index(new) + 1 :]), names[-1])
    old = values.get("old", "") if values.get("old", "") in names else before
    return Chosen(entry, choices, old, new)


def sheet_of(request: Request, found: Chosen) -> Sheet:
    """The paper of what was chosen."""
    library = services(request).links.library

    def text(name: str) -> Document:
        return found.entry.working if name == DRAFT else library.version(found.entry.working.id, int(name))

    version: Version | None = next((one for one in found.entry.versions if str(one.number) == found.new), None)
    decision = version.decision if version else None
    return Sheet(
        compare(text(found.old), text(found.new)),
        approved=version is not None,
        effective=decision.effective_on if decision else None,
        reason=decision.reason if decision else "",
    )


@router.get("/policy/compare")
def show_comparison(request: Request, session: Reader) -> Response:
    """Choose a document and two versions, see what differs."""
    here = services(request)
    all_entries = here.links.library.entries(today(request))
    found = chosen(all_entries, request.query_params, session.user)
    sheet = sheet_of(request, found) if found and found.new else None
    style = here.comparison()
    query = urlencode({"document": found.entry.working.id, "old": found.old, "new": found.new}) if found else ""
    return page(
        request,
        "compare.html",
        documents=[(one.working.id, one.working.title) for one in all_entries],
        found=found,
        sheet=sheet,
        columns=columns(sheet, style) if sheet else (),
        rows=[([cell_html(cell, style) for cell in sides(one, style)], one) for one in entries(sheet, style)]
        if sheet
        else [],
        lead=lead(sheet, style) if sheet else ("", ""),
        remarks=style.remarks,
        counts=[(_(KIND_LABELS[kind]), count) for kind, count in sheet.comparison.counts.items() if count]
        if sheet
        else [],
        word=f"/policy/compare/docx?{query}",
    )


@router.get("/policy/compare/docx")
def download(request: Request, session: Reader) -> Response:
    """The 新旧対照表 as a Word file."""
    from secops.report.comparison_docx import write_docx

    here = services(request)
    found = chosen(here.links.library.entries(today(request)), request.query_params, session.user)
    if found is None or not found.new:
        raise NotFoundError(_("比べられる版が二つありません。"))
    sheet = sheet_of(request, found)
    name = quote(f"{sheet.title}.docx")
    headers = {"content-disposition": f"attachment; filename=\"comparison.docx\"; filename*=UTF-8''{name}"}
    return Response(write_docx(sheet, here.comparison()), media_type=WORD, headers=headers)
