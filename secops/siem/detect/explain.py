"""Why a rule fired on an event, in the words of the rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from secops.siem.detect.bound import KEYWORDS, Bound
from secops.siem.detect.cells import Cells, Column, Fixed, Value
from secops.siem.detect.checks import Text, one_check, refers
from secops.siem.ports import MatchedValue

_SHOWN = 2000  # characters of a value
Leaf = Sequence[Any]  # (selection, field, operator, pattern, spec)


class Truth(Protocol):
    """Which leaves of a rule hold; asked of a leaf when somebody needs to know."""

    def __getitem__(self, leaf: int, /) -> bool:
        """Whether a leaf holds."""


def explained(
    tree: Any, leaves: Sequence[Leaf], bounds: Sequence[Bound], truth: Truth, event: Cells, *, sure: bool = False
) -> tuple[MatchedValue, ...] | None:
    """The leaves that make a tree (see `lower`) hold, with the values of a single event; None where it does not hold.

    What holds because something is *not* there (``not filter``, ``null``) is no value, and is left out. With ``sure``
    it is known to hold, and leaves that are never shown are not asked.
    """
    if not sure and not tree_holds(tree, truth):
        return None
    found = []
    for leaf in sorted(set(_grounds(tree, truth))):
        selection, field, operator, pattern, _spec = leaves[leaf]
        value = _first(event, bounds[leaf])
        found.append(MatchedValue(str(selection), str(field), str(operator), str(pattern), value[:_SHOWN]))
    return tuple(found)


def tree_holds(tree: Any, truth: Truth) -> bool:
    """Whether a tree (see `lower`) holds."""
    if isinstance(tree, int):
        return truth[tree]
    word, *children = tree
    if word == "not":
        return not tree_holds(children[0], truth)
    wanted = word == "or"
    for child in children:
        if (truth[child] if isinstance(child, int) else tree_holds(child, truth)) is wanted:
            return wanted
    return not wanted


def _grounds(tree: Any, truth: Truth) -> Iterator[int]:
    if isinstance(tree, int):
        if truth[tree]:
            yield tree
        return
    word, *children = tree
    for child in children if word != "not" else ():
        if isinstance(child, int):
            if truth[child]:
                yield child
        elif child[0] != "not" and tree_holds(child, truth):
            yield from _grounds(child, truth)


def _first(event: Cells, bound: Bound) -> str:
    """The first text of the event that meets a predicate that holds for it."""
    texts: Sequence[str]
    if bound.columns == KEYWORDS:
        texts = [text for name in event.names for text in _texts(event.column(name))]
    else:
        texts = _texts(event.field(bound.columns))
    if bound.spec[0] == "ref":
        others = tuple(_texts(event.field(bound.other)))
        _kind, _field, mode, cased = bound.spec
        return next((text for text in texts if refers(text, others, mode, cased=bool(cased))), "")
    if len(texts) == 1:
        return texts[0]
    check = one_check(bound.spec)
    return next((text for text in texts if check(Text(text))), "")


def _texts(column: Column | None) -> Sequence[str]:
    """The texts of the only row."""
    if column is None:
        return ()
    value: Value | None = column.value if isinstance(column, Fixed) else column[0]
    return () if value is None else (value,) if isinstance(value, str) else value
