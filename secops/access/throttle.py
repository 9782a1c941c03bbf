"""Guessing passwords and codes is slowed down where it comes from, and for a name as a whole where that is not enough.

A *place* is where an attempt comes from: an address, a device the person has logged in with before (its cookie), or an
open session. After `PER_PLACE` failures of a name at a place the next attempt there has to wait; after `LOCK_AFTER` it
is locked there for `LOCK`. Nothing done at another place can bring that about, so nobody locks somebody else out of
their own device.

Guesses that are spread over many addresses are counted for the name as well: after `PASSWORD_LIMIT` of them a password
alone opens nothing any more at an unknown place, after `CODE_LIMIT` no code of an app does. Known devices, passkeys,
recovery and set-up codes, which nobody guesses, still do; and a right password still leads to the second factor of
someone who has one. All of it is reckoned from the failures, and a name that does not exist has them like any other:
nobody learns which names do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(minutes=30)
PER_PLACE = 5
PER_PEER = 30  # a whole office may come through one address
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
LOCK_AFTER = 10
LOCK = timedelta(minutes=30)
PASSWORD_LIMIT = 20
CODE_LIMIT = 10
_ADDRESS = "address "


class Stage(StrEnum):
    """What is being proved. A ``KEY`` (passkey, recovery code) cannot be guessed, so no limit holds for the name."""

    PASSWORD = "password"  # noqa: S105 - a stage, no secret
    CODE = "code"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt of a name."""

    at: datetime
    place: str
    stage: Stage


def place_of(peer: str, *, device: str = "", session: str = "") -> str:
    """Where an attempt comes from, the best known first; ``device`` and ``session`` are ids that were checked."""
    if session:
        return f"session {session}"
    return f"device {device}" if device else _ADDRESS + peer


def is_known(place: str) -> bool:
    """Whether the person was logged in there before, so that others' failures do not count."""
    return not place.startswith(_ADDRESS)


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


def at_place(failures: Iterable[Failure], place: str) -> list[datetime]:
    """When attempts at this place failed."""
    return [one.at for one in failures if one.place == place]


def spread(failures: Iterable[Failure], stage: Stage) -> list[datetime]:
    """When attempts at this stage failed at places that are not known."""
    return [one.at for one in failures if one.stage is stage and not is_known(one.place)]


def locked_until(failures: Collection[datetime], now: datetime, after: int = LOCK_AFTER) -> datetime | None:
    """When a place is heard again after too many failures there; None where it is not locked."""
    recent = [moment for moment in failures if now - moment < WINDOW]
    if len(recent) < after:
        return None
    end = max(recent) + LOCK
    return end if end > now else None


def stopped_until(failures: Iterable[Failure], stage: Stage, now: datetime) -> datetime | None:
    """Until when this stage alone opens nothing for the name at unknown places; None where it does."""
    if stage is Stage.KEY:
        return None
    return locked_until(spread(failures, stage), now, limit(stage))


def limit(stage: Stage) -> int:
    """After how many failures of a name at unknown places this stage is stopped there."""
    return CODE_LIMIT if stage is Stage.CODE else PASSWORD_LIMIT


def held_until(failures: Sequence[Failure], now: datetime) -> datetime | None:
    """When all of a name is as ever, for those who manage users; None where nothing is locked or stopped."""
    places = {one.place for one in failures}
    ends = [locked_until(at_place(failures, place), now) for place in places]
    ends += [stopped_until(failures, stage, now) for stage in Stage]
    return max((end for end in ends if end), default=None)
