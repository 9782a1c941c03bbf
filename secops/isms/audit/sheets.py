"""Sheets of the self-inspection (自己点検票): which ones a round has, their answers, when one is complete.

A sheet goes 点検中 → 入力済 (the person in charge is done) → 確認済 (the head of the department agrees), or back with a
reason. The sheet of the staff knows counts only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from secops.errors import Problem, UsageError
from secops.isms.audit.model import Answerer, Catalogue, Verdict
from secops.isms.audit.round import Plan, Unit
from secops.isms.audit.workpaper import open_papers, ward_papers
from secops.locale import _

MAX_TEXT = 2000
STAFF_SHOWN_FROM = 5  # with fewer answers a count would tell who said what
MAX_CODES = 3000  # of one department
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)


class SheetKind(StrEnum):
    """Who answers a sheet."""

    DEPARTMENT = "department"
    SYSTEM = "system"
    WARD = "ward"
    STAFF = "staff"


SHEET_LABELS = {
    SheetKind.DEPARTMENT: "課の点検票",
    SheetKind.SYSTEM: "情報システムの点検票",
    SheetKind.WARD: "全庁の点検票",
    SheetKind.STAFF: "職員の点検票",
}


class SheetState(StrEnum):
    """Where a sheet stands."""

    OPEN = "open"
    ENTERED = "entered"
    CONFIRMED = "confirmed"
    RETURNED = "returned"


SHEET_STATES = {
    SheetState.OPEN: "点検中",
    SheetState.ENTERED: "確認待ち",
    SheetState.CONFIRMED: "確認済",
    SheetState.RETURNED: "差戻し",
}
WRITABLE = (SheetState.OPEN, SheetState.RETURNED)
ANSWERS = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_APPLICABLE)  # what a unit may say of itself


@dataclass(frozen=True, slots=True)
class Answer:
    """What a unit says of one item.

    ``note`` is 現状・根拠, ``reason`` why it is △ or ×, ``improvement`` and ``due`` what will be done until when.
    ``revision`` counts how often it was written, 0: never.
    """

    item: str
    verdict: Verdict = Verdict.NOT_VERIFIED
    note: str = ""
    reason: str = ""
    improvement: str = ""
    due: date | None = None
    revision: int = 0
    by: str = ""
    at: datetime | None = None

    @property
    def said(self) -> tuple[object, ...]:
        """What somebody wrote, without when and who: two answers with the same are the same."""
        return (self.verdict, self.note, self.reason, self.improvement, self.due)


@dataclass(frozen=True, slots=True)
class Place:
    """A unit with the names that it has at the time: ``division`` is the code of its 部."""

    unit: Unit
    department: str
    system: str = ""
    division: str = ""
    division_name: str = ""


@dataclass(frozen=True, slots=True)
class NewSheet:
    """A sheet as a round opens it; ``items`` are ids in the order of the catalogue."""

    kind: SheetKind
    place: Place
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as it stands; ``counts`` are answers by verdict, of a sheet of the staff those of all who answered.

    ``revision`` is of its head and foot: state, ``summary`` (課としての総括), ``remarks`` (特記事項).
    """

    number: int
    round: str
    year: int
    kind: SheetKind
    place: Place
    items: tuple[str, ...]
    due: date | None
    state: SheetState = SheetState.OPEN
    revision: int = 0
    entered_by: str = ""
    entered_at: datetime | None = None
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    returned_by: str = ""
    returned_at: datetime | None = None
    returned_reason: str = ""
    summary: str = ""
    remarks: str = ""
    respondents: int = 0
    codes_left: int = 0
    counts: Mapping[Verdict, int] = field(default_factory=dict)

    @property
    def unit(self) -> Unit:
        """Whose sheet it is."""
        return self.place.unit

    @property
    def title(self) -> str:
        """The name of the unit, for people."""
        return f"{self.place.department} {self.place.system}".strip()

    @property
    def answered(self) -> int:
        """How many items have an answer."""
        return sum(self.counts.get(one, 0) for one in ANSWERS)

    @property
    def writable(self) -> bool:
        """Whether answers may still change."""
        return self.kind is not SheetKind.STAFF and self.state in WRITABLE

    def overdue(self, day: date) -> bool:
        """Whether it should have been confirmed by now."""
        waiting = self.kind is not SheetKind.STAFF and self.state is not SheetState.CONFIRMED
        return waiting and self.due is not None and self.due < day


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A version of a file that shows something. Nothing is deleted: ``withdrawn_reason`` says why it counts no more."""

    number: int
    sheet: int
    item: str
    name: str
    version: int
    kind: str
    size: int
    sha256: str
    by: str
    at: datetime
    withdrawn_by: str = ""
    withdrawn_at: datetime | None = None
    withdrawn_reason: str = ""


@dataclass(frozen=True, slots=True)
class StaffCounts:
    """What the staff of a department answered: item → verdict → how many. None while too few have answered."""

    respondents: int
    codes_left: int
    counts: Mapping[str, Mapping[Verdict, int]] | None


def sheets_of(plan: Plan, catalogue: Catalogue, places: Mapping[Unit, Place]) -> list[NewSheet]:
    """The sheets of a round: each unit its own, each department also that of its staff, the office the ward's.

    A sheet without items is not made (a stage that asks nothing of systems).
    """
    found: list[NewSheet] = []
    for unit in plan.units:
        kind = SheetKind.SYSTEM if unit.system else SheetKind.DEPARTMENT
        papers = open_papers(catalogue, plan.stage, unit.department, unit.system)
        found.append(NewSheet(kind, places[unit], tuple(one.item for one in papers)))
        if not unit.system:
            asked = (one.id for one in catalogue.applicable(plan.stage) if one.answers is Answerer.STAFF)
            found.append(NewSheet(SheetKind.STAFF, places[unit], tuple(asked)))
    if plan.office:
        papers = ward_papers(catalogue, plan.stage, plan.office)
        found.append(NewSheet(SheetKind.WARD, places[Unit(plan.office)], tuple(one.item for one in papers)))
    return [one for one in found if one.items]


def cleaned(text: str) -> str:
    """What somebody typed as every database and every Excel file can keep it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def tidy(answer: Answer) -> Answer:
    """The answer as it is kept.

    Raises:
        UsageError: a verdict that nobody gives of oneself, or a text that is too long.
    """
    if answer.verdict is Verdict.NOT_VERIFIED and any((answer.reason, answer.improvement, answer.due)):
        raise UsageError(_("判定(○・△・×・対象外)を選んでください。"))
    made = replace(
        answer,
        note=cleaned(answer.note),
        reason=cleaned(answer.reason),
        improvement=cleaned(answer.improvement),
    )
    labels = {"note": _("現状・根拠"), "reason": _("△×の理由"), "improvement": _("改善予定")}
    for name, label in labels.items():
        if len(text := getattr(made, name)) > MAX_TEXT:
            what = _("{label}が長すぎます({n} 字)。{limit} 字以内にしてください。")
            raise UsageError(what.format(label=label, n=len(text), limit=MAX_TEXT))
    return made


def missing(items: Sequence[str], answers: Mapping[str, Answer]) -> Iterator[Problem]:
    """What a sheet still lacks before it can be handed to the head of the department, item by item."""
    for item in items:
        answer = answers.get(item) or Answer(item)
        if answer.verdict is Verdict.NOT_VERIFIED:
            yield Problem(item, _("まだ判定していません。"))
        elif answer.verdict in {Verdict.PARTIAL, Verdict.NOT_MET}:
            if not answer.reason:
                yield Problem(item, _("△・× の理由を書いてください。"))
            if not answer.improvement:
                yield Problem(item, _("改善予定(内容)を書いてください。"))
        elif answer.verdict is Verdict.NOT_APPLICABLE and not answer.note:
            yield Problem(item, _("対象外とする理由を「現状・根拠」に書いてください。"))
