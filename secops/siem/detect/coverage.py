"""Which rules work, and why the others do not: the rulebook held against what a site's store has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secops.locale import _
from secops.schema.aliases import ALIASES
from secops.siem.detect.bound import Bound
from secops.siem.detect.compiled import CompiledRule
from secops.siem.detect.judge import Judge
from secops.siem.detect.logsources import Logsource, may_hold
from secops.siem.detect.match import SigmaDetector
from secops.siem.detect.specs import Spec
from secops.siem.ports import KIND_COLUMNS, SeenKind

_SHOWN = 5  # names of fields in a reason
_KINDS = frozenset(KIND_COLUMNS)
_UNKEPT = frozenset({"message", "event.original"})  # the store leaves them out of some logs: their absence says nothing


class Status(StrEnum):
    """What a rule is worth in a site; `STATUS_LABELS` has the words on screens."""

    ACTIVE = "active"
    NO_SOURCE = "no_source"
    SILENT = "silent"
    NO_FIELD = "no_field"
    UNSUPPORTED = "unsupported"
    BROKEN = "broken"
    DISABLED = "disabled"


STATUS_LABELS = {
    Status.ACTIVE: "有効",
    Status.NO_SOURCE: "収集元がない",
    Status.SILENT: "届いていない",
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


@dataclass(frozen=True, slots=True)
class SourceKinds:
    """A source that is set up: its id, and the kinds of events it may bring (what is known of their columns).

    ``guessed``: the format is told by content, so it may bring anything that can be told so.
    """

    id: str
    kinds: Sequence[Mapping[str, str | None]]
    guessed: bool = False


def coverage(
    detector: SigmaDetector, seen: Sequence[SeenKind] | None, configured: Sequence[SourceKinds] = ()
) -> list[RuleCoverage]:
    """The status of every rule; without ``seen`` (no site) as far as the rulebook alone tells.

    ``configured`` are the site's sources: what none of them may bring has no source, the rest is silent.
    """
    sources = _Sources(detector, seen, configured) if seen is not None else None
    found = []
    for number, rule in enumerate(detector.rules):
        if rule.active and sources is None:
            found.append(RuleCoverage(number, Status.ACTIVE))
        elif rule.active and sources is not None:
            found.append(sources.judge(number))
        else:
            found.append(RuleCoverage(number, _inactive(detector.compiled_rule(number)), rule.reason))
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
        # One that asks for another number of its rules may do with any of them.
        every = one.kind.startswith("temporal") and one.conditions == (("gte", str(len(one.refs))),)
        tree = one.tree if one.tree is not None else ["and" if every else "or", *range(len(one.refs))]
        if may_hold(tree, truth) is False:
            titles = ", ".join(detector.rules[numbers[ref]].title_ja for ref in idle[:_SHOWN])
            reason = _("元になるルール({titles})が働いていないため、成立しません。").format(titles=titles)
            found[number] = RuleCoverage(number, found[numbers[idle[0]]].status, reason)


def _inactive(compiled: CompiledRule) -> Status:
    if not compiled.reason:
        return Status.DISABLED
    broken = any(problem.what and problem.what in compiled.reason for problem in compiled.problems)
    return Status.BROKEN if broken else Status.UNSUPPORTED


class _Sources:
    """What the store has seen, by the entries of the logsource map; each entry is looked at once."""

    def __init__(
        self, detector: SigmaDetector, seen: Sequence[SeenKind], configured: Sequence[SourceKinds] = ()
    ) -> None:
        self._detector = detector
        self._seen = seen
        self._configured = configured
        self._bringing: dict[int, list[SourceKinds]] = {}
        self._kinds: dict[int, list[SeenKind]] = {}
        self._judged: dict[tuple[Spec, str], bool] = {}

    def judge(self, number: int) -> RuleCoverage:
        compiled = self._detector.compiled_rule(number)
        if not compiled.entries:  # a correlation: it is about the hits of other rules
            return RuleCoverage(number, Status.ACTIVE)
        lacking: list[list[str]] = []
        near = False
        for entry in compiled.entries:
            bounds = self._detector.bounds(compiled, entry)
            columns = frozenset(column for bound in bounds for column in bound.columns)
            alike: set[tuple[object, ...]] = set()
            for kind in self._kinds_of(entry):
                near = True
                looks = _as_rule_sees(kind, columns)
                if looks in alike:
                    continue
                alike.add(looks)
                truth = [self._holds(bound, kind) for bound in bounds]
                if may_hold(compiled.tree, truth) is False:
                    continue  # an event id or a channel that the rule does not look at
                missing = _missing(compiled, bounds, truth, kind)
                if not missing:
                    return RuleCoverage(number, Status.ACTIVE)
                lacking.append(missing)
        if lacking:
            names = ", ".join(min(lacking, key=len)[:_SHOWN])
            reason = _("このルールに欠かせない項目({names})に値のある記録が、この期間にありません。")
            return RuleCoverage(number, Status.NO_FIELD, reason.format(names=names))
        return self._unseen(number, compiled, near=near)

    def _unseen(self, number: int, compiled: CompiledRule, *, near: bool) -> RuleCoverage:
        """Why nothing that the rule looks at came; ``near``: other logs of the kind did."""
        names = " / ".join(self._detector.rules[number].logsource.values())
        if near:
            asked = ", ".join(self._asked(compiled)[:_SHOWN])
            reason = _("この期間に、この種類のログ({names})のうち、このルールが見るもの({asked})は届いていません。")
            return RuleCoverage(number, Status.SILENT, reason.format(names=names, asked=asked))
        bringing = list(dict.fromkeys(_said(one) for entry in compiled.entries for one in self._bringing_of(entry)))
        if not bringing:
            reason = _("このルールが見る種類のログ({names})の収集元が設定されていません。この期間に届いてもいません。")
            return RuleCoverage(number, Status.NO_SOURCE, reason.format(names=names))
        reason = _(
            "このルールが見る種類のログ({names})を送れる収集元({sources})は設定されていますが、この期間に届いていません。"
        )
        sources = ", ".join(bringing[:_SHOWN]) + ("…" if len(bringing) > _SHOWN else "")
        return RuleCoverage(number, Status.SILENT, reason.format(names=names, sources=sources))

    def _bringing_of(self, entry: int) -> list[SourceKinds]:
        """The sources that may bring what an entry means; those whose format is known first."""
        if entry not in self._bringing:
            meant = self._detector.logsource(entry)
            found = [one for one in self._configured if any(meant.may_be(kind) for kind in one.kinds)]
            self._bringing[entry] = sorted(found, key=lambda one: one.guessed)
        return self._bringing[entry]

    def _kinds_of(self, entry: int) -> list[SeenKind]:
        """The kinds of events that an entry may mean."""
        if entry not in self._kinds:
            source = self._detector.logsource(entry)
            self._kinds[entry] = [kind for kind in self._seen if _is_one(source, kind)]
        return self._kinds[entry]

    def _holds(self, bound: Bound, kind: SeenKind) -> bool | None:
        """Whether a leaf holds for all events of a kind, or for none; None where the kind does not tell."""
        value = kind.values.get(bound.columns[0]) if len(bound.columns) == 1 else None
        if value is None or bound.spec[0] == "ref":
            return None
        key = (bound.spec, value)
        if key not in self._judged:
            self._judged[key] = bool(Judge({0: bound.spec})(value))
        return self._judged[key]

    def _asked(self, compiled: CompiledRule) -> list[str]:
        """What the rule asks of the columns that tell kinds apart, as it says it: ``EventID 4719``."""
        bounds = self._detector.bounds(compiled, compiled.entries[0])
        pairs = zip(compiled.leaves, bounds, strict=True)
        return list(dict.fromkeys(f"{leaf[1]} {leaf[3]}" for leaf, bound in pairs if set(bound.columns) & _KINDS))


def _said(source: SourceKinds) -> str:
    return _("{id}: 形式は自動判定").format(id=source.id) if source.guessed else source.id


def _as_rule_sees(kind: SeenKind, columns: frozenset[str]) -> tuple[object, ...]:
    """What of a kind bears on a rule over these columns; kinds that agree in it are judged once."""
    return (
        *(kind.values.get(column) for column in KIND_COLUMNS if column in columns),
        frozenset(column for column in columns if _has(kind, column)),
    )


def _missing(
    compiled: CompiledRule, bounds: Sequence[Bound], truth: Sequence[bool | None], kind: SeenKind
) -> list[str]:
    """The fields that such events never have and without which the rule cannot hold: alone, or together."""
    absent = [
        leaf[1] != "" and known is None and not any(_has(kind, column) for column in bound.columns)
        for leaf, bound, known in zip(compiled.leaves, bounds, truth, strict=True)
    ]
    if may_hold(compiled.tree, [False if gone else one for gone, one in zip(absent, truth, strict=True)]) is not False:
        return []
    names = list(dict.fromkeys(leaf[1] for leaf, gone in zip(compiled.leaves, absent, strict=True) if gone))
    alone = []
    for name in names:
        gone = [away and leaf[1] == name for leaf, away in zip(compiled.leaves, absent, strict=True)]
        if may_hold(compiled.tree, [False if out else one for out, one in zip(gone, truth, strict=True)]) is False:
            alone.append(name)
    return alone or names


def _has(kind: SeenKind, column: str) -> bool:
    return column in kind.fields or ALIASES.get(column, column) in kind.fields or column in _UNKEPT


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
