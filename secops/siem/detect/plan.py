"""Matching of one class of events: its predicates, its two memos, and the conditions it is judged by.

A `Plan` is made of *items*, each a result (any small int) and a condition over predicates. It serves twice: once over
the logsource conditions (its results are then the classes of an event), and once for each class over the rules of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from secops.siem.detect.columns import Coded, Columns, Rows, Table, Value, group_rows
from secops.siem.detect.judge import Judge, Signature
from secops.siem.detect.keywords import Search
from secops.siem.detect.specs import Spec, fold

KEYWORDS: Columns = ()  # no field: the text of the whole event
_LONG = 8192  # longer values are judged but not remembered
_ENTRY = 150  # bytes a remembered value costs beyond its text (dict slot, str header, signature)


class Bound(NamedTuple):
    """A predicate bound to the columns it is about."""

    columns: Columns
    spec: Spec
    other: Columns = ()


class Item(NamedTuple):
    """A condition: ``tree`` over indexes of ``bounds`` (see `lower`), and what it results in.

    A negative result (a filter's, see `filters`) is only given beside others, never alone.
    """

    result: int
    tree: Any
    bounds: Sequence[Bound]


@dataclass(slots=True)
class Budget:
    """Bytes that all memos together may hold and do hold; who owns the plans drops all of them when it is used up."""

    limit: int
    used: int = 0


class Plan:
    """Conditions over one set of columns, with the memos value → signature and signatures → results."""

    def __init__(self, items: Iterable[Item], budget: Budget) -> None:
        self._budget = budget
        self._numbers: dict[Bound, int] = {}
        self._conditions: list[tuple[int, Any]] = []
        self._always: list[int] = []
        self._by_witness: dict[int, list[int]] = {}
        for item in items:
            self._add(item)
        specs: dict[Columns, dict[int, Spec]] = {}
        self._refs: list[tuple[int, Bound]] = []
        for bound, predicate in self._numbers.items():
            if bound.spec[0] == "ref":
                self._refs.append((predicate, bound))
            else:
                specs.setdefault(bound.columns, {})[predicate] = bound.spec
        self._judges = {columns: Judge(by_predicate) for columns, by_predicate in specs.items()}
        if KEYWORDS in self._judges:
            self._search = Search(self._judges[KEYWORDS])
        self.columns = frozenset(name for bound in self._numbers for name in (*bound.columns, *bound.other))
        self.forget()

    def results(self, table: Table, rows: Rows = None) -> list[tuple[tuple[int, ...], Rows]]:
        """Groups of rows with the results that hold for them; groups without a result are left out.

        ``rows`` are the rows of the table to look at. Row numbers in the answer are those of the table; None stands for
        all rows that were asked about.
        """
        coded = list(self._signed(table, rows))
        if not coded:
            everywhere = self._judge_row(())
            return [(everywhere, rows)] if everywhere else []
        groups = group_rows([(codes, len(signatures)) for codes, signatures in coded])
        tables = [signatures for _codes, signatures in coded]
        found: dict[int, tuple[int, ...]] = {}
        for number, group in enumerate(groups.keys):
            key = tuple([sign for signs, code in zip(tables, group, strict=True) if (sign := signs[code])])
            if results := self._judge_row(key):
                found[number] = results
        if len(groups.keys) == 1:
            return [(results, rows) for results in found.values()]
        where = groups.rows(found)
        return [(found[number], inner if rows is None else rows.take(inner)) for number, inner in where.items()]

    # ------------------------------------------------------------------------------------------- value → signature

    def forget(self) -> None:
        """Drop both memos. Signature 0 is the empty one: no predicate holds, or the value is missing."""
        self._signatures: list[Signature] = [()]
        self._ids: dict[Signature, int] = {(): 0}
        self._values: dict[Columns, dict[Value, int]] = {columns: {} for columns in self._judges}
        self._rows: dict[tuple[int, ...], tuple[int, ...]] = {}

    def _signed(self, table: Table, rows: Rows) -> Iterable[tuple[Any, list[int]]]:
        """Columns as (codes, signature id by code); a column in which no predicate holds anywhere is left out."""
        for columns in self._judges:
            if columns == KEYWORDS:
                for text in self._search.columns(table, rows):
                    if (signed := self._sign(columns, text)) is not None:
                        yield signed
                continue
            column = table.field(columns)
            if column is not None and (signed := self._sign(columns, column.part(rows))) is not None:
                yield signed
        for predicate, bound in self._refs:
            if (signed := self._compare(predicate, bound, table, rows)) is not None:
                yield signed

    def _sign(self, columns: Columns, coded: Coded | None) -> tuple[Any, list[int]] | None:
        if coded is None:
            return None
        memo = self._values[columns]
        by_value: list[int] = []
        for value in coded.values:
            known = memo.get(value)
            by_value.append(self._sign_value(columns, value) if known is None else known)
        if not any(by_value):
            return None
        # Values with the same signature are the same from here on; code 0 is "nothing holds".
        distinct = {0: 0}
        local = [distinct.setdefault(sign, len(distinct)) for sign in by_value]
        return coded.translate(local), list(distinct)

    def _sign_value(self, columns: Columns, value: Value) -> int:
        if isinstance(value, tuple):
            # Elements repeat more than their lists do: each is remembered as well.
            memo = self._values[columns]
            signs = {memo[one] if one in memo else self._sign_value(columns, one) for one in value}
            sign = self._intern(tuple(sorted({predicate for one in signs for predicate in self._signatures[one]})))
            size = sum(map(len, value)) + _ENTRY * len(value)
        else:
            sign = self._intern(self._judges[columns](value))
            size = len(value)
        if size <= _LONG:
            self._values[columns][value] = sign
            self._budget.used += size + _ENTRY
        return sign

    def _intern(self, signature: Signature) -> int:
        known = self._ids.get(signature)
        if known is None:
            known = self._ids[signature] = len(self._signatures)
            self._signatures.append(signature)
            self._budget.used += 16 * len(signature) + _ENTRY
        return known

    def _compare(self, predicate: int, bound: Bound, table: Table, rows: Rows) -> tuple[Any, list[int]] | None:
        """A predicate over two fields: computed for this frame, remembered by nobody."""
        left, right = table.field(bound.columns), table.field(bound.other)
        one, two = left and left.part(rows), right and right.part(rows)
        if one is None or two is None:
            return None
        _kind, _field, mode, cased = bound.spec
        memo: dict[tuple[int, int], bool] = {}
        holds = []
        for pair in zip(one.codes.to_pylist(), two.codes.to_pylist(), strict=True):
            if pair[0] is None or pair[1] is None:
                holds.append(0)
                continue
            if pair not in memo:
                memo[pair] = refers(one.values[pair[0]], two.values[pair[1]], mode, cased=bool(cased))
            holds.append(int(memo[pair]))
        if not any(holds):
            return None
        return pa.array(holds, type=pa.int64()), [0, self._intern((predicate,))]

    # --------------------------------------------------------------------------------------------- row → results

    def _add(self, item: Item) -> None:
        numbers = [self._numbers.setdefault(bound, len(self._numbers)) for bound in item.bounds]
        condition = compile_tree(item.tree, numbers)
        place = len(self._conditions)
        self._conditions.append((item.result, condition))
        weights = {numbers[i]: _weight(bound.spec) for i, bound in enumerate(item.bounds)}
        witness = _witness(condition, weights)
        if witness is None:
            self._always.append(place)
            return
        for predicate in witness:
            self._by_witness.setdefault(predicate, []).append(place)

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
        conditions = self._conditions
        results = tuple(sorted({conditions[place][0] for place in places if holds(conditions[place][1], true)}))
        if results and results[-1] < 0:
            results = ()
        self._rows[key] = results
        self._budget.used += 8 * len(key) + 8 * len(results) + _ENTRY
        return results


# ------------------------------------------------------------------------------------------------------- conditions
#
# A compiled condition is a predicate number, or (word, leaves, parts): the word is "and", "or" or "not", leaves the
# frozenset of bare predicates and parts the rest. Bare predicates are then one set operation.


def compile_tree(tree: Any, numbers: Sequence[int]) -> Any:
    """A tree over leaf indexes as a condition over predicate numbers."""
    if isinstance(tree, int):
        return numbers[tree]
    word, *children = tree
    compiled = [compile_tree(child, numbers) for child in children]
    leaves = frozenset(child for child in compiled if isinstance(child, int))
    return (word, leaves, tuple(child for child in compiled if not isinstance(child, int)))


def holds(condition: Any, true: set[int]) -> bool:
    """Whether a condition holds when exactly these predicates do."""
    if isinstance(condition, int):
        return condition in true
    word, leaves, parts = condition
    if word == "and":
        return leaves <= true and all(holds(part, true) for part in parts)
    if word == "or":
        return not leaves.isdisjoint(true) or any(holds(part, true) for part in parts)
    return leaves.isdisjoint(true) and not any(holds(part, true) for part in parts)


def _witness(condition: Any, weights: Mapping[int, float]) -> frozenset[int] | None:
    """The rarest set of predicates of which one must hold for the condition to; None if there is none."""
    if isinstance(condition, int):
        return frozenset((condition,))
    word, leaves, parts = condition
    if word == "not":
        return None
    below: list[frozenset[int] | None] = [_witness(part, weights) for part in parts]
    if word == "or":
        if None in below:
            return None
        return frozenset(leaves).union(*(part for part in below if part is not None))
    choices = [frozenset((leaf,)) for leaf in leaves] + [part for part in below if part is not None]
    if not choices:
        return None
    return min(choices, key=lambda choice: sum(weights[p] for p in choice))


def _weight(spec: Spec) -> float:
    """How often a predicate is expected to hold, roughly: long literals are rare."""
    if spec[0] == "any":
        return 1.0
    if spec[0] in ("num", "eq", "eqc"):
        return float(0.7 ** (1 + len(spec[1])))
    if spec[0] in ("contains", "starts", "ends", "containsc", "startsc", "endsc"):
        return float(0.8 ** len(spec[1]))
    return 0.1


def refers(left: Value, right: Value, mode: str, *, cased: bool) -> bool:
    """Whether any element of one value compares so with any element of the other."""
    for one in (left,) if isinstance(left, str) else left:
        for two in (right,) if isinstance(right, str) else right:
            mine, theirs = (one, two) if cased else (fold(one), fold(two))
            if mode == "eq" and mine == theirs:
                return True
            if mode == "contains" and theirs in mine:
                return True
            if mode == "starts" and mine.startswith(theirs):
                return True
            if mode == "ends" and mine.endswith(theirs):
                return True
    return False
