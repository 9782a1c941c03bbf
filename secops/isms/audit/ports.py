"""What the audit room asks of the outside: plans, rounds and sheets, kept by somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from secops.errors import ConflictError
from secops.isms.audit.independence import Engagement, Organisation, Post, SystemDuty
from secops.isms.audit.model import Catalogue, Verdict
from secops.isms.audit.round import Plan, PlanLevel, Unit, Visit
from secops.isms.audit.sheets import Answer, EvidenceFile, Place, Sheet, StaffCounts
from secops.isms.audit.workpaper import Workpaper


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. ``departments`` are names or codes, None is all; ``assigned``: only audits that they are part of."""

    name: str
    departments: frozenset[str] | None = None
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided that a unit is audited, and why; ``proposed`` is what the ranking said at the time (``3位 27点``)."""

    unit: Unit
    note: str
    proposed: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """An auditor of a unit: staff number, name, login of the console. ``notes`` are what a person must still settle."""

    unit: Unit
    person: str
    name: str
    login: str
    notes: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with what was done to it; it is a draft until it is approved, and then never changes.

    Who audits and when they come (``visits``, by time) is arranged after that too.
    """

    plan: Plan
    revision: int
    created_by: str
    created_at: datetime
    decisions: tuple[Decision, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    visits: tuple[Visit, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether it is in force."""
        return self.plan.approved_on is not None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a round is opened with: the catalogue to freeze, and the names of its units."""

    catalogue: Catalogue
    places: Mapping[Unit, Place]


@dataclass(frozen=True, slots=True)
class Reach:
    """A unit that an auditor may look at: in which plan (and the ones above it), in which 年度 (first and last)."""

    unit: Unit
    plans: frozenset[str]
    years: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Round:
    """A running or past self-inspection: the plan's number, and the catalogue as it was when it began."""

    number: str
    year: int
    stage: int
    catalogue: Catalogue
    due: date | None
    previous: str
    opened_by: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Foot:
    """The foot of a sheet: 課としての総括, 特記事項."""

    summary: str = ""
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was judged and put away already, under its SHA-256."""

    name: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """An auditor to be assigned, with what is known of them outside of the records: posts of today by the inventory."""

    unit: Unit
    person: str
    name: str
    login: str = ""
    posts: Iterable[Post] = field(default=())


class AnswerChangedError(ConflictError):
    """Somebody else wrote the item meanwhile: ``current`` stands there, ``since`` is all that was written since."""

    def __init__(self, message: str, current: Answer, since: Sequence[Answer]) -> None:
        self.current = current
        self.since = tuple(since)
        super().__init__(message)


class PlanDesk(Protocol):
    """Plans of the audit. NotFoundError: no such plan, or it is none of the viewer's."""

    def plans(self, viewer: Viewer, *, level: PlanLevel | None = None, year: int | None = None) -> Sequence[PlanRecord]:
        """Plans, the newest first."""
        ...

    def plan(self, number: str, viewer: Viewer) -> PlanRecord:
        """One plan."""
        ...

    def create_plan(self, plan: Plan, *, actor: str, now: datetime) -> PlanRecord:
        """A draft; without a number it gets the next one.

        Raises:
            UsageError: it contradicts itself or the plan above.
            ConflictError: there is such a plan.
        """
        ...

    def change_plan(self, plan: Plan, *, revision: int, actor: str, now: datetime) -> PlanRecord:
        """Another text of a draft. ConflictError: approved already, or somebody changed it meanwhile."""
        ...

    def drop_plan(self, number: str, *, reason: str, actor: str, now: datetime) -> None:
        """Take a draft away, with its auditors and appointments; the trail keeps what it was.

        Raises:
            ConflictError: it is approved, or a plan stands below it.
            UsageError: no reason.
        """
        ...

    def decide(
        self, number: str, unit: Unit, *, chosen: bool, note: str, proposed: str, actor: str, now: datetime
    ) -> PlanRecord:
        """Take a unit among those audited this year, or out again; ``proposed`` is what the ranking said."""
        ...

    def approve(
        self, number: str, *, by: str, on: date, actor: str, now: datetime, opening: Opening | None = None
    ) -> PlanRecord:
        """Put a draft in force; an annual plan opens its round with the sheets of all units.

        Raises:
            ConflictError: approved already, or the plan above is not.
            UsageError: an annual plan without ``opening`` or units.
        """
        ...

    def assign(
        self, number: str, who: Appointment, engagement: Engagement, org: Organisation, *, actor: str, now: datetime
    ) -> Assignment:
        """An auditor for a unit; independence is judged over the posts given and all that the records know.

        Raises:
            ConflictError: not independent, with every reason.
        """
        ...

    def unassign(self, number: str, unit: Unit, person: str, *, actor: str, now: datetime) -> None:
        """Take an auditor off a unit."""
        ...

    def plan_visit(self, number: str, visit: Visit, *, actor: str, now: datetime) -> PlanRecord:
        """An appointment of the fieldwork; one of the unit that begins at the same time is replaced.

        Raises:
            UsageError: it contradicts itself, or the plan does not have the unit.
        """
        ...

    def drop_visit(self, number: str, unit: Unit, begins: datetime, *, actor: str, now: datetime) -> PlanRecord:
        """Call an appointment off. NotFoundError: there is none of this unit at this time."""
        ...

    def add_posts(self, posts: Iterable[Post], duties: Iterable[SystemDuty], *, actor: str, now: datetime) -> int:
        """Earlier posts and duties for systems, with their days; what is there already is not added twice."""
        ...

    def posts(self, person: str = "") -> Sequence[Post]:
        """Recorded posts, of one person or all."""
        ...

    def duties(self, person: str = "") -> Sequence[SystemDuty]:
        """Recorded duties for systems."""
        ...

    def alert_counts(self, since: datetime) -> Mapping[str, tuple[int, int]]:
        """Department name → incidents, and alerts of level 高 or above that were no false alarms."""
        ...


class SheetDesk(Protocol):
    """Rounds and sheets. NotFoundError: no such thing, or outside of what the viewer may see."""

    def rounds(self) -> Sequence[Round]:
        """All rounds, the newest first."""
        ...

    def round(self, number: str) -> Round:
        """One round."""
        ...

    def sheets(self, viewer: Viewer, *, of: str = "") -> Sequence[Sheet]:
        """Sheets of the round ``of`` or of all, in the order of the plan."""
        ...

    def sheet(self, number: int, viewer: Viewer) -> Sheet:
        """One sheet."""
        ...

    def answers(self, number: int, viewer: Viewer) -> Mapping[str, Answer]:
        """Item → answer; what nobody answered is not there."""
        ...

    def last_answers(self, number: int, viewer: Viewer) -> Mapping[str, Answer]:
        """The same of the round before, at the same unit."""
        ...

    def history(self, number: int, item: str, viewer: Viewer) -> Sequence[Answer]:
        """Every revision of an answer, the oldest first."""
        ...

    def save(self, number: int, answer: Answer, *, revision: int, viewer: Viewer, now: datetime) -> Answer:
        """Write an answer over revision ``revision``; the same words again change nothing.

        Raises:
            AnswerChangedError: another revision stands there.
            ConflictError: the sheet is entered or confirmed.
            UsageError: it cannot be kept as it is.
        """
        ...

    def save_many(
        self, number: int, answers: Sequence[tuple[Answer, int]], *, viewer: Viewer, now: datetime
    ) -> Sequence[Answer]:
        """Write answers, each over its revision: all of them, or, where one is refused as by `save`, none."""
        ...

    def save_foot(self, number: int, foot: Foot, *, revision: int, viewer: Viewer, now: datetime) -> Sheet:
        """Write the foot. ConflictError: somebody changed the sheet meanwhile."""
        ...

    def finish(self, number: int, *, viewer: Viewer, now: datetime) -> Sheet:
        """The person in charge is done.

        Raises:
            AuditError: with everything that is still missing, item by item.
        """
        ...

    def take_back(self, number: int, *, viewer: Viewer, now: datetime) -> Sheet:
        """Go on writing, while nobody confirmed it."""
        ...

    def confirm(self, number: int, *, revision: int, viewer: Viewer, now: datetime) -> Sheet:
        """The head of the department agrees with what they saw (``revision``)."""
        ...

    def give_back(self, number: int, reason: str, *, viewer: Viewer, now: datetime, confirmed: bool = False) -> Sheet:
        """Back to the person in charge; a confirmed sheet only where ``confirmed`` says that it is meant."""
        ...

    def papers_of(self, number: int, viewer: Viewer, item: str = "") -> Sequence[Workpaper]:
        """The workpapers of one sheet, or of one item of it; nothing is confirmed."""
        ...

    def papers(self, number: str, viewer: Viewer) -> Sequence[Workpaper]:
        """A workpaper for each item of each sheet of a round, with what was declared and the evidence of it."""
        ...


class FileDesk(Protocol):
    """Evidence of a self-inspection: rows about files that lie elsewhere."""

    def add_file(self, number: int, item: str, file: NewFile, *, viewer: Viewer, now: datetime) -> EvidenceFile:
        """A file for an item: the next version where the name is there; the same content again changes nothing."""
        ...

    def files(self, number: int, viewer: Viewer) -> Sequence[EvidenceFile]:
        """All versions of all files of a sheet."""
        ...

    def file(self, file: int, viewer: Viewer) -> EvidenceFile:
        """One version."""
        ...

    def withdraw_file(self, file: int, reason: str, *, viewer: Viewer, now: datetime) -> EvidenceFile:
        """Say that a version counts no more; it is kept."""
        ...


class StaffDesk(Protocol):
    """The short sheet of every member of staff: one-time codes in, counts out, no person."""

    def make_codes(self, number: int, count: int, *, viewer: Viewer, now: datetime) -> Sequence[str]:
        """New codes to hand out; they are shown this once."""
        ...

    def staff_sheet(self, code: str) -> Sheet:
        """The sheet that a code opens. NotFoundError: no such code, or it was used."""
        ...

    def staff_answer(self, code: str, verdicts: Mapping[str, Verdict], *, now: datetime) -> None:
        """Count one person's answers and forget the code.

        Raises:
            UsageError: an item without an answer.
        """
        ...

    def staff_counts(self, number: int, viewer: Viewer) -> StaffCounts:
        """What the staff answered."""
        ...


class EvidenceKeeper(Protocol):
    """Where the files themselves lie, by their SHA-256."""

    def keep(self, name: str, data: bytes) -> NewFile:
        """Judge a file and put it away; UsageError: it may not be evidence."""
        ...

    def read(self, digest: str) -> bytes:
        """The content. StoreError: it is not what it was when it was put away."""
        ...


class RoundDesk(PlanDesk, SheetDesk, FileDesk, StaffDesk, Protocol):
    """All of it."""
