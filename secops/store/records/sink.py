"""Hits in: new hits, the alerts they open or raise, and the positions of their sources, in one transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from secops.schema.severity import Severity
from secops.siem.ports import (
    Alert,
    Cause,
    CorrelationState,
    CorrelationStep,
    Feed,
    FilterCount,
    Filtered,
    Hit,
    HitOutcome,
    Rule,
    State,
    Tally,
)
from secops.siem.triage import limits
from secops.siem.triage.grouping import Group, fresh, group, milestone, titles
from secops.siem.triage.identity import Assets, severity_of
from secops.siem.triage.states import SYSTEM, new_alert
from secops.store.records import correlation, ledger
from secops.store.records.codec import chunks, detail_of, row_of
from secops.store.records.correlation import CorrelationRecords
from secops.store.records.engine import Database, run_many, take
from secops.store.records.exempt import add_filtered, counts
from secops.store.records.ledger import LIVE
from secops.store.records.lift import lift
from secops.store.records.notices import put_notices
from secops.store.records.siem_tables import alerts, history, hits


@dataclass(frozen=True, slots=True)
class Book:
    """What hits do not carry: the rules by id, which assets are important, and from which level people are paged."""

    rules: Mapping[str, Rule]
    assets: Assets
    page_from: Severity | None = None


class LedgerSink(CorrelationRecords, ABC):
    """A `HitSink` and `CorrelationDesk` over one ledger; what becomes of new hits is the subclass's."""

    _table: ClassVar[Table]  # of the hits

    def __init__(self, database: Database, name: str, book: Callable[[], Book]) -> None:
        super().__init__(database, name)
        self._database = database
        self._book = book

    @abstractmethod
    def _commit(self, connection: Connection, new: Sequence[Hit], book: Book, now: datetime) -> HitOutcome:
        """File hits that the table does not have."""

    def positions(self) -> dict[str, int]:
        """See `secops.siem.ports.HitSink`."""
        with self._database.read() as connection:
            return ledger.positions(connection, self._name)

    def put_hits(
        self,
        new: Sequence[Hit],
        positions: Mapping[str, int],
        now: datetime,
        filtered: Sequence[Filtered] = (),
        feed: Feed | None = None,
    ) -> HitOutcome:
        """See `secops.siem.ports.HitSink`."""
        book = self._book()
        with self._database.write() as connection:
            kept = unknown(connection, self._table, fresh(new, ledger.positions(connection, self._name)))
            outcome = self._commit(connection, kept, book, now) if kept else HitOutcome((), (), 0)
            if filtered:
                outcome = replace(outcome, filtered=add_filtered(connection, self._name, filtered))
            if feed is not None:
                correlation.add_feed(connection, self._name, feed)
            ledger.advance(connection, self._name, positions)
        return outcome

    def put_correlated(self, step: CorrelationStep, before: CorrelationState, now: datetime) -> HitOutcome:
        """See `secops.siem.ports.CorrelationDesk`."""
        book = self._book()
        with self._database.write() as connection:
            correlation.put_step(connection, self._name, step, before)
            heard = [hit for hit in step.hits if raises_alerts(book, hit.rule_id)]
            new = unknown(connection, self._table, heard)
            outcome = self._commit(connection, new, book, now) if new else HitOutcome((), (), 0)
            fresh_keys = {(hit.rule_id, hit.event_id) for hit in new}
            known = (hit for hit in heard if (hit.rule_id, hit.event_id) not in fresh_keys)
            correlation.revise(connection, self._table, known)
        return outcome

    def filter_counts(self) -> Sequence[FilterCount]:
        """See `secops.siem.ports.HitSink`."""
        with self._database.read() as connection:
            return counts(connection, self._name)

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """See `secops.siem.ports.HitSink`."""
        with self._database.write() as connection:
            ledger.add_tallies(connection, self._name, tallies)

    def tally_positions(self) -> dict[str, int]:
        """See `secops.siem.ports.HitSink`."""
        with self._database.read() as connection:
            return ledger.tally_positions(connection, self._name)

    def tallies(self) -> dict[str, Tally]:
        """See `secops.siem.ports.HitSink`."""
        with self._database.read() as connection:
            return ledger.tallies_of(connection, self._name)


