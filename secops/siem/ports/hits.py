"""What the main road hands to the records: hits, and what became of the records of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from secops.schema.severity import Severity
from secops.siem.ports.detection import MatchedValue

if TYPE_CHECKING:
    from secops.siem.ports.correlation import Feed  # which stands above: it speaks of hits


@dataclass(frozen=True, slots=True)
class Contribution:
    """An event that a correlation counted: ``rule_id`` is the rule it met, ``event`` what an alert shows of it."""

    rule_id: str
    event_id: str
    source: str
    seq: int
    time: datetime
    zone: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule matched an event: unique on (``rule_id``, ``event_id``).

    ``event`` is the event as stored (masked, flat ECS names, extra fields included), so that an alert can be read after
    the lake's retention. ``source`` and ``seq`` place it in the journal.

    The hit of a correlation is about the event that closed it. ``contributing`` are the newest events it counted, in
    order of time, and ``contributed`` is how many there were.
    """

    rule_id: str
    level: Severity
    event_id: str
    source: str
    seq: int
    timestamp: datetime
    received: datetime
    zone: str
    event: Mapping[str, Any]
    matched: tuple[MatchedValue, ...] = ()
    contributing: tuple[Contribution, ...] = ()
    contributed: int = 0

    @property
    def record_id(self) -> str:
        """The id of the event; a correlation may hit on one event for several groups (``ward.win.7+1f00a2c4``)."""
        return self.event_id.split("+", 1)[0]


@dataclass(frozen=True, slots=True)
class Filtered:
    """A hit that a filter suppressed: nobody is alerted, but it is counted. ``at`` is when the record was received."""

    filter_id: str
    rule_id: str
    source: str
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FilterCount:
    """How many hits of a rule a filter suppressed since the site was made, and when the first and the last came."""

    filter_id: str
    rule_id: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a source's records in one flush: up to ``position``, counts since the last flush.

    ``arrived`` has all of them by the hour in which they were received.
    """

    source: str
    position: int
    stored: int
    rejected: int
    last_event: datetime | None = None
    rejected_reasons: Mapping[str, int] = field(default_factory=dict)
    arrived: Mapping[datetime, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class HitOutcome:
    """What a batch of hits did to the queue: ids of alerts that were opened or raised, and how many hits were new.

    ``suppressed`` of them are counted without being kept in full; ``filtered`` more were held back by filters.
    """

    opened: tuple[int, ...]
    raised: tuple[int, ...]
    new_hits: int
    suppressed: int = 0
    filtered: int = 0


class HitWriter(Protocol):
    """Where the main road puts hits, together with its own position per source."""

    def positions(self) -> dict[str, int]:
        """Source → last sequence number whose hits are committed."""
        ...

    def put_hits(
        self,
        hits: Sequence[Hit],
        positions: Mapping[str, int],
        now: datetime,
        filtered: Sequence[Filtered] = (),
        feed: Feed | None = None,
    ) -> HitOutcome:
        """Commit hits, their alerts, what filters suppressed, what correlations need, and positions: one transaction.

        Hits with ``seq`` at or before the committed position of their source, and repeated (rule, event), are ignored;
        so is what was ``filtered`` or fed at or before it. A position is never lowered.
        """
        ...

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """Add stored/rejected counts; a tally at or before the committed tally position of its source is ignored."""
        ...

    def tally_positions(self) -> dict[str, int]:
        """Source → last sequence number that is counted as stored or rejected."""
        ...


class HitSink(HitWriter, Protocol):
    """The hits in the records database, and what is counted there."""

    def filter_counts(self) -> Sequence[FilterCount]:
        """What each filter suppressed of each rule, most first."""
        ...

    def tallies(self) -> Mapping[str, Tally]:
        """Per source all that was stored and rejected since the site was made."""
        ...


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source on the status page: ``received = stored + rejected + sum(dropped) + waiting`` at all times.

    ``lag_s`` is how many seconds the oldest waiting record has waited.
    """

    id: str
    name: str
    zone: str
    kind: str
    format: str
    received: int
    stored: int
    rejected: int
    dropped: Mapping[str, int]
    waiting: int
    last_received: datetime | None
    last_event: datetime | None
    silent: bool
    problem: str = ""
    rejected_reasons: Mapping[str, int] = field(default_factory=dict)
    lag_s: float = 0.0
