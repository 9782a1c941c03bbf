"""What the rooms of this wing pass to each other and ask of the outside, in the wing's own types.

Values are frozen dataclasses; protocols are what `store/`, `journal/` and `detect/` implement and tests fake. The
contract suites in `tests/contract/` run over every implementation of a protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import polars as pl

from secops.query.tree import Node
from secops.schema.severity import Severity

# ---------------------------------------------------------------------------------------------- records and journal


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch of records came from, so that each can be found again and decoded the same way at any later time.

    ``kind`` is ``file``, ``syslog`` or ``import``. ``format`` is a normalizer's name, ``encoding`` the Python codec of
    the bytes. ``path`` and ``offset`` (bytes, of the first record; for EVTX the record number) are for files, ``peer``
    (``ip:port/udp``) for the network. ``header`` is the CSV header line of the file, decoded.
    ``note`` says what was unusual (``truncated``, ``part 2 of an overlong line``).
    """

    kind: str
    format: str
    encoding: str = "utf-8"
    path: str | None = None
    offset: int | None = None
    peer: str | None = None
    header: str | None = None
    zone: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Records of one source that are to be journaled together; ``received`` is when the collector had them."""

    source: str
    received: datetime
    origin: Origin
    records: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Journaled records of one source: ``records[i]`` has the sequence number ``first_seq + i``."""

    source: str
    first_seq: int
    received: datetime
    origin: Origin
    records: Sequence[bytes]

    @property
    def last_seq(self) -> int:
        """Sequence number of the last record."""
        return self.first_seq + len(self.records) - 1

    def after(self, seq: int) -> RecordBatch:
        """The part of the batch behind a sequence number (itself, if all of it is)."""
        skip = seq - self.first_seq + 1
        if skip <= 0:
            return self
        return RecordBatch(self.source, self.first_seq + skip, self.received, self.origin, self.records[skip:])


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that a collector had to let go before the journal, with the reason; part of ``received``."""

    source: str
    reason: str
    count: int


class JournalWriter(Protocol):
    """The durable side of the journal. Safe to call from one thread; several processes may each hold one."""

    def append(
        self,
        batches: Sequence[NewBatch],
        checkpoints: Mapping[str, bytes] | None = None,
        drops: Sequence[Drop] = (),
    ) -> list[int]:
        """Commit batches, checkpoints and drop counts in one durable transaction.

        Returns the first sequence number of each batch. When it returns, the records survive power loss; when it
        raises, nothing of the call was kept.

        Raises:
            JournalError: the disk is full, the folder is gone, …; the caller may retry.
        """
        ...

    def checkpoint(self, key: str) -> bytes | None:
        """The value last committed for a collector's key (``file:<source>:<identity>``), or None."""
        ...

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose key begins so."""
        ...


class JournalReader(Protocol):
    """The reading side. Transactions are short: no open cursor outlives a call or a step of an iterator."""

    def heads(self) -> dict[str, int]:
        """Last sequence number per source; cheap enough to ask ten times a second."""
        ...

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """The next batches of a source behind a sequence number, about ``max_bytes`` of raw records (at least one).

        Empty at the end. Batches are in order and without a gap, except where retention removed records.
        """
        ...

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """The one record as a batch of one, or None where it does not exist or was removed by retention."""
        ...

    def drops(self) -> dict[str, dict[str, int]]:
        """Per source: reason → number of records dropped before the journal, since the site was made."""
        ...


# ------------------------------------------------------------------------------------------------------- normalizing


class Normalizer(Protocol):
    """Turns journaled records of one format into frames (see `secops.schema.frame`): rows in, rows out, no I/O."""

    def __call__(self, batch: RecordBatch, site: str, wanted: frozenset[str]) -> list[pl.DataFrame]:
        """Never raises for what a record contains: what cannot be read becomes a ``pipeline_error`` row."""
        ...


# --------------------------------------------------------------------------------------------------------- detection


@dataclass(frozen=True, slots=True)
class Rule:
    """What people see of a Sigma rule.

    ``clauses`` are policy clause ids (``mic-2025-03-6.1-6``), ``next_steps`` the 対応手順 in order, ``group_by`` the
    ECS fields that make two hits the same alert (empty: the default of triage). ``reason`` says why a rule is inactive.
    """

    id: str
    name: str
    title: str
    title_ja: str
    description: str
    description_ja: str
    level: Severity
    tags: tuple[str, ...]
    clauses: tuple[str, ...]
    next_steps: tuple[str, ...]
    false_positives: tuple[str, ...]
    group_by: tuple[str, ...]
    logsource: Mapping[str, str]
    path: str
    text: str
    active: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MatchedValue:
    """One reason why a rule fired: in ``selection``, ``field`` with ``operator`` and ``pattern`` met ``value``."""

    selection: str
    field: str
    operator: str
    pattern: str
    value: str


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A rule (its index in ``Detector.rules``) and the rows of the frame it matched, ascending."""

    rule: int
    rows: Sequence[int]


