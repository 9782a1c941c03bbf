"""What `secops.access.ports.Accounts` promises, over its SQL implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from secops.access.passwords import Passwords
from secops.access.ports import Access, Accounts, AuditEntry, Role, Session, SessionLimits, Visit
from secops.access.throttle import PER_PEER, PER_PLACE
from secops.errors import ConflictError, DeniedError, NotFoundError, UsageError
from secops.store.records.accounts import SqlAccounts
from secops.store.records.engine import Database, connect
from tests.databases import dump

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
GOOD = "correct horse battery"
OTHER = "another horse battery"
LIMITS = SessionLimits(idle=timedelta(minutes=30), absolute=timedelta(hours=8))
quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Door:
    """The accounts, with the clock and the address filled in."""

    accounts: Accounts
    now: datetime = NOW

    def login(self, name: str = "tanaka", password: str = GOOD, peer: str = "10.1.0.5") -> tuple[str, Session]:
        return self.accounts.login(name, password, peer=peer, now=self.now, demo_allowed=False)

    @property
    def visit(self) -> Visit:
        return Visit("10.1.0.5", "Firefox", self.now)

    def wait(self, **time: int) -> None:
        self.now += timedelta(**time)

    def open(self, token: str) -> bool:
        return self.accounts.session(token, self.now) is not None


@pytest.fixture
def database(records_place: Path | str) -> Iterator[Database]:
    opened = connect(records_place)
    yield opened
    opened.close()


@pytest.fixture
def door(database: Database) -> Door:
    accounts: Accounts = SqlAccounts(database, LIMITS, quick)
    scope = Access(frozenset({"lgwan"}), None)
    accounts.add("tanaka", GOOD, role=Role.CSIRT, access=scope, actor="root", now=NOW, display_name="田中")
    return Door(accounts)


def test_a_user_is_what_was_added(door: Door):
    user = door.accounts.user("tanaka")
    assert (user.display_name, user.role, user.demo, user.disabled) == ("田中", Role.CSIRT, False, False)
    assert user.access == Access(frozenset({"lgwan"}), None)
    assert door.accounts.users() == [user]
    with pytest.raises(NotFoundError):
        door.accounts.user("sato")


@pytest.mark.parametrize(("name", "password"), [("Tanaka!", GOOD), ("", GOOD), ("a" * 41, GOOD), ("sato", "short")])
def test_bad_names_and_passwords_are_refused(door: Door, name: str, password: str):
    with pytest.raises(UsageError):
        door.accounts.add(name, password, role=Role.VIEWER, access=Access(), actor="root", now=NOW)


def test_a_name_is_given_once(door: Door):
    with pytest.raises(ConflictError):
        door.accounts.add("tanaka", GOOD, role=Role.VIEWER, access=Access(), actor="root", now=NOW)


def test_login_gives_a_token_that_opens_the_session(door: Door):
    token, session = door.login(" Tanaka ")
    assert (session.user.name, session.user.last_login, session.peer) == ("tanaka", NOW, "10.1.0.5")
    assert door.accounts.session(token, NOW) == session
    assert not door.open("something else")
    assert not door.open("")


def test_the_token_itself_is_nowhere_in_the_database(door: Door, database: Database):
    token, session = door.login()
    everything = dump(database)
    assert session.id in everything
    assert token not in everything
    assert GOOD not in everything


def test_wrong_name_and_wrong_password_say_the_same(door: Door):
    with pytest.raises(DeniedError) as wrong_password:
        door.login(password=OTHER)
    with pytest.raises(DeniedError) as wrong_name:
        door.login("nobody")
    assert str(wrong_password.value) == str(wrong_name.value)
    failed = door.accounts.audit_log(action="login_failed")
    assert [(entry.actor, entry.peer) for entry in failed] == [("nobody", "10.1.0.5"), ("tanaka", "10.1.0.5")]


def test_sessions_end_when_idle_and_at_the_latest_after_a_day_of_work(door: Door):
    token, _ = door.login()
    for _ in range(15):
        door.wait(minutes=29)
        assert door.open(token)
    door.wait(minutes=30)
    assert not door.open(token)
    token, _ = door.login()
    for _ in range(19):
        door.wait(minutes=25)
        assert door.open(token)
    door.wait(minutes=5)
    assert not door.open(token)


def test_logout_ends_one_session(door: Door):
    here, _ = door.login()
    there, _ = door.login(peer="10.1.0.6")
    door.accounts.logout(here, NOW)
    door.accounts.logout("unknown", NOW)
    assert (door.open(here), door.open(there)) == (False, True)


def test_a_new_password_ends_all_other_sessions(door: Door):
    (old, mine), (other, _) = door.login(), door.login()
    with pytest.raises(DeniedError):
        door.accounts.change_password(mine, OTHER, OTHER, door.visit)
    with pytest.raises(UsageError):
        door.accounts.change_password(mine, GOOD, "short", door.visit)
    assert door.open(old)
    assert door.open(other)
    token, _ = door.accounts.change_password(mine, GOOD, OTHER, door.visit)
    assert (door.open(old), door.open(other), door.open(token)) == (False, False, True)
    door.login(password=OTHER)


def test_disabling_works_at_once_and_can_be_undone(door: Door):
    token, _ = door.login()
    assert door.accounts.disable("tanaka", actor="root", now=NOW).disabled
    assert not door.open(token)
    with pytest.raises(DeniedError, match="停止"):
        door.login()
    door.accounts.disable("tanaka", actor="root", now=NOW, disabled=False)
    door.login()


def test_demo_logins_work_on_this_machine_only(door: Door):
    door.accounts.add("demo", "demo", role=Role.CSIRT, access=Access(), actor="demo", now=NOW, demo=True)
    with pytest.raises(DeniedError, match=r"127\.0\.0\.1"):
        door.login("demo", "demo")
    _, session = door.accounts.login("demo", "demo", peer="127.0.0.1", now=NOW, demo_allowed=True)
    assert session.user.demo
    user, code = door.accounts.reset("demo", actor="root", now=NOW)
    assert not user.demo
    door.login("demo", code)


def test_guessing_a_name_is_slowed_down_where_it_comes_from(door: Door):
    for _ in range(PER_PLACE):
        with pytest.raises(DeniedError, match="違います"):
            door.login(password=OTHER)
    with pytest.raises(DeniedError, match="秒後"):
        door.login()
    door.login(peer="10.1.0.6")
    with pytest.raises(DeniedError, match="秒後"):
        door.login()  # who came in elsewhere forgives nothing here
    door.wait(seconds=10)
    door.login()
    door.login()


def test_guessing_is_slowed_down_for_the_address(door: Door):
    for n in range(PER_PEER):
        with pytest.raises(DeniedError, match="違います"):
            door.login(f"user{n}")
    with pytest.raises(DeniedError, match="秒後"):
        door.login()
    door.login(peer="10.1.0.6")


def test_the_audit_log_says_who_did_what(door: Door):
    door.login()
    door.accounts.record(AuditEntry(NOW, "tanaka", "raw_viewed", "ward.win.7", "10.1.0.5", "調査"))
    door.accounts.disable("tanaka", actor="root", now=NOW)
    log = door.accounts.audit_log()
    assert [(entry.actor, entry.action, entry.target) for entry in log] == [
        ("root", "user_disabled", "tanaka"),
        ("tanaka", "raw_viewed", "ward.win.7"),
        ("tanaka", "login", ""),
        ("root", "user_added", "tanaka"),
    ]
    assert door.accounts.audit_log(actor="tanaka", limit=1, offset=1)[0].action == "login"


def test_fewer_rights_end_the_sessions_more_do_not(door: Door):
    token, _ = door.login()
    user, ended = door.accounts.change("tanaka", access=Access(), actor="root", now=NOW)
    assert (user.access, ended, door.open(token)) == (Access(), 0, True)
    user, ended = door.accounts.change("tanaka", role=Role.VIEWER, actor="root", now=NOW)
    assert (user.role, user.access, ended, door.open(token)) == (Role.VIEWER, Access(), 1, False)
    token, _ = door.login()
    _, ended = door.accounts.change("tanaka", access=Access(None, frozenset({"区民課"})), actor="root", now=NOW)
    assert (ended, door.open(token)) == (1, False)
    assert door.accounts.change("tanaka", role=Role.VIEWER, actor="root", now=NOW)[1] == 0  # it is one already
    assert [one.text for one in door.accounts.audit_log(action="user_changed")] == [
        "departments all → 区民課",
        "csirt → viewer",
        "zones lgwan → all",
    ]


def test_the_only_administrator_stays_one(door: Door):
    for name, demo in (("root", False), ("demo", True), ("gone", False)):
        door.accounts.add(name, GOOD, role=Role.ADMIN, access=Access(), actor="x", now=NOW, demo=demo)
    door.accounts.disable("gone", actor="root", now=NOW)
    with pytest.raises(ConflictError, match="root"):
        door.accounts.change("root", role=Role.CSIRT, actor="root", now=NOW)
    assert door.accounts.user("root").role is Role.ADMIN
    door.accounts.change("root", access=Access(frozenset({"lgwan"})), actor="root", now=NOW)  # the role stays
    with pytest.raises(ConflictError, match="root"):
        door.accounts.disable("root", actor="root", now=NOW)
    assert not door.accounts.user("root").disabled
    door.accounts.change("tanaka", role=Role.ADMIN, actor="root", now=NOW)
    door.accounts.change("root", role=Role.CSIRT, actor="root", now=NOW)
    assert door.accounts.user("root").role is Role.CSIRT
    door.accounts.disable("root", actor="tanaka", now=NOW)
