"""`secops.siem.ports.ReminderDesk` in SQL: reminders lie in the outbox of the pages, and senders know no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from secops.siem.ports import Outgoing, Page
from secops.store.records.engine import Database
from secops.store.records.paging import outgoing_of, put_page
from secops.store.records.paging_tables import outbox
from secops.store.records.trail import note

KIND = "reminder"


class SqlReminders:
    """See `ReminderDesk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remind(
        self, pages: Sequence[Page], number: str, *, since: datetime, actor: str, now: datetime
    ) -> Sequence[str]:
        """See `ReminderDesk`."""
        with self._database.write() as connection:
            last = _last(connection, number)
            wanted = [one for one in pages if one.person not in last or last[one.person].created < since]
            for one in wanted:
                put_page(connection, one, KIND, now)
            asked = [one.person for one in wanted]
            if asked:
                detail = {"departments": asked, "count": len(asked)}
                how = {"actor": actor, "action": "reminders.sent", "target": f"plan {number}"}
                note(connection, **how, now=now, detail=detail)
        return asked

    def reminded(self, number: str) -> Mapping[str, Outgoing]:
        """See `ReminderDesk`."""
        with self._database.read() as connection:
            return _last(connection, number)


def _last(connection: Connection, number: str) -> dict[str, Outgoing]:
    rows = connection.execute(select(outbox).where(outbox.c.kind == KIND).order_by(outbox.c.id)).mappings()
    return {one.person: one for one in map(outgoing_of, rows) if one.content.get("round") == number}
