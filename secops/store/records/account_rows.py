"""What the tables of accounts share: rows to values, the audit log's row, failed attempts, tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from secops.access import throttle
from secops.access.ports import Access, AuditEntry, LoginPolicy, Role, Session, Step, User
from secops.errors import DeniedError, NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.triage import trust
from secops.store.records.access_tables import attempts, audit_log, passkeys, recovery_codes, sessions, users
from secops.store.records.codec import from_json, to_json
from secops.store.records.program import tell_of

_FACTORS = (
    select(func.count()).select_from(passkeys).where(passkeys.c.user == users.c.name).scalar_subquery().label("keys"),
    select(func.count())
    .select_from(recovery_codes)
    .where(recovery_codes.c.user == users.c.name)
    .scalar_subquery()
    .label("codes"),
)


def people() -> Select[Any]:
    """All users with the numbers of their factors."""
    return select(users, *_FACTORS)


def visits() -> Select[Any]:
    """All sessions with their users."""
    return select(sessions, users, *_FACTORS).join_from(sessions, users, users.c.name == sessions.c.user)


def row(connection: Connection, name: str) -> Any:
    """The row of a user, or NotFoundError."""
    found = connection.execute(people().where(users.c.name == name)).mappings().first()
    if found is None:
        raise NotFoundError(_("利用者「{name}」はいません。").format(name=name))
    return found


def user_of(found: Mapping[Any, Any], locked_until: datetime | None = None) -> User:
    """A row of `people` or `visits` as a value."""
    return User(
        name=found["name"],
        display_name=found["display_name"],
        role=Role(found["role"]),
        access=Access(_set(found["zones"]), _set(found["departments"])),
        demo=found["demo"],
        disabled=found["disabled"],
        created_at=found["created_at"],
        last_login=found["last_login"],
        locked_until=locked_until,
        has_password=bool(found["password"]),
        external=found["subject"] is not None,
        totp=found["totp_secret"] is not None,
        passkeys=found["keys"],
        recovery=found["codes"],
    )


def session_of(found: Mapping[Any, Any], policy: LoginPolicy) -> Session:
    """A row of `visits` as a value."""
    user = user_of(found)
    return Session(
        found["id"],
        user,
        found["started"],
        found["last_used"],
        found["peer"],
        found["agent"],
        _step(user, found["passed"], policy),
        found["confirmed"],
    )


def _step(user: User, passed: datetime | None, policy: LoginPolicy) -> Step:
    if user.has_factor and passed is None:
        return Step.FACTOR
    if not user.has_password and not user.external:
        return Step.PASSWORD
    if policy.requires_factor(user) and not user.has_factor and passed is None:
        return Step.ENROLL
    return Step.DONE


def open_session(connection: Connection, session_id: str, policy: LoginPolicy) -> Session:
    """The session with this id; DeniedError where it has ended meanwhile."""
    found = connection.execute(visits().where(sessions.c.id == session_id)).mappings().first()
    if found is None:
        raise DeniedError(_("ログインが終わっています。もう一度ログインしてください。"))
    return session_of(found, policy)


def log(connection: Connection, entry: AuditEntry) -> None:
    """Into the audit log."""
    values = {"at": entry.at, "actor": entry.actor, "action": entry.action, "target": entry.target}
    connection.execute(insert(audit_log).values(values | {"peer": entry.peer, "text": entry.text}))


def end_sessions(connection: Connection, name: str, *, but: str = "") -> int:
    """End all sessions of a user but one, and say how many."""
    return connection.execute(delete(sessions).where(sessions.c.user == name, sessions.c.id != but)).rowcount


def failures(connection: Connection, name: str) -> list[datetime]:
    """When attempts for this name failed, as far as that is remembered."""
    return list(connection.execute(select(attempts.c.at).where(attempts.c.user == name)).scalars())


def attempt(connection: Connection, name: str, peer: str, now: datetime) -> int:
    """Note an attempt before it is judged, so that many at once do not slip through; returns its number.

    It counts as a failure until a success deletes it. Raises DeniedError where it comes too early.
    """
    columns = attempts.c
    connection.execute(delete(attempts).where(columns.at < now - throttle.WINDOW))
    by_user = failures(connection, name)
    if until := throttle.locked_until(by_user, now):
        text = _(
            "ログインの失敗が続いたため、この利用者名を停止しています。{n} 分後にもう一度お試しください。"
            "急ぐときはシステム管理者に連絡してください。"
        )
        raise DeniedError(text.format(n=-(int((now - until).total_seconds()) // 60)))
    by_peer = connection.execute(select(columns.at).where(columns.peer == peer)).scalars().all()
    pause = max(throttle.wait(by_user, now, throttle.PER_USER), throttle.wait(by_peer, now, throttle.PER_PEER))
    if pause:
        text = _("ログインの失敗が続いたため、受け付けを止めています。{n} 秒後にもう一度お試しください。")
        raise DeniedError(text.format(n=int(pause.total_seconds()) + 1))
    made = connection.execute(insert(attempts).values(user=name, peer=peer, at=now).returning(columns.id))
    return int(made.scalar_one())


def failed(connection: Connection, entry: AuditEntry, page_from: Severity | None) -> None:
    """Log a failure of ``entry.actor``; the one that locks the name is told to others."""
    log(connection, entry)
    known = connection.execute(select(users.c.name).where(users.c.name == entry.actor)).first()
    count = len(failures(connection, entry.actor))
    if known is None or count != throttle.LOCK_AFTER:
        return
    minutes = int(throttle.LOCK.total_seconds()) // 60
    log(connection, AuditEntry(entry.at, entry.actor, "user_locked", entry.actor, entry.peer))
    text = trust.locked(entry.actor, entry.peer, count=count, minutes=minutes)
    tell_others(connection, text, page_from, entry.at)


def tell_others(connection: Connection, text: str, page_from: Severity | None, now: datetime) -> None:
    """Say it in the alert about whom the program trusts, which others see."""
    tell_of(connection, trust.KEY, trust.alert_of_trust, text, page_from, now)


def succeeded(connection: Connection, name: str, number: int, *, wholly: bool) -> None:
    """Take an attempt back: only itself, or, where the person is ``wholly`` logged in, all of the name."""
    columns = attempts.c
    connection.execute(delete(attempts).where(columns.user == name if wholly else columns.id == number))


def digest(token: str) -> str:
    """Under what a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def names(found: frozenset[str] | None) -> str | None:
    """Names of zones or departments as a column has them."""
    return None if found is None else to_json(sorted(found))


def _set(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(from_json(text))
