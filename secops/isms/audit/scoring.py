"""Scores: one formula for every level (item, chapter, department, 部, the whole ward).

    achievement = Σ weight × value ÷ Σ weight      over the items judged ○, △ or ×
    coverage    = Σ weight judged ÷ Σ weight       over all items but those 対象外

未確認 is never taken for ○: it is missing from the achievement and lowers the coverage. The grade follows from the
achievement; a mandatory × and an open 重大な不適合 cap it. Sums are whole numbers, so the order of the input has no
effect and no grade hangs on a rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from operator import add
from typing import TypeVar

from secops.errors import AuditError, Problem
from secops.isms.audit.model import Catalogue, Grade, Verdict
from secops.isms.audit.rules import ScoringRules
from secops.locale import _

_Tally = list[int]  # weights by verdict, then numbers by verdict, then how many mandatory ×
_ORDER = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE)
_PLACE = {verdict: place for place, verdict in enumerate(_ORDER)}
_FAILED = 2 * len(_ORDER)
_NOTHING: _Tally = [0] * (_FAILED + 1)
_GRADES = tuple(Grade)  # best first
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one item at one audited unit (department × system; no system: the department's own sheet)."""

    item: str
    department: str
    verdict: Verdict
    system: str = ""


@dataclass(frozen=True, slots=True)
class OpenMajor:
    """A 重大な不適合 that is not yet put right; one without an item bears on its department, 部 and the ward alone."""

    department: str
    item: str = ""


class Cap(StrEnum):
    """What held a grade down."""

    MANDATORY = "mandatory_not_met"
    MAJOR = "open_major"


CAP_LABELS = {Cap.MANDATORY: "必須の項目に × がある", Cap.MAJOR: "未是正の重大な不適合がある"}


@dataclass(frozen=True, slots=True)
class Score:
    """One score. Percentages are cut off after one decimal, so that 89.96 is shown as 89.9 and is a B.

    ``achievement`` is None where nothing was judged, ``coverage`` where nothing applies, ``grade`` where there is no
    achievement or the coverage is too low. ``capped`` says what made the grade lower than the achievement alone would.
    """

    achievement: Decimal | None
    coverage: Decimal | None
    grade: Grade | None
    capped: tuple[Cap, ...]
    counts: Mapping[Verdict, int]
    mandatory_not_met: int
    open_majors: int


@dataclass(frozen=True, slots=True)
class Scores:
    """A round's scores; ``cells`` is (department, chapter) → score, ``unknown`` items that the catalogue has not.

    ``rules`` and ``catalogue`` are the digests of what they were made with: only scores with the same are compared.
    """

    ward: Score
    items: Mapping[str, Score]
    chapters: Mapping[str, Score]
    departments: Mapping[str, Score]
    divisions: Mapping[str, Score]
    cells: Mapping[tuple[str, str], Score]
    unknown: tuple[str, ...]
    rules: str
    catalogue: str


def score_round(
    judgements: Iterable[Judgement],
    majors: Iterable[OpenMajor],
    catalogue: Catalogue,
    rules: ScoringRules,
    divisions: Mapping[str, str],
) -> Scores:
    """All scores of a round; ``divisions`` is department → its 部 (one that has none is left out).

    Raises:
        AuditError: an item was judged twice at the same unit.
    """
    cells, items, unknown = _tallies(judgements, catalogue)
    found = list(majors)
    chapters = {item.id: item.chapter for item in catalogue.items}

    def level(parts: Iterable[tuple[K | None, _Tally]], bears_on: Callable[[OpenMajor], K | None]) -> dict[K, Score]:
        sums: dict[K, _Tally] = {}
        for key, tally in parts:
            if key is not None:
                sums[key] = list(map(add, sums.get(key, _NOTHING), tally))
        counts = Counter(key for one in found if (key := bears_on(one)) is not None)
        # What has an open finding stands here even if nothing of it was judged.
        return {key: _score(sums.get(key, _NOTHING), counts[key], rules) for key in {**sums, **counts}}

    def cell_of(one: OpenMajor) -> tuple[str, str] | None:
        return (one.department, chapters[one.item]) if one.item in chapters else None

    by_cell = list(cells.items())
    return Scores(
        ward=_score([sum(column) for column in zip(_NOTHING, *cells.values(), strict=True)], len(found), rules),
        items=level(items.items(), lambda one: one.item or None),
        chapters=level(((key[1], tally) for key, tally in by_cell), lambda one: chapters.get(one.item)),
        departments=level(((key[0], tally) for key, tally in by_cell), lambda one: one.department),
        divisions=level(
            ((divisions.get(key[0]), tally) for key, tally in by_cell), lambda one: divisions.get(one.department)
        ),
        cells=level(by_cell, cell_of),
        unknown=tuple(sorted(unknown)),
        rules=rules.digest,
        catalogue=catalogue.digest,
    )


