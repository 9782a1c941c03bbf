"""What an alert that leads others owes to them: their hits count for it, and it stands where the gravest of them would.

Merged alerts keep their keys and their hits, so that a new hit finds its way and a replay puts everything back where
it was. Only these sums are kept with the alert that leads.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, and_, func, select, update

from secops.store.records.siem_tables import alerts


def leaders(connection: Connection) -> set[int]:
    """All alerts that lead others."""
    statement = select(alerts.c.merged_into).where(alerts.c.merged_into.is_not(None)).distinct()
    return {number for number in connection.execute(statement).scalars() if number is not None}


def lift(connection: Connection, numbers: Iterable[int], change: int) -> None:
    """Bring the sums of alerts that lead up to those of their members; severity and span only grow."""
    for number in sorted(numbers):
        member = alerts.alias()
        found = connection.execute(
            select(
                func.coalesce(func.sum(member.c.count), 0).label("count"),
                func.max(member.c.severity).label("severity"),
                func.min(member.c.first_seen).label("first_seen"),
                func.max(member.c.last_seen).label("last_seen"),
            ).where(member.c.merged_into == number)
        ).one()
        here = alerts.c.id == number
        hits = int(found._mapping["count"])
        connection.execute(update(alerts).where(here).values(merged_count=hits, changed=change))
        if found.severity is None:
            continue
        for column, value, better in (
            (alerts.c.severity, found.severity, alerts.c.severity < found.severity),
            (alerts.c.first_seen, found.first_seen, alerts.c.first_seen > found.first_seen),
            (alerts.c.last_seen, found.last_seen, alerts.c.last_seen < found.last_seen),
        ):
            connection.execute(update(alerts).where(and_(here, better)).values({column.name: value}))
