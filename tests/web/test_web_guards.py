"""Who may do what: every route against every role, tokens, hosts, headers, sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from secops.access.ports import RIGHTS, Right, Role
from secops.settings import WebSettings
from secops.siem.ports import State
from secops.web.login import local_path
from secops.web.security import CSP
from tests.web.stage import PASSWORD, Stage, csrf

PUBLIC = "public"
ANYONE = "anyone logged in"
# Every route with the right it takes. A new route fails the first test until it is written down here.
ROUTES: dict[tuple[str, str], Right | str] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/login"): PUBLIC,
    ("POST", "/login"): PUBLIC,
    ("POST", "/language"): PUBLIC,
    ("POST", "/logout"): ANYONE,
    ("GET", "/alerts"): Right.SEE_ALERTS,
    ("POST", "/alerts/bulk"): Right.WORK_ALERTS,
    ("GET", "/alerts/bulk"): Right.WORK_ALERTS,
    ("POST", "/alerts/bulk/all"): Right.WORK_ALERTS,
    ("POST", "/alerts/bulk/{number}/undo"): Right.WORK_ALERTS,
    ("GET", "/alerts/times"): Right.SEE_ALERTS,
    ("GET", "/morning"): Right.SEE_ALERTS,
    ("GET", "/saved"): Right.SEE_ALERTS,
    ("POST", "/saved"): Right.SEE_ALERTS,
    ("POST", "/saved/{search_id}/rename"): Right.SEE_ALERTS,
    ("POST", "/saved/{search_id}/delete"): Right.SEE_ALERTS,
    ("POST", "/alerts/{alert_id}/link"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/unlink"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/merge"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/unmerge"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/split"): Right.WORK_ALERTS,
    ("GET", "/alerts/{alert_id}/exception"): Right.MAKE_EXCEPTIONS,
    ("POST", "/alerts/{alert_id}/exception"): Right.MAKE_EXCEPTIONS,
    ("GET", "/alerts/new"): Right.REPORT_CASE,
    ("POST", "/alerts/new"): Right.REPORT_CASE,
    ("GET", "/alerts/{alert_id}"): Right.SEE_ALERTS,
    ("POST", "/alerts/{alert_id}/assign"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/close"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/reopen"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/note"): Right.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/confirm"): Right.WORK_ALERTS,
    ("GET", "/notify"): Right.SEE_STATUS,
    ("POST", "/notify/test"): Right.TEST_NOTIFY,
    ("POST", "/notify/conditions/{condition_id}/confirm"): Right.CONFIRM_NOTIFY,
    ("POST", "/notify/given-up"): Right.CONFIRM_NOTIFY,
    ("POST", "/alerts/{alert_id}/raw"): Right.SEE_RAW,
    ("GET", "/events/{event_id}"): Right.SEARCH_EVENTS,
    ("POST", "/events/{event_id}/raw"): Right.SEE_RAW,
    ("GET", "/sources"): Right.SEE_STATUS,
    ("GET", "/rules"): Right.SEE_STATUS,
    ("GET", "/rules/coverage"): Right.SEE_STATUS,
    ("GET", "/rules/{rule_id}"): Right.SEE_STATUS,
    ("GET", "/api/alerts/stream"): Right.SEE_ALERTS,
    ("GET", "/api/alerts"): Right.SEE_ALERTS,
    ("GET", "/api/alerts/{alert_id}"): Right.SEE_ALERTS,
    ("POST", "/api/alerts/looked"): Right.SEE_ALERTS,
    ("POST", "/api/alerts/assign"): Right.WORK_ALERTS,
    ("POST", "/api/alerts/close"): Right.WORK_ALERTS,
    ("POST", "/api/alerts/reopen"): Right.WORK_ALERTS,
    ("POST", "/api/alerts/{alert_id}/notes"): Right.WORK_ALERTS,
}
BODIES = {
    "/api/alerts/assign": {"ids": [3]},
    "/api/alerts/close": {"ids": [3], "verdict": "false_positive", "reason": "x"},
    "/api/alerts/reopen": {"ids": [1]},
    "/api/alerts/{alert_id}/notes": {"text": "x"},
}
GUARDED = sorted(key for key, right in ROUTES.items() if right is not PUBLIC)
CHANGING = [key for key in GUARDED if key[0] == "POST"]


def all_routes(stage: Stage) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def walk(routes) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.update((method, route.path) for method in route.methods or ())
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(stage.app.routes)
    return found


def send(browser: TestClient, method: str, path: str, token: str | None):
    url = path.format(
        alert_id=3, event_id="sumida.fw01.4567", rule_id="zone-crossing", condition_id=1, number=9, search_id=9
    )
    if method == "GET":
        return browser.get(url)
    if path.startswith("/api/"):
        return browser.post(url, json=BODIES.get(path), headers={"x-csrf-token": token} if token else {})
    return browser.post(url, data={"event_id": "sumida.fw01.4567", **({"csrf": token} if token else {})})


def fingerprint(stage: Stage) -> object:
    return {i: (a.state, a.assignee) for i, a in stage.desk.stored.items()}, len(stage.desk.stored)


def test_every_route_is_in_the_table(stage):
    assert all_routes(stage) == set(ROUTES)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_exactly_its_routes(stage, role):
    for method, path in GUARDED:
        if path == "/api/alerts/stream" and Right.SEE_ALERTS in RIGHTS[role]:
            continue  # an open stream has no end to wait for; see test_web_stream
        right = ROUTES[method, path]
        browser = stage.client(role.value)
        before = fingerprint(stage)
        status = send(browser, method, path, csrf(browser)).status_code
        if right == ANYONE or right in RIGHTS[role]:
            named = (
                {404} if "{search_id}" in path or "{number}" in path or "split" in path or "link" in path else set()
            )  # there is nothing of this number
            assert status in {200, 303, 400, 409} | named, (method, path, status)
        else:
            assert status == 403, (method, path, status)
            assert fingerprint(stage) == before, (method, path)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_gets_in_without_login(stage, method, path):
    before = fingerprint(stage)
    answer = send(stage.visitor(), method, path, "x")
    assert answer.status_code == (401 if path.startswith("/api/") else 303)
    assert path.startswith("/api/") or answer.headers["location"].startswith("/login")
    assert fingerprint(stage) == before


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_without_our_token_changes_nothing(stage, method, path, token):
    before = fingerprint(stage)
    assert send(stage.client("csirt"), method, path, token).status_code == 403
    assert fingerprint(stage) == before


def test_a_token_that_is_not_even_ascii_is_refused(stage):
    assert send(stage.client("csirt"), "POST", "/alerts/{alert_id}/note", "あ").status_code == 403


def test_the_token_of_another_session_is_refused(stage):
    mine, other = stage.client("csirt"), stage.client("touban")
    assert mine.post("/alerts/3/assign", data={"csrf": csrf(other)}).status_code == 403


def test_every_answer_carries_the_headers(stage):
    browser = stage.client("csirt")
    for path in (
        "/login",
        "/alerts",
        "/alerts/3",
        "/alerts/99",
        "/nope",
        "/api/alerts",
        "/static/base.css",
        "/healthz",
    ):
        headers = browser.get(path).headers
        assert headers["content-security-policy"] == CSP, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert "unsafe" not in CSP
    assert browser.get("/alerts").headers["cache-control"] == "no-store"
    assert "immutable" in browser.get("/static/base.css").headers["cache-control"]


def test_no_page_has_anything_inline(stage):
    browser = stage.client("csirt")
    for path in ("/login", "/alerts", "/alerts/3", "/alerts/8", "/alerts/new", "/sources", "/events/sumida.pc.3"):
        text = browser.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script src="/static/')


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80", "localhost.evil"])
def test_a_foreign_host_name_is_refused(stage, host):
    assert stage.visitor().get("/login", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "[::1]:9"])
def test_our_own_names_are_served(stage, host):
    assert stage.visitor().get("/login", headers={"host": host}).status_code == 200


def login(browser: TestClient, name: str, password: str, **more: str):
    page = browser.get("/login").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    return browser.post("/login", data={"name": name, "password": password, "csrf": token, **more})


def test_login_opens_the_queue_and_logout_closes_it(stage):
    browser = stage.visitor()
    answer = login(browser, "touban", PASSWORD, target="/alerts/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/3")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = browser.cookies["secops"]
    assert browser.get("/alerts").status_code == 200
    browser.post("/logout", data={"csrf": csrf(browser)})
    browser.cookies.set("secops", token)
    assert browser.get("/alerts").status_code == 303


def test_a_wrong_password_says_one_thing_for_name_and_password(stage):
    texts = []
    for name in ("touban", "nobody-of-that-name"):
        answer = login(stage.visitor(), name, "wrong")
        assert answer.status_code == 403
        texts.append(answer.text.split('role="alert"')[1].split("</div>")[0])
    assert texts[0] == texts[1]


def test_guessing_is_slowed_down(stage):
    for _attempt in range(8):
        login(stage.visitor(), "touban", "wrong")
    assert login(stage.visitor(), "touban", PASSWORD).status_code == 403
    stage.clock += timedelta(minutes=16)
    assert login(stage.visitor(), "touban", PASSWORD).status_code == 303


def test_login_needs_the_token_of_its_own_page(stage):
    browser = stage.visitor()
    browser.get("/login")
    assert browser.post("/login", data={"name": "touban", "password": PASSWORD, "csrf": "x"}).status_code == 403


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "javascript:1", "/a\r\nb", ""])
def test_login_never_leads_elsewhere(target):
    assert local_path(target) == "/alerts"


def test_a_session_ends_when_unused_and_background_requests_do_not_prolong_it(stage):
    browser = stage.client("touban")
    for _step in range(9):
        stage.clock += timedelta(hours=1)
        browser.get("/alerts", headers={"x-background": "1"})
    assert browser.get("/alerts").status_code == 303


def test_over_tls_the_cookie_is_bound_to_host_and_tls(tmp_path):
    web = WebSettings(host="192.0.2.9", tls_certificate="a.pem", tls_key="a.key", allowed_hosts=["siem.example"])
    stage = Stage(tmp_path, web)
    stage.person("touban", Role.CSIRT)
    browser = TestClient(stage.app, base_url="https://siem.example", follow_redirects=False)
    answer = login(browser, "touban", PASSWORD)
    assert answer.headers["set-cookie"].startswith("__Host-secops=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]
    assert TestClient(stage.app, base_url="https://127.0.0.1").get("/login").status_code == 400
    stage.close()


def test_zones_outside_ones_scope_do_not_exist(stage):
    browser = stage.client("lgwan-only")
    assert browser.get("/alerts/3").status_code == 404
    assert browser.get("/events/sumida.pc.3").status_code == 404
    assert browser.get("/api/alerts").json()["total"] == 2
    token = csrf(browser)
    assert (
        browser.post("/alerts/3/close", data={"csrf": token, "verdict": "false_positive", "reason": "x"}).status_code
        == 404
    )
    assert stage.desk.stored[3].state is State.OPEN
    assert "端末操作ログ" not in browser.get("/sources").text


def test_a_body_too_large_is_refused(stage):
    browser = stage.client("touban")
    assert browser.post("/alerts/3/note", data={"csrf": csrf(browser), "text": "x" * 400_000}).status_code == 413


def test_documentation_pages_are_off(stage):
    browser = stage.client("admin")
    assert {browser.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}
