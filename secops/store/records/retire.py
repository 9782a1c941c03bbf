"""Hits that are only counted go when their records have left the journal; the alerts keep their numbers.

Such a row says where its record is and that it was counted. Without the record nothing can be replayed, so only the
count is of use to anybody: ``alerts.retired`` has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import bindparam, delete, select, update

from secops.store.records.engine import Database, run_many
from secops.store.records.siem_tables import alerts, hits

AT_ONCE = 5000  # rows in a transaction: the workers want to write meanwhile


def retire(database: Database, gone: Mapping[str, int]) -> int:
    """Remove the rows of counted hits up to a sequence number per source; returns how many went."""
    return sum(_of_source(database, source, seq) for source, seq in gone.items())


def _of_source(database: Database, source: str, last: int) -> int:
    total, reached = 0, 0
    while reached < last:
        here = (hits.c.source == source, hits.c.seq > reached, hits.c.seq <= last, hits.c.detail.is_(None))
        chosen = select(hits.c.id, hits.c.alert_id, hits.c.seq).where(*here).order_by(hits.c.seq).limit(AT_ONCE)
        with database.write() as connection:
            rows = connection.execute(chosen).all()
            connection.execute(delete(hits).where(hits.c.id.in_([row[0] for row in rows])))
            counted = Counter(row[1] for row in rows)
            more = update(alerts).where(alerts.c.id == bindparam("_id"))
            more = more.values(retired=alerts.c.retired + bindparam("_more"))
            run_many(connection, more, [{"_id": alert, "_more": count} for alert, count in counted.items()])
        total += len(rows)
        # Several rules may hit on one record: the last one of a full batch is looked at again.
        reached = rows[-1][2] - 1 if len(rows) == AT_ONCE else last
    return total
