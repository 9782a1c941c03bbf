"""Users in SQL: who they are, set-up codes, being disabled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from secops.access import factors, rights, throttle
from secops.access.factors import new_code
from secops.access.passwords import Passwords, check_password
from secops.access.ports import CLI, Access, AuditEntry, LoginPolicy, Role, User
from secops.access.throttle import Failure
from secops.errors import ConflictError, UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.triage import trust
from secops.store.records.access_tables import attempts, passkeys, recovery_codes, users
from secops.store.records.account_rows import end_sessions, log, names, people, row, tell_others, user_of
from secops.store.records.attempts import failures, forget_devices
from secops.store.records.engine import Database

CODE_LASTS = timedelta(days=7)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class SqlUsers:
    """See `secops.access.ports.Users`; hashing happens outside of transactions, it takes long on purpose."""

    def __init__(
        self, database: Database, policy: LoginPolicy, passwords: Passwords, page_from: Severity | None
    ) -> None:
        self._database = database
        self._policy = policy
        self._passwords = passwords
        self._page_from = page_from

    def users(self, now: datetime | None = None) -> Sequence[User]:
        """See `Users`."""
        with self._database.read() as connection:
            rows = connection.execute(people().order_by(users.c.name)).mappings().all()
            tried = set(connection.execute(select(attempts.c.user)).scalars()) if now else ()
            held = {name: failures(connection, name) for name in tried}
        return [user_of(one, _lock(held.get(one["name"], ()), now)) for one in rows]

    def user(self, name: str) -> User:
        """See `Users`."""
        with self._database.read() as connection:
            return user_of(row(connection, name))

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
        """See `Users`."""
        _check_name(name)
        if not demo:
            check_password(password, name, length=self._policy.password_length, display_name=display_name)
        values = {"password": self._passwords.hash(password), "demo": demo, "display_name": display_name or name}
        with self._database.write() as connection:
            entry = AuditEntry(now, actor, "user_added", name, CLI, f"{role.value}{' demo' if demo else ''}")
            return insert_user(connection, name, role, access, entry, values, self._page_from)

    def invite(
        self,
        name: str,
        *,
        role: Role,
        access: Access,
        actor: str,
        now: datetime,
        display_name: str = "",
        external: bool = False,
        peer: str = CLI,
    ) -> tuple[User, str]:
        """See `Users`."""
        _check_name(name)
        code = "" if external else new_code()
        values = {"password": "", "demo": False, "display_name": display_name or name, **_code(code, now)}
        values["subject"] = "" if external else None
        with self._database.write() as connection:
            entry = AuditEntry(now, actor, "user_added", name, peer, f"{role.value}{' oidc' if external else ''}")
            return insert_user(connection, name, role, access, entry, values, self._page_from), code

    def reset(
        self, name: str, *, actor: str, now: datetime, factors: bool = False, peer: str = CLI
    ) -> tuple[User, str]:
        """See `Users`; the login is no demo login any more."""
        with self._database.write() as connection:
            before = row(connection, name)
            code = "" if before["subject"] is not None else new_code()
            values: dict[str, Any] = {"password": "", "demo": False, **_code(code, now)}
            if factors:
                values |= {"totp_secret": None, "totp_step": None}
                connection.execute(delete(passkeys).where(passkeys.c.user == name))
                connection.execute(delete(recovery_codes).where(recovery_codes.c.user == name))
            connection.execute(update(users).where(users.c.name == name).values(values))
            connection.execute(delete(attempts).where(attempts.c.user == name))
            end_sessions(connection, name)
            forget_devices(connection, name)
            log(connection, AuditEntry(now, actor, "user_reset", name, peer, "factors" if factors else ""))
            text = trust.reset(name, actor, factors=factors)
            tell_others(connection, text, self._page_from, now)
            return user_of(row(connection, name)), code

    def disable(self, name: str, *, actor: str, now: datetime, disabled: bool = True, peer: str = CLI) -> User:
        """See `Users`."""
        with self._database.write() as connection:
            if disabled:
                _keep_an_administrator(connection, user_of(row(connection, name)))
            else:
                row(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(disabled=disabled))
            end_sessions(connection, name)
            forget_devices(connection, name)
            log(connection, AuditEntry(now, actor, "user_disabled" if disabled else "user_enabled", name, peer))
            return user_of(row(connection, name))

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        access: Access | None = None,
        actor: str,
        now: datetime,
        peer: str = CLI,
    ) -> tuple[User, int]:
        """See `Users`."""
        with self._database.write() as connection:
            before = user_of(row(connection, name))
            role, access = role or before.role, access or before.access
            text = rights.told(before, role, access)
            if not text:
                return before, 0
            if role is not before.role:
                _keep_an_administrator(connection, before)
            values = {"role": role.value, "zones": names(access.zones), "departments": names(access.departments)}
            connection.execute(update(users).where(users.c.name == name).values(values))
            ended = end_sessions(connection, name) if rights.shrinks(before, role, access) else 0
            log(connection, AuditEntry(now, actor, "user_changed", name, peer, text))
            if role is Role.ADMIN and before.role is not Role.ADMIN and not before.demo:
                tell_others(connection, trust.new_administrator(name, actor), self._page_from, now)
            return user_of(row(connection, name)), ended

    def unlock(self, name: str, *, actor: str, now: datetime, peer: str = CLI) -> User:
        """See `Users`."""
        with self._database.write() as connection:
            row(connection, name)
            connection.execute(delete(attempts).where(attempts.c.user == name))
            log(connection, AuditEntry(now, actor, "user_unlocked", name, peer))
            return user_of(row(connection, name), _lock(failures(connection, name), now))


def insert_user(
    connection: Connection,
    name: str,
    role: Role,
    access: Access,
    entry: AuditEntry,
    values: dict[str, Any],
    page_from: Severity | None,
) -> User:
    """A new row with its entry in the log; a new administrator is told to others. ConflictError where there is one."""
    if connection.execute(select(users.c.name).where(users.c.name == name)).first():
        raise ConflictError(_("利用者「{name}」はすでにいます。").format(name=name))
    common = {"name": name, "role": role.value, "disabled": False, "created_at": entry.at}
    scope = {"zones": names(access.zones), "departments": names(access.departments)}
    connection.execute(insert(users).values(common | scope | values))
    log(connection, entry)
    if role is Role.ADMIN and not values["demo"]:
        text = trust.new_administrator(name, entry.actor)
        tell_others(connection, text, page_from, entry.at)
    return user_of(row(connection, name))


def valid_name(name: str) -> bool:
    """Whether a text can be the name of a user."""
    return _NAME.fullmatch(name) is not None


def only_administrator(connection: Connection, user: User) -> bool:
    """Whether nobody else who can log in administers users; a demo login counts only beside its like."""
    if user.role is not Role.ADMIN or user.disabled:
        return False
    others = (users.c.role == Role.ADMIN.value) & ~users.c.disabled & (users.c.name != user.name)
    if not user.demo:
        others &= ~users.c.demo
    return not connection.execute(select(users.c.name).where(others)).first()


def _keep_an_administrator(connection: Connection, before: User) -> None:
    if only_administrator(connection, before):
        raise ConflictError(
            _(
                "「{name}」はただ 1 人のシステム管理者です。先に別の利用者をシステム管理者にしてから変更してください。"
            ).format(name=before.name)
        )


def _check_name(name: str) -> None:
    if not valid_name(name):
        text = _("利用者名「{name}」は使えません。英小文字・数字・「.」「_」「-」の 40 字以内にしてください。")
        raise UsageError(text.format(name=name))


def _code(code: str, now: datetime) -> dict[str, Any]:
    if not code:
        return {"setup_code": None, "setup_until": None}
    return {"setup_code": factors.digest(code), "setup_until": now + CODE_LASTS}


def _lock(failed: Sequence[Failure], now: datetime | None) -> datetime | None:
    return throttle.held_until(failed, now) if now else None
