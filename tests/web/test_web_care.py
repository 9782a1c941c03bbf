"""Pages of exceptions, reviews and registers: what departments see and ask, who decides, what is taken away."""

from __future__ import annotations

import csv
import io
import re

import pytest

from secops.access.ports import Access, Role
from secops.org.excel import tables_of
from secops.org.workbook import open_sheets
from tests.web.stage import HOSTILE, csrf

ASKED = {
    "department": "211",
    "clauses": "taisaku-a12、mic-2025-03-6.4",
    "reason": "旧版が要る",
    "measure": "隔離する",
    "begins": "2026-12-01",
    "ends": "令和9年3月31日",
    "flows": "T-009",
}


@pytest.fixture(autouse=True)
def people(stage):
    stage.person("policy2", Role.POLICY_OWNER)
    stage.person("zeimu", Role.SECURITY_MANAGER, Access(departments=frozenset({"税務課"})))


def post(browser, path: str, **values: str):
    return browser.post(path, data={**values, "csrf": csrf(browser)})


def test_a_department_sees_its_own_exceptions_and_no_others(stage):
    kumin, zeimu = stage.client("kumin"), stage.client("zeimu")
    assert "例外 2026-1" in kumin.get("/policy/exceptions").text
    assert "2025-1" not in kumin.get("/policy/exceptions?phase=all").text
    assert "T-003" not in kumin.get("/policy/exceptions").text
    assert kumin.get("/policy/exceptions/2025-1").status_code == 404
    page = zeimu.get("/policy/exceptions").text
    assert "期限が切れたまま使用中 2 件" in page
    assert "T-003" in page
    assert zeimu.get("/policy/exceptions/2026-1").status_code == 404
    assert post(zeimu, "/policy/exceptions/2026-1/withdraw").status_code == 404


def test_an_exception_from_request_to_end(stage):
    kumin, owner = stage.client("kumin"), stage.client("policy2")
    asked = post(kumin, "/policy/exceptions/new", **ASKED)
    assert asked.status_code == 303
    place = asked.headers["location"].partition("?")[0]
    page = kumin.get(asked.headers["location"]).text
    assert "申請しました" in page
    assert "T-009" in page
    assert "決裁の結果を記録する" not in page
    assert post(kumin, f"{place}/decide", verdict="approved", decider="x", on="2026-11-22").status_code == 403
    wrong = post(owner, f"{place}/decide", verdict="refused", decider="CISO", on="2026-11-22")
    assert wrong.status_code == 400
    assert "不承認の理由" in wrong.text
    assert 'value="refused" required checked' in wrong.text
    done = post(owner, f"{place}/decide", verdict="approved", decider="CISO", on="2026-11-22", note="月に一度報告")
    assert done.status_code == 303
    assert "月に一度報告" in kumin.get(place).text
    assert post(owner, f"{place}/decide", verdict="approved", decider="CISO", on="2026-11-22").status_code == 409
    assert post(kumin, f"{place}/end", on="2026-11-23", note="撤去した").status_code == 303
    assert "使用の終了を確認" in kumin.get(place).text


def test_nobody_decides_on_their_own_request(stage):
    owner = stage.client("policy2")
    place = post(owner, "/policy/exceptions/new", **ASKED).headers["location"].partition("?")[0]
    assert "自分の申請は、自分では決裁できません" in owner.get(place).text
    refused = post(owner, f"{place}/decide", verdict="approved", decider="CISO", on="2026-11-22")
    assert refused.status_code == 403
    assert (
        post(
            stage.client("policy_owner"), f"{place}/decide", verdict="approved", decider="CISO", on="2026-11-22"
        ).status_code
        == 303
    )


def test_a_request_with_mistakes_comes_back_with_all_of_them_and_what_was_typed(stage):
    kumin = stage.client("kumin")
    answer = post(kumin, "/policy/exceptions/new", **{**ASKED, "clauses": "taisaku-a99", "measure": " "})
    assert answer.status_code == 400
    assert "taisaku-a99」はありません" in answer.text
    assert "「代わりの対策」を書いてください" in answer.text
    assert "旧版が要る" in answer.text
    other = post(kumin, "/policy/exceptions/new", **{**ASKED, "department": "212"})
    assert other.status_code == 403
    assert post(kumin, "/policy/exceptions/new", **{**ASKED, "ends": "いつか"}).status_code == 400


def test_a_lapsed_one_is_renewed_in_its_own_department(stage):
    zeimu = stage.client("zeimu")
    form = zeimu.get("/policy/exceptions/new?renews=2025-1").text
    assert "例外 2025-1 の更新を申請する" in form
    assert stage.client("kumin").get("/policy/exceptions/new?renews=2025-1").status_code == 404
    new = post(zeimu, "/policy/exceptions/new", **{**ASKED, "department": "212", "renews": "2025-1"})
    place = new.headers["location"].partition("?")[0]
    post(stage.client("policy2"), f"{place}/decide", verdict="approved", decider="CISO", on="2026-11-22")
    assert "更新済み" in zeimu.get("/policy/exceptions/2025-1").text
    assert "例外 2025-1" not in zeimu.get("/policy/exceptions").text