class LiveSink(LedgerSink):
    """The `HitSink` of the main road, and the `CorrelationDesk` of the keeper: hits open and raise alerts."""

    _table = hits

    def __init__(self, database: Database, book: Callable[[], Book]) -> None:
        super().__init__(database, LIVE, book)

    def _commit(self, connection: Connection, new: Sequence[Hit], book: Book, now: datetime) -> HitOutcome:
        """Open and raise alerts, and file the hits under them."""
        change = take(connection, "change")
        groups = group(new, book.rules, book.assets)
        active = active_alerts(connection, groups)
        opened = open_alerts(connection, [g for key, g in groups.items() if key not in active], book.rules, change, now)
        raised = _raise_alerts(connection, groups, active, change, now)
        _page(connection, opened, groups, active, book.page_from, now)
        placed = {
            **{alert.key: (alert.id, 0) for alert in opened},
            **{k: (a["id"], a["count"]) for k, a in active.items()},
        }
        suppressed = _file(connection, groups, placed, book.assets)
        return HitOutcome(tuple(alert.id for alert in opened), tuple(raised), len(new), suppressed)


def _page(
    connection: Connection,
    opened: Sequence[Alert],
    groups: Mapping[str, Group],
    active: Mapping[str, Any],
    level: Severity | None,
    now: datetime,
) -> None:
    """Notices of alerts that were opened or have risen: not of each hit that an alert takes in."""
    put_notices(connection, [(one.id, one.severity, one.zone) for one in opened], Cause.OPENED, level, now)
    risen = [
        (old["id"], groups[key].severity, groups[key].identity.zone)
        for key, old in active.items()
        if groups[key].severity > old["severity"]
    ]
    put_notices(connection, risen, Cause.RISEN, level, now)


def raises_alerts(book: Book, rule_id: str) -> bool:
    """Whether hits of a rule raise alerts; one that has left the rulebook meanwhile did."""
    rule = book.rules.get(rule_id)
    return rule is None or rule.alerts


def unknown(connection: Connection, table: Any, new: Sequence[Hit]) -> list[Hit]:
    """The hits that a table does not have yet; both ``hits`` and ``replay_hits`` are unique on (rule, event)."""
    known: set[tuple[str, str]] = set()
    for part in chunks({hit.event_id for hit in new}):
        statement = select(table.c.rule_id, table.c.event_id).where(table.c.event_id.in_(part))
        known.update((row[0], row[1]) for row in connection.execute(statement))
    return [hit for hit in new if (hit.rule_id, hit.event_id) not in known] if known else list(new)


def active_alerts(connection: Connection, keys: Iterable[str]) -> dict[str, Any]:
    """The alert that is not closed, per key (there is at most one): id, count, severity and span."""
    names = ("key", "id", "count", "severity", "first_seen", "last_seen", "merged_into")
    columns = [alerts.c[name] for name in names]
    found: dict[str, Any] = {}
    for part in chunks(keys):
        statement = select(*columns).where(alerts.c.key.in_(part), alerts.c.state != State.CLOSED.value)
        found.update((row["key"], row) for row in connection.execute(statement).mappings())
    return found


def open_alerts(
    connection: Connection, groups: Sequence[Group], rules: Mapping[str, Rule], change: int, now: datetime
) -> list[Alert]:
    """New alerts for groups whose key has no active one, each linked to the last closed one with its key."""
    if not groups:
        return []
    previous = _last_closed(connection, [found.identity.key for found in groups])
    first = take(connection, "alert", len(groups)) - len(groups) + 1
    opened = [
        _alert_of_group(number, found, rules.get(found.hits[0].rule_id), previous.get(found.identity.key), now)
        for number, found in enumerate(groups, first)
    ]
    run_many(connection, insert(alerts), [row_of(alert, change) for alert in opened])
    run_many(connection, insert(history), [entry(alert.id, now, SYSTEM, "detected", "") for alert in opened])
    return opened


