"""The account, the users and the audit log on the console; what a login that is not complete may not do."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from secops.access.ports import Access, AuditEntry, Role, Visit
from secops.locale import catalogue
from secops.settings import WebSettings
from secops.web import account, audit_log, users
from secops.web.words import browser as browser_name
from tests.web.stage import HOSTILE, PASSWORD, Stage, csrf
from tests.web.test_web_guards import login

OTHER = "orange umbrella 47"


def post(browser, path: str, **values: str | list[str]):
    return browser.post(path, data={**values, "csrf": csrf(browser)})


def totp(stage: Stage, name: str) -> pyotp.TOTP:
    """An app for this user."""
    _, session = stage.accounts.login(name, PASSWORD, peer="t", now=stage.clock, demo_allowed=True)
    app = pyotp.TOTP(stage.accounts.begin_totp(session))
    stage.accounts.finish_totp(session, app.at(stage.clock), Visit("t", "", stage.clock))
    stage.clock += timedelta(minutes=2)
    return app


def test_a_login_in_two_steps_goes_where_it_wanted_with_a_new_token_each_time(stage):
    app, browser = totp(stage, "touban"), stage.visitor()
    browser.cookies.set("secops", "a-token-that-somebody-planted")
    answer = login(browser, "touban", PASSWORD, target="/alerts/3")
    assert answer.headers["location"] == "/login/factor?next=/alerts/3"
    first = answer.cookies["secops"]
    assert "planted" not in first
    browser.cookies.clear()
    browser.cookies.set("secops", first)
    assert browser.get("/alerts/3").headers["location"] == "/login/factor?next=/alerts/3"
    assert browser.get("/api/alerts").status_code == 401
    assert browser.get("/login").headers["location"] == "/login/factor"
    assert post(browser, "/alerts/3/assign").headers["location"] == "/login/factor"
    assert stage.desk.stored[3].assignee == ""
    assert post(browser, "/login/factor", code="123456", target="/alerts/3").status_code == 403
    done = post(browser, "/login/factor", code=app.at(stage.clock), target="/alerts/3")
    assert (done.status_code, done.headers["location"]) == (303, "/alerts/3")
    assert stage.accounts.session(first, stage.clock) is None, "the token from before the code is worth nothing"
    browser.cookies.clear()
    browser.cookies.set("secops", done.cookies["secops"])
    assert browser.get("/alerts").status_code == 200
    assert browser.get("/login/factor").headers["location"] == "/"


def test_steps_never_lead_elsewhere(stage):
    app, browser = totp(stage, "touban"), stage.visitor()
    answer = login(browser, "touban", PASSWORD, target="//evil.example")
    assert answer.headers["location"] == "/login/factor"
    done = post(browser, "/login/factor", code=app.at(stage.clock), target="https://evil.example")
    assert done.headers["location"] == "/alerts"


def test_who_gives_up_half_way_is_logged_out(stage):
    totp(stage, "touban")
    browser = stage.visitor()
    login(browser, "touban", PASSWORD)
    assert post(browser, "/logout").headers["location"] == "/login"
    assert stage.accounts.sessions("touban", stage.clock)[0].peer == "t"


def test_changing_the_password_ends_all_other_logins(stage):
    mine, other = stage.client("viewer"), stage.client("viewer")
    assert "違います" in post(mine, "/account/password", old="x", new=OTHER, again=OTHER).text
    assert "一致しません" in post(mine, "/account/password", old=PASSWORD, new=OTHER, again="y").text
    assert "推測" in post(mine, "/account/password", old=PASSWORD, new="viewer-123456", again="viewer-123456").text
    answer = post(mine, "/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    assert answer.headers["location"] == "/account?done=password"
    assert other.get("/alerts").status_code == 303
    mine.cookies.clear()
    mine.cookies.set("secops", answer.cookies["secops"])
    assert "パスワードを変更しました" in mine.get("/account?done=password").text


def test_a_browser_left_open_must_show_who_it_is_before_the_way_in_is_changed(stage):
    browser = stage.client("admin")
    stage.clock += timedelta(minutes=16)
    for path in ("/account/totp", "/account/passkey"):
        assert browser.get(path).headers["location"] == f"/account/confirm?next={path}"
    for path in ("/account/totp/remove", "/account/recovery", "/users/viewer/reset", "/users/viewer/disable"):
        assert post(browser, path).headers["location"].startswith("/account/confirm?next="), path
    assert stage.accounts.user("viewer").has_password
    assert "違います" in post(browser, "/account/confirm", password="x", target="/users").text
    answer = post(browser, "/account/confirm", password=PASSWORD, target="/users")
    assert answer.headers["location"] == "/users"
    browser.cookies.clear()
    browser.cookies.set("secops", answer.cookies["secops"])
    assert post(browser, "/users/viewer/disable").headers["location"].startswith("/users?done=")


def test_an_administrator_disables_unlocks_and_resets_but_not_oneself(stage):
    app, admin = totp(stage, "touban"), stage.client("admin")
    for n in range(10):
        stage.clock += timedelta(seconds=170)
        login(stage.visitor(), "viewer", f"wrong {n}")
    admin = stage.client("admin")
    page = admin.get("/users").text
    assert "停止している利用者が 1 人います" in page
    assert f"{len(stage.accounts.users())} 人" in page
    assert post(admin, "/users/viewer/unlock").status_code == 303
    assert login(stage.visitor(), "viewer", PASSWORD).status_code == 303
    for action in ("disable", "reset"):
        assert post(admin, f"/users/admin/{action}").status_code == 409
    assert post(admin, "/users/nobody/disable").status_code == 404
    shown = post(admin, "/users/touban/reset", factors="1")
    code = re.findall(r'id="setup-code">([^<]+)<', shown.text)[0]
    assert code not in admin.get("/users").text
    assert not stage.accounts.user("touban").has_factor
    browser = stage.visitor()
    assert login(browser, "touban", code).headers["location"] == "/login/password"
    answer = post(browser, "/login/password", new=OTHER, again=OTHER, target="/alerts/3")
    assert answer.headers["location"] == "/alerts/3"
    assert app.secret


def test_a_role_that_must_have_a_factor_sets_it_up_before_anything_else(tmp_path: Path):
    stage = Stage(tmp_path, WebSettings(second_factor=["csirt"]))
    stage.person("touban", Role.CSIRT)
    browser = stage.client("touban")
    assert browser.get("/account").headers["location"] == "/login/enroll?next=/account"
    secret = re.findall(r"<code>([A-Z2-7 ]{30,})</code>", browser.get("/account/totp").text)[0].replace(" ", "")
    code = pyotp.TOTP(secret).at(stage.clock)
    shown = post(browser, "/account/totp", code=code, target="/alerts/3")
    assert len(re.findall(r"<li><code>[A-Z2-9]{5}-[A-Z2-9]{5}</code></li>", shown.text)) == 10
    assert 'href="/alerts/3"' in shown.text
    browser.cookies.clear()
    browser.cookies.set("secops", shown.cookies["secops"])
    assert post(browser, "/account/totp/remove").status_code == 409
    stage.close()


def test_sessions_are_shown_with_hostile_browsers_and_ended(stage):
    token, other = stage.accounts.login(
        "touban", PASSWORD, peer="10.1.0.9", now=stage.clock, demo_allowed=True, agent=HOSTILE
    )
    browser = stage.client("touban")
    page = browser.get("/account").text
    assert "<script>alert" not in page
    assert "U+202E" in page
    assert "10.1.0.9" in page
    assert token not in page
    assert post(stage.client("csirt"), "/account/sessions/end", which=other.id).status_code == 404
    assert post(browser, "/account/sessions/end", which=other.id).status_code == 303
    assert stage.accounts.session(token, stage.clock) is None


def test_the_audit_log_is_filtered_and_paged_with_exact_counts(stage):
    total = len(stage.accounts.audit_log(limit=1000))
    for n in range(205):
        entry = AuditEntry(stage.clock, "touban", "raw_viewed", f"event-{n}", "10.1.0.5", HOSTILE)
        stage.accounts.record(entry)
    browser = stage.client("auditor")
    page = browser.get("/audit-log?action=raw_viewed&actor=touban").text
    assert "全 205 件のうち 1〜100 件目" in page
    assert "2026-11-23 02:07:00" in page
    assert "<script>alert" not in page
    seen = re.findall(r"event-(\d+)<", page)
    while older := re.search(r'href="([^"]+)" rel="next"', page):
        page = browser.get(older[1].replace("&amp;", "&")).text
        seen += re.findall(r"event-(\d+)<", page)
    assert seen == [str(n) for n in reversed(range(205))]
    assert "全 205 件のうち 201〜205 件目" in page
    assert "101〜200 件目" in browser.get(re.findall(r'href="([^"]+)" rel="prev"', page)[0].replace("&amp;", "&")).text
    assert f"全 {total + 206} 件" in browser.get("/audit-log?since=2026-11-23&until=2026-11-23").text
    wrong = browser.get("/audit-log?since=yesterday&before=x&action=none").text
    assert "since=yesterday" in wrong
    assert "条件に合う記録はありません" in wrong


def test_passkeys_are_not_offered_under_a_number(stage):
    browser = stage.client("touban")
    assert "IP アドレス" in browser.get("/account/passkey").text
    assert post(browser, "/account/passkey", credential="{}").headers["location"] == "/account/passkey"


def test_every_word_of_the_audit_log_and_the_notices_has_its_english():
    words = [*audit_log.LABELS.values(), *audit_log.WORDS.values(), *account.DONE.values(), *users.DONE.values()]
    assert [one for one in words if not one.isascii() and one not in catalogue("en")] == []


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140 Safari/537.36 Edg/140", "Edge (Windows)"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) AppleWebKit Version/18 Safari/604", "Safari (iPhone)"),
        ("curl/8", "curl/8"),
        ("", "不明"),
    ],
)
def test_browsers_are_named_as_people_know_them(agent, name):
    assert browser_name(agent) == name


def test_scope_is_in_the_list_of_users(stage):
    stage.accounts.invite(
        "scoped", role=Role.VIEWER, access=Access(frozenset({"lgwan"}), frozenset()), actor="x", now=stage.clock
    )
    page = stage.client("admin").get("/users").text
    assert "系統: <bdi>LGWAN接続系</bdi>" in page
    assert "課: なし" in page


def test_an_administrator_changes_role_and_scope_on_a_page(stage):
    reader, admin = stage.client("touban"), stage.client("admin")
    form = admin.get("/users/touban/change").text
    assert 'name="role" value="csirt" required checked' in form
    assert 'name="zones" value="*" checked' in form
    for wrong in (
        {"role": "king", "zones": "*", "departments": "*"},
        {"role": "viewer", "zones": ["*", "lgwan"], "departments": "*"},
        {"role": "viewer", "zones": "nowhere", "departments": "*"},
        {"role": "viewer", "zones": "*"},
    ):
        assert post(admin, "/users/touban/change", **wrong).status_code == 400, wrong
    answer = post(admin, "/users/touban/change", role="viewer", zones=["lgwan", "internet"], departments="*")
    assert answer.headers["location"] == "/users?done=changed&name=touban"
    assert "役割と範囲を変えました" in admin.get(answer.headers["location"]).text
    assert reader.get("/alerts").headers["location"].startswith("/login")
    user = stage.accounts.user("touban")
    assert (user.role, user.access) == (Role.VIEWER, Access(frozenset({"lgwan", "internet"})))
    log = admin.get("/audit-log?action=user_changed").text
    assert "CSIRT → 閲覧 / 系統 すべて → internet,lgwan" in log
    assert post(admin, "/users/admin/change", role="viewer", zones="*", departments="*").status_code == 409


def test_a_browser_that_was_logged_in_with_is_not_kept_out_by_others(stage):
    mine = stage.visitor()
    answer = login(mine, "touban", PASSWORD)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("secops_device="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    post(mine, "/logout")
    other = stage.visitor()
    for n in range(10):
        stage.clock += timedelta(seconds=170)
        assert login(other, "touban", f"wrong {n}").status_code == 403
    assert "停止しています" in login(other, "touban", PASSWORD).text
    again = login(mine, "touban", PASSWORD)
    assert again.status_code == 303
    assert "secops_device" not in again.headers["set-cookie"], "it is known already"


def test_who_looks_at_an_event_is_in_the_audit_log_once_an_hour(stage):
    browser = stage.client("touban")
    for minutes in (0, 10, 60):
        stage.clock += timedelta(minutes=minutes)
        assert browser.get("/events/sumida.fw01.4567").status_code == 200
    assert stage.client("lgwan-only").get("/events/sumida.fw01.4567").status_code == 404
    found = stage.accounts.audit_log(action="event_viewed")
    assert [(one.actor, one.target, one.zone, one.department) for one in found] == [
        ("touban", "sumida.fw01.4567", "mynumber", "区民課")
    ] * 2


def test_a_scoped_auditor_does_not_read_what_others_saw_elsewhere(stage):
    stage.person("lgwan-auditor", Role.AUDITOR, Access(zones=frozenset({"lgwan"})))
    csirt = stage.client("touban")
    csirt.get("/events/sumida.fw01.4567")
    csirt.get("/events/sumida.fw01.5003")
    post(csirt, "/events/sumida.fw01.4567/raw", reason="K-0213 の調査")
    post(csirt, "/alerts/3/raw", event_id="sumida.fw01.4567", reason="K-0213 の続き")
    csirt.get("/events?q=user.name:t-suzuki")
    stage.client("lgwan-only").get("/events?q=user.name:administrator")
    whole, scoped = (stage.client(name).get("/audit-log").text for name in ("auditor", "lgwan-auditor"))
    for text in ("sumida.fw01.4567", "K-0213 の調査", "K-0213 の続き", "t-suzuki", "sumida.fw01.5003"):
        assert text in whole, text
    assert "範囲に収まる記録だけ" not in whole
    for text in ("sumida.fw01.5003", "user.name:administrator", "範囲に収まる記録だけ", "利用者の登録"):
        assert text in scoped, text
    for text in ("4567", "K-0213", "t-suzuki"):
        assert text not in scoped, text
    page = stage.client("lgwan-auditor").get("/audit-log?action=raw_viewed").text
    assert "条件に合う記録はありません" in page


def test_who_sees_no_alerts_begins_elsewhere(stage):
    stage.person("kakari", Role.STAFF)
    browser = stage.client("kakari")
    assert browser.get("/").headers["location"] == "/inspection"
    assert browser.get("/alerts").status_code == 403
