"""Suppression: all hits of an alert are counted, the first and the newest are kept in full.

Hits of an alert are numbered 1, 2, 3 … in the order in which they were committed. Those between the first `FIRST` and
the newest `NEWEST` keep only what makes them countable (rule, event id, time, place in the journal): the record itself
is in the journal, and one that floods must not fill the database.
"""

from __future__ import annotations

FIRST = 50
NEWEST = 50


def kept_in_full(number: int, count: int) -> bool:
    """Whether the hit with this number is kept in full in an alert of so many hits."""
    return number <= FIRST or number > count - NEWEST


def faded(before: int, after: int) -> range:
    """The numbers of stored hits that lose their detail when the count goes from one to the other."""
    return range(max(FIRST, before - NEWEST) + 1, min(before, after - NEWEST) + 1)


def suppressed(count: int) -> int:
    """How many hits of an alert are not kept in full."""
    return max(0, count - FIRST - NEWEST)
