"""What `secops.access.ports` promises of set-up codes, second factors, locks and the audit log, over SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from secops.access.box import Box
from secops.access.passwords import Passwords
from secops.access.ports import (
    Access,
    AuditEntry,
    AuditFilter,
    Identity,
    LoginPolicy,
    Party,
    Role,
    Session,
    SessionLimits,
    Step,
    Visit,
)
from secops.access.throttle import CODE_LIMIT, LOCK, LOCK_AFTER, PASSWORD_LIMIT
from secops.errors import ConflictError, DeniedError, NotFoundError, UsageError
from secops.siem.triage import trust
from secops.store.records.access_tables import users
from secops.store.records.accounts import SqlAccounts
from secops.store.records.engine import Database, connect
from secops.store.records.siem_tables import alerts, history
from tests.databases import dump
from tests.fakes.authenticator import SoftKey

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
GOOD = "correct horse battery"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
POLICY = LoginPolicy(second_factor=frozenset({Role.ADMIN}))
PARTY = Party("console.example", "secops", "https://console.example")


@dataclass
class Door:
    """The accounts with a clock; ``tanaka`` needs no second factor, ``root`` does."""

    accounts: SqlAccounts
    now: datetime = NOW

    def login(
        self, name: str = "tanaka", password: str = GOOD, peer: str = "10.1.0.5", device: str = ""
    ) -> tuple[str, Session]:
        return self.accounts.login(
            name, password, peer=peer, now=self.now, demo_allowed=False, agent="Firefox", device=device
        )

    def visit(self) -> Visit:
        return Visit("10.1.0.5", "Firefox", self.now)

    def step(self, token: str) -> Step | None:
        found = self.accounts.session(token, self.now)
        return found.step if found else None

    def with_totp(self, name: str = "tanaka") -> tuple[pyotp.TOTP, Session]:
        _, session = self.login(name)
        app = pyotp.TOTP(self.accounts.begin_totp(session))
        _, session, _codes = self.accounts.finish_totp(session, app.at(self.now), self.visit())
        return app, session


@pytest.fixture
def database(records_place: Path | str) -> Iterator[Database]:
    opened = connect(records_place)
    yield opened
    opened.close()


@pytest.fixture
def door(database: Database) -> Door:
    accounts = SqlAccounts(database, SessionLimits(), QUICK, POLICY)
    accounts.add("tanaka", GOOD, role=Role.CSIRT, access=Access(), actor="setup", now=NOW)
    accounts.add("root", GOOD, role=Role.ADMIN, access=Access(), actor="setup", now=NOW)
    return Door(accounts)


def told(database: Database) -> list[str]:
    """What the alert about trust says, oldest first."""
    joined = select(history.c.text).join(alerts, alerts.c.id == history.c.alert_id).where(alerts.c.key == trust.KEY)
    with database.read() as connection:
        return list(connection.execute(joined.order_by(history.c.id)).scalars())


def invite(door: Door, name: str = "sato", role: Role = Role.VIEWER) -> str:
    return door.accounts.invite(name, role=role, access=Access(), actor="root", now=door.now)[1]


def test_a_set_up_code_lets_choose_a_password_and_nothing_else(door: Door):
    code = invite(door)
    assert len(code) == 23
    for wrong in (code[:-1], "", "-" * 23):
        with pytest.raises(DeniedError, match="違います"):
            door.login("sato", wrong, peer=wrong)
    token, session = door.login("sato", code.lower().replace("-", " "))
    assert session.step is Step.PASSWORD
    with pytest.raises(UsageError):
        door.accounts.choose_password(session, "short", door.visit())
    fresh, session = door.accounts.choose_password(session, GOOD, door.visit())
    assert (door.step(token), door.step(fresh)) == (None, Step.DONE), "the token is another one"
    with pytest.raises(DeniedError):
        door.login("sato", code)
    with pytest.raises(DeniedError, match="すでに"):
        door.accounts.choose_password(session, GOOD + "!", door.visit())
    door.login("sato")


def test_a_set_up_code_runs_out(door: Door):
    code = invite(door)
    door.now += timedelta(days=7)
    with pytest.raises(DeniedError):
        door.login("sato", code)


def test_a_reset_voids_the_password_and_says_so_to_others(door: Door, database: Database):
    token, _ = door.login()
    user, code = door.accounts.reset("tanaka", actor="root", now=NOW)
    assert (user.has_password, door.step(token)) == (False, None)
    with pytest.raises(DeniedError):
        door.login()
    assert door.login(password=code)[1].step is Step.PASSWORD
    assert told(database)[-1].startswith("root が「tanaka」のパスワードを無効にし")


def test_a_reset_keeps_factors_unless_asked_and_they_come_before_the_password(door: Door):
    app, _ = door.with_totp()
    door.now += timedelta(minutes=2)
    _, code = door.accounts.reset("tanaka", actor="root", now=door.now)
    _, session = door.login(password=code)
    assert session.step is Step.FACTOR, "who intercepts the code has not got in"
    with pytest.raises(DeniedError):
        door.accounts.choose_password(session, GOOD, door.visit())
    _, session = door.accounts.pass_code(session, app.at(door.now), door.visit())
    assert session.step is Step.PASSWORD
    user, code = door.accounts.reset("tanaka", actor="root", now=door.now, factors=True)
    assert (user.has_factor, user.recovery) == (False, 0)
    assert door.login(password=code)[1].step is Step.PASSWORD


def test_a_new_administrator_is_told_to_others_and_joins_the_open_alert(door: Door, database: Database):
    invite(door, "boss", Role.ADMIN)
    assert [line.split("」")[0] for line in told(database)] == [
        "setup が「root",
        "root が「boss",
    ]
    with database.read() as connection:
        found = connection.execute(select(alerts.c.kind, alerts.c.state, alerts.c.title_en)).all()
    assert found == [("program", "open", trust.TITLE_EN)]


def test_who_becomes_an_administrator_is_told_to_others(door: Door, database: Database):
    door.accounts.change("tanaka", role=Role.ADMIN, actor="root", now=NOW)
    assert [line.split("」")[0] for line in told(database)] == ["setup が「root", "root が「tanaka"]


def test_codes_of_an_app_work_once_and_one_step_aside(door: Door):
    app, _ = door.with_totp()
    for aside, good in (
        (-2, False),
        (2, False),
        (-1, True),
        (-1, False),
        (0, True),
        (0, False),
        (-1, False),
        (1, True),
    ):
        if aside == -2:
            door.now += timedelta(minutes=5)
        _, session = door.login(peer=f"10.2.0.{aside}")
        code = app.at(door.now, counter_offset=aside)
        if good:
            assert door.accounts.pass_code(session, f" {code[:3]} {code[3:]}", door.visit())[1].step is Step.DONE
        else:
            with pytest.raises(DeniedError):
                door.accounts.pass_code(session, code, door.visit())


def test_secrets_of_apps_are_nowhere_readable(door: Door, database: Database):
    _, session = door.login()
    secret = door.accounts.begin_totp(session)
    assert door.accounts.begin_totp(session) == secret
    assert secret not in dump(database)
    app = pyotp.TOTP(secret)
    door.accounts.finish_totp(session, app.at(door.now), door.visit())
    assert secret not in dump(database)


def test_a_secret_opens_for_its_user_under_its_key_alone(door: Door, database: Database):
    app, _ = door.with_totp()
    _, session = door.login("root")
    _, session, codes = door.accounts.finish_totp(
        session, pyotp.TOTP(door.accounts.begin_totp(session)).at(door.now), door.visit()
    )
    door.now += timedelta(minutes=2)
    with database.write() as connection:
        kept = connection.execute(select(users.c.totp_secret).where(users.c.name == "tanaka")).scalar_one()
        connection.execute(update(users).where(users.c.name == "root").values(totp_secret=kept))
    _, session = door.login("root")
    with pytest.raises(DeniedError, match=r"totp\.key"):
        door.accounts.pass_code(session, app.at(door.now), door.visit())
    assert door.accounts.pass_code(session, codes[0], door.visit())[1].step is Step.DONE, "needs no key"
    other = SqlAccounts(database, SessionLimits(), QUICK, POLICY, box=Box(lambda: None, lambda: b""))
    _, session = door.login()
    with pytest.raises(DeniedError, match=r"totp\.key"):
        other.pass_code(session, app.at(door.now), door.visit())
    assert door.accounts.pass_code(session, app.at(door.now), door.visit())[1].step is Step.DONE


def test_secrets_from_before_are_used_and_sealed(door: Door, database: Database):
    door.with_totp()
    app = pyotp.TOTP(pyotp.random_base32())
    with database.write() as connection:
        connection.execute(update(users).where(users.c.name == "tanaka").values(totp_secret=app.secret))
    assert app.secret in dump(database)
    for sealed in (False, True):
        if sealed:
            assert door.accounts.seal_secrets() == 1
        door.now += timedelta(minutes=2)
        _, session = door.login()
        assert door.accounts.pass_code(session, app.at(door.now), door.visit())[1].step is Step.DONE
    assert app.secret not in dump(database)
    assert door.accounts.seal_secrets() == 0


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "12３456", "²²²²²²", "\ud800", "0" * 5000])
def test_what_is_no_code_is_refused(door: Door, code: str):
    door.with_totp()
    _, session = door.login()
    with pytest.raises(DeniedError):
        door.accounts.pass_code(session, code, door.visit())


def test_the_token_from_before_the_second_factor_is_worth_nothing(door: Door):
    app, _ = door.with_totp()
    door.now += timedelta(minutes=2)
    before, session = door.login()
    assert door.step(before) is Step.FACTOR
    assert door.accounts.user("tanaka").last_login == NOW, "half a login is none"
    after, _ = door.accounts.pass_code(session, app.at(door.now), door.visit())
    assert (door.step(before), door.step(after)) == (None, Step.DONE)
    assert door.accounts.user("tanaka").last_login == door.now
    with pytest.raises(DeniedError, match="終わって"):
        door.accounts.pass_code(session, app.at(door.now), door.visit())


def test_setting_a_factor_up_asks_the_other_sessions_for_it(door: Door):
    other, _ = door.login()
    door.with_totp()
    assert door.step(other) is Step.FACTOR


def test_recovery_codes_work_once_and_a_new_set_voids_the_old(door: Door):
    _, session = door.login()
    app = pyotp.TOTP(door.accounts.begin_totp(session))
    assert door.accounts.begin_totp(session) == app.secret, "the same while the page is open"
    _, session, codes = door.accounts.finish_totp(session, app.at(door.now), door.visit())
    assert len(set(codes)) == 10
    _, again = door.login()
    assert door.accounts.pass_code(again, codes[0].lower(), door.visit())[1].user.recovery == 9
    _, again = door.login()
    with pytest.raises(DeniedError):
        door.accounts.pass_code(again, codes[0], door.visit())
    fresh = door.accounts.new_recovery(session, door.visit())
    with pytest.raises(DeniedError):
        door.accounts.pass_code(again, codes[1], door.visit())
    door.accounts.pass_code(again, fresh[0], door.visit())


def test_who_must_have_a_factor_sets_it_up_first_and_keeps_one(door: Door):
    token, session = door.login("root")
    assert session.step is Step.ENROLL
    _, session = door.with_totp("root")
    assert session.step is Step.DONE
    assert door.step(token) is Step.FACTOR
    with pytest.raises(ConflictError, match="最後の 1 つ"):
        door.accounts.drop_totp(session, door.visit())
    assert door.accounts.user("root").totp
    _, free = door.with_totp()
    door.accounts.drop_totp(free, door.visit())
    user = door.accounts.user("tanaka")
    assert (user.has_factor, user.recovery) == (False, 0)
    with pytest.raises(ConflictError):
        door.accounts.new_recovery(replace(free, user=user), door.visit())


def test_a_passkey_is_registered_used_and_removed(door: Door):
    key = SoftKey()
    _, session = door.login()
    _, session, codes = door.accounts.finish_passkey(
        session, PARTY, " 当番用\nノート ", key.create(door.accounts.begin_passkey(session, PARTY)), door.visit()
    )
    assert (len(codes), session.step) == (10, Step.DONE)
    assert [one.name for one in door.accounts.passkeys("tanaka")] == ["当番用 ノート"]
    before, again = door.login()
    answer = key.get(door.accounts.ask_passkey(again, PARTY))
    after, passed = door.accounts.pass_passkey(again, PARTY, answer, door.visit())
    assert (door.step(before), passed.step) == (None, Step.DONE)
    _, again = door.login()
    with pytest.raises(DeniedError):
        door.accounts.pass_passkey(again, PARTY, answer, door.visit())  # of another challenge
    with pytest.raises(NotFoundError):
        door.accounts.drop_passkey(door.login("root")[1], door.accounts.passkeys("tanaka")[0].id, door.visit())
    door.accounts.drop_passkey(passed, door.accounts.passkeys("tanaka")[0].id, door.visit())
    assert door.accounts.passkeys("tanaka") == []
    assert door.step(after) is Step.DONE


def with_passkey(door: Door, key: SoftKey, name: str = "tanaka") -> Session:
    _, session = door.login(name)
    options = door.accounts.begin_passkey(session, PARTY)
    return door.accounts.finish_passkey(session, PARTY, "", key.create(options), door.visit())[1]


def test_answers_of_a_forged_page_or_a_copied_key_are_refused(door: Door):
    key = SoftKey()
    with_passkey(door, key)
    bad = [replace(key, origin="https://console.example.evil"), replace(key, rp_id="evil.example")]
    bad += [replace(key, id=b"unknown"), replace(SoftKey(), id=key.id)]
    for one in bad:
        _, session = door.login()
        with pytest.raises(DeniedError):
            door.accounts.pass_passkey(session, PARTY, one.get(door.accounts.ask_passkey(session, PARTY)), door.visit())
        door.accounts.unlock("tanaka", actor="root", now=door.now)
    _, session = door.login()
    copy = replace(key)
    door.accounts.pass_passkey(session, PARTY, key.get(door.accounts.ask_passkey(session, PARTY)), door.visit())
    _, session = door.login()
    with pytest.raises(DeniedError):
        door.accounts.pass_passkey(session, PARTY, copy.get(door.accounts.ask_passkey(session, PARTY)), door.visit())


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": 7}', "\ud800", "x" * 20_000, '{"id":' * 5000])
def test_what_is_no_answer_of_a_passkey_is_refused(door: Door, text: str):
    with_passkey(door, SoftKey())
    _, session = door.login()
    door.accounts.ask_passkey(session, PARTY)
    with pytest.raises(DeniedError):
        door.accounts.pass_passkey(session, PARTY, text, door.visit())
    _, root = door.login("root")
    door.accounts.begin_passkey(root, PARTY)
    with pytest.raises(DeniedError):
        door.accounts.finish_passkey(root, PARTY, "x", text, door.visit())


def test_a_passkey_belongs_to_one_user(door: Door):
    key = SoftKey()
    with_passkey(door, key)
    with pytest.raises(ConflictError):
        with_passkey(door, key, "root")


def fail(door: Door, name: str, times: int, *, spread: bool = False) -> str:
    """That many wrong passwords from one address, or each from another; what the last answer said."""
    said = ""
    for n in range(times):
        door.now += timedelta(seconds=80 if spread else 170)
        with pytest.raises(DeniedError) as error:
            door.login(name, "wrong password", peer=f"10.3.0.{n}" if spread else "10.3.0.1")
        said = str(error.value)
    return said


def refusal(door: Door, *login: str, **more: str) -> str:
    with pytest.raises(DeniedError) as error:
        door.login(*login, **more)
    return str(error.value)


def test_many_failures_lock_a_name_at_that_place_whether_it_exists_or_not(door: Door, database: Database):
    texts = []
    for name in ("tanaka", "nobody"):
        door.now += timedelta(hours=1)
        assert "違います" in fail(door, name, LOCK_AFTER)
        texts.append(refusal(door, name, GOOD, peer="10.3.0.1"))
    assert texts[0] == texts[1]
    assert "30 分後" in texts[0]
    door.login("tanaka", peer="10.9.0.1")
    assert sum("「tanaka」のログインが同じところから 10 回" in line for line in told(database)) == 1
    assert not any("nobody" in line for line in told(database))
    assert [(one.actor, one.text) for one in door.accounts.audit_log(action="user_locked")] == [("tanaka", "place")]


def test_a_lock_ends_by_time_by_an_administrator_and_by_a_reset(door: Door):
    fail(door, "tanaka", LOCK_AFTER)
    locked = next(one for one in door.accounts.users(door.now) if one.name == "tanaka")
    assert locked.locked_until == door.now + LOCK
    door.accounts.unlock("tanaka", actor="root", now=door.now)
    door.login(peer="10.3.0.1")
    fail(door, "tanaka", LOCK_AFTER)
    door.now += LOCK
    door.login(peer="10.3.0.1")
    fail(door, "tanaka", LOCK_AFTER)
    code = door.accounts.reset("tanaka", actor="root", now=door.now)[1]
    door.login(password=code, peer="10.3.0.1")


def test_guessing_from_many_addresses_makes_a_password_alone_worth_nothing(door: Door, database: Database):
    """Brute force: even with the right password the guesser neither comes in nor learns that it was right."""
    said = {
        name: [refusal(door, name, f"guess {n}", peer=f"10.3.0.{n}") for n in range(60)] for name in ("tanaka", "x")
    }
    assert said["tanaka"] == said["x"]
    assert refusal(door, "tanaka", GOOD, peer="10.3.1.1") == refusal(door, "x", GOOD, peer="10.3.1.1") == said["x"][-1]
    assert said["x"][0] != said["x"][PASSWORD_LIMIT] == said["x"][-1]
    assert sum("あちこちから 20 回" in line for line in told(database)) == 1
    assert next(one for one in door.accounts.users(door.now) if one.name == "tanaka").locked_until == door.now + LOCK
    door.now += LOCK
    door.login(peer="10.3.1.1")


def test_nobody_shuts_somebody_out_of_a_device_they_have_used(door: Door):
    _, session = door.login()
    device = door.accounts.remember(session, door.visit())
    assert device
    assert door.accounts.remember(session, replace(door.visit(), device=device)) == ""
    for n in range(40):  # from everywhere, and from the very address of the device
        refusal(door, "tanaka", "wrong password", peer=f"10.3.0.{n}")
        refusal(door, "tanaka", "wrong password")
    refusal(door, "tanaka", GOOD)
    assert "初めての端末" in refusal(door, "tanaka", GOOD, peer="10.9.0.1")
    assert "初めての端末" in refusal(door, "tanaka", GOOD, peer="10.9.0.2", device="forged")
    door.accounts.login("tanaka", GOOD, peer="10.1.0.5", now=door.now, demo_allowed=False, device=device)
    # It opens nothing by itself, is worth nothing for somebody else, and is a place of its own to guess from.
    for n in range(LOCK_AFTER):
        door.now += timedelta(seconds=170)
        assert "違います" in refusal(door, "tanaka", "wrong password", peer=f"10.4.0.{n}", device=device)
    assert "ここから" in refusal(door, "tanaka", GOOD, peer="10.4.1.1", device=device)
    door.now += LOCK
    door.accounts.reset("tanaka", actor="root", now=door.now)
    fail(door, "tanaka", PASSWORD_LIMIT, spread=True)
    assert "初めての端末" in refusal(door, "tanaka", GOOD, peer="10.4.2.1", device=device), "a reset voids devices"


def test_a_device_is_known_once_somebody_is_wholly_logged_in(door: Door):
    door.with_totp()
    _, half = door.login()
    assert half.step is Step.FACTOR
    assert door.accounts.remember(half, door.visit()) == ""


def test_others_guesses_do_not_keep_out_who_has_a_second_factor(door: Door):
    app, _ = door.with_totp()
    fail(door, "tanaka", PASSWORD_LIMIT + 5, spread=True)
    assert "初めての端末" in refusal(door, "tanaka", "wrong password", peer="10.9.0.2")
    _, session = door.login(peer="10.9.0.1")
    visit = replace(door.visit(), peer="10.9.0.1")
    assert door.accounts.pass_code(session, app.at(door.now), visit)[1].step is Step.DONE


def test_guessing_codes_locks_although_the_password_is_right_each_time(door: Door):
    door.with_totp()
    for _n in range(LOCK_AFTER):
        door.now += timedelta(seconds=170)
        _, session = door.login()
        with pytest.raises(DeniedError):
            door.accounts.pass_code(session, "000000", door.visit())
    assert "停止しています" in refusal(door)


def test_codes_guessed_from_many_addresses_stop_codes_but_neither_recovery_nor_passkeys(door: Door):
    _, session = door.login()
    app = pyotp.TOTP(door.accounts.begin_totp(session))
    _, session, codes = door.accounts.finish_totp(session, app.at(door.now), door.visit())
    key = SoftKey()
    key_options = door.accounts.begin_passkey(session, PARTY)
    door.accounts.finish_passkey(session, PARTY, "key", key.create(key_options), door.visit())
    door.now += timedelta(minutes=5)
    for n in range(CODE_LIMIT):
        _, session = door.login(peer=f"10.3.0.{n}")
        with pytest.raises(DeniedError, match="違うか"):
            door.accounts.pass_code(session, "000000", replace(door.visit(), peer=f"10.3.0.{n}"))
    for recover in (False, True):
        _, session = door.login(peer="10.9.0.1")
        visit = replace(door.visit(), peer="10.9.0.1")
        with pytest.raises(DeniedError, match="回復コード"):
            door.accounts.pass_code(session, app.at(door.now), visit)
        if recover:
            door.accounts.pass_code(session, codes[0], visit)
        else:
            options = door.accounts.ask_passkey(session, PARTY)
            door.accounts.pass_passkey(session, PARTY, key.get(options), visit)


def test_who_guesses_for_hours_is_told_once_in_a_while(door: Door, database: Database):
    fail(door, "tanaka", 60, spread=True)
    assert len(door.accounts.audit_log(action="login_failed")) == 60
    lines = [line for line in told(database) if "あちこちから" in line]
    assert 1 <= len(lines) <= 3, "80 minutes"


def test_sessions_are_listed_and_ended(door: Door):
    mine_token, mine = door.login()
    door.now += timedelta(minutes=1)
    other_token, other = door.login(peer="10.1.0.6")
    assert [(one.peer, one.agent) for one in door.accounts.sessions("tanaka", door.now)] == [
        ("10.1.0.6", "Firefox"),
        ("10.1.0.5", "Firefox"),
    ]
    with pytest.raises(NotFoundError):
        door.accounts.end_session("root", other.id, door.visit())
    door.accounts.end_session("tanaka", other.id, door.visit())
    assert (door.step(mine_token), door.step(other_token)) == (Step.DONE, None)
    door.login()
    assert door.accounts.end_others(mine, door.visit()) == 1
    assert len(door.accounts.sessions("tanaka", door.now)) == 1
    door.now += timedelta(hours=12)
    assert door.accounts.sessions("tanaka", door.now) == []


def test_confirming_gives_another_token(door: Door):
    token, session = door.login()
    with pytest.raises(DeniedError):
        door.accounts.confirm(session, "wrong", door.visit())
    door.now += timedelta(hours=1)
    fresh, again = door.accounts.confirm(session, GOOD, door.visit())
    assert (door.step(token), door.step(fresh), again.confirmed) == (None, Step.DONE, door.now)


def test_an_external_user_has_no_password_and_gets_no_code(door: Door):
    door.accounts.invite("ext", role=Role.VIEWER, access=Access(), actor="root", now=NOW, external=True)
    for guess in ("", "anything"):
        with pytest.raises(DeniedError):
            door.login("ext", guess)
    identity = Identity("https://i|1", "ext", "")
    assert door.accounts.login_external(identity, door.visit(), make=False)[1].step is Step.DONE
    assert door.accounts.reset("ext", actor="root", now=NOW)[1] == ""
    door.accounts.login_external(identity, door.visit(), make=False)
    door.accounts.disable("ext", actor="root", now=NOW)
    with pytest.raises(DeniedError, match="停止"):
        door.accounts.login_external(identity, door.visit(), make=True)
    with pytest.raises(DeniedError):
        door.accounts.login_external(Identity("https://i|2", "Bad Name", ""), door.visit(), make=True)


def test_an_administrator_from_outside_needs_a_factor_unless_the_provider_vouches(door: Door):
    door.accounts.invite("ext", role=Role.ADMIN, access=Access(), actor="root", now=NOW, external=True)
    plain, strong = Identity("s", "ext", ""), Identity("s", "ext", "", strong=True)
    assert door.accounts.login_external(plain, door.visit(), make=False)[1].step is Step.ENROLL
    assert door.accounts.login_external(strong, door.visit(), make=False)[1].step is Step.DONE


def test_a_reader_sees_the_audit_log_of_their_zones_only(door: Door):
    def entry(target: str, zone: str | None, department: str | None = None) -> AuditEntry:
        return AuditEntry(NOW, f"of {target}", f"see {target}", target, "", zone=zone, department=department)

    entries = [entry("a", "lgwan", "区民課"), entry("b", "mynumber", "区民課"), entry("c", "", ""), entry("d", None)]
    for one in entries:
        door.accounts.record(one)

    def seen(access: Access) -> str:
        found = door.accounts.audit_page(AuditFilter(text="", access=access), limit=10)
        ours = [one for one in found.entries if one.actor.startswith("of")]
        assert found.total == len(found.entries)
        actors, actions = door.accounts.audit_names(access)
        assert [one for one in actors if one.startswith("of")] == sorted(one.actor for one in ours)
        assert [one for one in actions if one.startswith("see")] == sorted(one.action for one in ours)
        assert all(one in entries for one in ours), "zone and department come back"
        return "".join(sorted(one.target for one in ours))

    assert seen(Access()) == "abcd"
    assert seen(Access(frozenset({"lgwan"}))) == "ad"
    assert seen(Access(None, frozenset({"区民課"}))) == "abd"
    assert seen(Access(frozenset({"mynumber", "lgwan"}), frozenset({"福祉課"}))) == "d"
    assert seen(Access(frozenset())) == "d"


def test_what_is_recorded_once_is_recorded_again_after_the_time(door: Door):
    look = AuditEntry(NOW, "tanaka", "event_viewed", "ward.fw.1", "p", zone="lgwan")
    hour = timedelta(hours=1)
    for one in (
        look,
        replace(look, at=NOW + timedelta(minutes=59)),
        replace(look, at=NOW + hour),
        replace(look, target="ward.fw.2"),
        replace(look, actor="root"),
    ):
        door.accounts.record_once(one, hour)
    found = door.accounts.audit_log(action="event_viewed")
    assert [(one.actor, one.target, one.at - NOW) for one in reversed(found)] == [
        ("tanaka", "ward.fw.1", timedelta(0)),
        ("tanaka", "ward.fw.1", hour),
        ("tanaka", "ward.fw.2", timedelta(0)),
        ("root", "ward.fw.1", timedelta(0)),
    ]


def test_pages_of_the_audit_log_lose_nothing_while_it_grows(door: Door):
    def write(n: int) -> None:
        door.accounts.record(AuditEntry(NOW + timedelta(minutes=n), "a_b%", "raw_viewed", f"x{n}", "p", "100%"))

    for n in range(7):
        write(n)
    wanted = AuditFilter("a_b%", "raw_viewed")
    first = door.accounts.audit_page(wanted, limit=3)
    assert ([one.target for one in first.entries], first.total, first.newer) == (["x6", "x5", "x4"], 7, 0)
    write(7)
    second = door.accounts.audit_page(wanted, limit=3, before=first.entries[-1].number)
    assert ([one.target for one in second.entries], second.total, second.newer) == (["x3", "x2", "x1"], 8, 4)
    back = door.accounts.audit_page(wanted, limit=3, after=second.entries[0].number)
    assert ([one.target for one in back.entries], back.newer) == (["x6", "x5", "x4"], 1)
    assert door.accounts.audit_page(AuditFilter(text="%"), limit=3).total == 8, "a sign of its own, no wildcard"
    assert door.accounts.audit_page(AuditFilter(text="x_"), limit=3).total == 0
    span = AuditFilter("a_b%", since=NOW + timedelta(minutes=2), until=NOW + timedelta(minutes=5))
    assert door.accounts.audit_page(span, limit=9).total == 3
    assert "a_b%" in door.accounts.audit_names(Access())[0]
