"""Every cell of `tests.web.matrix` against the console; a route without a line fails, and says which line to add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from secops.access.ports import Access, LoginPolicy, Role, SessionLimits
from secops.isms.audit.round import Unit
from secops.siem.ports import Scope, State, Verdict
from secops.store.records.accounts import SqlAccounts
from secops.web.app import create_app
from secops.web.session import csrf_token
from tests.audit_work import on_order
from tests.web.matrix import Call, calls, line_of
from tests.web.stage import PASSWORD, QUICK, Stage

TABLE = {(call.method, call.path): call for call in calls()}
# The stream of a reader has no end to wait for; see test_web_stream. It is asked only of who must not have it.
ENDLESS = {("GET", "/api/alerts/stream")}
RENEWING = {"/logout", "/account/confirm"}  # after these the browser has another token, or none
HOW = "Look at each cell, then add the line to TABLE in tests/web/matrix.py (its docstring says what cells mean):\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("matrix"))
    for role in Role:
        # Who belongs to a department sees nothing of an audit unless one is named.
        mine = frozenset({"区民課"}) if role in {Role.SECURITY_MANAGER, Role.STAFF} else None
        made.person(role.value.replace("_", "-"), role, Access(departments=mine))
        made.person(f"{role.value.replace('_', '-')}-lgwan", role, Access(frozenset({"lgwan"}), mine))
    made.person("victim", Role.VIEWER)
    made.person("elsewhere", Role.AUDITOR)
    made.play()
    on_order(made.rounds, Unit("211"), "auditor", "auditor-lgwan")  # an auditor sees what is in their plan
    on_order(made.rounds, Unit("212"), "elsewhere")
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(stage: Stage) -> FastAPI:
    return stage.app


def routes(app: FastAPI) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def walk(some) -> None:
        for route in some:
            if isinstance(route, APIRoute):
                found.update((method, route.path) for method in route.methods or ())
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(app.routes)
    return found


def logged_in(stage: Stage, role: Role, inside: bool) -> str:
    """The token of someone who has just logged in."""
    name = role.value.replace("_", "-") + ("" if inside else "-lgwan")
    return stage.accounts.login(name, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)[0]


def send(client: TestClient, token: str, call: Call):
    """One client for all people: to start another one costs more than to ask."""
    client.cookies.clear()
    headers = {"cookie": f"secops={token}", "x-csrf-token": csrf_token(token)}
    if call.method == "GET":
        return client.get(call.url, headers=headers)
    if call.path.startswith("/api/"):
        return client.request(call.method, call.url, json=call.json, headers=headers)
    return client.request(call.method, call.url, data={**call.form, "csrf": csrf_token(token)}, headers=headers)


class Crowd:
    """Someone of every role, in scope and out of it, who stay logged in from call to call as long as they can."""

    def __init__(self, client: TestClient, stage: Stage) -> None:
        self.client, self.stage = client, stage
        self.tokens: dict[tuple[Role, bool], str] = {}

    def ask(self, call: Call) -> dict[tuple[Role, bool], int]:
        """What each of them gets, alert 3 being open (or closed, where it is to be opened again)."""
        self._prepare(closed=call.path.endswith("/reopen"))
        got = {}
        for role in Role:
            for who in ((role, True), (role, False)):
                endless = (call.method, call.path) in ENDLESS and call.cells.get(who) == 200
                got[who] = 200 if endless else self._status(who, call)
        return got

    def _prepare(self, *, closed: bool) -> None:
        desk, now = self.stage.desk, self.stage.clock
        if closed is (desk.stored[3].state is State.CLOSED):
            return
        if closed:
            desk.close([3], Verdict.FALSE_POSITIVE, "x", actor="test", scope=Scope(), now=now)
        else:
            desk.reopen([3], actor="test", scope=Scope(), now=now)

    def _status(self, who: tuple[Role, bool], call: Call) -> int:
        token = self.tokens.pop(who, None) or logged_in(self.stage, *who)
        status: int = send(self.client, token, call).status_code
        if call.path not in RENEWING:
            self.tokens[who] = token
        return status


@pytest.fixture(scope="module")
def crowd(app: FastAPI, stage: Stage) -> Iterator[Crowd]:
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False) as client:
        yield Crowd(client, stage)


def test_every_route_has_a_line_and_every_line_a_route(app, crowd):
    there = routes(app)
    missing = [Call(method, path, "guarded", {}, "") for method, path in sorted(there - set(TABLE), key=lambda r: r[1])]
    lines = [line_of(call, crowd.ask(call)) for call in missing]
    assert not lines, HOW + "\n".join(lines)
    assert not set(TABLE) - there, "these lines of TABLE in tests/web/matrix.py have no route any more: take them out"


@pytest.mark.parametrize("key", [key for key, call in TABLE.items() if call.kind == "guarded"], ids=" ".join)
def test_each_role_gets_what_the_table_says(crowd, key):
    call = TABLE[key]
    got = crowd.ask(call)
    assert got == call.cells, HOW + line_of(call, got)


@pytest.mark.parametrize("key", [key for key in TABLE if key[1].startswith("/audit/evidence")], ids=" ".join)
def test_an_auditor_of_another_unit_gets_no_evidence(stage, crowd, key):
    """With all zones and departments in scope, but another unit in the plan."""
    token = stage.accounts.login("elsewhere", PASSWORD, peer="test", now=stage.clock, demo_allowed=True)[0]
    answer = send(crowd.client, token, TABLE[key])
    assert answer.status_code == (200 if key == ("GET", "/audit/evidence") else 404)
    assert "区民課" not in answer.text.split("<main", 1)[-1]


@pytest.mark.parametrize("key", [key for key, call in TABLE.items() if call.kind == "begun"], ids=" ".join)
def test_steps_of_a_login_lead_who_has_taken_them_on(crowd, key):
    assert set(crowd.ask(TABLE[key]).values()) == {303}


def test_before_the_last_step_nothing_but_the_steps_opens(stage):
    """A right password alone, of someone who must have a second factor, opens no other call of the table."""
    strict = SqlAccounts(stage.database, SessionLimits(), QUICK, LoginPolicy(12, frozenset(Role)))
    app, token = create_app(replace(stage.services, accounts=strict)), logged_in(stage, Role.CSIRT, inside=True)
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    for key, call in TABLE.items():
        if call.kind != "guarded" or call.path in {"/account/totp", "/account/passkey"}:
            continue
        answer = send(client, token, call)
        assert answer.status_code == (401 if call.path.startswith("/api/") else 303), key
        assert call.path.startswith("/api/") or answer.headers["location"].startswith("/login/enroll"), key
