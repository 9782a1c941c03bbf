"""What is underlined on both sides of a 新旧対照表."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.policy.marks import Grid, Marked, Prose, blocks, compare_texts, plain

TEXTS = st.text(alphabet="職員等はがのサーバ室10２.| -\n。、ab\\", max_size=60)


def shown(parts: Marked) -> str:
    return "".join(f"[{one.text}]" if one.changed else one.text for one in parts)


def unchanged(parts: Marked) -> str:
    return "".join(one.text for one in parts if not one.changed)


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        ("職員は守る。", "職員等は守る。", "職員は守る。", "職員[等]は守る。"),
        ("10日ごと", "100日ごと", "[10]日ごと", "[100]日ごと"),
        ("1,000件", "1,500件", "[1,000]件", "[1,500]件"),
        ("サーバ室", "サーバー室", "[サーバ]室", "[サーバー]室"),
        ("委託先に示す。", "委託事業者に示す。", "委託[先]に示す。", "委託[事業者]に示す。"),
        # 「の」 between two changed words is underlined with them
        ("年度末の報告", "四半期の集計", "[年度末の報告]", "[四半期の集計]"),
        ("同じ", "同じ", "同じ", "同じ"),
        ("", "新しい", "", "[新しい]"),
    ],
)
def test_words_and_numbers_are_marked_whole(old, new, left, right):
    found = compare_texts(old, new)
    assert (shown(found[0]), shown(found[1])) == (left, right)


def test_tables_are_compared_cell_by_cell():
    old = "次の表\n| 区分 | 例 |\n|---|---|\n| 3 | 住民票 |\n| 2 | 起案 |"
    new = "次の表\n| 区分 | 例 |\n|---|---|\n| 3 | 住民記録 |\n| 2 | 起案 |"
    left, right = compare_texts(old, new)
    assert shown(left) == old.replace("住民票", "住民[票]")
    assert shown(right) == new.replace("住民記録", "住民[記録]")


def test_a_new_column_marks_its_cells_only():
    _left, right = compare_texts("| 区分 | 例 |\n| 3 | 住民票 |", "| 区分 | 例 | 扱い |\n| 3 | 住民票 | 禁止 |")
    (grid,) = blocks(right)
    assert isinstance(grid, Grid)
    assert [[shown(cell) for cell in row] for row in grid.rows] == [["区分", "例", "[扱い]"], ["3", "住民票", "[禁止]"]]


def test_a_text_is_drawn_as_lines_and_tables():
    text = "次のとおり\n| a | b |\n|---|---|\n| 1 \\| 2 | |\n以上"
    first, grid, last = blocks(compare_texts(text, text)[0])
    assert isinstance(first, Prose)
    assert isinstance(last, Prose)
    assert isinstance(grid, Grid)
    assert grid.head
    assert [[plain(cell) for cell in row] for row in grid.rows] == [["a", "b"], ["1 | 2", ""]]


def test_a_text_of_a_hundred_pages_is_compared_by_sentence_first():
    old = "".join(f"第{number}の規定は、職員に適用する。" for number in range(3000))
    new = old.replace("第1500の規定は、職員に", "第1500の規定は、職員等に")
    assert "".join(one.text for one in compare_texts(old, new)[1] if one.changed) == "等"


@given(TEXTS, TEXTS)
def test_the_marks_give_back_both_texts_and_the_unchanged_parts_are_the_same(old, new):
    left, right = compare_texts(old, new)
    assert (plain(left), plain(right)) == (old, new)
    assert unchanged(left) == unchanged(right)


@given(TEXTS, TEXTS)
def test_swapping_the_texts_swaps_the_marks(old, new):
    assert compare_texts(old, new) == compare_texts(new, old)[::-1]


@given(TEXTS)
def test_equal_texts_have_no_marks(text):
    assert not any(one.changed for side in compare_texts(text, text) for one in side)


@given(TEXTS, TEXTS)
def test_every_text_can_be_drawn(old, new):
    for side in compare_texts(old, new):
        blocks(side)
