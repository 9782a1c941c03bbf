"""A second evaluator of correlations: small, obvious, over the sorted whole; shares no code with the engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from secops.siem.ports import Correlation, CorrelationInput

Found = tuple[str, str, int]  # rule, closing event, contributing events


def value_texts(item: CorrelationInput, rule: Correlation, name: str) -> Sequence[str]:
    return item.values.get(rule.aliases.get(name, {}).get(item.rule_id, name), ())


def hits_of(rule: Correlation, inputs: Sequence[CorrelationInput]) -> list[tuple[CorrelationInput, int]]:
    """(closing input, number of events in its window) for each event at which the rule holds."""
    groups: dict[Any, dict[Any, list[CorrelationInput]]] = {}
    for item in inputs:
        if item.rule_id not in rule.refs:
            continue
        names = [value_texts(item, rule, name) for name in rule.group_by]
        if not all(names):
            continue
        group = tuple(tuple(sorted(text.casefold() for text in one)) for one in names)
        event = (item.time, item.source, item.seq, item.rule_id if item.derived else "")
        groups.setdefault(group, {}).setdefault(event, []).append(item)
    found = []
    for events in groups.values():
        ordered = sorted(events)
        for number, closing in enumerate(ordered):
            window = [one for one in ordered[: number + 1] if one[0] > closing[0] - rule.timespan]
            if holds(rule, [events[one] for one in window]):
                last = max(events[closing], key=lambda item: max(positions(rule, item)))
                found.append((last, len(window)))
    return found


def positions(rule: Correlation, item: CorrelationInput) -> list[int]:
    return [index for index, ref in enumerate(rule.refs) if ref == item.rule_id]


def holds(rule: Correlation, window: list[list[CorrelationInput]]) -> bool:
    if rule.tree is not None:
        return tree_holds(rule.tree, {index for event in window for item in event for index in positions(rule, item)})
    value = compute(rule, window)
    if value is None:
        return False
    tests = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__", "eq": "__eq__", "neq": "__ne__"}
    return all(getattr(Fraction(value), tests[operator])(Fraction(number)) for operator, number in rule.conditions)


def tree_holds(tree: Any, present: set[int]) -> bool:
    if isinstance(tree, int):
        return tree in present
    word, *children = tree
    answers = [tree_holds(child, present) for child in children]
    return not answers[0] if word == "not" else all(answers) if word == "and" else any(answers)


def compute(rule: Correlation, window: list[list[CorrelationInput]]) -> Fraction | int | None:
    if rule.kind == "event_count":
        return len(window)
    if rule.kind == "temporal":
        return len({index for event in window for item in event for index in positions(rule, item)})
    if rule.kind == "temporal_ordered":
        return longest_chain(rule, window)
    if rule.kind == "value_count":
        values: set[Any] = set()
        for event in window:
            for item in event:
                parts = [[text.casefold() for text in value_texts(item, rule, name)] for name in rule.fields]
                values.update(itertools.product(*parts))
        return len(values)
    numbers: list[Fraction] = []
    for event in window:
        first = min(event, key=lambda item: min(positions(rule, item)))
        for text in value_texts(first, rule, rule.fields[0]):
            try:
                number = Fraction(text)
            except ValueError:
                continue
            if rule.kind != "value_sum" or number >= 0:
                numbers.append(number)
    numbers.sort()
    if not numbers:
        return None
    middle = len(numbers) // 2
    return {
        "value_sum": lambda: sum(numbers),
        "value_avg": lambda: sum(numbers) / Fraction(len(numbers)),
        "value_min": lambda: numbers[0],
        "value_max": lambda: numbers[-1],
        "value_median": lambda: (numbers[middle] + numbers[~middle]) / 2,
        "value_percentile": lambda: numbers[max(1, math.ceil(Fraction(len(numbers) * rule.percentile, 100))) - 1],
    }[rule.kind]()


def longest_chain(rule: Correlation, window: list[list[CorrelationInput]]) -> int:
    """All chains of events of ascending rules that end with the last event of the window; the longest one."""

    def before(one: CorrelationInput, two: CorrelationInput) -> bool:
        if one.time != two.time:
            return one.time < two.time
        return one.source != two.source or one.seq < two.seq

    def chain(item: CorrelationInput, position: int) -> int:
        earlier = [
            chain(other, index)
            for event in window
            for other in event
            for index in positions(rule, other)
            if index < position and before(other, item)
        ]
        return 1 + max(earlier, default=0)

    return max(chain(item, index) for item in window[-1] for index in positions(rule, item))


def evaluate(rules: Sequence[Correlation], inputs: Sequence[CorrelationInput]) -> set[Found]:
    """What all rules find; ``rules`` stand inner first. A rule hits once on an event: what is last in order stays."""
    known = {item.key: item for item in inputs}
    found: dict[tuple[str, str], int] = {}
    for rule in rules:
        for closing, count in hits_of(rule, list(known.values())):
            found[rule.rule_id, closing.event_id] = count
            named = {name: value_texts(closing, rule, name) for name in (*rule.aliases, *rule.group_by)}
            values = {**closing.values, **{name: texts for name, texts in named.items() if texts}}
            derived = CorrelationInput(
                rule.rule_id, closing.event_id, closing.source, closing.seq, closing.time, closing.received,
                closing.zone, values, derived=True,
            )  # fmt: skip
            known[derived.key] = derived
    return {(rule_id, event_id, count) for (rule_id, event_id), count in found.items()}
