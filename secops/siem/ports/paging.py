"""Paging: what somebody has to be told of, what goes out to whom, and how the records keep both.

A *notice* is a cause: an alert that was opened or has risen, a condition of the program that began or is over. It is
written in the transaction of what causes it. *Outgoing* messages are made from notices later, one for each person and
channel; several notices may share one. Their ids never change, so a message that is sent again can be recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from secops.schema.severity import Severity
from secops.siem.ports.events import Scope


class Cause(StrEnum):
    """Why there is a notice: of an alert the first three, of a condition the last two."""

    OPENED = "opened"
    RISEN = "risen"
    REOPENED = "reopened"
    BEGAN = "began"
    OVER = "over"


class NoticeState(StrEnum):
    """Where a notice is: ``exhausted`` is paged to everybody without an answer, ``ended`` needs nobody any more."""

    WAITING = "waiting"
    PAGED = "paged"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    ENDED = "ended"


class OutgoingState(StrEnum):
    """What became of a message: ``failed`` is tried again, ``given_up`` is not, ``superseded`` was not needed."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    SUPERSEDED = "superseded"


OUTGOING_LABELS = {
    OutgoingState.WAITING: "送信待ち",
    OutgoingState.SENT: "送信済み",
    OutgoingState.FAILED: "再送待ち",
    OutgoingState.GIVEN_UP: "送信を断念",
    OutgoingState.SUPERSEDED: "送信不要",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A cause to page. ``step`` people of the rota were paged; ``next_at`` is when the next one's turn comes.

    One of ``alert_id`` and ``condition_id`` is set. ``condition`` is the kind of the condition.
    """

    id: int
    cause: Cause
    severity: Severity
    zone: str
    at: datetime
    state: NoticeState = NoticeState.WAITING
    step: int = 0
    alert_id: int | None = None
    condition_id: int | None = None
    condition: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A message to be sent: the ``content`` is the same for all its receivers and holds no address."""

    person: str
    channel: str
    address: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """What becomes of some notices: their new state and step, and the messages about them.

    ``told`` goes into the histories of their alerts.
    """

    notices: Sequence[int]
    state: NoticeState
    step: int
    next_at: datetime | None
    pages: Sequence[Page] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class LastPaged:
    """When notices were last paged for the first time, and the gravest of those."""

    at: datetime
    severity: Severity


# From the notices that wait or whose time has come, in the order of their ids, to what becomes of them.
Decide = Callable[[Sequence[Notice], LastPaged | None], Sequence[Batch]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in the outbox; ``reason`` is why the last try failed.

    ``kind`` is ``page``, ``over``, ``test`` or ``reminder``; of a reminder ``person`` is a department.
    """

    id: int
    kind: str
    created: datetime
    person: str
    channel: str
    address: str
    content: Mapping[str, Any]
    state: OutgoingState
    attempts: int
    next_at: datetime | None
    done_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send: ``text`` is the receipt, or the reason of the failure, shortened."""

    outgoing: int
    person: str
    channel: str
    at: datetime
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Something wrong with the program itself: it begins, and is over when ``ended`` is set.

    ``subject`` says which source, part or channel; ``zone`` is that of the source.
    """

    kind: str
    subject: str
    zone: str
    severity: Severity
    began: datetime
    ended: datetime | None = None
    id: int = 0
    confirmed_by: str = ""


@dataclass(frozen=True, slots=True)
class PagingCounts:
    """Exact counts. ``states`` are all messages by state; ``given_up`` those that nobody has looked at yet.

    ``unanswered`` notices were paged to everybody, and nobody took them; ``unanswered_alerts`` and
    ``unanswered_conditions`` are what the first few of them are about. ``failing`` are channels whose last try
    failed while messages wait: since when.
    """

    enabled: bool = False
    states: Mapping[str, int] = field(default_factory=dict)
    given_up: int = 0
    unanswered: int = 0
    unanswered_alerts: Sequence[int] = ()
    unanswered_conditions: Sequence[int] = ()
    pending: int = 0
    conditions: int = 0
    failing: Mapping[str, datetime] = field(default_factory=dict)


class PageDesk(Protocol):
    """Notices, the outbox, and the conditions of the program."""

    def advance(self, decide: Decide, now: datetime) -> int:
        """Let ``decide`` make messages of what is due, in one transaction; returns how many were made.

        Notices of alerts that are gone have ended before it is asked.
        """
        ...

    def sweep(self, now: datetime, give_up: datetime) -> int:
        """Settle messages that nobody needs any more, and those made before ``give_up`` that were never sent.

        Returns how many were given up.
        """
        ...

    def due(self, channel: str, now: datetime, limit: int) -> Sequence[Outgoing]:
        """The messages of a channel whose turn it is, the oldest first."""
        ...

    def attempted(self, outgoing: Outgoing, *, ok: bool, text: str, next_at: datetime | None, now: datetime) -> None:
        """Record a try; ``next_at`` is when a failed one is repeated."""
        ...

    def put_test(self, pages: Sequence[Page], *, actor: str, peer: str, now: datetime) -> Sequence[int]:
        """Messages to try out a channel, in the audit log with their actor; returns their ids."""
        ...

    def outgoing(self, outgoing_id: int, scope: Scope) -> tuple[Outgoing, Sequence[Attempt]]:
        """One message with its tries, oldest first, or NotFoundError."""
        ...

    def outbox(
        self, scope: Scope, *, state: OutgoingState | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[Outgoing], int]:
        """Messages, newest first, and how many there are; those about alerts outside the scope are left out."""
        ...

    def attempts(self, scope: Scope, *, limit: int = 20) -> Sequence[Attempt]:
        """The last tries, newest first."""
        ...

    def counts(self) -> PagingCounts:
        """See `PagingCounts`."""
        ...

    def unanswered(self) -> int:
        """That one of the counts, for pages that show no other."""
        ...

    def waits(self, alert_id: int) -> bool:
        """Whether the alert was or will be paged and nobody has taken or confirmed it."""
        ...

    def confirm_alert(self, alert_id: int, *, actor: str, scope: Scope, now: datetime) -> bool:
        """Somebody saw the page: no further person is called. In the alert's history; False where nothing waited."""
        ...

    def confirm_condition(self, condition_id: int, *, actor: str, peer: str, scope: Scope, now: datetime) -> None:
        """The same for a condition; NotFoundError where there is none."""
        ...

    def confirm_given_up(self, *, actor: str, peer: str, now: datetime) -> int:
        """Somebody saw what was given up: it no longer counts as a problem. Returns how many."""
        ...

    def conditions(self, scope: Scope, *, open_only: bool = False, limit: int = 50) -> Sequence[Condition]:
        """Those that go on first, then the newest that are over; without those of sources in other zones."""
        ...

    def settle(self, begun: Sequence[Condition], ended: Sequence[Condition], now: datetime) -> None:
        """Conditions that began or are over, with their notices, in one transaction."""
        ...


class ReminderDesk(Protocol):
    """Reminders of the self-inspection in the same outbox: sent, tried again and counted as every other message."""

    def remind(
        self, pages: Sequence[Page], number: str, *, since: datetime, actor: str, now: datetime
    ) -> Sequence[str]:
        """Put a message for each page; who got one about the round ``number`` ``since`` then is left out.

        It is in the trail of the round's plan. Returns the departments (``Page.person``) that one was put for.
        """
        ...

    def reminded(self, number: str) -> Mapping[str, Outgoing]:
        """Department → the last message to it about a round."""
        ...
