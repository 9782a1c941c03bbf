"""``secops policy`` on the ward's documents: from a file to a version that nobody changes any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from secops.cli import secops
from secops.errors import ConflictError, NotFoundError, PolicyError, UsageError
from secops.wiring import create_site

SAMPLE = Path(__file__).parents[2] / "policies" / "sample"
Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    create_site(tmp_path / "site", site_id="midori", name="みどり区")
    return tmp_path / "site"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("SECOPS_SITE", raising=False)

    def call(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(secops, ["policy", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return call


def text(old: str, new: str) -> str:
    return (SAMPLE / "taisaku.md").read_text(encoding="utf-8").replace(old, new)


def publish(run: Run, site: Path, day: str) -> None:
    run(
        *("publish", "taisaku", "--site", site, "--effective", day, "--committee", "情報セキュリティ委員会"),
        *("--approved", "2026-03-15", "--reason", "国のガイドラインの改定", "--as-user", "doi"),
    )


def test_the_sample_is_listed_shown_and_checked_without_a_site(run: Run) -> None:
    listed = json.loads(run("list", "--json").output)
    assert [one["id"] for one in listed] == ["ict-bcp", "kihon", "kinkyu", "taisaku"]
    shown = json.loads(run("show", "taisaku", "taisaku-a14", "--json").output)
    assert [one["number"] for one in shown["clauses"]] == ["第14条", "第14条第2項"]
    assert run("show", "taisaku").output == (SAMPLE / "taisaku.md").read_text(encoding="utf-8")
    assert "問題ありません" in run("check").output
    with pytest.raises(NotFoundError, match="kihon"):
        run("show", "kitei")
    with pytest.raises(NotFoundError, match="taisaku-a999"):
        run("show", "taisaku", "taisaku-a999")
    with pytest.raises(UsageError, match="--site"):
        run("show", "taisaku", "--version", 1)


def test_check_names_every_mistake_of_every_file_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text("mic-2025-03-9.3", "mic-2025-03-99"), encoding="utf-8")
    (tmp_path / "b.md").write_text("# 見出し\n", encoding="utf-8")
    (tmp_path / "c.md").write_bytes("題名".encode("cp932"))
    with pytest.raises(PolicyError) as caught:
        run("check", tmp_path)
    found = [str(one) for one in caught.value.problems]
    assert any("c.md:1" in one and "UTF-8" in one for one in found)
    assert any("b.md:1" in one and "頭書き" in one for one in found)
    assert sum("a.md:" in one and "mic-2025-03-99" in one for one in found) == 2
    said = json.loads(run("check", tmp_path, "--json", code=1).output)
    assert len(said["problems"]) == len(found)
    with pytest.raises(NotFoundError):
        run("check", tmp_path / "nothing")


def test_a_file_becomes_a_draft_and_a_version(run: Run, site: Path, tmp_path: Path) -> None:
    assert "保存 1 回目" in run("draft", "taisaku", SAMPLE / "taisaku.md", "--site", site, "--as-user", "doi").output
    publish(run, site, "2026-04-01")
    (tmp_path / "new.md").write_text(text("令和7年4月1日", "令和9年4月1日"), encoding="utf-8")
    run("draft", "taisaku", tmp_path / "new.md", "--site", site)
    publish(run, site, "2099-04-01")

    found = json.loads(run("versions", "taisaku", "--site", site, "--json").output)
    assert [(one["number"], one["in_force"], one["effective_on"]) for one in found] == [
        (1, True, "2026-04-01"),
        (2, False, "2099-04-01"),
    ]
    assert found[0]["committee"] == "情報セキュリティ委員会"
    table = run("versions", "taisaku", "--site", site).output
    assert "施行中" in table
    assert "施行前" in table
    listed = {one["id"]: one for one in json.loads(run("list", "--site", site, "--json").output)}
    assert listed["taisaku"]["in_force"]["number"] == 1
    assert [one["number"] for one in listed["taisaku"]["coming"]] == [2]
    assert listed["kihon"]["sample"] is True
    assert "令和7年" in run("show", "taisaku", "taisaku-f1", "--site", site).output
    assert "令和9年" in run("show", "taisaku", "taisaku-f1", "--site", site, "--version", 2).output


def test_a_draft_of_somebody_else_is_not_overwritten_unawares(run: Run, site: Path, tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text(text("## 第1条 目的", "## 第1条 目的等"), encoding="utf-8")
    run("draft", "taisaku", tmp_path / "new.md", "--site", site, "--as-user", "doi")
    with pytest.raises(ConflictError) as caught:
        run("draft", "taisaku", SAMPLE / "taisaku.md", "--site", site, "--as-user", "mori")
    assert "doi" in str(caught.value)
    assert "第1条 目的等 (変更)" in str(caught.value)
    assert "目的等" in run("show", "taisaku", "taisaku-a1", "--site", site, "--draft").output
    run("draft", "taisaku", SAMPLE / "taisaku.md", "--site", site, "--seen", 1)
    with pytest.raises(ConflictError):
        run("draft", "taisaku", "--drop", "--seen", 1, "--site", site)
    run("draft", "taisaku", "--drop", "--seen", 2, "--site", site)
    with pytest.raises(UsageError):
        run("draft", "taisaku", "--site", site)


def test_a_draft_with_unknown_guideline_clauses_is_saved_and_said_but_not_published(
    run: Run, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.md").write_text(text("mic-2025-03-9.3", "mic-2025-03-99"), encoding="utf-8")
    said = run("draft", "taisaku", tmp_path / "new.md", "--site", site, code=1)
    assert "mic-2025-03-99" in said.output
    with pytest.raises(PolicyError, match="mic-2025-03-99"):
        publish(run, site, "2026-04-01")


def test_the_ward_s_own_files_take_the_place_of_the_sample(run: Run, site: Path) -> None:
    (site / "policies").mkdir(exist_ok=True)
    (site / "policies" / "kihon.md").write_text((SAMPLE / "kihon.md").read_text(encoding="utf-8"), encoding="utf-8")
    listed = json.loads(run("list", "--site", site, "--json").output)
    assert [(one["id"], one["sample"]) for one in listed] == [("kihon", False)]
    (site / "policies" / "bad.md").write_text("x", encoding="utf-8")
    said = run("list", "--site", site, code=1)
    assert "bad.md:1" in said.output


def test_the_statutory_policies_are_listed_with_what_is_missing(run: Run, site: Path) -> None:
    (site / "policies").mkdir(exist_ok=True)
    (site / "policies" / "kihon.md").write_text((SAMPLE / "kihon.md").read_text(encoding="utf-8"), encoding="utf-8")
    rules = 'law = "地方自治法第244条の6"\nsince = 2026-04-01\nbodies = ["区長", "議会"]\n'
    (site / "policies" / "statutory.toml").write_text(rules, encoding="utf-8")
    run("draft", "kihon", SAMPLE / "kihon.md", "--site", site)
    run(
        *("publish", "kihon", "--site", site, "--effective", "2026-04-01", "--committee", "委員会"),
        *("--approved", "2026-03-15", "--reason", "制定"),
    )
    found = json.loads(run("statutory", "--site", site, "--json", code=1).output)
    assert {one["body"]: one["lacks"] for one in found["bodies"]} == {
        "区長": [],
        "議会": ["policy"],
        "教育委員会": [],
        "選挙管理委員会": ["place", "day"],
    }
    stated = ("--set", "kihon", "--body", "選挙管理委員会", "--at", "区報", "--on", "2026-04-05")
    assert "区報" in run("statutory", "--site", site, *stated, code=1).output
    with pytest.raises(UsageError, match="すべて必要"):
        run("statutory", "--site", site, "--set", "kihon")
    (site / "policies" / "statutory.toml").write_text("law = 1\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"statutory\.toml"):
        run("statutory", "--site", site)
