"""Log text on a page is seen, never executed, and never hides or reorders anything."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from secops.report.text import highlighted, plain, visible

TAGS = re.compile(r"</?(?:bdi|mark|span)(?: class=\"(?:ctl|faint)\")?>")


def test_markup_is_escaped():
    assert visible("<b>&\"'</b>") == "<bdi>&lt;b&gt;&amp;&#34;&#39;&lt;/b&gt;</bdi>"


def test_direction_override_and_controls_show_their_code_point():
    shown = visible("photo\u202egpj.exe\x00\x1b\u200b")
    for code in ("U+202E", "U+0000", "U+001B", "U+200B"):
        assert f'<span class="ctl">{code}</span>' in shown
    assert "\u202e" not in shown
    assert "\x00" not in shown


def test_japanese_names_with_variant_characters_stay_whole():
    assert visible("葛󠄀城市 渡邉󠄂").count("ctl") == 0


def test_a_long_value_says_what_was_cut():
    assert "先頭 10 文字。全 100,000 文字" in visible("あ" * 100_000, 10)


def test_lists_and_booleans_read_like_json():
    assert visible(["a", True, None, 3]) == "<bdi>a, true, , 3</bdi>"


def test_plain_keeps_no_unseen_character():
    assert plain("a\u202eb\ud800") == "a<U+202E>b<U+D800>"


def test_the_matching_part_is_marked_whatever_its_case():
    assert "<mark>-Enc</mark>" in highlighted("powershell -Enc AAA", "-enc", "contains")
    assert highlighted("abcdef", "ab*ef", "equals").count("<mark>") == 2


def test_what_cannot_be_located_is_marked_as_a_whole():
    assert highlighted("10.1.2.3", "10.0.0.0/8", "cidr").startswith("<mark>")
    assert highlighted("xyz", "abc", "equals").startswith("<mark>")


def test_highlighting_escapes_both_sides():
    shown = highlighted("<i>evil</i>", "evil", "contains")
    assert shown == "<bdi>&lt;i&gt;<mark>evil</mark></bdi><bdi>&lt;/i&gt;</bdi>"


@given(st.text(max_size=60), st.text(max_size=8), st.sampled_from(["contains", "equals", "re", "?"]))
def test_no_value_can_make_markup_of_its_own(value, pattern, operator):
    for shown in (visible(value), highlighted(value, pattern, operator)):
        rest = TAGS.sub("", str(shown))
        assert "<" not in rest
        assert ">" not in rest
        assert '"' not in rest
        str(shown).encode()