def entry(alert_id: int, at: datetime, actor: str, action: str, text: str, bulk: int | None = None) -> dict[str, Any]:
    """A row of history."""
    return {"alert_id": alert_id, "at": at, "actor": actor, "action": action, "text": text, "bulk": bulk}


def _last_closed(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(keys):
        statement = select(alerts.c.key, func.max(alerts.c.id)).where(alerts.c.key.in_(part)).group_by(alerts.c.key)
        found.update((row[0], row[1]) for row in connection.execute(statement))
    return found


def _alert_of_group(number: int, found: Group, rule: Rule | None, previous: int | None, now: datetime) -> Alert:
    rule_id, who = found.hits[0].rule_id, found.identity
    alert = new_alert(
        number, who.key, titles(rule_id, rule), found.severity, now, zone=who.zone, department=who.department
    )
    return replace(
        alert,
        rule_id=rule_id,
        entities=who.entities,
        count=len(found.hits),
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        previous=previous,
        clauses=rule.clauses if rule else (),
    )


def _raise_alerts(
    connection: Connection, groups: Mapping[str, Group], active: Mapping[str, Any], change: int, now: datetime
) -> list[int]:
    rows, told = [], []
    for key, old in active.items():
        found = groups[key]
        count = old["count"] + len(found.hits)
        rows.append(
            {
                "_id": old["id"],
                "count": count,
                "severity": max(old["severity"], int(found.severity)),
                "first_seen": min(old["first_seen"], found.first_seen),
                "last_seen": max(old["last_seen"], found.last_seen),
                "changed": change,
            }
        )
        if reached := milestone(old["count"], count):
            told.append(entry(old["id"], now, SYSTEM, "raised", f"×{reached}"))
    changed = ("count", "severity", "first_seen", "last_seen", "changed")
    columns = {name: bindparam(name, type_=alerts.c[name].type) for name in changed}
    run_many(connection, update(alerts).where(alerts.c.id == bindparam("_id")).values(columns), rows)
    run_many(connection, insert(history), told)
    lift(connection, {old["merged_into"] for old in active.values() if old["merged_into"]}, change)
    return [row["_id"] for row in rows]


def _file(
    connection: Connection, groups: Mapping[str, Group], placed: Mapping[str, tuple[int, int]], assets: Assets
) -> int:
    """Insert the hits under their alerts, thin out what is no longer new; returns how many more are suppressed."""
    rows: list[dict[str, Any]] = []
    suppressed = 0
    for key, found in groups.items():
        alert_id, before = placed[key]
        after = before + len(found.hits)
        suppressed += limits.suppressed(after) - limits.suppressed(before)
        for number, hit in enumerate(found.hits, before + 1):
            detail = detail_of(hit) if limits.kept_in_full(number, after) else None
            rows.append(hit_row(hit, severity_of(hit, assets), detail) | {"alert_id": alert_id, "nth": number})
        if gone := limits.faded(before, after):
            _fade(connection, alert_id, gone)
    run_many(connection, insert(hits), rows)
    return suppressed


def hit_row(hit: Hit, severity: Severity, detail: str | None) -> dict[str, Any]:
    """The columns that ``hits`` and ``replay_hits`` share."""
    return {
        "rule_id": hit.rule_id,
        "event_id": hit.event_id,
        "source": hit.source,
        "seq": hit.seq,
        "timestamp": hit.timestamp,
        "received": hit.received,
        "severity": int(severity),
        "detail": detail,
    }


def _fade(connection: Connection, alert_id: int, numbers: range) -> None:
    within = hits.c.nth.between(numbers.start, numbers.stop - 1)
    connection.execute(update(hits).where(hits.c.alert_id == alert_id, within).values(detail=None))
