"""A yearly round of the audit as values: plans, units, findings, improvement, exceptions to be followed up.

These are the types that the records keep, the pages show and the reports are made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from secops.isms.audit.model import Catalogue, Grade, Verdict
from secops.isms.audit.rules import ScoringRules
from secops.isms.audit.scoring import Scores
from secops.isms.audit.workpaper import Evidence, Workpaper


class PlanLevel(StrEnum):
    """Which plan it is (監査計画)."""

    PROGRAMME = "audit_programme"
    ANNUAL = "annual_plan"
    ENGAGEMENT = "engagement_plan"
    SPECIAL = "special_audit"


PLAN_LABELS = {
    PlanLevel.PROGRAMME: "中期計画",
    PlanLevel.ANNUAL: "年度計画",
    PlanLevel.ENGAGEMENT: "実施計画",
    PlanLevel.SPECIAL: "特命監査",
}


class Conduct(StrEnum):
    """Who audits, and what the report may say (助言型 or 保証型)."""

    INTERNAL = "internal"
    EXTERNAL_ADVISORY = "external_advisory"
    EXTERNAL_ASSURANCE = "external_assurance"


CONDUCT_LABELS = {
    Conduct.INTERNAL: "内部監査",
    Conduct.EXTERNAL_ADVISORY: "外部監査(助言型)",
    Conduct.EXTERNAL_ASSURANCE: "外部監査(保証型)",
}


class Phase(StrEnum):
    """Where a unit stands within the year: 自己点検 → 書面監査 → 実地監査 → 技術的検証."""

    SELF_INSPECTION = "self_inspection"
    DOCUMENTS = "documents"
    ON_SITE = "on_site"
    TECHNICAL = "technical"


PHASE_LABELS = {
    Phase.SELF_INSPECTION: "自己点検",
    Phase.DOCUMENTS: "書面監査",
    Phase.ON_SITE: "実地監査",
    Phase.TECHNICAL: "技術的検証",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """What is audited: department × system; no system: the department's own sheet."""

    department: str
    system: str = ""

    def __str__(self) -> str:
        return f"{self.department}/{self.system}" if self.system else self.department


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is approved. ``number`` is ours (``2026-1``), never a document number of the ward.

    ``years`` are first and last 年度. Dates of letters and approvals come from the ward's document system: they are
    empty until somebody fills them in. ``units`` are all that inspect themselves (of an annual plan) or are audited (of
    an engagement); ``audited`` are those of an annual plan that an auditor looks at this year. ``office`` is the
    department that runs the policy: it answers what is asked once for the whole ward, before ``due``.
    """

    number: str
    level: PlanLevel
    title: str
    years: tuple[int, int]
    conduct: Conduct = Conduct.INTERNAL
    stage: int = 1
    purpose: str = ""
    theme: str = ""
    units: tuple[Unit, ...] = ()
    auditors: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = (Phase.SELF_INSPECTION,)
    begins: date | None = None
    ends: date | None = None
    period: tuple[date, date] | None = None
    above: str = ""
    approved_by: str = ""
    approved_on: date | None = None
    audited: tuple[Unit, ...] = ()
    office: str = ""
    due: date | None = None


class FindingKind(StrEnum):
    """How grave a finding is (指摘事項の区分)."""

    MAJOR = "major_nonconformity"
    MINOR = "minor_nonconformity"
    OPPORTUNITY = "opportunity_for_improvement"
    GOOD = "good_practice"


FINDING_LABELS = {
    FindingKind.MAJOR: "重大な不適合",
    FindingKind.MINOR: "軽微な不適合",
    FindingKind.OPPORTUNITY: "観察事項",
    FindingKind.GOOD: "優良事例",
}


class FindingState(StrEnum):
    """Where a finding stands."""

    DRAFT = "draft"
    FACT_CHECK = "fact_check"
    OPEN = "open"
    CLOSED = "closed"


FINDING_STATES = {
    FindingState.DRAFT: "起案中",
    FindingState.FACT_CHECK: "事実確認中",
    FindingState.OPEN: "改善中",
    FindingState.CLOSED: "完了",
}


class ActionState(StrEnum):
    """Where a measure stands (改善計画の状況); ``infeasible`` needs a reason and the number of an 例外措置."""

    PLANNED = "not_started"
    RUNNING = "in_progress"
    DONE = "done"
    INFEASIBLE = "infeasible"


ACTION_STATES = {
    ActionState.PLANNED: "未着手",
    ActionState.RUNNING: "実施中",
    ActionState.DONE: "完了",
    ActionState.INFEASIBLE: "実施困難",
}


@dataclass(frozen=True, slots=True)
class Action:
    """A measure of an improvement plan. ``person`` is a post, not a name. ``checked_*`` is what the auditor found."""

    measure: str
    person: str
    due: date | None
    interim: str = ""
    state: ActionState = ActionState.PLANNED
    done_on: date | None = None
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""
    exception: str = ""
    checked_on: date | None = None
    checked: str = ""
    effective: bool | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A graded fact that asks for action; a good practice asks for none.

    ``number`` is ``2026-03`` (年度 and running number). ``clauses`` are of our own policy and of the guideline.
    ``repeats`` is the number of the finding of an earlier year that it repeats. ``source`` says from which report an
    imported one comes. ``horizontal``: other departments check themselves for the same gap on the CISO's order.
    """

    number: str
    kind: FindingKind
    title: str
    department: str
    system: str = ""
    item: str = ""
    clauses: tuple[str, ...] = ()
    fact: str = ""
    criterion: str = ""
    cause: str = ""
    risk: str = ""
    recommendation: str = ""
    opinion: str = ""
    evidence: tuple[Evidence, ...] = ()
    state: FindingState = FindingState.DRAFT
    opened_on: date | None = None
    closed_on: date | None = None
    repeats: str = ""
    source: str = ""
    horizontal: bool = False
    improvement_cause: str = ""
    actions: tuple[Action, ...] = ()

    def overdue(self, day: date) -> bool:
        """Whether a measure should have been done by now."""
        due = self.next_due
        return self.state is FindingState.OPEN and due is not None and due < day

    @property
    def next_due(self) -> date | None:
        """By when the next measure that waits should be done."""
        waiting = {ActionState.PLANNED, ActionState.RUNNING}
        return min((one.due for one in self.actions if one.due and one.state in waiting), default=None)


