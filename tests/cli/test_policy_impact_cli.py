"""``secops policy guideline``, ``import-guideline``, ``impact`` and ``work`` on a real site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import SecopsError
from secops.wiring.guidelines import open_editions
from secops.wiring.site import create_site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder)
    return folder


def ask(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(secops, ["policy", *arguments])
    if isinstance(done.exception, SecopsError):  # `main` turns it into a message and a code
        assert done.exception.exit_code == code, done.exception
        return done.output + str(done.exception)
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 or "--json" in arguments else done.output


def answer(*arguments: str, code: int = 0):
    return json.loads(ask(*arguments, "--json", code=code))


def test_editions_and_their_clauses_are_listed():
    assert [one["published"] for one in answer("guideline")][-1] == "2025-03"
    assert "要約(公式の文ではない)" in ask("guideline")
    changed = answer("guideline", "2025-03", "--changed")
    assert "mic-2025-03-6.1-13" in {one["id"] for one in changed["clauses"]}
    elsewhere = answer("guideline", "2025-03", "--clause", "8.2")["editions"]
    assert elsewhere["2022-03"] == ["mic-2022-03-8.1"]
    assert answer("guideline", "2025-03", "--clause", "6.1 (6)")["clause"]["title"] == "ログの取得等"
    ask("guideline", "1999-01", code=1)
    ask("guideline", "2025-03", "--clause", "12", code=1)


def official(edition) -> str:
    """A text with the numbers and titles of an edition, and a line that belongs nowhere."""
    lines = [f"{one.number.rsplit(' ', 1)[-1]} {one.title}\n区が持つ文。" for one in edition.clauses]
    return "\n".join([*lines, "(9) 番号の続かない行"])


def test_an_official_text_replaces_the_builtin_edition_of_the_site(site, tmp_path):
    text = tmp_path / "guideline.txt"
    text.write_text(official(open_editions().get("2025-03")), encoding="cp932", errors="replace")
    told = answer("import-guideline", str(text), "--edition", "2025-03", "--site", str(site), code=1)
    assert [one["text"] for one in told["unplaced"]] == ["(9) 番号の続かない行"]
    assert told["deviations"] == []
    mine = {one["published"]: one for one in answer("guideline", "--site", str(site))}
    assert mine["2025-03"]["official"]
    assert not mine["2024-10"]["official"]
    again = ask("import-guideline", str(text), "--edition", "2025-03", "--site", str(site), code=1)
    assert "--force" in again
    ask("import-guideline", str(text), "--edition", "2025-03", "--site", str(site), "--force", code=1)
    found = answer("impact", "--from", "2024-10", "--to", "2025-03", "--site", str(site))
    assert len(found["shifts"]) > 5


def test_an_edition_that_the_program_does_not_have_is_added(site, tmp_path):
    text = tmp_path / "guideline.txt"
    text.write_text(official(open_editions().latest), encoding="utf-8")
    told = ask("import-guideline", str(text), "--edition", "2027-03", "--site", str(site), code=1)
    assert "番号の続かない行" in told
    assert [one["published"] for one in answer("guideline", "--site", str(site))][-1] == "2027-03"
    found = answer("impact", "--from", "2025-03", "--to", "2027-03", "--site", str(site))
    assert found["touched"] == []


def test_what_cannot_be_imported_is_refused_and_nothing_is_written(site, tmp_path):
    text = tmp_path / "guideline.txt"
    text.write_text("番号のない文", encoding="utf-8")
    assert "条項が一つも" in ask("import-guideline", str(text), "--edition", "2025-03", "--site", str(site), code=1)
    assert "2025-03 のように" in ask("import-guideline", str(text), "--edition", "R7", "--site", str(site), code=2)
    assert "-o" in ask("import-guideline", str(text), "--edition", "2025-03", code=2)
    ask("import-guideline", str(tmp_path / "none.txt"), "--edition", "2025-03", "--site", str(site), code=1)
    assert not (site / "policies" / "guidelines").exists()


def test_a_revision_lists_what_it_touches_and_what_has_no_data_yet():
    found = answer("impact", "--from", "2024-10", "--to", "2025-03")
    kinds = {one["kind"] for one in found["touched"]}
    assert kinds == {"clause", "item", "rule", "form"}
    assert found["absent"] == ["quiz", "contractor"]
    assert found["unknown"] == []
    assert "まだありません" in ask("impact", "--from", "2024-10", "--to", "2025-03")
    assert "より前の版ではありません" in ask("impact", "--from", "2025-03", "--to", "2024-10", code=2)
    assert "どうしか" in ask("impact", "--from", "2024-10", "--to", "x.md", code=2)
    assert "でもありません" in ask("impact", "--from", "y.md", "--to", "x.md", code=1)


def test_two_files_of_our_own_document_are_compared(tmp_path):
    head = "---\nid: kijun\ntitle: 基準\nkind: control_standard\n---\n"
    head += "# 第1章 監視 {#k-c1 implements=mic-2025-03-7.1}\n\n"
    for name, text in (("a.md", "監視する。"), ("b.md", "毎日監視する。")):
        (tmp_path / name).write_text(head + text + "\n", encoding="utf-8")
    found = answer("impact", "--from", str(tmp_path / "a.md"), "--to", str(tmp_path / "b.md"))
    assert [one["change"] for one in found["shifts"]] == ["changed"]
    assert any(one["id"].startswith("a7.1") for one in found["touched"])


def test_a_work_list_is_made_assigned_and_ticked_off(site):
    here = ("--site", str(site))
    revision = ("impact", "--from", "2024-10", "--to", "2025-03", *here)
    made = answer(*revision, "--make", "--due", "2020-01-31", "--as-user", "owner")["made"]
    assert answer(*revision, "--make")["made"] == {**made, "added": 0, "known": made["added"]}
    items = answer("work", "list", *here)["items"]
    assert len(items) == made["added"]
    number = str(items[0]["id"])
    given = ("--owner", "監査担当", "--due", "2099-03-31")
    assert answer("work", "assign", number, *here, *given)[0]["owner"] == "監査担当"
    assert "監査担当" in ask("work", "list", *here, "--list", "1")
    assert len(answer("work", "list", *here, "--overdue")["items"]) == made["added"] - 1
    assert answer("work", "done", number, *here, "--note", "確認した", "--as-user", "kansa")[0]["done_by"] == "kansa"
    assert len(answer("work", "list", *here, "--open")["items"]) == made["added"] - 1
    assert "済ませています" in ask("work", "done", number, *here, code=1)
    assert answer("work", "done", number, *here, "--undo")[0]["done_at"] is None
    log = CliRunner().invoke(secops, ["audit", "log", *here, "--json"])
    told = [one["action"] for one in json.loads(log.output)]
    assert told == ["work.reopened", "work.done", "work.assigned", "work.made"]


def test_wrong_calls_of_the_work_list_are_told(site):
    here = ("--site", str(site))
    assert "該当する見直しはありません" in ask("work", "list", *here)
    ask("work", "done", "7", *here, code=1)
    assert "2027-03-31 のように" in ask("work", "assign", "1", *here, "--due", "3月", code=2)
    assert "--site" in ask("impact", "--from", "2024-10", "--to", "2025-03", "--make", code=2)
    assert "--make" in ask("impact", "--from", "2024-10", "--to", "2025-03", "--owner", "x", code=2)


def test_rules_have_their_english_titles_where_english_is_read(monkeypatch):
    asked = ("impact", "--from", "2024-10", "--to", "2025-03")
    rules = [one for one in answer(*asked)["touched"] if one["kind"] == "rule"]
    assert rules[0]["title"] in ask(*asked)
    monkeypatch.setenv("SECOPS_LANG", "en")
    text = ask(*asked)
    assert rules[0]["id"] in text
    assert rules[0]["title"] not in text
