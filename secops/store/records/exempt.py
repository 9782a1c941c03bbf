"""What filters (exceptions) suppressed: counts beside the hits, in the same transaction and ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from secops.siem.ports import FilterCount, Filtered
from secops.store.records import ledger
from secops.store.records.engine import run_many
from secops.store.records.ledger import LIVE, REPLAY
from secops.store.records.siem_tables import filtered

_KEY = ("ledger", "source", "filter_id", "rule_id")


@dataclass(slots=True)
class _Sum:
    count: int
    first: datetime
    last: datetime


def add_filtered(connection: Connection, name: str, new: Iterable[Filtered]) -> int:
    """Add what is behind the committed positions of the ledger; returns how many.

    Call it before the positions are raised.
    """
    reached = ledger.positions(connection, name)
    sums: dict[tuple[str, str, str], _Sum] = {}
    for one in new:
        if one.seq <= reached.get(one.source, 0):
            continue
        key = (one.source, one.filter_id, one.rule_id)
        known = sums.get(key)
        if known is None:
            sums[key] = _Sum(1, one.at, one.at)
        else:
            known.count, known.first, known.last = known.count + 1, min(known.first, one.at), max(known.last, one.at)
    for (source, filter_id, rule_id), total in sums.items():
        _add(connection, {"ledger": name, "source": source, "filter_id": filter_id, "rule_id": rule_id}, total)
    return sum(total.count for total in sums.values())


def _add(connection: Connection, key: dict[str, str], new: _Sum) -> None:
    mine = and_(*(filtered.c[name] == key[name] for name in _KEY))
    old = connection.execute(select(filtered.c.count, filtered.c.first, filtered.c.last).where(mine)).first()
    if old is None:
        connection.execute(insert(filtered).values(key | {"count": new.count, "first": new.first, "last": new.last}))
        return
    values = {"count": old[0] + new.count, "first": min(old[1], new.first), "last": max(old[2], new.last)}
    connection.execute(update(filtered).where(mine).values(values))


def counts(connection: Connection, name: str) -> Sequence[FilterCount]:
    """Per filter and rule over all sources, most first."""
    total = func.sum(filtered.c.count).label("total")
    statement = (
        select(filtered.c.filter_id, filtered.c.rule_id, total, func.min(filtered.c.first), func.max(filtered.c.last))
        .where(filtered.c.ledger == name)
        .group_by(filtered.c.filter_id, filtered.c.rule_id)
        .order_by(total.desc(), filtered.c.filter_id, filtered.c.rule_id)
    )
    return [FilterCount(row[0], row[1], int(row[2]), row[3], row[4]) for row in connection.execute(statement)]


def swap_filtered(connection: Connection) -> None:
    """Take over the counts of a replay for the sources that it read from their first record to where the hits are.

    A replay that began later has counted a part only: the counts of such a source stay as they are.
    """
    starts, live = ledger.starts(connection, REPLAY), ledger.positions(connection, LIVE)
    for source, reached in ledger.positions(connection, REPLAY).items():
        if starts[source] or reached < live.get(source, 0):
            continue
        of_source = filtered.c.source == source
        connection.execute(delete(filtered).where(filtered.c.ledger == LIVE, of_source))
        rows = connection.execute(select(filtered).where(filtered.c.ledger == REPLAY, of_source)).mappings().all()
        run_many(connection, insert(filtered), [dict(row) | {"ledger": LIVE} for row in rows])
