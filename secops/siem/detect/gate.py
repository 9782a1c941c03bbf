"""The rules of one class of events: first which of them may hold for an event, then which do.

Of nearly every rule there are a few predicates of which one must hold (its witness). Only these are asked of every
value; of the others, which are most, nothing is made ready, no automaton built and no value of their columns judged,
until a witness has been met.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from secops.siem.detect.bound import Bound
from secops.siem.detect.cells import Cells, Columns, Fixed, Rows, Value
from secops.siem.detect.checks import one_check, refers
from secops.siem.detect.confirm import Condition, Texts, field_of
from secops.siem.detect.plan import Budget, Groups, Item, Plan
from secops.siem.detect.predicates import Predicates

_USUAL = 0.5  # see `conditions.weight`
_MOST = 4  # predicates in a witness that are looked at for it


class Gate:
    """The conditions of a class of events; answers as `Plan` does."""

    def __init__(self, items: Iterable[Item], predicates: Predicates, budget: Budget) -> None:
        self._items = list(items)
        self._predicates = predicates
        self._budget = budget
        self._conditions: list[Condition | None] = [None] * len(self._items)  # made when first asked
        self._overruns = 0
        # What may nearly always hold is answered by the gate itself: its values repeat, and the gate remembers them.
        self._answered = {place for place, one in enumerate(self._items) if _is_usual(one, predicates)}
        openings = [
            one._replace(result=place) if place in self._answered else _opening(place, one)
            for place, one in enumerate(self._items)
        ]
        self._may = Plan(openings, predicates, budget)

    def results(self, cells: Cells) -> Groups:
        """See `Plan.results`."""
        rows_of: dict[int, list[Rows]] = {}
        for places, rows in self._may.results(cells):
            for place in places:
                rows_of.setdefault(place, []).append(rows)
        texts = Texts()
        held: list[tuple[int, Rows]] = []
        for place, groups in rows_of.items():
            found: Rows = groups[0] if len(groups) == 1 else sorted(itertools.chain.from_iterable(filter(None, groups)))
            if place not in self._answered:
                found, used = self._condition(place).rows(cells, found, texts)
                self._budget.used += used
            if found is None or found:
                held.append((self._items[place].result, found))
        self._overruns += texts.overruns
        return _merged(held, cells.count)

    def truth(self, predicates: Sequence[int], event: Cells) -> Leaves:
        """Which of some predicates hold for a single event."""
        return Leaves([self._predicates.bounds[predicate] for predicate in predicates], event)

    @property
    def overruns(self) -> int:
        """Values of which some patterns saw only the ends."""
        return self._may.overruns + self._overruns

    def forget(self) -> None:
        """Drop what is remembered of values."""
        self._may.forget()
        for condition in self._conditions:
            if condition is not None:
                condition.forget()

    def _condition(self, place: int) -> Condition:
        condition = self._conditions[place]
        if condition is None:
            one = self._items[place]
            bounds = [self._predicates.bounds[predicate] for predicate in one.predicates]
            condition = self._conditions[place] = Condition(one.tree, bounds)
        return condition


class Leaves:
    """Which of some predicates hold for a single event, each asked when somebody needs to know."""

    def __init__(self, bounds: Sequence[Bound], event: Cells) -> None:
        self._bounds = bounds
        self._event = event
        self._texts = Texts()
        self._values: dict[Columns, Value | None] = {}

    def __getitem__(self, leaf: int, /) -> bool:
        """Whether a predicate holds."""
        bound = self._bounds[leaf]
        value = self._value(bound.columns)
        if value is None:
            return False
        if bound.spec[0] == "ref":
            _kind, _field, mode, cased = bound.spec
            other = self._value(bound.other)
            return other is not None and refers(value, other, mode, cased=bool(cased))
        said, check = self._texts.of(value), one_check(bound.spec)
        return any(map(check, said)) if isinstance(said, tuple) else said is not None and check(said)

    def _value(self, columns: Columns) -> Value | None:
        if columns not in self._values:
            column = field_of(self._event, columns)
            only = column.value if isinstance(column, Fixed) else None if column is None else column[0]
            self._values[columns] = only
        return self._values[columns]


def _is_usual(one: Item, predicates: Predicates) -> bool:
    """Whether a condition may hold for most events, as far as its witness tells."""
    if one.witness is None:
        return True
    return len(one.witness) <= _MOST and max(map(predicates.weigh, one.witness)) >= _USUAL


def _opening(place: int, one: Item) -> Item:
    """When a condition may hold: any predicate of its witness does."""
    witness = one.witness or ()
    return Item(place, ("or", *range(len(witness))), witness, witness)


def _merged(held: Sequence[tuple[int, Rows]], count: int) -> Groups:
    """Rows by all that holds for them; what only suppresses (see `plan.Item`) is nothing by itself."""
    if all(rows is None for _result, rows in held):
        results = tuple(sorted({result for result, _rows in held}))
        return [(results, None)] if results and results[-1] >= 0 else []
    by_row: dict[int, set[int]] = {}
    for result, rows in held:
        for row in range(count) if rows is None else rows:
            by_row.setdefault(row, set()).add(result)
    groups: dict[tuple[int, ...], list[int]] = {}
    for row in sorted(by_row):
        results = tuple(sorted(by_row[row]))
        if results[-1] >= 0:
            groups.setdefault(results, []).append(row)
    return [(results, None if len(rows) == count else rows) for results, rows in groups.items()]