class Detector(Protocol):
    """The compiled rulebook."""

    rules: Sequence[Rule]
    wanted: frozenset[str]  # columns outside ECS that some active rule reads

    def match(self, frame: pl.DataFrame) -> list[RowMatch]:
        """All (rule, rows) that match, each rule at most once, in order of rule index."""
        ...

    def explain(self, rule: int, frame: pl.DataFrame, row: int) -> tuple[MatchedValue, ...]:
        """Why this rule matched this row; only for rows that did."""
        ...


# -------------------------------------------------------------------------------------------------- hits and alerts


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule matched an event: unique on (``rule_id``, ``event_id``).

    ``event`` is the event as stored (masked, flat ECS names, extra fields included), so that an alert can be read after
    the lake's retention. ``source`` and ``seq`` place it in the journal.
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


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a source's records in one flush: up to ``position``, counts since the last flush."""

    source: str
    position: int
    stored: int
    rejected: int
    last_event: datetime | None = None
    rejected_reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HitOutcome:
    """What a batch of hits did to the queue: ids of alerts that were opened or raised, and how many hits were new."""

    opened: tuple[int, ...]
    raised: tuple[int, ...]
    new_hits: int
    suppressed: int = 0


class HitSink(Protocol):
    """Where the main road puts hits: the records database, together with its own position per source."""

    def positions(self) -> dict[str, int]:
        """Source → last sequence number whose hits are committed."""
        ...

    def put_hits(self, hits: Sequence[Hit], positions: Mapping[str, int], now: datetime) -> HitOutcome:
        """Commit hits, the alerts they open or raise, and the new positions, in one transaction.

        Hits with ``seq`` at or before the committed position of their source, and repeated (rule, event), are ignored.
        A position is never lowered.
        """
        ...

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """Add stored/rejected counts; a tally at or before the committed tally position of its source is ignored."""
        ...

    def tally_positions(self) -> dict[str, int]:
        """Source → last sequence number that is counted as stored or rejected."""
        ...

    def tallies(self) -> Mapping[str, Tally]:
        """Per source all that was stored and rejected since the site was made."""
        ...


# ------------------------------------------------------------------------------------------------------- event store


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of ``@timestamp``; None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None


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
class StoreStats:
    """Size of the store: rows, files and bytes on disk, oldest and newest ``@timestamp``."""

    rows: int
    files: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None


class EventStore(Protocol):
    """Where events live that can be searched. Answers are the same from every implementation, or a QueryError."""

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Commit a frame (several sources may be mixed) and the positions atomically; returns the rows written.

        Rows with ``event.sequence`` at or before the committed position of their ``labels.source`` are left out, so a
        repeated call changes nothing. A position is never lowered.
        """
        ...

    def positions(self) -> dict[str, int]:
        """Source → last sequence number that is committed."""
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
    ) -> Found:
        """Events that match, ordered by ``@timestamp`` then ``event.id``.

        Raises:
            QueryError: the query asks for what no store can answer alike.
        """
        ...

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        """Exact number of events that match."""
        ...

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        """Counts per bucket of so many seconds, ascending, empty buckets left out."""
        ...

    def get(self, event_id: str, scope: Scope) -> Mapping[str, Any] | None:
        """One event by id."""
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


# ------------------------------------------------------------------------------------------------- the triage desk


class State(StrEnum):
    """States of an alert; `STATE_LABELS` has the words on screens."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


STATE_LABELS = {State.OPEN: "未対応", State.IN_PROGRESS: "対応中", State.CLOSED: "対応完了"}


