"""Tells of rules turned off and exceptions changed: what was last told, the alert and the audit log, in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from secops.siem.ports import Cause, State
from secops.siem.triage import protection as pure
from secops.siem.triage.protection import Exemption, Protection
from secops.siem.triage.states import SYSTEM
from secops.store.records.access_tables import audit_log
from secops.store.records.codec import from_json, row_of, to_json
from secops.store.records.engine import Database, take
from secops.store.records.notices import put_notices
from secops.store.records.siem_tables import alerts, history, told
from secops.store.records.sink import Book, entry

NAME = "protection"


def tell(database: Database, now_in_force: Protection, book: Book, now: datetime) -> Sequence[str]:
    """Compare with what was last told, open (or add to) an alert for the difference, and remember it.

    Returns the changes that were told. Several processes may call it; each change is told once.
    """
    reasons = {rule.id: rule.reason for rule in book.rules.values() if not rule.active}
    with database.write() as connection:
        before = _last_told(connection)
        if before == now_in_force:
            return ()
        found = pure.changes(before, now_in_force, reasons)
        if found:
            _raise(connection, "\n".join(found), book, now)
        _remember(connection, now_in_force)
    return found


def _last_told(connection: Connection) -> Protection:
    value = connection.execute(select(told.c.value).where(told.c.name == NAME)).scalar()
    if value is None:
        return Protection()
    raw: Mapping[str, Any] = from_json(value)
    return Protection(raw["rules"], {key: Exemption(**parts) for key, parts in raw["filters"].items()})


def _remember(connection: Connection, new: Protection) -> None:
    value = to_json({"rules": new.rules, "filters": {key: asdict(one) for key, one in new.filters.items()}})
    changed = connection.execute(update(told).where(told.c.name == NAME).values(value=value)).rowcount
    if not changed:
        connection.execute(insert(told).values(name=NAME, value=value))


def _raise(connection: Connection, text: str, book: Book, now: datetime) -> None:
    """Into the alert that is not closed yet, else into a new one that follows the last; and into the audit log."""
    change = take(connection, "change")
    columns = alerts.c
    active = select(columns.id).where(columns.key == pure.KEY, columns.state != State.CLOSED.value)
    number = connection.execute(active).scalar()
    if number is None:
        previous = connection.execute(select(func.max(columns.id)).where(columns.key == pure.KEY)).scalar()
        number = take(connection, "alert")
        alert = replace(pure.alert_of_changes(number, now), previous=previous)
        connection.execute(insert(alerts).values(row_of(alert, change)))
        put_notices(connection, [(number, alert.severity, "")], Cause.OPENED, book.page_from, now)
    else:
        connection.execute(update(alerts).where(columns.id == number).values(last_seen=now, changed=change))
    connection.execute(insert(history).values(entry(number, now, SYSTEM, "changed", text)))
    logged = {"at": now, "actor": SYSTEM, "action": "rules.changed", "target": "", "peer": "", "text": text}
    connection.execute(insert(audit_log).values(logged))
