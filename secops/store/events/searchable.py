"""The two columns that the lake adds when it writes, so that a search need not fold or take apart a million rows.

``TEXT`` holds the folded text of all values of the event, `SEPARATOR` between them: a bare word is one ``contains``.

``FOLDED`` holds what SQL could not tell from the value itself, as a JSON object *field → list of folded texts*: values
whose folded form is not just ``lower(value)`` (full-width letters, half-width kana, ß), and in EXTRA the arrays,
objects and numbers that have another text or none. It is null for nearly all rows.
"""

from __future__ import annotations

import atexit
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

import duckdb
import orjson
import polars as pl

from secops.query.fields import NOT_SEARCHED, SEPARATOR, text_of
from secops.schema.frame import EXTRA
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
    if EXTRA in frame.columns:
        frame = frame.with_columns(_objects_only(frame[EXTRA]))
    typed = frame.select(name for name, kind in frame.schema.items() if _searched(name, kind))
    joined = [_joined(name, kind) for name, kind in typed.schema.items()]
    parts = {"typed": pl.concat_str(joined, separator=SEPARATOR, ignore_nulls=True)}
    if EXTRA in frame.columns:
        parts["extra"] = pl.lit(_extra_texts(frame[EXTRA]))
    made = frame.with_columns(**parts).with_columns(
        pl.concat_str(list(parts), separator=SEPARATOR, ignore_nulls=True).alias(TEXT)
    )
    texts, folded = made[TEXT].str.to_lowercase(), pl.Series(FOLDED, [None], pl.String).new_from_index(0, made.height)
    odd = _odd_rows(made)
    if len(odd):
        extras = made[odd][EXTRA] if EXTRA in frame.columns else [None] * len(odd)
        by_hand = [_by_hand(typed, *row) for row in zip(odd, made[odd]["typed"], extras, strict=True)]
        texts = texts.scatter(odd, pl.Series([text for text, _folded in by_hand], dtype=pl.String))
        folded = folded.scatter(odd, pl.Series([one for _text, one in by_hand], dtype=pl.String))
    return frame.with_columns(texts.alias(TEXT), folded.alias(FOLDED))


def _searched(name: str, kind: pl.DataType) -> bool:
    texts = isinstance(kind, pl.List | pl.String | pl.Int64 | pl.Float64 | pl.Boolean)
    return texts and name not in NOT_SEARCHED and name != EXTRA


def _joined(name: str, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.List):
        # An empty list has no text; null keeps it out of the row.
        return pl.when(pl.col(name).list.len() > 0).then(
            pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(SEPARATOR)
        )
    return pl.col(name).cast(pl.String)


def _objects_only(extra: pl.Series) -> pl.Series:
    """EXTRA with null for what is no JSON object: one such value would break every later search in its file."""
    escaped = extra.str.contains(_ESCAPES).fill_null(value=False)
    if escaped.any():
        again = [orjson.dumps(extra_fields(text)).decode() for text in extra.filter(escaped)]
        extra = extra.scatter(escaped.arg_true(), again)
    return _asked(extra, "CASE WHEN json_valid(e) AND json_type(e) = 'OBJECT' THEN e END")


def _extra_texts(extra: pl.Series) -> pl.Series:
    """The values in EXTRA, joined; right for objects of plain scalars (the others are made by hand)."""
    return _asked(extra, f"array_to_string(json_extract_string(e, '$.*'), chr({ord(SEPARATOR)}))")


def _asked(extra: pl.Series, expression: str) -> pl.Series:
    """DuckDB's answer for each value ``e``: its JSON reader is much faster than a loop in Python."""
    with _duckdb().cursor() as connection:
        connection.register("rows", extra.rename("e").to_frame().to_arrow())
        found = pl.from_arrow(connection.sql(f"SELECT {expression} AS e FROM rows").to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found["e"].rename(extra.name)


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """One empty database for the process: making one costs more than a small frame's answer."""
    return duckdb.connect(config={"threads": 1})


atexit.register(_duckdb.cache_clear)  # a connection alive at exit makes the binding write about leaks


def _odd_rows(frame: pl.DataFrame) -> pl.Series:
    """Numbers of the rows that need Python: text whose lower case may not be its folded text, odd values in EXTRA."""
    odd = _beyond_ascii(frame[TEXT])
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Float64):
            odd |= pl.col(name).is_not_null()
    if EXTRA in frame.columns:
        odd |= pl.col(EXTRA).str.contains(_ODD)
    return frame.select(pl.arg_where(odd.fill_null(value=False)).alias("row"))["row"]


def _beyond_ascii(texts: pl.Series) -> pl.Expr:
    """Which texts hold characters for which lower case and folding differ; ``®`` and kanji are none.

    Only what is beyond ASCII in each text is looked at, once per distinct rest. A combining mark may join with the
    letter that was taken away in front of it.
    """
    wide = texts.str.len_bytes() != texts.str.len_chars()
    if not wide.any():
        return pl.lit(value=False)
    rests = pl.select(pl.when(wide).then(pl.lit(texts).str.replace_all(r"[\x00-\x7f]+", ""))).to_series()
    differ = [rest for rest in rests.unique().drop_nulls().to_list() if _differs(rest) or _has_mark(rest)]
    return pl.lit(rests).is_in(differ) if differ else pl.lit(value=False)


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
