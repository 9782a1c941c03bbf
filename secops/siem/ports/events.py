"""The event store: what is written to it and what can be asked of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # collectors and commands that touch no frame start without polars
    import polars as pl

    from secops.query.tree import Node


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of ``@timestamp``; None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def before(self, moment: datetime) -> Span:
        """What of it is before a moment."""
        return Span(self.since, moment if self.until is None else min(moment, self.until))

    def since_then(self, moment: datetime) -> Span:
        """What of it is from a moment on."""
        return Span(moment if self.since is None else max(moment, self.since), self.until)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a user may see: zones and departments; None is all. The store applies it, not the page."""

    zones: frozenset[str] | None = None
    departments: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search: events (flat names → values, extra fields included) and the exact total."""

    events: Sequence[Mapping[str, Any]]
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in the order of a search: its ``@timestamp`` and its ``event.id``."""

    time: datetime
    id: str


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Size of the store: rows, files (or indices) and bytes on disk, oldest and newest ``@timestamp``.

    ``cut`` events have values of which only the beginning can be searched; ``refused`` ones the store did not take as
    they were, so that they are kept in a reduced form, as `PIPELINE_ERROR` with their text.
    """

    rows: int
    files: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None
    cut: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Nearby:
    """Events around a moment, ascending; ``total`` and ``counts`` are exact where ``events`` are not all.

    ``counts`` has for each of the terms how many of those that match the query match it too.
    """

    events: Sequence[Mapping[str, Any]]
    total: int
    counts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class SeenKind:
    """A kind of event that the store has: what tells it apart, how many there are, and which fields they have.

    ``values`` are those of `KIND_COLUMNS`, as text. ``fields`` are those with a value in any of the events: of ECS
    columns all, of fields without a column the ones that were asked for.
    """

    values: Mapping[str, str | None]
    count: int
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """One of several things that are asked in one go: how many events match a query.

    ``seconds``: the counts by so many seconds too. ``fields``: the counts by the values of these columns too, at most
    ``limit`` of them. ``since``: only what is not older, within the span that is asked about.
    """

    query: Node
    seconds: int = 0
    fields: tuple[str, ...] = ()
    limit: int = 1000
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a `Question`: what `EventStore.count`, ``histogram`` and ``tally`` would say."""

    count: int
    buckets: Sequence[tuple[datetime, int]] = ()
    groups: Sequence[tuple[tuple[str | None, ...], int]] = ()


KIND_COLUMNS = ("event.module", "event.dataset", "winlog.channel", "event.code")


class EventWriter(Protocol):
    """Where the main road puts events, together with its own position per source."""

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Commit a frame (several sources may be mixed) and the positions atomically; returns the rows written.

        Rows with ``event.sequence`` at or before the committed position of their ``labels.source`` are left out, so a
        repeated call changes nothing. A position is never lowered.
        """
        ...

    def positions(self) -> dict[str, int]:
        """Source → last sequence number that is committed."""
        ...


class EventStore(EventWriter, Protocol):
    """Where events live that can be searched. Answers are the same from every implementation, or a QueryError."""

    def stage(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> Sequence[Any]:
        """The first half of a write, by any process: put the rows behind the positions where only `take` finds them.

        What is returned can be sent to the process that takes it. What is never taken is cleared away some day.
        """
        ...

    def take(self, staged: Sequence[Any], positions: Mapping[str, int]) -> None:
        """The second half, by the only writer of these sources: commit what was staged, and the positions, atomically.

        Raises:
            StoreError: a position is committed already, so what was staged may be stored.
        """
        ...

    def search(
        self,
        query: Node,
        span: Span,
        scope: Scope,
        *,
        limit: int = 100,
        offset: int = 0,
        newest_first: bool = True,
        after: Place | None = None,
    ) -> Found:
        """Events that match, ordered by ``@timestamp`` then ``event.id``.

        ``after`` is the place of a row in this order: only those behind it are returned, so that whoever turns pages
        by the last row passes over none, whatever is stored meanwhile. ``total`` counts all that match all the same.

        Raises:
            QueryError: the query asks for what no store can answer alike.
        """
        ...

    def nearby(
        self,
        query: Node,
        terms: Sequence[Node],
        centre: datetime,
        span: Span,
        scope: Scope,
        *,
        limit: int,
        fields: Collection[str],
    ) -> Nearby:
        """Events that match, around a moment: all, or where they are more than ``limit`` those nearest to it.

        Of more than fit, half are from before the moment and half from then on; what one side lacks, the other gives.
        Events have only the ``fields`` (columns) that are asked for.
        """
        ...

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        """Exact number of events that match."""
        ...

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        """Counts per bucket of so many seconds, ascending, empty buckets left out."""
        ...

    def tally(
        self, query: Node, span: Span, scope: Scope, fields: Sequence[str], limit: int = 1000
    ) -> Sequence[tuple[tuple[str | None, ...], int]]:
        """Exact counts of the events that match, by their values in columns of text or addresses; the largest first.

        Events without a value are counted under None. Equal counts are in the order of their values, None last.
        """
        ...

    def several(self, common: Node, questions: Sequence[Question], span: Span, scope: Scope) -> Sequence[Answer]:
        """What was asked about the events that match ``common``, in the order of the questions.

        The same numbers as one question after the other, from a state of the store no older than the call; where it can
        the store reads its events once for all of them.

        Raises:
            QueryError: a question that the store would refuse by itself, or all of them together are too much for it.
        """
        ...

    def arrivals(self, received: Span, scope: Scope, seconds: int) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """By source: counts per bucket of so many seconds of the time of receipt, ascending, empty buckets left out."""
        ...

    def get(self, event_id: str, scope: Scope) -> Mapping[str, Any] | None:
        """One event by id."""
        ...

    def seen(self, received: Span, asked: Collection[str] = ()) -> Sequence[SeenKind]:
        """The kinds of events that were received in a span, whatever their own time, in order of `KIND_COLUMNS`.

        Of fields without a column only those that are ``asked`` for are told: names come from the logs, without bound.
        """
        ...

    def stats(self) -> StoreStats:
        """How much is stored."""
        ...

    def compact(self) -> Mapping[str, int]:
        """Merge small files and remove unreferenced ones; returns what was done by name."""
        ...

    def retain(self, before: datetime) -> int:
        """Remove events received before a moment; returns how many went."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
