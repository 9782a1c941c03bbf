"""The fast road of `searchable` gives what folding by hand gives, whatever the text."""

from __future__ import annotations

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.query.fields import SEPARATOR, text_of
from secops.schema.frame import EXTRA
from secops.schema.text import fold
from secops.store.events.searchable import TEXT, searchable

TEXTS = (
    "Microsoft® Windows®",
    "e\u0301",
    "ＡＢＣ",
    "ｶﾞ",
    "か\u3099",
    "ΑΣ",
    "ß",
    "™",
    "漢字 KANJI",
    "İ",
    "\u1112\u1161",
    "x: E1",
)
NUMBERS = (-9214364837600034816, 18446744073709551615, 1.5, 123456789.123456789, 1e300, 0.00001, 7, True)


def text_of_one(text: str, extra: object) -> str:
    frame = pl.DataFrame({"user.name": [text], EXTRA: [orjson.dumps({"a": extra}).decode()]})
    return str(searchable(frame)[TEXT][0])


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_folded(text: str):
    assert text_of_one(text, text) == fold(SEPARATOR.join((text, text)))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_extra_has_the_text_that_a_query_has(number: float):
    assert text_of_one("u", number) == fold(SEPARATOR.join(filter(None, ("u", text_of(number)))))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("aZ é\u0301®Σσßｶﾞﾟ㌔Ａ漢\u3099か゛:{[1e."), min_size=1, max_size=8))
def test_any_text_is_folded(text: str):
    assert text_of_one(text, text) == fold(SEPARATOR.join((text, text)))
