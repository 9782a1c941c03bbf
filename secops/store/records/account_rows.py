"""What the tables of accounts share: rows to values, the audit log's row, tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from secops.access.ports import Access, AuditEntry, LoginPolicy, Role, Session, Step, User
from secops.errors import DeniedError, NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.triage import trust
from secops.store.records.access_tables import audit_log, passkeys, recovery_codes, sessions, users
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
    more = {"peer": entry.peer, "text": entry.text, "zone": entry.zone, "department": entry.department}
    connection.execute(insert(audit_log).values(values | more))


def end_sessions(connection: Connection, name: str, *, but: str = "") -> int:
    """End all sessions of a user but one, and say how many."""
    return connection.execute(delete(sessions).where(sessions.c.user == name, sessions.c.id != but)).rowcount


def tell_others(connection: Connection, text: str, page_from: Severity | None, now: datetime) -> None:
    """Say it in the alert about whom the program trusts, which others see."""
    tell_of(connection, trust.KEY, trust.alert_of_trust, text, page_from, now)


def digest(token: str) -> str:
    """Under what a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def names(found: frozenset[str] | None) -> str | None:
    """Names of zones or departments as a column has them."""
    return None if found is None else to_json(sorted(found))


def _set(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(from_json(text))
