"""What Word's automatic numbering prints."""

from __future__ import annotations

import pytest
from lxml import etree

from secops.isms.clauses.word_numbers import Numbers
from tests.isms.clauses.word_files import numbering


def printed(xml: str, *steps: tuple[int, int]) -> list[str]:
    """What is printed for paragraphs of (num, level) in order."""
    numbers = Numbers(etree.fromstring(xml))
    found = [numbers.next(str(num), level) for num, level in steps]
    assert all(one is not None for one in found)
    return [one.text for one in found if one is not None]


@pytest.mark.parametrize(
    ("form", "second"),
    [
        ("decimal", "2"),
        ("decimalZero", "02"),
        ("decimalFullWidth", "\uff12"),
        ("decimalEnclosedCircle", "②"),
        ("aiueo", "イ"),
        ("aiueoFullWidth", "イ"),
        ("iroha", "ロ"),
        ("irohaFullWidth", "ロ"),
        ("japaneseCounting", "二"),
        ("ideographTraditional", "乙"),
        ("lowerLetter", "b"),
        ("upperRoman", "II"),
    ],
)
def test_numbers_look_as_their_format_says(form, second):
    assert printed(numbering((form, "%1")), (1, 0), (1, 0)) == [printed(numbering((form, "%1")), (1, 0))[0], second]


def test_lower_levels_begin_anew_below_each_upper_one():
    xml = numbering(("decimal", "第%1条"), ("decimal", "%2"), ("decimal", "(%3)"))
    steps = [(1, 0), (1, 1), (1, 1), (1, 2), (1, 0), (1, 1)]
    assert printed(xml, *steps) == ["第1条", "1", "2", "(1)", "第2条", "1"]


def test_a_label_may_hold_the_numbers_of_upper_levels():
    xml = numbering(("decimal", "%1"), ("decimal", "%1―%2"), ("decimal", "%1―%2―%3"))
    assert printed(xml, (1, 0), (1, 1), (1, 2), (1, 2)) == ["1", "1―1", "1―1―1", "1―1―2"]


def test_legal_numbering_prints_upper_levels_in_digits():
    xml = numbering(("japaneseCounting", "%1"), ("decimal", "%1.%2")).replace(
        '<w:lvlText w:val="%1.%2"/>', '<w:isLgl/><w:lvlText w:val="%1.%2"/>'
    )
    assert printed(xml, (1, 0), (1, 1)) == ["一", "1.1"]


def test_a_second_num_of_the_same_list_counts_on_unless_it_starts_anew():
    nums = (
        '<w:num w:numId="2"><w:abstractNumId w:val="0"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="0"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>'
    )
    xml = numbering(("decimal", "(%1)"), nums=nums)
    assert printed(xml, (1, 0), (1, 0), (2, 0), (3, 0), (3, 0)) == ["(1)", "(2)", "(3)", "(1)", "(2)"]


def test_articles_count_on_through_chapters_where_the_level_never_restarts():
    xml = numbering(("decimal", "第%1章"), ("decimal", "第%2条")).replace(
        '<w:lvlText w:val="第%2条"/>', '<w:lvlRestart w:val="0"/><w:lvlText w:val="第%2条"/>'
    )
    assert printed(xml, (1, 0), (1, 1), (1, 0), (1, 1)) == ["第1章", "第1条", "第2章", "第2条"]


def test_a_level_that_was_jumped_over_counts_as_its_first():
    xml = numbering(("decimal", "%1"), ("decimal", "%1.%2"))
    assert printed(xml, (1, 1), (1, 1)) == ["1.1", "1.2"]


def test_a_bullet_does_not_count_and_an_unknown_format_is_told():
    numbers = Numbers(etree.fromstring(numbering(("bullet", "\uf0b7"), ("hebrew1", "%2"))))
    bullet, strange = numbers.next("1", 0), numbers.next("1", 1)
    assert bullet is not None
    assert (bullet.text, bullet.bullet) == ("・", True)
    assert strange is not None
    assert (strange.text, strange.unknown) == ("1", "hebrew1")


def test_a_numbering_that_the_file_does_not_define_prints_nothing():
    assert Numbers(None).next("7", 0) is None
    assert Numbers(etree.fromstring(numbering(("decimal", "%1")))).next("1", 8) is None


def test_a_list_may_be_defined_by_a_numbering_style():
    extra = '<w:abstractNum w:abstractNumId="5"><w:numStyleLink w:val="List"/></w:abstractNum>'
    nums = '<w:num w:numId="2"><w:abstractNumId w:val="5"/></w:num>'
    numbers = Numbers(etree.fromstring(numbering(("decimal", "第%1"), nums=nums, extra=extra)), {"List": "1"})
    found = numbers.next("2", 0)
    assert found is not None
    assert found.text == "第1"
