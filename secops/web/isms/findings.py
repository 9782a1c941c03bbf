"""Findings on the console: the list, one finding with what may be done to it now, horizontal checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import SecopsError, UsageError
from secops.isms.audit.findings import TEXTS, lacking, repeats
from secops.isms.audit.findings_ports import (
    GAP_ANSWERS,
    FindingRecord,
    GapAnswer,
    Horizontal,
    HorizontalAnswer,
    Wanted,
)
from secops.isms.audit.round import (
    ACTION_STATES,
    FINDING_LABELS,
    FINDING_STATES,
    Action,
    ActionState,
    Finding,
    FindingKind,
    FindingState,
)
from secops.isms.audit.workpaper import Evidence
from secops.locale import _
from secops.schema.dates import JST, fiscal_year
from secops.web.isms.cited import cited
from secops.web.isms.viewing import reads_any, viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()
SPARE = 1  # an empty line for a further measure
Reader = Annotated[Session, Depends(reads_any(Right.SEE_AUDIT, Right.ANSWER_INSPECTION))]
Auditor = Annotated[Session, Depends(changes(Right.AUDIT))]
Lead = Annotated[Session, Depends(changes(Right.LEAD_AUDIT))]
Head = Annotated[Session, Depends(changes(Right.CONFIRM_INSPECTION))]
Text = Annotated[str, Form()]
Texts = Annotated[list[str], Form()]


def _today(request: Request) -> date:
    return services(request).now().astimezone(JST).date()


def day_of(text: str, label: str) -> date | None:
    """A date of a form; an empty one is none.

    Raises:
        UsageError: no date.
    """
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(_("{label}を 2027-03-31 のように入力してください。").format(label=label)) from None


def evidence_of(text: str) -> tuple[Evidence, ...]:
    """Evidence typed one a line: ``what it is | where it is kept``."""
    parts = [line.partition("|") for line in text.splitlines() if line.strip()]
    return tuple(Evidence(title.strip(), place.strip()) for title, _bar, place in parts)


def evidence_text(evidence: tuple[Evidence, ...]) -> str:
    """The same, to be edited."""
    return "\n".join(f"{one.title} | {one.place}" if one.place else one.title for one in evidence)


@router.get("/findings")
def show_findings(
    request: Request, session: Reader, year: str = "", state: str = "", q: str = "", overdue: str = ""
) -> Response:
    """All findings that the reader may see, with how many there are of each kind."""
    here, viewer = services(request), viewer_of(session.user)
    everything = here.audit_work.findings(viewer)
    wanted = Wanted(
        year=int(year) if year.isascii() and year.isdigit() else None,
        states=frozenset({FindingState(state)}) if state in set(FindingState) else frozenset(),
        overdue=_today(request) if overdue else None,
        text=q.strip()[:200],
    )
    found = here.audit_work.findings(viewer, wanted)
    return page(
        request,
        "findings.html",
        found=found,
        everything=everything,
        years=sorted({one.year for one in everything}, reverse=True),
        view={"year": year, "state": state, "q": q, "overdue": overdue},
        late=sum(one.finding.overdue(_today(request)) for one in everything),
        today=_today(request),
        horizontals=[one for one in here.audit_work.horizontals(viewer) if one.waiting],
        kinds=FINDING_LABELS,
        states=FINDING_STATES,
    )


@router.get("/findings/new")
def new_finding(
    request: Request,
    session: Annotated[Session, Depends(reads(Right.AUDIT))],
    sheet: int | None = None,
    item: str = "",
) -> Response:
    """The form of a draft; from a workpaper it begins with what stands there."""
    here, viewer = services(request), viewer_of(session.user)
    draft = Finding("", FindingKind.MINOR, "", "")
    if sheet is not None:
        seen = here.rounds.sheet(sheet, viewer)
        paper = next((one.paper for one in here.audit_work.sheet_papers(sheet, viewer) if one.paper.item == item), None)
        known = here.rounds.round(seen.round).catalogue.by_id.get(item)
        draft = replace(draft, department=seen.unit.department, system=seen.unit.system, item=item)
        if paper:
            draft = replace(draft, fact=paper.result, evidence=paper.evidence)
        if known:
            draft = replace(draft, clauses=known.clauses)
    return _form(request, session, draft)


def _form(
    request: Request, session: Session, draft: Finding, revision: int = 0, problem: SecopsError | None = None
) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    return page(
        request,
        "finding_form.html",
        status=status_of(problem) if problem else 200,
        draft=draft,
        revision=revision,
        departments=_departments(request, session),
        evidence=evidence_text(draft.evidence),
        earlier=repeats(draft, [one.finding for one in here.audit_work.findings(viewer)]) if draft.department else [],
        kinds=FINDING_LABELS,
        texts=TEXTS,
        problem=str(problem) if problem else "",
    )


def _departments(request: Request, session: Session) -> dict[str, str]:
    """Code → name of the departments that have a sheet which the reader may see."""
    sheets = services(request).rounds.sheets(viewer_of(session.user))
    return {one.unit.department: one.place.department for one in sheets}


@router.post("/findings")
def draft_finding(
    request: Request,
    session: Auditor,
    number: Text = "",
    revision: Annotated[int, Form()] = 0,
    kind: Text = "",
    department: Text = "",
    system: Text = "",
    item: Text = "",
    clauses: Text = "",
    title: Text = "",
    fact: Text = "",
    criterion: Text = "",
    cause: Text = "",
    risk: Text = "",
    recommendation: Text = "",
    evidence: Text = "",
    repeated: Text = "",
) -> Response:
    """Keep a draft, a new one or another text of one."""
    here, viewer, now = services(request), viewer_of(session.user), services(request).now()
    draft = Finding(
        number=number,
        kind=FindingKind(kind) if kind in set(FindingKind) else FindingKind.MINOR,
        title=title,
        department=department,
        system=system,
        item=item,
        clauses=tuple(clauses.replace(",", " ").split()),
        fact=fact,
        criterion=criterion,
        cause=cause,
        risk=risk,
        recommendation=recommendation,
        evidence=evidence_of(evidence),
        repeats=repeated,
    )
    try:
        names = _departments(request, session)
        if department not in names:
            raise UsageError(_("どの部署の指摘かを選んでください。"))
        if number:
            kept = here.audit_work.finding(number, viewer)
            draft = replace(draft, evidence=_kept(draft.evidence, kept.finding.evidence))
            record = here.audit_work.change_finding(draft, revision=revision, viewer=viewer, now=now)
        else:
            year = fiscal_year(_today(request))
            record = here.audit_work.draft_finding(
                draft, year=year, plan=str(year), department_name=names[department], viewer=viewer, now=now
            )
    except SecopsError as error:
        return _form(request, session, draft, revision, error)
    return RedirectResponse(f"/findings/{record.finding.number}", 303)


def _kept(typed: tuple[Evidence, ...], before: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Evidence as typed, with the hashes that the same lines had before."""
    hashes = {(one.title, one.place): one.sha256 for one in before}
    return tuple(replace(one, sha256=hashes.get((one.title, one.place), "")) for one in typed)


