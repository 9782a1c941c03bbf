"""The reference of all stores: what a query means for one event."""

from __future__ import annotations

import pytest

from secops.query.evaluate import matches
from secops.query.tree import Between


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("source.bytes", -(10**18), True),  # nineteen digits, but in a column of numbers
        ("source.bytes", 5, True),
        ("source.bytes", 6, False),
        ("winlog.event_data.Size", "-1000000000000000000", False),  # a text that is too long to read as a number
        ("winlog.event_data.Size", "5", True),
    ],
)
def test_a_number_is_one_whatever_its_size_and_a_text_up_to_eighteen_digits(field, value, found):
    assert matches(Between(field, None, "5"), {field: value}) is found
