"""Findings (指摘事項) from draft to closed, and what each step asks for.

    起案中 ── send ──▶ 事実確認中 ── issue ──▶ 改善中 ── close ──▶ 完了
       ◀── take back ──┘                         ◀── reopen ──┘

A good practice asks for no action: issued, it is done. What a step asks for is listed as a whole (`Problem`), so that
nobody has to find out one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from secops.errors import ConflictError, Problem, UsageError
from secops.isms.audit.round import (
    FINDING_STATES,
    Action,
    ActionState,
    Finding,
    FindingKind,
    FindingState,
)
from secops.locale import _
from secops.schema.text import fold

MAX_TEXT = 4000
MAX_ACTIONS = 20
TEXTS = {
    "title": "件名",
    "fact": "事実",
    "criterion": "基準",
    "cause": "原因",
    "risk": "リスク",
    "recommendation": "改善提言",
}
_BREACHES = (FindingKind.MAJOR, FindingKind.MINOR)
_WORDS = re.compile(r"[一-鿿]{2,}|[ァ-ヴー]{2,}|[a-z0-9]{2,}")
ALIKE = 0.5  # share of words in common from which two titles are taken for one matter


def tidy(finding: Finding) -> Finding:
    """The finding as it is kept: texts without blanks at their ends.

    Raises:
        UsageError: no title or department, or a text that is too long.
    """
    said = {name: getattr(finding, name).strip() for name in TEXTS}
    if not said["title"] or "\n" in said["title"]:
        raise UsageError(_("件名を 1 行で書いてください。"))
    if not finding.department:
        raise UsageError(_("どの部署の指摘かを選んでください。"))
    for name, text in said.items():
        if len(text) > MAX_TEXT:
            what = _("{label}が長すぎます({n} 字)。{limit} 字以内にしてください。")
            raise UsageError(what.format(label=_(TEXTS[name]), n=len(text), limit=MAX_TEXT))
    return replace(finding, **said)


def lacking(finding: Finding) -> Iterator[Problem]:
    """What a draft lacks before the department may check its facts: no statement without evidence and criterion."""
    where = finding.number
    needed = ["fact"]
    if finding.kind is not FindingKind.GOOD:
        needed += ["recommendation"]
    if finding.kind in _BREACHES:
        needed += ["criterion", "risk"]
    for name in needed:
        if not getattr(finding, name).strip():
            yield Problem(f"{where} {_(TEXTS[name])}", _("書かれていません。"))
    if finding.kind in _BREACHES and not finding.clauses:
        yield Problem(where, _("不適合には、基準となる条項が必要です。"))
    if not finding.evidence:
        yield Problem(where, _("証拠がありません。見たもの、記録の場所などを書いてください。"))


def expect(finding: Finding, *states: FindingState) -> None:
    """Refuse a step that does not begin where the finding stands.

    Raises:
        ConflictError: it stands elsewhere.
    """
    if finding.state not in states:
        what = _("指摘 {number} は「{state}」です。「{wanted}」のときだけ行えます。")
        wanted = "」「".join(_(FINDING_STATES[one]) for one in states)
        raise ConflictError(what.format(number=finding.number, state=_(FINDING_STATES[finding.state]), wanted=wanted))


def issued(finding: Finding, day: date) -> Finding:
    """The finding as it is issued after the fact check; a good practice is closed with it."""
    expect(finding, FindingState.FACT_CHECK)
    if finding.kind is FindingKind.GOOD:
        return replace(finding, state=FindingState.CLOSED, opened_on=day, closed_on=day)
    return replace(finding, state=FindingState.OPEN, opened_on=day)


def planned(finding: Finding, cause: str, actions: Sequence[Action]) -> Finding:
    """The finding with the improvement plan of the department.

    What an auditor found out about a measure stays with it (measures are told apart by their place).

    Raises:
        ConflictError: the finding asks for no plan now.
        UsageError: with everything that is missing.
    """
    expect(finding, FindingState.OPEN)
    kept = [
        replace(one, checked_on=old.checked_on, checked=old.checked, effective=old.effective)
        if (old := _at(finding.actions, place)) and old.measure == one.measure
        else replace(one, checked_on=None, checked="", effective=None)
        for place, one in enumerate(actions)
    ]
    gone = [one for one in finding.actions if one.checked_on and one.measure not in {new.measure for new in actions}]
    wrong = [problem for place, one in enumerate(kept, 1) for problem in _wrong(one, place)]
    if not cause.strip():
        wrong.append(Problem(_("原因"), _("書かれていません。")))
    if not kept:
        wrong.append(Problem(_("改善内容"), _("一つ以上書いてください。")))
    if len(kept) > MAX_ACTIONS:
        wrong.append(Problem(_("改善内容"), _("{most} 件以内にしてください。").format(most=MAX_ACTIONS)))
    wrong += [Problem(one.measure, _("監査人が確認した対策は消せません。")) for one in gone]
    if wrong:
        raise UsageError("\n".join(map(str, wrong)))
    return replace(finding, improvement_cause=cause.strip(), actions=tuple(kept))


def _at(actions: Sequence[Action], place: int) -> Action | None:
    return actions[place] if place < len(actions) else None


def _wrong(action: Action, place: int) -> Iterator[Problem]:
    where = _("対策 {n}").format(n=place)
    for label, text in ((_("改善内容"), action.measure), (_("担当(職)"), action.person)):
        if not text.strip():
            yield Problem(f"{where} {label}", _("書かれていません。"))
    if max(map(len, (action.measure, action.interim, action.reason))) > MAX_TEXT:
        yield Problem(where, _("{limit} 字以内にしてください。").format(limit=MAX_TEXT))
    if action.due is None:
        yield Problem(f"{where} {_('期限')}", _("書かれていません。"))
    if action.state is ActionState.DONE and (action.done_on is None or not action.evidence):
        yield Problem(where, _("完了には、完了日と証跡が必要です。"))
    if action.state is ActionState.INFEASIBLE and not (action.reason.strip() and action.exception.strip()):
        yield Problem(where, _("実施困難には、理由と例外措置の番号が必要です。"))


def checked(finding: Finding, place: int, *, on: date, text: str, effective: bool) -> Finding:
    """The finding with what the auditor found out about one measure (from 1).

    Raises:
        ConflictError: it is not open, or the measure is not said to be done.
        UsageError: no such measure, no text.
    """
    expect(finding, FindingState.OPEN)
    if not 1 <= place <= len(finding.actions):
        raise UsageError(_("対策 {n} はありません。").format(n=place))
    action = finding.actions[place - 1]
    if action.state not in {ActionState.DONE, ActionState.INFEASIBLE}:
        raise ConflictError(_("完了か実施困難の対策だけを確認できます。"))
    if not text.strip():
        raise UsageError(_("確認した結果を書いてください。"))
    new = replace(action, checked_on=on, checked=text.strip()[:MAX_TEXT], effective=effective)
    if not effective:  # it has to be done again
        new = replace(new, state=ActionState.RUNNING, done_on=None)
    actions = [*finding.actions[: place - 1], new, *finding.actions[place:]]
    return replace(finding, actions=tuple(actions))


def closed(finding: Finding, day: date) -> Finding:
    """The finding closed: every measure is done (or impossible, with an exception) and was found to work.

    Raises:
        ConflictError: with what is still missing.
    """
    expect(finding, FindingState.OPEN)
    left = [place for place, one in enumerate(finding.actions, 1) if not one.effective]
    if not finding.actions:
        raise ConflictError(_("改善計画がまだ出ていません。"))
    if left:
        what = _("監査人がまだ有効と確認していない対策があります: {places}")
        raise ConflictError(what.format(places=", ".join(map(str, left))))
    return replace(finding, state=FindingState.CLOSED, closed_on=day)


def reopened(finding: Finding) -> Finding:
    """A closed finding, open again; its measures stay."""
    expect(finding, FindingState.CLOSED)
    if finding.kind is FindingKind.GOOD:
        raise ConflictError(_("優良事例は改善を求めないため、再開できません。"))
    return replace(finding, state=FindingState.OPEN, closed_on=None)


@dataclass(frozen=True, slots=True)
class Likeness:
    """An earlier finding that this one may repeat, and why it is thought so; a person decides."""

    number: str
    title: str
    why: str
    score: float


def repeats(finding: Finding, earlier: Iterable[Finding]) -> list[Likeness]:
    """Earlier findings of the same unit about the same item, clause or matter; the likeliest first.

    The same item at the same unit is a repetition whatever the words; common clauses or alike titles only suggest it.
    """
    found = []
    for one in earlier:
        if one.number == finding.number or one.department != finding.department or one.kind is FindingKind.GOOD:
            continue
        alike = _alike(finding.title, one.title)
        shared = sorted(set(finding.clauses) & set(one.clauses))
        if finding.item and one.item == finding.item and one.system == finding.system:
            found.append(Likeness(one.number, one.title, _("同じ監査項目"), 3 + alike))
        elif alike >= ALIKE:
            found.append(Likeness(one.number, one.title, _("件名が似ている"), alike + bool(shared)))
        elif shared:
            why = _("同じ条項: {clauses}").format(clauses=", ".join(shared))
            found.append(Likeness(one.number, one.title, why, alike))
    return sorted(found, key=lambda one: (-one.score, one.number))


def _alike(one: str, other: str) -> float:
    words, others = (set(_WORDS.findall(fold(text))) for text in (one, other))
    return len(words & others) / len(words | others) if words and others else 0.0


class Tally(dict[FindingKind, int]):
    """How many findings by kind, every kind named."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__(dict.fromkeys(FindingKind, 0))
        for one in findings:
            self[one.kind] += 1
