"""The page 通知: channels, who is on duty, what went out, what is wrong with the program; and what people do there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from secops.locale import use_language
from secops.notify.plan import Planner
from secops.schema.severity import Severity
from secops.settings_notify import NotifySettings
from secops.siem.ports import Cause, Condition, Scope
from secops.store.records.notices import put_notices
from tests.web.stage import HOSTILE, NOW, Stage, csrf

DAY = timedelta(days=1)


def fill(stage: Stage) -> None:
    """Two alerts paged, one message sent, one failed, one given up; two conditions, one of them over."""
    desk = stage.paging
    with stage.database.write() as connection:
        causes = [(3, Severity.CRITICAL, "mynumber"), (6, Severity.MEDIUM, "lgwan")]
        put_notices(connection, causes, Cause.OPENED, Severity.MEDIUM, NOW - 2 * DAY)
    planner = Planner(stage.settings)
    desk.advance(lambda notices, last: [planner.decide([one], last, NOW)[0] for one in notices], NOW - 2 * DAY)
    first, second = desk.due("mail", NOW, 10)
    desk.attempted(first, ok=True, text="メールサーバが受け取りました。", next_at=None, now=NOW - 2 * DAY)
    desk.sweep(NOW - DAY, NOW - DAY)
    low = Condition("disk_low", "", "", Severity.HIGH, NOW - timedelta(hours=3))
    quiet = Condition("source_silent", "pc", "mynumber", Severity.HIGH, NOW - timedelta(minutes=50))
    desk.settle([low, quiet], [], NOW)
    desk.settle([], [one for one in desk.conditions(Scope()) if one.kind == "disk_low"], NOW)
    desk.advance(lambda notices, last: planner.decide(notices, None, NOW), NOW)
    failing = desk.due("mail", NOW, 10)[0]
    desk.attempted(failing, ok=False, text=f"450 {HOSTILE}", next_at=NOW + timedelta(minutes=1), now=NOW)
    assert second.id != first.id


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_all_is_said_with_exact_counts(stage):
    fill(stage)
    page = stage.client("csirt").get("/notify").text
    text = words(page)
    for part in (
        "いまの当番 当番 2(情報政策課 セキュリティ係)",
        "応答がなければ 15 分ごとに次へ: 当番 1 → 全員",
        "mail.example.lg.jp:587 (starttls)",
        "/usr/local/bin/lamp --red",
        "通知手段「mail」で送れていません",
        "断念した通知が 1 件",
        "ディスクの空き不足 ✓ 復旧",
        "収集元の受信停止 pc · マイナンバー利用事務系 ✕ 続いている 50分",
        "[secops 〇〇区 CSIRT] ◆ 重大 アラート 1 件",
        "送信済み 1",
        "送信を断念 1",
        "再送待ち 1",
    ):
        assert part in text, part
    assert '<a href="/alerts/3">3</a>' in page
    assert "<script>alert(1)" not in page
    assert "t2@example.lg.jp" not in page, "addresses are nobody's business here"
    assert "試験を送る" not in page, "csirt may not"


def test_states_can_be_chosen_and_nothing_is_cut_in_silence(stage):
    fill(stage)
    browser = stage.client("csirt")
    given_up = words(browser.get("/notify?state=given_up").text)
    assert "1–1 件目(全 1 件)" in given_up
    assert browser.get("/notify?state=%3Cx%3E&start=-1").status_code == 200
    assert "この状態の通知はありません" in browser.get("/notify?state=superseded").text


def test_who_sees_one_zone_sees_no_message_about_another(stage):
    fill(stage)
    few = stage.client("lgwan-only").get("/notify").text
    assert '<a href="/alerts/3">' not in few
    assert '<a href="/alerts/6">' in few


def test_a_test_goes_to_everybody_the_channel_reaches_and_is_in_the_audit_log(stage):
    browser = stage.client("admin")
    assert "試験を送る(2 人)" in browser.get("/notify").text
    answer = browser.post("/notify/test", data={"channel": "mail", "csrf": csrf(browser)})
    assert answer.headers["location"] == "/notify?done=tested&n=2"
    assert "試験の通知 2 件を送信待ちにしました" in browser.get(answer.headers["location"]).text
    assert [one.address for one in stage.paging.due("mail", NOW, 10)] == ["t1@example.lg.jp", "t2@example.lg.jp"]
    assert stage.accounts.audit_log(action="notify.test")[0].actor == "admin"
    for wrong in ("", "fax"):
        assert browser.post("/notify/test", data={"channel": wrong, "csrf": csrf(browser)}).status_code == 400


@pytest.mark.parametrize("name", ["csirt", "admin"])
def test_what_was_seen_is_confirmed(stage, name):
    fill(stage)
    browser = stage.client(name)
    going = next(one for one in stage.paging.conditions(Scope()) if one.ended is None)
    for path in (f"/notify/conditions/{going.id}/confirm", "/notify/given-up"):
        assert browser.post(path, data={"csrf": csrf(browser)}).status_code == 303
    assert stage.paging.counts().given_up == 0
    assert next(one for one in stage.paging.conditions(Scope()) if one.id == going.id).confirmed_by == name
    assert browser.post("/notify/conditions/99/confirm", data={"csrf": csrf(browser)}).status_code == 404


def test_the_page_of_an_alert_has_a_button_while_it_is_paged(stage):
    fill(stage)
    browser = stage.client("touban")
    assert "通知を確認" in browser.get("/alerts/3").text
    answer = browser.post("/alerts/3/confirm", data={"csrf": csrf(browser)})
    assert answer.headers["location"] == "/alerts/3?done=confirmed"
    page = browser.get("/alerts/3").text
    assert 'id="confirm"' not in page
    assert not stage.paging.waits(3)
    assert stage.desk.detail(3, Scope()).alert.state == "open"


def test_what_nobody_answers_is_said_where_people_look(stage):
    fill(stage)
    planner = Planner(stage.settings)
    for hours in range(1, 6):
        at = NOW + timedelta(hours=hours)
        stage.paging.advance(lambda notices, _last, at=at: planner.decide(notices, None, at), at)
    browser = stage.client("touban")
    assert "全員に通知しても応答のないものが 3 件あります" in browser.get("/alerts").text
    assert "応答のないものが 3 件" in browser.get("/notify").text


def test_who_is_on_duty_is_in_the_head_of_every_page(stage):
    browser = stage.client("viewer")
    for path in ("/alerts", "/sources", "/notify"):
        assert "当番 当番 2(情報政策課 セキュリティ係)" in words(browser.get(path).text)
    assert "当番 2" not in stage.visitor().get("/login").text


def test_without_settings_the_page_says_that_nobody_is_called(stage):
    stage.settings = stage.settings.model_copy(update={"notify": NotifySettings()})
    text = stage.client("admin").get("/notify").text
    assert "だれにも連絡しません" in text
    assert "secops.toml" in text


def test_in_english(stage: Any):
    fill(stage)
    browser = stage.client("csirt")
    browser.post("/language", data={"language": "en", "target": "/notify"})
    page = browser.get("/notify").text
    main = re.sub(r"<bdi>.*?</bdi>", "", page[page.index("<main") :])
    assert re.findall(r"[぀-ヿ一-鿿]+", main) == []
    use_language("ja")
