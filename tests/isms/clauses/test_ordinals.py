"""Numbers as Japanese papers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.ordinals import circled, kanji, letters, roman, value


@pytest.mark.parametrize(
    ("number", "text"), [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (101, "百一"), (1110, "千百十")]
)
def test_kanji_are_written_without_a_one_before_ten(number, text):
    assert kanji(number) == text


@given(st.integers(1, 9999))
def test_what_is_written_in_kanji_is_read_as_the_same_number(number):
    assert value(kanji(number)) == number


@given(st.integers(1, 50))
def test_a_circled_digit_is_read_as_its_number(number):
    assert value(circled(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("\uff11\uff12", 12), ("二〇", 20), ("十", 10), ("", None), ("二二十", None), ("条", None)],
)
def test_digits_of_every_width_are_read_and_nothing_else(text, number):
    assert value(text) == number


def test_letters_and_roman_numerals_count_as_word_does():
    assert [letters(one) for one in (1, 26, 27)] == ["a", "z", "aa"]
    assert [roman(one) for one in (4, 9, 14, 40)] == ["iv", "ix", "xiv", "xl"]
