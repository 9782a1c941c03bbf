"""Events as columns of texts: what the matching half reads, whether they come as a frame or straight from records.

A column is a list with one `Value` a row, or `Fixed` where all rows have the same. Python lists, not Arrow: the memo of
values is a dictionary, and looking a text up costs less than making a dictionary column of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from secops.schema.names import EXTRA
from secops.siem.ports import Part

if TYPE_CHECKING:  # a hunt over JSON makes no frame and starts without polars
    import polars as pl

Columns = tuple[str, ...]  # the columns of a field, in order of preference
Value = str | tuple[str, ...]  # a text, or the texts of an array
Rows = Sequence[int] | None  # row numbers, ascending; None for all rows
_PLAIN = frozenset({str, type(None)})
# Not what a log says but what we say about it: a keyword is not looked for there.
_OURS = frozenset(
    {"@timestamp", "event.original", "log.file.path"}
    | {f"event.{name}" for name in ("id", "sequence", "ingested", "created", "kind", "module", "dataset")}
    | {f"event.{name}" for name in ("category", "type", "outcome")}
)
_OURS_BEGIN = ("labels.", "ecs.", "related.")


class Fixed(NamedTuple):
    """A column in which every row has this value."""

    value: Value


Column = list[Value | None] | Fixed
Look = Callable[[str], Column | None]


class Cells:
    """Some events. ``there`` are the names of all columns, ``names`` those in which keywords are looked for.

    Columns are made when somebody first asks for them.
    """

    __slots__ = ("_known", "_look", "count", "names", "there")

    def __init__(self, count: int, look: Look, there: frozenset[str], names: Sequence[str] = ()) -> None:
        self.count = count
        self.there = there
        self.names = names
        self._look = look
        self._known: dict[str, Column | None] = {}

    def column(self, name: str) -> Column | None:
        """A column, or None where no row has a value in it."""
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def field(self, columns: Columns) -> Column | None:
        """A field: the first of its columns that has a value, row by row; None where no row has one."""
        if len(columns) == 1:
            return self.column(columns[0])
        found: Column | None = None
        for name in columns:
            column = self.column(name)
            if found is None:
                found = column
            elif isinstance(found, Fixed):
                break
            elif isinstance(column, Fixed):
                found = [column.value if value is None else value for value in found]
            elif column is not None:
                found = [other if value is None else value for value, other in zip(found, column, strict=True)]
        return found

    def rows(self, rows: Rows) -> Cells:
        """Only some of the events."""
        if rows is None or len(rows) == self.count:
            return self
        picked = rows

        def look(name: str) -> Column | None:
            column = self.column(name)
            return column if column is None or isinstance(column, Fixed) else pick(column, picked)

        return Cells(len(rows), look, self.there, self.names)


def pick(column: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """The values at some rows."""
    return list(itemgetter(*rows)(column)) if len(rows) > 1 else [column[row] for row in rows]


class FrameTexts:
    """The columns of a frame as texts, each made once for all that ask: taking rows of a list costs far less."""

    __slots__ = ("_extra", "_known", "frame", "names")

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.names = frozenset(frame.columns)
        self._known: dict[str, Column | None] = {}
        self._extra: dict[int, Value | None] = {}

    def column(self, name: str, rows: Rows) -> Column | None:
        """A column, or some rows of it; None where the frame has nothing in it."""
        if name == EXTRA and rows is not None and name in self.names:
            return self._extra_of(rows)
        if name not in self._known:
            self._known[name] = _of_series(self.frame.get_column(name)) if name in self.names else None
        column = self._known[name]
        return column if rows is None or column is None or isinstance(column, Fixed) else pick(column, rows)

    def _extra_of(self, rows: Sequence[int]) -> Column:
        """The fields without a column of some rows, which are few: of the others, no object is taken apart."""
        missing = [row for row in rows if row not in self._extra]
        documents = self.frame.get_column(EXTRA)[missing].to_list() if missing else []
        self._extra.update(zip(missing, _texts_of_extra(documents), strict=True))
        return [self._extra[row] for row in rows]


def of_part(part: Part, texts: FrameTexts | None, *, spoken: bool = False) -> Cells:
    """The events of a part; columns that it lacks are taken from the frame, at its rows.

    Keywords are looked for if the part is complete, or with ``spoken``, in the columns of the frame.
    """

    def look(name: str) -> Column | None:
        constant = part.constants.get(name)
        if constant is not None:
            value = text_of(constant)
            return None if value is None else Fixed(value)
        column = part.columns.get(name)
        if column is not None:
            return _texts_of_extra(column) if name == EXTRA else texts_of(column)
        return texts.column(name, part.rows) if texts is not None else None

    names: Iterable[str] = ()
    if part.complete:
        names = [*part.constants, *(name for name in part.columns if name not in part.constants)]
    elif spoken and texts is not None:
        names = texts.frame.columns
    there = frozenset(part.columns).union(part.constants, texts.names if texts is not None else ())
    return Cells(len(part.rows), look, there, list(filter(is_spoken, names)))


def of_frame(texts: FrameTexts, rows: Rows = None) -> Cells:
    """The events of a frame, or some of its rows."""
    count = texts.frame.height if rows is None else len(rows)
    return Cells(
        count, lambda name: texts.column(name, rows), texts.names, list(filter(is_spoken, texts.frame.columns))
    )


def is_spoken(name: str) -> bool:
    """Whether a column holds what the log says (and not what we say about it): where a keyword may occur."""
    return name not in _OURS and not name.startswith(_OURS_BEGIN)


# ---------------------------------------------------------------------------------------------------- values as texts


def texts_of(column: Sequence[Any]) -> Column | None:
    """A column of values as texts; None where all are missing."""
    kinds = set(map(type, column))
    if kinds <= _PLAIN:
        if str not in kinds:
            return None
        return column if isinstance(column, list) else list(column)
    found = list(map(text_of, column))
    return found if any(value is not None for value in found) else None


def text_of(value: Any) -> Value | None:
    """A value as the text rules are compared with: 5 is ``5``, true is ``true``, an object is its JSON.

    A list is the texts of its elements without nulls, and missing if there are none.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_one(part) for part in value if part is not None) or None
    return _one(value)


def _one(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def _of_series(series: pl.Series) -> Column | None:
    import polars as pl

    if series.null_count() == len(series):
        return None
    kind = series.dtype
    if series.name == EXTRA:
        return _texts_of_extra(series.to_list())
    if isinstance(kind, pl.List):
        return texts_of(series.cast(pl.List(pl.String())).to_list())
    if isinstance(kind, pl.Datetime):
        text = series.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    else:
        text = series if kind == pl.String else series.cast(pl.String())
    found: list[Value | None] = text.to_list()
    first = found[0]
    return Fixed(first) if first is not None and found.count(first) == len(found) else found


def _texts_of_extra(column: Sequence[str | bytes | None]) -> list[Value | None]:
    """The column of fields without a column of their own: a JSON object a row, of which only the values are text."""
    return [tuple(texts_of_json(row)) or None if row else None for row in column]


def texts_of_json(document: str | bytes) -> Iterable[str]:
    """All texts in a JSON document, numbers and booleans as text, without the names of the fields."""
    try:
        pending = [orjson.loads(document)]
    except orjson.JSONDecodeError:
        yield document if isinstance(document, str) else document.decode("utf-8", "replace")
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
