"""Ids of clauses: what stands above what, also where the id is none of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.ids import above, is_below


def test_up_to_the_chapter():
    assert above("mic-2025-03-6.1-6") == "mic-2025-03-6.1"
    assert above("mic-2025-03-6") == ""
    assert is_below("mic-2025-03-6.1-6", "mic-2025-03-6")
    assert not is_below("mic-2025-03-6.1-6", "mic-2025-03-7")


@pytest.mark.parametrize("text", ["a-b", "-", "..", "taisaku-a12", "{{7*7}}-x", ""])
def test_what_is_no_clause_id_has_nothing_above(text):
    assert above(text) == ""
    assert not is_below(text, "mic-2025-03-6")


@given(st.text(max_size=30))
def test_no_text_is_climbed_for_ever(text):
    assert not is_below(text, "nothing")
