"""What the audit room asks of whoever keeps findings, confirmed values and horizontal checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from secops.errors import ConflictError
from secops.isms.audit.model import Method, Verdict
from secops.isms.audit.ports import Viewer
from secops.isms.audit.round import Action, Finding, FindingState
from secops.isms.audit.sampling import Sample
from secops.isms.audit.workpaper import Evidence, Workpaper


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding as it is kept. ``plan`` is the audit it comes from (empty: imported from outside).

    ``replied_*`` and ``agreed`` are the department's answer at the fact check; its words are ``finding.opinion``.
    """

    finding: Finding
    year: int
    plan: str
    revision: int
    department_name: str
    created_by: str
    created_at: datetime
    agreed: bool | None = None
    replied_by: str = ""
    replied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: ``overdue`` on that day; ``text`` in number or title."""

    year: int | None = None
    plan: str = ""
    department: str = ""
    states: frozenset[FindingState] = frozenset()
    overdue: date | None = None
    text: str = ""


class FindingChangedError(ConflictError):
    """Somebody else wrote the finding meanwhile; ``current`` is what stands there."""

    def __init__(self, message: str, current: FindingRecord) -> None:
        self.current = current
        super().__init__(message)


class GapAnswer(StrEnum):
    """What a department says at a horizontal check (横展開)."""

    NONE = "none"
    HAS = "has"
    NOT_APPLICABLE = "not_applicable"


GAP_ANSWERS = {
    GapAnswer.NONE: "同じ状況はない",
    GapAnswer.HAS: "同じ状況がある",
    GapAnswer.NOT_APPLICABLE: "該当しない",
}


@dataclass(frozen=True, slots=True)
class HorizontalAnswer:
    """The answer of one department; None in ``answer``: not yet."""

    department: str
    department_name: str
    answer: GapAnswer | None = None
    text: str = ""
    due: date | None = None
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Horizontal:
    """An order of the CISO that departments check themselves for the gap of a finding."""

    finding: str
    title: str
    question: str
    ordered_by: str
    ordered_on: date
    due: date
    answers: tuple[HorizontalAnswer, ...] = ()

    @property
    def waiting(self) -> int:
        """How many have not answered."""
        return sum(one.answer is None for one in self.answers)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What an auditor writes into the paper of one item at one unit (監査調書)."""

    item: str
    verdict: Verdict
    result: str = ""
    procedure: Mapping[Method, str] = field(default_factory=dict)
    sample: Sample | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """A workpaper with who wrote it when; ``revision`` 0: nobody has looked at the item yet."""

    sheet: int
    paper: Workpaper
    revision: int = 0
    prepared_at: datetime | None = None
    reviewed_at: datetime | None = None
    opinion: str = ""
    note: str = ""


class PaperChangedError(ConflictError):
    """Somebody else wrote the paper meanwhile; ``current`` is what stands there."""

    def __init__(self, message: str, current: PaperRecord) -> None:
        self.current = current
        super().__init__(message)


class Step(StrEnum):
    """A step of the fieldwork that somebody did on a day."""

    NOTICE = "notice"
    PREPARATION = "preparation"
    INTERVIEW = "interview"
    INSPECTION = "inspection"
    TECHNICAL = "technical"
    FACT_CHECK = "fact_check"
    CLOSING = "closing_meeting"