class Verdict(StrEnum):
    """Why an alert was closed; `VERDICT_LABELS` has the words on screens."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    BENIGN_TRUE_POSITIVE = "benign_true_positive"


VERDICT_LABELS = {
    Verdict.TRUE_POSITIVE: "インシデント該当",
    Verdict.FALSE_POSITIVE: "誤検知",
    Verdict.BENIGN_TRUE_POSITIVE: "業務上の正当な操作",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of the queue. ``key`` is stable: the same rule, zone and entities give the same key.

    ``title`` and ``title_en`` are copied from the rule (or typed, for one opened by hand, where ``rule_id`` is empty).
    ``entities`` are the fields that identify who it is about (``host.name``, ``user.name``, ``source.ip``, …).
    ``previous`` is the closed alert with the same key that this one follows. ``count`` is exact; ``suppressed`` of
    those hits are counted without being kept in full. ``category`` is the code of what a person reported.
    """

    id: int
    key: str
    rule_id: str
    title: str
    title_en: str
    severity: Severity
    state: State
    zone: str
    department: str
    entities: Mapping[str, str]
    count: int
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    assignee: str
    verdict: Verdict | None
    closed_reason: str
    closed_at: datetime | None
    previous: int | None
    clauses: tuple[str, ...] = ()
    kind: str = "rule"  # rule | manual (紛失, 誤送付, 障害 …)
    category: str = ""
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to an alert.

    ``action`` is detected, raised, reported, viewed, assigned, noted, closed, reopened or replayed.
    """

    at: datetime
    actor: str
    action: str
    text: str


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert with its newest hits (all counted in ``alert.count``), history and earlier alerts alike."""

    alert: Alert
    hits: Sequence[Hit]
    history: Sequence[HistoryEntry]
    similar: Sequence[Alert]


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What the queue shows; None or empty is no restriction.

    ``text`` is searched in titles and entities. ``assignee`` ``""`` is nobody. ``closed`` is a range of ``closed_at``
    (what was closed today); one with a bound leaves out what is not closed.
    """

    states: frozenset[State] | None = None
    severities: frozenset[Severity] | None = None
    zones: frozenset[str] | None = None
    assignee: str | None = None
    rule_id: str | None = None
    text: str = ""
    span: Span = Span()
    closed: Span = Span()


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of the queue: worst and newest first; ``total`` is exact."""

    alerts: Sequence[Alert]
    total: int


class AlertDesk(Protocol):
    """The queue as people work on it. Every change is in the history with its actor; scope is applied here."""

    def alerts(self, wanted: AlertFilter, scope: Scope, *, limit: int = 50, offset: int = 0) -> AlertPage:
        """Alerts that pass the filter."""
        ...

    def counts(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        """``{"state": {"open": 7, …}, "severity": {"high": 3, …}}``; severities are counted over what is not closed."""
        ...

    def detail(self, alert_id: int, scope: Scope, *, hits: int = 20) -> AlertDetail:
        """One alert, or NotFoundError."""
        ...

    def open_manual(
        self,
        *,
        title: str,
        category: str,
        zone: str,
        severity: Severity,
        department: str,
        text: str,
        actor: str,
        now: datetime,
    ) -> Alert:
        """An alert a person reports: category is 紛失, 盗難, 誤送付, 誤送信, 障害 or その他 (codes in triage)."""
        ...

    def assign(self, alert_ids: Sequence[int], assignee: str, *, actor: str, scope: Scope, now: datetime) -> int:
        """Take or hand over; an open alert goes to in_progress. Returns how many changed. ConflictError if closed."""
        ...

    def close(
        self, alert_ids: Sequence[int], verdict: Verdict, reason: str, *, actor: str, scope: Scope, now: datetime
    ) -> int:
        """Close with a verdict and a reason (required). ConflictError if already closed."""
        ...

    def reopen(self, alert_ids: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """Undo a closing."""
        ...

    def note(self, alert_id: int, text: str, *, actor: str, scope: Scope, now: datetime) -> None:
        """Add a note."""
        ...

    def viewed(self, alert_id: int, *, actor: str, now: datetime) -> None:
        """Remember that someone looked (once per person and ten minutes)."""
        ...

    def changes(self, after: int) -> tuple[int, tuple[int, ...]]:
        """The newest change number and the ids of alerts changed after the given one; what live pages poll."""
        ...

    def news(self, actor: str, scope: Scope) -> int:
        """How many alerts were opened since this person last called `looked` (all, if never)."""
        ...

    def looked(self, actor: str, *, now: datetime) -> None:
        """Remember that this person has seen the queue as it is now."""
        ...


# ------------------------------------------------------------------------------------------------------------ status


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source on the status page: ``received = stored + rejected + sum(dropped) + waiting`` at all times."""

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


def batches_of(reader: JournalReader, source: str, after: int) -> Iterator[RecordBatch]:
    """All batches of a source behind a sequence number, one read at a time."""
    while chunk := reader.read(source, after):
        yield from chunk
        after = chunk[-1].last_seq
