"""The self-inspection as a department, its head, the staff and the head of the audit use it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from secops.access.ports import Access, Role
from secops.isms.audit.model import Verdict
from secops.isms.audit.round import Unit
from secops.isms.audit.sheets import Answer, SheetKind, SheetState
from tests.rounds import CLERK, HEAD, KUMIN, LEAD, NOW, ZEIMU, annual, begin, fill, sheet_of
from tests.web.stage import HOSTILE, Stage, csrf

OWN = Access(departments=frozenset({"区民課"}))


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    begin(made.rounds, 2025)
    begin(made.rounds)
    made.person("tanto", Role.STAFF, OWN)
    made.person("kacho", Role.SECURITY_MANAGER, OWN)
    made.person("zeimu", Role.SECURITY_MANAGER, Access(departments=frozenset({"税務課"})))
    made.person("lead", Role.AUDIT_LEAD)
    made.person("kansa", Role.AUDITOR)
    yield made
    made.close()


@pytest.fixture
def number(stage) -> int:
    return sheet_of(stage.rounds).number


def post(browser, path: str, **sent: object):
    return browser.post(path, data={"csrf": csrf(browser), **sent})


def attach(browser, number: int, name: str, data: bytes, item: str = "t1"):
    return browser.post(
        f"/inspection/{number}/{item}/files", data={"csrf": csrf(browser)}, files={"file": (name, data)}
    )


def test_a_department_sees_its_own_sheets_and_no_others(stage, number):
    browser = stage.client("tanto")
    assert "税務課" not in browser.get("/inspection").text
    other = sheet_of(stage.rounds, ZEIMU).number
    assert browser.get(f"/inspection/{other}").status_code == 404
    assert browser.get(f"/inspection/{other}/t1").status_code == 404
    assert post(browser, f"/inspection/{other}/t1/answer", verdict="met").status_code == 404
    assert attach(browser, other, "a.pdf", b"%PDF-1.7").status_code == 404
    assert not (stage.folder / "audit").exists(), "who may not see the sheet fills no disk"
    api = browser.post(f"/api/inspection/{other}/t1", json={"revision": 0}, headers={"x-csrf-token": csrf(browser)})
    assert api.status_code == 404
    assert browser.get(f"/inspection/{number}/nothing").status_code == 404
    assert browser.get(f"/inspection/{10**30}").status_code == 404


def test_an_item_shows_question_clause_examples_and_the_answer_of_last_year(stage, number):
    old = sheet_of(stage.rounds, of="2025")
    fill(stage.rounds, old, but="t1")
    text = stage.client("tanto").get(f"/inspection/{number}/t1").text
    for part in (
        "台帳に載せているか",
        "情報資産を分類し、台帳で管理する。",
        "台帳の写し、決裁文書",
        "台帳がない",
        "1/3",
    ):
        assert part in text


def test_without_script_save_and_next_go_through_the_sheet_and_what_lacks_is_listed(stage, number):
    browser = stage.client("tanto")
    answer = post(browser, f"/inspection/{number}/t1/answer", verdict="partial", note="台帳あり", go="next")
    assert answer.headers["location"] == f"/inspection/{number}/t2"
    post(browser, f"/inspection/{number}/t2/answer", verdict="met", go="next")
    last = post(browser, f"/inspection/{number}/t3/answer", verdict="not_applicable", note="USB なし", go="next")
    assert last.headers["location"] == f"/inspection/{number}"
    refused = post(browser, f"/inspection/{number}/finish")
    assert refused.status_code == 409
    assert "次の 2 件を直してください" in refused.text
    said = {
        "verdict": "partial",
        "note": "台帳あり",
        "reason": "更新が遅い",
        "improvement": "毎月",
        "due": "2026-09-30",
    }
    assert post(browser, f"/inspection/{number}/t1/answer", revision=1, **said).status_code == 303
    assert post(browser, f"/inspection/{number}/finish").status_code == 303
    assert post(browser, f"/inspection/{number}/confirm", revision=1).status_code == 403, "that is for the head"
    head = stage.client("kacho")
    revision = stage.rounds.sheet(number, HEAD).revision
    assert post(head, f"/inspection/{number}/confirm", revision=revision).status_code == 303
    assert stage.rounds.sheet(number, HEAD).state is SheetState.CONFIRMED
    assert "確認済" in browser.get("/inspection").text


def test_the_second_of_two_people_sees_what_the_first_wrote_and_keeps_their_own_text(stage, number):
    first, second = stage.client("tanto"), stage.client("kacho")
    post(first, f"/inspection/{number}/t1/answer", verdict="met", note="台帳で確認した")
    lost = post(second, f"/inspection/{number}/t1/answer", revision=0, verdict="not_met", note="台帳がない")
    assert lost.status_code == 409
    assert "先に保存された内容(tanto" in lost.text
    assert "台帳で確認した" in lost.text
    assert ">台帳がない</textarea>" in lost.text
    assert 'name="revision" value="1"' in lost.text
    headers = {"x-csrf-token": csrf(second)}
    api = second.post(f"/api/inspection/{number}/t1", json={"revision": 0, "verdict": "not_met"}, headers=headers)
    assert (api.status_code, api.json()["current"]["note"]) == (409, "台帳で確認した")
    post(second, f"/inspection/{number}/t1/answer", revision=1, verdict="not_met", note="台帳がない")
    assert [one.by for one in stage.rounds.history(number, "t1", HEAD)] == ["tanto", "kacho"]


def test_the_script_saves_and_gets_the_time(stage, number):
    browser = stage.client("tanto")
    sent = {"revision": 0, "verdict": "met", "note": "見た\x00\u202e"}
    found = browser.post(f"/api/inspection/{number}/t1", json=sent, headers={"x-csrf-token": csrf(browser)}).json()
    assert found == {"revision": 1, "at": "02:07"}
    assert stage.rounds.answers(number, CLERK)["t1"].note == "見た"
    assert browser.post(f"/api/inspection/{number}/t1", json=sent).status_code == 403, "without the token"
    wrong = browser.post(
        f"/api/inspection/{number}/t1", json={**sent, "verdict": "good"}, headers={"x-csrf-token": csrf(browser)}
    )
    assert wrong.status_code == 400


def test_evidence_is_kept_by_hash_served_for_saving_and_withdrawn_with_a_reason(stage, number):
    browser = stage.client("tanto")
    assert attach(browser, number, "C:\\x\\台帳.pdf", b"%PDF-1.7 one").status_code == 303
    assert attach(browser, number, "台帳.pdf", b"%PDF-1.7 two").status_code == 303
    first, second = stage.rounds.files(number, CLERK)
    assert (first.name, first.version, second.version) == ("台帳.pdf", 1, 2)
    place = stage.folder / "audit/evidence" / first.sha256[:2] / first.sha256
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o400, 0o700)
    answer = browser.get(f"/inspection/{number}/files/{first.number}")
    assert answer.content == b"%PDF-1.7 one"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.get(f"/inspection/{number + 1}/files/{first.number}").status_code == 404
    assert stage.client("zeimu").get(f"/inspection/{number}/files/{first.number}").status_code == 404
    assert post(browser, f"/inspection/{number}/files/{first.number}/withdraw").status_code == 400
    post(browser, f"/inspection/{number}/files/{first.number}/withdraw", reason="古い版")
    assert "取下げ tanto" in browser.get(f"/inspection/{number}/t1").text
    place.chmod(0o600)
    place.write_bytes(b"%PDF-1.7 changed")
    assert browser.get(f"/inspection/{number}/files/{first.number}").status_code == 503


def test_what_may_not_be_evidence_is_refused_on_the_page_and_too_much_before_it_is_read(stage, number):
    browser = stage.client("tanto")
    wrong = attach(browser, number, "a.exe", b"MZ\x90\x00\x03")
    assert (wrong.status_code, "証拠にできない形式" in wrong.text) == (400, True)
    assert attach(browser, number, "a.pdf", b"%PDF-" + b"x" * (10 << 20)).status_code == 400
    assert attach(browser, number, "a.pdf", b"%PDF-" + b"x" * (11 << 20)).status_code == 413
    assert browser.post(f"/inspection/{number}/t1/files", files={"file": ("a.pdf", b"%PDF-")}).status_code == 403
    stranger = stage.visitor().post(f"/inspection/{number}/t1/files", files={"file": ("a.pdf", b"%PDF-")})
    assert stranger.headers["location"].startswith("/login")
    assert stage.rounds.files(number, CLERK) == []


def test_staff_answer_with_a_code_and_without_a_login(stage):
    number = sheet_of(stage.rounds, KUMIN, SheetKind.STAFF).number
    head = stage.client("kacho")
    assert post(stage.client("tanto"), f"/inspection/{number}/codes", count=3).status_code == 403
    assert post(head, f"/inspection/{number}/codes", count=0).status_code == 400
    codes = re.findall(r"<li><code>([A-Z0-9-]{14})</code>", post(head, f"/inspection/{number}/codes", count=5).text)
    assert len(codes) == 5
    visitor = stage.visitor()
    assert "離席" not in visitor.get("/inspection/staff").text
    assert visitor.post("/inspection/staff", data={"code": "AAAA-AAAA-AAAA"}).status_code == 404
    for code in codes:
        assert "離席するとき" in visitor.post("/inspection/staff", data={"code": code}).text
        assert visitor.post("/inspection/staff", data={"code": code, "send": "1"}).status_code == 400
        sent = {"code": code, "send": "1", "item-t2": "met"}
        assert "受け付けました" in visitor.post("/inspection/staff", data=sent).text
        assert visitor.post("/inspection/staff", data=sent).status_code == 404, "a code is used once"
    assert "回答 5 人" in head.get(f"/inspection/{number}").text
    assert "○ 5" in head.get(f"/inspection/{number - 1}/t2").text, "beside the department's own answer"


def test_the_head_of_the_audit_plans_decides_and_sees_progress(stage, number):
    stage.rounds.create_plan(annual(2027, office=""), actor="lead", now=NOW)
    lead = stage.client("lead")
    assert "2027" in lead.get("/audit/plans").text
    text = lead.get("/audit/next").text
    assert text.index("住民記録システム") < text.index("税務課")
    assert "監査の記録なし" in text
    unit = {"department": "zeimu", "system": "", "chosen": "1"}
    assert post(lead, "/audit/plans/2027/decide", **unit).status_code == 400, "passing over others needs a note"
    assert post(lead, "/audit/plans/2027/decide", **unit, note="移転").status_code == 303
    assert stage.rounds.plan("2027", LEAD).plan.audited == (Unit("zeimu"),)
    assert post(lead, "/audit/plans/2027/approve", by="委員会", on="きのう").status_code == 400
    assert post(lead, "/audit/plans/2027/approve", by="委員会", on="2026-11-20").status_code == 303
    assert len(stage.rounds.sheets(LEAD, of="2027")) == 5
    progress = lead.get("/audit/progress?round=2026").text
    assert "期限超過 4 枚" in progress
    assert lead.get(f"/audit/sheets/{number}").status_code == 200
    auditor = stage.client("kansa")
    assert auditor.get(f"/audit/sheets/{number}").status_code == 404, "no part of their audits"
    assert "2026" not in auditor.get("/audit/plans").text.split("<main")[1].split("printed")[0]


def test_hostile_text_does_nothing_on_any_of_the_pages(stage, number):
    said = Answer("t1", Verdict.NOT_MET, HOSTILE, HOSTILE, HOSTILE)
    stage.rounds.save(number, said, revision=0, viewer=CLERK, now=NOW)
    browser = stage.client("kacho")
    attach(browser, number, HOSTILE.replace("/", "") + ".pdf", b"%PDF-1.7")
    post(browser, f"/inspection/{number}/foot", summary=HOSTILE, revision=0)
    lead = stage.client("lead")
    for answer in (
        browser.get(f"/inspection/{number}/t1"),
        browser.get(f"/inspection/{number}"),
        lead.get(f"/audit/sheets/{number}"),
        post(browser, f"/inspection/{number}/t1/answer", revision=0, verdict="met", note=HOSTILE + "2"),
    ):
        assert answer.status_code in {200, 409}
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
