"""Processing pipelines on correlations: their field names are mapped as pySigma maps them.

Mapped are the fields to group by (one may become several), those behind aliases and those that are counted (each stays
one). An alias is no field and keeps its name. A condition on the logsource holds if it does for one of the rules that
the correlation refers to, as the pipelines have left them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationFieldAlias,
    SigmaCorrelationFieldAliases,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaConfigurationError, SigmaError
from sigma.rule import SigmaRule

from secops.locale import _
from secops.siem.detect.pipelines import Pipelines
from secops.siem.detect.words import words

Aliases = Mapping[str, Mapping[int, str]]  # alias → index of a rule → field


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a correlation, as Sigma rules name them."""

    group_by: Sequence[str]
    counted: Sequence[str]
    aliases: Aliases


@dataclass(slots=True)
class FieldMapper:
    """The pipelines of a rulebook, and its rules by index as these have left them; correlations join them."""

    pipelines: Pipelines
    rules: dict[int, SigmaRule | SigmaCorrelationRule] = field(default_factory=dict)

    def mapped(self, index: int, document: Mapping[str, Any], refs: Sequence[int], fields: Fields) -> Fields | str:
        """The fields of the correlation with this index, mapped; a text says what is wrong."""
        if self.pipelines.pipeline is None:
            return fields
        try:
            rule = self._rule(document, refs, fields)
            failure: Exception | None = self.pipelines.apply(rule)
        except (SigmaError, TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            failure = error
        if isinstance(failure, SigmaConfigurationError | IndexError):  # what must be one field became several, or none
            named = [*fields.counted, *(name for one in fields.aliases.values() for name in one.values())]
            text = _(
                "パイプラインは、相関ルールの別名と数える項目({names})を、それぞれ 1 つの項目に読み替えてください。"
            )
            return text.format(names=", ".join(dict.fromkeys(named)))
        if failure is not None:
            return words(failure)
        self.rules[index] = rule
        return _fields(rule, fields)

    def _rule(self, document: Mapping[str, Any], refs: Sequence[int], fields: Fields) -> SigmaCorrelationRule:
        """The correlation as pySigma knows it, as far as pipelines look at it."""
        kind = str(document["correlation"].get("type", "")).upper()
        plain = {
            **{key: value for key, value in document.items() if key != "secops"},
            "correlation": {
                "type": "event_count",  # one that asks for nothing; pySigma does not know all of ours
                "rules": [str(ref) for ref in refs],
                "group-by": list(fields.group_by),
                "timespan": "1m",
                "condition": {"gte": 1},
            },
        }
        rule: SigmaCorrelationRule = SigmaCorrelationRule.from_dict(plain, collect_errors=True)
        rule.type = getattr(SigmaCorrelationType, kind, rule.type)
        rule.referenced_rules = [_reference(ref, self.rules[ref]) for ref in refs if ref in self.rules]
        rule.aliases = SigmaCorrelationFieldAliases({
            name: SigmaCorrelationFieldAlias(name, {SigmaRuleReference(str(ref)): text for ref, text in one.items()})
            for name, one in fields.aliases.items()
        })  # fmt: skip
        assert isinstance(rule.condition, SigmaCorrelationCondition)
        rule.condition.fieldref = [name for name in fields.counted if name not in fields.aliases]
        return rule


def _reference(index: int, rule: SigmaRule | SigmaCorrelationRule) -> SigmaRuleReference:
    reference = SigmaRuleReference(str(index))
    reference.rule = rule
    return reference


def _fields(rule: SigmaCorrelationRule, before: Fields) -> Fields:
    assert isinstance(rule.condition, SigmaCorrelationCondition)
    kept = [name for name in before.counted if name in before.aliases]
    counted = rule.condition.fieldref if isinstance(rule.condition.fieldref, list) else []
    return Fields(
        list(dict.fromkeys(rule.group_by or ())),
        list(dict.fromkeys([*kept, *counted])),
        {alias.alias: {int(ref.reference): text for ref, text in alias.mapping.items()} for alias in rule.aliases},
    )
