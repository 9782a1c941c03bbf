"""Compiled conditions: what a rule asks of the set of predicates that hold for an event.

A condition is a predicate number, or (word, leaves, parts): the word is "and", "or" or "not", leaves the frozenset of
bare predicates and parts the rest. Bare predicates are then one set operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from secops.siem.detect.specs import Spec


def compile_tree(tree: Any, numbers: Sequence[int]) -> Any:
    """A tree over leaf indexes (see `lower`) as a condition over predicate numbers."""
    if isinstance(tree, int):
        return numbers[tree]
    leaves: list[int] = []
    parts: list[Any] = []
    for child in tree[1:]:
        compiled = numbers[child] if isinstance(child, int) else compile_tree(child, numbers)
        (leaves if isinstance(compiled, int) else parts).append(compiled)
    return (tree[0], frozenset(leaves), tuple(parts))


def holds(condition: Any, true: set[int]) -> bool:
    """Whether a condition holds when exactly these predicates do."""
    if isinstance(condition, int):
        return condition in true
    word, leaves, parts = condition
    if word == "and":
        if not leaves <= true:
            return False
        return not parts or all(holds(part, true) for part in parts)
    some = not leaves.isdisjoint(true) or (bool(parts) and any(holds(part, true) for part in parts))
    return some if word == "or" else not some


def witness(condition: Any, weigh: Callable[[int], float]) -> frozenset[int] | None:
    """The rarest set of predicates of which one must hold for the condition to; None if there is none.

    ``weigh`` says how often a predicate is expected to hold (see `weight`).
    """
    if isinstance(condition, int):
        return frozenset((condition,))
    word, leaves, parts = condition
    if word == "not":
        return None
    below: list[frozenset[int] | None] = [witness(part, weigh) for part in parts]
    if word == "or":
        if None in below:
            return None
        return frozenset(leaves).union(*(part for part in below if part is not None))
    choices = [frozenset((leaf,)) for leaf in leaves] + [part for part in below if part is not None]
    if not choices:
        return None
    return min(choices, key=lambda choice: sum(map(weigh, choice)))


def weight(spec: Spec) -> float:
    """How often a predicate is expected to hold, roughly: long literals are rare."""
    if spec[0] == "any":
        return 1.0
    if spec[0] in ("num", "eq", "eqc"):
        return float(0.7 ** (1 + len(spec[1])))
    if spec[0] in ("contains", "starts", "ends", "containsc", "startsc", "endsc"):
        return float(0.8 ** len(spec[1]))
    return 0.1
