"""The two columns that the lake adds when it writes, so that a search need not fold or take apart a million rows.

``TEXT`` holds the folded text of all values of the event, `SEPARATOR` between them: a bare word is one ``contains``.

``FOLDED`` holds what SQL could not tell from the value itself, as a JSON object *field → list of folded texts*: values
whose folded form is not just ``lower(value)`` (full-width letters, half-width kana, ß), and in EXTRA the arrays,
objects and numbers that have another text or none. It is null for nearly all rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import orjson
import polars as pl

from secops.query.fields import NOT_SEARCHED, text_of
from secops.schema.frame import EXTRA, EXTRA_TEXT
from secops.schema.names import SEPARATOR
from secops.schema.text import fold
from secops.store.events.rows import extra_fields

TEXT = "secops.text"
FOLDED = "secops.folded"

_ODD = r'":\s*(?:[\[{]|-?[0-9]+(?:\.[0-9]+)?[eE]|-?[0-9]{20}|-?[0-9]{8,}\.|-?[0-9]+\.[0-9]{7}|-?0\.0000)'
"""In EXTRA: arrays, objects, exponents, integers beyond 64 bits, fractions of 16 digits, tiny fractions (or,
harmlessly, text that looks like them)."""

_ESCAPES = r"\\[u/]"
"""JSON may hide a plain character behind these; a search for a key must find it as it is."""


def searchable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with TEXT and FOLDED, and EXTRA left out where it is not a JSON object."""
    extra = texts_of_extra = None
    odd_extra = pl.Series([], dtype=pl.UInt32)
    if EXTRA in frame.columns:
        given = frame[EXTRA_TEXT] if EXTRA_TEXT in frame.columns else None
        extra, texts_of_extra, odd_extra = _extra_and_texts(frame[EXTRA], given)
        frame = frame.with_columns(extra).drop(EXTRA_TEXT, strict=False)
    typed = frame.select(column for column in frame if _searched(column))
    whole = _row_texts(typed, texts_of_extra)
    texts, folded = whole.str.to_lowercase(), pl.Series(FOLDED, [None], pl.String).new_from_index(0, frame.height)
    odd = _odd_rows(whole, typed, odd_extra)
    if len(odd):
        extras = [None] * len(odd) if extra is None else extra[odd]
        by_hand = [_by_hand(typed, *row) for row in zip(odd, _row_texts(typed[odd]), extras, strict=True)]
        texts = texts.scatter(odd, pl.Series([text for text, _folded in by_hand], dtype=pl.String))
        folded = folded.scatter(odd, pl.Series([one for _text, one in by_hand], dtype=pl.String))
    return frame.with_columns(texts.alias(TEXT), folded.alias(FOLDED))


def _row_texts(typed: pl.DataFrame, more: pl.Series | None = None) -> pl.Series:
    """The values of each row, joined, with one ``more`` text behind them."""
    joined = list(map(_joined, typed.get_columns()))
    if more is not None:
        joined.append(pl.lit(more))
    if not joined:
        return pl.Series([""]).new_from_index(0, typed.height)
    return typed.select(pl.concat_str(joined, separator=SEPARATOR, ignore_nulls=True)).to_series()


def _searched(column: pl.Series) -> bool:
    texts = isinstance(column.dtype, pl.List | pl.String | pl.Int64 | pl.Float64 | pl.Boolean)
    return texts and column.name not in NOT_SEARCHED and column.name != EXTRA and column.null_count() < len(column)


def _joined(column: pl.Series) -> pl.Expr:
    if not isinstance(column.dtype, pl.List):
        return pl.col(column.name).cast(pl.String)
    items = pl.col(column.name)
    if column.dtype.inner != pl.String:
        items = items.list.eval(pl.element().cast(pl.String))
    # An empty list has no text; null keeps it out of the row.
    return pl.when(pl.col(column.name).list.len() > 0).then(items.list.join(SEPARATOR))


