"""Rebuilding the hits: a replay writes beside the live hits, then takes their place, and alerts keep what people wrote.

`ReplaySink` is a `HitSink` of its own: hits wait in ``replay_hits``, positions and tallies in a ledger of their own.
`swap` puts them in the place of the live hits of the same records (behind the replay's start, up to where it came; what
lies outside stays), and derives the alerts anew. A replayed hit goes

1. to the alert it was in, if it was found before and its key is still the same (or that of the alert which a person
   took it out of);
2. else to an alert with its key whose span (first to last seen) it lies in: that span was judged;
3. else to the active alert with its key;
4. else to a new alert: a closed alert absorbs nothing that nobody has seen.

An alert that is left without hits is removed, unless a person wrote to it: then it stays and its history says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, func, insert, or_, select, update

from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Cause, Hit, HitOutcome, State
from secops.siem.triage import limits
from secops.siem.triage.grouping import Group
from secops.siem.triage.identity import Identity, identify
from secops.siem.triage.states import SYSTEM
from secops.store.records import correlation, ledger
from secops.store.records.codec import alert_of, chunks, detail_of, hit_of
from secops.store.records.engine import Database, run_many, take
from secops.store.records.exempt import swap_filtered
from secops.store.records.ledger import LIVE, REPLAY
from secops.store.records.lift import leaders, lift
from secops.store.records.notices import put_notices
from secops.store.records.siem_tables import alerts, history, hits, positions, replay_hits
from secops.store.records.sink import Book, LedgerSink, entry, hit_row, open_alerts

PER_DAY = 100  # hits of one key and day that a replay keeps in full until the swap


@dataclass(frozen=True, slots=True)
class Swapped:
    """What a swap did: alerts that were opened, removed, and left without hits because a person wrote to them."""

    hits: int
    opened: tuple[int, ...]
    removed: int
    unconfirmed: tuple[int, ...]


class ReplaySink(LedgerSink):
    """A `HitSink` and `CorrelationDesk` whose hits nobody sees before the swap. Made by `begin`.

    Its positions are at first the start of the replay; no alert is opened or raised.
    """

    _table = replay_hits

    def __init__(self, database: Database, book: Callable[[], Book]) -> None:
        super().__init__(database, REPLAY, book)
        self._kept: Counter[tuple[str, int]] = Counter()

    def tally_positions(self) -> dict[str, int]:
        """See `secops.siem.ports.HitSink`."""
        with self._database.read() as connection:
            return ledger.starts(connection, REPLAY) | ledger.tally_positions(connection, REPLAY)

    def _commit(self, connection: Connection, new: Sequence[Hit], book: Book, now: datetime) -> HitOutcome:
        run_many(connection, insert(replay_hits), [self._row(hit, book) for hit in new])
        return HitOutcome((), (), len(new))

    def _row(self, hit: Hit, book: Book) -> dict[str, Any]:
        who = identify(hit, book.rules.get(hit.rule_id), book.assets)
        bucket = (who.key, hit.received.toordinal())
        self._kept[bucket] += 1
        detail = detail_of(hit) if self._kept[bucket] <= PER_DAY else None
        return hit_row(hit, who.severity, detail) | {"key": who.key, "alert_id": None}


def begin(database: Database, book: Callable[[], Book], after: Mapping[str, int]) -> ReplaySink:
    """Start a replay; one that was under way is dropped.

    ``after`` says per source which records are not replayed (up to this sequence number): their hits stay as they are.
    A source that is not named begins at its first record.
    """
    with database.write() as connection:
        drop(connection)
        rows = [{"ledger": REPLAY, "source": source, "seq": seq, "start": seq} for source, seq in after.items()]
        if rows:
            connection.execute(insert(positions), rows)
    return ReplaySink(database, book)


def drop(connection: Connection) -> None:
    """Forget a replay that is under way."""
    connection.execute(delete(replay_hits))
    ledger.forget(connection, REPLAY)
    correlation.forget(connection, REPLAY)


def swap(connection: Connection, book: Book, now: datetime) -> Swapped:
    """Put the replayed hits in the place of the live ones; inside one write."""
    change = take(connection, "change")
    _assign(connection)
    opened = _open(connection, book, change, now)
    count = _move(connection, book)
    _renumber(connection)
    _derive(connection, change)
    lift(connection, leaders(connection), change)
    _fade(connection)
    removed, unconfirmed = _settle_empty(connection, change, now)
    correlation.swap(connection)
    swap_filtered(connection)  # looks at both ledgers' positions, so it comes before they are joined
    _swap_ledgers(connection)
    drop(connection)
    return Swapped(count, opened, removed, unconfirmed)


def _assign(connection: Connection) -> None:
    """Steps 1 to 3 of the module's text."""
    mine, old, known = replay_hits.c, hits.c, alerts.c
    same_key = known.key == mine.key
    its_own = or_(same_key, known.split_key == mine.key)  # hits that a person took out of another alert stay out
    same_hit = and_(old.event_id == mine.event_id, old.rule_id == mine.rule_id, known.id == old.alert_id)
    within = mine.timestamp.between(known.first_seen, known.last_seen)
    steps: tuple[Select[Any], ...] = (
        select(known.id).where(same_hit, its_own),
        select(func.max(known.id)).where(same_key, within),
        select(known.id).where(same_key, known.state != State.CLOSED.value),
    )
    for step in steps:
        found = step.correlate(replay_hits).scalar_subquery()
        connection.execute(update(replay_hits).where(mine.alert_id.is_(None)).values(alert_id=found))


