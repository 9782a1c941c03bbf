"""Correlations: what workers write for them, what a rule asks, how far each source is, and what became of it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from secops.schema.severity import Severity
from secops.siem.ports.hits import Hit, HitOutcome

NEVER = datetime.max.replace(tzinfo=UTC)
# What an alert shows of an event that a correlation counted, and what triage asks of one.
SHOWN_FIELDS = (
    "@timestamp",
    "event.id",
    "event.action",
    "event.category",
    "event.code",
    "event.dataset",
    "event.module",
    "event.outcome",
    "host.name",
    "host.hostname",
    "labels.department",
    "labels.device",
    "labels.source",
    "labels.system",
    "labels.zone",
    "user.name",
    "user.target.name",
    "user.email",
    "user.id",
    "source.ip",
    "destination.ip",
    "destination.domain",
    "destination.port",
    "dns.question.name",
    "process.name",
    "process.command_line",
    "file.path",
    "file.target_path",
    "log.file.path",
    "url.domain",
    "message",
)
ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CorrelationInput:
    """An event that met a rule which a correlation refers to: unique on (``rule_id``, ``event_id``).

    ``values`` has the texts of each Sigma field that a correlation asks for (several for an array); a field that is not
    in it is missing. ``event`` is what an alert shows of the event. ``derived`` is the hit of another correlation: its
    time and place are those of the event that closed it. ``settled`` says that rules which wait for the watermark have
    looked at it. ``id`` is its place in the store, 0 before it is there.
    """

    rule_id: str
    event_id: str
    source: str
    seq: int
    time: datetime
    received: datetime
    zone: str
    values: Mapping[str, Sequence[str]]
    event: Mapping[str, Any] = field(default_factory=dict)
    derived: bool = False
    settled: bool = False
    id: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one of its kind."""
        return self.rule_id, self.event_id


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation rule, resolved: ``refs`` are rule ids, in their order.

    ``kind`` is Sigma's type. ``aliases`` maps a name to the field that it is in each rule (by id). ``conditions`` are
    (operator, number) that must all hold; ``tree`` is a condition over which rules occurred (positions in ``refs``; see
    `secops.siem.detect.lower`) instead. ``fields`` are what is counted or computed, ``percentile`` is of 100.
    """

    rule_id: str
    kind: str
    refs: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: timedelta
    conditions: tuple[tuple[str, str], ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    percentile: int = 0
    tree: Any = None
    generate: bool = False
    level: Severity = Severity.MEDIUM

    def field_in(self, name: str, rule_id: str) -> str:
        """What a name of this rule is called in a rule that it refers to."""
        return self.aliases.get(name, {}).get(rule_id, name)


@dataclass(frozen=True, slots=True)
class SourceClock:
    """How far a source is: its latest event time (never later than the receipt), and when it last brought anything."""

    time: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """What a step of the main road has for correlations, beside its hits: inputs, and how far the sources are now."""

    inputs: Sequence[CorrelationInput] = ()
    clocks: Mapping[str, SourceClock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is certain to have come: events before ``general``, and of the sources in ``own`` only those before theirs.

    ``own`` has the sources that are not idle. What was received after ``grace`` is kept whatever its event time.
    """

    general: datetime
    own: Mapping[str, datetime] = field(default_factory=dict)
    grace: datetime = NEVER

    def settles(self, source: str, moment: datetime) -> bool:
        """Whether nothing more can come before this moment that could change what a rule says of it."""
        return moment < self.general and moment < self.own.get(source, NEVER)


@dataclass(frozen=True, slots=True)
class CorrelationLimits:
    """How much is kept: inputs in all, and inputs of one rule with the same group."""

    inputs: int = 200_000
    group: int = 10_000


@dataclass(frozen=True, slots=True)
class CorrelationCounts:
    """What could not be treated as it should, per rule id, since the site was made.

    ``late`` came behind the watermark, ``evicted`` left before its time because there was too much, ``ungrouped`` lacks
    a field to group by.
    """

    late: Mapping[str, int] = field(default_factory=dict)
    evicted: Mapping[str, int] = field(default_factory=dict)
    ungrouped: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: CorrelationCounts) -> CorrelationCounts:
        """Both together."""
        return CorrelationCounts(
            _sum(self.late, other.late), _sum(self.evicted, other.evicted), _sum(self.ungrouped, other.ungrouped)
        )


def _sum(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + two.get(name, 0) for name in sorted({*one, *two})}


@dataclass(frozen=True, slots=True)
class CorrelationState:
    """Where the keeper is: ``cursor`` is the last input it has taken in, ``watermark`` what it has settled up to.

    ``groups`` and ``inputs`` are what was open and kept then; ``counts`` are since the site was made.
    """

    cursor: int = 0
    watermark: datetime = ALWAYS
    groups: int = 0
    inputs: int = 0
    counts: CorrelationCounts = CorrelationCounts()


@dataclass(frozen=True, slots=True)
class CorrelationStep:
    """What taking in inputs led to; committed in one transaction.

    ``hits`` may repeat (rule, event) pairs that are known: their contributing events changed. ``derived`` are hits of
    correlations that others refer to, ``settled`` and ``dropped`` ids of inputs.
    """

    hits: Sequence[Hit]
    derived: Sequence[CorrelationInput]
    settled: Sequence[tuple[str, str]]
    dropped: Sequence[tuple[str, str]]
    state: CorrelationState


class CorrelationDesk(Protocol):
    """What the keeper asks of the records."""

    def correlation_state(self) -> CorrelationState:
        """What was last committed."""
        ...

    def correlation_clocks(self) -> Mapping[str, SourceClock]:
        """How far each source is."""
        ...

    def correlation_inputs(self, after: int, limit: int) -> Sequence[CorrelationInput]:
        """Inputs behind an id, in the order in which they were committed."""
        ...

    def correlation_kept(self, until: int) -> Sequence[CorrelationInput]:
        """The inputs up to an id that are still kept: the state of whoever took them in."""
        ...

    def correlation_waiting(self) -> int:
        """How many inputs of workers the keeper has not taken in yet."""
        ...

    def put_correlated(self, step: CorrelationStep, before: CorrelationState, now: datetime) -> HitOutcome:
        """Commit a step: alerts, state and cursor together, or nothing.

        Raises:
            ConflictError: the committed state is not ``before`` (another keeper, or a replay swapped it).
        """
        ...
