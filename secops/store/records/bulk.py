"""Actions on many alerts: chosen once, done in slices that keep nobody waiting, undone where nothing happened since.

Each slice is one transaction: the alerts, their history, how they stood before, and how far the action has come. A
program that dies in the middle has done a part, and the action says how large it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from secops.errors import ConflictError, NotFoundError, SetChangedError, UsageError
from secops.locale import _
from secops.siem.ports import Alert, Bulk, BulkAction, Chosen, ChosenSet, Left, Scope, State, Undone, Verdict
from secops.siem.triage import states
from secops.store.records import bulk_links
from secops.store.records.actions import save
from secops.store.records.codec import alert_of, changeable, chunks, from_json, to_json
from secops.store.records.desk_tables import bulk_items, bulks
from secops.store.records.engine import Database, run_many
from secops.store.records.queue import is_id, passes
from secops.store.records.siem_tables import alerts, history
from secops.store.records.sight import leading, led_by, visible
from secops.store.records.sink import active_alerts
from secops.store.records.tables import from_microseconds, to_microseconds

SLICE = 400  # alerts in a transaction: some tens of milliseconds
UNDO_WITHIN = timedelta(hours=1)
# What people do to an alert: after any of these an undo leaves it alone.
CHANGES = ("assigned", "closed", "reopened", "noted", "linked", "unlinked", "merged", "unmerged", "split", "undone")
_MOMENTS = ("closed_at", "acknowledged_at")


class BulkActions:
    """See `secops.siem.ports.BulkDesk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def chosen(self, chosen: Chosen, scope: Scope) -> ChosenSet:
        """See `BulkDesk`."""
        with self._database.read() as connection:
            found = self._numbers(connection, chosen, scope)
            seen = _seen(connection, chosen.ids, scope) if chosen.wanted is None else len(found)
        missing = len(set(chosen.ids)) - seen if chosen.wanted is None else 0
        return ChosenSet(len(found), mark_of(found), seen - len(found), missing, found)

    def act(
        self, chosen: Chosen, action: BulkAction, *, mark: str | None, actor: str, scope: Scope, now: datetime
    ) -> Bulk:
        """See `BulkDesk`."""
        text = _text(action)
        with self._database.write() as connection:
            found = self._numbers(connection, chosen, scope)
            if mark is not None and mark != mark_of(found):
                raise SetChangedError(
                    _("確認の画面を開いた後に、対象が変わりました。今は {n} 件です。まだ何も変更していません。").format(
                        n=len(found)
                    ),
                    len(found),
                )
            if not found:
                raise UsageError(_("対象のアラートがありません。すでに対応完了か、閲覧できる範囲の外です。"))
            if action.leader is not None:
                found = bulk_links.new(connection, action.leader, found, scope)
            row = {"actor": actor, "at": now, "action": action.name, "text": text, "chosen": chosen.words}
            counts = {"asked": len(found), "done": 0, "left": 0, "undone_at": None, "restored": 0}
            made = connection.execute(insert(bulks).values(row | counts)).inserted_primary_key
            assert made is not None
        number = int(made[0])
        for part in chunks(found, SLICE):
            self._slice(number, part, action, (now, actor, action.name, text), scope)
        return self.bulk(number)

    def _numbers(self, connection: Connection, chosen: Chosen, scope: Scope) -> list[int]:
        wanted = chosen.wanted
        with self._database.bounded(connection, wanted is not None and wanted.searches):
            return _numbers(connection, chosen, scope)

    def _slice(
        self, number: int, part: list[int], action: BulkAction, logged: tuple[datetime, str, str, str], scope: Scope
    ) -> None:
        with self._database.write() as connection:
            if action.leader is not None:
                done = bulk_links.tie(connection, action.leader, part, logged, number)
                more = {"done": bulks.c.done + done, "left": bulks.c.left + len(part) - done}
                connection.execute(update(bulks).where(bulks.c.id == number).values(more))
                return
            rows = connection.execute(select(alerts).where(alerts.c.id.in_(part), _open(scope))).mappings()
            own = [alert_of(row) for row in rows]
            members = [one for one in led_by(connection, [alert.id for alert in own], Scope()) if not _over(one)]
            before = [*own, *members]
            save(connection, [_changed(alert, action, logged[0]) for alert in before], logged, number)
            items = [{"bulk": number, "alert_id": one.id, "before": to_json(_before(one))} for one in before]
            run_many(connection, insert(bulk_items), items)
            more = {"done": bulks.c.done + len(own), "left": bulks.c.left + len(part) - len(own)}
            connection.execute(update(bulks).where(bulks.c.id == number).values(more))

    def bulk(self, number: int) -> Bulk:
        """One action by its number, or NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(select(bulks).where(bulks.c.id == number)).mappings().first()
        if row is None:
            raise NotFoundError(_("一括操作 {id} は見つかりませんでした。").format(id=number))
        return Bulk(**row)

    def bulks(self, actor: str, since: datetime) -> Sequence[Bulk]:
        """See `BulkDesk`."""
        statement = select(bulks).where(bulks.c.actor == actor, bulks.c.at >= since).order_by(bulks.c.id.desc())
        with self._database.read() as connection:
            return [Bulk(**row) for row in connection.execute(statement).mappings()]

    def undo(self, bulk_id: int, *, actor: str, scope: Scope, now: datetime) -> Undone:
        """See `BulkDesk`."""
        wanted = self.bulk(bulk_id)
        if wanted.actor != actor:
            raise NotFoundError(_("一括操作 {id} は見つかりませんでした。").format(id=bulk_id))
        if now - wanted.at > UNDO_WITHIN:
            raise ConflictError(
                _("一括操作から 1 時間を過ぎたため、まとめて取り消せません。1 件ずつ再開してください。")
            )
        with self._database.write() as connection:
            mine = and_(bulks.c.id == bulk_id, bulks.c.undone_at.is_(None))
            if not connection.execute(update(bulks).where(mine).values(undone_at=now)).rowcount:
                raise ConflictError(_("この一括操作はすでに取り消されています。"))
            items = connection.execute(
                select(bulk_items.c.alert_id, bulk_items.c.before)
                .where(bulk_items.c.bulk == bulk_id)
                .order_by(bulk_items.c.alert_id.desc())  # of alerts with one key the newest may open again
            ).all()
        left: list[Left] = []
        for part in chunks(items, SLICE):
            left += self._restore(wanted, {row[0]: row[1] for row in part}, actor, scope, now)
        restored = len(items) - len(left)
        with self._database.write() as connection:
            connection.execute(update(bulks).where(bulks.c.id == bulk_id).values(restored=restored))
        return Undone(self.bulk(bulk_id), restored, left)

    def _restore(self, wanted: Bulk, part: dict[int, str], actor: str, scope: Scope, now: datetime) -> list[Left]:
        with self._database.write() as connection:
            if wanted.action == "linked":
                return bulk_links.untie(connection, int(wanted.text), part, (now, actor, "undone"), wanted.id, scope)
            since = _since(connection, wanted.id, list(part))
            statement = select(alerts).where(alerts.c.id.in_(part), visible(scope)).order_by(alerts.c.id.desc())
            found = [alert_of(row) for row in connection.execute(statement).mappings()]
            active = active_alerts(connection, {alert.key for alert in found})
            left = [*since.values(), *(Left(number) for number in part.keys() - {one.id for one in found} - set(since))]
            back: list[Alert] = []
            for alert in found:
                follower = active.get(alert.key)
                if alert.id in since:
                    continue
                if follower is not None and follower["id"] != alert.id:
                    left.append(Left(alert.id, successor=follower["id"]))
                    continue
                active[alert.key] = {"id": alert.id}
                back.append(_restored(alert, part[alert.id]))
            save(connection, back, (now, actor, "undone", wanted.text), wanted.id)
        return left

    def places(self, numbers: Sequence[int], *, bulk: int | None = None) -> frozenset[tuple[str, str]]:
        """See `BulkDesk`."""
        where = select(alerts.c.zone, alerts.c.department).distinct()
        statements = [where.where(alerts.c.id.in_(part)) for part in chunks(filter(is_id, set(numbers)))]
        if bulk is not None:
            statements.append(
                where.join(bulk_items, bulk_items.c.alert_id == alerts.c.id).where(bulk_items.c.bulk == bulk)
            )
        with self._database.read() as connection:
            return frozenset((zone, department) for one in statements for zone, department in connection.execute(one))


def mark_of(numbers: Sequence[int]) -> str:
    """A mark that no other set of alerts has: their number, and a digest of which they are."""
    digest = hashlib.sha256(",".join(map(str, numbers)).encode()).hexdigest()[:24]
    return f"{len(numbers)}-{digest}"


def _open(scope: Scope) -> Any:
    return and_(alerts.c.state != State.CLOSED.value, visible(scope), leading(scope))


def _numbers(connection: Connection, chosen: Chosen, scope: Scope) -> list[int]:
    """The alerts that an action would change, ascending."""
    if chosen.wanted is not None:
        statement = select(alerts.c.id).where(_open(scope), passes(chosen.wanted, scope, connection))
        return sorted(connection.execute(statement).scalars())
    found: list[int] = []
    for part in chunks(set(chosen.ids)):
        found += connection.execute(select(alerts.c.id).where(alerts.c.id.in_(part), _open(scope))).scalars()
    return sorted(found)


def _seen(connection: Connection, numbers: Sequence[int], scope: Scope) -> int:
    statement = select(func.count()).select_from(alerts)
    return sum(
        connection.execute(statement.where(alerts.c.id.in_(part), visible(scope))).scalar_one()
        for part in chunks(set(numbers))
    )


def _text(action: BulkAction) -> str:
    """What history says; UsageError where something is missing."""
    if action.leader is not None:
        return str(action.leader)
    if action.verdict:
        states.said(action.reason, _("完了の理由"))
        return states.closing_text(action.verdict, action.reason)
    return states.said(action.assignee, _("担当者"))


def _changed(alert: Alert, action: BulkAction, now: datetime) -> Alert:
    if action.verdict:
        return states.closed(alert, action.verdict, action.reason, now)
    return states.assigned(alert, action.assignee, now)


def _over(alert: Alert) -> bool:
    return alert.state is State.CLOSED


def _before(alert: Alert) -> dict[str, Any]:
    values = changeable(alert)
    return values | {name: to_microseconds(values[name]) for name in _MOMENTS}


def _restored(alert: Alert, before: str) -> Alert:
    """The alert with what people can change as it was."""
    values = from_json(before)
    return replace(
        alert,
        state=State(values["state"]),
        assignee=values["assignee"],
        verdict=Verdict(values["verdict"]) if values["verdict"] else None,
        closed_reason=values["closed_reason"],
        closed_at=from_microseconds(values["closed_at"]),
        acknowledged_at=from_microseconds(values["acknowledged_at"]),
    )


def _since(connection: Connection, number: int, part: list[int]) -> dict[int, Left]:
    """By alert: the newest thing that somebody did to it after the action."""
    columns = history.c
    here = columns.alert_id.in_(part)
    ours = dict(
        connection.execute(
            select(columns.alert_id, func.max(columns.id))
            .where(here, columns.bulk == number)
            .group_by(columns.alert_id)
        ).all()
    )
    later = (
        select(columns.alert_id, columns.id, columns.action, columns.actor, columns.at)
        .where(here, columns.action.in_(CHANGES))
        .order_by(columns.id)
    )
    return {
        alert_id: Left(alert_id, action, actor, at)
        for alert_id, entry_id, action, actor, at in connection.execute(later)
        if entry_id > ours.get(alert_id, 0)
    }
