"""The correlations of a rulebook beside its event rules: which are at work, which rules feed them, and with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from secops.locale import _
from secops.schema.aliases import ALIASES
from secops.schema.severity import Severity
from secops.siem.detect.compiled import Compiled
from secops.siem.detect.logsources import LogsourceMap
from secops.siem.ports import Rule

if TYPE_CHECKING:  # most rulebooks have none: the module comes with the first
    from secops.siem.ports import Correlation

_MOST = 64  # elements of an array that are looked at
_LONGEST = 500  # characters of a value


def correlation_of(plain: Mapping[str, Any]) -> Correlation:
    """A correlation from the compiled rulebook."""
    from secops.siem.ports import Correlation

    return Correlation(
        rule_id=plain["rule_id"],
        kind=plain["kind"],
        refs=tuple(plain["refs"]),
        group_by=tuple(plain["group_by"]),
        timespan=timedelta(seconds=plain["seconds"]),
        conditions=tuple((operator, number) for operator, number in plain["conditions"]),
        aliases=plain["aliases"],
        fields=tuple(plain["fields"]),
        percentile=plain["percentile"],
        tree=plain["tree"],
        generate=plain["generate"],
        level=Severity(plain["level"]),
    )


class Correlated:
    """What the detector asks about correlations; ``rules`` are its rules as correlations make them.

    A rule that only feeds correlations raises no alerts of its own (``alerts``), unless one of them says ``generate``.
    A correlation with a rule that is switched off is inactive, and then feeds from its other rules cease: they alert.
    """

    def __init__(self, compiled: Compiled, where: LogsourceMap, rules: Sequence[Rule]) -> None:
        self._compiled = compiled
        self._where = where
        number_of = {rule.id: number for number, rule in reversed(list(enumerate(rules)))}
        self.rules = list(rules)
        self.correlations: list[Correlation] = []
        for one in map(correlation_of, compiled.correlations):
            number = number_of[one.rule_id]
            lacking = [self.rules[number_of[ref]] for ref in one.refs if not self.rules[number_of[ref]].active]
            own = self.rules[number]
            if lacking and own.active:
                text = _("元のルール「{title}」が動きません: {reason}")
                reason = text.format(title=lacking[0].title, reason=lacking[0].reason)
                own = replace(own, active=False, reason=reason)
            kept = own.group_by or one.group_by
            self.rules[number] = replace(own, kind="correlation", group_by=kept)
            if own.active:
                self.correlations.append(one)
        self._needed: dict[int, dict[str, None]] = {}
        inner = {one.rule_id: one for one in self.correlations}
        for one in self.correlations:
            for ref in one.refs:
                for name in (*one.group_by, *one.fields):
                    self._need(ref, one.field_in(name, ref), inner, number_of)
                self._needed.setdefault(number_of[ref], {})
        loud = {ref for one in self.correlations if one.generate for ref in one.refs}
        for ref in {ref for one in self.correlations for ref in one.refs} - loud:
            self.rules[number_of[ref]] = replace(self.rules[number_of[ref]], alerts=False)

    def _need(self, ref: str, name: str, inner: Mapping[str, Correlation], number_of: Mapping[str, int]) -> None:
        below = inner.get(ref)
        if below is None:
            self._needed.setdefault(number_of[ref], {})[name] = None
            return
        for deeper in below.refs:
            self._need(deeper, below.field_in(name, deeper), inner, number_of)

    def columns_of(self, rule: int, entry: int) -> set[str]:
        """The columns that correlations read of a rule's events in a logsource."""
        columns = self._where.entries[entry].columns
        return {column for name in self._needed.get(rule, ()) for column in columns(name)}

    def values(self, rule: int, event: Mapping[str, Any]) -> Mapping[str, Sequence[str]] | None:
        """What correlations ask of a flat event that met a rule, by Sigma field; None where none refers to the rule."""
        needed = self._needed.get(rule)
        if needed is None:
            return None
        found: dict[str, Sequence[str]] = {}
        if needed:
            known = {name: _known(event.get(name)) for name in ("winlog.channel", "event.code", "event.module")}
            entries = [self._where.entries[entry] for entry in self._compiled.rules[rule].entries]
            for entry in (one for one in entries if one.may_be(known)):
                for name in needed:
                    found_in = (_stored(event, column) for column in entry.columns(name))
                    value = next((one for one in found_in if one is not None), None)
                    if name not in found and (texts := _texts(value)):
                        found[name] = texts
        return found


def _stored(event: Mapping[str, Any], column: str) -> Any:
    """What a flat event has in a column, also where its text is stored once, under the ECS name."""
    value = event.get(column)
    return event.get(ALIASES[column]) if value is None and column in ALIASES else value


def _known(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    parts = [one for one in value if one is not None][:_MOST] if isinstance(value, list | tuple) else [value]
    return tuple((str(one).lower() if isinstance(one, bool) else str(one))[:_LONGEST] for one in parts)
