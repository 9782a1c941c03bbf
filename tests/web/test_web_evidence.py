"""Audit items and evidence in the console: from an item to a sheet, from an alert to its items, and back."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import unquote

import pytest

from secops.access.ports import Access, Role
from secops.isms.audit.round import Unit
from secops.siem.ports import Scope
from secops.store.records.evidence import SheetFilter
from tests.audit_work import on_order
from tests.web.stage import HOSTILE, NOW, Stage, csrf, frame

KUMIN, JUKI = Unit("211"), Unit("211", "juki")
FORM = {"department": "211", "since": "2026-11-13", "until": "2026-11-23"}


@pytest.fixture
def auditor(stage: Stage):
    stage.person("kansa", Role.AUDITOR)
    on_order(stage.rounds, KUMIN, "kansa")
    on_order(stage.rounds, JUKI, "kansa")
    return stage.client("kansa")


def bare(page: str) -> str:
    """The text of a page without its markup."""
    return re.sub(r"<[^>]+>", "", page)


def make(browser, **more: object):
    return browser.post("/audit/evidence", data={**FORM, **more, "csrf": csrf(browser)})


def test_the_items_by_chapter_words_and_logs(auditor):
    whole = auditor.get("/audit/items").text
    assert whole.count('href="/audit/items/a') == 212
    narrow = auditor.get("/audit/items?chapter=6&logs=1&q=ログ").text
    assert 'href="/audit/items/a6.1-10"' in narrow
    assert 'href="/audit/items/a7.1-01"' not in narrow
    assert "合う監査項目がありません" in auditor.get("/audit/items?q=そのような言葉はない").text
    assert auditor.get("/audit/items/a9.9-99").status_code == 404


def test_from_an_alert_to_the_items_of_its_clauses_and_back(stage, auditor):
    page = auditor.get("/alerts/3").text
    items = set(re.findall(r'href="/audit/items/(a3-\d\d)"', page))
    assert "a3-01" in items
    assert f"この条項の監査項目 {len(items)} 件" in page
    item = auditor.get("/audit/items/a3-01").text
    assert "マイナンバー利用事務系からインターネット接続系への通信" in item
    link = html.unescape(re.search(r'href="(/alerts\?[^"]*)"', item)[1])  # type: ignore[index] # there, or it fails
    assert "rule:" in unquote(link)
    assert auditor.get(link).status_code == 200
    assert "過去 90 日のアラート" in item


def test_staff_read_items_but_neither_alerts_nor_evidence(stage):
    stage.person("kakari", Role.STAFF)
    page = stage.client("kakari").get("/audit/items/a3-01").text
    assert "見る対象" in page
    assert "過去 90 日のアラート" not in page
    assert "/audit/evidence" not in page


def test_a_sheet_is_made_looked_at_compared_and_taken_along(stage, auditor):
    answer = make(auditor, names=["failed_logons"])
    assert answer.status_code == 303
    page = auditor.get(answer.headers["location"]).text
    number = answer.headers["location"].rsplit("/", 1)[1]
    assert "監査人の参考であり、判定ではありません" in page
    assert "記録なし" in page  # nobody failed to log on in the whole ward: that is no zero
    assert "Windows のセキュリティログ" in page
    verified = auditor.post(f"/audit/evidence/{number}/verify", data={"csrf": csrf(auditor)}).text
    assert "もう一度照会した数値は、票と同じです" in verified
    assert "まだ誰も照合していません" in page
    assert "kansa(作成した本人): 数値は同じ" in bare(verified)
    stage.person("futari", Role.AUDIT_LEAD)
    other = stage.client("futari")
    other.post(f"/audit/evidence/{number}/verify", data={"csrf": csrf(other)})
    assert "futari: 数値は同じ" in bare(auditor.get(f"/audit/evidence/{number}").text)
    taken = auditor.get(f"/audit/evidence/{number}/file?format=html")
    assert taken.headers["content-disposition"].startswith(f'attachment; filename="secops-evidence-{number}-')
    paper = (
        taken.text
    )  # dated, hashed, with the query, what is missing, who made and who checked it, and what it is not
    sheet = stage.evidence.sheets.sheet(int(number), Scope()).sheet
    assert (
        "(照会していません) event.action:logon-failed" in paper
    )  # a source was missing: the query is there all the same
    for said in (
        "2026年11月23日",
        sheet.sha256,
        "failed_logons",
        "届いていないもの",
        "futari",
        "判定ではありません",
        *sheet.missing,
    ):
        assert said in paper, said
    assert auditor.get(f"/audit/evidence/{number}/file").content.startswith(b"PK")
    assert auditor.get(f"/audit/evidence/{number}/file?format=exe").status_code == 400
    logged = [one.action for one in stage.accounts.audit_log(limit=5)]
    assert logged.count("evidence_exported") == 2
    assert "evidence_viewed" in logged


def test_a_figure_leads_to_the_same_search(stage, auditor):
    row = {
        "@timestamp": NOW - timedelta(hours=1), "event.ingested": NOW, "event.id": "sumida.ops.1", "event.sequence": 1,
        "labels.source": "ops", "labels.zone": "mynumber", "labels.department": "区民課", "host.name": "K-0213",
        "event.dataset": "skysea.operation", "event.action": "usb-device-attached", "user.name": HOSTILE,
        "device.serial_number": HOSTILE,
    }  # fmt: skip
    stage.store.write(frame([row]), {})
    answer = make(auditor, item="a4.4-02")
    page = auditor.get(answer.headers["location"]).text
    links = [html.unescape(one) for one in re.findall(r'href="(/events\?[^"]*)"', page)]
    found = auditor.get(links[0]).text
    assert "sumida.ops.1" in found
    assert "<script>alert(1)" not in page
    assert "U+202E" in page
    taken = auditor.get(answer.headers["location"] + "/file?format=html").text
    assert "<script>alert(1)" not in taken


def test_all_queries_at_once_are_listed_with_what_is_missing(stage, auditor):
    answer = make(auditor)
    assert answer.status_code == 303
    page = auditor.get(answer.headers["location"]).text
    assert "裏付け票を 47 件作りました" in page
    assert "届いていないもの" in page
    _sheets, total = stage.evidence.sheets.sheets(SheetFilter(department="211"), Scope())
    assert total == 48  # and the stage's own
    assert "ログの届かない日" in auditor.get("/audit/evidence?department=211&item=a6.1-11").text
    older = re.search(r'href="(/audit/evidence\?[^"]*before=\d+)"', auditor.get("/audit/evidence").text)
    assert older is None or auditor.get(html.unescape(older[1])).status_code == 200


@pytest.mark.parametrize(
    ("more", "status", "text"),
    [
        ({"since": "きのう"}, 400, "期間の日付"),
        ({"since": "2026-12-01", "until": "2026-12-02"}, 400, "期間が空です"),
        ({"since": "2020-01-01"}, 400, "400 日まで"),
        ({"department": "999"}, 404, "監査計画にありません"),
        ({"department": "211/nothing"}, 404, "監査計画にありません"),
        ({"item": "a6.1-08"}, 404, "ログで確かめる照会がありません"),
        ({"names": ["nothing"]}, 404, "という照会はありません"),
    ],
)
def test_what_cannot_be_asked_comes_back_with_the_reason_and_what_was_entered(auditor, more, status, text):
    answer = make(auditor, **more)
    assert answer.status_code == status
    assert text in answer.text
    assert "裏付け票を作る" in answer.text


def test_who_sees_one_department_or_zone_makes_and_sees_no_more(stage):
    stage.person("zei", Role.AUDITOR, Access(departments=frozenset({"税務課"})))
    stage.person("lgwan", Role.AUDITOR, Access(zones=frozenset({"lgwan"})))
    on_order(stage.rounds, KUMIN, "zei", "lgwan")
    zei, lgwan = stage.client("zei"), stage.client("lgwan")
    assert make(zei, names=["failed_logons"]).status_code == 404
    assert "区民課" not in re.sub(r"<title>.*</title>", "", zei.get("/audit/evidence").text)
    assert zei.get("/audit/evidence/1").status_code == 404
    own = make(lgwan, names=["failed_logons"]).headers["location"]
    assert "作成した人が見られる系統だけを数えました: LGWAN接続系" in lgwan.get(own).text
    assert lgwan.get("/audit/evidence/1").status_code == 404
    assert lgwan.post("/audit/evidence/1/verify", data={"csrf": csrf(lgwan)}).status_code == 404


def test_in_english_only_the_paper_stays_japanese(stage, auditor):
    auditor.post("/language", data={"language": "en", "target": "/audit/items"})
    for path in ("/audit/items", "/audit/items/a3-04", "/audit/evidence", "/audit/evidence/1"):
        page = auditor.get(path).text
        main = page[page.index('<main class="page"') : page.index("</main>")]
        main = re.sub(
            r"<nav class=.tabs.*?</nav>|<bdi>.*?</bdi>|<option.*?</option>|data-label=\"[^\"]*\"",
            "",
            main,
            flags=re.DOTALL,
        )
        left = set(re.findall(r"[぀-ヿ一-鿿]+", main)) - {"記録なし", "対策基準", "版"}
        assert left == set(), (path, left)


SHEET_CALLS = ("", "/file", "/file?format=html")


def test_an_auditor_reaches_the_sheets_of_their_plans_and_no_other(stage):
    for name, role in (
        ("ta", Role.AUDITOR),
        ("kansa", Role.AUDITOR),
        ("lead", Role.AUDIT_LEAD),
        ("csirt2", Role.CSIRT),
    ):
        stage.person(name, role)
    on_order(stage.rounds, KUMIN, "kansa")
    on_order(stage.rounds, Unit("212"), "ta")
    ta, kansa = stage.client("ta"), stage.client("kansa")
    for call in SHEET_CALLS:
        assert ta.get(f"/audit/evidence/1{call}").status_code == 404
        for name in ("kansa", "lead", "csirt2"):
            assert stage.client(name).get(f"/audit/evidence/1{call}").status_code == 200
    assert ta.post("/audit/evidence/1/verify", data={"csrf": csrf(ta)}).status_code == 404
    own = ta.get("/audit/evidence").text
    assert "裏付け票はまだありません" in own
    assert re.findall(r'<option value="(21[^"]*)"', own) == ["212"]
    assert make(ta, names=["failed_logons"]).status_code == 404
    assert make(ta, names=["failed_logons"], department="212").status_code == 303
    assert make(kansa, names=["failed_logons"], department="211/juki").status_code == 404  # the unit is the department
    assert "区民課" not in re.sub(r"<title>.*</title>", "", ta.get("/audit/evidence?department=211").text)


def test_an_assignment_of_another_year_opens_only_what_was_made_for_its_plan(stage):
    stage.person("kyonen", Role.AUDITOR)
    old = on_order(stage.rounds, KUMIN, "kyonen", year=2025)
    browser = stage.client("kyonen")
    assert browser.get("/audit/evidence/1").status_code == 404
    assert "今年度の監査計画に、あなたが担当する" in browser.get("/audit/evidence").text
    kept = stage.evidence.sheets.sheet(1, Scope())
    number = stage.evidence.sheets.keep(kept.sheet, round_=old, actor="x", now=NOW)
    assert browser.get(f"/audit/evidence/{number}").status_code == 200


def test_a_sheet_of_a_system_is_made_and_says_whose_it_is(stage, auditor):
    answer = make(auditor, names=["log_coverage"], department="211/juki")
    page = auditor.get(answer.headers["location"]).text
    assert "区民課 住民記録システム" in page
    assert "ホスト(機器名かアドレス)が分かりません" in page
    assert "記録なし" in page
    assert "住民記録システム" in auditor.get(answer.headers["location"] + "/file?format=html").text
    assert "区民課 住民記録システム" in auditor.get("/audit/evidence?department=211/juki").text
