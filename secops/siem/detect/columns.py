"""Columns of a frame as text, dictionaries and row keys: the vectorised half of matching, which knows no rules.

Arrow, not polars, does the work on codes: these are many small steps (classes × fields × batches), and an Arrow kernel
costs a tenth of a polars expression there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from secops.schema.frame import EXTRA

Columns = tuple[str, ...]  # the columns of a field, in order of preference
Value = str | tuple[str, ...]  # a text, or the texts of an array
Rows = Any  # pyarrow integer array of row numbers; None for all rows

_KEY_LIMIT = 1 << 62
_ZERO = pa.scalar(0, pa.int64())
# A \\uXXXX in JSON: the backslash before the u is not itself escaped (as it is in "C:\\\\users").
JSON_ESCAPE = r"(?:^|[^\\])(?:\\\\)*\\[uU]"
_MANY = 16
_FEW = 50  # a class with less than this part of the rows does not pay for a search over all of them
_LONG = 200  # bytes a value, on average
# Not what a log says but what we say about it: a keyword is not looked for there.
_OURS = frozenset(
    {"@timestamp", "event.original", "log.file.path"}
    | {f"event.{name}" for name in ("id", "sequence", "ingested", "created", "kind", "module", "dataset")}
    | {f"event.{name}" for name in ("category", "type", "outcome")}
)
_OURS_BEGIN = ("labels.", "ecs.", "related.")


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as a dictionary: ``codes`` (Arrow int32: row → index of its value, null for missing) and the values."""

    codes: Any
    values: Sequence[Value]

    def part(self, rows: Rows) -> Coded | None:
        """Only some rows, with only their values; None where all of them are missing it."""
        if rows is None:
            return self
        codes = self.codes.take(rows)
        if codes.null_count == len(codes):
            return None
        if len(self.values) <= _MANY:
            return Coded(codes, self.values)
        dictionary = codes.dictionary_encode()
        values = self.values
        return Coded(dictionary.indices, [values[index] for index in dictionary.dictionary.to_pylist()])

    def translate(self, numbers: Sequence[int]) -> Any:
        """A number for each row: that of its value, 0 where it is missing (Arrow int64)."""
        found = pa.array(numbers, type=pa.int64()).take(self.codes)
        return pc.fill_null(found, _ZERO) if found.null_count else found


class Table:
    """A frame whose columns are turned into dictionaries once, when somebody first asks."""

    def __init__(self, frame: pl.DataFrame, gate: Callable[[Table], list[str]] | None = None) -> None:
        self.frame = frame
        self._gate = gate
        self._open: list[str] | None = None
        self._names = {name for name in frame.columns if frame[name].null_count() < frame.height}
        self._coded: dict[Columns, Coded | None] = {}
        self._lowered: dict[str, pl.Series] = {}
        self._found: dict[tuple[str, str], Any] = {}  # column and pattern → where it may occur (Arrow booleans)

    def field(self, columns: Columns) -> Coded | None:
        """A field: the first of its columns that has a value, row by row. None where no row has one."""
        if columns not in self._coded:
            if columns == (EXTRA,):
                rows = self.frame[EXTRA].to_list()
                self._coded[columns] = _encode_tuples(tuple(texts_of_json(row)) if row else () for row in rows)
            else:
                column = pick(self.frame, [name for name in columns if name in self._names])
                self._coded[columns] = None if column is None else encode(column)
        return self._coded[columns]

    def keyword_columns(self) -> list[str]:
        """The columns in which some keyword of the rulebook may occur; all texts, where no gate was given."""
        if self._open is None:
            self._open = self._gate(self) if self._gate else self.texts()
        return self._open

    def texts(self) -> list[str]:
        """The columns with what a log says: where a keyword may occur."""
        return [name for name in self.frame.columns if name in self._names and is_spoken(name)]

    def is_long(self, name: str) -> bool:
        """Whether a column has texts so long that they hardly repeat, and are cheaper to search than to number."""
        column = self.frame[name]
        return column.dtype == pl.String and column.estimated_size() > _LONG * self.frame.height

    def rows_with(self, name: str, pattern: str, rows: Rows) -> Coded | None:
        """A text column, without the rows in which a pattern (over ASCII in lower case) surely does not occur."""
        likely = self._likely(name, pattern, rows)
        if likely is None:
            return None
        column = self.frame[name] if rows is None else self.frame[name].gather(pl.Series(rows))
        column = pl.select(pl.when(likely).then(column)).to_series()
        if name == EXTRA:
            return _encode_tuples(tuple(texts_of_json(row)) if row else () for row in column.to_list())
        return encode(column)

    def _likely(self, name: str, pattern: str, rows: Rows) -> pl.Series | None:
        """In which of the rows a pattern may occur; None for nowhere. Most classes of events share one pattern."""
        whole = self._found.get((name, pattern))
        if whole is None:
            lowered = self._searchable(name)
            if rows is not None and len(rows) * _FEW < self.frame.height:
                found = lowered.gather(pl.Series(rows)).str.contains(pattern).fill_null(value=True)
                return found if found.any() else None
            whole = lowered.str.contains(pattern).fill_null(value=True).to_arrow()
            self._found[name, pattern] = whole
        part = whole if rows is None else whole.take(rows)
        return pl.Series(part) if pc.any(part).as_py() else None

    def _searchable(self, name: str) -> pl.Series:
        """A text column in lower case; null where lower case is not enough to tell (beyond ASCII, escapes in JSON)."""
        if name not in self._lowered:
            column = pl.lit(self.frame[name])
            odd = column.str.len_bytes() != column.str.len_chars()
            if name == EXTRA:
                odd |= column.str.contains(JSON_ESCAPE)
            lowered = pl.when(column.is_null()).then(pl.lit("")).when(~odd).then(column.str.to_lowercase())
            self._lowered[name] = pl.select(lowered).to_series()
        return self._lowered[name]


