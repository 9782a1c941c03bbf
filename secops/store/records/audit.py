"""The audit log in SQL: the table only grows, and no command takes anything out of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from secops.access.ports import Access, AuditEntry, AuditFilter, AuditPage
from secops.store.records.access_tables import audit_log
from secops.store.records.account_rows import log
from secops.store.records.engine import Database


class SqlAuditLog:
    """See `secops.access.ports.AuditLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: AuditEntry) -> None:
        """See `AuditLog`."""
        with self._database.write() as connection:
            log(connection, entry)

    def record_once(self, entry: AuditEntry, within: timedelta) -> None:
        """See `AuditLog`; looks without the lock first, so that a page opened again waits for no writer."""
        columns = audit_log.c
        same = (columns.target == entry.target) & (columns.action == entry.action) & (columns.actor == entry.actor)
        wanted = select(columns.id).where(same, columns.at > entry.at - within).limit(1)
        with self._database.read() as connection:
            if connection.execute(wanted).first():
                return
        with self._database.write() as connection:
            if not connection.execute(wanted).first():
                log(connection, entry)

    def audit_log(
        self, *, limit: int = 100, offset: int = 0, actor: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """See `AuditLog`."""
        conditions = _conditions(AuditFilter(actor, action))
        statement = select(audit_log).where(*conditions).order_by(audit_log.c.id.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(statement).mappings()]

    def audit_page(
        self, wanted: AuditFilter, *, limit: int, before: int | None = None, after: int | None = None
    ) -> AuditPage:
        """See `AuditLog`."""
        number, conditions = audit_log.c.id, _conditions(wanted)
        rows = select(audit_log).where(*conditions).limit(limit)
        if after is not None:
            rows = rows.where(number > after).order_by(number)
        elif before is not None:
            rows = rows.where(number < before).order_by(number.desc())
        else:
            rows = rows.order_by(number.desc())
        count = select(func.count()).select_from(audit_log).where(*conditions)
        with self._database.read() as connection:
            found = sorted(map(_entry, connection.execute(rows).mappings()), key=lambda one: -one.number)
            total = connection.execute(count).scalar_one()
            newer = connection.execute(count.where(number > found[0].number)).scalar_one() if found else 0
        return AuditPage(found, total, newer)

    def audit_names(self, access: Access) -> tuple[Sequence[str], Sequence[str]]:
        """See `AuditLog`."""
        with self._database.read() as connection:
            actors, actions = (
                connection.execute(select(column).where(*_seen(access)).distinct().order_by(column)).scalars().all()
                for column in (audit_log.c.actor, audit_log.c.action)
            )
        return actors, actions


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    columns = audit_log.c
    found = _seen(wanted.access)
    if wanted.actor:
        found.append(columns.actor == wanted.actor)
    if wanted.action:
        found.append(columns.action == wanted.action)
    if wanted.text:
        found.append(
            columns.target.icontains(wanted.text, autoescape=True)
            | columns.text.icontains(wanted.text, autoescape=True)
            | columns.peer.icontains(wanted.text, autoescape=True)
        )
    if wanted.since:
        found.append(columns.at >= wanted.since)
    if wanted.until:
        found.append(columns.at < wanted.until)
    return found


def _seen(access: Access) -> list[ColumnElement[bool]]:
    """What keeps entries from eyes that are not to see them."""
    columns = audit_log.c
    limits = ((columns.zone, access.zones), (columns.department, access.departments))
    return [column.is_(None) | _within(column, names) for column, names in limits if names is not None]


def _within(column: ColumnElement[str], names: frozenset[str]) -> ColumnElement[bool]:
    """Whether what an entry bears lies wholly among the names: one of them, or several (`joint`) and nothing else."""
    known = sorted(name for name in names if name)
    rest: ColumnElement[str] = column
    for name in known:
        rest = func.replace(rest, f"\n{name}\n", "")
    return column.in_(known) | (column.startswith("\n") & (rest == ""))


def _entry(row: Any) -> AuditEntry:
    names = ("at", "actor", "action", "target", "peer", "text", "zone", "department")
    return AuditEntry(**{name: row[name] for name in names}, number=row["id"])
