"""Pages of exceptions from the policy (例外措置): the list, one with its history, the form of a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.isms.policy.exceptions import (
    ACTION_LABELS,
    KIND_LABELS,
    OPEN,
    PHASE_LABELS,
    Decision,
    Draft,
    Kind,
    Number,
    Phase,
    Source,
    State,
    Subject,
    Waiver,
    check_draft,
)
from secops.isms.policy.ports_exceptions import Codes
from secops.locale import _
from secops.org.tables import parse_day
from secops.schema.dates import JST
from secops.web.isms.care import Care
from secops.web.isms.viewing import access_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()
SHOWN = 500
Seeing = Annotated[Session, Depends(reads(Right.SEE_REGISTERS))]
Asking = Annotated[Session, Depends(reads(Right.REQUEST_EXCEPTION))]
Acting = Annotated[Session, Depends(changes(Right.REQUEST_EXCEPTION))]
Deciding = Annotated[Session, Depends(changes(Right.APPROVE_EXCEPTION))]
Text = Annotated[str, Form()]
SUBJECTS = {Kind.DEVICE: "devices", Kind.FLOW: "flows", Kind.SYSTEM: "systems"}
FIELDS = ("department", "clauses", "devices", "flows", "systems", "reason", "measure", "begins", "ends", "renews")


def _care(request: Request) -> Care:
    return services(request).care


def _today(request: Request) -> date:
    return services(request).now().astimezone(JST).date()


def _codes(request: Request, session: Session) -> Codes:
    return _care(request).directory().codes_of(access_of(session.user).departments)


def _day(text: str, name: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise UsageError(_("{name}: {hint}。").format(name=name, hint=error)) from None


@router.get("/policy/exceptions")
def show_list(request: Request, session: Seeing, phase: str = "", department: str = "", q: str = "") -> Response:
    """All that this person may see, with counts; what is open unless another phase is asked for."""
    care, today = _care(request), _today(request)
    everything = care.waivers.waivers(_codes(request, session))
    counts = Counter(one.phase(today) for one in everything)
    found = [
        one
        for one in everything
        if (phase in {"", "all"} or one.phase(today).value == phase)
        and (phase or one.phase(today) in OPEN)
        and department in {"", one.draft.department}
        and q.strip().casefold() in _words(one)
    ]
    order = list(Phase)
    found.sort(key=lambda one: (order.index(one.phase(today)), one.last_day, one.number))
    directory = care.directory()
    units = sorted({one.draft.department for one in everything})
    return page(
        request,
        "policy_exceptions.html",
        found=found[:SHOWN],
        total=len(found),
        everything=len(everything),
        counts=counts,
        lapsed=care.lapsed(access_of(session.user)),
        asked={"phase": phase, "department": department, "q": q[:100]},
        departments=[(code, directory.department_name(code)) for code in units],
        name=directory.department_name,
        today=today,
        phases=PHASE_LABELS,
        kinds=KIND_LABELS,
        Source=Source,
        Phase=Phase,
    )


def _words(one: Waiver) -> str:
    draft = one.draft
    return "\n".join(
        [one.number.printed, *draft.clauses, *(each.id for each in draft.subjects), draft.reason]
    ).casefold()


def _form(request: Request, session: Session, draft: Mapping[str, str], problem: SecopsError | None = None) -> Response:
    directory = _care(request).directory()
    codes = _codes(request, session)
    units = [(one.code, one.name) for one in directory.departments if one.level not in {"body", "bu"}]
    offered = [(code, name) for code, name in units if codes is None or code in codes]
    return page(
        request,
        "policy_exception_form.html",
        status=status_of(problem) if problem else 200,
        draft={**dict.fromkeys(FIELDS, ""), **draft},
        departments=offered or [(code, code) for code in sorted(codes or ())],
        problems=str(problem).splitlines() if problem else [],
        kinds=KIND_LABELS,
        subjects=SUBJECTS,
    )


@router.get("/policy/exceptions/new")
def show_form(request: Request, session: Asking, renews: str = "", clause: str = "", flow: str = "") -> Response:
    """The form of a request; of a renewal, with what stood in the one before."""
    if not renews:
        begins = _today(request).isoformat()
        return _form(request, session, {"begins": begins, "clauses": clause[:60], "flows": flow[:100]})
    old = _care(request).waivers.waiver(Number.parse(renews), _codes(request, session))
    draft = old.draft
    subjects = {SUBJECTS[kind]: "、".join(one.id for one in draft.subjects if one.kind is kind) for kind in Kind}
    values = {
        "department": draft.department,
        "clauses": "、".join(draft.clauses),
        "reason": draft.reason,
        "measure": draft.measure,
        "begins": max(_today(request), old.last_day).isoformat(),
        "renews": str(old.number),
    }
    return _form(request, session, {**values, **subjects})


@router.post("/policy/exceptions/new")
def ask(
    request: Request,
    session: Acting,
    department: Text = "",
    clauses: Text = "",
    devices: Text = "",
    flows: Text = "",
    systems: Text = "",
    reason: Text = "",
    measure: Text = "",
    begins: Text = "",
    ends: Text = "",
    renews: Text = "",
) -> Response:
    """Ask for one."""
    texts = (department, clauses, devices, flows, systems, reason, measure, begins, ends, renews)
    given = dict(zip(FIELDS, texts, strict=True))
    care, codes = _care(request), _codes(request, session)
    try:
        subjects = [Subject(kind, one) for kind, field in SUBJECTS.items() for one in _listed(given[field])]
        draft = Draft(
            department,
            tuple(_listed(clauses)),
            reason.strip(),
            measure.strip(),
            _day(begins, _("開始日")),
            _day(ends, _("終了日")),
            tuple(subjects),
            Number.parse(renews) if renews else None,
        )
        check_draft(draft, _today(request), care.clauses())
        made = care.waivers.request(draft, actor=session.user.name, codes=codes, now=services(request).now())
    except SecopsError as error:
        return _form(request, session, given, error)
    return RedirectResponse(f"/policy/exceptions/{made.number}?done=requested", 303)


def _listed(text: str) -> list[str]:
    """Several names in one field, between commas, spaces or line breaks."""
    for mark in "、，,;；\n\r\t　":
        text = text.replace(mark, " ")
    return list(dict.fromkeys(text.split()))


DONE = {
    "requested": "申請しました。決裁の結果は、この画面に表示されます。",
    "approved": "承認を記録しました。",
    "refused": "不承認を記録しました。",
    "withdrawn": "申請を取り下げました。",
    "revoked": "承認を取り消しました。使用をやめたら、終了を記録してください。",
    "ended": "使用の終了を記録しました。",
}


@router.get("/policy/exceptions/{waiver}")
def show_one(request: Request, waiver: str, session: Seeing, done: str = "") -> Response:
    """One with all that was done."""
    return _detail(request, session, waiver, done=done)


def _action_label(action: str) -> str:
    return _(ACTION_LABELS[action]) if action in ACTION_LABELS else action


def _detail(
    request: Request,
    session: Session,
    number: str,
    *,
    done: str = "",
    problem: SecopsError | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    care, codes = _care(request), _codes(request, session)
    found = care.waivers.waiver(Number.parse(number), codes)
    directory = care.directory()
    mine = session.user.name == found.requested_by
    approves, asks = session.user.may(Right.APPROVE_EXCEPTION), session.user.may(Right.REQUEST_EXCEPTION)
    live = found.state is State.APPROVED and not found.renewed_by
    return page(
        request,
        "policy_exception.html",
        status=status_of(problem) if problem else 200,
        one=found,
        phase=found.phase(_today(request)),
        phases=PHASE_LABELS,
        kinds=KIND_LABELS,
        department=directory.department_name(found.draft.department),
        history=care.waivers.history(found.number, codes),
        action_label=_action_label,
        may_decide=approves and not mine and found.state is State.REQUESTED,
        own_request=approves and mine and found.state is State.REQUESTED,
        may_withdraw=asks and found.state is State.REQUESTED,
        may_revoke=approves and live and not found.revoked_on,
        may_end=asks and live,
        today=_today(request),
        done=_(DONE[done]) if done in DONE else "",
        problem=str(problem) if problem else "",
        given={"action": "", "verdict": "", "decider": "", "on": "", "note": "", **(given or {})},
        Phase=Phase,
    )


def _done(
    request: Request, session: Session, number: str, given: Mapping[str, str], do: Callable[[Number, Codes], str]
) -> Response:
    """Do something to one, and show it with what was done, or with what was typed and what is wrong with it."""
    codes = _codes(request, session)
    try:
        known = _care(request).waivers.waiver(Number.parse(number), codes).number
        said = do(known, codes)
    except SecopsError as error:
        return _detail(request, session, number, problem=error, given=given)
    return RedirectResponse(f"/policy/exceptions/{known}?done={said}", 303)


@router.post("/policy/exceptions/{waiver}/decide")
def decide(
    request: Request,
    waiver: str,
    session: Deciding,
    verdict: Text = "",
    decider: Text = "",
    on: Text = "",
    note: Text = "",
) -> Response:
    """Enter what was decided on the CISO's behalf."""

    def do(number: Number, codes: Codes) -> str:
        if verdict not in {"approved", "refused"}:
            raise UsageError(_("承認か不承認かを選んでください。"))
        decision = Decision(verdict == "approved", decider.strip(), _day(on, _("決裁日")), note.strip())
        now = services(request).now()
        _care(request).waivers.decide(number, decision, actor=session.user.name, codes=codes, now=now)
        return verdict

    given = {"action": "decide", "verdict": verdict, "decider": decider, "on": on, "note": note}
    return _done(request, session, waiver, given, do)


