"""Who saw and did what with alerts is in the audit log: one line an action, and each reader sees what is theirs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from secops.access.ports import Access, Role, SessionLimits
from secops.siem.ports import AlertFilter, Scope, Verdict
from secops.siem.triage.identity import Assets
from secops.store.records import Records, engine
from secops.store.records.engine import connect
from tests.databases import new_records
from tests.web.stage import NOW, RULES, csrf, night

ZONES = ("mynumber", "lgwan", "internet")


@pytest.fixture
def real(stage):
    database = connect(new_records(stage.folder / "real.db"))
    records = Records(database, RULES, Assets(), SessionLimits())
    records.put_hits(night(), {}, NOW - timedelta(minutes=1))
    stage.desk = stage.work = records
    yield stage
    database.close()


def send(browser, path, **data):
    return browser.post(path, data={"csrf": csrf(browser), **data})


def lines(stage, *actions: str) -> list[tuple[str, str, str, str]]:
    """(actor, action, target, text) of what was done to alerts, oldest first."""
    found = [one for one in stage.accounts.audit_log(limit=1000) if one.action.startswith("alert")]
    return [(one.actor, one.action, one.target, one.text) for one in reversed(found) if one.action in actions]


def test_a_look_at_an_alert_is_one_line_however_often_its_page_is_loaded(stage):
    browser = stage.client("touban")
    for minutes in (0, 3, 10):
        stage.clock += timedelta(minutes=minutes)
        assert browser.get("/alerts/3").status_code == 200
    browser.get("/api/alerts/3")
    stage.client("viewer").get("/api/alerts/5")
    assert stage.client("lgwan-only").get("/alerts/3").status_code == 404
    assert [(one[0], one[2]) for one in lines(stage, "alert_viewed")] == [
        ("touban", "3"),
        ("touban", "3"),
        ("viewer", "5"),
    ]
    entry = stage.accounts.audit_log(action="alert_viewed", actor="touban")[0]
    assert (entry.zone, entry.department, entry.peer) == ("mynumber", "区民課", "testclient")


def test_the_queue_is_one_line_an_hour_for_the_same_conditions_and_none_for_a_live_update(stage):
    browser = stage.client("touban")
    for path in ("/alerts", "/alerts", "/alerts?zone=lgwan&q=L-02", "/api/alerts"):
        browser.get(path)
    browser.get("/alerts?state=all", headers={"X-Background": "1"})
    assert [(one[2], one[3]) for one in lines(stage, "alerts_listed")] == [
        ("state=active", "→ 6"),
        ("zone=lgwan q=L-02", "→ 1"),
    ]


def test_what_is_done_to_one_alert_is_there_with_what_was_written(real):
    browser = real.client("touban")
    headers = {"X-CSRF-Token": csrf(browser)}
    send(browser, "/alerts/1/assign")
    send(browser, "/alerts/1/note", text="区民課に電話")
    send(browser, "/alerts/1/close", verdict="false_positive", reason="複合機")
    send(browser, "/alerts/1/reopen")
    send(browser, "/alerts/1/link", others="2 3")
    send(browser, "/alerts/1/unlink", other="2")
    send(browser, "/alerts/1/merge", others="2")
    send(browser, "/alerts/1/unmerge", members="2")
    browser.post("/api/alerts/4/notes", json={"text": "API"}, headers=headers)
    browser.post("/api/alerts/close", json={"ids": [4], "verdict": "true_positive", "reason": "y"}, headers=headers)
    browser.post("/api/alerts/reopen", json={"ids": [4]}, headers=headers)
    send(browser, "/alerts/new", title="USB の紛失", category="loss", severity="low", zone="lgwan", department="")
    found = [one for one in real.accounts.audit_log(limit=99) if one.action.startswith("alerts_")]
    assert [(one.action, one.target, one.text) for one in reversed(found)] == [
        ("alerts_assigned", "bulk 1", "×1 [1] touban"),
        ("alerts_noted", "1", "区民課に電話"),
        ("alerts_closed", "1", "false_positive: 複合機"),
        ("alerts_reopened", "1", ""),
        ("alerts_linked", "1, 2, 3", ""),
        ("alerts_unlinked", "1, 2", ""),
        ("alerts_merged", "1, 2", ""),
        ("alerts_unmerged", "1, 2", ""),
        ("alerts_noted", "4", "API"),
        ("alerts_closed", "4", "true_positive: y"),
        ("alerts_reopened", "4", ""),
        ("alerts_reported", found[0].target, "USB の紛失"),
    ]
    assert {(one.actor, one.peer) for one in found} == {("touban", "testclient")}


def test_what_was_refused_is_not_there_as_done(real):
    browser = real.client("touban")
    send(browser, "/alerts/1/close", verdict="false_positive", reason=" ")
    send(browser, "/alerts/1/merge", others="")
    send(browser, "/alerts/bulk/all", mark="1-x", action="close", verdict="false_positive", reason="x")
    assert [one for one in real.accounts.audit_log(limit=99) if one.action.startswith("alerts_")] == []


def test_an_action_on_many_is_one_line_with_its_number_and_so_is_its_undo(real):
    browser, total = real.client("touban"), real.desk.alerts(AlertFilter(), Scope()).total
    mark = re.search(r'name="mark" value="([^"]+)"', browser.get("/alerts/bulk").text)
    assert mark
    form = {"mark": mark[1], "action": "close", "verdict": "false_positive", "reason": "訓練"}
    assert send(browser, "/alerts/bulk/all", **form).status_code == 303
    send(browser, "/alerts/bulk/1/undo")
    assert lines(real, "alerts_closed", "alerts_undone") == [
        ("touban", "alerts_closed", "bulk 1", f"×{total} [state=active] 誤検知: 訓練"),
        ("touban", "alerts_undone", "bulk 1", f"×{total} [state=active] 誤検知: 訓練"),
    ]
    entry = real.accounts.audit_log(action="alerts_closed")[0]
    assert sorted(entry.zone.split()) == sorted(ZONES), "of every zone that it has touched"


def test_all_that_match_are_linked_on_the_page_and_taken_back(real):
    browser = real.client("touban")
    page = browser.get("/alerts/bulk?zone=lgwan").text
    mark = re.search(r'name="mark" value="([^"]+)"', page)
    assert mark
    form = {"query": "zone=lgwan", "mark": mark[1], "action": "link"}
    for wrong, status in (("", 400), ("x", 400), ("99999", 404)):
        assert send(browser, "/alerts/bulk/all", **form, leader=wrong).status_code == status
    assert send(browser, "/alerts/bulk/all", **form, leader="1").status_code == 303
    linked = {one.id for one in real.work.bonds(1, Scope()).links}
    assert {one.zone for one in real.work.bonds(1, Scope()).links} == {"lgwan"}
    assert len(linked) == 2
    assert "アラート 1 へ" in browser.get("/alerts").text
    assert "2 件を元に戻しました" in send(browser, "/alerts/bulk/1/undo").text
    assert real.work.bonds(1, Scope()).links == []


# Who searched (zones, None: all) × who reads the log: whether the line is there for the reader.
ALL_OF = None
READS: list[tuple[set[str] | None, set[str] | None, bool]] = [
    ({"lgwan"}, {"lgwan"}, True),
    ({"lgwan"}, {"lgwan", "internet"}, True),
    ({"lgwan"}, {"internet"}, False),
    ({"lgwan", "internet"}, {"lgwan", "internet"}, True),
    ({"lgwan", "internet"}, {"lgwan", "internet", "mynumber"}, True),
    ({"lgwan", "internet"}, {"lgwan"}, False),
    ({"lgwan", "internet"}, {"lgwan", "mynumber"}, False),
    ({"lgwan", "internet"}, ALL_OF, True),
    (ALL_OF, {"lgwan", "internet", "mynumber"}, False),
    (ALL_OF, ALL_OF, True),
]


@pytest.mark.parametrize(("searcher", "reader", "seen"), READS)
def test_a_scoped_reader_sees_the_searches_that_lie_wholly_in_their_zones(stage, searcher, reader, seen):
    def access(zones: set[str] | None) -> Access:
        return Access(None if zones is None else frozenset(zones))

    stage.person("searcher", Role.CSIRT, access(searcher))
    stage.person("reader", Role.AUDITOR, access(reader))
    browser = stage.client("searcher")
    assert browser.get("/events?q=user.name:zz-wanted").status_code == 200
    assert browser.get("/alerts?q=zz-queue").status_code == 200
    page = stage.client("reader").get("/audit-log").text
    assert ("zz-wanted" in page, "zz-queue" in page) == (seen, seen)


def test_a_search_that_took_too_long_says_so_on_the_page_and_in_the_log(real):
    real.desk.database.patience = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_STEPS", 1)
        browser = real.client("touban")
        answer = browser.get("/alerts?q=-host.name:*zz*")
        assert (answer.status_code, "0 秒で終わらなかった" in answer.text) == (400, True)
        assert "検索が終わらなかったため、一覧を表示していません" in answer.text
        assert browser.get("/api/alerts?q=-host.name:*zz*").json()["error"]["status"] == 400
        assert browser.get("/alerts/bulk?q=-host.name:*zz*").status_code == 400
    assert lines(real, "alerts_listed")[-1][3] == "→ -"
    assert real.client("touban").get("/alerts").status_code == 200


def test_a_key_takes_an_alert_and_its_page_gives_it_back(real):
    browser = real.client("touban")
    before = real.desk.detail(1, Scope()).alert
    answer = send(browser, "/alerts/1/assign")
    assert answer.headers["location"] == "/alerts/1?done=assigned&bulk=1"
    page = browser.get(answer.headers["location"]).text
    assert 'action="/alerts/bulk/1/undo"' in page
    assert 'action="/alerts/bulk/1/undo"' not in real.client("csirt").get(answer.headers["location"]).text
    back = send(browser, "/alerts/bulk/1/undo", back="1")
    assert back.headers["location"] == "/alerts/1?done=undone"
    assert "元に戻しました" in browser.get(back.headers["location"]).text
    assert real.desk.detail(1, Scope()).alert == before
    assert "/alerts/bulk/1/undo" not in browser.get(answer.headers["location"]).text, "it is done already"
    for wrong in ("//evil.example", "1/../..", "x"):
        send(browser, "/alerts/1/assign")
        number = real.work.bulks("touban", NOW)[0].id
        assert "location" not in send(browser, f"/alerts/bulk/{number}/undo", back=wrong).headers


def test_an_exception_that_hides_incidents_is_written_only_knowingly(real):
    real.desk.close([1], Verdict.TRUE_POSITIVE, "感染", actor="csirt", scope=Scope(), now=NOW)
    real.desk.put_hits([replace(night()[0], event_id="x.y.1", source="y")], {}, NOW)
    newest = max(one.id for one in real.desk.alerts(AlertFilter(), Scope()).alerts)
    real.desk.close([newest], Verdict.FALSE_POSITIVE, "更新", actor="csirt", scope=Scope(), now=NOW)
    browser, path = real.client("csirt"), f"/alerts/{newest}/exception"
    form = {"fields": ["labels.flow"], "owner": "情報政策課", "reason": "更新", "expires": "2027-03-31"}
    page = send(browser, path, **form).text
    assert 'name="sure" value="1"' in page
    for more, status in (({}, 409), ({"sure": "2", "why": "訓練"}, 409), ({"sure": "1", "why": " "}, 400)):
        answer = send(browser, path, **form, action="write", **more)
        assert answer.status_code == status, more
        assert 'name="sure" value="1"' in answer.text, "the form says which number"
    assert real.written == []
    answer = send(browser, path, **form, action="write", sure="1", why="感染は訓練だった")
    assert "例外を保存しました" in answer.text
    [(_number, text)] = real.written
    assert "incidents: '1 (1) 感染は訓練だった / csirt'" in text
    assert "感染は訓練だった" in real.accounts.audit_log(action="exception.written")[0].text
