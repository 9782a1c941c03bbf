"""The numbers of a book by name, as papers print them: one place counts, papers and the linter both ask here.

``findings.minor_nonconformity`` is of the whole paper; ``department.1010.achievement`` and
``chapter.6.coverage`` of a part. A paper of one department has the same names, counted over that department alone.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from secops.isms.audit.book import looked_at
from secops.isms.audit.model import Verdict
from secops.isms.audit.round import ActionState, Book, Finding, FindingKind, FindingState, Unit
from secops.isms.audit.scoring import Score
from secops.isms.audit.workpaper import Gap, gaps

NONE = "―"  # nothing was judged


def of_department(book: Book, department: str) -> tuple[Finding, ...]:
    """The findings of a department, or all."""
    return tuple(one for one in book.findings if department in {"", one.department})


def units_of(book: Book, department: str = "") -> list[Unit]:
    """The audited units in the order of the plan, then others that an auditor looked at."""
    plan = book.plan
    looked = [Unit(one.department, one.system) for one in looked_at(plan, book.papers)]
    planned = [*(plan.audited or plan.units), *looked]
    return [one for one in dict.fromkeys(planned) if department in {"", one.department}]


def departments_of(book: Book, department: str = "") -> list[str]:
    """The departments of the audited units."""
    return list(dict.fromkeys(one.department for one in units_of(book, department)))


def known_departments(book: Book) -> list[str]:
    """The departments of the round: those that are audited, then those that only inspect themselves."""
    everyone = [one.department for one in book.plan.units] + [one.department for one in book.papers]
    return list(dict.fromkeys([*departments_of(book), *everyone]))


def percent(value: Decimal | float | None) -> str:
    """A percentage with one decimal."""
    return NONE if value is None else f"{value:.1f}"


def figures(book: Book, department: str = "", day: date | None = None) -> dict[str, str]:
    """All numbers that a paper of this book (of one department, or of all) may print; what is overdue, on ``day``."""
    found = _findings(of_department(book, department), "findings")
    found |= _findings(tuple(one for one in book.earlier if department in {"", one.department}), "earlier")
    if day is not None:
        found["findings.overdue"] = str(sum(one.overdue(day) for one in of_department(book, department)))
    whole = _of(book, department)
    found |= _score(whole, "") | _verdicts(whole)
    found["declared.achievement"] = percent(_of(book, department, declared=True).achievement)
    found |= _scope(book, department)
    for code in departments_of(book, department):
        if score := book.confirmed.departments.get(code):
            found |= _score(score, f"department.{code}.")
        own = of_department(book, code)
        found[f"department.{code}.findings"] = str(sum(one.kind is not FindingKind.GOOD for one in own))
    for chapter in book.catalogue.chapters:
        score = book.confirmed.cells.get((department, chapter)) if department else book.confirmed.chapters.get(chapter)
        if score:
            found |= _score(score, f"chapter.{chapter}.")
    return found


def _of(book: Book, department: str, *, declared: bool = False) -> Score:
    scores = book.declared if declared else book.confirmed
    empty = Score(None, None, None, (), dict.fromkeys(Verdict, 0), 0, 0)
    return scores.departments.get(department, empty) if department else scores.ward


def _score(score: Score, name: str) -> dict[str, str]:
    return {
        f"{name}achievement": percent(score.achievement),
        f"{name}coverage": percent(score.coverage),
        f"{name}grade": score.grade.value if score.grade else NONE,
        f"{name}mandatory_not_met": str(score.mandatory_not_met),
    }


def _verdicts(score: Score) -> dict[str, str]:
    found = {f"verdict.{verdict.value}": str(count) for verdict, count in score.counts.items()}
    judged = sum(score.counts[one] for one in (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET))
    return found | {"verdict.judged": str(judged), "verdict.total": str(sum(score.counts.values()))}


def _findings(found: tuple[Finding, ...], name: str) -> dict[str, str]:
    kinds = Counter(one.kind for one in found)
    graded = [one for one in found if one.kind is not FindingKind.GOOD]
    actions = Counter(action.state for one in graded for action in one.actions)
    values = {kind.value: kinds[kind] for kind in FindingKind}
    values |= {
        "total": len(graded),
        "open": sum(one.state is not FindingState.CLOSED for one in graded),
        "closed": sum(one.state is FindingState.CLOSED for one in graded),
        "repeated": sum(bool(one.repeats) for one in graded),
        "horizontal": sum(one.horizontal for one in graded),
        "planned": sum(bool(one.actions) for one in graded),
    }
    values |= {f"action.{state.value}": actions[state] for state in ActionState}
    return {f"{name}.{key}": str(value) for key, value in values.items()}


def _scope(book: Book, department: str) -> dict[str, str]:
    codes = departments_of(book, department)
    units = units_of(book, department)
    papers = [one for one in looked_at(book.plan, book.papers) if department in {"", one.department}]
    counted = Counter[Gap]()
    for code, found in gaps(papers).items():
        if code in codes:
            counted.update(found)
    asked = [counts for code, counts in book.progress.items() if department in {"", code}]
    return {
        "departments": str(len(codes)),
        "systems": str(len({one.system for one in units if one.system})),
        "items": str(len({one.item for one in papers})),
        "sheets.asked": str(sum(one[0] for one in asked)),
        "sheets.confirmed": str(sum(one[1] for one in asked)),
        **{f"gap.{kind.value}": str(counted[kind]) for kind in Gap},
    }
