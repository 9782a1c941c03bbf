"""Exceptions from the policy (例外措置): what may happen to one, and which ones are out of date and still in use.

They are called waivers in code: an exception of a detection rule is something else (`secops.siem.triage.exemption`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from secops.errors import ConflictError, DeniedError, UsageError
from secops.isms.edge import CLAUSE, NAME
from secops.locale import _
from secops.org.model import Flow

LONGEST = 4_000  # characters of a reason, a measure, a condition
MOST = 20  # clauses and subjects of one request
MOST_DAYS = 366 * 3  # longer than this is no exception


class State(StrEnum):
    """What people last said of a waiver; `Phase` is how it stands on a day."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class Phase(StrEnum):
    """How a waiver stands on a day, the most urgent first."""

    OVERDUE = "overdue"  # expired or revoked, and nobody said that it is out of use
    REQUESTED = "requested"
    IN_FORCE = "in_force"
    COMING = "coming"
    RENEWED = "renewed"
    ENDED = "ended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


PHASE_LABELS = {
    Phase.OVERDUE: "期限切れ・使用中",
    Phase.REQUESTED: "申請中",
    Phase.IN_FORCE: "適用中",
    Phase.COMING: "承認済み(開始前)",
    Phase.RENEWED: "更新済み",
    Phase.ENDED: "終了",
    Phase.REFUSED: "不承認",
    Phase.WITHDRAWN: "取下げ",
}
OPEN = frozenset({Phase.OVERDUE, Phase.REQUESTED, Phase.IN_FORCE, Phase.COMING})


class Kind(StrEnum):
    """What a waiver can be about."""

    DEVICE = "device"
    FLOW = "flow"
    SYSTEM = "system"