@router.get("/findings/{finding}")
def show_finding(request: Request, finding: str, session: Reader) -> Response:
    """One finding."""
    record = services(request).audit_work.finding(finding, viewer_of(session.user))
    return _show(request, session, record)


@dataclass(frozen=True, slots=True)
class _Doing:
    """What somebody typed that could not be done, and why."""

    problem: SecopsError
    actions: tuple[Action, ...] | None = None
    cause: str = ""


def _show(request: Request, session: Session, record: FindingRecord, doing: _Doing | None = None) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    finding = record.finding
    actions = doing.actions if doing and doing.actions is not None else finding.actions
    asked = next((one for one in here.audit_work.horizontals(viewer) if one.finding == finding.number), None)
    return page(
        request,
        "finding.html",
        status=status_of(doing.problem) if doing else 200,
        record=record,
        finding=finding,
        ours=cited(request),
        lacking=list(lacking(finding)) if finding.state is FindingState.DRAFT else [],
        actions=[*actions, *[Action("", "", None)] * SPARE],
        plan_cause=doing.cause if doing and doing.actions is not None else finding.improvement_cause,
        evidence_text=evidence_text,
        history=here.trail(f"finding {finding.number}") if session.user.may(Right.SEE_AUDIT) else (),
        horizontal=asked,
        departments=_departments(request, session) if session.user.may(Right.LEAD_AUDIT) else {},
        today=_today(request),
        kinds=FINDING_LABELS,
        states=FINDING_STATES,
        action_states=ACTION_STATES,
        gap_answers=GAP_ANSWERS,
        texts=TEXTS,
        problem=str(doing.problem) if doing else "",
    )


