"""What people do with many alerts at once, and what they ask about all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from secops.schema.severity import Severity
from secops.siem.ports.desk import Alert, AlertFilter, State, Verdict
from secops.siem.ports.events import Scope, Span
from secops.siem.ports.hits import Hit


@dataclass(frozen=True, slots=True)
class Chosen:
    """Alerts chosen for an action: those of a list, or all that pass a filter. What is closed is not among them.

    ``words`` say in the history of the action how they were chosen.
    """

    ids: tuple[int, ...] = ()
    wanted: AlertFilter | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class ChosenSet:
    """Which alerts that is at this moment: how many, and a ``mark`` that no other set has.

    ``closed`` of a list were closed already, ``missing`` are not there for this user. ``numbers`` are all of them.
    """

    count: int
    mark: str
    closed: int = 0
    missing: int = 0
    numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What is done to each: take (``assignee``), close (``verdict`` and ``reason``), or link with one (``leader``)."""

    assignee: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    leader: int | None = None

    @property
    def name(self) -> str:
        """As the history calls it."""
        if self.leader is not None:
            return "linked"
        return "closed" if self.verdict else "assigned"


@dataclass(frozen=True, slots=True)
class Bulk:
    """An action on many alerts: ``asked`` for so many, ``done`` to so many; ``left`` were no longer as they had been.

    ``restored`` of them were put back at ``undone_at``.
    """

    id: int
    actor: str
    at: datetime
    action: str
    text: str
    chosen: str
    asked: int
    done: int
    left: int
    undone_at: datetime | None
    restored: int


