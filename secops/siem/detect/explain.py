"""Why a rule fired on an event, in the words of the rule: one rule, one event, without the plans and their memos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import polars as pl

from secops.schema.frame import EXTRA
from secops.siem.detect.columns import Columns, is_spoken, texts_of_json
from secops.siem.detect.judge import Judge
from secops.siem.detect.plan import KEYWORDS, Bound, refers
from secops.siem.detect.specs import Spec
from secops.siem.ports import MatchedValue

_SHOWN = 2000  # characters of a value
Leaf = Sequence[Any]  # (selection, field, operator, pattern, spec)
Truth = Callable[[int], bool]


class Event:
    """One row of a frame: the texts of a field."""

    def __init__(self, frame: pl.DataFrame, row: int) -> None:
        self._frame = frame
        self._row = row
        self._names = set(frame.columns)
        self._known: dict[Columns, tuple[str, ...]] = {}

    def texts(self, columns: Columns) -> tuple[str, ...]:
        """The elements of the first of the columns that has a value; none where the field is missing."""
        if columns not in self._known:
            self._known[columns] = self._look_up(columns)
        return self._known[columns]

    def _look_up(self, columns: Columns) -> tuple[str, ...]:
        if columns == KEYWORDS:
            return tuple(text for name in self._frame.columns if is_spoken(name) for text in self.texts((name,)))
        for name in columns:
            if name in self._names and (value := self._frame.get_column(name)[self._row]) is not None:
                if name == EXTRA:
                    return tuple(texts_of_json(value))
                return _texts(value)
        return ()


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, pl.Series):
        return tuple(text for part in value.to_list() if part is not None for text in _texts(part))
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, datetime):
        return (value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),)
    return (str(value),)


def truth_in(event: Event, bounds: Sequence[Bound]) -> Truth:
    """Whether a leaf holds for the event, by its index."""
    known: dict[int, bool] = {}

    def truth(leaf: int) -> bool:
        if leaf not in known:
            known[leaf] = _first(event, bounds[leaf]) is not None
        return known[leaf]

    return truth


def _first(event: Event, bound: Bound) -> str | None:
    """The first text of the event that meets a predicate."""
    texts = event.texts(bound.columns)
    if bound.spec[0] == "ref":
        others = event.texts(bound.other)
        _kind, _field, mode, cased = bound.spec
        return next((text for text in texts if refers(text, others, mode, cased=bool(cased))), None)
    judge = _judge(bound.spec)
    return next((text for text in texts if judge(text)), None)


@lru_cache(maxsize=4096)
def _judge(spec: Spec) -> Judge:
    return Judge({0: spec})


def tree_holds(tree: Any, truth: Truth) -> bool:
    """Whether a tree (see `lower`) holds."""
    if isinstance(tree, int):
        return truth(tree)
    word, *children = tree
    if word == "not":
        return not tree_holds(children[0], truth)
    return (all if word == "and" else any)(tree_holds(child, truth) for child in children)


def reasons(
    tree: Any, leaves: Sequence[Leaf], bounds: Sequence[Bound], event: Event
) -> tuple[MatchedValue, ...] | None:
    """The leaves that make the condition hold; None where it does not hold.

    What holds because something is *not* there (``not filter``, ``null``) is no value, and is left out.
    """
    truth = truth_in(event, bounds)
    if not tree_holds(tree, truth):
        return None
    found: list[MatchedValue] = []
    for leaf in sorted(set(_grounds(tree, truth))):
        selection, field, operator, pattern, _spec = leaves[leaf]
        value = _first(event, bounds[leaf]) or ""
        found.append(MatchedValue(str(selection), str(field), str(operator), str(pattern), value[:_SHOWN]))
    return tuple(found)


def _grounds(tree: Any, truth: Truth) -> Iterator[int]:
    if isinstance(tree, int):
        if truth(tree):
            yield tree
        return
    word, *children = tree
    if word == "not":
        return
    for child in children:
        if tree_holds(child, truth):
            yield from _grounds(child, truth)