@dataclass(frozen=True, slots=True)
class SourceDays:
    """A source that a sheet needed: on how many of the ``of`` days of the period something came from it.

    ``days`` is None for what the program itself keeps (a register): it is there or not. ``why`` says why it is not.
    """

    name: str
    title: str
    there: bool
    days: int | None
    of: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceSheet:
    """What a telemetry query told, dated and hashed, with what is missing. It helps the auditor and judges nothing.

    ``figures`` are title → value, None where the source does not exist (never zero). ``missing`` says which source is
    not there, ``sources`` how complete the others were. ``query`` is what was asked, in words of the search, ``asked``
    the search behind each figure, ``definition`` (JSON) all that is needed to make the sheet again. ``rows`` are at
    most a page out of ``rows_total``. ``zones``: only these were looked at, None is all. ``department`` and ``system``
    are the names of the unit at the time.
    """

    name: str
    title: str
    unit: Unit
    period: tuple[datetime, datetime]
    made_at: datetime
    query: str
    figures: Mapping[str, float | int | None]
    rows: Sequence[Mapping[str, str]] = ()
    missing: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    sha256: str = ""
    department: str = ""
    rows_total: int = 0
    sources: tuple[SourceDays, ...] = ()
    notes: tuple[str, ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict)
    definition: str = ""
    zones: tuple[str, ...] | None = None
    made_by: str = ""
    system: str = ""

    @property
    def of(self) -> str:
        """The unit as it is read."""
        return f"{self.department} {self.system}" if self.unit.system else self.department


@dataclass(frozen=True, slots=True)
class SheetCheck:
    """That somebody looked at a sheet's hash and asked again: which figures differed then. It changes no sheet."""

    at: datetime
    by: str
    whole: bool
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment of the fieldwork at a unit: when and where, who is asked to be there, what to have at hand.

    Where only the day is known (a step that was noted) it ends when it begins.
    """

    unit: Unit
    begins: datetime
    ends: datetime
    place: str = ""
    attendees: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class YearGrade:
    """The result of a year that is over; no department: of the whole ward."""

    year: int
    department: str
    achievement: float | None
    coverage: float | None
    grade: Grade | None


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """A file of a released report: its name in the folder, its SHA-256, its size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Release:
    """A released report: immutable, known by the SHA-256 of its file.

    ``number`` is ours (``2026-R03``), never a document number. No ``department``: a paper of the whole round.
    ``replaces`` is the number of the release that it corrects, ``document_number`` the ward's own, where it was told,
    ``figures`` the digest of the numbers in it. ``sha256`` is that of the first of its ``files``.
    """

    kind: str
    number: str
    released_on: date
    released_by: str
    sha256: str
    year: int = 0
    department: str = ""
    department_name: str = ""
    title: str = ""
    replaces: str = ""
    document_number: str = ""
    figures: str = ""
    files: tuple[ReleasedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What a unit wrote of an item beside its verdict, and the verdict of the year before."""

    unit: Unit
    item: str
    note: str = ""
    reason: str = ""
    improvement: str = ""
    due: date | None = None
    last: Verdict = Verdict.NOT_VERIFIED


@dataclass(frozen=True, slots=True)
class SheetFoot:
    """When the head of a unit confirmed its sheet, and what it says of itself as a whole."""

    unit: Unit
    confirmed_on: date | None = None
    summary: str = ""
    remarks: str = ""


@dataclass(frozen=True)
class Book:
    """Everything a report of one round is made of: values only, read once, so that all numbers in it agree.

    ``names`` are department code → name, ``divisions`` department → 部, ``systems`` code → name, ``progress`` how many
    sheets of the self-inspection a department was asked for and its head confirmed. ``earlier`` are findings of the
    years before, ``terms`` the ward's own 用語, ``excluded`` what was left out of the audit and why, ``rules`` what it
    was scored by, ``clause_titles`` how a clause is cited on paper. ``answers`` and ``feet`` are read for the form of
    the self-inspection alone, and in no file. `book` makes one.
    """

    ward: str
    year: int
    plan: Plan
    catalogue: Catalogue
    papers: tuple[Workpaper, ...]
    declared: Scores
    confirmed: Scores
    findings: tuple[Finding, ...]
    names: Mapping[str, str]
    divisions: Mapping[str, str]
    systems: Mapping[str, str]
    clause_titles: Mapping[str, str] = field(default_factory=dict)
    sheets: tuple[EvidenceSheet, ...] = ()
    history: tuple[YearGrade, ...] = ()
    earlier: tuple[Finding, ...] = ()
    progress: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    excluded: tuple[str, ...] = ()
    rules: ScoringRules | None = None
    answers: tuple[Answered, ...] = ()
    feet: tuple[SheetFoot, ...] = ()
