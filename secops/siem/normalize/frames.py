"""From columns of Python values to the frame that `secops.schema.frame` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, repeat
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from secops.schema import ecs
from secops.schema.frame import EXTRA, PIPELINE_ERROR
from secops.siem.normalize import values
from secops.siem.normalize.given import Input

_TEXT = values.Memo(values.text)


def series(name: str, column: list[Any]) -> pl.Series:
    """A column of Python values as a Series of the column's dtype.

    A name without an ECS column becomes String, or List(String) where any row holds a list (see
    `secops.schema.frame`); other values are written as `values.text` does.
    """
    if name == EXTRA:
        return _objects(column)
    kind = ecs.dtype(name)
    if kind == pl.List:
        return _lists(name, column)
    if kind != pl.String:
        return pl.Series(name, column, dtype=kind, strict=False)
    try:
        if column and column[0] is None:
            # polars looks for the first value in Python; an empty text in front saves it a walk over all the nulls.
            return pl.Series(name, ["", *column], dtype=pl.String, strict=True).slice(1)
        return pl.Series(name, column, dtype=pl.String, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        pass
    if name in ecs.COLUMNS:
        return pl.Series(name, _TEXT.all(column), dtype=pl.String)
    plain = [values.texts(value) for value in column]
    if any(isinstance(value, list) for value in plain):
        return _lists(name, [[value] if isinstance(value, str) else value for value in plain])
    return pl.Series(name, plain, dtype=pl.String)


def _lists(name: str, column: Sequence[list[str] | None]) -> pl.Series:
    """A List(String) column; by way of Arrow, since polars takes 13 µs for every list it is given."""
    kept = [one for one in column if one is not None]
    if not kept:
        return pl.Series(name, [None], dtype=pl.List(pl.String)).new_from_index(0, len(column))
    found = pl.Series(name, _Arrow(pa.array(kept, type=pa.large_list(pa.large_string()))))
    if len(kept) < len(column):
        place = count()
        found = found.gather(pl.Series([one if one is None else next(place) for one in column], dtype=pl.UInt32))
    return found.alias(name)


class _Arrow:
    """An Arrow array as polars takes it without loading `pyarrow.compute`, which is a twentieth of a second."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def __arrow_c_array__(self, requested: object = None) -> tuple[object, object]:
        pair: tuple[object, object] = self._array.__arrow_c_array__(requested)
        return pair


class Wide:
    """Columns that grow by groups of rows; a column that a group lacks is null there.

    Groups come in any order of the original records; `frame` puts the rows back into theirs. One padded Python list per
    column and one gather at the end: small DataFrames per shape and a diagonal concat, and a gather per set of groups,
    both took more than twice as long.
    """

    def __init__(self) -> None:
        self._cells: dict[str, list[Any]] = {}
        self._order: list[int] = []
        self._group_of_row: list[int] = []
        self._constants: list[dict[str, Any]] = []

    def group(self, indexes: Sequence[int], columns: Mapping[str, Sequence[Any]], constants: dict[str, Any]) -> None:
        """Add rows: their places in the batch, their columns, and values that all of them share."""
        start = len(self._order)
        for name, column in columns.items():
            held = self._cells.get(name)
            if held is None:
                held = self._cells[name] = []
            if missing := start - len(held):
                held.extend(repeat(None, missing))
            held.extend(column)
        self._order.extend(indexes)
        self._group_of_row.extend(repeat(len(self._constants), len(indexes)))
        self._constants.append(constants)

    def frame(self) -> pl.DataFrame:
        """All rows in the order of the records."""
        total = len(self._order)
        if not total:
            return pl.DataFrame()
        merged = {one.name: one for one in self._shared()}
        for name, cells in self._cells.items():
            if missing := total - len(cells):
                cells.extend(repeat(None, missing))
            one = series(name, cells)
            # What is known of the kind of event goes before what a single record says.
            known = merged.get(name)
            merged[name] = one if known is None else known.zip_with(known.is_not_null(), one)
        frame = pl.DataFrame(list(merged.values()))
        if len(self._constants) == 1 and self._order == list(range(total)):
            return frame
        return frame[pl.Series(self._order, dtype=pl.UInt32).arg_sort()]

    def _shared(self) -> list[pl.Series]:
        names = dict.fromkeys(name for one in self._constants for name in one)
        table = pl.DataFrame([series(name, [one.get(name) for one in self._constants]) for name in names])
        return table[pl.Series(self._group_of_row, dtype=pl.UInt32)].get_columns()


def failed(indexes: Sequence[int], texts: Sequence[str], messages: Sequence[str], module: str) -> tuple[Any, ...]:
    """The arguments of `Wide.group` for records that could not be read."""
    columns = {"event.original": texts, "error.message": messages}
    constants = {"event.kind": PIPELINE_ERROR, "event.module": module, "event.dataset": f"{module}.unparsed"}
    return indexes, columns, constants


def fit(name: str, column: Sequence[Any]) -> list[Any]:
    """Values of unknown origin for an ECS column: None where the type does not fit."""
    return values.CONVERSIONS[values.BY_TYPE[ecs.COLUMNS[name]]].all(column)


def settle_time(body: pl.DataFrame, given: Input) -> pl.DataFrame:
    """Give every row an ``@timestamp``: the receive time where the record has none, and say so."""
    received = pl.lit(given.received).cast(ecs.dtype("@timestamp"))
    if "@timestamp" not in body.columns:
        return body.with_columns(received.alias("@timestamp"), pl.lit("received").alias("labels.time_source"))
    if not body["@timestamp"].null_count():
        return body
    own = pl.col("labels.time_source") if "labels.time_source" in body.columns else pl.lit(None, dtype=pl.String)
    missing = pl.col("@timestamp").is_null()
    return body.with_columns(
        pl.when(missing).then(pl.lit("received")).otherwise(own).alias("labels.time_source"),
        pl.col("@timestamp").fill_null(received),
    )


def _objects(cells: list[bytes | None]) -> pl.Series:
    """JSON objects as the column EXTRA, without their nulls, an empty object being null.

    By way of Binary, which polars checks and copies eight times faster than it does Python strings.
    """
    column = pl.Series(EXTRA, cells, dtype=pl.Binary).cast(pl.String)
    doubtful = (column.str.contains("null", literal=True) | (column == "{}")).arg_true()
    if not len(doubtful):
        return column
    mended = []
    for text in column[doubtful]:
        kept = {name: value for name, value in orjson.loads(text).items() if value is not None}
        mended.append(values.dump(kept) if kept else None)
    return column.scatter(doubtful, pl.Series(mended, dtype=pl.String))
