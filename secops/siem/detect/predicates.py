"""Predicates of a rulebook, numbered: a spec and the columns it is asked of, whichever rules and logsources ask it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from secops.siem.detect.bound import KEYWORDS, Bound
from secops.siem.detect.cells import Columns
from secops.siem.detect.compiled import Leaf, asked_pairs
from secops.siem.detect.conditions import weight
from secops.siem.detect.specs import Spec


class _Source(Protocol):
    def columns(self, name: str) -> Columns: ...


class Predicates:
    """The numbers of all predicates that were asked for; ``bounds`` are what they stand for.

    Those of the rules are numbered when they are compiled (``bounds``); filters and logsources come later.
    """

    def __init__(self, specs: Sequence[Spec], bounds: Sequence[Bound] = ()) -> None:
        self._specs = specs
        self.bounds: list[Bound] = list(bounds)
        self._weights: dict[int, float] = {}
        self._by_columns: dict[Columns, dict[int, int]] = {}  # number of the spec → number of the predicate
        self._by_field: dict[int, dict[str, dict[int, int]]] = {}  # the same for each entry and field

    def number(self, bound: Bound) -> int:
        """The number of a predicate, a new one where nobody asked for it yet."""
        number = self._numbers.get(bound)
        if number is None:
            number = self._numbers[bound] = len(self.bounds)
            self.bounds.append(bound)
        return number

    def weigh(self, number: int) -> float:
        """How often a predicate is expected to hold."""
        known = self._weights.get(number)
        if known is None:
            known = self._weights[number] = weight(self.bounds[number].spec)
        return known

    @cached_property
    def _numbers(self) -> dict[Bound, int]:
        return {bound: number for number, bound in enumerate(self.bounds)}

    def of_leaves(self, leaves: Sequence[Leaf], entry: int, source: _Source) -> list[int]:
        """The predicates of a rule's leaves in a logsource entry. Tens of thousands are asked for at the start."""
        known = self._by_field.setdefault(entry, {})
        found = []
        for field, spec in asked_pairs(leaves):
            table = known.get(field)
            if table is None:
                columns = source.columns(field) if field else KEYWORDS
                table = known[field] = self._by_columns.setdefault(columns, {})
            number = table.get(spec)
            found.append(self._add(field, spec, table, source) if number is None else number)
        return found

    def _add(self, field: str, spec: int, table: dict[int, int], source: _Source) -> int:
        columns = source.columns(field) if field else KEYWORDS
        asked = self._specs[spec]
        if asked[0] == "ref":  # the other field is in other columns for other logsources
            return self.number(Bound(columns, asked, source.columns(asked[1])))
        number = table[spec] = self.number(Bound(columns, asked))
        return number
