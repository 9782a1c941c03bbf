"""The map between editions: through changes, splits, merges and withdrawals, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import NotFoundError, UsageError
from secops.isms.clauses.ids import above, edition_of, is_below, order
from secops.isms.clauses.model import Change
from secops.isms.clauses.trace import changed_between, trace
from secops.wiring.guidelines import open_editions
from tests.isms.clauses.guideline import FIRST, SECOND, SPLIT, read

THREE = read(FIRST, SECOND, SPLIT)
SHIPPED = open_editions()


def test_a_clause_is_followed_forward_and_back():
    assert trace(THREE, "mic-2020-01-1-1", "mic-2022-01") == ("mic-2022-01-1-1",)
    assert trace(THREE, "mic-2022-01-1-1", "mic-2020-01") == ("mic-2020-01-1-1",)
    assert trace(THREE, "mic-2021-01-1", "mic-2021-01") == ("mic-2021-01-1",)


def test_a_split_gives_two_and_a_merge_one():
    assert trace(THREE, "mic-2020-01-2", "mic-2022-01") == ("mic-2022-01-1-2", "mic-2022-01-3")
    assert trace(THREE, "mic-2022-01-1-1", "mic-2021-01") == ("mic-2021-01-1-1", "mic-2021-01-1-2")


def test_what_is_withdrawn_new_or_unknown_leads_nowhere():
    assert trace(THREE, "mic-2020-01-2.1", "mic-2022-01") == ()
    assert trace(THREE, "mic-2021-01-1-2", "mic-2020-01") == ()
    assert trace(THREE, "mic-2020-01-9", "mic-2022-01") == ()
    assert trace(THREE, "mic-2020-01-1", "mic-1999-01") == ()


def test_two_editions_after_the_same_one_are_joined_through_it():
    other = SPLIT.replace("mic-2022-01", "own-2023-01").replace("published: 2022-01", "published: 2023-01")
    editions = read(FIRST, SECOND, SPLIT, other)
    assert trace(editions, "mic-2022-01-3", "own-2023-01") == ("own-2023-01-1-2", "own-2023-01-3")


def test_a_finer_clause_goes_where_the_one_above_it_went():
    finer = SECOND.replace("title: 第二版", "title: 第二版\nofficial: true").replace(
        "withdrawn:", "  - {id: mic-2021-01-2-1, number: 2 (1), title: 細目, change: new}\nwithdrawn:"
    )
    editions = read(FIRST, finer, SPLIT)
    assert trace(editions, "mic-2021-01-2-1", "mic-2022-01") == ("mic-2022-01-1-2", "mic-2022-01-3")


def test_changes_between_two_editions_tell_all_steps():
    found = {one.clause.id: one for one in changed_between(THREE, "2020-01", "2022-01")}
    merged = found["mic-2022-01-1-1"]
    assert (merged.change, merged.before) == (Change.CHANGED, ("mic-2020-01-1-1",))
    assert merged.note == "数が増えた 二つを一つにした"
    assert found["mic-2022-01-1"].change is Change.SAME
    assert found["mic-2022-01-3"].change is Change.MOVED
    gone = found["mic-2020-01-2.1"]
    assert (gone.change, gone.note) == (Change.WITHDRAWN, "章の本文に入れた")


def test_a_clause_added_on_the_way_is_new():
    found = {one.clause.id: one.change for one in changed_between(THREE, "2020-01", "mic-2021-01")}
    assert found["mic-2021-01-1-2"] is Change.NEW


def test_the_older_edition_comes_first():
    with pytest.raises(UsageError, match="より前の版ではありません"):
        changed_between(THREE, "2022-01", "2020-01")
    with pytest.raises(NotFoundError, match="2020-01, 2021-01, 2022-01"):
        changed_between(THREE, "2020", "2022-01")


def test_the_shipped_editions_have_the_tree_and_no_gaps():
    assert [one.published for one in SHIPPED.all] == ["2018-09", "2020-12", "2022-03", "2023-03", "2024-10", "2025-03"]
    assert SHIPPED.notices == ()
    latest = SHIPPED.latest
    assert [one.number for one in latest.clauses if not one.parent] == [str(n) for n in range(1, 10)]
    assert sum(one.parent == "mic-2025-03-6.1" for one in latest.clauses) == 22
    assert not any(edition.official for edition in SHIPPED.all)
    assert all(one.summary for edition in SHIPPED.all for one in edition.clauses)


def test_8_2_is_another_clause_since_2024_10():
    assert trace(SHIPPED, "mic-2022-03-8.2", "mic-2025-03") == ("mic-2025-03-8.3",)
    assert trace(SHIPPED, "mic-2020-12-8.3", "mic-2025-03") == ("mic-2025-03-6.1-22",)
    assert trace(SHIPPED, "mic-2018-09-8.1", "mic-2025-03") == ("mic-2025-03-8.1", "mic-2025-03-8.2")


@given(st.sampled_from([one.id for edition in SHIPPED.all for one in edition.clauses]), st.sampled_from(SHIPPED.all))
def test_the_map_holds_in_both_directions(clause_id, edition):
    for found in trace(SHIPPED, clause_id, edition.id):
        assert clause_id in trace(SHIPPED, found, edition_of(clause_id))


def test_ids_tell_where_they_stand():
    assert above("mic-2025-03-6.1-6") == "mic-2025-03-6.1"
    assert above("mic-2025-03-6") == ""
    assert is_below("mic-2025-03-3-1-2", "mic-2025-03-3")
    assert not is_below("mic-2025-03-3", "mic-2025-03-3")
    assert min(["mic-2025-03-6.10", "mic-2025-03-6.2"], key=order).endswith("6.2")


@pytest.mark.parametrize(
    "text", ["", "-", ".", "iso-27001", "a.b-c", "<script>alert(1)</script>-x", "mic-2025-03-6..--"]
)
def test_the_way_up_ends_whatever_a_rule_names_as_its_clause(text):
    for _step in range(20):
        text = above(text)
    assert text == ""
    assert not is_below("iso-27001", "iso")