def _open(connection: Connection, book: Book, change: int, now: datetime) -> tuple[int, ...]:
    """Step 4: an alert for each key that is left, and its hits assigned to it."""
    mine = replay_hits.c
    first_kept = func.min(case((mine.detail.is_not(None), mine.id)))
    left = (
        select(
            mine.key,
            func.max(mine.severity).label("severity"),
            func.min(mine.timestamp).label("first"),
            func.max(mine.timestamp).label("last"),
            func.coalesce(first_kept, func.min(mine.id)).label("hit"),
        )
        .where(mine.alert_id.is_(None))
        .group_by(mine.key)
    )
    # `last` and `first` keep the columns' type, so that they come back as moments.
    groups = [_group(connection, row, book) for row in connection.execute(left).mappings().all()]
    opened = open_alerts(connection, groups, book.rules, change, now)
    causes = [(alert.id, alert.severity, alert.zone) for alert in opened]
    put_notices(connection, causes, Cause.OPENED, book.page_from, now)
    active = select(alerts.c.id).where(alerts.c.key == mine.key, alerts.c.state != State.CLOSED.value)
    statement = update(replay_hits).where(mine.alert_id.is_(None))
    connection.execute(statement.values(alert_id=active.correlate(replay_hits).scalar_subquery()))
    return tuple(alert.id for alert in opened)


def _group(connection: Connection, row: Any, book: Book) -> Group:
    """The hits of a key as the group that opens its alert, represented by the first one kept in full.

    Where none is, the key has so many hits that an alert with it exists already, and says who it is about.
    """
    found = connection.execute(select(replay_hits).where(replay_hits.c.id == row["hit"])).mappings().one()
    severity = Severity(row["severity"])
    if found["detail"] is not None:
        hit = hit_of(found)
        who = replace(identify(hit, book.rules.get(hit.rule_id), book.assets), key=row["key"])
    else:
        newest = select(alerts).where(alerts.c.key == row["key"]).order_by(alerts.c.id.desc()).limit(1)
        like = alert_of(connection.execute(newest).mappings().one())
        who = Identity(like.key, like.zone, like.department, severity, like.entities)
        hit = Hit(
            rule_id=found["rule_id"],
            level=severity,
            event_id=found["event_id"],
            source=found["source"],
            seq=found["seq"],
            timestamp=found["timestamp"],
            received=found["received"],
            zone=like.zone,
            event={},
        )
    return Group(who, severity, row["first"], row["last"], [hit])


def _reaching_back(connection: Connection, book: Book, starts: Mapping[str, int]) -> set[int]:
    """Live hits of correlations that a partial replay cannot find again: they counted records before its start."""
    rules = [rule.id for rule in book.rules.values() if rule.kind == "correlation"]
    if not rules or not any(starts.values()):
        return set()
    found = connection.execute(select(hits.c.id, hits.c.detail).where(hits.c.rule_id.in_(rules)))
    return {row[0] for row in found if correlation.reaches_back(row[1], starts)}


