"""Of the rules that may hold for some events those that do: their conditions, held against the values themselves.

Few rules may hold for an event (see `Gate`), and a condition mostly fails at the first thing that is asked of it, so
nothing is made ready for it beforehand: a test is a closure, asked once for each combination of values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from secops.siem.detect.bound import KEYWORDS, Bound
from secops.siem.detect.cells import Cells, Column, Columns, Fixed, Rows, Value, pick
from secops.siem.detect.checks import Check, Text, check_of, refers
from secops.siem.detect.conditions import weight

_LONG = 8192  # characters of a combination of values from which its answer is not remembered
_FEW = 64  # events
_SAMPLE = 8  # of hundreds of alternatives, those that are looked at to guess how often one holds
_ENTRY = 150  # bytes that a remembered answer costs beyond its texts
_TOGETHER = frozenset({"eq", "eqc", "contains", "starts", "ends", "num", "cidr"})  # asked at once, if alternatives

Said = Text | tuple[Text, ...] | None  # a value as the tests see it
Test = Callable[[Sequence[Said]], bool]


class Texts:
    """Values as texts under examination, each made once for all rules that look at it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Text] = {}

    def of(self, value: Value | None) -> Said:
        """A value as the tests see it."""
        if value is None:
            return None
        return self._one(value) if isinstance(value, str) else tuple(map(self._one, value))

    @property
    def overruns(self) -> int:
        """Values of which some patterns saw only the ends."""
        return sum(text.overrun for text in self._known.values())

    def _one(self, value: str) -> Text:
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = Text(value)
        return known


class Condition:
    """A condition over the columns it reads; its answers are remembered by the values of these."""

    def __init__(self, tree: Any, bounds: Sequence[Bound]) -> None:
        """``tree`` is over indexes of ``bounds`` (see `lower`)."""
        self._bounds = bounds
        self._slots: dict[Columns, int] = {}
        self._known: dict[tuple[Value | None, ...], bool] = {}
        self._holds = self._node(tree)[1]

    def rows(self, cells: Cells, rows: Rows, texts: Texts) -> tuple[Rows, int]:
        """Those of some rows for which it holds (None: all there are), and the bytes of what it remembers now."""
        values = [field_of(cells, columns) for columns in self._slots]
        count = cells.count if rows is None else len(rows)
        columns: list[Iterable[Value | None]] = []
        for one in values:
            if one is None or isinstance(one, Fixed):
                columns.append(itertools.repeat(None if one is None else one.value, count))
            else:
                columns.append(one if rows is None else pick(one, rows))
        if not any(isinstance(one, list) for one in columns):
            key = tuple(one.value if isinstance(one, Fixed) else None for one in values)
            true, used = self._true({key}, texts, keep=True)
            return rows if true else (), used
        keys = list(zip(*columns, strict=True))
        distinct = set(keys)
        # Where hardly a value comes twice, remembering costs more than it will ever save.
        true, used = self._true(distinct, texts, keep=2 * len(distinct) <= count or count < _FEW)
        if not true:
            return (), used
        return [row for row, key in zip(range(count) if rows is None else rows, keys, strict=True) if key in true], used

    def forget(self) -> None:
        """Drop the answers."""
        self._known.clear()

    def _true(self, keys: set[tuple[Value | None, ...]], texts: Texts, *, keep: bool) -> tuple[Collection[Any], int]:
        """Which combinations of values it holds for; to ``keep`` are the answers, with the bytes this costs."""
        true: list[Any] = []
        known, used = self._known, 0
        for key in keys:
            answer = known.get(key)
            if answer is None:
                answer = self._holds(list(map(texts.of, key)))
                if keep and (size := sum(map(_size, key))) <= _LONG:
                    known[key] = answer
                    used += size + _ENTRY
            if answer:
                true.append(key)
        return frozenset(true), used

    # ------------------------------------------------------------------------------------------------------ building

    def _node(self, tree: Any) -> tuple[float, Test]:
        """A part of the condition as a test, with how often it is expected to hold."""
        if isinstance(tree, int):
            return self._leaves([tree])
        word, *children = tree
        if word == "not":
            likely, test = self._node(children[0])
            return 1 - likely, lambda row: not test(row)
        parts = self._alternatives(children) if word == "or" else list(map(self._node, children))
        parts.sort(key=lambda part: part[0], reverse=word == "or")  # what decides most often comes first
        tests = [test for _likely, test in parts]
        if word == "or":
            return min(1.0, sum(likely for likely, _test in parts)), _any_of(tests)
        return min((likely for likely, _test in parts), default=1.0), _all_of(tests)

    def _alternatives(self, children: Sequence[Any]) -> list[tuple[float, Test]]:
        """Parts of an "or": leaves of one kind that ask the same columns are one test."""
        parts = []
        together: dict[tuple[Columns, str], list[int]] = {}
        for child in children:
            bound = self._bounds[child] if isinstance(child, int) else None
            if bound is not None and bound.spec[0] in _TOGETHER:
                together.setdefault((bound.columns, bound.spec[0]), []).append(child)
            else:
                parts.append(self._node(child))
        return parts + list(map(self._leaves, together.values()))

    def _leaves(self, leaves: Sequence[int]) -> tuple[float, Test]:
        """Leaves of which any is to hold, all of one kind and about the same columns."""
        bounds = [self._bounds[leaf] for leaf in leaves]
        slot = self._slot(bounds[0].columns)
        likely = min(1.0, sum(weight(bound.spec) for bound in bounds[:_SAMPLE]) * max(1.0, len(bounds) / _SAMPLE))
        if bounds[0].spec[0] == "ref":
            return likely, _reference(slot, self._slot(bounds[0].other), bounds[0])
        return likely, _test(slot, check_of([bound.spec for bound in bounds]))

    def _slot(self, columns: Columns) -> int:
        return self._slots.setdefault(columns, len(self._slots))


