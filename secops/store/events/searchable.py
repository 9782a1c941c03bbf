"""The two columns that the lake adds when it writes, so that a search need not fold or take apart a million rows.

``TEXT`` holds the folded text of all values of the event, `SEPARATOR` between them: a bare word is one ``contains``.

``FOLDED`` holds what SQL could not tell from the value itself, as a JSON object *field → list of folded texts*: values
whose folded form is not just ``lower(value)`` (full-width letters, half-width kana, ß), and in EXTRA the arrays,
objects and numbers that have another text or none. It is null for nearly all rows.
"""

from __future__ import annotations

from collections.abc import Iterable
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

_ODD = r":\s*([\[{]|-?[0-9.]*[eE]|-?[0-9.]{16}|-?0\.0000)"
"""In EXTRA: arrays, objects, exponents, long numbers, tiny fractions (or, harmlessly, text that looks like them)."""

_ESCAPES = r"\\[u/]"
"""JSON may hide a plain character behind these; a search for a key must find it as it is."""

_UPPER = str.maketrans({chr(65 + i): chr(97 + i) for i in range(26)})


def searchable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with TEXT and FOLDED, and EXTRA left out where it is not a JSON object."""
    if EXTRA in frame.columns:
        frame = frame.with_columns(_objects_only(frame[EXTRA]))
    names = [name for name in frame.columns if _searched(frame, name)]
    parts = [_joined(frame, name) for name in names]
    if EXTRA in frame.columns:
        parts.append(pl.lit(_extra_texts(frame[EXTRA])))
    plain = pl.concat_str(parts, separator=SEPARATOR, ignore_nulls=True)
    result = frame.with_columns(plain.alias(TEXT), pl.lit(None, pl.String).alias(FOLDED))
    odd = _odd_rows(result)
    lowered = result.with_columns(pl.col(TEXT).str.to_lowercase())
    if odd.is_empty():
        return lowered
    rows = frame[odd].select(*names, *([EXTRA] if EXTRA in frame.columns else [])).iter_rows(named=True)
    made = [_by_hand(row) for row in rows]
    patch = pl.DataFrame(
        {"row": odd, TEXT: [text for text, _odd in made], FOLDED: [odd for _text, odd in made]},
        schema={"row": pl.UInt32, TEXT: pl.String, FOLDED: pl.String},
    )
    return lowered.with_row_index("row").update(patch, on="row").drop("row")


def _searched(frame: pl.DataFrame, name: str) -> bool:
    kind = frame.schema[name]
    texts = isinstance(kind, pl.List | pl.String | pl.Int64 | pl.Float64 | pl.Boolean)
    return texts and name not in NOT_SEARCHED and name != EXTRA


def _joined(frame: pl.DataFrame, name: str) -> pl.Expr:
    if isinstance(frame.schema[name], pl.List):
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
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", extra.rename("e").to_frame().to_arrow())
        found = pl.from_arrow(connection.sql(f"SELECT {expression} AS e FROM rows").to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found["e"].rename(extra.name)


def _odd_rows(frame: pl.DataFrame) -> pl.Series:
    """Numbers of the rows that need Python: text beyond ASCII, or odd values in EXTRA."""
    odd = pl.col(TEXT).str.len_bytes() != pl.col(TEXT).str.len_chars()
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Float64):
            odd |= pl.col(name).is_not_null()
    if EXTRA in frame.columns:
        odd |= pl.col(EXTRA).str.contains(_ODD)
    return frame.select(pl.arg_where(odd.fill_null(value=False)).alias("row"))["row"]


def _by_hand(row: dict[str, Any]) -> tuple[str, str | None]:
    """TEXT and FOLDED of one row."""
    extra = row.pop(EXTRA, None)
    texts: list[str] = []
    odd: dict[str, list[str]] = {}
    for name, value in row.items():
        found = [fold(text) for text in _texts(value)]
        texts += found
        if any(map(_differs, _texts(value))):
            odd[name] = found
    for name, value in extra_fields(extra).items():
        found = [fold(text) for text in _texts(value)]
        texts += found
        scalar = isinstance(value, str | bool) or value is None or (isinstance(value, int) and found)
        if not scalar or any(map(_differs, _texts(value))):
            odd[name] = found
    return SEPARATOR.join(texts), orjson.dumps(odd).decode() if odd else None


def _texts(value: Any) -> Iterable[str]:
    for one in value if isinstance(value, list) else (value,):
        if (text := text_of(one)) is not None:
            yield text


def _differs(text: str) -> bool:
    """Whether ``lower(text)`` in SQL might not be the folded text."""
    if text.isascii():
        return False
    folded = fold(text)
    return not (folded == text.lower() == text.translate(_UPPER))
