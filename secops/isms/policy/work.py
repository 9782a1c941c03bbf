"""The work list of a revision: what must be looked at again, by whom, until when, and whether it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from secops.isms.policy.impact import Kind, Touched


@dataclass(frozen=True, slots=True)
class Why:
    """A reason as it stood when the list was made: which clause, and what changed at it."""

    clause: str
    number: str
    title: str
    change: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to look at again, before it has a number."""

    kind: Kind
    thing: str
    title: str
    why: tuple[Why, ...]
    owner: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to look at again. ``owner`` and ``due`` may be open; ``done_by`` is empty until it is ticked off."""

    id: int
    list_id: int
    kind: Kind
    thing: str
    title: str
    why: tuple[Why, ...]
    where: str
    owner: str
    due: date | None
    done_by: str
    done_at: datetime | None
    note: str

    @property
    def done(self) -> bool:
        """Whether somebody has ticked it off."""
        return self.done_at is not None

    def overdue(self, today: date) -> bool:
        """Whether it is open after its due date."""
        return not self.done and self.due is not None and self.due < today


@dataclass(frozen=True, slots=True)
class WorkList:
    """The list of one revision: from which edition or version to which."""

    id: int
    source: str
    target: str
    created_at: datetime
    created_by: str
    items: int
    done: int


@dataclass(frozen=True, slots=True)
class Made:
    """The list that was made or added to: how many entries are new, how many stood there already."""

    list_id: int
    added: int
    known: int


class ReviewWork(Protocol):
    """Keeps the work lists. Who does something is a login name, or that of the command line."""

    def lists(self) -> Sequence[WorkList]:
        """All lists, the newest first."""
        ...

    def items(self, list_id: int | None = None, *, open_only: bool = False) -> Sequence[WorkItem]:
        """The entries of a list or of all, by kind and in the order they were made.

        Raises:
            NotFoundError: no such list.
        """
        ...

    def make(
        self,
        source: str,
        target: str,
        entries: Sequence[Entry],
        *,
        owner: str = "",
        due: date | None = None,
        by: str,
        now: datetime,
    ) -> Made:
        """Make the list of a revision; where there is one, what it does not hold yet is added to it."""
        ...

    def assign(
        self, ids: Sequence[int], *, owner: str | None = None, due: date | None = None, by: str, now: datetime
    ) -> Sequence[WorkItem]:
        """Give entries an owner, a due date or both; None leaves it as it is.

        Raises:
            NotFoundError: one of them does not exist: none is changed.
        """
        ...

    def finish(self, ids: Sequence[int], note: str = "", *, by: str, now: datetime) -> Sequence[WorkItem]:
        """Tick entries off.

        Raises:
            NotFoundError: one of them does not exist: none is changed.
            ConflictError: one is done already.
        """
        ...

    def reopen(self, ids: Sequence[int], *, by: str, now: datetime) -> Sequence[WorkItem]:
        """Take ticks back.

        Raises:
            NotFoundError: one of them does not exist: none is changed.
            ConflictError: one is not done.
        """
        ...


def entries_of(touched: Iterable[Touched]) -> list[Entry]:
    """What a revision touches, as entries of a work list."""
    return [
        Entry(
            one.thing.kind,
            one.thing.id,
            one.thing.title,
            tuple(
                Why(each.shift.id, each.shift.number, each.shift.title, each.shift.change.value, each.shift.note)
                for each in one.reasons
            ),
            one.thing.owner,
            one.thing.where,
        )
        for one in touched
    ]
