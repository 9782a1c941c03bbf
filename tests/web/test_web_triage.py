"""Triage on the pages: all that match, bonds, exceptions, times, saved searches, the morning; over real records."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from secops.access.ports import SessionLimits
from secops.errors import UsageError
from secops.siem.ports import AlertFilter, Scope, State, Verdict
from secops.siem.triage.identity import Assets
from secops.store.records import Records
from secops.store.records.engine import connect
from tests.databases import new_records
from tests.web.stage import NOW, RULES, csrf, night


@pytest.fixture
def real(stage):
    database = connect(new_records(stage.folder / "real.db"))
    records = Records(database, RULES, Assets(), SessionLimits())
    records.put_hits(night(), {}, NOW - timedelta(minutes=1))
    stage.desk = stage.work = records
    yield stage
    database.close()


def mark(page):
    found = re.search(r'name="mark" value="([^"]+)"', page)
    assert found
    return found[1]


def send(browser, path, **data):
    return browser.post(path, data={"csrf": csrf(browser), **data})


def test_all_that_match_are_closed_after_a_page_that_says_how_many_and_taken_back(real):
    browser = real.client("touban")
    total = real.desk.alerts(AlertFilter(), Scope()).total
    assert 'href="/alerts/bulk"' in browser.get("/alerts").text
    page = browser.get("/alerts/bulk").text
    assert f"アラート {total} 件を変更します" in page
    form = {"mark": mark(page), "action": "close", "verdict": "false_positive"}
    answer = send(browser, "/alerts/bulk/all", **form, reason=" ")
    assert (answer.status_code, "理由" in answer.text) == (400, True)
    real.desk.close([1], Verdict.TRUE_POSITIVE, "x", actor="csirt", scope=Scope(), now=NOW)
    answer = send(browser, "/alerts/bulk/all", **form, reason="訓練")
    assert (answer.status_code, f"今は {total - 1} 件です" in answer.text) == (409, True)
    form["mark"] = mark(answer.text)
    assert send(browser, "/alerts/bulk/all", **form, reason="訓練").status_code == 303
    assert {one.state for one in real.desk.alerts(AlertFilter(), Scope()).alerts} == {State.CLOSED}
    [undo] = re.findall(r'action="(/alerts/bulk/\d+/undo)"', browser.get("/alerts").text)
    real.desk.note(2, "確認", actor="csirt", scope=Scope(), now=NOW)
    page = send(browser, undo).text
    assert f"{total - 2} 件を元に戻しました" in page
    assert "csirt が操作しました(メモ)" in page
    assert send(real.client("csirt"), undo).status_code == 404


def test_a_filter_that_cannot_be_read_changes_nothing(real):
    browser = real.client("touban")
    assert browser.get("/alerts/bulk?zone=nowhere").status_code == 400


def test_only_who_works_on_alerts_may(real):
    for name in ("viewer", "auditor", "admin"):
        browser = real.client(name)
        assert browser.get("/alerts/bulk").status_code == 403
        for path in ("/alerts/bulk/all", "/alerts/bulk/1/undo", "/alerts/1/link", "/alerts/1/merge", "/alerts/1/split"):
            assert send(browser, path, others="2").status_code == 403, (name, path)


def test_alerts_are_joined_and_parted_on_the_page(real):
    browser = real.client("touban")
    assert send(browser, "/alerts/1/link", others="2, 3").headers["location"] == "/alerts/1?done=linked"
    assert 'href="/alerts/2"' in browser.get("/alerts/1").text
    assert send(browser, "/alerts/1/merge", others="2").status_code == 303
    assert "次のアラートに統合されています" in browser.get("/alerts/2").text
    assert send(browser, "/alerts/2/assign").status_code == 409
    assert send(browser, "/alerts/1/unmerge", members="2").status_code == 303
    assert send(browser, "/alerts/1/unlink", other="2").status_code == 303
    assert send(browser, "/alerts/1/link", others="").status_code == 400
    assert send(browser, "/alerts/1/split", part="host.name=none").status_code == 400


def test_an_exception_is_tried_before_it_is_written(real):
    browser = real.client("csirt")
    assert browser.get("/alerts/1/exception").status_code == 409  # not closed
    real.desk.close([1], Verdict.FALSE_POSITIVE, "更新", actor="csirt", scope=Scope(), now=NOW)
    assert "/alerts/1/exception" in browser.get("/alerts/1").text
    assert "labels.flow" in browser.get("/alerts/1/exception").text
    form = {"fields": ["labels.flow", "host.name"], "owner": "情報政策課", "reason": "更新", "expires": "2027-03-31"}
    page = send(browser, "/alerts/1/exception", **form).text
    assert "検知 3 件のうち 3 件、アラート 1 件" in page
    assert real.written == []
    assert (
        "過ぎています" in send(browser, "/alerts/1/exception", **{**form, "expires": "2020-01-01"}, action="write").text
    )
    assert "例外を保存しました" in send(browser, "/alerts/1/exception", **form, action="write").text
    [(_number, text)] = real.written
    for part in ("'mynumber>internet'", "K-0213", "owner: '情報政策課'", "expires: 2027-03-31"):
        assert part in text, part
    assert real.accounts.audit_log(action="exception.written")[0].actor == "csirt"
    assert real.client("viewer").get("/alerts/1/exception").status_code == 403


def test_an_exception_that_the_rulebook_refuses_is_not_in_the_audit_log_as_written(real):
    def refused(_text, _number):
        raise UsageError("この例外は働かない")

    real.write_exception = refused
    real.desk.close([1], Verdict.FALSE_POSITIVE, "x", actor="csirt", scope=Scope(), now=NOW)
    form = {"fields": ["labels.flow"], "owner": "情報政策課", "reason": "許可済み", "expires": "2027-03-31"}
    answer = send(real.client("csirt"), "/alerts/1/exception", **form, action="write")
    assert (answer.status_code, "この例外は働かない" in answer.text) == (400, True)
    assert real.accounts.audit_log(action="exception.written") == []


def test_an_exception_that_would_have_hidden_an_incident_is_warned_of(real):
    real.desk.close([1], Verdict.TRUE_POSITIVE, "感染", actor="csirt", scope=Scope(), now=NOW)
    real.desk.put_hits([night()[0].__class__(**{**vars_of(night()[0]), "event_id": "x.y.1", "source": "y"})], {}, NOW)
    newest = max(one.id for one in real.desk.alerts(AlertFilter(), Scope()).alerts)
    real.desk.close([newest], Verdict.FALSE_POSITIVE, "更新", actor="csirt", scope=Scope(), now=NOW)
    page = send(real.client("csirt"), f"/alerts/{newest}/exception", fields=["labels.flow"]).text
    assert "インシデント該当のアラート(登録した事案に関連付けたものを含む)1 件も隠れます" in page


def vars_of(hit):
    return {name: getattr(hit, name) for name in hit.__dataclass_fields__}


def test_searches_are_kept_under_a_name(real):
    browser = real.client("touban")
    assert send(browser, "/saved", kind="alerts", name="夜間", query="zone=lgwan", shared="1").status_code == 303
    assert 'href="/alerts?zone=lgwan"' in browser.get("/alerts").text
    page = real.client("csirt").get("/saved").text
    assert "夜間" in page
    assert "削除する" not in page  # another's
    assert "夜間" not in real.client("lgwan-only").get("/saved").text  # a scope narrower than the owner's
    [one] = real.work.searches("touban", Scope())
    assert send(real.client("csirt"), f"/saved/{one.id}/delete").status_code == 404
    send(browser, f"/saved/{one.id}/rename", name="朝")
    assert real.work.searches("csirt", Scope()) == []  # not shared any more
    send(browser, f"/saved/{one.id}/delete")
    assert real.work.searches("touban", Scope()) == []


def test_the_morning_and_the_times_show_what_the_reader_may_see(real):
    real.desk.close([1], Verdict.TRUE_POSITIVE, "x", actor="csirt", scope=Scope(), now=NOW)
    page = real.client("viewer").get("/morning").text
    assert "11月20日(金) 17:15:00" in page  # the Friday before a Monday that is a holiday
    assert page.index("マイナンバー利用事務系") < page.index("LGWAN接続系") < page.index("インターネット接続系")
    assert "資料不足" in page
    assert "K-0213" in page
    assert "K-0213" not in real.client("lgwan-only").get("/morning").text
    page = real.client("viewer").get("/alerts/times").text
    assert 'href="/alerts/1"' in page
    assert 'href="/alerts/1"' not in real.client("lgwan-only").get("/alerts/times?since=7d").text


def test_a_search_of_events_is_saved_from_its_page_and_opens_as_it_was(real):
    browser = real.client("csirt")
    page = browser.get("/events?q=host.name%3AK-0213&span=all").text
    form = page[page.index('name="kind" value="events"') :]
    query = html.unescape(re.findall(r'name="query" value="([^"]*)"', form)[0])
    assert send(browser, "/saved", kind="events", name="K-0213", query=query).status_code == 303
    [address] = [one for one in re.findall(r'href="(/events\?[^"]*)"', browser.get("/saved").text) if "K-0213" in one]
    assert browser.get(html.unescape(address)).text.count("K-0213") == browser.get("/events?" + query).text.count(
        "K-0213"
    )
    assert "q=host.name%3AK-0213" in query


def test_the_line_of_all_alerts_is_not_one_without_a_zone(real):
    assert "<b>すべて</b>" in real.client("viewer").get("/alerts/times").text


def test_what_was_taken_by_a_key_is_given_back_like_a_bulk_action(real):
    browser = real.client("touban")
    headers = {"X-CSRF-Token": csrf(browser)}
    before = real.desk.detail(1, Scope()).alert
    answer = browser.post("/api/alerts/assign", json={"ids": [1, 2]}, headers=headers).json()
    assert answer["changed"] == 2
    assert real.desk.detail(1, Scope()).alert.assignee == "touban"
    undo = f"/alerts/bulk/{answer['bulk']}/undo"
    assert undo in browser.get("/alerts").text
    assert send(real.client("csirt"), undo).status_code == 404, "what others did is not mine to undo"
    real.desk.note(2, "確認", actor="csirt", scope=Scope(), now=NOW)
    assert "1 件を元に戻しました" in send(browser, undo).text
    assert real.desk.detail(1, Scope()).alert == before
    assert real.desk.detail(2, Scope()).alert.assignee == "touban"
    real.desk.close([3], Verdict.TRUE_POSITIVE, "x", actor="csirt", scope=Scope(), now=NOW)
    assert browser.post("/api/alerts/assign", json={"ids": [1, 3]}, headers=headers).status_code == 409
    assert real.desk.detail(1, Scope()).alert == before, "all or none"
    assert browser.post("/api/alerts/assign", json={"ids": [1, 9999]}, headers=headers).status_code == 404
