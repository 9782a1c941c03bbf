"""Notices: written in the transaction of the alert that causes them, and answered in that of what people do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from secops.schema.severity import Severity
from secops.siem.ports import Cause, NoticeState
from secops.store.records.codec import chunks
from secops.store.records.engine import run_many
from secops.store.records.paging_tables import notices

UNANSWERED = (NoticeState.WAITING.value, NoticeState.PAGED.value, NoticeState.EXHAUSTED.value)


def put_notices(
    connection: Connection,
    causes: Iterable[tuple[int, Severity, str]],
    cause: Cause,
    level: Severity | None,
    now: datetime,
) -> None:
    """A notice for each (alert, severity, zone) of at least the level; None: nobody is paged."""
    if level is None:
        return
    found = [(alert_id, severity, zone) for alert_id, severity, zone in causes if severity >= level]
    run_many(connection, insert(notices), [row(cause, sev, zone, now) | {"alert_id": of} for of, sev, zone in found])


def row(cause: Cause, severity: Severity, zone: str, now: datetime, step: int = 0) -> dict[str, Any]:
    """A notice that waits; whose it is the caller adds."""
    return {
        "cause": cause.value,
        "alert_id": None,
        "condition_id": None,
        "severity": int(severity),
        "zone": zone,
        "at": now,
        "state": NoticeState.WAITING.value,
        "step": step,
        "paged_at": None,
        "next_at": None,
        "acknowledged_by": "",
        "acknowledged_at": None,
    }


def answer(connection: Connection, alert_ids: Sequence[int], actor: str, now: datetime) -> int:
    """Somebody works on these alerts or has seen the page: nobody else is called. Returns how many notices that was."""
    values = {"state": NoticeState.ACKNOWLEDGED.value, "acknowledged_by": actor, "acknowledged_at": now}
    count = 0
    for part in chunks(alert_ids):
        here = notices.c.alert_id.in_(part) & notices.c.state.in_(UNANSWERED)
        count += connection.execute(update(notices).where(here).values(values | {"next_at": None})).rowcount
    return count
