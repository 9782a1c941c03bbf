"""`secops.siem.ports.PageDesk` in SQL: from notices to messages, and what became of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, and_, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from secops.errors import NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import (
    Attempt,
    Batch,
    Cause,
    Condition,
    Decide,
    LastPaged,
    Notice,
    NoticeState,
    Outgoing,
    OutgoingState,
    Page,
    PagingCounts,
    Scope,
)
from secops.siem.triage.states import SYSTEM
from secops.store.records.access_tables import audit_log
from secops.store.records.codec import chunks, from_json, to_json
from secops.store.records.engine import Database, run_many
from secops.store.records.notices import UNANSWERED, answer, row
from secops.store.records.paging_tables import conditions, notices, outbox, outbox_attempts, outbox_notices
from secops.store.records.queue import row_in_scope
from secops.store.records.siem_tables import alerts, history
from secops.store.records.sight import visible
from secops.store.records.sink import entry

AT_ONCE = 5000  # notices that are settled in one transaction
WAITING = (OutgoingState.WAITING.value, OutgoingState.FAILED.value)
FIRST_FEW = 5
REASON_LENGTH = 500


class SqlPaging:
    """See `PageDesk`; ``enabled`` is whether anybody can be paged: if not, conditions are kept without notices."""

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self._database = database
        self._enabled = enabled

    def advance(self, decide: Decide, now: datetime) -> int:
        """See `PageDesk`."""
        with self._database.read() as connection:
            if not connection.execute(select(notices.c.id).where(_due(now)).limit(1)).first():
                return 0
        with self._database.write() as connection:
            _end_of_gone(connection)
            rows = connection.execute(_with_condition().where(_due(now)).order_by(notices.c.id).limit(AT_ONCE))
            found = [_notice(row) for row in rows.mappings()]
            batches = decide(found, _last_paged(connection)) if found else ()
            first = {one.id for one in found if one.state is NoticeState.WAITING}
            about = {one.id: one for one in found}
            for batch in batches:
                _put_batch(connection, batch, about, first, now)
        return sum(len(batch.pages) for batch in batches)

    def sweep(self, now: datetime, give_up: datetime) -> int:
        """See `PageDesk`."""
        waiting = outbox.c.state.in_(WAITING)
        wanted = (
            select(notices.c.id)
            .join(outbox_notices, outbox_notices.c.notice_id == notices.c.id)
            .where(outbox_notices.c.outbox_id == outbox.c.id, notices.c.state.in_(UNANSWERED))
        )
        needless = and_(waiting, outbox.c.kind == "page", ~wanted.exists())
        old = and_(waiting, outbox.c.created < give_up)
        with self._database.read() as connection:  # every second, and nearly always in vain: no write for that
            if not connection.execute(select(outbox.c.id).where(or_(needless, old)).limit(1)).first():
                return 0
        settled = {"next_at": None, "done_at": now}
        with self._database.write() as connection:
            state = OutgoingState.SUPERSEDED.value
            connection.execute(update(outbox).where(needless).values(settled | {"state": state}))
            state = OutgoingState.GIVEN_UP.value
            return connection.execute(update(outbox).where(old).values(settled | {"state": state})).rowcount

    def due(self, channel: str, now: datetime, limit: int) -> Sequence[Outgoing]:
        """See `PageDesk`."""
        here = and_(outbox.c.state.in_(WAITING), outbox.c.channel == channel, outbox.c.next_at <= now)
        statement = select(outbox).where(here).order_by(outbox.c.next_at, outbox.c.id).limit(limit)
        with self._database.read() as connection:
            return [outgoing_of(row) for row in connection.execute(statement).mappings()]

    def attempted(self, outgoing: Outgoing, *, ok: bool, text: str, next_at: datetime | None, now: datetime) -> None:
        """See `PageDesk`."""
        text = text[:REASON_LENGTH]
        tried = {"outbox_id": outgoing.id, "at": now, "ok": ok, "text": text}
        values: dict[str, Any] = {"attempts": outbox.c.attempts + 1}
        if ok:
            values |= {"state": OutgoingState.SENT.value, "next_at": None, "done_at": now, "reason": ""}
        else:
            values |= {"state": OutgoingState.FAILED.value, "next_at": next_at, "reason": text}
        with self._database.write() as connection:
            connection.execute(insert(outbox_attempts).values(tried))
            # What was settled while this try went on stays so, unless it was sent after all.
            mine = and_(outbox.c.id == outgoing.id, true() if ok else outbox.c.state.in_(WAITING))
            connection.execute(update(outbox).where(mine).values(values))

    def put_test(self, pages: Sequence[Page], *, actor: str, peer: str, now: datetime) -> Sequence[int]:
        """See `PageDesk`."""
        with self._database.write() as connection:
            for channel in dict.fromkeys(page.channel for page in pages):
                _log(connection, now, actor, peer, "notify.test", channel)
            return [put_page(connection, page, "test", now) for page in pages]

    def outgoing(self, outgoing_id: int, scope: Scope) -> tuple[Outgoing, Sequence[Attempt]]:
        """See `PageDesk`."""
        with self._database.read() as connection:
            mine = and_(outbox.c.id == outgoing_id, _in_scope(scope))
            row = connection.execute(select(outbox).where(mine)).mappings().first()
            if row is None:
                text = _("通知 {id} は見つかりませんでした。番号を確かめてください。")
                raise NotFoundError(text.format(id=outgoing_id))
            tries = _attempts(scope).where(outbox.c.id == outgoing_id).order_by(outbox_attempts.c.id)
            return outgoing_of(row), [_attempt(one) for one in connection.execute(tries).mappings()]

    def outbox(
        self, scope: Scope, *, state: OutgoingState | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[Outgoing], int]:
        """See `PageDesk`."""
        here = and_(_in_scope(scope), true() if state is None else outbox.c.state == state.value)
        statement = select(outbox).where(here).order_by(outbox.c.id.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(outbox).where(here)).scalar_one()
            return [outgoing_of(row) for row in connection.execute(statement).mappings()], int(total)

    def attempts(self, scope: Scope, *, limit: int = 20) -> Sequence[Attempt]:
        """See `PageDesk`."""
        with self._database.read() as connection:
            rows = connection.execute(_attempts(scope).order_by(outbox_attempts.c.id.desc()).limit(limit)).mappings()
            return [_attempt(row) for row in rows]

    def counts(self) -> PagingCounts:
        """See `PageDesk`."""
        with self._database.read() as connection:
            states = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
            unseen = and_(outbox.c.state == OutgoingState.GIVEN_UP.value, outbox.c.seen.is_(False))
            by_notice = connection.execute(select(notices.c.state, func.count()).group_by(notices.c.state)).all()
            going = connection.execute(select(func.count()).select_from(conditions).where(_going())).scalar_one()
            given_up = connection.execute(select(func.count()).select_from(outbox).where(unseen)).scalar_one()
            failing = _failing(connection)
            about = [_exhausted(connection, column) for column in (notices.c.alert_id, notices.c.condition_id)]
        found = {row[0]: int(row[1]) for row in by_notice}
        return PagingCounts(
            enabled=self._enabled,
            states={row[0]: int(row[1]) for row in states},
            given_up=int(given_up),
            unanswered=found.get(NoticeState.EXHAUSTED.value, 0),
            unanswered_alerts=about[0],
            unanswered_conditions=about[1],
            pending=found.get(NoticeState.WAITING.value, 0) + found.get(NoticeState.PAGED.value, 0),
            conditions=int(going),
            failing=failing,
        )

    def unanswered(self) -> int:
        """See `PageDesk`."""
        here = notices.c.state == NoticeState.EXHAUSTED.value
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(notices).where(here)).scalar_one())

    def waits(self, alert_id: int) -> bool:
        """See `PageDesk`."""
        here = and_(notices.c.alert_id == alert_id, notices.c.state.in_(UNANSWERED))
        with self._database.read() as connection:
            return connection.execute(select(notices.c.id).where(here).limit(1)).first() is not None

    def confirm_alert(self, alert_id: int, *, actor: str, scope: Scope, now: datetime) -> bool:
        """See `PageDesk`."""
        with self._database.write() as connection:
            row_in_scope(connection, alert_id, scope)
            answered = answer(connection, [alert_id], actor, now) > 0
            if answered:
                connection.execute(insert(history).values(entry(alert_id, now, actor, "confirmed", "")))
        return answered

    def confirm_condition(self, condition_id: int, *, actor: str, peer: str, scope: Scope, now: datetime) -> None:
        """See `PageDesk`."""
        mine = and_(conditions.c.id == condition_id, _shared(scope))
        with self._database.write() as connection:
            if not connection.execute(update(conditions).where(mine).values(confirmed_by=actor)).rowcount:
                text = _("稼働の異常 {id} は見つかりませんでした。番号を確かめてください。")
                raise NotFoundError(text.format(id=condition_id))
            _settle_notices(connection, [condition_id], NoticeState.ACKNOWLEDGED, actor, now)
            _log(connection, now, actor, peer, "notify.confirmed", str(condition_id))

    def confirm_given_up(self, *, actor: str, peer: str, now: datetime) -> int:
        """See `PageDesk`."""
        unseen = and_(outbox.c.state == OutgoingState.GIVEN_UP.value, outbox.c.seen.is_(False))
        with self._database.write() as connection:
            count = connection.execute(update(outbox).where(unseen).values(seen=True)).rowcount
            if count:
                _log(connection, now, actor, peer, "notify.given_up_seen", str(count))
        return count

    def conditions(self, scope: Scope, *, open_only: bool = False, limit: int = 50) -> Sequence[Condition]:
        """See `PageDesk`."""
        here = and_(_going() if open_only else true(), _shared(scope))
        order = (conditions.c.ended.is_not(None), conditions.c.id.desc())
        statement = select(conditions).where(here).order_by(*order).limit(limit)
        with self._database.read() as connection:
            return [_condition(row) for row in connection.execute(statement).mappings()]

    def settle(self, begun: Sequence[Condition], ended: Sequence[Condition], now: datetime) -> None:
        """See `PageDesk`."""
        if not begun and not ended:
            return
        with self._database.write() as connection:
            for one in begun:
                self._begin(connection, one, now)
            for one in ended:
                self._end(connection, one, now)

    def _begin(self, connection: Connection, one: Condition, now: datetime) -> None:
        values = {
            "kind": one.kind,
            "subject": one.subject,
            "zone": one.zone,
            "severity": int(one.severity),
            "began": one.began,
            "ended": None,
            "confirmed_by": "",
        }
        try:
            with connection.begin_nested():
                made = connection.execute(insert(conditions).values(values)).inserted_primary_key
        except IntegrityError:  # it goes on already
            return
        if self._enabled and made is not None:
            notice = row(Cause.BEGAN, one.severity, one.zone, one.began) | {"condition_id": made[0]}
            connection.execute(insert(notices).values(notice))

    def _end(self, connection: Connection, one: Condition, now: datetime) -> None:
        """It is told to as many people as were told that it began."""
        mine = and_(conditions.c.id == one.id, _going())
        if not connection.execute(update(conditions).where(mine).values(ended=now)).rowcount:
            return
        reached = select(func.max(notices.c.step)).where(notices.c.condition_id == one.id)
        step = connection.execute(reached).scalar() or 0
        _settle_notices(connection, [one.id], NoticeState.ENDED, "", now)
        if self._enabled:
            notice = row(Cause.OVER, one.severity, one.zone, now, step) | {"condition_id": one.id}
            connection.execute(insert(notices).values(notice))


def _due(now: datetime) -> ColumnElement[bool]:
    """Notices that wait, and those whose next person's turn has come."""
    turn = and_(notices.c.state == NoticeState.PAGED.value, notices.c.next_at <= now)
    return or_(notices.c.state == NoticeState.WAITING.value, turn)