@router.get("/findings/{finding}/edit")
def edit_finding(request: Request, finding: str, session: Annotated[Session, Depends(reads(Right.AUDIT))]) -> Response:
    """The form of a draft."""
    record = services(request).audit_work.finding(finding, viewer_of(session.user))
    return _form(request, session, record.finding, record.revision)


def _do(request: Request, session: Session, number: str, step: str, **more: Any) -> Response:
    """One step of one finding; a refusal is shown on its page, with nothing of what was typed lost."""
    here, viewer = services(request), viewer_of(session.user)
    try:
        getattr(here.audit_work, step)(number, viewer=viewer, now=here.now(), **more)
    except SecopsError as error:
        record = here.audit_work.finding(number, viewer)
        return _show(request, session, record, _Doing(error, more.get("actions"), more.get("cause", "")))
    return RedirectResponse(f"/findings/{number}", 303)


@router.post("/findings/{finding}/send")
def send(request: Request, finding: str, session: Auditor) -> Response:
    """Out to the department for the fact check."""
    return _do(request, session, finding, "send_finding")


@router.post("/findings/{finding}/take-back")
def take_back(request: Request, finding: str, session: Auditor, reason: Text = "") -> Response:
    """Back to draft."""
    return _do(request, session, finding, "take_back_finding", reason=reason)


@router.post("/findings/{finding}/reply")
def reply(request: Request, finding: str, session: Head, agreed: Text = "", opinion: Text = "") -> Response:
    """What the department says of the facts."""
    return _do(request, session, finding, "reply_finding", agreed=agreed == "yes", opinion=opinion)


@router.post("/findings/{finding}/issue")
def issue(request: Request, finding: str, session: Lead) -> Response:
    """In force from now on."""
    return _do(request, session, finding, "issue_finding")


@router.post("/findings/{finding}/close")
def close(request: Request, finding: str, session: Auditor) -> Response:
    """Done."""
    return _do(request, session, finding, "close_finding")


@router.post("/findings/{finding}/reopen")
def reopen(request: Request, finding: str, session: Lead, reason: Text = "") -> Response:
    """Not done after all."""
    return _do(request, session, finding, "reopen_finding", reason=reason)


@router.post("/findings/{finding}/check")
def check(
    request: Request,
    finding: str,
    session: Auditor,
    place: Annotated[int, Form()] = 0,
    text: Text = "",
    effective: Text = "",
) -> Response:
    """What an auditor found out about a measure."""
    said = {"on": _today(request), "text": text, "effective": effective == "yes"}
    return _do(request, session, finding, "check_action", place=place, **said)


