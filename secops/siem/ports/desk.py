"""Alerts as people work on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from secops.query.tree import All, Node
from secops.schema.severity import Severity
from secops.siem.ports.events import Scope, Span
from secops.siem.ports.hits import Hit


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
    ``merged_into`` is the alert that leads this one; ``merged_count`` are the hits of those that this one leads.
    ``acknowledged_at`` is when somebody first took or closed it.
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
    kind: str = "rule"  # rule | manual (紛失, 誤送付, 障害 …) | program (rules turned off, exceptions changed)
    category: str = ""
    suppressed: int = 0
    merged_into: int | None = None
    merged_count: int = 0
    acknowledged_at: datetime | None = None

    @property
    def total(self) -> int:
        """Its hits and those of the alerts merged into it."""
        return self.count + self.merged_count


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to an alert.

    ``action`` is detected, raised, reported, changed, notified, viewed, confirmed, assigned, noted, closed, reopened,
    replayed, linked, unlinked, merged, unmerged, split or undone. ``bulk`` is the action on many alerts that
    it was part of.
    """

    at: datetime
    actor: str
    action: str
    text: str
    bulk: int | None = None


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert with its newest hits (all counted in ``alert.count``), history and earlier alerts alike."""

    alert: Alert
    hits: Sequence[Hit]
    history: Sequence[HistoryEntry]
    similar: Sequence[Alert]


ALL = All()


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What the queue shows; None or empty is no restriction.

    The words of ``text`` are searched in titles and entities; ``query`` is in the search language, over the fields of
    `secops.siem.triage.search`. ``assignee`` ``""`` is nobody. ``closed`` is a range of ``closed_at``
    (what was closed today); one with a bound leaves out what is not closed.
    """

    states: frozenset[State] | None = None
    severities: frozenset[Severity] | None = None
    zones: frozenset[str] | None = None
    assignee: str | None = None
    rule_id: str | None = None
    text: str = ""
    query: Node = ALL
    span: Span = Span()
    closed: Span = Span()

    @property
    def searches(self) -> bool:
        """Whether words or a query are looked for, which may take long."""
        return bool(self.text) or self.query != ALL


@dataclass(frozen=True, slots=True)
class AlertPlace:
    """Where an alert stands in the order of the queue. It stays a place when its alert has moved or gone."""

    severity: Severity
    last_seen: datetime
    id: int


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of the queue: worst and newest first. ``total`` and the number of rows ``ahead`` of it are exact."""

    alerts: Sequence[Alert]
    total: int
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """How alerts of one rule ended: how many there are, by verdict (or state, where they have none).

    ``same`` counts those of them that are about the same as the one asked for (they have its key).
    """

    total: int
    ended: Mapping[str, int]
    same: int


class AlertDesk(Protocol):
    """The queue as people work on it. Every change is in the history with its actor; scope is applied here."""

    def alerts(
        self,
        wanted: AlertFilter,
        scope: Scope,
        *,
        limit: int = 50,
        offset: int = 0,
        after: AlertPlace | None = None,
        before: AlertPlace | None = None,
    ) -> AlertPage:
        """Alerts that pass the filter.

        ``after`` gives those behind a place, ``before`` the last ones ahead of it: whoever turns pages by the last row
        passes over none, whatever is closed or comes meanwhile. Rows that rise past the place are on the first page.

        Raises:
            QueryError: the query asks for what nobody can answer, or takes too long.
        """
        ...

    def counts(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        """``{"state": {"open": 7, …}, "severity": {"high": 3, …}}``; severities are counted over what is not closed."""
        ...

    def fired(self, span: Span, scope: Scope) -> Mapping[str, int]:
        """Hits that were received in a span, by rule id, as far as their alerts are in scope."""
        ...

    def detail(self, alert_id: int, scope: Scope, *, hits: int = 20) -> AlertDetail:
        """One alert, or NotFoundError."""
        ...

    def alike(self, alert_id: int, scope: Scope, since: datetime) -> Alike:
        """Other alerts of the same rule (or reports of the same kind) with a hit since a moment, or NotFoundError."""
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
