"""Why a rule fired on an event, in the words of the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from secops.siem.detect.columns import Table, as_text, pick
from secops.siem.detect.judge import Judge
from secops.siem.detect.plan import Bound
from secops.siem.ports import MatchedValue

_SHOWN = 2000  # characters of a value
Leaf = Sequence[Any]  # (selection, field, operator, pattern, spec)


def reasons(
    tree: Any, leaves: Sequence[Leaf], bounds: Sequence[Bound], truths: Mapping[Bound, bool], row: pl.DataFrame
) -> tuple[MatchedValue, ...] | None:
    """The leaves that make the condition hold for a frame of one row; None where it does not hold.

    What holds because something is *not* there (``not filter``, ``null``) is no value, and is left out.
    """
    if not _holds(tree, bounds, truths):
        return None
    found: dict[int, None] = dict.fromkeys(_grounds(tree, bounds, truths))
    return tuple(_matched(leaves[leaf], bounds[leaf], row) for leaf in sorted(found))


def _holds(tree: Any, bounds: Sequence[Bound], truths: Mapping[Bound, bool]) -> bool:
    if isinstance(tree, int):
        return truths[bounds[tree]]
    word, *children = tree
    if word == "not":
        return not _holds(children[0], bounds, truths)
    return (all if word == "and" else any)(_holds(child, bounds, truths) for child in children)


def _grounds(tree: Any, bounds: Sequence[Bound], truths: Mapping[Bound, bool]) -> Iterator[int]:
    if isinstance(tree, int):
        if truths[bounds[tree]]:
            yield tree
        return
    word, *children = tree
    if word == "not":
        return
    for child in children:
        if _holds(child, bounds, truths):
            yield from _grounds(child, bounds, truths)


def _matched(leaf: Leaf, bound: Bound, row: pl.DataFrame) -> MatchedValue:
    selection, field, operator, pattern, _spec = leaf
    value = _value(bound, row) if field else _keyword(bound, row)
    return MatchedValue(str(selection), str(field), str(operator), str(pattern), value[:_SHOWN])


def _value(bound: Bound, row: pl.DataFrame) -> str:
    column = pick(row, bound.columns)
    value = None if column is None else as_text(column)[0]
    if isinstance(value, pl.Series):
        return ", ".join(str(item) for item in value if item is not None)
    return "" if value is None else str(value)


def _keyword(bound: Bound, row: pl.DataFrame) -> str:
    """The first text of the event in which the keyword occurs."""
    judge = Judge({0: bound.spec})
    table = Table(row)
    for name in table.texts():
        column = table.field((name,))
        for value in column.values if column else ():
            for text in (value,) if isinstance(value, str) else value:
                if judge(text):
                    return text
    return ""
