"""Ids of guideline clauses: ``mic-2025-03-6.1-6`` is clause ``6.1-6`` of edition ``mic-2025-03``."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"(?P<edition>[a-z][a-z0-9]*-\d{4}-\d{2})-(?P<tail>\d.*)", re.ASCII)


def edition_of(clause_id: str) -> str:
    """The edition that a clause id names; empty where it is no clause id."""
    found = _PARTS.fullmatch(clause_id)
    return found["edition"] if found else ""


def tail_of(clause_id: str) -> str:
    """The id without its edition."""
    found = _PARTS.fullmatch(clause_id)
    return found["tail"] if found else clause_id


@lru_cache(maxsize=10_000)  # pages ask it of every clause that is named anywhere
def above(clause_id: str) -> str:
    """The id of the clause above by the form of the id; empty at the top of an edition, and of what is no clause id."""
    edition, tail = edition_of(clause_id), tail_of(clause_id)
    if not edition:
        return ""
    for mark in ("-", "."):
        if edition and mark in tail:
            return f"{edition}-{tail.rpartition(mark)[0]}"
    return ""


def is_below(clause_id: str, other: str) -> bool:
    """Whether a clause stands somewhere below another of the same edition."""
    while clause_id := above(clause_id):
        if clause_id == other:
            return True
    return False


def order(clause_id: str) -> tuple[int, ...]:
    """Sorts ids of an edition as its clauses stand: 6.2 before 6.10."""
    return tuple(map(int, re.findall(r"\d+", tail_of(clause_id))))