def _with_condition() -> Any:
    joined = notices.outerjoin(conditions, conditions.c.id == notices.c.condition_id)
    return select(notices, conditions.c.kind.label("condition")).select_from(joined)


def _end_of_gone(connection: Connection) -> None:
    """A replay may have removed an alert since."""
    there = select(alerts.c.id).where(alerts.c.id == notices.c.alert_id).exists()
    gone = and_(notices.c.alert_id.is_not(None), notices.c.state.in_(UNANSWERED), ~there)
    connection.execute(update(notices).where(gone).values(state=NoticeState.ENDED.value, next_at=None))


def _last_paged(connection: Connection) -> LastPaged | None:
    newest = select(func.max(notices.c.paged_at)).scalar_subquery()
    found = select(notices.c.paged_at, func.max(notices.c.severity)).where(notices.c.paged_at == newest)
    one = connection.execute(found.group_by(notices.c.paged_at)).first()
    return LastPaged(one[0], Severity(one[1])) if one else None


def _put_batch(
    connection: Connection, batch: Batch, about: Mapping[int, Notice], first: set[int], now: datetime
) -> None:
    values = {"state": batch.state.value, "step": batch.step, "next_at": batch.next_at}
    for part in chunks(batch.notices):
        connection.execute(update(notices).where(notices.c.id.in_(part)).values(values))
    for part in chunks(one for one in batch.notices if one in first):
        connection.execute(update(notices).where(notices.c.id.in_(part)).values(paged_at=now))
    over = all(about[one].cause is Cause.OVER for one in batch.notices)
    for page in batch.pages:
        number = put_page(connection, page, "over" if over else "page", now)
        links = [{"outbox_id": number, "notice_id": notice} for notice in batch.notices]
        run_many(connection, insert(outbox_notices), links)
    if batch.told:
        told = dict.fromkeys(alert for one in batch.notices if (alert := about[one].alert_id) is not None)
        run_many(connection, insert(history), [entry(alert, now, SYSTEM, "notified", batch.told) for alert in told])