STEP_LABELS = {
    Step.NOTICE: "監査実施通知",
    Step.PREPARATION: "資料の事前確認",
    Step.INTERVIEW: "ヒアリング",
    Step.INSPECTION: "視察",
    Step.TECHNICAL: "技術的検証",
    Step.FACT_CHECK: "事実確認",
    Step.CLOSING: "講評",
}


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that was taken at a unit: when, with whom (posts), what came of it."""

    sheet: int
    step: Step
    on: date
    note: str
    by: str
    at: datetime


class FindingDesk(Protocol):
    """Findings. NotFoundError: no such finding, or it is none of the viewer's.

    A viewer with departments sees theirs once they are out for the fact check; an assigned one those of their audits.
    """

    def findings(self, viewer: Viewer, wanted: Wanted | None = None) -> Sequence[FindingRecord]:
        """Findings, by number."""
        ...

    def finding(self, number: str, viewer: Viewer) -> FindingRecord:
        """One finding."""
        ...

    def draft_finding(
        self, finding: Finding, *, year: int, plan: str, department_name: str, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """A new draft; it gets the next number of the year."""
        ...

    def change_finding(self, finding: Finding, *, revision: int, viewer: Viewer, now: datetime) -> FindingRecord:
        """Another text of a draft.

        Raises:
            FindingChangedError: another revision stands there.
            ConflictError: it is no draft any more.
        """
        ...

    def send_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """Out to the department for the fact check.

        Raises:
            AuditError: with everything that is missing.
        """
        ...

    def take_back_finding(self, number: str, reason: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """Back to draft."""
        ...

    def reply_finding(self, number: str, *, agreed: bool, opinion: str, viewer: Viewer, now: datetime) -> FindingRecord:
        """What the department says of the facts; who does not agree says why."""
        ...

    def issue_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """In force from now on."""
        ...

    def plan_actions(
        self, number: str, cause: str, actions: Sequence[Action], *, revision: int, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """The improvement plan of the department, or how far it is."""
        ...

    def check_action(
        self, number: str, place: int, *, on: date, text: str, effective: bool, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """What an auditor found out about a measure."""
        ...

    def close_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """Done."""
        ...

    def reopen_finding(self, number: str, reason: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """Not done after all."""
        ...

    def import_findings(
        self, findings: Sequence[tuple[Finding, int, str]], *, actor: str, now: datetime
    ) -> Sequence[str]:
        """Findings of an external report: (finding, year, name of the department); those that are there are let be.

        Returns the numbers that are new.
        """
        ...


class HorizontalDesk(Protocol):
    """Horizontal checks (横展開)."""

    def order_horizontal(self, made: Horizontal, *, actor: str, now: datetime) -> Horizontal:
        """Ask departments, on the CISO's order. ConflictError: the finding was asked about already."""
        ...

    def horizontals(self, viewer: Viewer) -> Sequence[Horizontal]:
        """All of them, with the answers that the viewer may see."""
        ...

    def answer_horizontal(self, finding: str, answer: HorizontalAnswer, *, viewer: Viewer, now: datetime) -> Horizontal:
        """The answer of a department, also instead of an earlier one (the trail keeps that)."""
        ...


class FieldDesk(Protocol):
    """Confirmed values, paper by paper, and the steps of the fieldwork."""

    def sheet_papers(self, sheet: int, viewer: Viewer) -> Sequence[PaperRecord]:
        """The papers of a sheet, one for each item, with what was declared and what was confirmed."""
        ...

    def round_papers(self, of: str, viewer: Viewer) -> Sequence[Workpaper]:
        """The papers of all sheets of a round."""
        ...

    def confirm_paper(
        self, sheet: int, made: Confirmation, *, revision: int, viewer: Viewer, now: datetime
    ) -> PaperRecord:
        """What an auditor found.

        Raises:
            PaperChangedError: another revision stands there.
            UsageError: a verdict without a result, a text that is too long.
        """
        ...

    def review_paper(self, sheet: int, item: str, *, revision: int, viewer: Viewer, now: datetime) -> PaperRecord:
        """A second person agrees; it is never the one who prepared it."""
        ...

    def take_step(self, sheet: int, step: Step, *, on: date, note: str, viewer: Viewer, now: datetime) -> StepDone:
        """Note that a step was taken."""
        ...

    def steps(self, of: str, viewer: Viewer) -> Sequence[StepDone]:
        """The steps taken in a round, in the order of their days."""
        ...


class AuditWorkDesk(FindingDesk, HorizontalDesk, FieldDesk, Protocol):
    """All of it."""
