"""Alerts that belong together: linked, merged, split; all of it in the history of each, and undone by its opposite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Alert, Bonds, Hit, Scope, State
from secops.siem.triage import limits
from secops.siem.triage.identity import identify
from secops.store.records.actions import get, save
from secops.store.records.codec import alert_of, chunks, hit_of, row_of
from secops.store.records.desk_tables import links
from secops.store.records.engine import Database, run_many, take
from secops.store.records.lift import lift
from secops.store.records.queue import row_in_scope
from secops.store.records.siem_tables import alerts, history, hits
from secops.store.records.sight import led_by, visible
from secops.store.records.sink import Book, entry

PARTED_BY = ("host.name", "user.name", "source.ip", "destination.ip")
MOST_PARTS = 20


class BondActions:
    """See `secops.siem.ports.BondDesk`."""

    def __init__(self, database: Database, book: Callable[[], Book]) -> None:
        self._database = database
        self._book = book

    def bonds(self, alert_id: int, scope: Scope) -> Bonds:
        """See `BondDesk`."""
        with self._database.read() as connection:
            alert = alert_of(row_in_scope(connection, alert_id, scope))
            numbers = _linked(connection, alert_id)
            statement = select(alerts).where(alerts.c.id.in_(numbers), visible(scope)).order_by(alerts.c.id.desc())
            linked = [alert_of(row) for row in connection.execute(statement).mappings()]
            above = select(alerts).where(alerts.c.id == alert.merged_into, visible(scope))
            leader = connection.execute(above).mappings().first()
            kept = _kept(connection, alert_id) if alert.kind == "rule" and alert.state is not State.CLOSED else []
            return Bonds(
                linked,
                led_by(connection, [alert_id], scope),
                alert_of(leader) if leader else None,
                _parts(kept),
                max(0, alert.count - len(kept)),
            )

    def link(self, alert_id: int, others: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """See `BondDesk`."""
        with self._database.write() as connection:
            found = _all(connection, alert_id, others, scope)
            new = sorted(set(others) - {alert_id} - set(_linked(connection, alert_id)))
            pairs = [{"low": min(alert_id, one), "high": max(alert_id, one)} for one in new]
            run_many(connection, insert(links), pairs)
            _tell(connection, found, alert_id, new, (now, actor, "linked"))
        return len(new)

    def unlink(self, alert_id: int, other: int, *, actor: str, scope: Scope, now: datetime) -> None:
        """See `BondDesk`."""
        with self._database.write() as connection:
            found = _all(connection, alert_id, [other], scope)
            pair = and_(links.c.low == min(alert_id, other), links.c.high == max(alert_id, other))
            if not connection.execute(delete(links).where(pair)).rowcount:
                raise NotFoundError(
                    _("アラート {id} と {other} は関連付けられていません。").format(id=alert_id, other=other)
                )
            _tell(connection, found, alert_id, [other], (now, actor, "unlinked"))

    def merge(self, alert_id: int, others: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """See `BondDesk`."""
        with self._database.write() as connection:
            found = _all(connection, alert_id, others, scope)
            _check_merge(found)
            leader = found[alert_id]
            new = [found[one] for one in sorted(set(others) - {alert_id})]
            below = led_by(connection, [one.id for one in new], Scope())  # what they led follows them
            moved = [*new, *below]
            shared = [replace(one, **_standing(leader)) for one in moved if one.state is not State.CLOSED]
            for one in moved:
                connection.execute(update(alerts).where(alerts.c.id == one.id).values(merged_into=alert_id))
            for one in new:
                connection.execute(update(alerts).where(alerts.c.id == one.id).values(merged_count=0))
            save(connection, [leader], (now, actor, "merged", _names(one.id for one in moved)))
            save(connection, shared, (now, actor, "merged", _("アラート {id} へ").format(id=alert_id)))
            lift(connection, [alert_id], take(connection, "change"))
        return len(new)

    def unmerge(self, alert_id: int, members: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """See `BondDesk`."""
        with self._database.write() as connection:
            found = _all(connection, alert_id, members, scope)
            out = [found[one] for one in sorted(set(members)) if one != alert_id]
            if wrong := [one.id for one in out if one.merged_into != alert_id]:
                raise ConflictError(
                    _("アラート {ids} は、アラート {id} に統合されていません。").format(ids=_names(wrong), id=alert_id)
                )
            if not out:
                raise UsageError(_("統合を解除するアラートが選ばれていません。"))
            for one in out:
                connection.execute(update(alerts).where(alerts.c.id == one.id).values(merged_into=None))
            save(connection, out, (now, actor, "unmerged", _("アラート {id} から").format(id=alert_id)))
            save(connection, [found[alert_id]], (now, actor, "unmerged", _names(one.id for one in out)))
            change = take(connection, "change")
            _settle(connection, found[alert_id], change)
            lift(connection, [alert_id], change)
        return len(out)

    def split(self, alert_id: int, field: str, value: str, *, actor: str, scope: Scope, now: datetime) -> Alert:
        """See `BondDesk`."""
        book = self._book()
        with self._database.write() as connection:
            [alert] = get(connection, [alert_id], scope)
            if alert.kind != "rule" or alert.state is State.CLOSED:
                raise ConflictError(_("分割できるのは、対応完了していない検知のアラートだけです。"))
            kept = _kept(connection, alert_id)
            out = {number: hit for number, hit in kept if field in PARTED_BY and _value(hit, field) == value}
            if not out or len(out) == alert.count:
                raise UsageError(
                    _("{field} が「{value}」の検知は {n} 件中 {found} 件で、分けられません。").format(
                        field=field, value=value[:80], n=alert.count, found=len(out)
                    )
                )
            change = take(connection, "change")
            new = _part_of(alert, list(out.values()), take(connection, "alert"), book, now)
            row = row_of(new, change) | {"touched": True, "split_key": _split_key(connection, alert)}
            connection.execute(insert(alerts).values(row))
            for part in chunks(out):
                connection.execute(update(hits).where(hits.c.id.in_(part)).values(alert_id=new.id))
            connection.execute(update(alerts).where(alerts.c.id == alert_id).values(count=alert.count - len(out)))
            for number in (alert_id, new.id):
                _renumber(connection, number)
            _settle(connection, replace(alert, count=alert.count - len(out)), change)
            said = f"{field} = {value[:200]} (×{len(out)})"
            connection.execute(insert(links).values(low=alert_id, high=new.id))
            run_many(connection, insert(history), [entry(new.id, now, actor, "split", f"{alert_id}: {said}")])
            save(connection, get(connection, [alert_id], scope), (now, actor, "split", f"{new.id}: {said}"))
            lift(connection, [alert.merged_into or alert_id], change)
        return new


def _linked(connection: Connection, alert_id: int) -> list[int]:
    here = or_(links.c.low == alert_id, links.c.high == alert_id)
    rows = connection.execute(select(links.c.low, links.c.high).where(here))
    return [high if low == alert_id else low for low, high in rows]


def _all(connection: Connection, alert_id: int, others: Sequence[int], scope: Scope) -> dict[int, Alert]:
    """The alert and the others by number; all must be there for this user."""
    if not set(others) - {alert_id}:
        raise UsageError(_("相手のアラートの番号がありません。別のアラートの番号を入力してください。"))
    return {alert.id: alert for alert in get(connection, [alert_id, *others], scope)}


def _check_merge(found: dict[int, Alert]) -> None:
    for one in found.values():
        if one.state is State.CLOSED:
            raise ConflictError(
                _("アラート {id} は対応完了のため、統合できません。関連付けを使ってください。").format(id=one.id)
            )
        if one.merged_into:
            raise ConflictError(
                _("アラート {id} はすでにアラート {leader} に統合されています。").format(
                    id=one.id, leader=one.merged_into
                )
            )


def _standing(leader: Alert) -> dict[str, Any]:
    return {"state": leader.state, "assignee": leader.assignee, "acknowledged_at": leader.acknowledged_at}


def _names(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _tell(
    connection: Connection,
    found: dict[int, Alert],
    alert_id: int,
    others: Sequence[int],
    how: tuple[datetime, str, str],
) -> None:
    """Both sides say with whom."""
    if not others:
        return
    save(connection, [found[alert_id]], (*how, _names(others)))
    save(connection, [found[one] for one in others], (*how, str(alert_id)))


def _kept(connection: Connection, alert_id: int) -> list[tuple[int, Hit]]:
    statement = select(hits).where(hits.c.alert_id == alert_id, hits.c.detail.is_not(None)).order_by(hits.c.nth)
    return [(row["id"], hit_of(row)) for row in connection.execute(statement).mappings()]


def _value(hit: Hit, field: str) -> str:
    value = hit.event.get(field)
    return value if isinstance(value, str) else ""


def _parts(kept: Sequence[tuple[int, Hit]]) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    for field in PARTED_BY:
        counts = Counter(_value(hit, field) for _number, hit in kept)
        if len(counts) > 1:
            found += [(field, value, n) for value, n in counts.most_common(MOST_PARTS) if value]
    return found


def _split_key(connection: Connection, alert: Alert) -> str:
    """The key that a replay finds for these hits: that of the alert they were in at first."""
    first = connection.execute(select(alerts.c.split_key).where(alerts.c.id == alert.id)).scalar()
    return first or alert.key


def _part_of(alert: Alert, out: Sequence[Hit], number: int, book: Book, now: datetime) -> Alert:
    """The alert of hits that were taken out of another: it stands as that one does, under a key of its own."""
    who = identify(out[0], book.rules.get(alert.rule_id), book.assets)
    grave = max(identify(hit, book.rules.get(alert.rule_id), book.assets).severity for hit in out)
    times = [hit.timestamp for hit in out]
    return replace(
        alert,
        id=number,
        key=f"split|{number}",
        severity=grave,
        department=who.department,
        entities=who.entities,
        count=len(out),
        first_seen=min(times),
        last_seen=max(times),
        opened_at=now,
        previous=None,
        merged_into=None,
        merged_count=0,
    )


def _renumber(connection: Connection, alert_id: int) -> None:
    """Hits 1, 2, 3 … again; rows that are gone count as if they stood behind the first ones (see `replay`)."""
    retired = connection.execute(select(alerts.c.retired).where(alerts.c.id == alert_id)).scalar_one()
    numbers = connection.execute(select(hits.c.id).where(hits.c.alert_id == alert_id).order_by(hits.c.nth)).scalars()
    for place, number in enumerate(numbers.all(), 1):
        nth = place if place <= limits.FIRST else place + retired
        connection.execute(update(hits).where(hits.c.id == number).values(nth=nth))


def _settle(connection: Connection, alert: Alert, change: int) -> None:
    """Severity and span of an alert from its own hits, where all of them are there to tell."""
    found = connection.execute(
        select(func.count(), func.max(hits.c.severity), func.min(hits.c.timestamp), func.max(hits.c.timestamp)).where(
            hits.c.alert_id == alert.id
        )
    ).one()
    if alert.kind != "rule" or not found[0] or found[0] < alert.count:
        return
    values = {"severity": int(Severity(found[1])), "first_seen": found[2], "last_seen": found[3], "changed": change}
    connection.execute(update(alerts).where(alerts.c.id == alert.id).values(values))
