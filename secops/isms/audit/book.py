"""Makes a `Book`: scores are counted from its own workpapers and findings, so that no number can disagree with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from secops.isms.audit.model import Catalogue, Verdict
from secops.isms.audit.round import Book, Finding, FindingKind, FindingState, Plan, Unit
from secops.isms.audit.rules import ScoringRules
from secops.isms.audit.scoring import Judgement, OpenMajor, Scores, score_round
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


@dataclass(frozen=True)
class _Scorer:
    """Scores papers, or takes the scores of the ``last`` state of the book where they cannot differ."""

    plan: Plan
    papers: tuple[Workpaper, ...]
    majors: list[OpenMajor]
    catalogue: Catalogue
    rules: ScoringRules
    divisions: Mapping[str, str]
    last: Book | None

    def declared(self) -> Scores:
        """Of what the units say of themselves."""
        if self.last and self._as_before(self.last, self.last.declared, attrgetter("declared")):
            return self.last.declared
        return self._score(declared_values(self.papers))

    def confirmed(self) -> Scores:
        """Of what auditors confirmed."""
        if self.last and self._as_before(self.last, self.last.confirmed, attrgetter("confirmed")):
            return self.last.confirmed
        return self._score(confirmed_values(looked_at(self.plan, self.papers)))

    def _score(self, values: list[Judgement]) -> Scores:
        return score_round(values, self.majors, self.catalogue, self.rules, self.divisions)

    def _as_before(self, last: Book, scores: Scores, verdict: Callable[[Workpaper], Verdict]) -> bool:
        def told(one: Workpaper) -> tuple[str, str, str, Verdict]:
            return one.item, one.department, one.system, verdict(one)

        return (
            (scores.rules, scores.catalogue) == (self.rules.digest, self.catalogue.digest)
            and open_majors(last.findings) == self.majors
            and last.divisions == self.divisions
            and last.plan.audited == self.plan.audited
            and len(last.papers) == len(self.papers)
            # Most papers are the very ones of then.
            and all(a is b or told(a) == told(b) for a, b in zip(self.papers, last.papers, strict=True))
        )


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
    last: Book | None = None,
    **more: Any,
) -> Book:
    """A book of these; ``more`` are the fields of `Book` that have a default. See `looked_at` for what is confirmed.

    ``last`` is an earlier state of this book: what is scored as it was then is not scored again.

    Raises:
        AuditError: an item was judged twice at the same unit.
    """
    kept, found = tuple(papers), tuple(findings)
    scorer = _Scorer(plan, kept, open_majors(found), catalogue, rules, divisions, last)
    return Book(
        ward=ward,
        year=year,
        plan=plan,
        catalogue=catalogue,
        papers=kept,
        declared=scorer.declared(),
        confirmed=scorer.confirmed(),
        findings=found,
        names=names,
        divisions=divisions,
        systems=systems,
        rules=rules,
        **more,
    )
