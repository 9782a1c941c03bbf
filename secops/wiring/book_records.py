"""The book of a round as the records have it: plan, sheets, workpapers, findings, evidence, earlier years."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time

from secops.errors import PolicyError
from secops.isms.audit.book import Ledger, make_book
from secops.isms.audit.findings_ports import Step
from secops.isms.audit.ports import Round
from secops.isms.audit.round import (
    Answered,
    EvidenceSheet,
    Finding,
    FindingState,
    SheetFoot,
    Unit,
    Visit,
    YearGrade,
)
from secops.isms.audit.sheets import Answer, Sheet, SheetKind, SheetState
from secops.isms.policy.links import SHORT
from secops.schema.dates import JST
from secops.siem.ports import Scope
from secops.store.records.evidence import SheetFilter
from secops.wiring.audits import open_rules
from secops.wiring.guidelines import open_editions
from secops.wiring.policies import open_library
from secops.wiring.rounds import EVERYTHING
from secops.wiring.site import Site

_VISITING = frozenset({Step.INTERVIEW, Step.INSPECTION, Step.TECHNICAL})
MOST_SHEETS = 500  # evidence sheets of a round that papers carry, the newest


def from_round(site: Site, round_: Round, earlier: Iterable[Ledger], last: Ledger | None = None) -> Ledger:
    """The book of a round; ``earlier`` are those of the years before.

    ``last`` is the book as it was read before: where nothing that is scored has changed, it is not scored again.
    """
    desk, rules = site.desk.rounds, open_rules(site.folder)
    plan = desk.plan(round_.number, EVERYTHING).plan
    sheets = desk.sheets(EVERYTHING, of=round_.number)
    years = sorted(earlier, key=lambda one: one.book.year)
    now, before = _findings(site, round_.year)
    told = [finding for one in years for finding in one.book.findings]
    asked = dict.fromkeys(Unit(one.unit.department, one.unit.system) for one in sheets)
    book = make_book(
        last=last.book if last else None,
        ward=site.settings.site.name,
        year=round_.year,
        plan=replace(plan, units=tuple(plan.units) or tuple(asked)),
        catalogue=round_.catalogue,
        rules=rules,
        papers=site.desk.audit_work.round_papers(round_.number, EVERYTHING),
        findings=now,
        names=_names(site, sheets),
        divisions={one.unit.department: one.place.division for one in sheets if one.place.division},
        systems=_systems(site, sheets),
        clause_titles=_cited(site),
        sheets=_evidence(site, round_.number),
        history=_history(years),
        earlier=tuple({one.number: one for one in (*told, *before)}.values()),
        progress=_progress(sheets),
        visits=_visits(site, round_.number, sheets),
    )
    return Ledger(book, rules)


def with_answers(site: Site, ledger: Ledger) -> Ledger:
    """The book with what the units wrote of each item, this year and the last: for the form that shows it all."""
    desk, book = site.desk.rounds, ledger.book
    answers: list[Answered] = []
    feet: list[SheetFoot] = []
    for one in desk.rounds():
        if one.year != book.year:
            continue
        for sheet in desk.sheets(EVERYTHING, of=one.number):
            if sheet.kind is SheetKind.STAFF:
                continue
            last = desk.last_answers(sheet.number, EVERYTHING)
            said = desk.answers(sheet.number, EVERYTHING)
            confirmed = sheet.confirmed_at.astimezone(JST).date() if sheet.confirmed_at else None
            feet.append(SheetFoot(sheet.unit, confirmed, sheet.summary, sheet.remarks))
            for item in sheet.items:
                now, before = said.get(item, Answer(item)), last.get(item, Answer(item))
                answers.append(
                    Answered(sheet.unit, item, now.note, now.reason, now.improvement, now.due, before.verdict)
                )
    return replace(ledger, book=replace(book, answers=tuple(answers), feet=tuple(feet)))


def with_persons(site: Site, ledger: Ledger) -> Ledger:
    """The book with the names of the accounts in the place of logins; two of one name keep the login as well."""
    shown = {one.name: one.display_name.strip() for one in site.accounts.users() if one.display_name.strip()}
    often = Counter(shown.values())

    def name(login: str) -> str:
        said = shown.get(login, "")
        return (f"{said}({login})" if often[said] > 1 else said) or login

    papers = tuple(replace(one, preparer=name(one.preparer), reviewer=name(one.reviewer)) for one in ledger.book.papers)
    return replace(ledger, book=replace(ledger.book, papers=papers))


def _visits(site: Site, number: str, sheets: Iterable[Sheet]) -> tuple[Visit, ...]:
    """When auditors come: as planned, and where nobody planned it the days on which they noted that they came."""
    plans = [one for one in site.desk.rounds.plans(EVERYTHING) if number in {one.plan.number, one.plan.above}]
    planned = [visit for one in plans for visit in one.visits]
    known = {one.unit for one in planned}
    units = {one.number: Unit(one.unit.department, one.unit.system) for one in sheets}
    noted = [
        (units[one.sheet], datetime.combine(one.on, time(), JST))
        for one in site.desk.audit_work.steps(number, EVERYTHING)
        if one.step in _VISITING and one.sheet in units and units[one.sheet] not in known
    ]
    return (*planned, *(Visit(unit, day, day) for unit, day in dict.fromkeys(noted)))


def _findings(site: Site, year: int) -> tuple[list[Finding], list[Finding]]:
    """Findings of the year and of the years before. A draft is nobody's business but its auditor's."""
    found = [one for one in site.desk.audit_work.findings(EVERYTHING) if one.finding.state is not FindingState.DRAFT]
    return [one.finding for one in found if one.year == year], [one.finding for one in found if one.year < year]


def _cited(site: Site) -> dict[str, str]:
    """Clause → how a paper cites it: those of every edition, and those of the documents in force."""
    found = {
        one.id: f"総務省ガイドライン（{edition.title}）{one.number}「{one.title}」"
        for edition in open_editions(site.folder).all
        for one in edition.clauses
    }
    try:
        documents = open_library(site).current(site.now().astimezone(JST).date())
    except PolicyError:  # the audit's papers do not wait for a document to be mended: its clauses keep their ids
        return found
    for document in documents:
        short = SHORT.get(document.kind, document.title)
        for one in document.clauses:
            title = f"（{one.title}）" if one.title else ""
            found[one.id] = f"{short}{document.number(one.id)}{title}"
    return found


def _names(site: Site, sheets: Iterable[Sheet]) -> dict[str, str]:
    """Code → name: as the inventory has it now, over that the name that a unit had when the round began."""
    names = {one.code: one.name for one in site.directory.departments}
    for sheet in sheets:
        names[sheet.unit.department] = sheet.place.department
        if sheet.place.division:
            names[sheet.place.division] = sheet.place.division_name or sheet.place.division
    return names


def _systems(site: Site, sheets: Iterable[Sheet]) -> dict[str, str]:
    names = {one.code: one.name for one in site.directory.systems}
    return names | {one.unit.system: one.place.system for one in sheets if one.unit.system}


def _evidence(site: Site, number: str) -> tuple[EvidenceSheet, ...]:
    listed, _total = site.desk.evidence.sheets(SheetFilter(round=number), Scope(), limit=MOST_SHEETS)
    return tuple(site.desk.evidence.sheet(one.number, Scope()).sheet for one in reversed(listed))


def _history(years: Iterable[Ledger]) -> tuple[YearGrade, ...]:
    """Results of the years before, as their own rules scored them; a later book has those of earlier ones too."""
    found: dict[tuple[int, str], YearGrade] = {}
    for one in years:
        found |= {(past.year, past.department): past for past in one.book.history}
        scores = {"": one.book.confirmed.ward, **one.book.confirmed.departments}
        for department, score in scores.items():
            found[one.book.year, department] = YearGrade(
                one.book.year,
                department,
                None if score.achievement is None else float(score.achievement),
                None if score.coverage is None else float(score.coverage),
                score.grade,
            )
    return tuple(found[key] for key in sorted(found))


def _progress(sheets: Iterable[Sheet]) -> dict[str, tuple[int, int]]:
    """Department → sheets asked, sheets that its head confirmed."""
    found: dict[str, tuple[int, int]] = {}
    for one in sheets:
        if one.kind is SheetKind.STAFF:
            continue
        asked, done = found.get(one.unit.department, (0, 0))
        found[one.unit.department] = (asked + 1, done + (one.state is SheetState.CONFIRMED))
    return found
