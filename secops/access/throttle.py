"""Guessing passwords and codes is slowed down: a wait after a few failures, for the user name and for the address.

After `LOCK_AFTER` failures a name is locked for `LOCK`: that long, or until an administrator says otherwise. A lock is
nothing but a long wait that is reckoned from the failures, so a name that does not exist locks like any other and
nobody learns which names do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=30)
PER_USER = 5
PER_PEER = 30  # a whole office may come through one address
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
LOCK_AFTER = 10
LOCK = timedelta(minutes=30)


def wait(failures: Sequence[datetime], now: datetime, free: int) -> timedelta:
    """How long the next attempt has to wait, zero if it need not.

    ``failures`` are the moments of failed attempts, in any order; those older than `WINDOW` do not count. ``free``
    many have no consequence, then the wait after the last one doubles from `FIRST_WAIT` up to `LONGEST_WAIT`.
    """
    recent = [moment for moment in failures if now - moment < WINDOW]
    if len(recent) < free:
        return timedelta(0)
    pause = min(FIRST_WAIT * (1 << min(len(recent) - free, 10)), LONGEST_WAIT)
    return max(timedelta(0), max(recent) + pause - now)


def locked_until(failures: Sequence[datetime], now: datetime) -> datetime | None:
    """When a name is heard again after too many failures; None where it is not locked."""
    recent = [moment for moment in failures if now - moment < WINDOW]
    if len(recent) < LOCK_AFTER:
        return None
    end = max(recent) + LOCK
    return end if end > now else None
