"""Workpapers (監査調書): for each item and unit what was declared, what was found, and how.

The value of the self-inspection and the value that the auditor confirmed stand apart; the difference is an observation
of its own. A score of the audit is made of confirmed values only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from secops.errors import Problem
from secops.isms.audit.model import Answerer, Catalogue, Method, Verdict
from secops.isms.audit.sampling import Sample
from secops.isms.audit.scoring import Judgement
from secops.locale import _

_WORTH = {Verdict.NOT_MET: 0, Verdict.PARTIAL: 1, Verdict.MET: 2}


class Gap(StrEnum):
    """How the self-inspection stands to what was confirmed."""

    NONE = "none"
    OVERSTATED = "overstated"
    UNDERSTATED = "understated"
    SCOPE = "scope"
    OPEN = "open"


GAP_LABELS = {
    Gap.NONE: "一致",
    Gap.OVERSTATED: "自己点検が高い",
    Gap.UNDERSTATED: "自己点検が低い",
    Gap.SCOPE: "対象かどうかが違う",
    Gap.OPEN: "どちらかが未確認",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a statement rests on: what it is, where it is kept, the SHA-256 of a file."""

    title: str
    place: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Workpaper:
    """One item at one unit; ``procedure`` is what was done, by method. Preparer and reviewer are two persons."""

    item: str
    department: str
    system: str = ""
    declared: Verdict = Verdict.NOT_VERIFIED
    confirmed: Verdict = Verdict.NOT_VERIFIED
    objective: str = ""
    procedure: Mapping[Method, str] | None = None
    sample: Sample | None = None
    result: str = ""
    evidence: tuple[Evidence, ...] = ()
    preparer: str = ""
    reviewer: str = ""

    @property
    def gap(self) -> Gap:
        """The gap between the two values."""
        return gap(self.declared, self.confirmed)


def gap(declared: Verdict, confirmed: Verdict) -> Gap:
    """The gap between a self-inspection's value and the confirmed one."""
    if Verdict.NOT_VERIFIED in {declared, confirmed}:
        return Gap.OPEN
    if declared == confirmed:
        return Gap.NONE
    if Verdict.NOT_APPLICABLE in {declared, confirmed}:
        return Gap.SCOPE
    return Gap.OVERSTATED if _WORTH[declared] > _WORTH[confirmed] else Gap.UNDERSTATED


def open_papers(catalogue: Catalogue, stage: int, department: str, system: str = "") -> list[Workpaper]:
    """A paper for every item that a unit is asked in this stage, so that nothing unanswered can be forgotten.

    A department answers its own items and those of its staff, a system its own. What is asked of the ward once has the
    sheet of `ward_papers`.
    """
    asked = {Answerer.SYSTEM} if system else {Answerer.DEPARTMENT, Answerer.STAFF}
    return _papers(catalogue, stage, asked, department, system)


def ward_papers(catalogue: Catalogue, stage: int, office: str) -> list[Workpaper]:
    """The papers of what is asked once for the whole ward, at the office that runs the policy."""
    return _papers(catalogue, stage, {Answerer.WARD}, office, "")


def _papers(catalogue: Catalogue, stage: int, asked: set[Answerer], department: str, system: str) -> list[Workpaper]:
    return [
        Workpaper(item.id, department, system, objective=item.title, procedure=item.check)
        for item in catalogue.applicable(stage)
        if item.answers in asked
    ]


def with_unanswered(papers: Sequence[Workpaper], catalogue: Catalogue, stage: int) -> list[Workpaper]:
    """The papers, and an empty one for every item that their units are asked in this stage and that has none."""
    there = {(one.department, one.system, one.item) for one in papers}
    units = dict.fromkeys((one.department, one.system) for one in papers)
    asked = [one for department, system in units for one in open_papers(catalogue, stage, department, system)]
    return [*papers, *(one for one in asked if (one.department, one.system, one.item) not in there)]


def declared_values(papers: Iterable[Workpaper]) -> list[Judgement]:
    """What the units say of themselves."""
    return [Judgement(one.item, one.department, one.declared, one.system) for one in papers]


def confirmed_values(papers: Iterable[Workpaper]) -> list[Judgement]:
    """What was confirmed: an item that no auditor looked at is 未確認, whatever the unit says."""
    return [Judgement(one.item, one.department, one.confirmed, one.system) for one in papers]


def gaps(papers: Iterable[Workpaper]) -> dict[str, dict[Gap, int]]:
    """Department → how many items by gap, every kind named."""
    counted: dict[str, Counter[Gap]] = {}
    for one in papers:
        counted.setdefault(one.department, Counter())[one.gap] += 1
    return {department: {kind: found[kind] for kind in Gap} for department, found in counted.items()}


def unfinished(papers: Sequence[Workpaper]) -> list[Problem]:
    """What is missing before the papers may carry a report; in the order of the papers."""
    return [problem for one in papers for problem in _missing(one)]


def _missing(one: Workpaper) -> Iterator[Problem]:
    if one.confirmed is Verdict.NOT_VERIFIED:
        return  # it is shown as 未確認 and asserts nothing
    where = " ".join(filter(None, (one.department, one.system, one.item)))
    if not one.result.strip():
        yield Problem(where, _("判定の根拠(確認した結果)が書かれていません。"))
    if one.confirmed is not Verdict.NOT_APPLICABLE and not one.evidence:
        yield Problem(where, _("証拠がありません。見たもの、聞いた相手の職、記録の場所などを書いてください。"))
    if not one.preparer or not one.reviewer:
        yield Problem(where, _("作成者と査閲者が必要です。"))
    elif one.preparer == one.reviewer:
        yield Problem(where, _("作成者と査閲者が同じです。別の者が査閲してください。"))
