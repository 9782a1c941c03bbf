"""Reading the queue: pages, counts, one alert with its hits and history, what is new. Scope is part of every query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Tuple,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
)

from secops.errors import NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import (
    Alert,
    AlertDetail,
    AlertFilter,
    AlertPage,
    AlertPlace,
    Alike,
    HistoryEntry,
    Hit,
    Scope,
    Span,
    State,
)
from secops.store.records.asked import Asker, says
from secops.store.records.codec import alert_of, hit_of
from secops.store.records.engine import Database
from secops.store.records.siem_tables import alerts, history, hits
from secops.store.records.siem_tables import looked as looked_table
from secops.store.records.sight import counted, leading, led_by, visible
from secops.store.records.tables import counters

SIMILAR = 10


class Queue:
    """The reading half of `secops.siem.ports.AlertDesk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alerts(
        self,
        wanted: AlertFilter,
        scope: Scope,
        *,
        limit: int = 50,
        offset: int = 0,
        after: AlertPlace | None = None,
        before: AlertPlace | None = None,
    ) -> AlertPage:
        """See `AlertDesk`."""
        with self._database.read() as connection, self._database.bounded(connection, wanted.searches):
            passing = and_(visible(scope), leading(scope), passes(wanted, scope, connection))
            window = and_(passing, *(_behind(after) if after else ()), *(_ahead(before) if before else ()))
            rows = _page_of(window, limit, offset, backwards=before is not None)

            def count(condition: ColumnElement[bool]) -> int:
                statement = select(func.count()).select_from(alerts).where(condition)
                return int(connection.execute(statement).scalar_one())

            found = [alert_of(row) for row in connection.execute(rows).mappings()]
            whole = after is None and before is None and offset == 0 and len(found) < limit
            total = len(found) if whole else count(passing)
            if after is None and before is None:
                ahead = offset
            elif found:
                ahead = count(and_(passing, *_ahead(place_of(found[0]))))
            else:
                ahead = total if after else 0
            shown = counted(found, connection, scope)
        return AlertPage(shown, total, ahead)

    def counts(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        """See `AlertDesk`."""
        columns = alerts.c
        statement = (
            select(columns.state, columns.severity, func.count())
            .where(visible(scope), leading(scope))
            .group_by(columns.state, columns.severity)
        )
        states = {state.value: 0 for state in State}
        severities = {level.code: 0 for level in Severity}
        with self._database.read() as connection:
            for state, severity, count in connection.execute(statement):
                states[state] += count
                if state != State.CLOSED.value:
                    severities[Severity(severity).code] += count
        return {"state": states, "severity": severities}

    def fired(self, span: Span, scope: Scope) -> Mapping[str, int]:
        """See `AlertDesk`."""
        inside: list[ColumnElement[bool]] = [true()]
        if span.since is not None:
            inside.append(hits.c.received >= span.since)
        if span.until is not None:
            inside.append(hits.c.received < span.until)
        statement = select(hits.c.rule_id, func.count()).where(*inside).group_by(hits.c.rule_id)
        if scope != Scope():
            statement = statement.join(alerts, alerts.c.id == hits.c.alert_id).where(visible(scope))
        with self._database.read() as connection:
            return {rule_id: int(count) for rule_id, count in connection.execute(statement)}

    def detail(self, alert_id: int, scope: Scope, *, hits: int = 20) -> AlertDetail:
        """See `AlertDesk`."""
        with self._database.read() as connection:
            row = row_in_scope(connection, alert_id, scope)
            [alert] = counted([alert_of(row)], connection, scope)
            members = led_by(connection, [alert_id], scope)
            return AlertDetail(
                alert=alert,
                hits=_newest_hits(connection, [alert_id, *(one.id for one in members)], hits),
                history=_history(connection, alert_id),
                similar=_similar(connection, row, scope),
            )

    def alike(self, alert_id: int, scope: Scope, since: datetime) -> Alike:
        """See `AlertDesk`."""
        columns = alerts.c
        with self._database.read() as connection:
            row = row_in_scope(connection, alert_id, scope)
            others = and_(columns.last_seen >= since, columns.id != alert_id, visible(scope))
            alike = and_(columns.rule_id == row["rule_id"], columns.category == row["category"], others)
            # Two statements, each from an index of its own: all keys would make that of the first too large.
            kinds = select(columns.state, columns.verdict, func.count()).where(alike)
            found = connection.execute(kinds.group_by(columns.state, columns.verdict)).all()
            same = select(func.count()).where(columns.key == row["key"], others)  # the key implies rule and category
            same_key = connection.execute(same).scalar_one()
        ended: Counter[str] = Counter()
        for state, verdict, count in found:
            ended[verdict or state] += count
        return Alike(ended.total(), dict(ended), int(same_key))

    def changes(self, after: int) -> tuple[int, tuple[int, ...]]:
        """See `AlertDesk`."""
        statement = select(alerts.c.id).where(alerts.c.changed > after)  # sorting by id in SQL would read them all
        with self._database.read() as connection:
            return _newest_change(connection), tuple(sorted(connection.execute(statement).scalars()))

    def news(self, actor: str, scope: Scope) -> int:
        """See `AlertDesk`."""
        since = select(looked_table.c.change).where(looked_table.c.actor == actor)
        with self._database.read() as connection:
            seen = connection.execute(since).scalar() or 0
            newer = and_(visible(scope), leading(scope), alerts.c.opened_change > seen)
            count: int = connection.execute(select(func.count()).select_from(alerts).where(newer)).scalar_one()
        return count

    def looked(self, actor: str, *, now: datetime) -> None:
        """See `AlertDesk`."""
        mine = select(looked_table.c.change).where(looked_table.c.actor == actor)
        with self._database.read() as connection:  # a page that brings nothing new waits for no writer
            if connection.execute(mine).scalar() == _newest_change(connection):
                return
        with self._database.write() as connection:
            row = {"actor": actor, "change": _newest_change(connection), "at": now}
            connection.execute(delete(looked_table).where(looked_table.c.actor == actor))
            connection.execute(insert(looked_table).values(row))


def place_of(alert: Alert) -> AlertPlace:
    """Where an alert stands in the queue."""
    return AlertPlace(alert.severity, alert.last_seen, alert.id)


def _ahead(place: AlertPlace) -> tuple[ColumnElement[bool], ...]:
    order, there = _order(place)
    return (order > there,)


def _behind(place: AlertPlace) -> tuple[ColumnElement[bool], ...]:
    order, there = _order(place)
    return (order < there,)


def _order(place: AlertPlace) -> tuple[Tuple, Tuple]:
    """The columns of the queue's order and their values at a place, to be compared as rows: the index can do that."""
    columns = (alerts.c.severity, alerts.c.last_seen, alerts.c.id)
    values = (int(place.severity), place.last_seen, place.id)
    return tuple_(*columns), tuple_(*(literal(value, one.type) for value, one in zip(values, columns, strict=True)))


def _page_of(window: ColumnElement[bool], limit: int, offset: int, *, backwards: bool) -> Any:
    """Rows of a window, worst first: its first ones, or its last."""
    columns = alerts.c
    worst = (columns.severity.desc(), columns.last_seen.desc(), columns.id.desc())
    nearest = (columns.severity, columns.last_seen, columns.id) if backwards else worst
    # Ids first: the index answers that alone, and only the rows of the page are read.
    page = select(columns.id).where(window).order_by(*nearest).limit(limit).offset(offset).subquery()
    return select(alerts).join(page, page.c.id == columns.id).order_by(*worst)


def passes(wanted: AlertFilter, scope: Scope, connection: Connection) -> ColumnElement[bool]:
    """A filter as a condition within this transaction; the words of ``text`` must all occur, in any order."""
    columns = alerts.c
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.states is not None:
        conditions.append(columns.state.in_(sorted(wanted.states)))
    if wanted.severities is not None:
        conditions.append(columns.severity.in_(sorted(int(level) for level in wanted.severities)))
    if wanted.zones is not None:
        conditions.append(columns.zone.in_(sorted(wanted.zones)))
    if wanted.assignee is not None:
        conditions.append(columns.assignee == wanted.assignee)
    if wanted.rule_id is not None:
        conditions.append(columns.rule_id == wanted.rule_id)
    conditions += [says(word, scope) for word in fold(wanted.text.replace("\0", "")).split()]
    conditions.append(Asker(connection, scope).condition(wanted.query))
    if wanted.span.since is not None:
        conditions.append(columns.last_seen >= wanted.span.since)
    if wanted.span.until is not None:
        conditions.append(columns.first_seen < wanted.span.until)
    if wanted.closed.since is not None:
        conditions.append(columns.closed_at >= wanted.closed.since)
    if wanted.closed.until is not None:
        conditions.append(columns.closed_at < wanted.closed.until)
    return and_(*conditions)


def is_id(number: int) -> bool:
    """Whether a number could be an id: databases refuse to compare their column with what is larger."""
    return 0 < number < 1 << 63


def row_in_scope(connection: Connection, alert_id: int, scope: Scope) -> Any:
    """The row of an alert; outside the scope it does not exist.

    Raises:
        NotFoundError: no such alert for this user.
    """
    row = None
    if is_id(alert_id):
        row = connection.execute(select(alerts).where(alerts.c.id == alert_id, visible(scope))).mappings().first()
    if row is None:
        raise NotFoundError(_("アラート {id} は見つかりませんでした。番号を確かめてください。").format(id=alert_id))
    return row


def _newest_hits(connection: Connection, alert_ids: list[int], limit: int) -> list[Hit]:
    """The newest hits of an alert, or of several that are merged."""
    found: list[Hit] = []
    for alert_id in alert_ids:
        kept = and_(hits.c.alert_id == alert_id, hits.c.detail.is_not(None))
        statement = select(hits).where(kept).order_by(hits.c.nth.desc()).limit(limit)
        found += [hit_of(row) for row in connection.execute(statement).mappings()]
    if len(alert_ids) > 1:
        found.sort(key=lambda hit: (hit.received, hit.seq), reverse=True)
    return found[:limit]


def _history(connection: Connection, alert_id: int) -> tuple[HistoryEntry, ...]:
    statement = select(history).where(history.c.alert_id == alert_id).order_by(history.c.id)
    rows = connection.execute(statement).mappings()
    return tuple(HistoryEntry(row["at"], row["actor"], row["action"], row["text"], row["bulk"]) for row in rows)


def _similar(connection: Connection, row: Any, scope: Scope) -> list[Alert]:
    """Other alerts of the same rule (or reports of the same kind), those with the same key first, then the newest."""
    columns = alerts.c
    same = columns.key == row["key"]  # which implies the rule; naming both, the database might use the wrong index
    alike = and_(columns.rule_id == row["rule_id"], columns.category == row["category"], ~same)
    found: list[Alert] = []
    for condition in (same, alike):
        statement = (
            select(alerts)
            .where(condition, columns.id != row["id"], visible(scope))
            .order_by(columns.last_seen.desc(), columns.id.desc())
            .limit(SIMILAR - len(found))
        )
        found += [alert_of(other) for other in connection.execute(statement).mappings()]
    return found


def _newest_change(connection: Connection) -> int:
    value: int = connection.execute(select(counters.c.value).where(counters.c.name == "change")).scalar_one()
    return value
