"""Looking back: how long alerts took, what a night brought, what a rule hit lately, what is usual for a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, func, literal, or_, select, type_coerce

from secops.schema.severity import Severity
from secops.siem.ports import Handled, KeptHit, Lengths, Night, Scope, Span, State, Verdict, Waiting
from secops.store.records.arrivals import read_arrivals
from secops.store.records.codec import alert_of, from_json, hit_of
from secops.store.records.desk_tables import links
from secops.store.records.engine import Database
from secops.store.records.siem_tables import alerts, hits
from secops.store.records.sight import counted, leading, visible

AT_ONCE = 2000  # rows read at a time: an open reader lets the WAL grow


class Review:
    """See `secops.siem.ports.ReviewDesk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def handled(self, opened: Span, scope: Scope, *, named: bool = False) -> Sequence[Handled]:
        """See `ReviewDesk`."""
        names = ("id", "zone", "rule_id", "opened_at", "acknowledged_at", "closed_at", *(["names"] if named else []))
        statement = select(*(alerts.c[name] for name in names)).where(
            _within(alerts.c.opened_at, opened), visible(scope), leading(scope)
        )
        with self._database.read() as connection:
            title = _titles(connection)
            rows = connection.execute(statement).all()
        return [
            Handled(
                row[0],
                row[1],
                row[2],
                title.get(row[2], ""),
                row[3],
                row[4],
                row[5],
                _values(row[6]) if named else frozenset(),
            )
            for row in rows
        ]

    def lengths(self, opened: Span, scope: Scope) -> Lengths:
        """See `ReviewDesk`."""
        columns = alerts.c
        begun, answered, closed = (
            type_coerce(one, BigInteger) for one in (columns.opened_at, columns.acknowledged_at, columns.closed_at)
        )
        statement = select(
            columns.zone, columns.rule_id, begun, (answered - begun), (closed - begun), columns.id
        ).where(_within(columns.opened_at, opened), visible(scope), leading(scope))
        with self._database.read() as connection:
            cursor = connection.execute(statement).cursor
            assert cursor is not None
            # The driver's own tuples: of a hundred thousand rows, others would take twice as long to make as to read.
            return Lengths(cursor.fetchall(), _titles(connection))

    def opened_by_rule(self, opened: Span, scope: Scope) -> Mapping[str, int]:
        """See `ReviewDesk`."""
        rule = alerts.c.rule_id
        here = and_(_within(alerts.c.opened_at, opened), visible(scope), leading(scope))
        with self._database.read() as connection:
            found = connection.execute(select(rule, func.count()).where(here).group_by(rule))
            return {rule_id: int(count) for rule_id, count in found}

    def night(self, span: Span, scope: Scope, ages: Sequence[timedelta], *, shown: int = 10) -> Night:
        """See `ReviewDesk`."""
        assert span.until is not None
        columns = alerts.c
        mine = and_(visible(scope), leading(scope))
        group = (columns.zone, columns.severity)
        new, done = _within(columns.opened_at, span), _within(columns.closed_at, span)
        waiting = and_(columns.state != State.CLOSED.value, mine)
        worst = (columns.severity.desc(), columns.last_seen.desc(), columns.id.desc())
        with self._database.read() as connection:

            def counts(where: ColumnElement[bool]) -> dict[tuple[str, Severity], int]:
                rows = connection.execute(select(*group, func.count()).where(where, mine).group_by(*group))
                return {(zone, Severity(level)): int(count) for zone, level, count in rows}

            opened, closed = counts(new), counts(done)
            first = connection.execute(select(alerts).where(new, mine).order_by(*worst).limit(shown)).mappings().all()
            # By age: each step is a moment before which the alert was opened.
            over = [case((columns.opened_at <= span.until - age, 1), else_=0) for age in ages]
            age = sum(over, literal(0)).label("age")
            since = select(*group, age, func.count(), func.min(columns.opened_at)).where(waiting).group_by(*group, age)
            left = connection.execute(since).all()
            old = select(alerts).where(waiting).order_by(columns.opened_at, columns.id).limit(shown)
            oldest = connection.execute(old).mappings().all()
            return Night(
                opened,
                closed,
                counted([alert_of(row) for row in first], connection, scope),
                [Waiting(zone, Severity(level), int(steps), int(n), at) for zone, level, steps, n, at in left],
                counted([alert_of(row) for row in oldest], connection, scope),
            )

    def arrivals(self, span: Span) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """See `ReviewDesk`."""
        with self._database.read() as connection:
            return read_arrivals(connection, span)

    def kept_hits(self, rule_id: str, since: datetime, scope: Scope) -> Iterator[KeptHit]:
        """See `ReviewDesk`."""
        last, cases = None, self._of_cases()
        while True:
            here = [hits.c.rule_id == rule_id, hits.c.received >= since, visible(scope)]
            if last is not None:
                here.append(hits.c.id < last)
            statement = (
                select(hits, alerts.c.state, alerts.c.verdict)
                .join(alerts, alerts.c.id == hits.c.alert_id)
                .where(*here)
                .order_by(hits.c.id.desc())
                .limit(AT_ONCE)
            )
            with self._database.read() as connection:
                rows = connection.execute(statement).mappings().all()
            for row in rows:
                verdict = Verdict(row["verdict"]) if row["verdict"] else None
                hit = hit_of(row) if row["detail"] is not None else None
                yield KeptHit(row["alert_id"], State(row["state"]), verdict, hit, row["alert_id"] in cases)
            if len(rows) < AT_ONCE:
                return
            last = rows[-1]["id"]

    def _of_cases(self) -> set[int]:
        """Alerts that are linked with a case that somebody reported."""
        case, low, high = alerts.alias(), links.c.low, links.c.high
        pairs = select(low, high).join(case, or_(case.c.id == low, case.c.id == high)).where(case.c.kind == "manual")
        with self._database.read() as connection:
            return {number for pair in connection.execute(pairs) for number in pair}


def _titles(connection: Connection) -> dict[str, str]:
    """The title of each rule as its newest alert has it."""
    newest = select(func.max(alerts.c.id)).group_by(alerts.c.rule_id)  # from the index alone
    titles = select(alerts.c.rule_id, alerts.c.title).where(alerts.c.id.in_(newest))
    return {row[0]: row[1] for row in connection.execute(titles)}


def _values(names: str) -> frozenset[str]:
    """What an alert is about, of its folded ``field=value``."""
    return frozenset(one.partition("=")[2] for one in from_json(names))


def _within(column: ColumnElement[datetime], span: Span) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [column.is_not(None)]
    if span.since is not None:
        conditions.append(column >= span.since)
    if span.until is not None:
        conditions.append(column < span.until)
    return and_(*conditions)
