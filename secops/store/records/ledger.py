"""How far each source has come, and what became of its records: the live ledger, and that of a replay under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from secops.siem.ports import Tally
from secops.store.records import siem_tables as tables
from secops.store.records.arrivals import add_arrivals

LIVE = "live"
REPLAY = "replay"


def positions(connection: Connection, name: str) -> dict[str, int]:
    """Source → committed sequence number."""
    columns = tables.positions.c
    rows = connection.execute(select(columns.source, columns.seq).where(columns.ledger == name))
    return {row[0]: row[1] for row in rows}


def starts(connection: Connection, name: str) -> dict[str, int]:
    """Source → sequence number behind which a replay began."""
    columns = tables.positions.c
    rows = connection.execute(select(columns.source, columns.start).where(columns.ledger == name))
    return {row[0]: row[1] for row in rows}


def advance(connection: Connection, name: str, reached: Mapping[str, int]) -> None:
    """Raise positions; one that is behind the committed one changes nothing."""
    old = positions(connection, name)
    columns = tables.positions.c
    for source, seq in reached.items():
        if source not in old:
            row = {"ledger": name, "source": source, "seq": seq, "start": 0}
            connection.execute(insert(tables.positions).values(row))
        elif seq > old[source]:
            mine = (columns.ledger == name) & (columns.source == source)
            connection.execute(update(tables.positions).where(mine).values(seq=seq))


def tally_positions(connection: Connection, name: str) -> dict[str, int]:
    """Source → last sequence number that is counted."""
    columns = tables.tallies.c
    rows = connection.execute(select(columns.source, columns.position).where(columns.ledger == name))
    return {row[0]: row[1] for row in rows}


def tallies_of(connection: Connection, name: str) -> dict[str, Tally]:
    """Source → its counts since the site was made."""
    reasons: dict[str, dict[str, int]] = {}
    of_ledger = tables.tally_reasons.c.ledger == name
    for row in connection.execute(select(tables.tally_reasons).where(of_ledger)).mappings():
        reasons.setdefault(row["source"], {})[row["reason"]] = row["count"]
    rows = connection.execute(select(tables.tallies).where(tables.tallies.c.ledger == name)).mappings()
    return {
        row["source"]: Tally(
            source=row["source"],
            position=row["position"],
            stored=row["stored"],
            rejected=row["rejected"],
            last_event=row["last_event"],
            rejected_reasons=reasons.get(row["source"], {}),
        )
        for row in rows
    }


def add_tallies(connection: Connection, name: str, new: Sequence[Tally]) -> None:
    """Add counts; a tally at or before the committed position of its source was counted already."""
    old = tallies_of(connection, name)
    for tally in new:
        before = old.get(tally.source)
        if before is not None and tally.position <= before.position:
            continue
        total = tally if before is None else _sum(before, tally)
        old[tally.source] = total
        put_tally(connection, name, total)
        if name == LIVE:  # a replay reads again what arrived long ago
            add_arrivals(connection, tally)


def put_tally(connection: Connection, name: str, tally: Tally) -> None:
    """Write the counts of a source in place of what was there."""
    key = {"ledger": name, "source": tally.source}
    counts = {"position": tally.position, "stored": tally.stored, "rejected": tally.rejected}
    _replace(connection, tables.tallies, key, [counts | {"last_event": tally.last_event}])
    reasons = [{"reason": reason, "count": count} for reason, count in tally.rejected_reasons.items()]
    _replace(connection, tables.tally_reasons, key, reasons)


def forget(connection: Connection, name: str) -> None:
    """Empty a ledger."""
    for table in (tables.positions, tables.tallies, tables.tally_reasons, tables.filtered):
        connection.execute(delete(table).where(table.c.ledger == name))


def _replace(connection: Connection, table: Any, key: dict[str, str], rows: list[dict[str, Any]]) -> None:
    connection.execute(delete(table).where(table.c.ledger == key["ledger"], table.c.source == key["source"]))
    if rows:
        connection.execute(insert(table), [key | row for row in rows])


def _sum(old: Tally, new: Tally) -> Tally:
    reasons = dict(old.rejected_reasons)
    for reason, count in new.rejected_reasons.items():
        reasons[reason] = reasons.get(reason, 0) + count
    return Tally(
        source=new.source,
        position=new.position,
        stored=old.stored + new.stored,
        rejected=old.rejected + new.rejected,
        last_event=max((moment for moment in (old.last_event, new.last_event) if moment), default=None),
        rejected_reasons=reasons,
    )
