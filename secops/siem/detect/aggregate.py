"""What a correlation computes over a window of entries: added and removed one by one, exact, the same in every order.

Numbers are exact (`int` or `Fraction`), so that a sum that entries went into and out of is the sum of what is left.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

from secops.siem.detect.specs import fold
from secops.siem.ports import Correlation, CorrelationInput

Number = int | Fraction
Place = tuple[datetime, str, int, str]
MAX_COMBINATIONS = 64  # of the elements of arrays, when several fields are counted together
NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median", "value_min", "value_max"})
TEMPORAL = frozenset({"temporal", "temporal_ordered"})
KINDS = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "value_min",
    "value_max",
)


@dataclass(slots=True)
class Entry:
    """One event in the window of a group: under which of the rules (positions in ``refs``) it came."""

    place: Place  # event time, then source and sequence number: events of one time have an order, too
    inputs: dict[int, CorrelationInput] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        """Event time."""
        return self.place[0]

    @property
    def last(self) -> CorrelationInput:
        """The input that stands for the event: that of the last of its rules."""
        return self.inputs[max(self.inputs)]


def place_of(item: CorrelationInput) -> Place:
    """Where an input stands among others; the hit of a correlation is another occurrence than its last event."""
    return item.time, item.source, item.seq, item.rule_id if item.derived else ""


def number_of(text: str) -> Number | None:
    """A decimal number, or None."""
    text = text.strip()
    if len(text) > 40:
        return None
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return int(text)
    whole, dot, part = digits.partition(".")
    if dot and f"{whole}{part}".isascii() and whole.isdigit() and part.isdigit():
        return Fraction(text)
    return None


def texts(item: CorrelationInput, rule: Correlation, name: str) -> Sequence[str]:
    """The texts of a field of the rule in an input; none where it is missing."""
    return item.values.get(rule.field_in(name, item.rule_id), ())


def group_of(item: CorrelationInput, rule: Correlation) -> tuple[str, ...] | None:
    """The group an input belongs to, folded; None where it lacks a field to group by.

    An array is one value, whatever the order of its elements.
    """
    group = []
    for name in rule.group_by:
        found = texts(item, rule, name)
        if not found:
            return None
        group.append(fold(found[0]) if len(found) == 1 else "\n".join(sorted(map(fold, found))))
    return tuple(group)


class Aggregate(Protocol):
    """A value over the entries that were added and not removed.

    ``present`` says how often each of the rules (positions in ``refs``) occurred, where the kind asks for that.
    """

    present: Mapping[int, int]

    def add(self, entry: Entry) -> None:
        """Take an entry in."""
        ...

    def remove(self, entry: Entry) -> None:
        """Let go of one that was added."""
        ...

    def value(self, closing: Entry) -> Number | None:
        """The value of a window that ends with an entry; None where there is none."""
        ...


def aggregate(rule: Correlation) -> Aggregate:
    """The empty aggregate of a rule's kind."""
    if rule.kind == "event_count":
        return _Events()
    if rule.kind == "value_count":
        return _Values(rule)
    if rule.kind == "temporal":
        return _Rules()
    if rule.kind == "temporal_ordered":
        return _Chain(rule)
    return _Numbers(rule)


class _Events:
    present: Mapping[int, int] = MappingProxyType({})

    def __init__(self) -> None:
        self.count = 0

    def add(self, _entry: Entry) -> None:
        self.count += 1

    def remove(self, _entry: Entry) -> None:
        self.count -= 1

    def value(self, _closing: Entry) -> Number | None:
        return self.count


class _Values:
    """Distinct values; of several fields, distinct combinations. An event that lacks one of the fields adds none."""

    present: Mapping[int, int] = MappingProxyType({})

    def __init__(self, rule: Correlation) -> None:
        self.rule = rule
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, entry: Entry) -> None:
        self.counts.update(self._of(entry))

    def remove(self, entry: Entry) -> None:
        for value in self._of(entry):
            self.counts[value] -= 1
            if not self.counts[value]:
                del self.counts[value]

    def value(self, _closing: Entry) -> Number | None:
        return len(self.counts)

    def _of(self, entry: Entry) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for item in entry.inputs.values():
            parts = [[fold(text) for text in texts(item, self.rule, name)] for name in self.rule.fields]
            found.update(itertools.islice(itertools.product(*parts), MAX_COMBINATIONS))
        return found


