"""Workpapers and findings from the command line of a real site, and findings of an external report from tables."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import AuditError
from secops.isms.audit.findings_import import Row, findings_of
from secops.isms.audit.round import FindingKind, FindingState
from secops.wiring import create_site, open_site
from tests.audit_work import FINDING
from tests.rounds import begin, sheet_of

DEPARTMENTS = "所属コード,所属名,階層\nkumin,区民課,課\nzeimu,税務課,課\njoho,区民情報課,課\n"
NAMES = {"kumin": "区民課", "zeimu": "税務課"}
TODAY = date(2026, 11, 27)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder)
    (folder / "inventory" / "departments.csv").write_text(DEPARTMENTS, encoding="utf-8-sig")
    with open_site(folder) as opened:
        begin(opened.desk.rounds)
    return folder


def run(site: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(secops, ["audit", *arguments, "--site", str(site)])
    text = done.output + str(done.exception or "")
    assert done.exit_code == code or (code and done.exception), text
    return text


def test_a_paper_is_written_and_reviewed_by_another(site):
    with open_site(site) as opened:
        number = str(sheet_of(opened.desk.rounds).number)
    people = site / "people.txt"
    people.write_text("\n".join(f"資産{n}" for n in range(30)), encoding="utf-8")
    how = ["--verdict", "partial", "--result", "1 件が漏れていた。", "--evidence", "台帳|書庫3"]
    more = ["--procedure", "examine=台帳を読んだ", "--sample-from", str(people), "--seed", "s", "--as-user", "a"]
    assert "版 1" in run(site, "confirm", number, "t1", *how, *more)
    assert "査閲できません" in run(site, "review", number, "t1", "--revision", "1", "--as-user", "a", code=1)
    assert "b" in run(site, "review", number, "t1", "--revision", "1", "--as-user", "b")
    (first, *_rest) = json.loads(run(site, "papers", number, "--json"))
    paper = first["record"]["paper"]
    assert (paper["confirmed"], paper["reviewer"], len(paper["sample"]["members"])) == ("partial", "b", 5)
    assert "△" in run(site, "papers", number)
    assert "手続=内容" in run(site, "confirm", number, "t1", *how, "--procedure", "読んだ", code=2)
    assert "shiteki.json" in run(site, "findings", "draft", "shiteki.json", code=1)
    run(site, "step", number, "interview", "--on", "2026-09-10", "--note", "課長")
    assert "2026-09-10" in run(site, "step", number, "interview", "--on", "昨日", code=2)


def test_a_finding_from_draft_to_closed(site, tmp_path):
    draft, plan = tmp_path / "draft.json", tmp_path / "plan.json"
    words = {name: getattr(FINDING, name) for name in ("title", "fact", "criterion", "cause", "risk", "recommendation")}
    said = {**words, "kind": "minor_nonconformity", "department": "kumin", "clauses": ["mic-2025-03-2"]}
    draft.write_text(json.dumps({**said, "evidence": [{"title": "台帳"}]}), encoding="utf-8")
    run(site, "findings", "draft", str(draft))
    (one,) = json.loads(run(site, "findings", "list", "--json"))
    number = one["finding"]["number"]
    for step in (["send"], ["reply", "--agreed", "yes"], ["issue"]):
        run(site, "findings", step[0], number, *step[1:])
    measure = {"measure": "手順を定める", "person": "係長", "due": "2026-01-31"}
    plan.write_text(json.dumps({"cause": "手順がない", "actions": [measure]}), encoding="utf-8")
    assert "版 5" in run(site, "findings", "plan", number, str(plan), "--revision", "4")
    assert "⚠" in run(site, "findings", "list", "--overdue", code=1)
    assert "ほかの人が" in run(site, "findings", "plan", number, str(plan), "--revision", "4", code=1)
    done = {**measure, "state": "done", "done_on": "2026-01-20", "evidence": [{"title": "手順書"}]}
    plan.write_text(json.dumps({"cause": "手順がない", "actions": [done]}), encoding="utf-8")
    run(site, "findings", "plan", number, str(plan), "--revision", "5")
    run(site, "findings", "check", number, "--measure", "1", "--text", "手順書を見た", "--effective", "yes")
    assert "完了" in run(site, "findings", "close", number)
    assert "手順書を見た" in run(site, "findings", "show", number)
    run(site, "findings", "reopen", number, "--reason", "再発した")
    assert "未回答" not in run(site, "horizontal")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "bad"}, "major_nonconformity"),
        ({"titel": "x"}, "titel"),
        ({"evidence": ["x"]}, "evidence"),
        ({"department": "none"}, "none"),
    ],
)
def test_a_draft_with_mistakes_says_which(site, tmp_path, change, told):
    file = tmp_path / "draft.json"
    file.write_text(json.dumps({"kind": "good_practice", "title": "x", "department": "kumin", **change}))
    assert told in run(site, "findings", "draft", str(file), code=1)
    file.write_text("{", encoding="utf-8")
    assert "JSON" in run(site, "findings", "draft", str(file), code=2)


def test_findings_of_an_external_report_come_from_excel_once(site, tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["令和6年度 外部監査 指摘一覧"], ["年度", "所管", "区分", "件名", "事実", "状態"]):
        sheet.append(row)
    sheet.append(["令和6", "区民課", "軽微な不適合", "鍵の管理", "鍵が机の上にあった。", "完了"])
    sheet.append([2024, "税務課", "推奨事項", "朝礼での注意喚起", "", ""])
    path = tmp_path / "report.xlsx"
    book.save(path)
    assert "2 件を読み、2 件" in run(site, "findings", "import", str(path), "--source", "外部監査報告書")
    assert "2 件を読み、0 件" in run(site, "findings", "import", str(path), "--source", "外部監査報告書")
    found = json.loads(run(site, "findings", "list", "--year", "2024", "--json"))
    assert [one["finding"]["state"] for one in found] == ["closed", "closed"]


def rows(*lines: str) -> list[Row]:
    return [Row(f"a.csv:{number}", line.split(",")) for number, line in enumerate(lines, 1)]


def test_every_wrong_cell_of_a_report_is_named_and_nothing_is_taken_in():
    table = rows(
        "年度,部署コード,区分,件名,状態,期限",
        "昔,kumin,軽微な不適合,a,,",
        "2024,nobody,軽微な不適合,b,,",
        "2024,kumin,ひどい,c,半分,いつか",
        "2024,kumin,軽微な不適合,,,",
        ",,,,,",
    )
    with pytest.raises(AuditError) as told:
        findings_of(table, "報告書", NAMES, TODAY)
    places = [problem.where for problem in told.value.problems]
    assert [place.split()[0] for place in places] == ["a.csv:2", "a.csv:3", *["a.csv:4"] * 3, "a.csv:5"]
    with pytest.raises(AuditError, match="見出し"):
        findings_of(rows("a,b"), "報告書", NAMES, TODAY)


def test_a_row_becomes_a_finding_with_its_measure():
    table = rows(
        "年度,課コード,区分,指摘事項,改善内容,担当,期限,条項",
        "平成31,区民課,重大な不適合,共用ID,IDを分ける,係長,2027/03/31,mic-2025-03-5.4 mic-2025-03-6.2",
    )
    ((finding, year, name),) = findings_of(table, "報告書", NAMES, TODAY)
    assert (year, name, finding.kind, finding.state) == (2019, "区民課", FindingKind.MAJOR, FindingState.OPEN)
    assert finding.actions[0].due == date(2027, 3, 31)
    assert finding.clauses == ("mic-2025-03-5.4", "mic-2025-03-6.2")


def test_a_hidden_sheet_of_findings_is_told_of(site):
    book = openpyxl.Workbook()
    book["Sheet"].append(["年度", "部署コード", "区分", "件名"])
    old = book.create_sheet("控え")
    old.append([2024, "kumin", "観察事項", "掲示が古い"])
    old.sheet_state = "hidden"
    book.save(site / "gaibu.xlsx")
    text = run(site, "findings", "import", str(site / "gaibu.xlsx"), "--source", "外部監査")
    assert "非表示のシートも読みました: 控え" in text
