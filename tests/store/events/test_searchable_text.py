"""The fast road of `searchable` gives what folding by hand gives, whatever the text."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.query.fields import text_of
from secops.schema.frame import EXTRA, EXTRA_TEXT
from secops.schema.names import SEPARATOR
from secops.schema.text import fold
from secops.siem.normalize.reading import normalize, normalize_apart
from secops.siem.ports import Origin, RecordBatch
from secops.store.events.searchable import FOLDED, TEXT, searchable

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


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6), st.sampled_from(TEXTS), st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(-9, 9), max_size=2),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(("Alpha", "Beta", 'Gam"ma\n', "Image")), VALUES), min_size=1, max_size=4)
)
def test_the_texts_that_a_normalizer_gives_are_those_of_extra(fields):
    channel = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1}
    records = [orjson.dumps({**channel, **one}) for one in fields]
    batch = RecordBatch("dc", 1, datetime(2026, 11, 26, tzinfo=UTC), Origin("file", "windows_json"), records)
    [frame], _parts = normalize_apart(batch, "ward", frozenset())
    [other] = normalize(batch, "ward", frozenset())  # which writes EXTRA in another way
    assert frame.drop(EXTRA_TEXT, strict=False).equals(other)

    def found(frame: pl.DataFrame) -> list[tuple[object, ...]]:
        made = searchable(frame)
        assert EXTRA_TEXT not in made.columns
        texts = [sorted(filter(None, text.split(SEPARATOR))) for text in made[TEXT]]
        return list(zip(texts, made[FOLDED], made[EXTRA] if EXTRA in made.columns else fields, strict=True))

    assert EXTRA_TEXT in frame.columns or EXTRA not in frame.columns or not any(fields)
    assert found(frame) == found(frame.drop(EXTRA_TEXT, strict=False))
    if EXTRA_TEXT in frame.columns:  # what was masked is taken from EXTRA again
        half = pl.Series(EXTRA_TEXT, [None, *frame[EXTRA_TEXT][1:]], pl.String)
        assert found(frame.with_columns(half)) == found(frame)


def test_what_is_no_object_is_left_out_and_does_no_harm():
    frame = pl.DataFrame({"user.name": ["a"] * 5, EXTRA: ['{"x":"E1"}', "[1]", "{broken", None, '"text"']})
    made = searchable(frame)
    assert made[EXTRA].to_list() == ['{"x":"E1"}', None, None, None, None]
    assert made[TEXT].to_list() == [SEPARATOR.join(("a", "e1")), "a", "a", "a", "a"]
