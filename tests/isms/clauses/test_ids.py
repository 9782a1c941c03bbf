from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.ids import above, is_below


def test_a_clause_stands_below_those_its_id_names():
    assert above("mic-2025-03-6.1-6") == "mic-2025-03-6.1"
    assert is_below("mic-2025-03-6.1-6", "mic-2025-03-6")
    assert not is_below("mic-2025-03-6", "mic-2025-03-6.1")


@given(st.text(alphabet="mic-2025.<3\u202e") | st.sampled_from(["a-b", "-", "--", "a-0000-00-0-"]))
def test_whatever_stands_in_a_rule_the_way_up_ends(text):
    """A rule names clauses as its author typed them: no text may keep a page busy for ever."""
    assert not is_below(text, "no clause")
