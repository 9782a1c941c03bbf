"""Many alerts linked with one, as one action that can be taken back: links that were there before stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from secops.errors import UsageError
from secops.locale import _
from secops.siem.ports import Left, Scope
from secops.store.records.actions import get, save
from secops.store.records.codec import to_json
from secops.store.records.desk_tables import bulk_items, links
from secops.store.records.engine import run_many
from secops.store.records.siem_tables import alerts, history
from secops.store.records.sight import visible


def new(connection: Connection, leader: int, numbers: Sequence[int], scope: Scope) -> list[int]:
    """Those of the alerts that are not linked with the leader yet.

    Raises:
        NotFoundError: the leader is not there for this user.
        UsageError: none is left.
    """
    get(connection, [leader], scope)
    found = sorted(set(numbers) - {leader} - _linked(connection, leader, numbers))
    if not found:
        text = _("対象のアラートは、すべてアラート {id} に関連付けられています。何も変更していません。")
        raise UsageError(text.format(id=leader))
    return found


def tie(
    connection: Connection, leader: int, part: Sequence[int], logged: tuple[datetime, str, str, str], bulk: int
) -> int:
    """Link them and tell it on both sides; returns how many links are new."""
    fresh = sorted(set(part) - _linked(connection, leader, part))
    run_many(connection, insert(links), [_pair(leader, one) for one in fresh])
    _tell(connection, leader, fresh, logged[:3], bulk)
    before = to_json({"leader": leader})
    run_many(connection, insert(bulk_items), [{"bulk": bulk, "alert_id": one, "before": before} for one in fresh])
    return len(fresh)


def untie(
    connection: Connection,
    leader: int,
    part: Mapping[int, str],
    logged: tuple[datetime, str, str],
    bulk: int,
    scope: Scope,
) -> list[Left]:
    """Take the links back that are still there; returns those that somebody took back before."""
    seen = set(connection.execute(select(alerts.c.id).where(alerts.c.id.in_(part), visible(scope))).scalars())
    there = sorted(seen & _linked(connection, leader, list(part)))
    for one in there:
        pair = _pair(leader, one)
        connection.execute(delete(links).where(links.c.low == pair["low"], links.c.high == pair["high"]))
    _tell(connection, leader, there, logged, bulk)
    gone = seen - set(there)
    newest = (
        select(func.max(history.c.id))
        .where(history.c.alert_id.in_(gone), history.c.action == "unlinked")
        .group_by(history.c.alert_id)
    )
    columns = history.c
    rows = connection.execute(
        select(columns.alert_id, columns.action, columns.actor, columns.at).where(columns.id.in_(newest))
    )
    told = {row[0]: Left(*row) for row in rows}
    return [told.get(number, Left(number)) for number in sorted(set(part) - set(there))]


def _linked(connection: Connection, leader: int, numbers: Sequence[int]) -> set[int]:
    """Those of the alerts that are linked with the leader."""
    low, high = links.c.low, links.c.high
    here: ColumnElement[bool] = or_(low == leader, high == leader)
    rows = connection.execute(select(low, high).where(here))
    return {b if a == leader else a for a, b in rows} & set(numbers)


def _pair(one: int, other: int) -> dict[str, int]:
    return {"low": min(one, other), "high": max(one, other)}


def _tell(
    connection: Connection, leader: int, others: Sequence[int], logged: tuple[datetime, str, str], bulk: int
) -> None:
    if not others:
        return
    names = ", ".join(map(str, others))
    save(connection, get(connection, [leader], Scope()), (*logged, names), bulk)
    save(connection, get(connection, others, Scope()), (*logged, str(leader)), bulk)
