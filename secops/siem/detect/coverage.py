"""Which rules work, and why the others do not: the rulebook held against what a site's store has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secops.locale import _
from secops.schema.aliases import ALIASES
from secops.siem.detect.compiled import CompiledRule
from secops.siem.detect.logsources import Logsource, may_hold
from secops.siem.detect.match import SigmaDetector
from secops.siem.ports import KIND_COLUMNS, Rule, SeenKind

_SHOWN = 5  # names of fields in a reason


class Status(StrEnum):
    """What a rule is worth in a site; `STATUS_LABELS` has the words on screens."""

    ACTIVE = "active"
    NO_SOURCE = "no_source"
    NO_FIELD = "no_field"
    UNSUPPORTED = "unsupported"
    BROKEN = "broken"
    DISABLED = "disabled"


STATUS_LABELS = {
    Status.ACTIVE: "有効",
    Status.NO_SOURCE: "ログがない",
    Status.NO_FIELD: "項目がない",
    Status.UNSUPPORTED: "対象外",
    Status.BROKEN: "誤り",
    Status.DISABLED: "停止中",
}


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """A rule (index in ``Detector.rules``) with its status and, unless it is active, the reason."""

    rule: int
    status: Status
    reason: str = ""


def coverage(detector: SigmaDetector, seen: Sequence[SeenKind] | None) -> list[RuleCoverage]:
    """The status of every rule; without ``seen`` (no site) as far as the rulebook alone tells."""
    broken = {problem.where.rsplit(":", 1)[0] for problem in detector.problems}
    sources = _Sources(detector, seen) if seen is not None else None
    found = []
    for number, rule in enumerate(detector.rules):
        if rule.active and sources is None:
            found.append(RuleCoverage(number, Status.ACTIVE))
        elif rule.active and sources is not None:
            found.append(sources.judge(number))
        else:
            found.append(RuleCoverage(number, _inactive(rule, detector.compiled_rule(number), broken), rule.reason))
    _judge_correlations(detector, found)
    return found


def _judge_correlations(detector: SigmaDetector, found: list[RuleCoverage]) -> None:
    """A correlation is only as good as the rules it refers to; those it needs must be active themselves."""
    numbers = {rule.id: number for number, rule in reversed(list(enumerate(detector.rules)))}
    for one in detector.correlations:  # inner ones first
        number = numbers[one.rule_id]
        idle = [ref for ref in one.refs if found[numbers[ref]].status is not Status.ACTIVE]
        if found[number].status is not Status.ACTIVE or not idle:
            continue
        truth = [False if ref in idle else None for ref in one.refs]
        every = one.kind.startswith("temporal")
        tree = one.tree if one.tree is not None else ["and" if every else "or", *range(len(one.refs))]
        if may_hold(tree, truth) is False:
            titles = ", ".join(detector.rules[numbers[ref]].title_ja for ref in idle[:_SHOWN])
            reason = _("元になるルール({titles})が働いていないため、成立しません。").format(titles=titles)
            found[number] = RuleCoverage(number, found[numbers[idle[0]]].status, reason)


def _inactive(rule: Rule, compiled: CompiledRule, broken: set[str]) -> Status:
    if not compiled.reason:
        return Status.DISABLED
    return Status.BROKEN if rule.path in broken else Status.UNSUPPORTED


class _Sources:
    """What the store has seen, by the entries of the logsource map; each entry is looked at once."""

    def __init__(self, detector: SigmaDetector, seen: Sequence[SeenKind]) -> None:
        self._detector = detector
        self._seen = seen
        self._fields: dict[int, frozenset[str] | None] = {}

    def judge(self, number: int) -> RuleCoverage:
        compiled = self._detector.compiled_rule(number)
        if not compiled.entries:  # a correlation: it is about the hits of other rules
            return RuleCoverage(number, Status.ACTIVE)
        there = [(entry, fields) for entry in compiled.entries if (fields := self._fields_of(entry)) is not None]
        if not there:
            names = " / ".join(self._detector.rules[number].logsource.values())
            reason = _("この期間に、このルールが見る種類のログ({names})は届いていません。")
            return RuleCoverage(number, Status.NO_SOURCE, reason.format(names=names))
        missing = [self._missing(compiled, entry, fields) for entry, fields in there]
        if not all(missing):
            return RuleCoverage(number, Status.ACTIVE)
        names = ", ".join(missing[0][:_SHOWN])
        reason = _("このルールに欠かせない項目({names})に値のある記録が見当たりません(一部の記録で調べています)。")
        return RuleCoverage(number, Status.NO_FIELD, reason.format(names=names))

    def _fields_of(self, entry: int) -> frozenset[str] | None:
        """Fields of the kinds of events that an entry may mean; None where no such kind was seen."""
        if entry not in self._fields:
            source = self._detector.logsource(entry)
            kinds = [kind.fields for kind in self._seen if _is_one(source, kind)]
            self._fields[entry] = frozenset[str]().union(*kinds) if kinds else None
        return self._fields[entry]

    def _missing(self, compiled: CompiledRule, entry: int, fields: frozenset[str]) -> list[str]:
        """The rule's fields without which it cannot hold and which have no value anywhere."""
        bounds = self._detector.bounds(compiled, entry)
        names = dict.fromkeys(leaf[1] for leaf in compiled.leaves if leaf[1])
        absent = []
        for name in names:
            truth = [False if leaf[1] == name else None for leaf in compiled.leaves]
            if may_hold(compiled.tree, truth) is False:
                columns = {
                    column
                    for leaf, bound in zip(compiled.leaves, bounds, strict=True)
                    if leaf[1] == name
                    for column in bound.columns
                }
                if columns.isdisjoint(fields) and {ALIASES.get(one, one) for one in columns}.isdisjoint(fields):
                    absent.append(name)
        return absent


def _is_one(source: Logsource, kind: SeenKind) -> bool:
    known: Mapping[str, str | None] = {name: kind.values[name] for name in KIND_COLUMNS}
    return source.may_be(known)


def counts(found: Sequence[RuleCoverage]) -> dict[Status, int]:
    """Rules by status, all of them, in order of the statuses."""
    counted = Counter(one.status for one in found)
    return {status: counted[status] for status in Status}


def as_plain(detector: SigmaDetector, found: Sequence[RuleCoverage]) -> list[dict[str, Any]]:
    """As JSON shows it."""
    return [
        {
            "id": detector.rules[one.rule].id,
            "title": detector.rules[one.rule].title,
            "title_ja": detector.rules[one.rule].title_ja,
            "level": detector.rules[one.rule].level,
            "status": one.status.value,
            "reason": one.reason,
            "tags": detector.rules[one.rule].tags,
            "logsource": detector.rules[one.rule].logsource,
            "path": detector.rules[one.rule].path,
        }
        for one in found
    ]
