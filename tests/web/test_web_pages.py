"""The pages as a reader gets them."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, timedelta

import pytest

from secops.errors import StoreError
from secops.siem.health import FilterState, StoreState
from secops.siem.ports import Scope, State, Verdict
from secops.siem.triage.protection import alert_of_changes
from tests.web.stage import HOSTILE, NOW, RULES, Stage, csrf, night


def rows(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'<tr data-id="(\d+)"', text)]


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_queue_has_the_worst_and_newest_first(stage):
    assert rows(stage.client("touban").get("/alerts").text) == [3, 5, 4, 8, 6, 7]


def test_the_queue_says_how_things_stand(stage):
    text = words(stage.client("touban").get("/alerts").text)
    for part in (
        "重大 2 件が未完了です",
        "本日完了 1",
        "前回の確認から +8",
        "収集 2/3 正常",
        "40分受信なし",
        "全 6 件中 1–6 件",
        "未完了 6",
        "対応完了 2",
    ):
        assert part in text, part


def test_looking_once_makes_it_seen_but_a_background_request_does_not(stage):
    browser = stage.client("touban")
    assert "+8" in words(browser.get("/alerts", headers={"x-background": "1"}).text)
    assert "+8" in words(browser.get("/alerts").text)
    assert "+0" in words(browser.get("/alerts").text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=high", [4, 8]),
        ("severity=critical,low", [3, 5, 7]),
        ("zone=lgwan", [6, 7]),
        ("state=closed", [2, 1]),
        ("q=k-0213", [3]),
        ("q=203.0.113.9", [3]),
        ("who=me", []),
        ("who=none&zone=mynumber", [3, 5]),
        ("since=1h", [3, 5, 4, 6]),
    ],
)
def test_filters(stage, query, expected):
    assert rows(stage.client("touban").get(f"/alerts?{query}").text) == expected


def test_a_filter_that_hides_everything_says_so(stage):
    text = stage.client("touban").get("/alerts?q=存在しない").text
    assert "この条件に当てはまるアラートはありません。" in text
    assert "条件を外すと 6 件あります。" in text


def test_an_empty_queue_says_whether_that_is_good(tmp_path):
    from secops.access.ports import Role

    stage = Stage(tmp_path)
    stage.person("touban", Role.CSIRT)
    browser = stage.client("touban")
    assert "ただし、収集に問題があります" in browser.get("/alerts").text
    stage.found = [source for source in stage.found if not source.silent]
    assert "収集元 2 件すべて正常" in browser.get("/alerts").text
    stage.found = []
    assert "収集元が一つも登録されていません" in browser.get("/alerts").text
    stage.close()


def test_the_alert_page_has_every_part(stage):
    text = words(stage.client("touban").get("/alerts/3").text)
    for part in (
        "端末 K-0213(区民課)で",
        "203.0.113.9:443 への通信が 3 回ありました。",
        "selection and not registered",
        "mynumber&gt;",
        "LANケーブルを抜く",
        "対策基準 第20条 ネットワークの三層の分離",
        "この条項のほかの検知ルール 1 件",
        "同じ端末・利用者の記録 8 件",
        "住民一覧.xlsx",
        "過去 90 日に 2 件(インシデント該当 1、誤検知 1)。うち同じ対象 0 件。",
        "端末 K-0213 8 件",
        "記録の全項目",
        "複合機の更新(区民情報課に確認)",
        "journal fw01 /4567",
        "表示(記録されます)",
        "閲覧",
    ):
        assert part in text, part


def test_looking_is_in_the_history(stage):
    stage.client("touban").get("/alerts/3")
    entry = stage.desk.history[3][-1]
    assert (entry.actor, entry.action) == ("touban", "viewed")


def test_taking_noting_closing_and_reopening(stage):
    browser = stage.client("touban")
    token = {"csrf": csrf(browser)}
    assert browser.post("/alerts/3/assign", data=token).headers["location"] == "/alerts/3?done=assigned"
    browser.post("/alerts/3/note", data={**token, "text": "区民課に電話した"})
    answer = browser.post("/alerts/3/close", data={**token, "verdict": "true_positive", "reason": "持ち込み端末"})
    page = words(browser.get(answer.headers["location"]).text)
    for part in ("対応を完了しました。", "インシデント該当 : 持ち込み端末", "区民課に電話した", "対応を再開する"):
        assert part in page, part
    states = [stage.desk.stored[3].state]
    browser.post("/alerts/3/reopen", data=token)
    states.append(stage.desk.stored[3].state)
    assert states == [State.CLOSED, State.IN_PROGRESS]
    assert {entry.actor for entry in stage.desk.history[3]} == {"secops", "touban"}


def test_closing_without_a_reason_keeps_what_was_chosen(stage):
    browser = stage.client("touban")
    answer = browser.post("/alerts/3/close", data={"csrf": csrf(browser), "verdict": "false_positive", "reason": " "})
    assert answer.status_code == 400
    assert "完了の理由がありません。入力してください。" in answer.text
    assert re.search(r'value="false_positive"[^>]* checked', answer.text)
    assert '<details id="close" open>' in answer.text
    assert stage.desk.stored[3].state is State.OPEN


def test_closing_what_a_colleague_has_closed_says_so(stage):
    browser = stage.client("touban")
    stage.desk.close([3], Verdict.FALSE_POSITIVE, "先に完了", actor="csirt", scope=Scope(), now=NOW)
    answer = browser.post("/alerts/3/close", data={"csrf": csrf(browser), "verdict": "true_positive", "reason": "x"})
    assert answer.status_code == 409
    assert "すでに対応完了です" in answer.text
    assert stage.desk.stored[3].closed_reason == "先に完了"


def test_only_people_who_work_on_alerts_can_be_given_one(stage):
    browser = stage.client("touban")
    answer = browser.post("/alerts/3/assign", data={"csrf": csrf(browser), "assignee": "viewer"})
    assert answer.status_code == 400
    assert stage.desk.stored[3].assignee == ""


def test_several_rows_are_closed_at_once(stage):
    browser = stage.client("touban")
    form = {
        "csrf": csrf(browser),
        "action": "close",
        "ids": ["4", "6"],
        "verdict": "benign_true_positive",
        "reason": "点検",
    }
    answer = browser.post("/alerts/bulk", data={**form, "back": "/alerts?zone=lgwan"})
    assert answer.headers["location"] == "/alerts?zone=lgwan&done=closed&n=2"
    assert "2 件を対応完了にしました。" in browser.get(answer.headers["location"]).text
    assert "アラートが選ばれていません" in browser.post("/alerts/bulk", data={"csrf": csrf(browser)}).text


def test_the_raw_record_is_shown_only_after_the_look_is_recorded(stage):
    browser = stage.client("touban")
    form = {"csrf": csrf(browser), "event_id": "sumida.fw01.4567"}
    assert browser.post("/alerts/3/raw", data={**form, "reason": " "}).status_code == 400
    assert not [one for one in stage.accounts.audit_log() if one.action == "raw_viewed"]
    text = browser.post("/alerts/3/raw", data={**form, "reason": "宛先の確認"}).text
    assert "dstip=203.0.113.9" in text
    entry = next(one for one in stage.accounts.audit_log() if one.action == "raw_viewed")
    assert (entry.actor, entry.target, entry.text, entry.peer) == ("touban", "fw01/4567", "宛先の確認", "testclient")


def test_only_records_of_this_alert_are_reachable_from_it(stage):
    browser = stage.client("touban")
    form = {"csrf": csrf(browser), "event_id": "sumida.fw01.5006", "reason": "x"}
    assert browser.post("/alerts/3/raw", data=form).status_code == 404


def test_a_record_past_retention_says_so(stage):
    browser = stage.client("touban")
    answer = browser.post("/events/sumida.web.9/raw", data={"csrf": csrf(browser), "reason": "x"})
    assert answer.status_code == 404
    assert "保存期間を過ぎたため" in answer.text


def test_an_event_shows_all_its_fields(stage):
    text = words(stage.client("touban").get("/events/sumida.pc.3").text)
    for name in ("process.command_line", "host.name", "labels.department", "event.sequence", "11月23日(月) 02:00:00"):
        assert name in text, name


@pytest.mark.parametrize(
    "path", ["/alerts", "/alerts/8", "/events/sumida.fw01.5006", "/events/sumida.web.9", "/sources"]
)
def test_hostile_log_text_does_nothing(stage, path):
    text = stage.client("touban").get(path).text
    assert "<script>alert" not in text
    assert "<svg onload" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u200b\ufeff]", text)


def test_a_hostile_search_does_nothing(stage):
    text = stage.client("touban").get("/alerts", params={"q": HOSTILE, "state": HOSTILE}).text
    assert "<script>alert" not in text
    assert "<svg onload" not in text


def test_a_reported_case_joins_the_queue(stage):
    browser = stage.client("csirt")
    form = {
        "csrf": csrf(browser),
        "title": "申請書 3 件を別の世帯に送付",
        "category": "misdelivery",
        "zone": "lgwan",
        "severity": "high",
        "department": "区民課",
        "text": "11月22日 16時ごろ判明",
    }
    page = words(browser.get(browser.post("/alerts/new", data=form).headers["location"]).text)
    for part in ("申請書 3 件を別の世帯に送付", "誤送付", "登録内容", "11月22日 16時ごろ判明", "登録しました。"):
        assert part in page, part


def test_a_report_with_a_mistake_keeps_what_was_typed(stage):
    browser = stage.client("csirt")
    form = {"csrf": csrf(browser), "category": "loss", "zone": "lgwan", "severity": "low", "text": "鞄ごと"}
    answer = browser.post("/alerts/new", data=form)
    assert answer.status_code == 400
    assert "件名がありません" in answer.text
    assert "鞄ごと" in answer.text


def test_nobody_reports_into_a_place_they_cannot_see(stage):
    browser = stage.client("kumin")
    form = {
        "csrf": csrf(browser),
        "title": "紛失",
        "category": "loss",
        "zone": "lgwan",
        "severity": "low",
        "department": "税務課",
    }
    assert browser.post("/alerts/new", data=form).status_code == 403
    assert browser.post("/alerts/new", data={**form, "department": "区民課"}).status_code == 303


def test_sources_show_numbers_reasons_and_rules_that_are_off(stage):
    text = words(stage.client("touban").get("/sources").text)
    for part in (
        "128,402",
        "JSON として読めません",
        "1 行が長すぎる",
        "受信なし",
        "連続している",
        "空き 301 GB",
        "category: dns",
        "解析できなかった記録",
        "1 件の確認が必要です",
    ):
        assert part in text, part


def test_exceptions_are_shown_with_who_answers_for_them_and_what_they_suppressed(stage):
    rule = RULES[0]
    active = FilterState(
        id="f1", title="Scan", title_ja="<b>巡回</b>", state="active", problem="", owner="情報政策課",
        reason="資産管理", expires=date(2027, 3, 31),
        rules=[rule.id], every=False, keeps_only=False, path="f.yml", suppressed=1234,
        last=NOW - timedelta(minutes=5),
    )  # fmt: skip
    ended = dataclasses.replace(active, id="f2", title_ja="古い除外", state="ended", suppressed=0, last=None)
    broken = dataclasses.replace(
        active, id="f3", title_ja="誤った除外", state="broken", problem="owner がない", every=True
    )
    assert 'id="filters"' not in stage.client("touban").get("/sources").text
    stage.filters = [broken, ended, active]
    page = stage.client("touban").get("/sources").text
    assert "<b>巡回" not in page
    text = words(page)
    for part in (
        "1,234",
        "情報政策課",
        "資産管理",
        "令和9年3月31日",
        rule.title_ja,
        "期限切れ(抑止していません)",
        "owner がない",
    ):
        assert part in text, part
    assert "例外「古い除外」は 2027-03-31 で期限が切れ" in text


def test_an_alert_has_a_draft_of_the_exception_that_would_keep_it_away(stage):
    page = stage.client("touban").get("/alerts/3").text
    draft = page[page.index('id="exception"') :]
    assert "空欄を埋めるまでは抑止しません" in draft
    assert "condition: not expected" in draft
    assert "K-0213" in draft


def test_an_alert_about_rules_and_exceptions_tells_what_changed(stage):
    alert = dataclasses.replace(alert_of_changes(900, NOW), key="x")
    stage.desk._insert(alert)
    stage.desk._log(alert, NOW, "secops", "changed", "例外「<巡回>」が加わりました\n例外「古い」がなくなりました。")
    browser = stage.client("touban")
    assert "検知ルールの停止・例外の変更" in browser.get("/alerts").text
    text = words(browser.get("/alerts/900").text)
    for part in ("意図したものかを確かめてください", "変更 secops", "例外「&lt;巡回&gt;」が加わりました"):
        assert part in text, part


def test_numbers_that_do_not_add_up_are_called_out(stage):
    stage.found = [dataclasses.replace(source, stored=source.stored - 1) for source in stage.found]
    assert "件数が合いません" in stage.client("touban").get("/sources").text


def test_english_is_one_click_away(stage):
    browser = stage.client("touban")
    answer = browser.post("/language", data={"language": "en", "target": "/alerts/3"})
    assert answer.headers["location"] == "/alerts/3"
    page = browser.get("/alerts/3").text
    assert '<html lang="en">' in page
    assert "Traffic from the mynumber zone to the internet zone" in page


def test_a_broken_store_gives_a_page_that_says_what_is_safe(stage):
    def broken(*_args, **_more):
        raise StoreError("lake: no such folder")

    stage.store.search = broken
    answer = stage.client("touban").get("/events")
    assert answer.status_code == 503
    assert "ログは失われていません" in answer.text
    assert re.search(r"<code>[0-9a-f]{8}</code>", answer.text)


def test_the_page_says_since_when_and_why_elasticsearch_takes_nothing_and_what_goes_on(stage):
    reason = "cluster_block_exception: <b>disk usage exceeded</b>"
    stage.event_store = StoreState("elasticsearch", reason, NOW - timedelta(minutes=12))
    text = stage.client("touban").get("/sources").text
    assert "応答なし" in text
    assert "収集と検知は続いていて、直れば自動で追いつきます" in text
    assert "cluster_block_exception: &lt;b&gt;disk usage exceeded" in text
    assert "12分前から" in text
    stage.event_store = StoreState("elasticsearch", refused=1234)
    text = stage.client("touban").get("/sources").text
    assert "応答なし" not in text
    assert "全文だけを保管した記録 1,234 件" in text


def test_without_the_event_store_alerts_and_sources_are_still_there_and_say_so(stage):
    def gone(*_args, **_more):
        raise StoreError("検索用データを読めませんでした: <b>elastic</b>")

    stage.store.search = stage.store.arrivals = gone
    browser = stage.client("touban")
    for path, part in (("/alerts/3", "対応手順"), ("/sources", "128,402"), ("/alerts", "K-0213")):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert part in answer.text
        if path != "/alerts":
            assert "検索用データを読めませんでした: &lt;b&gt;elastic" in answer.text
            assert "ログは失われていません。" in answer.text


def test_an_unexpected_error_shows_nothing_of_itself(stage):
    def broken(*_args, **_more):
        raise RuntimeError("secret detail")

    stage.store.search = broken
    answer = stage.client("touban").get("/alerts/3")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "ログは失われていません" in answer.text
    assert "content-security-policy" in answer.headers


def test_the_api_answers_in_json(stage):
    browser = stage.client("touban")
    found = browser.get("/api/alerts?severity=high").json()
    assert [alert["id"] for alert in found["alerts"]] == [4, 8]
    assert (found["alerts"][0]["severity"], found["total"]) == ("high", 2)
    headers = {"x-csrf-token": csrf(browser)}
    closing = {"ids": [4], "verdict": "false_positive", "reason": "確認済み"}
    assert browser.post("/api/alerts/close", json=closing, headers=headers).json() == {"changed": 1}
    assert browser.get("/api/alerts/4").json()["alert"]["closed_reason"] == "確認済み"
    assert browser.post("/api/alerts/close", json=closing, headers=headers).status_code == 409
    assert browser.post("/api/alerts/close", json={"ids": []}, headers=headers).status_code == 400
    assert "error" in browser.get("/api/alerts/999").json()


def test_more_hits_than_fit_are_counted(stage):
    crossing = night()[0]
    many = [
        dataclasses.replace(crossing, event_id=f"sumida.fw01.{n}", seq=n, timestamp=NOW - timedelta(seconds=n % 60))
        for n in range(20_000, 20_130)
    ]
    stage.desk.put_hits(many, {}, NOW)
    text = words(stage.client("touban").get("/alerts/3").text)
    assert "133 回" in text
    assert "うち 33 回は件数だけを保存" in text
    assert "新しい 20 件(全 133 件)" in text