def field_of(cells: Cells, columns: Columns) -> Column | None:
    """What a predicate is about: a field, or all texts in which keywords are looked for, as one value a row."""
    if columns != KEYWORDS:
        return cells.field(columns)
    spoken = [column for column in map(cells.column, cells.names) if column is not None]
    if not spoken:
        return None
    rows = [itertools.repeat(one.value, cells.count) if isinstance(one, Fixed) else one for one in spoken]
    return [tuple(itertools.chain.from_iterable(map(_parts, values))) for values in zip(*rows, strict=True)]


def _parts(value: Value | None) -> Sequence[str]:
    return () if value is None else (value,) if isinstance(value, str) else value


def _size(value: Value | None) -> int:
    return 0 if value is None else len(value) if isinstance(value, str) else sum(map(len, value)) + 50 * len(value)


def _test(slot: int, check: Check) -> Test:
    def holds(row: Sequence[Said]) -> bool:
        text = row[slot]
        if text is None:
            return False
        return check(text) if isinstance(text, Text) else any(map(check, text))

    return holds


def _reference(slot: int, other: int, bound: Bound) -> Test:
    _kind, _field, mode, cased = bound.spec

    def holds(row: Sequence[Said]) -> bool:
        left, right = row[slot], row[other]
        if left is None or right is None:
            return False
        return refers(_raw(left), _raw(right), mode, cased=bool(cased))

    return holds


def _raw(said: Text | tuple[Text, ...]) -> Value:
    return said.value if isinstance(said, Text) else tuple(text.value for text in said)


def _any_of(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def holds(row: Sequence[Said]) -> bool:
        for test in tests:  # noqa: SIM110 - any() of a generator takes twice as long, and this is asked most
            if test(row):
                return True
        return False

    return holds


def _all_of(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def holds(row: Sequence[Said]) -> bool:
        for test in tests:  # noqa: SIM110 - see `_any_of`
            if not test(row):
                return False
        return True

    return holds
