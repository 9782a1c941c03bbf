"""Findings and workpapers on the console, from the paper to the closed finding, by those who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secops.access.ports import Access, Role
from secops.isms.audit.findings_ports import Confirmation
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import Viewer
from secops.isms.audit.round import FindingState
from tests.audit_work import AUDITOR, FINDING, MEASURE, SECOND, appoint, draft, issue
from tests.rounds import LEAD, begin, fill, sheet_of
from tests.web.stage import Stage, csrf


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    begin(made.rounds)
    for viewer in (AUDITOR, SECOND):
        appoint(made.rounds, viewer)
        made.person(viewer.name, Role.AUDITOR)
    made.person("toukatsu", Role.AUDIT_LEAD)
    mine = Access(departments=frozenset({"区民課"}))
    made.person("kumin-kacho", Role.SECURITY_MANAGER, mine)
    made.person("kumin-tanto", Role.STAFF, mine)
    made.person("zeimu-kacho", Role.SECURITY_MANAGER, Access(departments=frozenset({"税務課"})))
    made.person("nobody", Role.SECURITY_MANAGER)
    yield made
    made.close()


def post(browser, path: str, **said):
    return browser.post(path, data={**said, "csrf": csrf(browser)})


def test_from_the_paper_to_the_closed_finding(stage):
    sheet = sheet_of(stage.rounds)
    fill(stage.rounds, sheet)
    auditor, lead, head = (stage.client(name) for name in ("kansa", "toukatsu", "kumin-kacho"))
    assert auditor.get("/audit/papers").text.count(">区民課<") == 1, "the staff's sheet has no papers of its own"
    assert "情報資産を台帳" in auditor.get(f"/audit/papers/{sheet.number}").text
    path = f"/audit/papers/{sheet.number}/t1"
    assert "台帳で確認" in auditor.get(path).text, "what the department said stands beside"
    said = {"revision": "0", "verdict": "not_met", "result": "受付簿が台帳にない。", "evidence": "台帳 | 書庫3"}
    done = post(auditor, path, **said, population="a\nb\nc", size="2", seed="s")
    assert done.status_code == 303, done.text
    shown = auditor.get(path).text
    assert "母集団 3 件から 2 件" in shown
    assert "自己点検が高い" in auditor.get(f"/audit/papers/{sheet.number}").text
    form = auditor.get(f"/findings/new?sheet={sheet.number}&item=t1").text
    assert "受付簿が台帳にない。" in form
    assert "mic-2025-03-2" in form
    words = {"kind": "minor_nonconformity", "department": "kumin", "item": "t1", "clauses": "mic-2025-03-2"}
    words |= {name: getattr(FINDING, name) for name in ("title", "fact", "criterion", "risk", "recommendation")}
    location = post(auditor, "/findings", **words, evidence="台帳 | 書庫3").headers["location"]
    assert location == "/findings/2026-01"
    assert head.get(location).status_code == 404, "a draft is nobody else's business"
    assert post(auditor, f"{location}/send").status_code == 303
    assert FINDING.fact in head.get(location).text
    assert post(head, f"{location}/reply", agreed="yes").status_code == 303
    assert post(auditor, f"{location}/issue").status_code == 403
    assert "指摘として確定する" in lead.get(location).text
    assert post(lead, f"{location}/issue").status_code == 303
    record = stage.audit_work.finding("2026-01", LEAD)
    assert "改善計画を待っています" in auditor.get(location).text
    line: dict[str, Any] = {
        "measure": ["手順を定める", ""],
        "person": ["係長", ""],
        "due": ["2026-12-31", ""],
        "interim": ["", ""],
    }
    line |= {"state": ["done", "not_started"], "done_on": ["2026-12-01", ""], "evidence": ["手順書", ""]}
    line |= {"reason": ["", ""], "exception": ["", ""], "cause": "手順がなかった", "revision": str(record.revision)}
    assert post(head, f"{location}/plan", **line).status_code == 303
    waiting = auditor.get(location).text
    assert "対策が済むのを待っています" in waiting
    assert 'href="/policy/documents/taisaku#' in waiting, "the clause of ours is one click away"
    assert 'href="/audit/items/t1"' in waiting
    assert post(auditor, f"{location}/check", place="1", text="手順書を見た", effective="yes").status_code == 303
    assert "完了にする" in lead.get(location).text
    assert post(auditor, f"{location}/close").status_code == 303
    assert "再開する理由" in lead.get(location).text
    final = auditor.get(location).text
    assert "手順書を見た" in final
    assert "指摘として確定" in final, "the history is on the page"
    assert stage.audit_work.finding("2026-01", LEAD).finding.state is FindingState.CLOSED


def test_what_is_missing_is_said_and_nothing_typed_is_lost(stage):
    auditor = stage.client("kansa")
    answer = post(auditor, "/findings", kind="minor_nonconformity", department="kumin", title="", fact="見たこと")
    assert answer.status_code == 400
    assert "件名を 1 行で" in answer.text
    assert "見たこと" in answer.text
    number = draft(stage.audit_work, replace(FINDING, fact="")).finding.number
    assert "書かれていません" in auditor.get(f"/findings/{number}").text
    refused = post(auditor, f"/findings/{number}/send")
    assert refused.status_code == 400
    assert "事実" in refused.text


def test_a_plan_with_mistakes_is_shown_again_as_typed(stage):
    number = issue(stage.audit_work).finding.number
    head = stage.client("kumin-kacho")
    line: dict[str, Any] = {
        "measure": ["台帳に載せる"],
        "person": [""],
        "due": [""],
        "interim": [""],
        "state": ["not_started"],
    }
    line |= {"done_on": [""], "evidence": [""], "reason": [""], "exception": [""], "cause": "", "revision": "4"}
    answer = post(head, f"/findings/{number}/plan", **line)
    assert answer.status_code == 400
    assert "担当(職)" in answer.text
    assert "台帳に載せる" in answer.text
    line["revision"] = "1"
    assert post(head, f"/findings/{number}/plan", **{**line, "cause": "x"}).status_code == 409


def test_two_auditors_do_not_overwrite_each_other(stage):
    sheet = sheet_of(stage.rounds).number
    made = Confirmation("t1", Verdict.MET, "台帳と一致した。")
    stage.audit_work.confirm_paper(sheet, made, revision=0, viewer=SECOND, now=stage.clock)
    late = post(
        stage.client("kansa"), f"/audit/papers/{sheet}/t1", revision="0", verdict="not_met", result="漏れがあった。"
    )
    assert late.status_code == 409
    assert "台帳と一致した。" in late.text
    assert "漏れがあった。" in late.text
    assert stage.audit_work.sheet_papers(sheet, LEAD)[0].paper.confirmed is Verdict.MET


def test_departments_see_their_own_and_whoever_has_none_sees_none(stage):
    number = issue(stage.audit_work).finding.number
    for name, status in (("kumin-kacho", 200), ("kumin-tanto", 200), ("zeimu-kacho", 404), ("nobody", 404)):
        browser = stage.client(name)
        assert browser.get(f"/findings/{number}").status_code == status, name
        assert (FINDING.title in browser.get("/findings").text) is (status == 200), name
    assert post(stage.client("kumin-tanto"), f"/findings/{number}/reply", agreed="yes").status_code == 403


def test_overdue_measures_and_filters(stage):
    number = issue(stage.audit_work).finding.number
    draft(stage.audit_work, replace(FINDING, title="掲示が古い"))
    head = Viewer("kumin-kacho", frozenset({"区民課"}))
    assert stage.app  # made before the clock goes on
    stage.clock = stage.clock.replace(year=2027)
    stage.audit_work.plan_actions(number, "x", [MEASURE], revision=4, viewer=head, now=stage.clock)
    lead = stage.client("toukatsu")
    assert "期限を過ぎた対策のある指摘が 1 件" in lead.get("/findings").text
    found = lead.get("/findings?overdue=1").text
    assert number in found
    assert "掲示が古い" not in found
    assert "掲示が古い" in lead.get("/findings?state=draft&year=2026&q=掲示").text


def test_a_horizontal_check_is_ordered_and_answered(stage):
    number = issue(stage.audit_work).finding.number
    lead, other = stage.client("toukatsu"), stage.client("zeimu-kacho")
    ordered = post(
        lead,
        f"/findings/{number}/horizontal",
        question="台帳に漏れがないか",
        ordered_by="CISO",
        due="2026-12-20",
        departments=["zeimu"],
    )
    assert ordered.status_code == 303
    shown = other.get("/horizontal").text
    assert "&lt;bdi&gt;" not in shown, "names are escaped once"
    assert "台帳に漏れがないか" in shown
    assert FINDING.title not in shown, "whose finding it was is not told"
    refused = post(other, f"/horizontal/{number}", department="zeimu", given="has", text="", due="")
    assert refused.status_code == 400
    done = post(other, f"/horizontal/{number}", department="zeimu", given="none", text="", due="")
    assert done.status_code == 303
    assert re.search(r"回答 1/1", lead.get("/horizontal").text)


def test_steps_of_the_fieldwork(stage):
    sheet = sheet_of(stage.rounds).number
    auditor = stage.client("kansa")
    said = {"step": "interview", "on": "2026-09-10", "note": "課長、係長"}
    assert post(auditor, f"/audit/papers/{sheet}/step", **said).status_code == 303
    assert "課長、係長" in auditor.get(f"/audit/papers/{sheet}").text
    assert post(auditor, f"/audit/papers/{sheet}/step", **{**said, "on": "昨日"}).status_code == 400
    assert stage.audit_work.steps("2026", LEAD)[0].on == date(2026, 9, 10)