KIND_LABELS = {Kind.DEVICE: "機器", Kind.FLOW: "通信", Kind.SYSTEM: "システム"}
ACTION_LABELS = {
    "exception.requested": "申請",
    "exception.approved": "承認",
    "exception.refused": "不承認",
    "exception.withdrawn": "取下げ",
    "exception.revoked": "承認の取消し",
    "exception.renewed": "更新",
    "exception.ended": "使用の終了を確認",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A device by name, a flow by number or a system by code that a waiver is about."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"


@dataclass(frozen=True, order=True, slots=True)
class Number:
    """The number of a waiver: 年度 and a running number, ``例外 2026-3`` on paper."""

    year: int
    running: int

    def __str__(self) -> str:
        return f"{self.year}-{self.running}"

    @property
    def printed(self) -> str:
        """As it stands on papers."""
        return f"例外 {self}"

    @property
    def target(self) -> str:
        """As the trail names it."""
        return f"exception {self}"

    @classmethod
    def parse(cls, text: str) -> Number:
        """Read ``2026-3`` or ``例外 2026-3``.

        Raises:
            UsageError: it is neither.
        """
        year, _dash, running = text.strip().removeprefix("例外").strip().partition("-")
        if not (len(year) == 4 and year.isdecimal() and year.isascii()) or not (
            running.isdecimal() and running.isascii() and len(running) < 7
        ):
            raise UsageError(_("番号は 2026-3 のように書いてください({text})。").format(text=text[:40]))
        return cls(int(year), int(running))


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked for. Both days are included; ``renews`` is the waiver that this one goes on from."""

    department: str
    clauses: tuple[str, ...]
    reason: str
    measure: str
    begins: date
    ends: date
    subjects: tuple[Subject, ...] = ()
    renews: Number | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on the CISO's behalf: by which post, on which day, under which conditions."""

    approved: bool
    decider: str
    decided_on: date
    conditions: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver with all that was said of it; ``department`` is a code, people are login names."""

    number: Number
    draft: Draft
    state: State
    requested_by: str
    requested_at: datetime
    decision: Decision | None = None
    decided_by: str = ""
    revoked_on: date | None = None
    ended_on: date | None = None
    ended_by: str = ""
    ended_note: str = ""
    renewed_by: Number | None = None

    @property
    def last_day(self) -> date:
        """The last day on which it may be used."""
        return min(self.draft.ends, self.revoked_on) if self.revoked_on else self.draft.ends

    def phase(self, today: date) -> Phase:
        """How it stands on a day."""
        if self.state is not State.APPROVED:
            return Phase(self.state.value)
        if today > self.last_day:
            return Phase.RENEWED if self.renewed_by else Phase.OVERDUE
        return Phase.COMING if today < self.draft.begins else Phase.IN_FORCE


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of a waiver's history, from the trail."""

    at: datetime
    actor: str
    action: str
    detail: Any


class Source(StrEnum):
    """Where something that is out of date and still in use is registered."""

    WAIVER = "waiver"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Expired, and nobody said that it is out of use: a candidate for a finding. ``ends`` was its last day."""

    source: Source
    id: str
    department: str
    title: str
    ends: date
    days: int
    clauses: tuple[str, ...] = ()


def check_draft(draft: Draft, today: date, known: Iterable[str] = ()) -> None:
    """Refuse a request that says too little or makes no sense; all that is wrong at once.

    ``known`` are the clause ids there are; empty: not looked up, only their form is checked.

    Raises:
        UsageError: one sentence for each mistake.
    """
    wrong: list[str] = []
    if not draft.department:
        wrong.append(_("課を選んでください。"))
    for text, name in ((draft.reason, _("理由")), (draft.measure, _("代わりの対策"))):
        if not text.strip():
            wrong.append(_("「{name}」を書いてください。").format(name=name))
        if len(text) > LONGEST:
            wrong.append(
                _("「{name}」が長すぎます({n} 字)。{most} 字以内にしてください。").format(
                    name=name, n=len(text), most=LONGEST
                )
            )
    wrong += _wrong_clauses(draft.clauses, frozenset(known))
    if len(draft.subjects) > MOST:
        wrong.append(
            _("対象が多すぎます({n} 件)。{most} 件以内にしてください。").format(n=len(draft.subjects), most=MOST)
        )
    wrong += [
        _("対象「{id}」が長すぎるか、使えない文字があります。").format(id=one.id[:40])
        for one in draft.subjects
        if not one.id.strip() or len(one.id) > 100 or not one.id.isprintable()
    ]
    if draft.ends < draft.begins:
        wrong.append(_("終了日が開始日より前です。"))
    elif (draft.ends - draft.begins).days > MOST_DAYS:
        wrong.append(_("期間が長すぎます。3 年以内にし、続けるときは更新を申請してください。"))
    if draft.ends < today:
        wrong.append(_("終了日({day})が過ぎています。これからの日にしてください。").format(day=draft.ends))
    if wrong:
        raise UsageError("\n".join(wrong))


def _wrong_clauses(clauses: Sequence[str], known: frozenset[str]) -> list[str]:
    if not clauses:
        return [_("どの条項の例外かを、条項の番号で書いてください(例: mic-2025-03-6.1-6、taisaku-a12)。")]
    wrong = [_("条項が多すぎます({n} 件)。{most} 件以内にしてください。").format(n=len(clauses), most=MOST)] * (
        len(clauses) > MOST
    )
    for one in clauses:
        if len(one) > 60 or not (CLAUSE.fullmatch(one) or NAME.fullmatch(one)):
            wrong.append(_("「{clause}」は条項の番号の形ではありません。").format(clause=one[:60]))
        elif known and one not in known:
            wrong.append(_("条項「{clause}」はありません。規程の番号を確かめてください。").format(clause=one))
    return wrong


def check_decision(waiver: Waiver, decision: Decision, actor: str, today: date) -> None:
    """Refuse a decision that is not one.

    Raises:
        ConflictError: it was decided or withdrawn already.
        DeniedError: the person decides on their own request.
        UsageError: who decided, or the day, makes no sense.
    """
    _needs(waiver, State.REQUESTED)
    if actor == waiver.requested_by:
        raise DeniedError(
            _("自分が申請した例外措置は、自分では承認も不承認もできません。ほかのポリシー担当が行ってください。")
        )
    if not decision.decider.strip() or len(decision.decider) > 100:
        raise UsageError(_("決裁した人の職名を書いてください(例: 最高情報セキュリティ責任者)。"))
    if len(decision.conditions) > LONGEST:
        raise UsageError(_("条件が長すぎます。{most} 字以内にしてください。").format(most=LONGEST))
    if not decision.approved and not decision.conditions.strip():
        raise UsageError(_("不承認の理由を書いてください。"))
    if decision.decided_on > today:
        raise UsageError(_("決裁日({day})が未来の日です。").format(day=decision.decided_on))
    if decision.approved and waiver.draft.ends < today:
        raise ConflictError(
            _("終了日({day})が過ぎているため承認できません。期間を改めて申請し直してください。").format(
                day=waiver.draft.ends
            )
        )


def check_withdraw(waiver: Waiver) -> None:
    """ConflictError unless the request is still undecided."""
    _needs(waiver, State.REQUESTED)


def check_revoke(waiver: Waiver, on: date, note: str, today: date) -> None:
    """Refuse to take an approval back where there is none, or without a reason."""
    _needs(waiver, State.APPROVED)
    _dated(on, today)
    if not note.strip() or len(note) > LONGEST:
        raise UsageError(_("取り消す理由を {most} 字以内で書いてください。").format(most=LONGEST))
    if waiver.revoked_on:
        raise ConflictError(
            _("{number} は、{day} に承認が取り消されています。").format(
                number=waiver.number.printed, day=waiver.revoked_on
            )
        )


def check_end(waiver: Waiver, on: date, note: str, today: date) -> None:
    """Refuse to call something out of use that was never permitted, or without saying how that was seen."""
    _needs(waiver, State.APPROVED)
    _dated(on, today)
    if not note.strip() or len(note) > LONGEST:
        raise UsageError(_("使用をやめたことを、どう確かめたかを {most} 字以内で書いてください。").format(most=LONGEST))


def check_renewal(old: Waiver, draft: Draft) -> None:
    """Refuse a renewal of what is not in force (or lapsed), of another department, or that does not go on longer."""
    _needs(old, State.APPROVED)
    if old.draft.department != draft.department:
        raise UsageError(_("更新は、同じ課の例外措置についてだけ申請できます。"))
    if draft.ends <= old.last_day:
        raise UsageError(_("更新後の終了日を、今の終了日({day})より後にしてください。").format(day=old.last_day))


def _dated(on: date, today: date) -> None:
    if on > today:
        raise UsageError(_("{day} は未来の日です。").format(day=on))


def _needs(waiver: Waiver, state: State) -> None:
    if waiver.state is not state:
        label = _("承認済み") if waiver.state is State.APPROVED else _(PHASE_LABELS[Phase(waiver.state.value)])
        text = _("{number} は「{state}」のため、この操作はできません。")
        raise ConflictError(text.format(number=waiver.number.printed, state=label))
    if waiver.renewed_by:
        text = _("{number} は {new} に更新されています。そちらで操作してください。")
        raise ConflictError(text.format(number=waiver.number.printed, new=waiver.renewed_by.printed))


def lapsed(waivers: Iterable[Waiver], flows: Iterable[Flow], today: date) -> list[Lapsed]:
    """What is out of date and still in use, the longest first.

    A registered flow past its last day counts as well, unless a waiver in force is about it: as long as it stands in
    the register somebody thinks that it is used.
    """
    found, covered = [], set[str]()
    for one in waivers:
        phase = one.phase(today)
        if phase is Phase.IN_FORCE:
            covered |= {subject.id for subject in one.draft.subjects if subject.kind is Kind.FLOW}
        if phase is Phase.OVERDUE:
            title = one.draft.reason.strip().splitlines()[0][:80]
            days = (today - one.last_day).days
            draft = one.draft
            found.append(
                Lapsed(Source.WAIVER, str(one.number), draft.department, title, one.last_day, days, draft.clauses)
            )
    for flow in flows:
        if flow.expires is not None and flow.expired(today) and flow.id not in covered:
            days = (today - flow.expires).days
            found.append(Lapsed(Source.FLOW, flow.id, flow.owner, flow.name or flow.reason, flow.expires, days))
    return sorted(found, key=lambda one: (-one.days, one.source, one.id))


def parse_subjects(texts: Iterable[str]) -> tuple[Subject, ...]:
    """Read ``flow:T-003``, ``device:K-0213``, ``system:JUMIN``.

    Raises:
        UsageError: a text has another form.
    """
    found = []
    for text in texts:
        kind, _colon, name = text.strip().partition(":")
        if kind not in set(Kind) or not name.strip():
            hint = _("対象は device:機器名、flow:通信番号、system:システムコード のように書いてください({text})。")
            raise UsageError(hint.format(text=text[:60]))
        found.append(Subject(Kind(kind), name.strip()))
    return tuple(dict.fromkeys(found))
