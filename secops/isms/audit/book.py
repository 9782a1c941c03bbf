"""Makes a `Book`: scores are counted from its own workpapers and findings, so that no number can disagree with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from secops.isms.audit.model import Catalogue, Verdict
from secops.isms.audit.round import Book, Finding, FindingKind, FindingState, Plan, Unit
from secops.isms.audit.rules import ScoringRules
from secops.isms.audit.scoring import OpenMajor, score_round
from secops.isms.audit.sight import Sight
from secops.isms.audit.workpaper import Workpaper, confirmed_values, declared_values


@dataclass(frozen=True)
class Ledger:
    """A book with the rules that it was scored by: what is handed from one machine to another."""

    book: Book
    rules: ScoringRules

    def only(self, sight: Sight) -> Ledger:
        """The same as far as it is in sight. Totals are those of what is left."""
        old = self.book
        names = old.names
        if sight.everywhere:
            sheets = tuple(one for one in old.sheets if sight.evidence(one, names))
            return self if sheets == old.sheets else Ledger(replace(old, sheets=sheets), self.rules)
        units = tuple(one for one in old.plan.units if sight.unit(one, names))
        audited = tuple(one for one in old.plan.audited if sight.unit(one, names))
        book = make_book(
            ward=old.ward,
            year=old.year,
            plan=replace(old.plan, units=units, audited=audited),
            catalogue=old.catalogue,
            rules=self.rules,
            papers=[one for one in old.papers if sight.unit(Unit(one.department, one.system), names)],
            findings=[one for one in old.findings if sight.finding(one, names)],
            names=names,
            divisions=old.divisions,
            systems=old.systems,
            clause_titles=old.clause_titles,
            sheets=tuple(one for one in old.sheets if sight.evidence(one, names)),
            history=tuple(one for one in old.history if sight.whole(one.department, names)),
            earlier=tuple(one for one in old.earlier if sight.finding(one, names)),
            progress={code: counts for code, counts in old.progress.items() if sight.whole(code, names)},
            terms=old.terms,
            visits=tuple(one for one in old.visits if sight.unit(one.unit, names)),
            excluded=old.excluded,
            answers=tuple(one for one in old.answers if sight.unit(one.unit, names)),
            feet=tuple(one for one in old.feet if sight.unit(one.unit, names)),
        )
        return Ledger(book, self.rules)


def open_majors(findings: Iterable[Finding]) -> list[OpenMajor]:
    """The 重大な不適合 that hold a grade down: released ones that are not closed."""
    return [
        OpenMajor(one.department, one.item)
        for one in findings
        if one.kind is FindingKind.MAJOR and one.state is not FindingState.CLOSED
    ]


def looked_at(plan: Plan, papers: Iterable[Workpaper]) -> list[Workpaper]:
    """The papers of the units that are audited this year, and any other that an auditor confirmed all the same.

    In an annual plan all units inspect themselves and some are audited: what nobody meant to look at is no gap of the
    audit's coverage. Where a plan names no such units, all of its papers count.
    """
    meant = set(plan.audited)
    return [
        one
        for one in papers
        if not meant or Unit(one.department, one.system) in meant or one.confirmed is not Verdict.NOT_VERIFIED
    ]


def make_book(
    *,
    ward: str,
    year: int,
    plan: Plan,
    catalogue: Catalogue,
    rules: ScoringRules,
    papers: Iterable[Workpaper],
    findings: Iterable[Finding],
    names: Mapping[str, str],
    divisions: Mapping[str, str],
    systems: Mapping[str, str],
    **more: Any,
) -> Book:
    """A book of these; ``more`` are the fields of `Book` that have a default. See `looked_at` for what is confirmed.

    Raises:
        AuditError: an item was judged twice at the same unit.
    """
    kept, found = tuple(papers), tuple(findings)
    majors = open_majors(found)
    return Book(
        ward=ward,
        year=year,
        plan=plan,
        catalogue=catalogue,
        papers=kept,
        declared=score_round(declared_values(kept), majors, catalogue, rules, divisions),
        confirmed=score_round(confirmed_values(looked_at(plan, kept)), majors, catalogue, rules, divisions),
        findings=found,
        names=names,
        divisions=divisions,
        systems=systems,
        rules=rules,
        **more,
    )
