"""`secops audit` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

from secops.wiring import create_site
from tests.e2e.here import run_here
from tests.isms.audit.items import chapter, item


def said(*arguments: object):
    done = run_here(["audit", *map(str, arguments)])
    return done.returncode, done.stdout, done.stderr


def test_items_of_a_chapter_as_json():
    code, out, _err = said("items", "--chapter", "7", "--json")
    read = json.loads(out)
    assert code == 0
    assert {one["chapter_title"] for one in read["items"]} == {"運用"}
    assert {"id", "title", "mandatory", "clauses", "look", "check", "evidence", "weight"} <= read["items"][0].keys()


def test_items_of_a_stage_are_those_that_are_asked_by_then():
    counts = [len(json.loads(said("items", "--stage", stage, "--json")[1])["items"]) for stage in (1, 2, 3)]
    assert 0 < counts[0] < counts[1] < counts[2]


def test_the_ward_s_own_catalogue_takes_the_place_of_ours(tmp_path: Path):
    own = tmp_path / "audits" / "catalogue"
    own.mkdir(parents=True)
    (own / "06.yml").write_text(chapter("6", item("own-1")), encoding="utf-8-sig")
    code, out, _err = said("items", "--site", tmp_path)
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == ["own-1"]


def test_an_unknown_chapter_is_wrong_usage():
    code, _out, err = said("items", "--chapter", "10")
    assert code == 2
    assert "1, 2, 3, 4, 5, 6, 7, 8, 9" in err


def test_check_counts_and_ends_with_0():
    code, out, _err = said("check")
    assert code == 0
    assert "問題ありません" in out
    assert len(out.splitlines()) == 11


def test_check_names_every_mistake_and_ends_with_1(tmp_path: Path):
    path = tmp_path / "own.yml"
    path.write_text(chapter("6", item("a1"), item("a1").replace("mic-2025-03-6.1-6", "6.1")), encoding="utf-8")
    code, out, err = said("check", path)
    assert (code, out) == (1, "")
    assert f"{path}:19 items[2].clauses[1]" in err
    assert f"{path}:16 items[2].id" in err
    code, out, _err = said("check", path, "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 2


def test_check_of_what_is_not_there_or_not_utf_8(tmp_path: Path):
    assert said("check", tmp_path / "none.yml")[0] == 1
    path = tmp_path / "sjis.yml"
    path.write_bytes(chapter("6", item("a1")).encode("cp932"))
    code, _out, err = said("check", path)
    assert code == 1
    assert "UTF-8" in err


def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    rows = ["課コード,番号,自己点検,監査人確認", "211,a2-01,○,○", "211,a2-02,○,×", "211,a2-06,○,", "212,a2-01,△,△"]
    path.write_bytes("\r\n".join(rows).encode("cp932"))
    return path


def test_score_of_a_file_as_excel_writes_it(tmp_path: Path):
    code, out, _err = said("score", answers(tmp_path))
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert lines[1] == ["211", "", "50.0", "66.6", "D", "1", "0", "1", "0", "1", ""]
    assert lines[2] == ["212", "", "50.0", "100.0", "D", "0", "1", "0", "0", "0", ""]
    assert lines[3][0] == "全体"
    assert "安全性を保証するものではありません" in lines[-1][0]


def test_score_of_the_self_inspection_is_another(tmp_path: Path):
    confirmed = json.loads(said("score", answers(tmp_path), "--json")[1])
    declared = json.loads(said("score", answers(tmp_path), "--declared", "--json")[1])
    assert (confirmed["value"], declared["value"]) == ("confirmed", "declared")
    assert (confirmed["departments"]["211"]["grade"], declared["departments"]["211"]["grade"]) == ("D", "A")
    assert confirmed["gaps"]["211"] == {"none": 1, "overstated": 1, "understated": 0, "scope": 0, "open": 1}
    assert len(confirmed["rules"]) == len(confirmed["catalogue"]) == 64
    assert confirmed["cells"][0]["chapter"] == "2"


def test_an_open_major_and_unanswered_items(tmp_path: Path):
    majors = tmp_path / "majors.csv"
    majors.write_text("部署コード,番号\n212,a2-01\n", encoding="utf-8")
    found = json.loads(said("score", answers(tmp_path), "--declared", "--majors", majors, "--stage", 1, "--json")[1])
    assert found["departments"]["212"]["open_majors"] == 1
    assert found["departments"]["212"]["coverage"] < 10
    assert found["departments"]["211"]["grade"] == "A"


def test_score_by_chapter_and_by_bu_of_the_inventory(tmp_path: Path):
    site = tmp_path / "ward"
    create_site(site, site_id="ward")
    (site / "inventory").mkdir(exist_ok=True)
    rows = "部署コード,部署名,区分,上位コード\n210,区民部,部,\n211,区民課,課,210\n212,税務課,課,210\n"
    (site / "inventory" / "departments.csv").write_text(rows, encoding="utf-8")
    by_bu = said("score", answers(tmp_path), "--site", site, "--by", "division")[1].splitlines()
    assert by_bu[1].split("\t")[:5] == ["210", "区民部", "50.0", "75.0", "D"]  # 9 of 12 by weight
    by_chapter = said("score", answers(tmp_path), "--by", "chapter")[1].splitlines()
    assert by_chapter[1].split("\t")[:2] == ["2", "情報資産の分類と管理"]


def test_a_wrong_verdict_is_named_and_nothing_is_scored(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("部署コード,番号,監査人確認\n211,a2-01,良\n", encoding="utf-8")
    code, out, err = said("score", path)
    assert (code, out) == (1, "")
    assert f"{path}:2 監査人確認" in err


def test_a_sample_is_drawn_again_with_its_seed(tmp_path: Path):
    path = tmp_path / "applications.txt"
    path.write_text("".join(f"申請{n:03}\n" for n in range(1, 31)), encoding="utf-8")
    first = json.loads(said("sample", path, "--size", 4, "--json")[1])
    code, out, err = said("sample", path, "--size", 4, "--seed", first["seed"])
    assert code == 0
    assert out.splitlines() == first["members"]
    assert first["population"] in err
    assert first["seed"] in err
    assert said("sample", path, "--size", 4, "--seed", "r8-211")[1].split() == [
        "申請001",
        "申請005",
        "申請020",
        "申請024",
    ]