@router.post("/policy/exceptions/{waiver}/withdraw")
def withdraw(request: Request, waiver: str, session: Acting, note: Text = "") -> Response:
    """Take a request back."""

    def do(number: Number, codes: Codes) -> str:
        now = services(request).now()
        _care(request).waivers.withdraw(number, note.strip(), actor=session.user.name, codes=codes, now=now)
        return "withdrawn"

    return _done(request, session, waiver, {"action": "withdraw", "note": note}, do)


@router.post("/policy/exceptions/{waiver}/revoke")
def revoke(request: Request, waiver: str, session: Deciding, on: Text = "", note: Text = "") -> Response:
    """Take an approval back."""

    def do(number: Number, codes: Codes) -> str:
        day, now = _day(on, _("最後の日")), services(request).now()
        _care(request).waivers.revoke(number, day, note.strip(), actor=session.user.name, codes=codes, now=now)
        return "revoked"

    return _done(request, session, waiver, {"action": "revoke", "on": on, "note": note}, do)


@router.post("/policy/exceptions/{waiver}/end")
def end(request: Request, waiver: str, session: Acting, on: Text = "", note: Text = "") -> Response:
    """Say that it is out of use."""

    def do(number: Number, codes: Codes) -> str:
        day, now = _day(on, _("使用をやめた日")), services(request).now()
        _care(request).waivers.end(number, day, note.strip(), actor=session.user.name, codes=codes, now=now)
        return "ended"

    return _done(request, session, waiver, {"action": "end", "on": on, "note": note}, do)
