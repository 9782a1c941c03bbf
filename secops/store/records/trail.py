"""What was done in the policy and audit wing, for ever: each entry carries the hash of the one before.

`note` is called inside the transaction of what it tells, so neither is there without the other. The database refuses
to change or delete a row (`guard`); the chain shows what another program did to the file all the same, except that rows
taken off its end are only missed by who has noted the head elsewhere (`head`; an export carries it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database
from secops.store.records.tables import to_microseconds
from secops.store.records.trail_tables import trail

START = "0" * 64  # what the first entry is chained to
STEP = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: by whom (login name), what (``plan.approved``), to what (``plan 2026-1``)."""

    number: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not follow from the one before; None in ``number``: the chain is whole."""

    number: int | None
    entries: int
    head: str


def note(
    connection: Connection,
    *,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry, inside the write that does what it tells (one writer at a time, so the chain never forks)."""
    previous = connection.execute(select(trail.c.digest).order_by(trail.c.id.desc()).limit(1)).scalar() or START
    text = to_json(dict(sorted((detail or {}).items())))
    row = {"at": now, "actor": actor, "action": action, "target": target, "detail": text, "previous": previous}
    connection.execute(insert(trail).values(**row, digest=_digest(row)))


def _digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over all of an entry, each part with its length, so that no two entries give the same bytes."""
    said = hashlib.sha256()
    names = ("actor", "action", "target", "detail", "previous")
    for part in (str(to_microseconds(row["at"])), *(row[name] for name in names)):
        data = part.encode()
        said.update(len(data).to_bytes(8, "big") + data)
    return said.hexdigest()


class SqlTrail:
    """Reads the trail: entries, newest first; all of them for an export; whether the chain is whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, *, target: str = "", limit: int = 100, before: int | None = None) -> Sequence[Entry]:
        """The newest entries, of one target or of all; ``before`` is the number of the last one seen."""
        statement = select(trail).order_by(trail.c.id.desc()).limit(limit)
        if target:
            statement = statement.where(trail.c.target == target)
        if before is not None:
            statement = statement.where(trail.c.id < before)
        with self._database.read() as connection:
            return [_entry(dict(row)) for row in connection.execute(statement).mappings()]

    def all(self) -> Iterator[Entry]:
        """Every entry, the oldest first."""
        for row in self._rows():
            yield _entry(row)

    def verify(self) -> Broken:
        """Whether each entry follows from the one before."""
        head, count = START, 0
        for row in self._rows():
            if row["previous"] != head or row["digest"] != _digest(row):
                return Broken(row["id"], count, head)
            head, count = row["digest"], count + 1
        return Broken(None, count, head)

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        last = 0
        while True:
            statement = select(trail).where(trail.c.id > last).order_by(trail.c.id).limit(STEP)
            with self._database.read() as connection:
                rows = connection.execute(statement).mappings().all()
            yield from (dict(row) for row in rows)
            if len(rows) < STEP:
                return
            last = rows[-1]["id"]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        row["id"], row["at"], row["actor"], row["action"], row["target"], from_json(row["detail"]), row["digest"]
    )
