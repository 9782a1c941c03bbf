"""`secops policy import` and `export` as a policy owner uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from secops.cli import secops
from secops.errors import SecopsError
from secops.isms.clauses.markdown import read_document
from tests.isms.clauses.word_files import lines

OLD = lines(
    "みどり区基準",
    "平成14年8月1日 制定",
    "(目的)",
    "第1条 この基準は、次による。",
    "(保存)",
    "第2条 ログは、1年以上保存する。",
)
NEW = lines(
    "みどり区基準",
    "平成14年8月1日 制定",
    "令和8年4月1日 改正",
    "(目的)",
    "第1条 この基準は、次による。",
    "(生成AI)",
    "第2条 生成AIの利用は、別に定める。",
    "(保存)",
    "第3条 ログは、3年以上保存する。",
    "9 迷子の行",
)


def run(*arguments: object) -> Result:
    """The command; an error of ours becomes its exit code, as in a terminal."""
    done = CliRunner().invoke(secops, ["policy", *map(str, arguments)])
    if isinstance(done.exception, SecopsError):
        done.exit_code = done.exception.exit_code
    elif done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old.docx").write_bytes(OLD)
    done = run("import", tmp_path / "old.docx", "--id", "kijun", "-o", tmp_path / "kijun.md")
    assert done.exit_code == 0, done.output
    return tmp_path / "kijun.md"


def test_a_word_file_becomes_markdown_and_the_review_is_shown(old):
    document = read_document(str(old), old.read_text(encoding="utf-8"))
    assert [(one.id, one.title) for one in document.clauses] == [("kijun-a1", "目的"), ("kijun-a2", "保存")]
    assert document.title == "みどり区基準"


def test_a_new_word_file_keeps_the_ids_and_tells_what_is_doubtful(old, tmp_path):
    (tmp_path / "new.docx").write_bytes(NEW)
    done = run("import", tmp_path / "new.docx", "--into", old, "-o", tmp_path / "neu.md")
    assert done.exit_code == 1
    assert "同じ 1、番号と本文が変わった 1、新しい 1" in done.output
    assert "9 迷子の行" in done.output
    document = read_document("neu.md", (tmp_path / "neu.md").read_text(encoding="utf-8"))
    assert [(one.label, one.id) for one in document.clauses] == [
        ("第1条", "kijun-a1"),
        ("第2条", "kijun-a2_2"),
        ("第3条", "kijun-a2"),
    ]
    assert [event.what for event in document.history] == ["制定", "改正"]


def test_json_says_all_of_it(old, tmp_path):
    (tmp_path / "new.docx").write_bytes(NEW)
    said = json.loads(run("import", tmp_path / "new.docx", "--into", old, "--json").output)
    assert said["numbering"] == "articles"
    assert [one["paragraph"] for one in said["clauses"]] == [5, 7, 9]
    assert [one["number"] for one in said["doubts"]] == [10]
    assert {one["how"] for one in said["matches"]} == {"same", "new", "moved_changed"}
    assert said["written"] is None


def test_a_file_that_is_there_is_not_overwritten_by_accident(old, tmp_path):
    assert run("import", tmp_path / "old.docx", "--id", "kijun", "-o", old).exit_code == 2
    assert run("import", tmp_path / "old.docx", "--id", "kijun", "-o", old, "--force").exit_code == 0


def test_the_id_of_another_document_is_refused_and_a_missing_title_is_that_of_the_old_one(old, tmp_path):
    (tmp_path / "bare.docx").write_bytes(lines("第1条 この基準は、次による。"))
    assert run("import", tmp_path / "bare.docx", "--into", old, "--id", "other").exit_code == 2
    assert run("import", tmp_path / "bare.docx", "--into", old).output.startswith("みどり区基準 (kijun)")


@pytest.mark.parametrize("options", [[], ["--id", "第1"]])
def test_an_id_is_asked_for_and_checked(options, tmp_path):
    (tmp_path / "old.docx").write_bytes(OLD)
    assert run("import", tmp_path / "old.docx", *options).exit_code == 2


def test_a_document_goes_out_as_word_and_comes_back(tmp_path):
    out = tmp_path / "taisaku.docx"
    assert run("export", "taisaku", "-o", out).exit_code == 0
    done = run("import", out, "--into", "policies/sample/taisaku.md", "-o", tmp_path / "back.md")
    assert done.exit_code == 0
    assert (tmp_path / "back.md").read_bytes() == Path("policies/sample/taisaku.md").read_bytes()


def test_a_long_list_is_cut_with_the_number_left_out(tmp_path):
    run("export", "taisaku", "-o", tmp_path / "t.docx")
    short = run("import", tmp_path / "t.docx", "--id", "taisaku").output
    whole = run("import", tmp_path / "t.docx", "--id", "taisaku", "--all").output
    assert "ほか" in short
    assert "ほか" not in whole
    assert len(whole.splitlines()) > len(short.splitlines())


@pytest.mark.parametrize(
    ("name", "form", "root"),
    [
        ("taisaku", "catalog", "catalog"),
        ("taisaku", "profile", "profile"),
        ("taisaku", "mapping", "mapping-collection"),
        ("mic-2025-03", "catalog", "catalog"),
    ],
)
def test_oscal_is_written_to_a_file_or_shown(name, form, root, tmp_path):
    out = tmp_path / "out.json"
    assert run("export", name, "--oscal", form, "-o", out).exit_code == 0
    assert list(json.loads(out.read_text(encoding="utf-8"))) == [root]
    assert list(json.loads(run("export", name, "--oscal", form).output)) == [root]


def test_a_link_that_leads_nowhere_is_told_and_a_document_without_links_refused(tmp_path, old):
    text = old.read_text(encoding="utf-8")
    assert run("export", old, "--oscal", "mapping").exit_code == 1
    old.write_text(
        text.replace("{#kijun-a1}", "{#kijun-a1 implements=mic-2025-03-6.2,mic-1999-01-1}"), encoding="utf-8"
    )
    done = run("export", old, "--oscal", "mapping", "-o", tmp_path / "m.json")
    assert done.exit_code == 1
    assert "kijun-a1: 対応先の mic-1999-01-1" in done.output


@pytest.mark.parametrize("options", [["taisaku"], ["taisaku", "-o", "x.pdf"], ["taisaku", "--version", "1", "--draft"]])
def test_what_cannot_be_meant_is_refused(options):
    assert run("export", *options).exit_code == 2


def test_an_unknown_document_is_named_with_those_that_there_are():
    done = run("export", "nix", "-o", "x.docx")
    assert done.exit_code == 1
    assert "taisaku" in str(done.exception)
