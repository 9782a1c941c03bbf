"""What people do with alerts: every change is in the history with its actor, and none is half done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, update

from secops.errors import ConflictError, NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Alert, Cause, Scope, State, Verdict
from secops.siem.triage import manual, states
from secops.store.records.codec import alert_of, changeable, chunks, row_of
from secops.store.records.engine import Database, run_many, take
from secops.store.records.notices import answer, put_notices
from secops.store.records.queue import is_id, row_in_scope
from secops.store.records.siem_tables import alerts, history
from secops.store.records.sight import led_by, visible
from secops.store.records.sink import active_alerts, entry

VIEW_PAUSE = timedelta(minutes=10)
ANSWERS = frozenset({"assigned", "closed"})  # actions after which nobody else is paged


class Actions:
    """The writing half of `secops.siem.ports.AlertDesk`."""

    def __init__(self, database: Database, page_from: Severity | None = None) -> None:
        self._database = database
        self._page_from = page_from

    def open_manual(
        self,
        *,
        title: str,
        category: str,
        zone: str,
        severity: Severity,
        department: str,
        text: str,
        actor: str,
        now: datetime,
    ) -> Alert:
        """See `AlertDesk`."""
        title, code = manual.check_report(title, category)
        department, text = states.cleaned(department), states.cleaned(text)
        with self._database.write() as connection:
            change = take(connection, "change")
            number = take(connection, "alert")
            alert = manual.reported(number, title, code, zone=zone, severity=severity, department=department, now=now)
            connection.execute(insert(alerts).values(row_of(alert, change)))
            connection.execute(insert(history).values(entry(number, now, actor, "reported", text)))
            put_notices(connection, [(number, severity, zone)], Cause.OPENED, self._page_from, now)
        return alert

    def assign(self, alert_ids: Sequence[int], assignee: str, *, actor: str, scope: Scope, now: datetime) -> int:
        """See `AlertDesk`."""
        return self._each(
            alert_ids,
            scope,
            lambda alert: states.assigned(alert, assignee, now),
            (now, actor, "assigned", assignee.strip()),
        )

    def close(
        self, alert_ids: Sequence[int], verdict: Verdict, reason: str, *, actor: str, scope: Scope, now: datetime
    ) -> int:
        """See `AlertDesk`."""
        text = states.closing_text(verdict, reason)
        return self._each(
            alert_ids, scope, lambda alert: states.closed(alert, verdict, reason, now), (now, actor, "closed", text)
        )

    def reopen(self, alert_ids: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        """See `AlertDesk`."""
        with self._database.write() as connection:
            found = with_members(connection, get(connection, alert_ids, scope))
            active = active_alerts(connection, [alert.key for alert in found])
            back = []
            for alert in sorted(found, key=lambda one: (one.merged_into is not None, -one.id)):
                successor = active.get(alert.key)
                if alert.merged_into and (successor or alert.state is not State.CLOSED):
                    continue  # it has a follower of its own, or stands open already
                back.append(states.reopened(alert, successor["id"] if successor else None))
                active[alert.key] = {"id": alert.id}
            save(connection, back, (now, actor, "reopened", ""))
            causes = [(alert.id, alert.severity, alert.zone) for alert in back if not alert.merged_into]
            put_notices(connection, causes, Cause.REOPENED, self._page_from, now)
        return sum(not alert.merged_into for alert in back)

    def note(self, alert_id: int, text: str, *, actor: str, scope: Scope, now: datetime) -> None:
        """See `AlertDesk`."""
        text = states.said(text, _("メモ"))
        with self._database.write() as connection:
            save(connection, get(connection, [alert_id], scope), (now, actor, "noted", text))

    def viewed(self, alert_id: int, *, actor: str, now: datetime) -> None:
        """See `AlertDesk`."""
        columns = history.c
        mine = (columns.alert_id == alert_id) & (columns.action == "viewed") & (columns.actor == actor)
        recent = select(columns.id).where(mine, columns.at > now - VIEW_PAUSE).limit(1)
        with self._database.read() as connection:
            row_in_scope(connection, alert_id, Scope())
            if connection.execute(recent).first():
                return
        with self._database.write() as connection:
            if not connection.execute(recent).first():
                row_in_scope(connection, alert_id, Scope())
                connection.execute(insert(history).values(entry(alert_id, now, actor, "viewed", "")))

    def _each(
        self,
        alert_ids: Sequence[int],
        scope: Scope,
        change: Callable[[Alert], Alert],
        logged: tuple[datetime, str, str, str],
    ) -> int:
        """All of them or, where one does not allow it, none."""
        with self._database.write() as connection:
            found = get(connection, alert_ids, scope)
            changed = [change(alert) for alert in with_members(connection, found) if not _done(alert)]
            save(connection, changed, logged)
        return len(found)


def get(connection: Connection, alert_ids: Sequence[int], scope: Scope) -> list[Alert]:
    """The alerts in the order asked for, each once; NotFoundError names all that are not there for this user."""
    wanted = list(dict.fromkeys(alert_ids))
    found: dict[int, Alert] = {}
    for part in chunks([alert_id for alert_id in wanted if is_id(alert_id)]):
        rows = connection.execute(select(alerts).where(alerts.c.id.in_(part), visible(scope))).mappings()
        found.update((row["id"], alert_of(row)) for row in rows)
    if missing := [alert_id for alert_id in wanted if alert_id not in found]:
        ids = ", ".join(map(str, missing))
        raise NotFoundError(_("アラート {id} は見つかりませんでした。番号を確かめてください。").format(id=ids))
    return [found[alert_id] for alert_id in wanted]


def _done(alert: Alert) -> bool:
    """Whether it is a merged alert that was closed before: what is said to its leader is nothing new to it."""
    return alert.merged_into is not None and alert.state is State.CLOSED


def with_members(connection: Connection, found: Sequence[Alert]) -> list[Alert]:
    """Alerts with those that are merged into them, which share their state.

    Raises:
        ConflictError: one of the alerts is itself merged into another.
    """
    for alert in found:
        if alert.merged_into:
            raise ConflictError(
                _("アラート {id} はアラート {leader} に統合されています。そちらで対応してください。").format(
                    id=alert.id, leader=alert.merged_into
                )
            )
    return [*found, *led_by(connection, [alert.id for alert in found], Scope())]


def save(
    connection: Connection,
    changed: Sequence[Alert],
    logged: tuple[datetime, str, str, str],
    bulk: int | None = None,
) -> None:
    """Write what people changed of alerts, with a line of history each."""
    if not changed:
        return
    change = take(connection, "change")
    rows = [changeable(alert) | {"touched": True, "changed": change, "_id": alert.id} for alert in changed]
    columns = {name: bindparam(name, type_=alerts.c[name].type) for name in rows[0] if name != "_id"}
    run_many(connection, update(alerts).where(alerts.c.id == bindparam("_id")).values(columns), rows)
    run_many(connection, insert(history), [entry(alert.id, *logged, bulk) for alert in changed])
    at, actor, action, _text = logged
    if action in ANSWERS:
        answer(connection, [alert.id for alert in changed], actor, at)
