"""`secops audit` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

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
