"""Who may do what: every route against every role, tokens, hosts, headers, sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from secops.access.ports import Role
from secops.settings import WebSettings
from secops.siem.ports import State
from secops.web.security import CSP
from secops.web.session import local_path
from tests.web.matrix import Call, calls
from tests.web.stage import PASSWORD, Stage, csrf

CALLS = [call for call in calls() if call.kind == "guarded"]
CHANGING = [call for call in calls() if call.method == "POST" and call.kind != "public"]


def send(browser: TestClient, call: Call, token: str | None):
    if call.method == "GET":
        return browser.get(call.url)
    if call.path.startswith("/api/"):
        return browser.post(call.url, json=call.json, headers={"x-csrf-token": token} if token else {})
    return browser.post(call.url, data={**call.form, **({"csrf": token} if token else {})})


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


def fingerprint(stage: Stage) -> object:
    alerts = {i: (a.state, a.assignee) for i, a in stage.desk.stored.items()}
    return alerts, stage.accounts.users(), stage.accounts.audit_log(action="user_reset")


def test_nobody_gets_in_without_login(stage):
    before, browser = fingerprint(stage), stage.visitor()
    for call in CALLS:
        answer = send(browser, call, "x")
        assert answer.status_code == (401 if call.path.startswith("/api/") else 303), name_of(call)
        assert call.path.startswith("/api/") or answer.headers["location"].startswith("/login"), name_of(call)
    assert fingerprint(stage) == before


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_without_our_token_changes_nothing(stage, token):
    browser = stage.client("csirt")
    before = fingerprint(stage)
    for call in CHANGING:
        assert send(browser, call, token).status_code == 403, name_of(call)
    assert fingerprint(stage) == before
    assert browser.get("/alerts").status_code == 200, "logged out by nobody"


def test_a_token_that_is_not_even_ascii_is_refused(stage):
    assert stage.client("csirt").post("/alerts/3/note", data={"csrf": "あ"}).status_code == 403


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
