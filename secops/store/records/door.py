"""Logging in, in SQL: passwords, steps, sessions and their tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from secops.access import factors
from secops.access.passwords import Passwords, check_password
from secops.access.ports import (
    Access,
    AuditEntry,
    Identity,
    LoginPolicy,
    Role,
    Session,
    SessionLimits,
    Step,
    Visit,
)
from secops.access.throttle import Stage, place_of
from secops.errors import DeniedError, NotFoundError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.triage import trust
from secops.store.records.access_tables import sessions, users
from secops.store.records.account_rows import (
    digest,
    end_sessions,
    log,
    open_session,
    people,
    row,
    session_of,
    tell_others,
    user_of,
    visits,
)
from secops.store.records.attempts import (
    Attempt,
    attempt,
    failed,
    forget_devices,
    known_device,
    remember_device,
    succeeded,
)
from secops.store.records.engine import Database
from secops.store.records.people import insert_user, only_administrator, valid_name

TOUCH_EVERY = timedelta(seconds=30)  # how exact `last_used` is: a write for every request would be one too many
LONGEST_AGENT = 300


class SqlSessions:
    """See `secops.access.ports.Sessions`; hashing happens outside of transactions, it takes long on purpose."""

    def __init__(
        self,
        database: Database,
        limits: SessionLimits,
        policy: LoginPolicy,
        passwords: Passwords,
        page_from: Severity | None,
    ) -> None:
        self._database = database
        self._limits = limits
        self._policy = policy
        self._passwords = passwords
        self._page_from = page_from

    def login(
        self,
        name: str,
        password: str,
        *,
        peer: str,
        now: datetime,
        demo_allowed: bool,
        agent: str = "",
        device: str = "",
    ) -> tuple[str, Session]:
        """See `Sessions`."""
        name = name.strip().lower()[:64]
        visit = Visit(peer, agent, now, device)
        made, known = self._attempt(name, visit, Stage.PASSWORD)
        # Both are reckoned whatever the name is: what is missing takes as long as what is wrong.
        by_password = self._passwords.matches(known.get("password"), password)
        by_code = factors.same(known.get("setup_code"), password) and known["setup_until"] > now
        if not by_code and not (by_password and (not made.stopped or _has_factor(known))):
            self._failed(AuditEntry(now, name[:40], "login_failed", "", peer), made)
            raise _wrong(made)
        stored = known["password"]
        fresh = self._passwords.hash(password) if by_password and self._passwords.outdated(stored) else stored
        with self._database.write() as connection:
            found = row(connection, name)
            _refuse(found, known, demo_allowed)
            connection.execute(update(users).where(users.c.name == name).values(password=fresh))
            if not user_of(found).has_factor:
                came_in(connection, name, now)
            token, session = self._open(connection, name, visit, passed=None)
            succeeded(connection, made, wholly=session.step is not Step.FACTOR)
            action = "login_password" if session.step is Step.FACTOR else "login"
            log(connection, AuditEntry(now, name, action, "", peer, "code" if by_code else ""))
        return token, session

    def login_external(self, identity: Identity, visit: Visit, *, make: bool) -> tuple[str, Session]:
        """See `Sessions`."""
        try:
            with self._database.write() as connection:
                name = self._bind(connection, identity, visit, make=make)
                if identity.strong or not user_of(row(connection, name)).has_factor:
                    came_in(connection, name, visit.now)
                token, session = self._open(connection, name, visit, passed=visit.now if identity.strong else None)
                action = "login_password" if session.step is Step.FACTOR else "login"
                log(connection, AuditEntry(visit.now, name, action, "", visit.peer, "oidc"))
        except DeniedError:
            with self._database.write() as connection:
                entry = AuditEntry(visit.now, identity.name[:40], "login_failed", "", visit.peer, "oidc")
                log(connection, entry)
            raise
        return token, session

    def choose_password(self, session: Session, new: str, visit: Visit) -> tuple[str, Session]:
        """See `Sessions`."""
        name = session.user.name
        self._check(new, session)
        hashed = self._passwords.hash(new)
        with self._database.write() as connection:
            if open_session(connection, session.id, self._policy).step is not Step.PASSWORD:
                raise DeniedError(_("パスワードはすでに決まっています。アカウントの画面で変更してください。"))
            values = {"password": hashed, "setup_code": None, "setup_until": None}
            connection.execute(update(users).where(users.c.name == name).values(values))
            end_sessions(connection, name, but=session.id)
            forget_devices(connection, name, but=visit.device)
            log(connection, AuditEntry(visit.now, name, "password_set", "", visit.peer))
            return self._renew(connection, session, visit, confirmed=visit.now)

    def confirm(self, session: Session, password: str, visit: Visit) -> tuple[str, Session]:
        """See `Sessions`."""
        made, known = self._attempt(session.user.name, visit, Stage.PASSWORD, session.id)
        if not self._passwords.matches(known.get("password"), password):
            self._failed(AuditEntry(visit.now, session.user.name, "confirm_failed", "", visit.peer), made)
            raise DeniedError(_("今のパスワードが違います。もう一度入力してください。"))
        with self._database.write() as connection:
            succeeded(connection, made, wholly=False)
            return self._renew(connection, session, visit, confirmed=visit.now)

    def change_password(self, session: Session, old: str, new: str, visit: Visit) -> tuple[str, Session]:
        """See `Sessions`."""
        name = session.user.name
        made, known = self._attempt(name, visit, Stage.PASSWORD, session.id)
        if not self._passwords.matches(known.get("password"), old):
            self._failed(AuditEntry(visit.now, name, "confirm_failed", "", visit.peer), made)
            raise DeniedError(_("今のパスワードが違います。もう一度入力してください。"))
        with self._database.write() as connection:
            succeeded(connection, made, wholly=False)
        self._check(new, session)
        hashed = self._passwords.hash(new)
        with self._database.write() as connection:
            connection.execute(update(users).where(users.c.name == name).values(password=hashed, demo=False))
            end_sessions(connection, name, but=session.id)
            forget_devices(connection, name, but=visit.device)
            log(connection, AuditEntry(visit.now, name, "password_changed", name, visit.peer))
            return self._renew(connection, session, visit, confirmed=visit.now)

    def session(self, token: str, now: datetime, *, touch: bool = True) -> Session | None:
        """See `Sessions`."""
        key = digest(token)
        with self._database.read() as connection:
            found = connection.execute(visits().where(sessions.c.id == key)).mappings().first()
        if found is None or found["disabled"] or self._over(found["started"], found["last_used"], now):
            return None
        if touch and now - found["last_used"] >= TOUCH_EVERY:
            with self._database.write() as connection:
                connection.execute(update(sessions).where(sessions.c.id == key).values(last_used=now))
        return replace(session_of(found, self._policy), last_used=max(now, found["last_used"]))

    def sessions(self, name: str, now: datetime) -> Sequence[Session]:
        """See `Sessions`."""
        wanted = visits().where(sessions.c.user == name).order_by(sessions.c.last_used.desc(), sessions.c.id)
        with self._database.read() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [session_of(one, self._policy) for one in rows if not self._over(one["started"], one["last_used"], now)]

    def end_session(self, name: str, session_id: str, visit: Visit) -> None:
        """See `Sessions`."""
        with self._database.write() as connection:
            own = (sessions.c.id == session_id) & (sessions.c.user == name)
            if not connection.execute(delete(sessions).where(own)).rowcount:
                raise NotFoundError(_("このログインは、すでに終わっています。"))
            log(connection, AuditEntry(visit.now, name, "session_ended", session_id[:8], visit.peer))

    def end_others(self, session: Session, visit: Visit) -> int:
        """See `Sessions`."""
        with self._database.write() as connection:
            count = end_sessions(connection, session.user.name, but=session.id)
            forget_devices(connection, session.user.name, but=visit.device)
            if count:
                log(connection, AuditEntry(visit.now, session.user.name, "sessions_ended", "", visit.peer, str(count)))
        return count

    def remember(self, session: Session, visit: Visit) -> str:
        """See `Sessions`."""
        with self._database.write() as connection:
            if open_session(connection, session.id, self._policy).step is not Step.DONE:
                return ""
            return remember_device(connection, session.user.name, visit.device, visit.now)

    def logout(self, token: str, now: datetime) -> None:
        """See `Sessions`."""
        key = digest(token)
        with self._database.write() as connection:
            found = connection.execute(select(sessions).where(sessions.c.id == key)).mappings().first()
            if found is not None:
                connection.execute(delete(sessions).where(sessions.c.id == key))
                log(connection, AuditEntry(now, found["user"], "logout", "", found["peer"]))

    def _attempt(self, name: str, visit: Visit, stage: Stage, session_id: str = "") -> tuple[Attempt, dict[str, Any]]:
        """Note an attempt; returns it and what is known of the user (nothing where there is none)."""
        with self._database.write() as connection:
            device = known_device(connection, name, visit.device, visit.now)
            place = place_of(visit.peer, device=device, session=session_id)
            made = attempt(connection, name, place, visit.peer, stage, visit.now)
            found = connection.execute(people().where(users.c.name == name)).mappings().first()
        return made, dict(found) if found else {}

    def _failed(self, entry: AuditEntry, made: Attempt) -> None:
        with self._database.write() as connection:
            failed(connection, entry, made, self._page_from)

    def _check(self, password: str, session: Session) -> None:
        user = session.user
        check_password(password, user.name, length=self._policy.password_length, display_name=user.display_name)

    def _bind(self, connection: Connection, identity: Identity, visit: Visit, *, make: bool) -> str:
        """The name of the user this identity is, made or bound where that is allowed."""
        found = connection.execute(people().where(users.c.subject == identity.subject)).mappings().first()
        if found is None:
            found = connection.execute(people().where(users.c.name == identity.name)).mappings().first()
            if found is not None and found["subject"] != "":
                raise DeniedError(
                    _("利用者名「{name}」は、別の利用者が使っています。システム管理者に連絡してください。").format(
                        name=identity.name
                    )
                )
        if found is None:
            return _made(connection, identity, visit, self._page_from) if make else _unknown(identity.name)
        if found["disabled"]:
            raise DeniedError(_("この利用者は停止されています。システム管理者に連絡してください。"))
        name: str = found["name"]
        values: dict[str, Any] = {"subject": identity.subject}
        if identity.role is not None and identity.role.value != found["role"]:
            # A slip at the provider must not lock everybody out.
            kept = only_administrator(connection, user_of(found))
            change = f"{found['role']} → {identity.role.value}"
            action = "role_kept" if kept else "role_changed"
            log(connection, AuditEntry(visit.now, "oidc", action, name, visit.peer, change))
            if not kept:
                values["role"] = identity.role.value
            if identity.role is Role.ADMIN:
                text = trust.new_administrator(name, "OIDC")
                tell_others(connection, text, self._page_from, visit.now)
        connection.execute(update(users).where(users.c.name == name).values(values))
        return name

    def _open(self, connection: Connection, name: str, visit: Visit, *, passed: datetime | None) -> tuple[str, Session]:
        limits, now = self._limits, visit.now
        ended = (sessions.c.started <= now - limits.absolute) | (sessions.c.last_used <= now - limits.idle)
        connection.execute(delete(sessions).where(ended))
        token = secrets.token_urlsafe(32)
        values = {"id": digest(token), "user": name, "started": now, "last_used": now, "confirmed": now}
        more = {"peer": visit.peer, "agent": visit.agent[:LONGEST_AGENT], "passed": passed}
        connection.execute(insert(sessions).values(values | more))
        return token, open_session(connection, digest(token), self._policy)

    def _renew(self, connection: Connection, session: Session, visit: Visit, **values: Any) -> tuple[str, Session]:
        """Another token for the session: one that was known before it was worth more is worth nothing."""
        token = secrets.token_urlsafe(32)
        values |= {"id": digest(token), "last_used": visit.now}
        connection.execute(update(sessions).where(sessions.c.id == session.id).values(values))
        return token, open_session(connection, digest(token), self._policy)

    def _over(self, started: datetime, last_used: datetime, now: datetime) -> bool:
        return now - last_used >= self._limits.idle or now - started >= self._limits.absolute


def came_in(connection: Connection, name: str, now: datetime) -> None:
    """Note a login that needs no second factor any more."""
    connection.execute(update(users).where(users.c.name == name).values(last_login=now))


def _has_factor(known: dict[str, Any]) -> bool:
    return known["totp_secret"] is not None or known["keys"] > 0


def _wrong(made: Attempt) -> DeniedError:
    """One answer for a wrong name, a wrong password and, while others are guessing, one that opens nothing here."""
    if not made.stopped:
        return DeniedError(_("利用者名またはパスワードが違います。もう一度入力してください。"))
    return DeniedError(
        _(
            "利用者名またはパスワードが違うか、この利用者名の失敗が続いたため、初めての端末ではパスワードだけの"
            "ログインを停止しています。多要素認証を登録した人と、前にログインした端末からは、正しいパスワードで"
            "入れます。急ぐときはシステム管理者に連絡してください。"
        )
    )


def _refuse(found: Any, known: dict[str, Any], demo_allowed: bool) -> None:
    """What stops a login although the password is right."""
    if (found["password"], found["setup_code"]) != (known["password"], known["setup_code"]):
        raise DeniedError(_("利用者名またはパスワードが違います。もう一度入力してください。"))
    if found["disabled"]:
        raise DeniedError(_("この利用者は停止されています。システム管理者に連絡してください。"))
    if found["demo"] and not demo_allowed:
        raise DeniedError(
            _("デモ用の利用者は、127.0.0.1 以外で待ち受ける画面では使えません。利用者を登録してください。")
        )


def _made(connection: Connection, identity: Identity, visit: Visit, page_from: Severity | None) -> str:
    if not valid_name(identity.name):
        _unknown(identity.name)
    values: dict[str, Any] = {"password": "", "demo": False, "display_name": identity.display_name or identity.name}
    role = identity.role or Role.VIEWER
    entry = AuditEntry(visit.now, "oidc", "user_added", identity.name, visit.peer, f"{role.value} oidc")
    values |= {"subject": identity.subject}
    insert_user(connection, identity.name, role, Access(), entry, values, page_from)
    return identity.name


def _unknown(name: str) -> str:
    text = _("「{name}」はこの画面の利用者として登録されていません。システム管理者に連絡してください。")
    raise DeniedError(text.format(name=name))
