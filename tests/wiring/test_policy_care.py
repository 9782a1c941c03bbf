"""Exceptions, the review calendar and registers at the command line of a real site."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import Workbook, load_workbook

from secops.access.ports import Access
from secops.cli import secops
from secops.errors import ConflictError, DeniedError, InventoryError, NotFoundError, PolicyError, UsageError
from secops.isms.audit.priority import PERSONAL_DATA_LABELS
from secops.isms.policy.calendar import read_calendar
from secops.isms.policy.impact import Kind
from secops.isms.policy.work import Entry
from secops.org.model import PERSONAL_DATA
from secops.schema.dates import JST
from secops.web.serve import care_of
from secops.wiring.clock import now
from secops.wiring.guidelines import BUILTIN, open_editions
from secops.wiring.policy_watch import Watch, documents_of, lapsed_for, policy_problems, registers_for
from secops.wiring.site import create_site, open_site

TODAY = now().astimezone(JST).date()
DEPARTMENTS = "所属コード,所属名,区分,上位コード\n210,区民部,部,\n211,区民課,課,210\n212,税務課,課,210\n"
FLOWS = "通信番号,種別,接続元,接続先,ポート,主管課コード,理由,有効期限\nT-003,特定通信,10.1.0.1,10.2.0.1,tcp/443,212,帳票の受渡し,2020-03-31\n"  # noqa: E501 - a file of two lines


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    (tmp_path / "departments.csv").write_text(DEPARTMENTS, encoding="utf-8")
    run(folder, "inventory", "import", str(tmp_path / "departments.csv"))
    return folder


def ask(site: Path, *words: str):
    return CliRunner().invoke(secops, [*words, "--site", str(site)])


def run(site: Path, *words: str, code: int = 0) -> Any:
    done = ask(site, *words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in words else done.output


def asked(site: Path, **more: str) -> list[str]:
    given = {
        "--department": "区民課", "--clause": "mic-2025-03-6.4", "--reason": "動かない", "--measure": "隔離する",
        "--from": TODAY.isoformat(), "--until": (TODAY + timedelta(days=90)).isoformat(), "--as-user": "kumin", **more,
    }  # fmt: skip
    return ["policy", "exception", "request", *[word for pair in given.items() for word in pair]]


def test_an_exception_goes_from_its_request_to_its_end(site):
    made = run(site, *asked(site, **{"--about": "device:K-0213"}), "--json")
    number = made["number"]
    decision = ("--approve", "--decider", "CISO", "--on", TODAY.isoformat())
    with pytest.raises(DeniedError):
        run(site, "policy", "exception", "decide", number, *decision, "--as-user", "kumin")
    assert "承認を記録しました" in run(site, "policy", "exception", "decide", number, *decision, "--as-user", "seisaku")
    listed = run(site, "policy", "exception", "list", "--json")
    assert [(one["number"], one["phase"], one["draft"]["department"]) for one in listed["exceptions"]] == [
        (number, "in_force", "211")
    ]
    assert run(site, "policy", "exception", "list", "--department", "税務課", "--json")["exceptions"] == []
    run(site, "policy", "exception", "end", number, "--on", TODAY.isoformat(), "--note", "撤去した")
    shown = run(site, "policy", "exception", "show", number, "--json")
    assert [step["action"] for step in shown["history"]] == [
        "exception.requested",
        "exception.approved",
        "exception.ended",
    ]
    with pytest.raises(ConflictError):
        run(site, "policy", "exception", "revoke", number, "--on", TODAY.isoformat(), "--note", "x")


def test_what_cannot_be_requested_is_told(site):
    for more, error, said in (
        ({"--clause": "mic-2025-03-99.9"}, UsageError, "mic-2025-03-99.9"),
        ({"--department": "ない課"}, UsageError, "ない課"),
        ({"--until": "いつか"}, UsageError, "日付"),
        ({"--about": "部屋"}, UsageError, "device:"),
        ({"--renews": "2020-1"}, NotFoundError, "2020-1"),
    ):
        with pytest.raises(error, match=said):
            run(site, *asked(site, **more))


def test_expired_ones_and_flows_are_in_the_status_until_somebody_looks_after_them(site, tmp_path):
    (tmp_path / "flows.csv").write_text(FLOWS, encoding="utf-8")
    with open_site(site) as opened:
        assert policy_problems(opened) == []
    run(site, "inventory", "import", str(tmp_path / "flows.csv"))
    with open_site(site) as opened:
        (said,) = policy_problems(opened)
        assert "T-003" in said
        assert lapsed_for(opened, Access(departments=frozenset({"区民課"}))) == []
        assert [one.id for one in lapsed_for(opened, Access(departments=frozenset({"区民部"})))] == ["T-003"]
    listed = run(site, "policy", "exception", "list", "--json", code=1)
    assert [(one["source"], one["id"]) for one in listed["lapsed"]] == [("flow", "T-003")]
    status = ask(site, "status", "--json")
    assert status.exit_code == 1
    assert any("T-003" in text for text in json.loads(status.stdout)["problems"])


def test_a_new_site_is_not_told_that_all_is_late_but_a_ward_with_a_calendar_is(site):
    assert run(site, "policy", "calendar", "--json", code=1)
    with open_site(site) as opened:
        assert policy_problems(opened, documents_of(opened, sample=False)) == []
    (site / "policies").mkdir(exist_ok=True)
    path = site / "policies" / "calendar.yml"
    path.write_text("entries:\n- id: drill\n  title: 訓練\n  owner: 課長\n  months: 1\n  last_done: 2020-01-15\n")
    late = run(site, "policy", "calendar", "--overdue", "--json", code=1)
    assert [one["id"] for one in late if one["what"] == "recurring"] == ["drill"]
    with open_site(site) as opened:
        (said,) = policy_problems(opened)
    assert "訓練" in said
    assert "次の期日は" in run(site, "policy", "reviewed", "drill", "--on", TODAY.isoformat(), "--as-user", "seisaku")
    with open_site(site) as opened:
        assert policy_problems(opened) == []
        assert [one.actor for one in opened.desk.reviews.reviews()] == ["seisaku"]
    with pytest.raises(UsageError, match="予定にありません"):
        run(site, "policy", "reviewed", "nosuch", "--on", TODAY.isoformat())
    path.write_text("entries:\n- id: drill\n")
    with open_site(site) as opened:
        (said,) = policy_problems(opened)
        assert "calendar.yml:2" in said
        with pytest.raises(PolicyError):
            Watch(opened).calendar()


def test_what_a_revision_asked_for_is_in_the_status_once_it_is_late(site):
    with open_site(site) as opened:
        entries = [Entry(Kind.RULE, "r1", "夜間の管理者ログオン", ()), Entry(Kind.RULE, "r2", "未決", ())]
        work, day = opened.desk.review_work, opened.now().astimezone(JST).date()
        how: dict[str, Any] = {"by": "seisaku", "now": opened.now()}
        work.make("mic-2024-10", "mic-2025-03", entries, due=day, **how)
        assert policy_problems(opened) == [], "today is not late"
        late, _other = work.items()
        work.assign([late.id], owner=None, due=day - timedelta(days=1), **how)
        (said,) = policy_problems(opened)
        assert "期限を過ぎたものが 1 件" in said
        assert "夜間の管理者ログオン" in said
        work.finish([late.id], "見直した", **how)
        assert policy_problems(opened) == []


def test_documents_of_the_ward_are_in_the_calendar(site):
    (site / "policies").mkdir(exist_ok=True)
    head = "---\nid: kihon\ntitle: 基本方針\nkind: basic_policy\nowner: 委員会\nreview: 2020-03-31\n---\n"
    text = head + "\n# 第1条 目的 {#kihon-a1}\n\n目的。\n"
    (site / "policies" / "kihon.md").write_text(text, encoding="utf-8")
    with open_site(site) as opened:
        documents = documents_of(opened)
        found = {one.id: one for one in Watch(opened, documents).calendar().entries}
        assert (found["doc:kihon"].due, found["doc:kihon"].follows) == (date(2020, 3, 31), 1)
        assert any("基本方針" in said for said in policy_problems(opened, documents_of(opened, sample=False)))
    run(site, "policy", "reviewed", "doc:kihon", "--on", TODAY.isoformat())
    with open_site(site) as opened:
        assert policy_problems(opened, documents_of(opened, sample=False)) == []


def test_the_calendar_is_written_as_icalendar_and_never_over_a_file(site, tmp_path):
    path = tmp_path / "reviews.ics"
    assert "書き出しました" in run(site, "policy", "calendar", "--ics", str(path), code=1)
    assert path.read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    with pytest.raises(ConflictError):
        run(site, "policy", "calendar", "--ics", str(path))


def test_the_calendar_of_the_program_names_clauses_that_there_are():
    path = BUILTIN / "calendar.yml"
    entries = read_calendar(str(path), path.read_text(encoding="utf-8"))
    editions = open_editions()
    assert [clause for one in entries for clause in one.clauses if editions.clause(clause) is None] == []
    assert len(entries) >= 12
    assert all(one.confirm for one in entries)


def excel(path: Path, *rows: tuple[object, ...], name: str = "システム台帳") -> Path:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = name
    for row in rows:
        sheet.append(row)
    book.create_sheet("メモ").append(("あ",))
    book.save(path)
    return path


HEADS = ("システムコード", "システム名", "主管課", "系統", "機密性", "委託先", "クラウド", "個人情報", "確認日")


def test_an_excel_register_is_compared_taken_in_listed_and_seen_within_a_scope(site, tmp_path):
    path = excel(
        tmp_path / "daicho.xlsx",
        ("令和8年度",),
        HEADS,
        ("JUMIN", "住民記録", "区民課", "マイナンバー利用事務系", "３Ａ", "㈱みどり", "なし", "特定個人情報", TODAY),
        ("ZEI", "税務", "212", "mynumber", "", "", "", "", None),
    )
    changes = run(site, "inventory", "diff", str(path), "--json")
    assert changes[0]["added"] == ["JUMIN", "ZEI"]
    done = run(site, "inventory", "import", str(path), "--json")
    assert (done["imported"], done["foreign"]) == ({"systems": 2}, ["daicho.xlsx メモ"])
    assert "読みませんでした" in run(site, "inventory", "diff", str(path))
    assert run(site, "inventory", "diff", str(path), "--json")[0]["unchanged"] == 2
    rows = run(site, "inventory", "list", "systems", "--json")
    assert [(row["department"], row["zone"], row["classification"]) for row in rows] == [
        ("211", "mynumber", "c3a"),
        ("212", "mynumber", ""),
    ]
    with open_site(site) as opened:
        own = registers_for(opened.directory, Access(departments=frozenset({"区民課"})))
        assert [one.code for one in own.systems] == ["JUMIN"]
        assert registers_for(opened.directory, Access(zones=frozenset({"lgwan"}))).systems == ()


def test_the_console_sees_a_register_as_soon_as_it_is_taken_in(site, tmp_path):
    with open_site(site) as opened:
        care = care_of(opened)
        assert care.registers(Access()).systems == ()
        path = excel(tmp_path / "daicho.xlsx", HEADS, ("ZEI", "税務", "税務課", "mynumber"))
        run(site, "inventory", "import", str(path))
        assert [one.code for one in care.registers(Access()).systems] == ["ZEI"]
        (site / "inventory" / "systems.csv").write_text("x,y\n1,2\n", encoding="utf-8")
        assert [one.code for one in care.registers(Access()).systems] == ["ZEI"]  # what was read before
        (site / "inventory" / "systems.csv").unlink()
        assert care.registers(Access()).systems == ()


def test_wrong_cells_of_an_excel_register_change_nothing_and_have_addresses(site, tmp_path):
    path = excel(
        tmp_path / "daicho.xlsx",
        HEADS,
        ("JUMIN", "住民記録", "ない課", "ない系統"),
        ("ZEI", "税務", "税務課", "mynumber"),
    )
    with pytest.raises(InventoryError) as caught:
        run(site, "inventory", "import", str(path))
    assert [problem.where for problem in caught.value.problems] == [
        "daicho.xlsx システム台帳!C2 主管課コード",
        "daicho.xlsx システム台帳!D2 系統",
    ]
    assert not (site / "inventory" / "systems.csv").exists()


def test_the_empty_register_knows_the_ward_and_never_replaces_a_file(site, tmp_path):
    path = tmp_path / "empty.xlsx"
    assert "作りました" in run(site, "inventory", "template", str(path))
    book = load_workbook(io.BytesIO(path.read_bytes()))
    assert book.sheetnames == ["システム", "情報資産", "記入方法", "選択肢"]
    assert [cell.value for cell in book["選択肢"]["A"]][:2] == ["区民課", "税務課"]
    with pytest.raises(ConflictError):
        run(site, "inventory", "template", str(path))
    sheet = book["情報資産"]
    sheet.append(("A-1", "転入届", "区民課", "文書", "紙", "自治体機密性3B"))
    book.save(path)
    assert run(site, "inventory", "import", str(path), "--json")["imported"] == {"systems": 0, "assets": 1}


def test_kinds_of_personal_data_are_the_same_in_both_places():
    assert {one.value: label for one, label in PERSONAL_DATA_LABELS.items()} == PERSONAL_DATA
