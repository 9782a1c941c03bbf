"""Tells of rules turned off and exceptions changed: what was last told, the alert and the audit log, in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from secops.siem.triage import protection as pure
from secops.siem.triage.protection import Exemption, Protection
from secops.siem.triage.states import SYSTEM
from secops.store.records.access_tables import audit_log
from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database
from secops.store.records.program import tell_of
from secops.store.records.siem_tables import told
from secops.store.records.sink import Book

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
    """Into the alert, and into the audit log."""
    tell_of(connection, pure.KEY, pure.alert_of_changes, text, book.page_from, now)
    logged = {"at": now, "actor": SYSTEM, "action": "rules.changed", "target": "", "peer": "", "text": text}
    connection.execute(insert(audit_log).values(logged))