def is_spoken(name: str) -> bool:
    """Whether a column holds what the log says (and not what we say about it): where a keyword may occur."""
    return name not in _OURS and not name.startswith(_OURS_BEGIN)


def as_text(column: pl.Series) -> pl.Series:
    """A column as String, or List(String): decimal numbers, ``true``/``false``, moments in ISO 8601 and UTC."""
    kind = column.dtype
    if kind == pl.String:
        return column
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    if isinstance(kind, pl.List):
        return column.cast(pl.List(pl.String()))
    return column.cast(pl.String())


def encode(column: pl.Series) -> Coded | None:
    """The dictionary of a column, or None where every row is missing it. An empty array counts as missing."""
    if column.null_count() == len(column):
        return None
    text = as_text(column)
    if isinstance(text.dtype, pl.List):
        return _encode_tuples(tuple(item for item in row if item is not None) if row else () for row in text.to_list())
    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    return Coded(array.indices, array.dictionary.to_pylist())


def _encode_tuples(rows: Iterable[tuple[str, ...]]) -> Coded | None:
    index: dict[tuple[str, ...], int] = {}
    codes = [index.setdefault(row, len(index)) if row else None for row in rows]
    return Coded(pa.array(codes, type=pa.int32()), list(index)) if index else None


def texts_of_json(document: str) -> Iterable[str]:
    """All texts in a JSON document, numbers and booleans as text, without the names of the fields."""
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
    kept = [frame[name] for name in names if name in frame.columns]
    if len(kept) <= 1:
        return kept[0] if kept else None
    texts = [as_text(column) for column in kept]
    if any(isinstance(text.dtype, pl.List) for text in texts):
        texts = [text if isinstance(text.dtype, pl.List) else _as_list(text) for text in texts]
    return pl.select(pl.coalesce(*texts)).to_series()


def _as_list(text: pl.Series) -> pl.Series:
    return pl.Series([None if item is None else [item] for item in text], dtype=pl.List(pl.String()))


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows that agree in all columns, exactly (no hashing): each group's code by column, and each row's group."""

    keys: Sequence[Sequence[int]]
    group_of_row: Any

    def rows(self, wanted: Iterable[int]) -> Mapping[int, Any]:
        """The row numbers (Arrow integers, ascending) of some groups."""
        numbers = list(wanted)
        if len(numbers) <= _MANY:
            return {
                number: pc.indices_nonzero(pc.equal(self.group_of_row, pa.scalar(number, pa.int32())))
                for number in numbers
            }
        found: dict[int, list[int]] = {number: [] for number in numbers}
        for row, number in enumerate(self.group_of_row.to_pylist()):
            if number in found:
                found[number].append(row)
        return {number: pa.array(rows, type=pa.uint64()) for number, rows in found.items()}


def group_rows(columns: Sequence[tuple[Any, int]]) -> Groups:
    """Group rows by at least one column, each given as (codes from 0 as Arrow int64, number of codes).

    Codes are joined into one 64-bit number, place by place; when that would overflow, what is joined so far is
    numbered anew by its distinct values.
    """
    key, size = columns[0]
    steps: list[tuple[int, list[int] | None]] = []  # how to take a key apart again
    for codes, count in columns[1:]:
        renumbered = None
        if size * count >= _KEY_LIMIT:
            dictionary = key.dictionary_encode()
            key, renumbered = dictionary.indices.cast(pa.int64()), dictionary.dictionary.to_pylist()
            size = len(renumbered)
        key = pc.add(pc.multiply(key, pa.scalar(count, pa.int64())), codes)
        size *= count
        steps.append((count, renumbered))
    steps.reverse()
    dictionary = key.dictionary_encode()
    return Groups([_apart(number, steps) for number in dictionary.dictionary.to_pylist()], dictionary.indices)


def _apart(number: int, steps: Sequence[tuple[int, list[int] | None]]) -> list[int]:
    codes = []
    for count, renumbered in steps:
        number, code = divmod(number, count)
        codes.append(code)
        if renumbered is not None:
            number = renumbered[number]
    codes.append(number)
    codes.reverse()
    return codes