def _move(connection: Connection, book: Book) -> int:
    """Live hits of the replayed records out, replayed hits in; returns how many came in."""
    starts = ledger.starts(connection, REPLAY)
    kept = _reaching_back(connection, book, starts)
    if kept:  # out of the way for a moment: a position before all records
        for part in chunks(kept):
            connection.execute(update(hits).where(hits.c.id.in_(part)).values(seq=-hits.c.seq))
    for source, reached in ledger.positions(connection, REPLAY).items():
        replayed = and_(hits.c.source == source, hits.c.seq > starts[source], hits.c.seq <= reached)
        connection.execute(delete(hits).where(replayed))
    connection.execute(update(hits).where(hits.c.seq < 0).values(seq=-hits.c.seq))
    again = and_(replay_hits.c.event_id == hits.c.event_id, replay_hits.c.rule_id == hits.c.rule_id)
    connection.execute(delete(hits).where(select(replay_hits.c.id).where(again).exists()))
    names = ("rule_id", "event_id", "alert_id", "source", "seq", "timestamp", "received", "severity", "detail")
    # `nth` is given by `_renumber`; the id is large enough to be different until then.
    moved = select(*(replay_hits.c[name] for name in names), replay_hits.c.id).order_by(replay_hits.c.id)
    connection.execute(insert(hits).from_select([*names, "nth"], moved))
    count: int = connection.execute(select(func.count()).select_from(replay_hits)).scalar_one()
    return count


def _renumber(connection: Connection) -> None:
    """Hits of an alert are numbered again in the order in which their records were received.

    Those whose rows are gone count as if they stood behind the first ones, which are never gone.
    """
    order = func.row_number().over(partition_by=hits.c.alert_id, order_by=(hits.c.received, hits.c.id))
    placed = select(hits.c.id, hits.c.alert_id, order.label("place")).subquery()
    nth = placed.c.place + case((placed.c.place > limits.FIRST, alerts.c.retired), else_=0)
    numbered = select(placed.c.id, nth.label("nth")).join(alerts, alerts.c.id == placed.c.alert_id).subquery()
    statement = update(hits).where(hits.c.id == numbered.c.id, hits.c.nth != numbered.c.nth)
    connection.execute(statement.values(nth=numbered.c.nth))


def _derive(connection: Connection, change: int) -> None:
    """Counts, spans and severities of alerts from their hits; what is gone stays in them."""
    found = (
        select(
            hits.c.alert_id,
            func.count().label("count"),
            func.min(hits.c.timestamp).label("first_seen"),
            func.max(hits.c.timestamp).label("last_seen"),
            func.max(hits.c.severity).label("severity"),
        )
        .group_by(hits.c.alert_id)
        .subquery()
    )
    known, now = alerts.c, found.c

    def kept(name: str, is_better: ColumnElement[bool]) -> ColumnElement[Any]:
        return case((and_(known.retired > 0, is_better), known[name]), else_=now[name]).label(name)

    derived = (
        select(
            now.alert_id,
            (now.count + known.retired).label("count"),
            kept("first_seen", known.first_seen < now.first_seen),
            kept("last_seen", known.last_seen > now.last_seen),
            kept("severity", known.severity > now.severity),
        )
        .join(alerts, known.id == now.alert_id)
        .subquery()
    )
    names = ("count", "first_seen", "last_seen", "severity")
    differs = or_(*(alerts.c[name] != derived.c[name] for name in names))
    values = {name: derived.c[name] for name in names} | {"changed": change}
    connection.execute(update(alerts).where(alerts.c.id == derived.c.alert_id, differs).values(values))


def _fade(connection: Connection) -> None:
    between = and_(hits.c.nth > limits.FIRST, hits.c.nth <= alerts.c.count - limits.NEWEST)
    statement = update(hits).where(hits.c.alert_id == alerts.c.id, between, hits.c.detail.is_not(None))
    connection.execute(statement.values(detail=None))


def _settle_empty(connection: Connection, change: int, now: datetime) -> tuple[int, tuple[int, ...]]:
    """Alerts whose rule no longer fires: removed, or kept and marked where a person wrote to them."""
    columns = alerts.c
    has_hits = select(hits.c.id).where(hits.c.alert_id == columns.id).exists()
    empty = and_(columns.kind == "rule", ~has_hits)
    removed = connection.execute(delete(alerts).where(empty, columns.touched.is_(False))).rowcount
    lost = connection.execute(select(columns.id).where(empty, columns.count > 0)).scalars().all()
    if lost:
        told = _("ログを再検証した結果、今のルールでは検知されませんでした。")
        connection.execute(insert(history), [entry(alert_id, now, SYSTEM, "replayed", told) for alert_id in lost])
        connection.execute(update(alerts).where(empty, columns.count > 0).values(count=0, changed=change))
    return removed, tuple(lost)


def _swap_ledgers(connection: Connection) -> None:
    """Positions only rise. Tallies are replaced where the replay counted every record of the source again."""
    ledger.advance(connection, LIVE, ledger.positions(connection, REPLAY))
    live = ledger.tally_positions(connection, LIVE)
    for source, tally in ledger.tallies_of(connection, REPLAY).items():
        complete = tally.stored + tally.rejected == tally.position
        if complete and tally.position >= live.get(source, 0):
            ledger.put_tally(connection, LIVE, tally)