def _extra_and_texts(extra: pl.Series, given: pl.Series | None) -> tuple[pl.Series, pl.Series, pl.Series]:
    """EXTRA with null for what is no JSON object, its values, joined, and the rows with odd values.

    What is ``given`` of the second is known to be right (`secops.schema.frame`), so these rows are not looked at. One
    value that is no JSON would break every later search in its file. The texts made here are right for objects of
    plain scalars; the others are made by hand.
    """
    texts = pl.Series(EXTRA_TEXT, [None], pl.String).new_from_index(0, len(extra)) if given is None else given
    unknown = (texts.is_null() & extra.is_not_null()).arg_true()
    if not len(unknown):
        return extra, texts, unknown
    some = extra[unknown]
    escaped = some.str.contains(_ESCAPES)
    if escaped.any():
        again = [orjson.dumps(extra_fields(text)).decode() for text in some.filter(escaped)]
        some = some.scatter(escaped.arg_true(), again)
    found = [_plain_texts(text) for text in some]
    some = pl.select(pl.when(pl.Series([text is not None for text in found])).then(some)).to_series()
    odd = unknown.filter(some.str.contains(_ODD).fill_null(value=False))
    return extra.scatter(unknown, some), texts.scatter(unknown, pl.Series(found, dtype=pl.String)), odd


def _plain_texts(text: str) -> str | None:
    """The values of an object of plain scalars, joined; None for what is no object."""
    try:
        fields = orjson.loads(text)
        return SEPARATOR.join([one if one.__class__ is str else text_of(one) or "" for one in fields.values()])
    except (orjson.JSONDecodeError, AttributeError):
        return None


def _odd_rows(whole: pl.Series, typed: pl.DataFrame, odd_extra: pl.Series) -> pl.Series:
    """Numbers of the rows that need Python: text whose lower case may not be its folded text, odd values in EXTRA."""
    found = [_beyond_ascii(whole), odd_extra]
    found += [column.is_not_null().arg_true() for column in typed if isinstance(column.dtype, pl.Float64)]
    return pl.concat(rows.alias("row") for rows in found).unique().sort()


def _beyond_ascii(texts: pl.Series) -> pl.Series:
    """The rows with characters for which lower case and folding differ; ``®`` and kanji are none.

    Only the runs beyond ASCII are looked at, each distinct one once. What stands in front of a run joins with it only
    where the run has a combining mark.
    """
    wide = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    runs = texts[wide].str.extract_all(r"[^\x00-\x7f]+")
    differ = [run for run in runs.explode().unique().to_list() if _differs(run) or _has_mark(run)]
    return wide.filter(runs.list.eval(pl.element().is_in(differ)).list.any()) if differ else wide.clear()


def _by_hand(typed: pl.DataFrame, row: int, text: str, extra: str | None) -> tuple[str, str | None]:
    """TEXT and FOLDED of one row; ``text`` is that of its typed columns. Called for every row that is not ASCII."""
    folded: dict[str, list[str]] = {}
    if _differs(text):
        for name, value in typed.row(row, named=True).items():
            if any(map(_differs, _texts(value))):
                folded[name] = [fold(one) for one in _texts(value)]
    texts = [text]
    for name, value in extra_fields(extra).items():
        if value.__class__ is str:
            texts.append(value)
            if not value.isascii() and _differs(value):
                folded[name] = [fold(value)]
        elif value is not None:
            found = list(_texts(value))
            texts += found
            if not found or value.__class__ not in {int, bool}:
                folded[name] = [fold(one) for one in found]
    # No character joins with the separator, so the folded whole is the folded parts.
    return fold(SEPARATOR.join(texts)), orjson.dumps(folded).decode() if folded else None


def _texts(value: Any) -> Iterable[str]:
    for one in value if isinstance(value, list) else (value,):
        if (text := text_of(one)) is not None:
            yield text


def _differs(text: str) -> bool:
    """Whether ``lower(text)`` in SQL might not be the folded text: it must be so even if only A-Z were lowered."""
    if text.isascii():
        return False
    folded = fold(text)
    return not (folded == text.lower() and folded.encode() == text.encode().lower())


def _has_mark(text: str) -> bool:
    return any(unicodedata.category(char)[0] == "M" for char in text)
