"""A regulation from Word: what was understood is shown for review, and becomes a draft when a person says so."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import ConflictError, InputError, SecopsError, UsageError
from secops.isms.clauses.head import check_id
from secops.isms.clauses.markdown import write_document
from secops.isms.clauses.model import DOCUMENT_LABELS, NUMBERING_LABELS, DocumentKind
from secops.isms.clauses.word_in import import_word
from secops.isms.clauses.word_model import BESIDE_LABELS, Remark
from secops.isms.clauses.word_package import MAX_FILE
from secops.isms.clauses.word_review import HOW_LABELS, Doubt, How, Reading
from secops.isms.policy.library import MAX_TEXT, Entry
from secops.isms.policy.ports import DraftChangedError
from secops.locale import _
from secops.web.isms.cited import today
from secops.web.isms.policy_draft import Mistake
from secops.web.isms.uploading import Upload, receive
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import reads, services

router = APIRouter()
MAX_UPLOAD = MAX_FILE + (64 << 10)
MAX_DRAFT = 4 * MAX_TEXT + (64 << 10)  # bytes: a character has up to four
SHOWN = 200  # lines of a list; the page says how many there are
TITLE = 200
_ONE = threading.Lock()  # reading may take a gigabyte: one at a time


@router.get("/policy/import")
def show_import(request: Request, _session: Annotated[Session, Depends(reads(Right.EDIT_POLICY))]) -> Response:
    """The form: which file, and which document it is."""
    return _form(request, {})


def _form(request: Request, typed: Mapping[str, str], problem: SecopsError | None = None) -> Response:
    here = services(request)
    return page(
        request,
        "policy_import.html",
        status=status_of(problem) if problem else 200,
        entries=here.guideline.library.entries(today(request)),
        kinds=DOCUMENT_LABELS,
        typed={**dict.fromkeys(("into", "id", "title"), ""), "kind": DocumentKind.CONTROL_STANDARD.value, **typed},
        largest=MAX_FILE >> 20,
        mistakes=[Mistake(0, one.what, one.where) for one in problem.problems]
        if isinstance(problem, InputError)
        else [],
        problem=str(problem) if problem and not isinstance(problem, InputError) else "",
    )


@router.post("/policy/import", max_body_size=MAX_UPLOAD)
async def read(request: Request) -> Response:
    """Read the file in a child with limits; nothing is kept of it yet."""
    upload = await receive(request, Right.EDIT_POLICY)
    return await run_in_threadpool(_read, request, upload)


def _read(request: Request, upload: Upload) -> Response:
    typed = {name: upload.fields.get(name, "").strip()[:TITLE] for name in ("into", "id", "title", "kind")}
    try:
        entry, name = _target(request, typed)
        file = upload.file
        if not file.name.lower().endswith(".docx"):
            what = _(
                "「{name}」は Word ファイル(.docx)ではありません。古い .doc は、Word で .docx に保存し直してください。"
            )
            raise UsageError(what.format(name=file.name[:80]))
        with _ONE:
            word = services(request).word(file.name[:80], file.data)
        kind = DocumentKind(typed["kind"]) if typed["kind"] in set(DocumentKind) else DocumentKind.CONTROL_STANDARD
        into = entry.working if entry else None
        reading = import_word(word, id=name, title=typed["title"], kind=kind, into=into, path=file.name[:80])
    except SecopsError as error:
        return _form(request, typed, error)
    return _review(request, reading, entry, file.name[:80])


def _target(request: Request, typed: Mapping[str, str]) -> tuple[Entry | None, str]:
    """The document that exists, or the id of a new one.

    Raises:
        UsageError: neither was said, or the id cannot be one.
        ConflictError: there is a document of this id.
    """
    entries = {one.working.id: one for one in services(request).guideline.library.entries(today(request))}
    if typed["into"]:
        if typed["into"] not in entries:
            raise UsageError(_("選べない文書です。一覧から選んでください。"))
        return entries[typed["into"]], typed["into"]
    name = typed["id"]
    try:
        check_id(name)
    except ValueError as error:
        what = _("新しい文書の番号「{id}」は使えません: {why}")
        raise UsageError(what.format(id=name[:60], why=error)) from None
    if name in entries:
        what = _("「{id}」という文書はすでにあります({title})。取り込み先に、その文書を選んでください。")
        raise ConflictError(what.format(id=name, title=entries[name].working.title))
    return None, name


def _review(request: Request, reading: Reading, entry: Entry | None, file: str) -> Response:
    document = reading.document
    text = write_document(document)
    changed = [one for one in reading.matches if one.how is not How.SAME]
    return page(
        request,
        "policy_import_review.html",
        document=document,
        reading=reading,
        entry=entry,
        file=file,
        text=text,
        fits=len(text) <= MAX_TEXT,
        seen=entry.draft.revision if entry else 0,
        style=NUMBERING_LABELS[document.numbering],
        kinds=DOCUMENT_LABELS,
        how=HOW_LABELS,
        how_counts=Counter(one.how for one in reading.matches),
        changed=changed,
        kept=[_kept(one) for one in reading.kept],
        shown=SHOWN,
    )


def _kept(one: Remark | Doubt) -> dict[str, Any]:
    kind = BESIDE_LABELS[one.kind] if isinstance(one, Remark) else one.why
    return {"number": one.number, "kind": kind, "text": one.text}


@router.post("/policy/import/draft", max_body_size=MAX_DRAFT)
async def keep(request: Request) -> Response:
    """What was reviewed becomes the draft of its document."""
    upload = await receive(request, Right.EDIT_POLICY, files=0, longest=4 * MAX_TEXT)
    return await run_in_threadpool(_keep, request, upload)


def _keep(request: Request, upload: Upload) -> Response:
    here, fields = services(request), upload.fields
    seen = fields.get("seen", "")
    try:
        # A form has its lines end with CR LF.
        text = fields.get("text", "").replace("\r\n", "\n")
        document = here.guideline.library.read(fields.get("document", "")[:TITLE], text)
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
        here.guideline.library.save(document, seen=revision, by=upload.session.user.name, now=here.now())
    except DraftChangedError:
        what = _(
            "この文書の改正案は、読み取りの後にほかの人が変えました。何も保存していません。もう一度取り込んでください。"
        )
        return _form(request, {"into": fields.get("document", "")[:TITLE]}, ConflictError(what))
    except SecopsError as error:
        return _form(request, {}, error)
    return RedirectResponse(f"/policy/documents/{quote(document.id)}/draft?done=saved", 303)
