"""``/policy/impact``: what a revision touches, and the work lists that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.isms.clauses.model import CHANGE_LABELS
from secops.isms.policy.impact import KIND_LABELS, Impact, Kind, Thing
from secops.isms.policy.work import WorkItem, WorkList, entries_of
from secops.locale import _
from secops.web.isms.guideline import address, titles, today
from secops.web.pages import page
from secops.web.session import changes, reads, services

router = APIRouter()
SHOWS = ("open", "overdue", "done", "all")
MOST = 1000
Number = Annotated[int, Field(ge=1, le=2**53)]
Reader = Annotated[Session, Depends(reads(Right.SEE_POLICY))]
Editor = Annotated[Session, Depends(changes(Right.EDIT_POLICY))]


@router.get("/policy/impact")
def show_impact(request: Request, session: Reader) -> Response:
    """A revision to choose, what it touches, and the lists that were made."""
    here, values = services(request), request.query_params
    choices = _choices(request)
    editions = here.guideline.editions().all
    older = values.get("from") or (editions[-2].published if len(editions) > 1 else "")
    newer = values.get("to") or editions[-1].published
    found, wrong = _found(request, older, newer, {value for _group, options in choices for value, _label in options})
    return page(
        request,
        "policy_impact.html",
        choices=choices,
        older=older,
        newer=newer,
        found=found,
        wrong=wrong,
        existing=_existing(here.review_work.lists(), found),
        **_lists(request, values.get("list", ""), values.get("show", "open")),
        kinds=list(Kind),
        kind_labels=KIND_LABELS,
        change_labels=CHANGE_LABELS,
        known_as=lambda name: one.published if (one := here.guideline.editions().by_id.get(name)) else name,
        address=lambda thing: address(thing, session.user),
        title=titles(request),
        may_edit=session.user.may(Right.EDIT_POLICY),
        departments=here.departments(),
    )


def _choices(request: Request) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be compared: editions, and versions of our documents, the newest first."""
    room = services(request).guideline
    editions = [(one.published, f"{one.published} {one.title}") for one in reversed(room.editions().all)]
    versions = []
    for entry in room.library.entries(today(request)):
        said = _("{title} 第{number}版")
        name = entry.working.id
        if entry.draft.open:
            versions.append((f"{name}@draft", _("{title} 改正案").format(title=entry.working.title)))
        newest_first = reversed(entry.versions)
        versions += [(f"{name}@{one.number}", said.format(title=one.title, number=one.number)) for one in newest_first]
    return [(_("ガイドライン"), editions), *([(_("区の文書"), versions)] if versions else [])]


def _found(request: Request, older: str, newer: str, known: set[str]) -> tuple[Impact | None, str]:
    """What the revision touches; or why that cannot be told. Only what can be chosen is compared: no file names."""
    if not {older, newer} <= known:
        return None, _("選べない版です。一覧から選んでください。")
    try:
        return services(request).guideline.revision(older, newer, today(request)), ""
    except SecopsError as error:
        return None, str(error)


def _existing(lists: Sequence[WorkList], found: Impact | None) -> WorkList | None:
    return next((one for one in lists if found and (one.source, one.target) == (found.source, found.target)), None)


def _lists(request: Request, number: str, show: str) -> dict[str, Any]:
    """The lists, and the entries of the one that is chosen (else the newest)."""
    work, day = services(request).review_work, today(request)
    lists = work.lists()
    chosen = next((one for one in lists if str(one.id) == number), lists[0] if lists else None)
    show = show if show in SHOWS else "open"
    items = list(work.items(chosen.id)) if chosen else []
    by_state = {name: [one for one in items if _is(one, name, day)] for name in SHOWS}
    return {
        "lists": lists,
        "chosen": chosen,
        "show": show,
        "items": by_state[show],
        "counts": {name: len(ones) for name, ones in by_state.items()},
        "day": day,
        "thing": _thing,
    }


def _is(one: WorkItem, state: str, day: date) -> bool:
    if state == "overdue":
        return one.overdue(day)
    return state == "all" or one.done == (state == "done")


def _thing(one: WorkItem) -> Thing:
    """An entry as the thing it is of, for its address."""
    return Thing(one.kind, one.thing, one.title, (), where=one.where)


@router.post("/policy/impact/make")
def make(
    request: Request,
    session: Editor,
    older: Annotated[str, Form()] = "",
    newer: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
) -> Response:
    """Make the work list of a revision, or add to it what it does not hold yet."""
    here = services(request)
    known = {value for _group, options in _choices(request) for value, _label in options}
    if not {older, newer} <= known:
        raise UsageError(_("選べない版です。一覧から選んでください。"))
    found = here.guideline.revision(older, newer, today(request))
    made = here.review_work.make(
        found.source,
        found.target,
        entries_of(found.touched),
        owner=owner,
        due=_day(due),
        by=session.user.name,
        now=here.now(),
    )
    return _back(older, newer, made.list_id)


@router.post("/policy/impact/work")
def change(
    request: Request,
    session: Editor,
    action: Annotated[str, Form()] = "",
    ids: Annotated[list[Number] | None, Form()] = None,
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    list_id: Annotated[Number, Form()] = 1,
    show: Annotated[str, Form()] = "open",
) -> Response:
    """Give the chosen entries an owner and a due date, tick them off, or take the ticks back."""
    here, who = services(request), session.user.name
    chosen = ids or []
    if not chosen or len(chosen) > MOST:
        raise UsageError(_("見直しの対象を選んでください。"))
    if any(one.list_id != list_id for one in here.review_work.items() if one.id in chosen):
        raise NotFoundError(_("この一覧にない対象が選ばれています。画面を開き直してください。"))
    if action == "assign":
        here.review_work.assign(chosen, owner=owner.strip() or None, due=_day(due), by=who, now=here.now())
    elif action == "done":
        here.review_work.finish(chosen, note, by=who, now=here.now())
    elif action == "reopen":
        here.review_work.reopen(chosen, by=who, now=here.now())
    else:
        raise UsageError(_("何をするかが選ばれていません。"))
    query = urlencode({"list": list_id, "show": show if show in SHOWS else "open"})
    return RedirectResponse(f"/policy/impact?{query}#work", 303)


def _back(older: str, newer: str, list_id: int) -> Response:
    return RedirectResponse(f"/policy/impact?{urlencode({'from': older, 'to': newer, 'list': list_id})}#work", 303)


def _day(text: str) -> date | None:
    """A day of a form; empty is none.

    Raises:
        UsageError: it is no day.
    """
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise UsageError(_("日付「{text}」は 2027-03-31 のように書いてください。").format(text=text[:40])) from None
