"""Between frames and events: what a store keeps of a frame, and how a stored row looks to readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
import polars as pl

from secops.schema.ecs import COLUMNS, dtype
from secops.schema.frame import EXTRA

_T = TypeVar("_T")


def kept(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of a frame that a store keeps (those of the schema and EXTRA), in the schema's order and types."""
    names = [name for name in COLUMNS if name in frame.columns]
    return frame.select(
        *(pl.col(name).cast(dtype(name)) for name in names),
        *([pl.col(EXTRA).cast(pl.String)] if EXTRA in frame.columns else []),
    )


def fresh(frame: pl.DataFrame, positions: Mapping[str, int]) -> pl.DataFrame:
    """The rows behind the committed position of their source."""
    if not positions or not frame.height:
        return frame
    done = pl.col("labels.source").replace_strict(
        list(positions), list(positions.values()), default=-1, return_dtype=pl.Int64
    )
    new = frame.select(pl.col("event.sequence") > done).to_series()
    return frame if new.all() else frame.filter(new)  # all columns are copied only after a crash


def events(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as flat events: EXTRA's fields beside the columns, absent values and empty lists left out."""
    return [event(row) for row in frame.iter_rows(named=True)]


def event(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as a flat event; a field in EXTRA that has a column's name is not read (no normalizer makes one)."""
    result = {name: value for name, value in row.items() if name != EXTRA and value is not None and value != []}
    fields = extra_fields(row.get(EXTRA)).items()
    return result | {name: value for name, value in fields if value is not None and value != [] and name not in COLUMNS}


def middle(before: Sequence[_T], after: Sequence[_T], limit: int) -> list[_T]:
    """At most so many of what is before a moment (the nearest first) and from then on, in order of time.

    Half from each side; what one side lacks, the other gives.
    """
    half = min(len(before), max(limit // 2, limit - len(after)))
    return [*reversed(before[:half]), *after[: limit - half]]


def extra_fields(text: str | None) -> dict[str, Any]:
    """The fields in an EXTRA value; what is not a JSON object has none."""
    if not text:
        return {}
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
