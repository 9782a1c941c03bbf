"""Workpapers on the console: what was declared, what an auditor confirmed, the steps of the fieldwork."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError, SecopsError, UsageError
from secops.isms.audit.findings_ports import STEP_LABELS, Confirmation, PaperChangedError, PaperRecord, Step
from secops.isms.audit.model import METHOD_LABELS, VERDICT_MARKS, Method, Verdict
from secops.isms.audit.sampling import Sample, draw, new_seed
from secops.isms.audit.sheets import SheetKind
from secops.isms.audit.workpaper import GAP_LABELS, Gap
from secops.locale import _
from secops.schema.dates import JST
from secops.web.isms.cited import cited
from secops.web.isms.findings import day_of, evidence_of, evidence_text
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, services

router = APIRouter()
Reader = Annotated[Session, Depends(reads(Right.SEE_AUDIT))]
Auditor = Annotated[Session, Depends(changes(Right.AUDIT))]
Text = Annotated[str, Form()]
LONGEST_POPULATION = 100_000


@router.get("/audit/papers")
def show_sheets(request: Request, session: Reader, of: str = "") -> Response:
    """The sheets of a round with how many items are confirmed, and where the two values differ."""
    here, viewer = services(request), viewer_of(session.user)
    rounds = here.rounds.rounds()
    number = of or (rounds[0].number if rounds else "")
    every = here.rounds.sheets(viewer, of=number) if number else []
    # What the staff were asked stands on the papers of their department.
    sheets = [one for one in every if one.kind is not SheetKind.STAFF]
    papers = here.audit_work.round_papers(number, viewer) if number else []
    gaps: dict[tuple[str, str], Counter[Gap]] = {}
    owner = {(one.unit.department, one.unit.system, item): one.number for one in sheets for item in one.items}
    for paper in papers:
        sheet = owner[paper.department, paper.system, paper.item]
        gaps.setdefault(("sheet", str(sheet)), Counter())[paper.gap] += 1
    steps = here.audit_work.steps(number, viewer) if number else []
    return page(
        request,
        "papers.html",
        rounds=rounds,
        number=number,
        sheets=sheets,
        gaps={int(key[1]): found for key, found in gaps.items()},
        last={one.sheet: one for one in steps},
        labels=GAP_LABELS,
        step_labels=STEP_LABELS,
        Gap=Gap,
    )


@router.get("/audit/papers/{sheet}")
def show_papers(request: Request, sheet: int, session: Reader) -> Response:
    """The papers of a sheet, item by item, and the steps taken."""
    return _sheet(request, session, sheet)


def _sheet(request: Request, session: Session, sheet: int, problem: SecopsError | None = None) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    seen = here.rounds.sheet(sheet, viewer)
    catalogue = here.rounds.round(seen.round).catalogue
    return page(
        request,
        "sheet_papers.html",
        status=status_of(problem) if problem else 200,
        sheet=seen,
        papers=here.audit_work.sheet_papers(sheet, viewer),
        items=catalogue.by_id,
        steps=[one for one in here.audit_work.steps(seen.round, viewer) if one.sheet == sheet],
        today=here.now().astimezone(JST).date(),
        marks=VERDICT_MARKS,
        labels=GAP_LABELS,
        step_labels=STEP_LABELS,
        Gap=Gap,
        problem=str(problem) if problem else "",
    )


@router.post("/audit/papers/{sheet}/step")
def take_step(
    request: Request, sheet: int, session: Auditor, step: Text = "", on: Text = "", note: Text = ""
) -> Response:
    """Note that a step was taken."""
    here, viewer = services(request), viewer_of(session.user)
    try:
        kind, day = _step(step, on)
        here.audit_work.take_step(sheet, kind, on=day, note=note, viewer=viewer, now=here.now())
    except UsageError as error:
        return _sheet(request, session, sheet, error)
    return RedirectResponse(f"/audit/papers/{sheet}", 303)


def _step(step: str, on: str) -> tuple[Step, date]:
    day = day_of(on, _("日付"))
    if step not in set(Step) or day is None:
        raise UsageError(_("段階と日付を入力してください。"))
    return Step(step), day


@router.get("/audit/papers/{sheet}/{item}")
def show_paper(request: Request, sheet: int, item: str, session: Reader) -> Response:
    """The paper of one item."""
    record = _record(request, session, sheet, item)
    return _paper(request, session, record)


def _record(request: Request, session: Session, sheet: int, item: str) -> PaperRecord:
    found = services(request).audit_work.sheet_papers(sheet, viewer_of(session.user))
    record = next((one for one in found if one.paper.item == item), None)
    if record is None:
        raise NotFoundError(_("項目 {item} は、この点検票にありません。").format(item=item))
    return record


def _paper(
    request: Request,
    session: Session,
    record: PaperRecord,
    *,
    typed: Confirmation | None = None,
    population: str = "",
    problem: SecopsError | None = None,
) -> Response:
    here, viewer = services(request), viewer_of(session.user)
    seen = here.rounds.sheet(record.sheet, viewer)
    item = here.rounds.round(seen.round).catalogue.by_id[record.paper.item]
    answer = here.rounds.answers(record.sheet, viewer).get(item.id)
    own = tuple(one for one in record.paper.evidence if not one.place.startswith("audit/evidence file"))
    shown = typed or Confirmation(
        item.id,
        record.paper.confirmed,
        record.paper.result,
        record.paper.procedure or {},
        record.paper.sample,
        own,
    )
    place = seen.items.index(item.id)
    return page(
        request,
        "paper.html",
        status=status_of(problem) if problem else 200,
        sheet=seen,
        record=record,
        item=item,
        ours=cited(request),
        answer=answer,
        files=[one for one in here.rounds.files(record.sheet, viewer) if one.item == item.id],
        shown=shown,
        evidence=evidence_text(shown.evidence),
        population=population,
        findings=[
            one.finding
            for one in here.audit_work.findings(viewer)
            if (one.finding.item, one.finding.department) == (item.id, seen.unit.department)
        ],
        before=seen.items[place - 1] if place else "",
        behind=seen.items[place + 1] if place + 1 < len(seen.items) else "",
        place=place + 1,
        marks=VERDICT_MARKS,
        methods=METHOD_LABELS,
        labels=GAP_LABELS,
        changed=problem.current if isinstance(problem, PaperChangedError) else None,
        problem=str(problem) if problem else "",
    )


@router.post("/audit/papers/{sheet}/{item}")
def confirm(
    request: Request,
    sheet: int,
    item: str,
    session: Auditor,
    revision: Annotated[int, Form()] = 0,
    verdict: Text = "",
    result: Text = "",
    examine: Text = "",
    interview: Text = "",
    observe: Text = "",
    test: Text = "",
    evidence: Text = "",
    population: Text = "",
    size: Text = "",
    seed: Text = "",
) -> Response:
    """What an auditor found; a population typed line by line is sampled first, with a seed that is kept."""
    here, viewer = services(request), viewer_of(session.user)
    record = _record(request, session, sheet, item)
    done = {Method.EXAMINE: examine, Method.INTERVIEW: interview, Method.OBSERVE: observe, Method.TEST: test}
    given = Verdict(verdict) if verdict in set(Verdict) else Verdict.NOT_VERIFIED
    hashes = {(one.title, one.place): one.sha256 for one in record.paper.evidence}
    typed = tuple(replace(one, sha256=hashes.get((one.title, one.place), "")) for one in evidence_of(evidence))
    made = Confirmation(item, given, result, done, record.paper.sample, typed)
    try:
        if population.strip():
            made = replace(made, sample=_sample(population, size, seed))
        here.audit_work.confirm_paper(sheet, made, revision=revision, viewer=viewer, now=here.now())
    except SecopsError as error:
        return _paper(request, session, record, typed=made, population=population, problem=error)
    return RedirectResponse(f"/audit/papers/{sheet}/{item}?saved=1", 303)


def _sample(population: str, size: str, seed: str) -> Sample:
    if len(population) > LONGEST_POPULATION:
        raise UsageError(_("母集団が大きすぎます。secops audit sample を使ってください。"))
    if not (size.isascii() and size.isdigit()):
        raise UsageError(_("抽出する件数を数字で入力してください。"))
    members = [line.strip() for line in population.splitlines() if line.strip()]
    return draw(members, int(size), seed.strip() or new_seed())


@router.post("/audit/papers/{sheet}/{item}/review")
def review(request: Request, sheet: int, item: str, session: Auditor, revision: Annotated[int, Form()] = 0) -> Response:
    """A second person agrees."""
    here, viewer = services(request), viewer_of(session.user)
    try:
        here.audit_work.review_paper(sheet, item, revision=revision, viewer=viewer, now=here.now())
    except SecopsError as error:
        return _paper(request, session, _record(request, session, sheet, item), problem=error)
    return RedirectResponse(f"/audit/papers/{sheet}/{item}", 303)
