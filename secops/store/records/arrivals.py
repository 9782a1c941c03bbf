"""Records by source and hour of receipt: what is usual for a source on such a day at such an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from secops.siem.ports import Span, Tally
from secops.store.records.desk_tables import arrivals

KEPT = timedelta(days=120)  # more weeks than anybody compares


def add_arrivals(connection: Connection, tally: Tally) -> None:
    """Add what a flush says; where a new hour begins, hours that are too old to matter go."""
    for hour, count in tally.arrived.items():
        mine = (arrivals.c.source == tally.source) & (arrivals.c.hour == hour)
        changed = connection.execute(update(arrivals).where(mine).values(count=arrivals.c.count + count)).rowcount
        if not changed:
            connection.execute(insert(arrivals).values(source=tally.source, hour=hour, count=count))
            old = (arrivals.c.source == tally.source) & (arrivals.c.hour < hour - KEPT)
            connection.execute(delete(arrivals).where(old))


def read_arrivals(connection: Connection, span: Span) -> Mapping[str, Sequence[tuple[datetime, int]]]:
    """By source: (hour, records) of the hours that begin in a span, ascending, hours without records left out."""
    statement = select(arrivals.c.source, arrivals.c.hour, arrivals.c.count).order_by(
        arrivals.c.source, arrivals.c.hour
    )
    if span.since is not None:
        statement = statement.where(arrivals.c.hour >= span.since)
    if span.until is not None:
        statement = statement.where(arrivals.c.hour < span.until)
    found: dict[str, list[tuple[datetime, int]]] = {}
    for source, hour, count in connection.execute(statement):
        found.setdefault(source, []).append((hour, count))
    return found
