"""Matching of one class of events: its predicates, its two memos, and the conditions it is judged by.

A `Plan` is made of *items*, each a result (any small int) and a condition over predicates. It serves twice: once over
the logsource conditions (its results are then the classes of an event), and once for each class over the rules of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from secops.siem.detect.bound import KEYWORDS, Bound
from secops.siem.detect.cells import Cells, Column, Columns, Fixed, Value
from secops.siem.detect.checks import refers
from secops.siem.detect.conditions import compile_tree, holds, witness
from secops.siem.detect.judge import Judge, Signature
from secops.siem.detect.predicates import Predicates
from secops.siem.detect.specs import Spec

_LONG = 8192  # longer values are judged but not remembered
_ENTRY = 150  # bytes a remembered value costs beyond its text (dict slot, str header, signature)

Groups = list[tuple[tuple[int, ...], list[int] | None]]


class Item(NamedTuple):
    """A condition: ``tree`` over indexes of ``predicates`` (see `lower`), and what it results in.

    A negative result (a filter's, see `filters`) is only given beside others, never alone. Of ``witness``, predicates
    of which one must hold, None says that there are none.
    """

    result: int
    tree: Any
    predicates: Sequence[int]
    witness: Sequence[int] | None


def item(result: int, tree: Any, numbers: Sequence[int], predicates: Predicates) -> Item:
    """An item with its witness."""
    found = witness(compile_tree(tree, numbers), predicates.weigh)
    return Item(result, tree, numbers, None if found is None else tuple(found))


@dataclass(slots=True)
class Budget:
    """Bytes that all memos together may hold and do hold; who owns the plans drops all of them when it is used up."""

    limit: int
    used: int = 0


class Plan:
    """Conditions over one set of columns, with the memos value → signature and signatures → results."""

    def __init__(self, items: Iterable[Item], predicates: Predicates, budget: Budget) -> None:
        self._budget = budget
        self._predicates = predicates
        self._items = list(items)
        self._conditions: list[Any] = [None] * len(self._items)  # compiled when they may hold: most never do
        self._always: list[int] = []
        self._by_witness: dict[int, list[int]] = {}
        used: set[int] = set()
        for place, one in enumerate(self._items):
            used.update(one.predicates)
            if one.witness is None:
                self._always.append(place)
            for predicate in one.witness or ():
                self._by_witness.setdefault(predicate, []).append(place)
        specs: dict[Columns, dict[int, Spec]] = {}
        names: set[str] = set()
        self._refs: list[tuple[int, Bound]] = []
        for predicate in sorted(used):
            bound = predicates.bounds[predicate]
            if bound.spec[0] == "ref":
                self._refs.append((predicate, bound))
                names.update(bound.other)
            else:
                specs.setdefault(bound.columns, {})[predicate] = bound.spec
            names.update(bound.columns)
        self._judges = {columns: Judge(by_predicate) for columns, by_predicate in specs.items()}
        self.columns = frozenset(names)
        self.forget()

    def results(self, cells: Cells) -> Groups:
        """Groups of rows with the results that hold for them; groups without a result are left out.

        Rows are those of ``cells``, ascending; None stands for all of them.
        """
        fixed: list[int] = []
        varying: list[list[int]] = []
        for signs in self._signed(cells):
            if isinstance(signs, int):
                fixed.append(signs)
            else:
                varying.append(signs)
        if not varying:
            results = self._judge_row(tuple(fixed))
            return [(results, None)] if results else []
        keys: list[Any] = varying[0] if len(varying) == 1 else list(zip(*varying, strict=True))
        found: dict[Any, tuple[int, ...]] = {}
        for key in set(keys):
            signs = [key] if len(varying) == 1 else key
            if results := self._judge_row((*fixed, *(sign for sign in signs if sign))):
                found[key] = results
        return _grouped(keys, found)

    @property
    def overruns(self) -> int:
        """Values of which some patterns saw only the ends."""
        return sum(judge.overruns for judge in self._judges.values())

    # ------------------------------------------------------------------------------------------- value → signature

    def forget(self) -> None:
        """Drop both memos. Signature 0 is the empty one: no predicate holds, or the value is missing."""
        self._signatures: list[Signature] = [()]
        self._ids: dict[Signature, int] = {(): 0}
        self._values: dict[Columns, dict[Value | None, int]] = {columns: {None: 0} for columns in self._judges}
        self._rows: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._present: dict[frozenset[str], list[tuple[Columns, Judge]]] = {}

    def _signed(self, cells: Cells) -> Iterable[int | list[int]]:
        """Columns as signatures by row, or as the one of all rows; those in which no predicate holds are left out."""
        for columns, judge in self._for(cells.there):
            if (column := cells.field(columns)) is not None and (signs := self._sign(columns, judge, column)):
                yield signs
        if cells.names and KEYWORDS in self._judges:
            for name in cells.names:
                if signs := self._sign(KEYWORDS, self._judges[KEYWORDS], cells.column(name)):
                    yield signs
        for predicate, bound in self._refs:
            if signs := self._compare(predicate, bound, cells):
                yield signs

    def _for(self, there: frozenset[str]) -> list[tuple[Columns, Judge]]:
        """The columns of this plan that events with certain columns have; most have few of them."""
        known = self._present.get(there)
        if known is None:
            known = self._present[there] = [
                (columns, judge) for columns, judge in self._judges.items() if not there.isdisjoint(columns)
            ]
        return known

    def _sign(self, columns: Columns, judge: Judge, column: Column | None) -> int | list[int] | None:
        """The signatures of a column; 0 or None where all of them are empty."""
        memo = self._values[columns]
        if column is None:
            return None
        if isinstance(column, Fixed):
            known = memo.get(column.value)
            return self._learn(columns, judge, {column.value})[column.value] if known is None else known
        found: list[Any] = list(map(memo.get, column))
        if None in found:
            new = self._learn(
                columns, judge, {value for value, sign in zip(column, found, strict=True) if sign is None}
            )
            found = [new[value] if sign is None else sign for value, sign in zip(column, found, strict=True)]
        return found if any(found) else None

    def _learn(self, columns: Columns, judge: Judge, values: set[Any]) -> dict[Any, int]:
        """Judge new values; those that are not too long are remembered."""
        memo = self._values[columns]
        # Elements of arrays repeat more than the arrays do: each is remembered as well.
        parts = {part for value in values if isinstance(value, tuple) for part in value if part not in memo}
        texts = [value for value in values if isinstance(value, str)]
        texts += parts.difference(texts)
        learned: dict[Any, int] = {}
        for text, signature in zip(texts, judge.many(texts), strict=True):
            learned[text] = self._intern(signature)
        for value in values:
            if isinstance(value, tuple):
                signs = {memo[part] if part in memo else learned[part] for part in value}
                learned[value] = self._intern(tuple(sorted({p for one in signs for p in self._signatures[one]})))
        for value, sign in learned.items():
            size = len(value) if isinstance(value, str) else sum(map(len, value)) + _ENTRY * len(value)
            if size <= _LONG:
                memo[value] = sign
                self._budget.used += size + _ENTRY
        return learned

    def _intern(self, signature: Signature) -> int:
        known = self._ids.get(signature)
        if known is None:
            known = self._ids[signature] = len(self._signatures)
            self._signatures.append(signature)
            self._budget.used += 16 * len(signature) + _ENTRY
        return known

    def _compare(self, predicate: int, bound: Bound, cells: Cells) -> int | list[int] | None:
        """A predicate over two fields: computed anew for these events, remembered by nobody."""
        left, right = cells.field(bound.columns), cells.field(bound.other)
        if left is None or right is None:
            return None
        one = [left.value] * cells.count if isinstance(left, Fixed) else left
        two = [right.value] * cells.count if isinstance(right, Fixed) else right
        pairs = list(zip(one, two, strict=True))
        _kind, _field, mode, cased = bound.spec
        sign = self._intern((predicate,))
        memo = dict.fromkeys(pairs, 0)
        for mine, other in memo:
            if mine is not None and other is not None and refers(mine, other, mode, cased=bool(cased)):
                memo[mine, other] = sign
        found = [memo[pair] for pair in pairs]
        return found if any(found) else None

    # --------------------------------------------------------------------------------------------- row → results

    def _condition(self, place: int) -> Any:
        condition = self._conditions[place]
        if condition is None:
            one = self._items[place]
            condition = self._conditions[place] = compile_tree(one.tree, one.predicates)
        return condition

    def _judge_row(self, key: tuple[int, ...]) -> tuple[int, ...]:
        """The results for a row of signatures: only conditions with a witness among what holds are looked at."""
        if (known := self._rows.get(key)) is not None:
            return known
        true: set[int] = set()
        for sign in key:
            true.update(self._signatures[sign])
        places = set(self._always)
        by_witness = self._by_witness
        for predicate in true:
            if predicate in by_witness:
                places.update(by_witness[predicate])
        items, condition = self._items, self._condition
        results = tuple(sorted({items[place].result for place in places if holds(condition(place), true)}))
        if results and results[-1] < 0:
            results = ()
        self._rows[key] = results
        self._budget.used += 8 * len(key) + 8 * len(results) + _ENTRY
        return results


def _grouped(keys: Sequence[Any], found: dict[Any, tuple[int, ...]]) -> Groups:
    """Rows by the results of their key."""
    if not found:
        return []
    rows: dict[tuple[int, ...], list[int]] = {results: [] for results in found.values()}
    for row, key in enumerate(keys):
        if key in found:
            rows[found[key]].append(row)
    return [(results, None if len(inner) == len(keys) else inner) for results, inner in rows.items()]
