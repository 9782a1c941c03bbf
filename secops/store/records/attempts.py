"""Failed attempts to log in, in SQL, and the devices that somebody has logged in with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from secops.access import throttle
from secops.access.ports import AuditEntry
from secops.access.throttle import Failure, Stage
from secops.errors import DeniedError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.triage import trust
from secops.store.records.access_tables import attempts, audit_log, devices, users
from secops.store.records.account_rows import digest, log, tell_others

DEVICE_LASTS = timedelta(days=90)  # without a login


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is being judged. ``stopped``: its stage alone opens nothing there, since others are guessing."""

    number: int
    name: str
    place: str
    stage: Stage
    stopped: bool


def failures(connection: Connection, name: str) -> list[Failure]:
    """What failed for this name, as far as that is remembered."""
    wanted = select(attempts.c.at, attempts.c.place, attempts.c.stage).where(attempts.c.user == name)
    return [Failure(at, place, Stage(stage)) for at, place, stage in connection.execute(wanted)]


def attempt(connection: Connection, name: str, place: str, peer: str, stage: Stage, now: datetime) -> Attempt:
    """Note an attempt before it is judged, so that many at once do not slip through.

    It counts as a failure until a success deletes it. Raises DeniedError where it comes too early.
    """
    columns = attempts.c
    connection.execute(delete(attempts).where(columns.at < now - throttle.WINDOW))
    tried = failures(connection, name)
    here = throttle.at_place(tried, place)
    stop = None if throttle.is_known(place) else throttle.stopped_until(tried, stage, now)
    if until := throttle.locked_until(here, now):
        text = _(
            "この利用者名のログインの失敗が、ここから続いたため、停止しています。{n} 分後にもう一度お試しください。"
            "急ぐときはシステム管理者に連絡してください。"
        )
        raise DeniedError(text.format(n=_minutes(until, now)))
    if stop and stage is Stage.CODE:
        text = _(
            "この利用者名の確認コードの失敗が続いたため、初めての端末では、認証アプリの数字を {n} 分間停止しています。"
            "パスキーか回復コードを使うか、前にログインした端末から入ってください。"
        )
        raise DeniedError(text.format(n=_minutes(stop, now)))
    of_peer = select(columns.at).where(columns.peer == peer, columns.place == throttle.place_of(peer))
    by_peer = [] if throttle.is_known(place) else list(connection.execute(of_peer).scalars())
    pause = max(throttle.wait(here, now, throttle.PER_PLACE), throttle.wait(by_peer, now, throttle.PER_PEER))
    if pause:
        text = _("ログインの失敗が続いたため、受け付けを止めています。{n} 秒後にもう一度お試しください。")
        raise DeniedError(text.format(n=int(pause.total_seconds()) + 1))
    values = {"user": name, "peer": peer, "at": now, "place": place, "stage": stage.value}
    number = connection.execute(insert(attempts).values(values).returning(columns.id)).scalar_one()
    return Attempt(int(number), name, place, stage, stop is not None)


def failed(connection: Connection, entry: AuditEntry, made: Attempt, page_from: Severity | None) -> None:
    """Log a failure; the one that locks a place or stops the name is told to others, once in a while."""
    log(connection, entry)
    known = connection.execute(select(users.c.name).where(users.c.name == made.name)).first()
    tried = failures(connection, made.name)
    here, spread = len(throttle.at_place(tried, made.place)), len(throttle.spread(tried, made.stage))
    if known is None:
        return
    minutes = int(throttle.LOCK.total_seconds()) // 60
    if here == throttle.LOCK_AFTER:
        text = trust.locked(made.name, entry.peer, count=here, minutes=minutes)
        _tell(connection, entry, made.name, "place", text, page_from)
    guessable = made.stage is not Stage.KEY and not throttle.is_known(made.place)
    if guessable and spread == throttle.limit(made.stage):
        text = trust.stopped(made.name, entry.peer, count=spread, minutes=minutes)
        _tell(connection, entry, made.name, "everywhere", text, page_from)


def _tell(
    connection: Connection, entry: AuditEntry, name: str, kind: str, text: str, page_from: Severity | None
) -> None:
    """Say it, unless the same was said of the name within the window: who guesses for hours fills no alert."""
    log_of = audit_log.c
    said = (log_of.action == "user_locked") & (log_of.target == name) & (log_of.text == kind)
    if connection.execute(select(log_of.id).where(said, log_of.at > entry.at - throttle.WINDOW).limit(1)).first():
        return
    log(connection, AuditEntry(entry.at, name, "user_locked", name, entry.peer, kind))
    tell_others(connection, text, page_from, entry.at)


def succeeded(connection: Connection, made: Attempt, *, wholly: bool) -> None:
    """Take an attempt back: only itself, or, where the person is ``wholly`` logged in, all of the name at that place.

    What failed elsewhere stays: a person who comes in does not forgive who is guessing meanwhile.
    """
    columns = attempts.c
    own = (columns.user == made.name) & (columns.place == made.place)
    connection.execute(delete(attempts).where(own if wholly else columns.id == made.number))


def known_device(connection: Connection, name: str, token: str, now: datetime) -> str:
    """The id of a device this person has logged in with, from the token in its cookie; empty where it is none."""
    if not token:
        return ""
    own = (devices.c.id == digest(token)) & (devices.c.user == name) & (devices.c.last_used > now - DEVICE_LASTS)
    return connection.execute(select(devices.c.id).where(own)).scalar() or ""


def remember_device(connection: Connection, name: str, token: str, now: datetime) -> str:
    """Note a login with a device; a token for its cookie where it is new, else empty."""
    connection.execute(delete(devices).where(devices.c.last_used <= now - DEVICE_LASTS))
    if found := known_device(connection, name, token, now):
        connection.execute(update(devices).where(devices.c.id == found).values(last_used=now))
        return ""
    fresh = secrets.token_urlsafe(32)
    connection.execute(insert(devices).values(id=digest(fresh), user=name, created_at=now, last_used=now))
    return fresh


def forget_devices(connection: Connection, name: str, *, but: str = "") -> None:
    """No device of this user is known any more, but the one with this token."""
    connection.execute(delete(devices).where(devices.c.user == name, devices.c.id != digest(but)))


def _minutes(until: datetime, now: datetime) -> int:
    return -(int((now - until).total_seconds()) // 60)
