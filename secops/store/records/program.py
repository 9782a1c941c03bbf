"""Alerts of the program about itself: into the one not closed yet, else into a new one that follows the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from secops.schema.severity import Severity
from secops.siem.ports import Alert, Cause, State
from secops.siem.triage.states import SYSTEM
from secops.store.records.codec import row_of
from secops.store.records.engine import take
from secops.store.records.notices import put_notices
from secops.store.records.siem_tables import alerts, history
from secops.store.records.sink import entry


def tell_of(
    connection: Connection,
    key: str,
    make: Callable[[int, datetime], Alert],
    text: str,
    page_from: Severity | None,
    now: datetime,
) -> None:
    """Say something in the alert with this key; ``make`` is how it begins, from its number and the time.

    A new one pages people where its severity is ``page_from`` or higher; None: it pages nobody.
    """
    change = take(connection, "change")
    columns = alerts.c
    active = select(columns.id).where(columns.key == key, columns.state != State.CLOSED.value)
    number = connection.execute(active).scalar()
    if number is None:
        previous = connection.execute(select(func.max(columns.id)).where(columns.key == key)).scalar()
        number = take(connection, "alert")
        alert = replace(make(number, now), previous=previous)
        connection.execute(insert(alerts).values(row_of(alert, change)))
        put_notices(connection, [(number, alert.severity, "")], Cause.OPENED, page_from, now)
    else:
        connection.execute(update(alerts).where(columns.id == number).values(last_seen=now, changed=change))
    connection.execute(insert(history).values(entry(number, now, SYSTEM, "changed", text)))
