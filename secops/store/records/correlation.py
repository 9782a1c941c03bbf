"""What correlations are made of: inputs beside the hits, how far sources are, and where the keeper is.

The kept inputs *are* the keeper's state: it can be killed at any moment, and one that starts reads them again. Inputs
are numbered by a counter of our own, which never gives a number twice, so that the keeper's cursor is one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, or_, select, update

from secops.errors import ConflictError
from secops.locale import _
from secops.siem.ports import (
    CorrelationCounts,
    CorrelationInput,
    CorrelationState,
    CorrelationStep,
    Feed,
    Hit,
    SourceClock,
)
from secops.store.records import ledger
from secops.store.records.codec import chunks, detail_of, from_json, to_json
from secops.store.records.engine import Database, run_many, take
from secops.store.records.ledger import LIVE, REPLAY
from secops.store.records.siem_tables import correlation_clocks as clocks
from secops.store.records.siem_tables import correlation_inputs as inputs
from secops.store.records.siem_tables import correlation_state as states

Key = tuple[str, str]


class CorrelationRecords:
    """The reading half of `secops.siem.ports.CorrelationDesk`, over one ledger."""

    def __init__(self, database: Database, name: str) -> None:
        self._of = database
        self._name = name

    def correlation_state(self) -> CorrelationState:
        """See `CorrelationDesk`."""
        with self._of.read() as connection:
            return state_of(connection, self._name)

    def correlation_clocks(self) -> Mapping[str, SourceClock]:
        """See `CorrelationDesk`."""
        with self._of.read() as connection:
            return clocks_of(connection, self._name)

    def correlation_inputs(self, after: int, limit: int) -> Sequence[CorrelationInput]:
        """See `CorrelationDesk`."""
        mine = and_(inputs.c.ledger == self._name, inputs.c.id > after)
        return self._inputs(select(inputs).where(mine).order_by(inputs.c.id).limit(limit))

    def correlation_kept(self, until: int) -> Sequence[CorrelationInput]:
        """See `CorrelationDesk`."""
        mine = and_(inputs.c.ledger == self._name, inputs.c.id <= until)
        return self._inputs(select(inputs).where(mine).order_by(inputs.c.id))

    def correlation_waiting(self) -> int:
        """See `CorrelationDesk`."""
        with self._of.read() as connection:
            cursor = state_of(connection, self._name).cursor
            mine = and_(inputs.c.ledger == self._name, inputs.c.id > cursor, inputs.c.derived.is_(False))
            return int(connection.execute(select(func.count()).select_from(inputs).where(mine)).scalar_one())

    def correlation_by_time(self, after: CorrelationInput | None, limit: int) -> Sequence[CorrelationInput]:
        """The next inputs in order of event time, behind one of them; those of a replay, which has all of them."""
        mine = and_(inputs.c.ledger == self._name, inputs.c.derived.is_(False))
        if after is not None:
            later = or_(inputs.c.time > after.time, and_(inputs.c.time == after.time, inputs.c.id > after.id))
            mine = and_(mine, later)
        return self._inputs(select(inputs).where(mine).order_by(inputs.c.time, inputs.c.id).limit(limit))

    def _inputs(self, statement: Any) -> Sequence[CorrelationInput]:
        with self._of.read() as connection:
            return [_input_of(row) for row in connection.execute(statement).mappings()]


def add_feed(connection: Connection, name: str, feed: Feed) -> None:
    """File what workers found; before the positions are raised. What is at or before those, or known, is ignored."""
    if feed.inputs:
        reached = ledger.positions(connection, name)
        file_inputs(connection, name, [one for one in feed.inputs if one.seq > reached.get(one.source, 0)])
    old = clocks_of(connection, name) if feed.clocks else {}
    for source, clock in feed.clocks.items():
        mine = and_(clocks.c.ledger == name, clocks.c.source == source)
        known = old.get(source)
        if known is None:
            row = {"ledger": name, "source": source, "time": clock.time, "received": clock.received}
            connection.execute(insert(clocks).values(row))
        elif clock.time > known.time or clock.received > known.received:
            newest = {"time": max(clock.time, known.time), "received": max(clock.received, known.received)}
            connection.execute(update(clocks).where(mine).values(newest))


def file_inputs(connection: Connection, name: str, new: Iterable[CorrelationInput]) -> None:
    """Insert inputs that are not there yet."""
    fresh = {one.key: one for one in new}
    known: set[Key] = set()
    for part in chunks({event_id for _rule, event_id in fresh}):
        here = and_(inputs.c.ledger == name, inputs.c.event_id.in_(part))
        known.update(
            (row[0], row[1]) for row in connection.execute(select(inputs.c.rule_id, inputs.c.event_id).where(here))
        )
    rows = [_row_of(one, name) for key, one in fresh.items() if key not in known]
    if rows:
        first = take(connection, "input", len(rows)) - len(rows) + 1
        run_many(connection, insert(inputs), [{"id": number} | row for number, row in enumerate(rows, first)])


def put_step(connection: Connection, name: str, step: CorrelationStep, before: CorrelationState) -> None:
    """Commit what a step did to inputs and state; the hits are the caller's.

    Raises:
        ConflictError: the state is not the one the step began with.
    """
    found = state_of(connection, name)
    if found.cursor != before.cursor:
        raise ConflictError(_("相関の続きから始められませんでした。ほかの処理が先に進めています。読み直します。"))
    file_inputs(connection, name, step.derived)
    _mark(connection, name, step.settled)
    _drop(connection, name, step.dropped)
    write_state(connection, name, step.state)


def _mark(connection: Connection, name: str, keys: Sequence[Key]) -> None:
    for rule_id, part in _by_rule(keys):
        here = and_(inputs.c.ledger == name, inputs.c.rule_id == rule_id, inputs.c.event_id.in_(part))
        connection.execute(update(inputs).where(here).values(settled=True))


def _drop(connection: Connection, name: str, keys: Sequence[Key]) -> None:
    for rule_id, part in _by_rule(keys):
        here = and_(inputs.c.ledger == name, inputs.c.rule_id == rule_id, inputs.c.event_id.in_(part))
        connection.execute(delete(inputs).where(here))


def _by_rule(keys: Sequence[Key]) -> Iterable[tuple[str, list[str]]]:
    by_rule: dict[str, list[str]] = {}
    for rule_id, event_id in keys:
        by_rule.setdefault(rule_id, []).append(event_id)
    for rule_id, events in by_rule.items():
        for part in chunks(events):
            yield rule_id, part


def revise(connection: Connection, table: Any, known: Iterable[Hit]) -> None:
    """Other events contribute to hits that are there: what is kept of them in full is written anew."""
    by_key = {(hit.rule_id, hit.event_id): hit for hit in known}
    for part in chunks({event_id for _rule, event_id in by_key}):
        full = and_(table.c.event_id.in_(part), table.c.detail.is_not(None))
        rows = connection.execute(select(table.c.id, table.c.rule_id, table.c.event_id).where(full)).all()
        for number, rule_id, event_id in rows:
            if (rule_id, event_id) in by_key:
                detail = detail_of(by_key[rule_id, event_id])
                connection.execute(update(table).where(table.c.id == number).values(detail=detail))


def state_of(connection: Connection, name: str) -> CorrelationState:
    """What was last committed; the beginning, where nothing was."""
    row = connection.execute(select(states).where(states.c.ledger == name)).mappings().first()
    if row is None:
        return CorrelationState()
    value = from_json(row["value"])
    counts = CorrelationCounts(value["late"], value["evicted"], value["ungrouped"])
    return CorrelationState(row["cursor"], row["watermark"], value["groups"], value["inputs"], counts)


def write_state(connection: Connection, name: str, state: CorrelationState) -> None:
    """Put a state in the place of what is there."""
    value = {
        "groups": state.groups,
        "inputs": state.inputs,
        "late": dict(state.counts.late),
        "evicted": dict(state.counts.evicted),
        "ungrouped": dict(state.counts.ungrouped),
    }
    row = {"cursor": state.cursor, "watermark": state.watermark, "value": to_json(value)}
    if not connection.execute(update(states).where(states.c.ledger == name).values(row)).rowcount:
        connection.execute(insert(states).values(row | {"ledger": name}))


def clocks_of(connection: Connection, name: str) -> dict[str, SourceClock]:
    """How far each source is."""
    rows = connection.execute(select(clocks).where(clocks.c.ledger == name)).mappings()
    return {row["source"]: SourceClock(row["time"], row["received"]) for row in rows}


def forget(connection: Connection, name: str) -> None:
    """Empty a ledger."""
    for table in (inputs, clocks, states):
        connection.execute(delete(table).where(table.c.ledger == name))


def swap(connection: Connection) -> None:
    """Put a replay's inputs and state in the place of the live ones of the same records; inside the swap of the hits.

    The cursor moves, so that a running keeper reads its state again; what it had not taken in yet stays behind it.
    """
    live, found = state_of(connection, LIVE), state_of(connection, REPLAY)
    starts, complete = ledger.starts(connection, REPLAY), True
    for source, reached in ledger.positions(connection, REPLAY).items():
        start = starts[source]
        complete = complete and not start
        replayed = and_(inputs.c.ledger == LIVE, inputs.c.source == source, inputs.c.seq.between(start + 1, reached))
        connection.execute(delete(inputs).where(replayed))
        connection.execute(delete(clocks).where(clocks.c.ledger == LIVE, clocks.c.source == source))
    waiting = select(inputs.c.id).where(inputs.c.ledger == LIVE, inputs.c.id > live.cursor).order_by(inputs.c.id)
    left = connection.execute(waiting).scalars().all()
    cursor = take(connection, "input")
    for old in left:
        connection.execute(update(inputs).where(inputs.c.id == old).values(id=take(connection, "input")))
    for table in (inputs, clocks):
        connection.execute(update(table).where(table.c.ledger == REPLAY).values(ledger=LIVE))
    kept = CorrelationState(
        cursor=cursor,
        watermark=max(live.watermark, found.watermark),
        groups=found.groups,
        inputs=found.inputs,
        counts=found.counts if complete else live.counts,
    )
    write_state(connection, LIVE, kept)


def _row_of(one: CorrelationInput, name: str) -> dict[str, Any]:
    return {
        "ledger": name,
        "rule_id": one.rule_id,
        "event_id": one.event_id,
        "source": one.source,
        "seq": one.seq,
        "time": one.time,
        "received": one.received,
        "derived": one.derived,
        "settled": one.settled,
        "detail": to_json({"zone": one.zone, "values": one.values, "event": one.event}),
    }


def _input_of(row: RowMapping) -> CorrelationInput:
    detail = from_json(row["detail"])
    return CorrelationInput(
        rule_id=row["rule_id"],
        event_id=row["event_id"],
        source=row["source"],
        seq=row["seq"],
        time=row["time"],
        received=row["received"],
        zone=detail["zone"],
        values={name: tuple(texts) for name, texts in detail["values"].items()},
        event=detail["event"],
        derived=row["derived"],
        settled=row["settled"],
        id=row["id"],
    )


def reaches_back(detail: str | None, starts: Mapping[str, int]) -> bool:
    """Whether a correlation's hit counted records that a partial replay does not read; also where nobody can say."""
    if detail is None:
        return True
    found = from_json(detail)
    events = found.get("contributing", [])
    return found.get("contributed", 0) > len(events) or any(one[3] <= starts.get(one[2], 0) for one in events)