@dataclass(frozen=True, slots=True)
class Left:
    """An alert that an undo did not touch: who did what to it since (``action``), or which alert follows it."""

    alert_id: int
    action: str = ""
    actor: str = ""
    at: datetime | None = None
    successor: int | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did."""

    bulk: Bulk
    restored: int
    left: Sequence[Left]


class BulkDesk(Protocol):
    """Actions on many alerts, in slices: nobody else waits long, and each alert has its line of history."""

    def chosen(self, chosen: Chosen, scope: Scope) -> ChosenSet:
        """Which alerts an action would change now."""
        ...

    def act(
        self, chosen: Chosen, action: BulkAction, *, mark: str | None, actor: str, scope: Scope, now: datetime
    ) -> Bulk:
        """Do it. Where ``mark`` is given and the set is another one meanwhile, nothing is done.

        Of alerts to be linked those count that are not linked with the leader yet.

        Raises:
            SetChangedError: the set has changed; it says how many there are now.
            UsageError: nothing was chosen, all are linked already, or the reason is missing.
            NotFoundError: no such alert to link with.
        """
        ...

    def bulks(self, actor: str, since: datetime) -> Sequence[Bulk]:
        """What a person did to many alerts since a moment, newest first."""
        ...

    def undo(self, bulk_id: int, *, actor: str, scope: Scope, now: datetime) -> Undone:
        """Put back state, assignee and reason where nobody changed the alert since; take back links that are there.

        Raises:
            NotFoundError: no such action of this person.
            ConflictError: it was undone already, or is too long ago.
        """
        ...

    def places(self, numbers: Sequence[int], *, bulk: int | None = None) -> frozenset[tuple[str, str]]:
        """Zones and departments of alerts, and of those that an action on many has touched: for the audit log."""
        ...


@dataclass(frozen=True, slots=True)
class Bonds:
    """How an alert stands to others.

    ``links`` belong together with it; ``members`` are merged into it, ``leader`` is what it is merged into itself.
    ``parts`` are values that only some of its hits have: (field, value, hits); these hits can be taken out. ``unseen``
    hits are kept as a number only and cannot.
    """

    links: Sequence[Alert] = ()
    members: Sequence[Alert] = ()
    leader: Alert | None = None
    parts: Sequence[tuple[str, str, int]] = ()
    unseen: int = 0


class BondDesk(Protocol):
    """Alerts that belong together. Everything is in the history of all of them, and undone by its opposite."""

    def bonds(self, alert_id: int, scope: Scope) -> Bonds:
        """What an alert is bound to, as far as it is in scope."""
        ...

    def link(self, alert_id: int, others: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """Say that alerts belong together; returns how many links are new."""
        ...

    def unlink(self, alert_id: int, other: int, *, actor: str, scope: Scope, now: datetime) -> None:
        """The opposite. NotFoundError where there is no such link."""
        ...

    def merge(self, alert_id: int, others: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """Let an alert lead others: they share its state from now on, and their new hits count for it.

        Raises:
            ConflictError: one of them is closed, or is merged into another one already.
        """
        ...

    def unmerge(self, alert_id: int, members: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """The opposite: members stand in the queue by themselves again, in the state they are in."""
        ...

    def split(self, alert_id: int, field: str, value: str, *, actor: str, scope: Scope, now: datetime) -> Alert:
        """Take the hits with a value out of an alert, into a new one that is linked with it.

        New hits still go to the first one; merging the new one into it is the opposite. UsageError where no hit or
        every hit has the value.
        """
        ...


@dataclass(frozen=True, slots=True)
class Handled:
    """How long one alert took: moments of its opening, of the first answer and of its closing.

    ``names`` are the (folded) hosts, addresses, accounts and the like that it is about, if they were asked for.
    """

    id: int
    zone: str
    rule_id: str
    title: str
    opened: datetime
    acknowledged: datetime | None
    closed: datetime | None
    names: frozenset[str] = frozenset()


Took = tuple[str, str, int, int | None, int | None, int]
"""Zone, rule id, moment of opening, time to the first answer and to the closing in microseconds, id of the alert."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long alerts took, as plain numbers, since there are many; ``titles`` by rule id."""

    rows: Sequence[Took]
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Alerts that are not closed, of a zone, a severity and an age: how many, and when the oldest was opened.

    ``age`` is the number of the steps (lengths, ascending) that they are at least as old as: 0 is younger than all.
    """

    zone: str
    severity: Severity
    age: int
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Night:
    """Alerts of a span: opened then (worst first, the first few) and closed then, by zone and severity.

    ``waiting`` counts all that are not closed now, the ``oldest`` are the first few of them.
    """

    opened: Mapping[tuple[str, Severity], int]
    closed: Mapping[tuple[str, Severity], int]
    worst: Sequence[Alert]
    waiting: Sequence[Waiting]
    oldest: Sequence[Alert]


class ReviewDesk(Protocol):
    """Looking back over all alerts and sources."""

    def handled(self, opened: Span, scope: Scope, *, named: bool = False) -> Sequence[Handled]:
        """How long the alerts took that were opened in a span; merged ones are counted with the one that leads."""
        ...

    def lengths(self, opened: Span, scope: Scope) -> Lengths:
        """The same as `handled`, as numbers."""
        ...

    def opened_by_rule(self, opened: Span, scope: Scope) -> Mapping[str, int]:
        """How many alerts were opened in a span, by rule; merged ones are counted with the one that leads."""
        ...

    def night(self, span: Span, scope: Scope, ages: Sequence[timedelta], *, shown: int = 10) -> Night:
        """What happened in a span, and what is open at its end, by age (steps, ascending)."""
        ...

    def arrivals(self, span: Span) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """By source: records by the hour in which they were received, ascending, empty hours left out."""
        ...

    def kept_hits(self, rule_id: str, since: datetime, scope: Scope) -> Iterable[KeptHit]:
        """The hits of a rule since a moment, newest first; those kept as a number only have no ``hit``."""
        ...


@dataclass(frozen=True, slots=True)
class KeptHit:
    """A stored hit and how its alert stands; ``case``: the alert is linked with a case that somebody reported."""

    alert_id: int
    state: State
    verdict: Verdict | None
    hit: Hit | None
    case: bool = False


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under a name; ``query`` are the values of the address it is opened with (``state=open&zone=lgwan``).

    ``kind`` is ``alerts`` (the queue) or ``events`` (stored events).
    """

    id: int
    owner: str
    kind: str
    name: str
    query: str
    shared: bool
    changed_at: datetime


class SavedSearches(Protocol):
    """Searches under a name: a person's own, and what others share whose scope is not wider than the reader's."""

    def searches(self, owner: str, scope: Scope, kind: str = "") -> Sequence[SavedSearch]:
        """What a person may open, own ones first, by name."""
        ...

    def save_search(
        self, kind: str, name: str, query: str, *, shared: bool, owner: str, scope: Scope, now: datetime
    ) -> SavedSearch:
        """Save under a name; one's own of that name is replaced.

        Raises:
            UsageError: no name, a name or query that is too long, an unknown kind.
            ConflictError: this person has as many as are allowed.
        """
        ...

    def rename_search(self, search_id: int, name: str, *, shared: bool, owner: str, now: datetime) -> SavedSearch:
        """Another name, shared or not. NotFoundError where it is not one's own, ConflictError where it is taken."""
        ...

    def delete_search(self, search_id: int, *, owner: str) -> None:
        """Delete one's own. NotFoundError where it is not."""
        ...


class WorkDesk(BulkDesk, BondDesk, ReviewDesk, SavedSearches, Protocol):
    """All of it: what the console and the commands ask for beside the `AlertDesk`."""
