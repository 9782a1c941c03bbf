"""Who may see which alerts, and which of them stand in the queue by themselves: part of every statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_, select, true

from secops.siem.ports import Alert, Scope
from secops.store.records.codec import alert_of, chunks
from secops.store.records.siem_tables import alerts


def visible(scope: Scope, table: FromClause = alerts) -> ColumnElement[bool]:
    """The condition that keeps an alert from eyes that are not to see it."""
    conditions: list[ColumnElement[bool]] = [true()]
    if scope.zones is not None:
        conditions.append(table.c.zone.in_(sorted(scope.zones)))
    if scope.departments is not None:
        conditions.append(table.c.department.in_(sorted(scope.departments)))
    return and_(*conditions)


def leading(scope: Scope) -> ColumnElement[bool]:
    """Not merged into another alert, or into one that this reader cannot see: then it stands for itself."""
    alone = alerts.c.merged_into.is_(None)
    if scope == Scope():
        return alone
    leader = alerts.alias()
    return or_(alone, alerts.c.merged_into.not_in(select(leader.c.id).where(visible(scope, leader))))


def led_by(connection: Connection, leaders: Sequence[int], scope: Scope) -> list[Alert]:
    """The alerts that are merged into these, as far as this reader may see them."""
    members: list[Alert] = []
    for part in chunks(leaders):
        statement = select(alerts).where(alerts.c.merged_into.in_(part), visible(scope)).order_by(alerts.c.id)
        members += [alert_of(row) for row in connection.execute(statement).mappings()]
    return members


def counted(found: Sequence[Alert], connection: Connection, scope: Scope) -> list[Alert]:
    """Alerts with the hits of those merged into them: only of those this reader may see."""
    leaders = [alert.id for alert in found if alert.merged_count]
    if scope == Scope() or not leaders:
        return list(found)
    sums: Counter[int] = Counter()
    for member in led_by(connection, leaders, scope):
        sums[member.merged_into or 0] += member.count
    return [replace(alert, merged_count=sums[alert.id]) if alert.merged_count else alert for alert in found]
