"""The words of an audit as values: items of the catalogue, verdicts, grades, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

STAGES = {1: "基礎(初年度から)", 2: "定着", 3: "発展"}
WEIGHTS = (1, 2, 3)


class Method(StrEnum):
    """How an item is checked (監査手続); examine, interview and test are NIST SP 800-53A's."""

    EXAMINE = "examine"
    INTERVIEW = "interview"
    OBSERVE = "observe"
    TEST = "test"


class Answerer(StrEnum):
    """Who answers an item at the self-inspection; ``ward``: once for all, by the office that runs the policy."""

    DEPARTMENT = "department"
    SYSTEM = "system"
    STAFF = "staff"
    WARD = "ward"


class Verdict(StrEnum):
    """The result of an item."""

    MET = "met"
    PARTIAL = "partial"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"
    NOT_VERIFIED = "not_verified"


class Grade(StrEnum):
    """Achievement, for steering: no assurance of anything."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


METHOD_LABELS = {
    Method.EXAMINE: "閲覧",
    Method.INTERVIEW: "質問",
    Method.OBSERVE: "観察",
    Method.TEST: "再実施・技術的検証",
}
ANSWERER_LABELS = {
    Answerer.DEPARTMENT: "課",
    Answerer.SYSTEM: "情報システム",
    Answerer.STAFF: "職員",
    Answerer.WARD: "全庁",
}
VERDICT_MARKS = {
    Verdict.MET: "○",
    Verdict.PARTIAL: "△",
    Verdict.NOT_MET: "×",
    Verdict.NOT_APPLICABLE: "対象外",
    Verdict.NOT_VERIFIED: "未確認",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One question of the catalogue (監査項目) with its criterion.

    ``look`` is what to look at, ``check`` how, by method. ``telemetry`` names queries over events and alerts.
    ``confirm``: a person must compare it with the source before it is used (要確認). ``reference`` is the number of the
    item of the national audit guideline, where a ward has noted it. ``where`` is file and line.
    """

    id: str
    chapter: str
    title: str
    mandatory: bool
    clauses: tuple[str, ...]
    look: str
    check: Mapping[Method, str]
    evidence: tuple[str, ...]
    weight: int
    answers: Answerer
    stage: int
    telemetry: tuple[str, ...] = ()
    confirm: bool = False
    reference: str = ""
    where: str = ""


@dataclass(frozen=True)
class Catalogue:
    """All items in the order of the files; ``chapters`` is number → title, in the same order.

    ``digest`` changes whenever an item does: a result names the catalogue it was made with.
    """

    items: tuple[Item, ...]
    chapters: Mapping[str, str]
    digest: str

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        """Items by id."""
        return {item.id: item for item in self.items}

    def chapter(self, number: str) -> tuple[Item, ...]:
        """The items of a chapter."""
        return tuple(item for item in self.items if item.chapter == number)

    def applicable(self, stage: int) -> tuple[Item, ...]:
        """The items that a round of this stage asks."""
        return tuple(item for item in self.items if item.stage <= stage)
