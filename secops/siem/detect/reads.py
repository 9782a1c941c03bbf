"""Which columns the rules of a logsource read, by event id: an event of which no rule can speak is hardly read at all.

Most Windows rules name the event ids they are about, in their logsource or in a selection. What a rule asks of the
other fields matters only for events with one of those ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from secops.siem.detect.bound import Bound
from secops.siem.detect.checks import decimal

CODE = "event.code"


def codes_of(tree: Any, bounds: Sequence[Bound]) -> frozenset[str] | None:
    """Event ids of which an event must have one for a tree (see `lower`) to hold; None where it may have any."""
    if isinstance(tree, int):
        return _codes_of_leaf(bounds[tree])
    word, *children = tree
    if word == "not":
        return None
    below = [codes_of(child, bounds) for child in children]
    known = [codes for codes in below if codes is not None]
    if word == "or":
        return None if len(known) < len(below) else frozenset().union(*known)
    return frozenset.intersection(*known) if known else None


def _codes_of_leaf(bound: Bound) -> frozenset[str] | None:
    if bound.columns != (CODE,):
        return None
    kind, *args = bound.spec
    if kind == "eq":
        return frozenset(args)
    if kind == "num" and isinstance(size := decimal(args[0]), int):
        return frozenset((str(size),))
    return None


def is_plain(code: str) -> bool:
    """Whether an event id is written as `codes_of` writes it."""
    return code.isdigit() and code.isascii() and (code[0] != "0" or code == "0")


class Reads:
    """The columns that the conditions of one logsource entry read, by the event ids they are about."""

    def __init__(self, asked: Iterable[tuple[frozenset[str] | None, Iterable[str]]]) -> None:
        """``asked`` are the event ids (see `codes_of`) and the columns of each condition."""
        self._always: set[str] = set()
        self._by_code: dict[str, set[str]] = {}
        for codes, columns in asked:
            if codes is None:
                self._always.update(columns)
                continue
            for code in codes:
                self._by_code.setdefault(code, set()).update(columns)

    @property
    def all(self) -> set[str]:
        """What is read of events with any id."""
        return self._always.union(*self._by_code.values())

    def of(self, code: str) -> set[str]:
        """What is read of events with an id."""
        return self._always | self._by_code.get(code, set()) if is_plain(code) else self.all