def put_page(connection: Connection, page: Page, kind: str, now: datetime) -> int:
    """A message that waits to be sent; its number."""
    values = {
        "kind": kind,
        "created": now,
        "person": page.person,
        "channel": page.channel,
        "address": page.address,
        "content": to_json(page.content),
        "state": OutgoingState.WAITING.value,
        "attempts": 0,
        "next_at": now,
        "done_at": None,
        "reason": "",
        "seen": False,
    }
    made = connection.execute(insert(outbox).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _settle_notices(connection: Connection, ids: Sequence[int], state: NoticeState, actor: str, now: datetime) -> None:
    here = and_(notices.c.condition_id.in_(ids), notices.c.state.in_(UNANSWERED), notices.c.cause == Cause.BEGAN.value)
    values = {"state": state.value, "next_at": None, "acknowledged_by": actor, "acknowledged_at": now}
    connection.execute(update(notices).where(here).values(values))


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    """Messages about alerts that somebody may see, all of them; those about none are for everybody."""
    if scope.zones is None and scope.departments is None:
        return true()
    seen = select(alerts.c.id).where(alerts.c.id == notices.c.alert_id, visible(scope)).exists()
    hidden = (
        select(notices.c.id)
        .join(outbox_notices, outbox_notices.c.notice_id == notices.c.id)
        .where(outbox_notices.c.outbox_id == outbox.c.id, notices.c.alert_id.is_not(None), ~seen)
    )
    return ~hidden.exists()


def _shared(scope: Scope) -> ColumnElement[bool]:
    """Conditions of the program as a whole, and those of sources in these zones."""
    return true() if scope.zones is None else conditions.c.zone.in_(["", *sorted(scope.zones)])


def _going() -> ColumnElement[bool]:
    return conditions.c.ended.is_(None)


def _exhausted(connection: Connection, column: Column[Any]) -> Sequence[int]:
    """What the first few notices are about that everybody was paged about in vain."""
    here = and_(notices.c.state == NoticeState.EXHAUSTED.value, column.is_not(None))
    return connection.execute(select(column).where(here).distinct().order_by(column).limit(FIRST_FEW)).scalars().all()


def _failing(connection: Connection) -> dict[str, datetime]:
    """Channel → since when its oldest message waits that was tried in vain."""
    failed = outbox.c.state == OutgoingState.FAILED.value
    statement = select(outbox.c.channel, func.min(outbox.c.created).label("since")).where(failed)
    return {row[0]: row[1] for row in connection.execute(statement.group_by(outbox.c.channel))}


def _attempts(scope: Scope) -> Any:
    joined = outbox_attempts.join(outbox, outbox.c.id == outbox_attempts.c.outbox_id)
    return select(outbox_attempts, outbox.c.person, outbox.c.channel).select_from(joined).where(_in_scope(scope))


def _log(connection: Connection, now: datetime, actor: str, peer: str, action: str, target: str) -> None:
    logged = {"at": now, "actor": actor, "action": action, "target": target, "peer": peer, "text": ""}
    connection.execute(insert(audit_log).values(logged))


def _notice(found: RowMapping) -> Notice:
    return Notice(
        id=found["id"],
        cause=Cause(found["cause"]),
        severity=Severity(found["severity"]),
        zone=found["zone"],
        at=found["at"],
        state=NoticeState(found["state"]),
        step=found["step"],
        alert_id=found["alert_id"],
        condition_id=found["condition_id"],
        condition=found["condition"] or "",
        next_at=found["next_at"],
    )


def outgoing_of(found: RowMapping) -> Outgoing:
    """A row of the outbox."""
    return Outgoing(
        id=found["id"],
        kind=found["kind"],
        created=found["created"],
        person=found["person"],
        channel=found["channel"],
        address=found["address"],
        content=from_json(found["content"]),
        state=OutgoingState(found["state"]),
        attempts=found["attempts"],
        next_at=found["next_at"],
        done_at=found["done_at"],
        reason=found["reason"],
    )


def _attempt(found: RowMapping) -> Attempt:
    return Attempt(
        outgoing=found["outbox_id"],
        person=found["person"],
        channel=found["channel"],
        at=found["at"],
        ok=found["ok"],
        text=found["text"],
    )


def _condition(found: RowMapping) -> Condition:
    return Condition(
        kind=found["kind"],
        subject=found["subject"],
        zone=found["zone"],
        severity=Severity(found["severity"]),
        began=found["began"],
        ended=found["ended"],
        id=found["id"],
        confirmed_by=found["confirmed_by"],
    )
