"""Columns of a frame as text, dictionaries and row keys: the vectorised half of matching, which knows no rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
import polars as pl

from secops.schema.frame import EXTRA

_KEY_LIMIT = 1 << 62
# Not what a log says but what we say about it: a keyword is not looked for there.
_OURS = frozenset(
    {"@timestamp", "event.original", "log.file.path"}
    | {f"event.{name}" for name in ("id", "sequence", "ingested", "created", "kind", "module", "dataset")}
    | {f"event.{name}" for name in ("category", "type", "outcome")}
)
_OUR_FAMILIES = ("labels.", "ecs.", "related.")


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as a dictionary: ``codes`` (row → index into ``values``, null for missing), and the distinct values.

    A value is a text, or a tuple of texts for an array (any element may meet a predicate).
    """

    codes: pl.Series
    values: Sequence[str | tuple[str, ...]]


def as_text(column: pl.Series) -> pl.Series:
    """A column as String, or List(String): decimal numbers, ``true``/``false``, moments in ISO 8601 and UTC."""
    kind = column.dtype
    if kind == pl.String:
        return column
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    if isinstance(kind, pl.List):
        return column.cast(pl.List(pl.String()))
    if kind == pl.Null:
        return column.cast(pl.String())
    return column.cast(pl.String())


def encode(column: pl.Series) -> Coded | None:
    """The dictionary of a column, or None where every row is missing it. An empty array counts as missing."""
    if column.null_count() == len(column):
        return None
    text = as_text(column)
    if isinstance(text.dtype, pl.List):
        return _encode_tuples(tuple(item for item in row if item is not None) if row else () for row in text.to_list())
    return _encode_texts(text)


def encode_extra(column: pl.Series) -> Coded | None:
    """The dictionary of `EXTRA`: each row's JSON object as the tuple of the texts in it."""
    if column.null_count() == len(column):
        return None
    return _encode_tuples(tuple(_texts_of_json(row)) if row else () for row in column.to_list())


def _encode_texts(text: pl.Series) -> Coded:
    # pyarrow's dictionary costs a third of a polars unique-and-join.
    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    codes = pl.Series(array.indices)
    return Coded(codes, array.dictionary.to_pylist())


def _encode_tuples(rows: Iterable[tuple[str, ...]]) -> Coded | None:
    index: dict[tuple[str, ...], int] = {}
    codes = [index.setdefault(row, len(index)) if row else None for row in rows]
    return Coded(pl.Series(codes, dtype=pl.Int32()), list(index)) if index else None


def _texts_of_json(document: str) -> Iterable[str]:
    try:
        pending = [orjson.loads(document)]
    except orjson.JSONDecodeError:
        yield document
        return
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))
        elif isinstance(item, bool):
            yield str(item).lower()
        elif item is not None:
            yield str(item)


def pick(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """The first of the columns that has a value, row by row; None where the frame has none of them."""
    present = [name for name in names if name in frame.columns]
    if not present:
        return None
    if len(present) == 1:
        return frame[present[0]]
    kept = [column for name in present if (column := frame[name]).null_count() < frame.height]
    if len(kept) <= 1:
        return kept[0] if kept else None
    texts = [as_text(column) for column in kept]
    if any(isinstance(text.dtype, pl.List) for text in texts):
        texts = [text if isinstance(text.dtype, pl.List) else _as_list(text) for text in texts]
    return pl.select(pl.coalesce(*texts)).to_series()


def _as_list(text: pl.Series) -> pl.Series:
    return pl.Series([None if item is None else [item] for item in text], dtype=pl.List(pl.String()))


def text_columns(frame: pl.DataFrame) -> list[str]:
    """The columns in which a keyword may occur: what a log says, field by field."""
    return [
        name for name in frame.columns if name not in _OURS and name != EXTRA and not name.startswith(_OUR_FAMILIES)
    ]


def group_rows(columns: Sequence[tuple[pl.Series, int]], height: int) -> tuple[list[list[int]], pl.Series]:
    """Rows that agree in all columns, exactly (no hashing): for each group its codes by column, and its row numbers.

    A column is (codes from 0, number of codes). Returns the codes of each group and a List series of row numbers.
    """
    rows = pl.int_range(height, dtype=pl.UInt32(), eager=True)
    if not columns:
        return [[]], pl.Series([rows.to_list()], dtype=pl.List(pl.UInt32()))
    key, size = columns[0][0].cast(pl.UInt64()), columns[0][1]
    for codes, count in columns[1:]:
        if size * count >= _KEY_LIMIT:
            key = key.rank("dense").cast(pl.UInt64()) - 1
            size = height
        key = key * count + codes.cast(pl.UInt64())
        size *= count
    grouped = pl.DataFrame({"key": key, "row": rows}).group_by("key").agg("row")["row"]
    first = grouped.list.first()
    by_column = [codes.gather(first).to_list() for codes, _count in columns]
    return [list(group) for group in zip(*by_column, strict=True)], grouped
