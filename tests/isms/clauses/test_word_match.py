"""Clauses keep their identity when a new Word file comes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.model import Clause, Document, DocumentKind, Link
from secops.isms.clauses.word_match import alike, keep_identity, pairs_of
from secops.isms.clauses.word_review import How

TEXTS = [
    "情報資産は、機密性により分類し、台帳に記録する。",
    "職員は、端末を机の上に放置してはならない。",
    "ログは、1年以上保存し、毎月点検する。",
    "委託事業者には、契約で安全管理を求める。",
]


def document(*clauses: tuple[str, str, str], prefix: str = "n") -> Document:
    """Articles of (label, title, text) with ids of their own."""
    made = tuple(
        Clause(
            f"{prefix}{at}",
            label,
            1,
            title=title,
            text=text,
            links=(Link(f"mic-2025-03-{at + 1}"),) if prefix == "o" else (),
        )
        for at, (label, title, text) in enumerate(clauses)
    )
    return Document("taisaku", "基準", DocumentKind.CONTROL_STANDARD, made)


OLD = document(*((f"第{at}条", f"見出し{at}", text) for at, text in enumerate(TEXTS, 1)), prefix="o")


def kept(new: Document) -> list[tuple[str, How]]:
    """The id and the way of each clause of the new document, then what is gone."""
    _document, matches, _renamed = keep_identity(new, OLD)
    return [(one.id, one.how) for one in matches]


def test_the_same_document_keeps_all():
    same = document(*((one.label, one.title, one.text) for one in OLD.clauses))
    assert kept(same) == [(f"o{at}", How.SAME) for at in range(4)]


def test_a_changed_text_in_its_place_is_the_same_clause():
    changed = document(*((one.label, one.title, one.text.replace("1年", "3年")) for one in OLD.clauses))
    assert kept(changed)[2] == ("o2", How.CHANGED)


def test_a_moved_article_keeps_its_id_and_the_new_one_gets_its_own():
    new = document(
        ("第1条", "新しい見出し", "区は、生成AIの利用に当たり、別に定める手続を取る。"),
        *((f"第{at}条", f"見出し{at - 1}", text) for at, text in enumerate(TEXTS, 2)),
    )
    assert kept(new) == [("n0", How.NEW), *((f"o{at}", How.MOVED) for at in range(4))]


def test_an_article_that_was_moved_and_changed_is_found_by_its_words():
    new = document(("第9条", "", "職員は、離席するとき端末を机の上に放置してはならない。"))
    assert kept(new) == [("o1", How.MOVED_CHANGED), ("o0", How.GONE), ("o2", How.GONE), ("o3", How.GONE)]


def test_another_clause_under_the_same_number_is_a_new_one_and_gets_an_id_that_none_had():
    new = document(("第1条", "広報", "区民への広報は、広報課が行う。"))
    new = replace(new, clauses=(replace(new.clauses[0], id="o0"),))
    assert kept(new)[0] == ("o0_2", How.NEW)


def test_links_owner_and_head_of_the_old_document_stay():
    old = replace(OLD, owner="情報政策課", preamble="前文")
    new, _matches, renamed = keep_identity(document(*((one.label, one.title, one.text) for one in OLD.clauses)), old)
    assert [one.links for one in new.clauses] == [one.links for one in OLD.clauses]
    assert (new.owner, new.preamble) == ("情報政策課", "前文")
    assert renamed == {f"n{at}": f"o{at}" for at in range(4)}


@given(st.permutations(range(4)))
def test_in_any_order_every_clause_finds_itself(order):
    new = document(*((f"第{at}条", "", TEXTS[one]) for at, one in enumerate(order, 1)))
    old = replace(OLD, clauses=tuple(replace(one, title="") for one in OLD.clauses))
    _document, matches, _renamed = keep_identity(new, old)
    assert [one.id for one in matches] == [f"o{one}" for one in order]


@given(st.text(), st.text())
def test_likeness_is_symmetric_and_at_most_one(one, other):
    first, second = pairs_of(one), pairs_of(other)
    assert alike(first, second) == alike(second, first)
    assert 0 <= alike(first, second) <= 1
    assert alike(first, first) == 1
