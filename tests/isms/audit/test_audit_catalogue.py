"""The item catalogue: what is read, and how every mistake is named with its place."""

from __future__ import annotations

import pytest

from secops.errors import AuditError
from secops.isms.audit.catalogue import read_catalogue
from secops.isms.audit.model import Answerer, Method
from secops.wiring.audits import open_catalogue
from tests.isms.audit.items import chapter, item


def wrong(*files: tuple[str, str]) -> list[str]:
    with pytest.raises(AuditError) as caught:
        read_catalogue(files)
    return [str(problem) for problem in caught.value.problems]


def test_an_item_as_it_is_written():
    read = read_catalogue([("06.yml", chapter("6", item("a1", weight=3, mandatory=True, stage=2)))])
    one = read.by_id["a1"]
    assert (one.chapter, one.weight, one.mandatory, one.stage, one.answers) == ("6", 3, True, 2, Answerer.SYSTEM)
    assert list(one.check) == [Method.EXAMINE, Method.TEST]
    assert one.clauses == ("mic-2025-03-6.1-6",)
    assert one.where == "06.yml:4"
    assert read.chapters == {"6": "技術"}
    assert read.applicable(1) == ()
    assert read.applicable(2) == (one,)


def test_all_mistakes_of_all_files_at_once_with_their_lines():
    bad = item("a2").replace("weight: 1", "wieght: 1").replace("mic-2025-03-6.1-6", "6.1(6)")
    found = wrong(
        ("a.yml", chapter("6", item("a1"), bad)),
        ("b.yml", chapter("7", item("a1"), item("a3").replace("answers: system", "answers: section"))),
        ("c.yml", "items: ["),
    )
    assert [line.split(": ")[0] for line in found] == [
        "a.yml:19 items[2].clauses[1]",
        "a.yml:16 items[2].weight",
        "a.yml:25 items[2].wieght",
        "b.yml:26 items[2].answers",
        "c.yml:1",
        "b.yml:4 items[1].id",
    ]
    assert "department, system, staff, ward" in found[3]
    assert "a.yml:4" in found[5]


def test_a_doubled_id_in_one_file_names_both_places():
    assert wrong(("a.yml", chapter("6", item("a1"), item("a1")))) == [
        "a.yml:16 items[2].id: 番号「a1」は a.yml:4 にもあります。"
    ]


@pytest.mark.parametrize(
    "clause",
    [
        "6.1-6",
        "mic-2025-3-6.1",
        "mic-2025-03",
        "mic-2025-03-6.1(6)",
        "MIC-2025-03-6.1",
        "mic-2025-03-６.1",
        "mic-2025-03-6.",
    ],
)
def test_a_clause_id_of_a_wrong_form(clause):
    (found,) = wrong(("a.yml", chapter("6", item("a1").replace("mic-2025-03-6.1-6", clause))))
    assert found.startswith("a.yml:7 items[1].clauses[1]: ")


@pytest.mark.parametrize("clause", ["mic-2025-03-2", "mic-2025-03-3-1", "mic-2024-10-6.1-22", "ward-2026-04-12.3"])
def test_a_clause_id_of_any_edition(clause):
    read = read_catalogue([("a.yml", chapter("6", item("a1").replace("mic-2025-03-6.1-6", clause)))])
    assert read.items[0].clauses == (clause,)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("mandatory: false", 'mandatory: "no"', "a.yml:6 items[1].mandatory"),
        ("weight: 1", "weight: 4", "a.yml:13 items[1].weight"),
        ("weight: 1", 'weight: "1"', "a.yml:13 items[1].weight"),
        ("stage: 1", "stage: 0", "a.yml:15 items[1].stage"),
        ("look: ログ取得一覧", "look: ' '", "a.yml:8 items[1].look"),
        ("      test:", "      ask:", "a.yml:10 items[1].check.ask"),
        ("[ログ取得一覧, 機器台帳]", "[ログ取得一覧, ログ取得一覧]", "a.yml:12 items[1].evidence"),
        ("    stage: 1", "    stage: 1\n    stage: 2", "a.yml:16"),
        ("    stage: 1", "    stage: 1\n    telemetry: Log Coverage", "a.yml:16 items[1].telemetry[1]"),
    ],
)
def test_single_mistakes(old, new, place):
    found = wrong(("a.yml", chapter("6", item("a1").replace(old, new))))
    assert [line.split(": ")[0] for line in found] == [place]


def test_two_titles_of_a_chapter():
    found = wrong(("a.yml", chapter("6", item("a1"))), ("b.yml", chapter("6", item("a2"), title="人的")))
    assert found == ["b.yml:2 title: 章 6 の題名が a.yml:2 の「技術」と違います。"]


@pytest.mark.parametrize("text", ["", "- 1", "6", "[" * 30, "a: &x [1]\nb: *x", "a: !!python/name:os.system 1", "\x07"])
def test_what_is_no_catalogue_is_one_clear_problem(text):
    (found,) = wrong(("a.yml", text))
    assert found.startswith("a.yml:")
    assert "ValidationError" not in found


def test_no_file_at_all():
    assert wrong() != []


def test_the_digest_is_of_what_the_items_say():
    plain = read_catalogue([("a.yml", chapter("6", item("a1"), item("a2")))])
    split = read_catalogue([("x.yml", chapter("6", item("a2"))), ("y.yml", "# 注\n" + chapter("6", item("a1")))])
    heavier = read_catalogue([("a.yml", chapter("6", item("a1"), item("a2", weight=2)))])
    assert plain.digest == split.digest
    assert plain.digest != heavier.digest


def test_the_catalogue_that_comes_with_the_program():
    read = open_catalogue()
    assert list(read.chapters) == ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert len(read.items) >= 150
    assert all(len(read.chapter(number)) >= 10 for number in read.chapters)
    assert [item.id for item in read.items if not item.title.endswith("か。")] == []
    assert len({item.title for item in read.items}) == len(read.items)
    # An item belongs to the chapter of the clauses it names.
    assert [i.id for i in read.items if any(not c.startswith(f"mic-2025-03-{i.chapter}") for c in i.clauses)] == []
    assert {item.answers for item in read.items} == set(Answerer)
    assert {item.stage for item in read.items} == {1, 2, 3}
    assert len({name for item in read.items for name in item.telemetry}) >= 25


def test_it_covers_every_section_of_the_standard():
    sections = [f"3-{n}" for n in (1, 2, 3)] + [f"6.1-{n}" for n in range(1, 23)]
    sections += ["1", "2", "4.1", "4.2", "4.3", "4.4", "5.1", "5.2", "5.3", "5.4", "6.2", "6.3", "6.4", "6.5", "6.6"]
    sections += ["7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "8.1", "8.2", "8.3", "8.4", "9.1", "9.2", "9.3"]
    named = {clause for item in open_catalogue().items for clause in item.clauses}
    assert {f"mic-2025-03-{section}" for section in sections} - named == set()
