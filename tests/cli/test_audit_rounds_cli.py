"""``secops audit plan|form|progress|remind|mapping`` on a real site: from the programme to the filled sheet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from secops.access.ports import Access, Role
from secops.cli import secops
from secops.isms.audit.sheets import SheetKind
from secops.siem.ports import Scope
from secops.wiring import create_site, open_site
from secops.wiring.evidence_store import EvidenceStore
from secops.wiring.rounds import EVERYTHING
from tests.rounds import ITEM, ITEMS

INVENTORY = {
    "departments": (
        "所属コード,所属名,階層,上位コード\n1000,区民部,部,\n1100,区民課,課,1000\n1200,税務課,課,1000\n"
        "2000,総務部,部,\n2100,区民情報課,課,2000\n"
    ),
    "staff": "職員番号,氏名,所属コード\n1001,佐藤 一,1200\n1002,鈴木 二,2100;1100\n1003,高橋 三,2100\n",
    "systems": "システムコード,システム名,主管課,系統\njuki,住民記録システム,1100,mynumber\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(
        folder, settings='[site]\nid = "sumida"\nname = "〇〇区"\n[zones.mynumber]\nlabel = "マイナンバー利用事務系"\n'
    )
    for name, text in INVENTORY.items():
        (folder / "inventory" / f"{name}.csv").write_text(text, encoding="utf-8-sig")
    own = folder / "audits" / "catalogue"
    own.mkdir(parents=True)
    names = ("id", "title", "answers", "mandatory", "clause", "stage")
    items = "".join(ITEM.format(**dict(zip(names, one, strict=True))) for one in ITEMS)
    (own / "02.yml").write_text(f'chapter: "2"\ntitle: 情報資産\nitems:\n{items}', encoding="utf-8")
    return folder


def ask(site: Path, *words: object, code: int = 0) -> Result:
    done = CliRunner().invoke(secops, ["audit", *map(str, words), "--site", str(site)], catch_exceptions=True)
    assert done.exit_code == code, (words, done.output, done.exception)
    return done


def refused(site: Path, *words: object) -> str:
    """What a call is refused with, as `secops` says it."""
    done = CliRunner().invoke(secops, ["audit", *map(str, words), "--site", str(site)])
    assert done.exit_code != 0
    return f"{done.output}{done.exception}"


@pytest.fixture
def begun(site: Path) -> Path:
    create = ("plan", "create", "--level", "annual_plan", "--year", "2026")
    ask(site, *create, "--all-units", "--office", "区民情報課", "--due", "2026-07-31")
    ask(site, "plan", "approve", "2026", "--by", "情報セキュリティ委員会", "--on", "2026-05-20")
    return site


def test_from_the_programme_to_the_sheets(site):
    ask(site, "plan", "create", "--level", "audit_programme", "--year", 2026)
    year = ("plan", "create", "--level", "annual_plan", "--year", 2026, "--above", "2026-2028")
    made = json.loads(ask(site, *year, "--all-units", "--office", "2100", "--json").output)
    assert made["plan"]["years"] == [2026, 2026]
    assert [(one["department"], one["system"]) for one in made["plan"]["units"]] == [
        ("1100", ""),
        ("1100", "juki"),
        ("1200", ""),
        ("2100", ""),
    ]
    found = json.loads(ask(site, "plan", "next", "--year", 2026, "--json").output)
    assert (found[0]["department"], found[0]["rank"]) == ("1100", 1)
    assert any("特定個人情報を取り扱う" in reason["text"] for reason in found[0]["reasons"])
    assert any("アラートの記録なし" in reason["text"] for one in found for reason in one["reasons"] if one["system"])
    assert "飛ばします" in refused(site, "plan", "units", "2026", "--audit", "税務課")
    chosen = ask(site, "plan", "units", "2026", "--audit", "税務課", "--note", "窓口の移転", "--json")
    (decision,) = json.loads(chosen.output)["decisions"]
    assert (decision["note"], decision["proposed"][1:3]) == ("窓口の移転", "位 ")
    ask(site, "plan", "units", "2026", "--remove", "2100")
    assert "承認されていません" in refused(site, "plan", "approve", "2026", "--by", "委員会", "--on", "2026-05-20")
    ask(site, "plan", "approve", "2026-2028", "--by", "委員会", "--on", "2026-04-20")
    assert "自己点検票 6 枚" in ask(site, "plan", "approve", "2026", "--by", "委員会", "--on", "2026-05-20").output
    engagement = ("plan", "create", "--level", "engagement_plan", "--year", 2026, "--above", "2026")
    assert "選ばれていません" in refused(site, *engagement, "--unit", "区民課")
    ask(site, *engagement, "--unit", "税務課", "--period", "2025-04-01", "2026-03-31", "--ends", "2026-11-30")
    assert "2026-1" in ask(site, "plan", "list").output
    assert "窓口の移転" in ask(site, "plan", "show", "2026").output


def test_an_auditor_with_an_earlier_or_second_post_is_refused(begun, tmp_path):
    special = ("plan", "create", "--level", "special_audit", "--year", 2026)
    ask(begun, *special, "--unit", "1100/juki", "--period", "2025-04-01", "2036-03-31")
    assign = ("plan", "assign", "2026-S1", "--unit", "1100/juki")
    assert "区民課(兼務)" in refused(begun, *assign, "鈴木 二")
    past = tmp_path / "posts.csv"
    past.write_text(
        "職員番号,部署コード,システムコード,始期,終期,担当\n1003,2100,,2025-04-01,,\n1001,1200,,2025-04-01,,\n"
        "1001,,juki,2024-04-01,2025-09-30,運用の担当\n",
        encoding="cp932",
    )
    ask(begun, "plan", "assign", "2026-S1", "--posts", past)
    assert "運用の担当" in refused(begun, *assign, "佐藤 一")
    assert "監査人にしました" in ask(begun, *assign, "高橋 三", "--login", "takahashi").output
    assert "高橋 三" in ask(begun, "plan", "show", "2026-S1").output
    ask(begun, *assign, "1003", "--remove")
    past.write_text("職員番号,部署コード,始期\n1003,9999,きのう\n", encoding="utf-8")
    assert "posts.csv:2" in refused(begun, "plan", "assign", "2026-S1", "--posts", past)


def test_a_form_goes_out_and_comes_back(begun, tmp_path):
    path = tmp_path / "form.xlsx"
    ask(begun, "form", "export", "-o", path, "--department", "区民課")
    assert "すでにあります" in refused(begun, "form", "export", "-o", path, "--department", "区民課")
    book = openpyxl.load_workbook(path)
    page = book["点検票"]
    for row, cells in enumerate((("○", "台帳で確認"), ("△", ""), ("?", "")), 9):
        page[f"E{row}"], page[f"F{row}"] = cells
    book.save(path)
    done = ask(begun, "form", "import", path, code=1)
    assert "取り込んだ回答 2 件" in done.output
    assert "点検票!E11" in done.output
    told = json.loads(ask(begun, "form", "import", path, "--json", code=1).stdout)
    assert (told["saved"], told["same"]) == (0, 2)
    with open_site(begun) as opened:
        (sheet,) = [
            one
            for one in opened.desk.rounds.sheets(EVERYTHING)
            if one.unit.department == "1100" and one.kind is SheetKind.DEPARTMENT
        ]
        assert sheet.answered == 2
    system = tmp_path / "juki.xlsx"
    ask(begun, "form", "export", "-o", system, "--department", "1100", "--system", "住民記録システム")
    ask(begun, "form", "export", "-o", tmp_path / "ward.xlsx", "--department", "2100", "--ward")
    assert "「点検中」" in refused(begun, "form", "return", "--department", "区民課", "--reason", "x")


def test_progress_reminders_and_what_an_edited_catalogue_left_behind(begun):
    own = begun / "audits" / "catalogue" / "02.yml"
    own.write_text(
        own.read_text(encoding="utf-8").replace("id: t3", "id: t30").replace("mic-2025-03-2]", "mic-2025-03-9.9]")
    )
    done = ask(begun, "progress")
    assert re.search(r"区民部\t3\t0\t0\t\d\t0\t7\t0", done.output), done.output
    assert re.search(r"02\.yml:\d+: 項目 t3 は、いまの監査項目にありません", done.output)
    read = json.loads(ask(begun, "progress", "--json").stdout)
    assert [one["name"] for one in read["rows"]] == ["区民部", "区民課", "税務課", "総務部", "区民情報課"]
    assert read["whole"]["asked"] == 5
    reminders = json.loads(ask(begun, "remind", "--json").stdout)
    assert [one["name"] for one in reminders] == ["区民課", "税務課", "区民情報課"]
    assert "住民記録システム: 点検中(回答 0/1 項目)" in reminders[0]["text"]
    assert "令和8年7月31日" in ask(begun, "remind").output


def test_the_same_answers_in_the_order_of_another_inspection(begun, tmp_path):
    assert "juki-net" in ask(begun, "mapping").output
    own = begun / "audits" / "mappings.yml"
    own.write_text(
        "inspections:\n  - id: own\n    title: 独自の点検\n    questions:\n"
        "      - {number: '1', title: 台帳, items: [t1, t4], confirm: true}\n"
        "      - {number: '2', title: 古い, items: [t99]}\n",
        encoding="utf-8",
    )
    form = tmp_path / "form.xlsx"
    ask(begun, "form", "export", "-o", form, "--department", "区民課")
    book = openpyxl.load_workbook(form)
    book["点検票"]["E9"], book["点検票"]["F9"] = "○", "'=1+1"
    book.save(form)
    ask(begun, "form", "import", form)
    read = json.loads(ask(begun, "mapping", "own", "--department", "区民課", "--json").stdout)
    assert [(one["item"], one["unit"], bool(one["answer"])) for one in read] == [
        ("t1", "区民課", True),
        ("t4", "区民課 住民記録システム", False),
        ("t99", "", False),
    ]
    path = tmp_path / "own.xlsx"
    done = ask(begun, "mapping", "own", "--department", "区民課", "-o", path)
    assert "mappings.yml:6: 項目 t99 は監査項目にありません" in done.output
    page = openpyxl.load_workbook(path).active
    assert page is not None
    assert [cell.value for cell in page[5]][:6] == [
        "1",
        "台帳(要確認)",
        "t1",
        "課の情報資産を台帳に載せているか。",
        "区民課",
        "○",
    ]
    assert "対応表はありません" in refused(begun, "mapping", "none", "--department", "区民課")


def test_evidence_is_in_the_backup_and_the_console_works_on_the_site(begun, tmp_path):
    kept = EvidenceStore(begun).keep("a.pdf", b"%PDF-1.7 evidence")
    archive, copy = tmp_path / "site.tar", tmp_path / "copy"
    assert CliRunner().invoke(secops, ["backup", str(archive), "--site", str(begun)]).exit_code == 0
    assert CliRunner().invoke(secops, ["restore", str(archive), str(copy)]).exit_code == 0
    assert EvidenceStore(copy).read(kept.sha256) == b"%PDF-1.7 evidence"
    assert (copy / "audits" / "catalogue" / "02.yml").exists()
    with open_site(copy) as opened:
        opened.accounts.add(
            "tanto", "mada-kimatte-inai-kotoba", role=Role.STAFF, access=Access(), actor="x", now=opened.now()
        )
        assert len(opened.desk.rounds.sheets(EVERYTHING)) == 8


MAIL = """
[[notify.channels]]
id = "mail"
kind = "mail"
host = "mail.example.lg.jp"
sender = "secops@example.lg.jp"

