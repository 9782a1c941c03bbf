"""Second factors in SQL: codes of an app, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from secops.access import factors as pure
from secops.access import passkeys as keys
from secops.access.box import MARK, Box
from secops.access.ports import AuditEntry, Party, Passkey, Session, Step, Visit
from secops.access.throttle import Stage
from secops.errors import ConflictError, DeniedError, NotFoundError, UsageError
from secops.locale import _
from secops.store.records.access_tables import passkeys, recovery_codes, sessions, users
from secops.store.records.account_rows import log, open_session, row
from secops.store.records.attempts import Attempt, failed, succeeded
from secops.store.records.door import SqlSessions, came_in

MOST_PASSKEYS = 20
LONGEST_NAME = 60
SETTING_UP = frozenset({Step.DONE, Step.ENROLL})


class SqlFactors(SqlSessions):
    """See `secops.access.ports.Factors`; secrets of one-time codes are kept in ``_box``, of sessions as of users."""

    _box: Box

    def seal_secrets(self) -> int:
        """Seal what is readable, from before secrets were sealed; says how many that was."""
        readable = users.c.totp_secret.is_not(None) & ~users.c.totp_secret.startswith(MARK)
        wanted = select(users.c.name, users.c.totp_secret).where(readable)
        with self._database.read() as connection:
            if not connection.execute(wanted).first():
                return 0
        with self._database.write() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what was readable leaves no bytes in free pages
            found = connection.execute(wanted).all()
            for name, secret in found:
                values = {"totp_secret": self._box.seal(secret, name)}
                connection.execute(update(users).where(users.c.name == name).values(values))
        return len(found)

    def begin_totp(self, session: Session) -> str:
        """See `Factors`."""
        with self._database.write() as connection:
            self._in_step(connection, session, SETTING_UP)
            found = _of_session(connection, session)
            name = session.user.name
            secret = self._box.open(found["secret"], name) if found["secret"] else pure.new_secret()
            kept = self._box.seal(secret, name)
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(secret=kept))
        return secret

    def finish_totp(self, session: Session, code: str, visit: Visit) -> tuple[str, Session, Sequence[str]]:
        """See `Factors`."""
        name = session.user.name
        with self._database.write() as connection:
            self._in_step(connection, session, SETTING_UP)
            kept = _of_session(connection, session)["secret"]
            secret = self._box.open(kept, name) if kept else ""
            step = pure.step_of(secret, code, visit.now, last=0) if secret else None
            if step is None:
                raise UsageError(
                    _(
                        "確認コードが違います。アプリに今出ている 6 桁の数字を入力してください。"
                        "続くときは、端末の時刻が合っているか確かめてください。"
                    )
                )
            values = {"totp_secret": self._box.seal(secret, name), "totp_step": step}
            connection.execute(update(users).where(users.c.name == name).values(values))
            return self._added(connection, session, visit, "totp")

    def drop_totp(self, session: Session, visit: Visit) -> None:
        """See `Factors`."""
        with self._database.write() as connection:
            found = row(connection, session.user.name)
            if found["totp_secret"] is None:
                raise NotFoundError(_("認証アプリは登録されていません。"))
            values = {"totp_secret": None, "totp_step": None}
            connection.execute(update(users).where(users.c.name == session.user.name).values(values))
            self._dropped(connection, session, visit, "totp")

    def passkeys(self, name: str) -> Sequence[Passkey]:
        """See `Factors`."""
        wanted = select(passkeys).where(passkeys.c.user == name).order_by(passkeys.c.created_at, passkeys.c.id)
        with self._database.read() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [Passkey(one["id"], one["name"], one["created_at"], one["last_used"]) for one in rows]

    def begin_passkey(self, session: Session, party: Party) -> str:
        """See `Factors`."""
        with self._database.write() as connection:
            self._in_step(connection, session, SETTING_UP)
            options, challenge = keys.registration(party, session.user, _ids(connection, session.user.name))
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(challenge=challenge))
        return options

    def finish_passkey(
        self, session: Session, party: Party, name: str, credential: str, visit: Visit
    ) -> tuple[str, Session, Sequence[str]]:
        """See `Factors`."""
        label = " ".join(name.split())[:LONGEST_NAME] or _("パスキー")
        challenge = self._take_challenge(session, SETTING_UP)
        made = keys.registered(party, challenge, credential)
        user = session.user.name
        with self._database.write() as connection:
            if len(_ids(connection, user)) >= MOST_PASSKEYS:
                raise UsageError(_("パスキーは {n} 個までです。使わないものを外してください。").format(n=MOST_PASSKEYS))
            if connection.execute(select(passkeys.c.id).where(passkeys.c.id == made.id)).first():
                raise ConflictError(_("このパスキーはすでに登録されています。"))
            values = {"id": made.id, "user": user, "name": label, "public_key": made.public_key}
            more = {"sign_count": made.sign_count, "created_at": visit.now}
            connection.execute(insert(passkeys).values(values | more))
            return self._added(connection, session, visit, f"passkey {label}")

    def drop_passkey(self, session: Session, passkey: str, visit: Visit) -> None:
        """See `Factors`."""
        own = (passkeys.c.id == passkey) & (passkeys.c.user == session.user.name)
        with self._database.write() as connection:
            label = connection.execute(select(passkeys.c.name).where(own)).scalar()
            if label is None:
                raise NotFoundError(_("このパスキーは登録されていません。"))
            connection.execute(delete(passkeys).where(own))
            self._dropped(connection, session, visit, f"passkey {label}")

    def new_recovery(self, session: Session, visit: Visit) -> Sequence[str]:
        """See `Factors`."""
        with self._database.write() as connection:
            if not row(connection, session.user.name)["codes"] and not session.user.has_factor:
                raise ConflictError(_("先に、認証アプリかパスキーを登録してください。"))
            log(connection, AuditEntry(visit.now, session.user.name, "recovery_made", "", visit.peer))
            return _new_codes(connection, session.user.name)

    def pass_code(self, session: Session, code: str, visit: Visit) -> tuple[str, Session]:
        """See `Factors`."""
        name = session.user.name
        stage = Stage.CODE if pure.is_app_code(code) else Stage.KEY
        made = self._attempt(name, visit, stage)[0]
        with self._database.write() as connection:
            self._in_step(connection, session, {Step.FACTOR})
            found = row(connection, name)
            kept, last = found["totp_secret"], found["totp_step"] or 0
            step = None
            if kept and stage is Stage.CODE:  # a recovery code must do without the key
                step = pure.step_of(self._box.open(kept, name), code, visit.now, last=last)
            if step is not None:
                connection.execute(update(users).where(users.c.name == name).values(totp_step=step))
                return self._passed(connection, session, visit, made, "totp")
            one = (recovery_codes.c.user == name) & (recovery_codes.c.digest == pure.digest(code))
            if connection.execute(delete(recovery_codes).where(one)).rowcount:
                return self._passed(connection, session, visit, made, "recovery")
            entry = AuditEntry(visit.now, name, "factor_failed", "", visit.peer)
            failed(connection, entry, made, self._page_from)
        raise DeniedError(
            _("確認コードが違うか、すでに使われています。アプリに次の数字が出てから、もう一度入力してください。")
        )

    def ask_passkey(self, session: Session, party: Party) -> str:
        """See `Factors`."""
        with self._database.write() as connection:
            self._in_step(connection, session, {Step.FACTOR})
            options, challenge = keys.authentication(party, _ids(connection, session.user.name))
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(challenge=challenge))
        return options

    def pass_passkey(self, session: Session, party: Party, credential: str, visit: Visit) -> tuple[str, Session]:
        """See `Factors`."""
        name = session.user.name
        made = self._attempt(name, visit, Stage.KEY)[0]
        challenge = self._take_challenge(session, {Step.FACTOR})
        with self._database.read() as connection:
            wanted = (passkeys.c.id == keys.id_of(credential)) & (passkeys.c.user == name)
            known = connection.execute(select(passkeys).where(wanted)).mappings().first()
        try:
            if known is None:
                raise DeniedError(_("このパスキーは登録されていません。"))  # noqa: TRY301 - logged as all other failures
            kept = keys.Kept(known["id"], known["public_key"], known["sign_count"])
            count = keys.used(party, challenge, credential, kept)
        except DeniedError:
            self._failed(AuditEntry(visit.now, name, "factor_failed", "", visit.peer, "passkey"), made)
            raise
        with self._database.write() as connection:
            values = {"sign_count": count, "last_used": visit.now}
            connection.execute(update(passkeys).where(wanted).values(values))
            return self._passed(connection, session, visit, made, f"passkey {known['name']}")

    def _in_step(self, connection: Connection, session: Session, steps: frozenset[Step] | set[Step]) -> None:
        if open_session(connection, session.id, self._policy).step not in steps:
            raise DeniedError(_("この手順は終わっています。画面を開き直してください。"))

    def _take_challenge(self, session: Session, steps: frozenset[Step] | set[Step]) -> str:
        """The challenge of this session, which is worth nothing from here on."""
        with self._database.write() as connection:
            self._in_step(connection, session, steps)
            found = _of_session(connection, session)["challenge"]
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(challenge=None))
        if not found:
            raise DeniedError(_("パスキーの手続きが古くなっています。画面を開き直して、もう一度操作してください。"))
        return str(found)

    def _added(
        self, connection: Connection, session: Session, visit: Visit, what: str
    ) -> tuple[str, Session, Sequence[str]]:
        name = session.user.name
        log(connection, AuditEntry(visit.now, name, "factor_added", "", visit.peer, what))
        codes = [] if row(connection, name)["codes"] else _new_codes(connection, name)
        token, renewed = self._renew(
            connection, session, visit, passed=visit.now, confirmed=visit.now, secret=None, challenge=None
        )
        return token, renewed, codes

    def _dropped(self, connection: Connection, session: Session, visit: Visit, what: str) -> None:
        """After a factor is gone: refuse where it was the last one needed (all is rolled back), else log."""
        found = row(connection, session.user.name)
        if found["totp_secret"] is None and not found["keys"]:
            if self._policy.requires_factor(session.user):
                raise ConflictError(
                    _(
                        "あなたの役割では多要素認証が必要なため、最後の 1 つは外せません。"
                        "先に別のものを登録してください。"
                    )
                )
            connection.execute(delete(recovery_codes).where(recovery_codes.c.user == session.user.name))
        log(connection, AuditEntry(visit.now, session.user.name, "factor_removed", "", visit.peer, what))

    def _passed(
        self, connection: Connection, session: Session, visit: Visit, made: Attempt, what: str
    ) -> tuple[str, Session]:
        succeeded(connection, made, wholly=True)
        came_in(connection, session.user.name, visit.now)
        log(connection, AuditEntry(visit.now, session.user.name, "login", "", visit.peer, what))
        return self._renew(connection, session, visit, passed=visit.now, confirmed=visit.now, challenge=None)


def _of_session(connection: Connection, session: Session) -> Any:
    return connection.execute(select(sessions).where(sessions.c.id == session.id)).mappings().one()


def _ids(connection: Connection, name: str) -> Sequence[str]:
    return connection.execute(select(passkeys.c.id).where(passkeys.c.user == name)).scalars().all()


def _new_codes(connection: Connection, name: str) -> Sequence[str]:
    codes = pure.new_recovery_codes()
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user == name))
    connection.execute(insert(recovery_codes), [{"user": name, "digest": pure.digest(code)} for code in codes])
    return codes