class _Rules:
    """How many of the rules occurred."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.present: Mapping[int, int] = self.counts

    def add(self, entry: Entry) -> None:
        self.counts.update(entry.inputs.keys())

    def remove(self, entry: Entry) -> None:
        for ref in entry.inputs:
            self.counts[ref] -= 1
            if not self.counts[ref]:
                del self.counts[ref]

    def value(self, _closing: Entry) -> Number | None:
        return len(self.counts)


class _Chain:
    """How many of the rules occurred in their order, one event after the other, the last of them being the closing one.

    Of two events of one source at the same time, the one with the lower sequence number was first; of two sources at
    the same time nobody knows, so either may have been.
    """

    present: Mapping[int, int] = MappingProxyType({})

    def __init__(self, rule: Correlation) -> None:
        self.by_ref: list[list[Entry]] = [[] for _ref in rule.refs]

    def add(self, entry: Entry) -> None:
        for ref in entry.inputs:
            insort(self.by_ref[ref], entry, key=_place)

    def remove(self, entry: Entry) -> None:
        for ref in entry.inputs:
            where = self.by_ref[ref]
            del where[bisect_left(where, entry.place, key=_place)]

    def value(self, closing: Entry) -> Number | None:
        return max(self._longest(closing, ref) for ref in closing.inputs)

    def _longest(self, closing: Entry, last: int) -> int:
        # ends[ref]: the latest events of a rule from which the chain can go on to its end, all of one time. An earlier
        # event of that rule can do no more than these.
        ends: dict[int, list[Entry]] = {last: [closing]}
        length = 1
        while True:
            longer: dict[int, list[Entry]] = {}
            for ref in range(last):
                found: list[Entry] = []
                for later, entries in ends.items():
                    if ref < later:
                        found += self._before(ref, entries)
                if found:
                    latest = max(entry.time for entry in found)
                    longer[ref] = [entry for entry in found if entry.time == latest]
            if not longer:
                return length
            ends, length = longer, length + 1

    def _before(self, ref: int, entries: Sequence[Entry]) -> list[Entry]:
        where, moment = self.by_ref[ref], entries[0].time
        low, high = (side(where, moment, key=_time) for side in (bisect_left, bisect_right))
        same = [one for one in where[low:high] if any(_is_before(one, entry) for entry in entries)]
        if same or not low:
            return same
        return where[bisect_left(where, where[low - 1].time, key=_time) : low]


def _is_before(one: Entry, two: Entry) -> bool:
    """Of two events of the same time."""
    return one.place[1] != two.place[1] or one.place[2] < two.place[2]


def _place(entry: Entry) -> Place:
    return entry.place


def _time(entry: Entry) -> datetime:
    return entry.place[0]


class _Numbers:
    """Sum, average, smallest, largest and percentiles of all numbers in a field; what is no number is left out."""

    present: Mapping[int, int] = MappingProxyType({})

    def __init__(self, rule: Correlation) -> None:
        self.rule = rule
        self.sum: Number = 0
        self.sorted: list[Number] = []

    def add(self, entry: Entry) -> None:
        for number in self._of(entry):
            self.sum += number
            insort(self.sorted, number)

    def remove(self, entry: Entry) -> None:
        for number in self._of(entry):
            self.sum -= number
            del self.sorted[bisect_left(self.sorted, number)]

    def value(self, _closing: Entry) -> Number | None:
        count = len(self.sorted)
        if not count:
            return None
        kind = self.rule.kind
        if kind == "value_sum":
            return self.sum
        if kind == "value_avg":
            return Fraction(self.sum) / count
        if kind == "value_min":
            return self.sorted[0]
        if kind == "value_max":
            return self.sorted[-1]
        if kind == "value_median":
            return Fraction(self.sorted[(count - 1) // 2] + self.sorted[count // 2]) / 2
        # Nearest rank: the smallest value that at least so many percent of the values do not exceed.
        return self.sorted[max(1, -(-count * self.rule.percentile // 100)) - 1]

    def _of(self, entry: Entry) -> list[Number]:
        """The numbers of an event; one that came under several rules counts once, as under the first of them.

        A sum takes no negative numbers: a sum of bytes or files that was reached must stay reached (see `is_eager`).
        """
        item = entry.inputs[min(entry.inputs)]
        found = [number_of(text) for text in texts(item, self.rule, self.rule.fields[0])]
        least = 0 if self.rule.kind == "value_sum" else None
        return [number for number in found if number is not None and (least is None or number >= least)]


# ------------------------------------------------------------------------------------------------------- conditions


def holds(rule: Correlation, value: Number | None, present: Mapping[int, int]) -> bool:
    """Whether a rule's condition holds for a value, or for the rules that occurred (position → how often)."""
    if rule.tree is not None:
        return _tree_holds(rule.tree, present)
    if value is None:
        return False
    return all(_compares(operator, value, Fraction(number)) for operator, number in rule.conditions)


def _compares(operator: str, value: Number, number: Fraction) -> bool:
    return {
        "gt": value > number,
        "gte": value >= number,
        "lt": value < number,
        "lte": value <= number,
        "eq": value == number,
        "neq": value != number,
    }[operator]


def _tree_holds(tree: Any, present: Mapping[int, int]) -> bool:
    if isinstance(tree, int):
        return bool(present.get(tree))
    word, *children = tree
    if word == "not":
        return not _tree_holds(children[0], present)
    return (all if word == "and" else any)(_tree_holds(child, present) for child in children)


def is_eager(rule: Correlation) -> bool:
    """Whether what once held goes on to hold when more events become known, so that nothing has to be waited for."""
    if rule.tree is not None:
        return not _negates(rule.tree)
    rising = {"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_max"}
    wanted = {"gt", "gte"} if rule.kind in rising else {"lt", "lte"} if rule.kind == "value_min" else set()
    return {operator for operator, _number in rule.conditions} <= wanted


def _negates(tree: Any) -> bool:
    return not isinstance(tree, int) and (tree[0] == "not" or any(map(_negates, tree[1:])))
