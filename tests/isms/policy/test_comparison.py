"""Two versions of a document, clause by clause."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.model import Clause, Document
from secops.isms.policy.comparison import PREAMBLE, TITLE, Kind, Omitted, Row, compare
from secops.isms.policy.marks import plain
from tests.isms.policy.documents import clause, document, revised, sample


def told(rows) -> list[str]:
    return [
        f"({one.first}..{one.last} {one.count})"
        if isinstance(one, Omitted)
        else " ".join([one.id, *sorted(kind.value for kind in one.kinds)])
        for one in rows
    ]


def test_only_touched_clauses_their_headings_and_the_gaps_between_them_are_shown():
    assert told(compare(sample(), revised()).rows) == [
        "t-1",
        "(第1条..第1条 1)",
        "t-1-2 text",
        "t-1-2-2 removed",
        "t-1-2-3 renumbered",
        "t-2",
        "t-2-9 new",
        "t-2-1 renumbered text",
        "t-2-2 renumbered",
        "(附則..附則 1)",
    ]


def test_clauses_are_matched_by_identity_and_not_by_number():
    row = next(one for one in compare(sample(), revised()).touched if one.id == "t-2-2")
    assert row.old
    assert row.new
    assert (row.old.number, row.new.number) == ("第4条", "第5条")
    assert plain(row.old.text) == plain(row.new.text)
    assert not row.shows_text


def test_a_clause_under_another_heading_has_moved():
    new = replace(sample(), clauses=tuple(
        replace(one, parent="t-1") if one.id == "t-2-2" else one for one in sample().clauses
    ))  # fmt: skip
    assert [(one.id, one.kinds) for one in compare(sample(), new).touched] == [("t-2-2", (Kind.MOVED,))]


def test_as_few_clauses_as_explain_another_order_have_moved():
    def order(*names: str) -> Document:
        return document(*(clause(f"x-{name}", name) for name in names))

    found = compare(order("a", "b", "c", "d"), order("d", "a", "b", "c"))
    assert [(one.id, one.kinds) for one in found.touched] == [("x-d", (Kind.MOVED,))]


def test_the_title_and_the_preamble_have_rows_of_their_own():
    old, new = document(preamble="前文"), document(title="〇〇区対策基準", preamble="前文を改める")
    assert [one.id for one in compare(old, new).touched] == [TITLE, PREAMBLE]


def test_links_owners_and_review_dates_are_no_change_of_the_text():
    linked = replace(sample(), clauses=tuple(replace(one, owner="x") for one in sample().clauses))
    assert compare(sample(), linked).rows == ()


@st.composite
def documents(draw) -> Document:
    """A document of some of ten clauses, in any order and shape."""
    names = draw(st.lists(st.sampled_from([f"c{number}" for number in range(10)]), unique=True))
    clauses: list[Clause] = []
    for number, name in enumerate(names):
        parent = draw(st.sampled_from(["", *(one.id for one in clauses)]))
        depth = next((one.depth + 1 for one in clauses if one.id == parent), 1)
        title, text = (
            draw(st.sampled_from(["", "目的", "目標"])),
            draw(st.sampled_from(["", "職員は守る。", "職員等は守る。"])),
        )
        clauses.append(Clause(name, str(number), depth, parent, title, text))
    return document(*clauses)


def mirrored(row: Row) -> tuple[object, ...]:
    swap = {Kind.NEW: Kind.REMOVED, Kind.REMOVED: Kind.NEW}
    return row.id, row.new, row.old, tuple(swap.get(kind, kind) for kind in row.kinds)


@given(documents(), documents())
def test_comparing_the_other_way_round_tells_the_same(old, new):
    there = {(one.id, one.old, one.new, one.kinds) for one in compare(old, new).touched}
    back = {mirrored(one) for one in compare(new, old).touched}
    assert there == back


@given(documents())
def test_equal_documents_give_no_rows(one):
    assert compare(one, one).rows == ()


@given(documents(), documents())
def test_every_clause_is_told_of_once_and_the_rows_give_back_both_texts(old, new):
    found = compare(old, new)
    seen = [one.id for one in found.rows if isinstance(one, Row)]
    assert len(seen) == len(set(seen))
    hidden = {name for one in found.rows if isinstance(one, Omitted) for name in one.ids}
    for row in found.rows:
        if isinstance(row, Row):
            for side, version in ((row.old, old), (row.new, new)):
                assert (side is not None) == (row.id in version.by_id)
                if side is not None:
                    assert plain(side.text) == version.by_id[row.id].text
    untouched = {one.id for one in new.clauses} - set(seen)
    assert all(old.by_id[name] == replace(new.by_id[name], depth=old.by_id[name].depth) for name in untouched)
    assert hidden <= untouched