def test_what_somebody_wrote_does_nothing_on_the_pages(stage):
    owner = stage.client("policy2")
    evil = HOSTILE.replace("\x00", "")
    asked = post(owner, "/policy/exceptions/new", **{**ASKED, "reason": evil, "measure": evil})
    for path in (asked.headers["location"], "/policy/exceptions"):
        page = owner.get(path).text
        assert "<script>alert" not in page
        assert "\u202e" not in page


def test_the_calendar_shows_what_is_late_and_takes_what_was_done(stage):
    owner = stage.client("policy_owner")
    page = owner.get("/policy/calendar").text
    assert "54 日超過" in page
    assert page.index("ICT-BCP の訓練") < page.index("2026年度")
    assert "2 の条項がこの期日に従います" in page
    done = post(
        owner,
        "/policy/calendar/reviewed",
        entry="ict-bcp-drill",
        on="2026-11-20",
        outcome="changed",
        note="目標を改めた",
    )
    assert done.status_code == 303
    after = owner.get(done.headers["location"]).text
    assert "期日を過ぎたものはありません" in after
    assert "次の期日は 令和9年9月30日 です" in after
    assert "見直しを記録する" not in stage.client("viewer").get("/policy/calendar").text
    assert "期日 令和9年9月30日" in owner.get("/policy/calendar?year=2027").text


def test_a_review_with_mistakes_is_not_kept(stage):
    owner = stage.client("policy_owner")
    for values, said in (
        ({"on": "2026-11-20", "outcome": ""}, "結果を選んで"),
        ({"on": "2026-12-20", "outcome": "unchanged"}, "未来の日"),
        ({"on": "2026-11-20", "outcome": "changed"}, "何を改めたか"),
        ({"on": "2026-11-20", "outcome": "unchanged", "entry": "nosuch"}, "予定にありません"),
        ({"on": "x", "outcome": "unchanged"}, "実施した日"),
    ):
        answer = post(owner, "/policy/calendar/reviewed", **{"entry": "ict-bcp-drill", **values})
        assert answer.status_code == 400
        assert said in answer.text
    for year in ("x", "99999", "1999", "-1"):
        assert owner.get(f"/policy/calendar?year={year}").status_code == 200


def test_the_calendar_goes_into_the_calendars_of_people(stage):
    answer = stage.client("viewer").get("/policy/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    text = answer.content.decode()
    lines = text.split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    joined = text.replace("\r\n ", "")
    assert "UID:review-doc:taisaku@sumida.secops" in joined
    assert "DTSTART;VALUE=DATE:20270331\r\nDTEND;VALUE=DATE:20270401" in joined
    assert joined.count("BEGIN:VEVENT") == 3


def test_the_registers_show_what_is_missing_within_the_scope(stage):
    page = stage.client("policy_owner").get("/policy/registers").text
    assert "3 件のうち 2 件に、書かれていない項目があります" in page
    assert re.search(r"委託の有無が不明 <b>1</b>", page)
    assert "412,000 人" in page
    own = stage.client("zeimu").get("/policy/registers").text
    assert "税務システム" in own
    assert "住民記録" not in own
    assert "持ち主の分からない" not in stage.client("zeimu").get("/policy/registers?kind=assets").text
    assert "持ち主の分からない" in stage.client("auditor").get("/policy/registers?kind=assets&gap=owner").text
    lgwan = stage.client("lgwan-only").get("/policy/registers").text
    assert "台帳にまだ何もありません" in lgwan


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("class=c3a", {"JUMIN", "ZEI"}),
        ("class=unknown", {"YOYAKU"}),
        ("zone=internet", {"YOYAKU"}),
        ("department=212", {"ZEI"}),
        ("gap=contractor", {"ZEI"}),
        ("q=みどり予約", {"YOYAKU"}),
        ("class=c3a&q=住民", {"JUMIN"}),
        ("zone=nosuch", set()),
    ],
)
def test_rows_are_found_by_department_zone_class_and_gap(stage, query, names):
    text = stage.client("policy_owner").get(f"/policy/registers/export?{query}").content.decode("utf-8-sig")
    assert {row["システムコード"] for row in csv.DictReader(io.StringIO(text))} == names


def test_a_register_is_taken_away_as_excel_and_can_be_read_again(stage):
    browser = stage.client("policy_owner")
    for kind, count in (("systems", 3), ("assets", 3)):
        answer = browser.get(f"/policy/registers/export?kind={kind}&format=xlsx")
        found = tables_of(open_sheets(answer.content, "x.xlsx"), "x.xlsx").tables[kind]
        assert len(found.rows) == count
    assert [one.action for one in stage.accounts.audit_log(action="register_exported")] == ["register_exported"] * 2