[[notify.people]]
id = "touban"
name = "当番"
contacts = { mail = "touban@example.lg.jp" }
"""


def test_reminders_are_mailed_where_there_is_an_address_and_printed_where_there_is_none(begun):
    assert "メールの通知手段がありません" in refused(begun, "remind", "--send")
    departments = begun / "inventory" / "departments.csv"
    text = departments.read_text(encoding="utf-8-sig").splitlines()
    rows = [f"{row},{'zeimu@example.lg.jp' if row.startswith('1200') else ''}" for row in text[1:]]
    departments.write_text("\n".join([f"{text[0]},メールアドレス", *rows]), encoding="utf-8-sig")
    settings = begun / "secops.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + MAIL, encoding="utf-8")
    done = ask(begun, "remind", "--send")
    assert done.exit_code == 0, done.output
    assert "1 通を送信待ちにしました。今日すでに送った課 0、アドレスのない課 2" in done.stderr
    assert "区民課 情報セキュリティ管理者 様" in done.stdout
    assert "税務課 情報セキュリティ管理者 様" not in done.stdout, "who is mailed needs no text to copy"
    again = ask(begun, "remind", "--send", "--department", "税務課", "--json")
    (row,) = json.loads(again.stdout)
    assert (row["address"], row["last"]["state"]) == ("zeimu@example.lg.jp", "waiting")
    with open_site(begun) as site:
        assert [one.kind for one in site.desk.paging.outbox(Scope())[0]] == ["reminder"]


def test_an_appointment_is_planned_and_called_off_by_command(begun):
    said = ("plan", "visit", "2026", "--unit", "区民課", "--on", "2026-09-14", "--from", "09:30")
    done = ask(begun, *said, "--to", "11:30", "--place", "会議室A", "--attend", "課長", "--material", "台帳")
    assert done.exit_code == 0, done.output
    assert "2026-09-14 09:30-11:30" in done.output
    (row,) = json.loads(ask(begun, "plan", "visit", "2026", "--json").stdout)
    assert (row["place"], row["attendees"]) == ("会議室A", ["課長"])
    assert "09:30" in refused(begun, *said, "--to", "いつか")
    assert "予定はありません" in ask(begun, *said, "--cancel").output


def test_a_draft_is_dropped_by_command_and_the_log_says_why(begun):
    made = ask(begun, "plan", "create", "--level", "audit_programme", "--year", "2030")
    assert made.exit_code == 0, made.output
    assert "承認されています" in refused(begun, "plan", "drop", "2026", "--reason", "x")
    assert "2030-2032" in ask(begun, "plan", "drop", "2030-2032", "--reason", "年度を間違えた").output
    assert "2030-2032" not in ask(begun, "plan", "list").stdout
    log = ask(begun, "log", "--target", "plan 2030-2032").output
    assert "plan.dropped" in log or "削除" in log
