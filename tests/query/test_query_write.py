"""What a click adds to a search is read back as what was clicked."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from secops.query.evaluate import matches
from secops.query.parse import parse
from secops.query.write import either, narrowed, term

NOW = datetime(2026, 11, 23, tzinfo=UTC)
values = st.text(max_size=40) | st.integers(-(10**9), 10**9) | st.booleans()


@given(values)
@example('C:\\Windows\\"x"\\\\n')
@example("\\\\fs01\\共有\\a*?.xlsx")
@example("a OR b")
@example("10.0.0.0/8")
def test_a_clicked_value_is_found_again(value):
    text = term("process.name", value)
    assert text or value == "" or not str(value).isprintable()
    if text:
        assert matches(parse(text, NOW), {"process.name": value})
        assert not matches(parse(f"NOT {text}", NOW), {"process.name": value})
        assert not matches(parse(text, NOW), {"process.name": f"{value}x"})


def test_what_could_not_be_read_back_is_not_offered():
    assert term("skysea.操作", "x") == term("a b", "x") == term("process.name", "x" * 301) == ""
    assert term("process.name", ["a"]) == term("process.name", None) == term("process.name", "a\nb") == ""


def test_conditions_join_what_was_typed():
    assert narrowed("a OR b", 'x:"1"') == '(a OR b) x:"1"'
    assert narrowed("  ", 'x:"1"') == 'x:"1"'
    assert narrowed("a" * 9_999, 'x:"1"') == ""
    assert either('a:"1"', "", 'b:"2"') == 'a:"1" OR b:"2"'
