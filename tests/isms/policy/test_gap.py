"""How a policy stands against an edition of the guideline."""

from __future__ import annotations

import pytest

from secops.errors import NotFoundError
from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.model import Link
from secops.isms.policy.gap import Extra, How, Status, gap
from tests.isms.policy.documents import clause, document

OLD = """\
id: mic-2024-10
title: 旧版
published: 2024-10
clauses:
  - {id: mic-2024-10-6, number: '6', title: 技術}
  - {id: mic-2024-10-6-1, number: 6 (1), title: ログ}
  - {id: mic-2024-10-6-2, number: 6 (2), title: 複製}
  - {id: mic-2024-10-6-3, number: 6 (3), title: 無線}
  - {id: mic-2024-10-7, number: '7', title: 廃止される章}
"""
NEW = """\
id: mic-2025-03
title: 新版
published: 2025-03
previous: mic-2024-10
clauses:
  - {id: mic-2025-03-6, number: '6', title: 技術, previous: [mic-2024-10-6]}
  - {id: mic-2025-03-6-1, number: 6 (1), title: ログ, previous: [mic-2024-10-6-1]}
  - id: mic-2025-03-6-2
    number: 6 (2)
    title: 複製
    previous: [mic-2024-10-6-2]
    change: changed
    note: 切り離すことが加わった
  - {id: mic-2025-03-6-4, number: 6 (4), title: 無線, previous: [mic-2024-10-6-3], change: moved, note: 番号が変わった}
  - {id: mic-2025-03-6-5, number: 6 (5), title: 会議, change: new}
withdrawn:
  - {id: mic-2024-10-7, reason: 章をなくした}
"""
EDITIONS = read_editions([("old.yml", OLD), ("new.yml", NEW)])


def stand(*links: str, edition: str = "2025-03", extra=()) -> dict[str, tuple[Status, list[tuple[str, How]]]]:
    """Status and answers of each clause, where our clauses have these links (t-1, t-2, …)."""
    ours = document(*(clause(f"t-{at}", f"第{at}条", links=one) for at, one in enumerate(links, 1)))
    found = gap([ours], EDITIONS, edition, extra)
    return {one.clause.id[12:]: (one.status, [(by.clause, by.how) for by in one.by]) for one in found.rows}


def test_clauses_of_the_guideline_are_covered_partly_or_missing():
    found = stand("mic-2025-03-6-1", "mic-2025-03-6-2~")
    assert found["6-1"] == (Status.COVERED, [("t-1", How.WHOLE)])
    assert found["6-2"] == (Status.PARTLY, [("t-2", How.PART)])
    assert found["6-5"] == (Status.MISSING, [])


def test_only_clauses_that_have_none_below_are_asked():
    assert set(stand()) == {"6-1", "6-2", "6-4", "6-5"}


def test_a_link_to_the_old_wording_is_outdated_and_says_what_changed():
    assert stand("mic-2024-10-6-2")["6-2"] == (Status.OUTDATED, [("t-1", How.OLD)])
    (row,) = (
        one for one in gap([document(clause("t", "1", links="mic-2024-10-6-2"))], EDITIONS, "2025-03").rows if one.by
    )
    assert row.by[0].note == "切り離すことが加わった"


@pytest.mark.parametrize(("old", "new"), [("6-1", "6-1"), ("6-3", "6-4")])
def test_a_link_to_an_older_edition_holds_where_the_wording_is_the_same(old, new):
    assert stand(f"mic-2024-10-{old}")[new] == (Status.COVERED, [("t-1", How.WHOLE)])


def test_one_link_of_today_makes_up_for_an_outdated_one():
    assert stand("mic-2024-10-6-2", "mic-2025-03-6-2")["6-2"][0] is Status.COVERED
    assert stand("mic-2024-10-6-2", "mic-2025-03-6-2~")["6-2"][0] is Status.PARTLY


def test_a_link_to_a_whole_section_does_not_say_which_clauses_are_answered():
    assert {status for status, _by in stand("mic-2025-03-6").values()} == {Status.PARTLY}
    assert {status for status, _by in stand("mic-2025-03-6~").values()} == {Status.MISSING}


def test_an_older_edition_can_be_asked_of_links_to_a_newer_one():
    found = stand("mic-2025-03-6-1", "mic-2025-03-6-2", "mic-2025-03-6-4", edition="2024-10")
    assert {name: status for name, (status, _by) in found.items()} == {
        "6-1": Status.COVERED,
        "6-2": Status.OUTDATED,
        "6-3": Status.COVERED,
        "7": Status.MISSING,
    }


def test_a_confirmed_suggestion_counts_as_a_link_and_only_once():
    extra = [Extra("taisaku", "t-1", Link("mic-2025-03-6-5")), Extra("taisaku", "gone", Link("mic-2025-03-6-5"))]
    assert stand("", extra=extra)["6-5"] == (Status.COVERED, [("t-1", How.WHOLE)])
    assert stand("mic-2025-03-6-5", extra=extra)["6-5"][1] == [("t-1", How.WHOLE)]


def test_links_that_lead_nowhere_are_listed_with_the_reason():
    ours = document(clause("t-1", "1", links="mic-2024-10-7 mic-2025-03-9.9 mic-2019-01-1"))
    assert [(one.clause, one.link, one.reason) for one in gap([ours], EDITIONS, "2025-03").lost] == [
        ("t-1", "mic-2024-10-7", "章をなくした"),
        ("t-1", "mic-2025-03-9.9", "この条項は、どの版にもありません。"),
        ("t-1", "mic-2019-01-1", "この条項は、どの版にもありません。"),
    ]


def test_rows_are_counted_by_chapter_and_status():
    found = gap([document(clause("t-1", "1", links="mic-2025-03-6-1"))], EDITIONS, "mic-2025-03")
    assert [(chapter.id, len(rows)) for chapter, rows in found.chapters] == [("mic-2025-03-6", 4)]
    assert dict(found.counts) == {Status.MISSING: 3, Status.OUTDATED: 0, Status.PARTLY: 0, Status.COVERED: 1}


def test_an_unknown_edition_is_said_with_those_there_are():
    with pytest.raises(NotFoundError, match="2024-10, 2025-03"):
        gap([], EDITIONS, "2030-01")