def _tallies(
    judgements: Iterable[Judgement], catalogue: Catalogue
) -> tuple[dict[tuple[str, str], _Tally], dict[str, _Tally], set[str]]:
    """Tallies by department and chapter, and by item; what the catalogue does not have is named instead."""
    cells: dict[tuple[str, str], _Tally] = {}
    items: dict[str, _Tally] = {}
    unknown: set[str] = set()
    seen: set[tuple[str, str, str]] = set()
    twice: list[Problem] = []
    known = {item.id: (item.chapter, item.weight, item.mandatory) for item in catalogue.items}
    for one in judgements:
        found = known.get(one.item)
        if found is None:
            unknown.add(one.item)
            continue
        unit = (one.department, one.system, one.item)
        if unit in seen:
            where = " ".join(filter(None, unit))
            twice.append(Problem(where, _("同じ部署・システムで二度判定されています。一つにしてください。")))
            continue
        seen.add(unit)
        chapter, weight, mandatory = found
        place = _PLACE[one.verdict]
        failed = mandatory and one.verdict is Verdict.NOT_MET
        here, there = cells.get((one.department, chapter)), items.get(one.item)
        if here is None:
            here = cells[one.department, chapter] = _NOTHING.copy()
        if there is None:
            there = items[one.item] = _NOTHING.copy()
        for tally in (here, there):
            tally[place] += weight
            tally[len(_ORDER) + place] += 1
            tally[_FAILED] += failed
    if twice:
        raise AuditError(twice)
    return cells, items, unknown


@lru_cache(maxsize=64)
def _exact(value: Decimal) -> Fraction:
    """A parameter as a fraction: the same few of them stand in every score."""
    return Fraction(value)


def _score(tally: _Tally, majors: int, rules: ScoringRules) -> Score:
    """The formula, of one tally."""
    met, partial, not_met, missing = tally[:4]
    judged = met + partial + not_met
    worth = met * _exact(rules.met) + partial * _exact(rules.partial) + not_met * _exact(rules.not_met)
    achievement = 100 * worth / judged if judged else None
    coverage = Fraction(100 * judged, judged + missing) if judged + missing else None
    grade, capped = _grade(achievement, coverage, tally[_FAILED], majors, rules)
    return Score(
        achievement=_cut(achievement),
        coverage=_cut(coverage),
        grade=grade,
        capped=capped,
        counts={verdict: tally[len(_ORDER) + _PLACE[verdict]] for verdict in Verdict},
        mandatory_not_met=tally[_FAILED],
        open_majors=majors,
    )


def _grade(
    achievement: Fraction | None, coverage: Fraction | None, failed: int, majors: int, rules: ScoringRules
) -> tuple[Grade | None, tuple[Cap, ...]]:
    if achievement is None or coverage is None or coverage < _exact(rules.needed_coverage):
        return None, ()
    earned = next((grade for grade, border in rules.borders if achievement >= _exact(border)), Grade.D)
    caps = [(Cap.MANDATORY, rules.mandatory_cap)] if failed else []
    caps += [(Cap.MAJOR, rules.major_cap)] if majors else []
    worst = max((earned, *(limit for _cap, limit in caps)), key=_GRADES.index)
    return worst, tuple(cap for cap, limit in caps if _GRADES.index(limit) > _GRADES.index(earned))


def _cut(percent: Fraction | None) -> Decimal | None:
    return None if percent is None else Decimal(percent * 10 // 1) / 10
