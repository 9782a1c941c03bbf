"""`secops.access.ports.Accounts` in SQL: users, sessions, attempts to log in, the audit log."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from secops.access import throttle
from secops.access.passwords import Passwords, check_password
from secops.access.ports import Access, AuditEntry, Role, Session, SessionLimits, User
from secops.errors import ConflictError, DeniedError, NotFoundError, UsageError
from secops.locale import _
from secops.store.records.access_tables import attempts, audit_log, sessions, users
from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database

CLI = "cli"  # the peer of what was done at the command line
TOUCH_EVERY = timedelta(seconds=30)  # how exact `last_used` is: a write for every request would be one too many
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class SqlAccounts:
    """Users of one site; hashing happens outside of transactions, it takes long on purpose."""

    def __init__(self, database: Database, limits: SessionLimits, passwords: Passwords | None = None) -> None:
        self._database = database
        self._limits = limits
        self._passwords = passwords or Passwords()

    def users(self) -> Sequence[User]:
        """See `Accounts`."""
        with self._database.read() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).mappings()
            return [_user(row) for row in rows]

    def user(self, name: str) -> User:
        """See `Accounts`."""
        with self._database.read() as connection:
            return _user(_row(connection, name))

    def add(
        self,
        name: str,
        password: str,
        *,
        role: Role,
        access: Access,
        actor: str,
        now: datetime,
        display_name: str = "",
        demo: bool = False,
    ) -> User:
        """See `Accounts`."""
        if not _NAME.fullmatch(name):
            text = _("利用者名「{name}」は使えません。英小文字・数字・「.」「_」「-」の 40 字以内にしてください。")
            raise UsageError(text.format(name=name))
        if not demo:
            check_password(password, name)
        row = {
            "name": name,
            "display_name": display_name or name,
            "role": role.value,
            "password": self._passwords.hash(password),
            "zones": _names(access.zones),
            "departments": _names(access.departments),
            "demo": demo,
            "disabled": False,
            "created_at": now,
        }
        with self._database.write() as connection:
            if connection.execute(select(users.c.name).where(users.c.name == name)).first():
                raise ConflictError(_("利用者「{name}」はすでにいます。").format(name=name))
            connection.execute(insert(users).values(row))
            _log(connection, AuditEntry(now, actor, "user_added", name, CLI, f"{role.value}{' demo' if demo else ''}"))
            return _user(_row(connection, name))

    def disable(self, name: str, *, actor: str, now: datetime, disabled: bool = True) -> User:
        """See `Accounts`."""
        with self._database.write() as connection:
            _row(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(disabled=disabled))
            _end_sessions(connection, name)
            action = "user_disabled" if disabled else "user_enabled"
            _log(connection, AuditEntry(now, actor, action, name, CLI))
            return _user(_row(connection, name))

    def reset(self, name: str, password: str, *, actor: str, now: datetime) -> User:
        """See `Accounts`; the login is no demo login any more."""
        check_password(password, name)
        return self._set_password(name, password, AuditEntry(now, actor, "password_reset", name, CLI))

    def change_password(self, name: str, old: str, new: str, *, peer: str, now: datetime) -> None:
        """See `Accounts`."""
        stored = self._attempt(name, peer, now)
        if not self._passwords.matches(stored, old):
            raise DeniedError(_("今のパスワードが違います。もう一度入力してください。"))
        check_password(new, name)
        self._set_password(name, new, AuditEntry(now, name, "password_changed", name, peer))

    def login(self, name: str, password: str, *, peer: str, now: datetime, demo_allowed: bool) -> tuple[str, Session]:
        """See `Accounts`."""
        name = name.strip().lower()[:64]
        stored = self._attempt(name, peer, now)
        if not self._passwords.matches(stored, password):
            self.record(AuditEntry(now, name[:40], "login_failed", "", peer))
            raise DeniedError(_("利用者名またはパスワードが違います。もう一度入力してください。"))
        outdated = stored is not None and self._passwords.outdated(stored)
        fresh = self._passwords.hash(password) if outdated else stored
        token = secrets.token_urlsafe(32)
        with self._database.write() as connection:
            row = _row(connection, name)
            _refuse(row, stored, demo_allowed)
            connection.execute(delete(attempts).where(attempts.c.user == name))
            connection.execute(update(users).where(users.c.name == name).values(last_login=now, password=fresh))
            session = Session(_digest(token), _user(_row(connection, name)), now, now, peer)
            _start(connection, session, self._limits)
            _log(connection, AuditEntry(now, name, "login", "", peer))
        return token, session

    def session(self, token: str, now: datetime, *, touch: bool = True) -> Session | None:
        """See `Accounts`."""
        key = _digest(token)
        joined = select(sessions, users).join(users, users.c.name == sessions.c.user).where(sessions.c.id == key)
        with self._database.read() as connection:
            row = connection.execute(joined).mappings().first()
        if row is None or row["disabled"] or self._over(row["started"], row["last_used"], now):
            return None
        if touch and now - row["last_used"] >= TOUCH_EVERY:
            with self._database.write() as connection:
                connection.execute(update(sessions).where(sessions.c.id == key).values(last_used=now))
        return Session(key, _user(row), row["started"], max(now, row["last_used"]), row["peer"])

    def logout(self, token: str, now: datetime) -> None:
        """See `Accounts`."""
        key = _digest(token)
        with self._database.write() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == key)).mappings().first()
            if row is not None:
                connection.execute(delete(sessions).where(sessions.c.id == key))
                _log(connection, AuditEntry(now, row["user"], "logout", "", row["peer"]))

    def record(self, entry: AuditEntry) -> None:
        """See `Accounts`."""
        with self._database.write() as connection:
            _log(connection, entry)

    def audit_log(
        self, *, limit: int = 100, offset: int = 0, actor: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """See `Accounts`."""
        columns = audit_log.c
        statement = select(audit_log).order_by(columns.id.desc()).limit(limit).offset(offset)
        if actor:
            statement = statement.where(columns.actor == actor)
        if action:
            statement = statement.where(columns.action == action)
        names = ("at", "actor", "action", "target", "peer", "text")
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings()
            return [AuditEntry(**{name: row[name] for name in names}) for row in rows]

    def _attempt(self, name: str, peer: str, now: datetime) -> str | None:
        """Note an attempt before it is judged, so that many at once do not slip through; returns the stored hash.

        It counts as a failure until a login deletes it. Raises DeniedError where it comes too early.
        """
        columns = attempts.c
        with self._database.write() as connection:
            connection.execute(delete(attempts).where(columns.at < now - throttle.WINDOW))
            by_user = connection.execute(select(columns.at).where(columns.user == name)).scalars().all()
            by_peer = connection.execute(select(columns.at).where(columns.peer == peer)).scalars().all()
            pause = max(throttle.wait(by_user, now, throttle.PER_USER), throttle.wait(by_peer, now, throttle.PER_PEER))
            if pause:
                seconds = int(pause.total_seconds()) + 1
                text = _("ログインの失敗が続いたため、受け付けを止めています。{n} 秒後にもう一度お試しください。")
                raise DeniedError(text.format(n=seconds))
            connection.execute(insert(attempts).values(user=name, peer=peer, at=now))
            return connection.execute(select(users.c.password).where(users.c.name == name)).scalar()

    def _set_password(self, name: str, password: str, entry: AuditEntry) -> User:
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            _row(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(password=hashed, demo=False))
            connection.execute(delete(attempts).where(attempts.c.user == name))
            _end_sessions(connection, name)
            _log(connection, entry)
            return _user(_row(connection, name))

    def _over(self, started: datetime, last_used: datetime, now: datetime) -> bool:
        return now - last_used >= self._limits.idle or now - started >= self._limits.absolute


def _row(connection: Connection, name: str) -> Any:
    row = connection.execute(select(users).where(users.c.name == name)).mappings().first()
    if row is None:
        raise NotFoundError(_("利用者「{name}」はいません。").format(name=name))
    return row


def _refuse(row: Any, stored: str | None, demo_allowed: bool) -> None:
    """What stops a login although the password is right."""
    if row["password"] != stored:
        raise DeniedError(_("利用者名またはパスワードが違います。もう一度入力してください。"))
    if row["disabled"]:
        raise DeniedError(_("この利用者は停止されています。システム管理者に連絡してください。"))
    if row["demo"] and not demo_allowed:
        raise DeniedError(
            _("デモ用の利用者は、127.0.0.1 以外で待ち受ける画面では使えません。利用者を登録してください。")
        )


def _start(connection: Connection, session: Session, limits: SessionLimits) -> None:
    ended = (sessions.c.started <= session.started - limits.absolute) | (
        sessions.c.last_used <= session.started - limits.idle
    )
    connection.execute(delete(sessions).where(ended))
    row = {"id": session.id, "user": session.user.name, "started": session.started, "last_used": session.last_used}
    connection.execute(insert(sessions).values(row | {"peer": session.peer}))


def _end_sessions(connection: Connection, name: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.user == name))


def _log(connection: Connection, entry: AuditEntry) -> None:
    row = {"at": entry.at, "actor": entry.actor, "action": entry.action, "target": entry.target}
    connection.execute(insert(audit_log).values(row | {"peer": entry.peer, "text": entry.text}))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _names(names: frozenset[str] | None) -> str | None:
    return None if names is None else to_json(sorted(names))


def _set(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(from_json(text))


def _user(row: Any) -> User:
    return User(
        name=row["name"],
        display_name=row["display_name"],
        role=Role(row["role"]),
        access=Access(_set(row["zones"]), _set(row["departments"])),
        demo=row["demo"],
        disabled=row["disabled"],
        created_at=row["created_at"],
        last_login=row["last_login"],
    )