@router.post("/findings/{finding}/plan")
def plan(
    request: Request,
    finding: str,
    session: Head,
    revision: Annotated[int, Form()] = 0,
    cause: Text = "",
    measure: Texts = [],  # noqa: B006 - never changed; FastAPI copies it
    person: Texts = [],  # noqa: B006 - as above
    due: Texts = [],  # noqa: B006 - as above
    interim: Texts = [],  # noqa: B006 - as above
    state: Texts = [],  # noqa: B006 - as above
    done_on: Texts = [],  # noqa: B006 - as above
    evidence: Texts = [],  # noqa: B006 - as above
    reason: Texts = [],  # noqa: B006 - as above
    exception: Texts = [],  # noqa: B006 - as above
) -> Response:
    """The improvement plan, or how far it is: a line a measure."""
    here, viewer = services(request), viewer_of(session.user)
    try:
        lines = list(zip(measure, person, due, interim, state, done_on, evidence, reason, exception, strict=True))
        before = here.audit_work.finding(finding, viewer).finding.actions
        actions = tuple(
            _action(line, before[at].evidence if at < len(before) else ())
            for at, line in enumerate(lines)
            if line[0].strip() or line[1].strip()
        )
    except ValueError:
        raise UsageError(_("画面から送られた入力が足りません。画面を開き直してください。")) from None
    return _do(request, session, finding, "plan_actions", cause=cause, actions=actions, revision=revision)


def _action(line: tuple[str, ...], before: tuple[Evidence, ...]) -> Action:
    measure, person, due, interim, state, done_on, evidence, reason, exception = line
    return Action(
        measure=measure.strip(),
        person=person.strip(),
        due=day_of(due, _("期限")),
        interim=interim.strip(),
        state=ActionState(state) if state in set(ActionState) else ActionState.PLANNED,
        done_on=day_of(done_on, _("完了日")),
        evidence=_kept(evidence_of(evidence), before),
        reason=reason.strip(),
        exception=exception.strip(),
    )


@router.post("/findings/{finding}/horizontal")
def order(
    request: Request,
    finding: str,
    session: Lead,
    question: Text = "",
    ordered_by: Text = "",
    due: Text = "",
    departments: Texts = [],  # noqa: B006 - never changed; FastAPI copies it
) -> Response:
    """Ask other departments for the same gap, on the CISO's order."""
    here = services(request)
    names = _departments(request, session)
    try:
        until = day_of(due, _("期限"))
        if until is None:
            raise UsageError(_("期限を入力してください。"))
        asked = tuple(HorizontalAnswer(code, names[code]) for code in departments if code in names)
        made = Horizontal(finding, "", question, ordered_by, _today(request), until, asked)
        here.audit_work.order_horizontal(made, actor=session.user.name, now=here.now())
    except SecopsError as error:
        record = here.audit_work.finding(finding, viewer_of(session.user))
        return _show(request, session, record, _Doing(error))
    return RedirectResponse(f"/findings/{finding}", 303)


@router.get("/horizontal")
def show_horizontal(request: Request, session: Reader) -> Response:
    """Horizontal checks: what is asked, who has answered."""
    return _horizontal(request, session)


def _horizontal(request: Request, session: Session, problem: SecopsError | None = None) -> Response:
    found = services(request).audit_work.horizontals(viewer_of(session.user))
    return page(
        request,
        "horizontal.html",
        status=status_of(problem) if problem else 200,
        found=found,
        gap_answers=GAP_ANSWERS,
        today=_today(request),
        problem=str(problem) if problem else "",
    )


@router.post("/horizontal/{finding}")
def answer(
    request: Request,
    finding: str,
    session: Head,
    department: Text = "",
    given: Text = "",
    text: Text = "",
    due: Text = "",
) -> Response:
    """The answer of a department."""
    here = services(request)
    try:
        said = GapAnswer(given) if given in set(GapAnswer) else None
        made = HorizontalAnswer(department, "", said, text, day_of(due, _("期限")))
        here.audit_work.answer_horizontal(finding, made, viewer=viewer_of(session.user), now=here.now())
    except SecopsError as error:
        return _horizontal(request, session, error)
    return RedirectResponse("/horizontal", 303)
