"""What a revision touches: through splits and withdrawals, and things that name an old or a coarser clause."""

from __future__ import annotations

import pytest

from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Change
from secops.isms.policy.impact import Kind, Linked, Thing, between_documents, between_editions
from secops.isms.policy.work import entries_of
from tests.isms.clauses.guideline import FIRST, SECOND, SPLIT, read

EDITIONS = read(FIRST, SECOND, SPLIT)


def item(name: str, *clauses: str, kind: Kind = Kind.ITEM) -> Thing:
    return Thing(kind, name, f"項目 {name}", clauses)


def touched(older: str, newer: str, *things: Thing) -> dict[str, list[tuple[str, bool]]]:
    found = between_editions(EDITIONS, older, newer, Linked(things))
    return {one.thing.id: [(each.shift.id, each.direct) for each in one.reasons] for one in found.touched}


def test_what_names_a_changed_clause_must_be_looked_at_and_the_rest_not():
    found = touched("2020-01", "2021-01", item("a", "mic-2021-01-1-1"), item("b", "mic-2021-01-2"))
    assert found["a"] == [("mic-2021-01-1-1", True)]
    assert found["b"] == [("mic-2020-01-2.1", False)]  # what stood below it is gone


def test_a_thing_that_names_the_chapter_is_touched_by_what_lies_below():
    assert touched("2020-01", "2021-01", item("a", "mic-2021-01-1")) == {
        "a": [("mic-2021-01-1-1", False), ("mic-2021-01-1-2", False)]
    }


def test_a_thing_that_still_names_the_old_edition_is_found():
    found = touched("2021-01", "2022-01", item("old", "mic-2021-01-2"), item("older", "mic-2020-01-2"))
    assert found["old"] == found["older"] == [("mic-2022-01-1-2", True), ("mic-2022-01-3", True)]


def test_what_names_a_withdrawn_clause_is_touched():
    found = between_editions(EDITIONS, "2020-01", "2022-01", Linked((item("a", "mic-2020-01-2.1"),)))
    (one,) = found.touched
    assert [each.shift.change for each in one.reasons] == [Change.WITHDRAWN]
    assert one.reasons[0].shift.note == "章の本文に入れた"


def test_a_clause_that_exists_nowhere_is_listed_and_kinds_without_data_are_said():
    things = (item("a", "mic-2021-01-7", "mic-2021-01-1-1"),)
    found = between_editions(EDITIONS, "2020-01", "2021-01", Linked(things, (Kind.QUIZ,)))
    assert [(thing.id, clause) for thing, clause in found.unknown] == [("a", "mic-2021-01-7")]
    assert found.absent == (Kind.QUIZ,)
    assert [one.thing.id for one in found.of(Kind.ITEM)] == ["a"]


def test_nothing_that_stays_the_same_is_a_shift():
    found = between_editions(EDITIONS, "2021-01", "2022-01", Linked(()))
    assert Change.SAME not in {one.change for one in found.shifts}
    assert "mic-2022-01-1" not in {one.id for one in found.shifts}


HEAD = "---\nid: kijun\ntitle: 基準\nkind: control_standard\n---\n"
OLD = HEAD + (
    "# 第1章 組織 {#k-c1 implements=mic-2020-01-1}\n\n本文。\n\n"
    "# 第2章 運用 {#k-c2 implements=mic-2022-01-3}\n\n運用する。\n\n"
    "# 第3章 廃止 {#k-c3}\n\nなくなる。\n"
)
NEW = HEAD + (
    "# 第1章 組織 {#k-c1 implements=mic-2020-01-1}\n\n本文。\n\n"
    "# 第2章 運用 {#k-c2 implements=mic-2022-01-3}\n\n毎日運用する。\n\n"
    "# 第4章 追加 {#k-c4 implements=mic-2022-01-1-2}\n\n加える。\n"
)


def test_a_changed_clause_of_ours_leads_to_what_names_the_same_guideline_clause():
    things = (item("a", "mic-2022-01-3"), item("b", "mic-2022-01-1-1"), item("c", "mic-2021-01-2"))
    found = between_documents(EDITIONS, read_document("a.md", OLD), read_document("b.md", NEW), Linked(things))
    assert [(one.id, one.change) for one in found.shifts] == [
        ("k-c2", Change.CHANGED),
        ("k-c4", Change.NEW),
        ("k-c3", Change.WITHDRAWN),
    ]
    assert {one.thing.id for one in found.touched} == {"a", "c"}


def test_a_clause_of_ours_that_only_got_another_number_has_moved():
    moved = OLD.replace("# 第2章 運用", "# 第5章 運用")
    found = between_documents(EDITIONS, read_document("a.md", OLD), read_document("b.md", moved), Linked(()))
    assert [(one.id, one.change) for one in found.shifts] == [("k-c2", Change.MOVED)]


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_touched_becomes_an_entry_with_its_reasons(kind):
    things = (item("a", "mic-2021-01-1-1", kind=kind),)
    (entry,) = entries_of(between_editions(EDITIONS, "2020-01", "2021-01", Linked(things)).touched)
    assert (entry.kind, entry.thing) == (kind, "a")
    assert [(one.number, one.change, one.note) for one in entry.why] == [("1 (1)", "changed", "数が増えた")]
