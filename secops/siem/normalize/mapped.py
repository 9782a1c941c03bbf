"""Records that are name–value pairs (key=value, CSV, JSON objects, regex groups): columns by a table of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from secops.schema import ecs
from secops.schema.aliases import ALIASES
from secops.schema.frame import EXTRA
from secops.siem.normalize import values
from secops.siem.normalize.frames import Wide
from secops.siem.normalize.given import Want

_NOTHING = frozenset({"", "-"})
# Conversions after which the column says all that the field said.
_WHOLE = frozenset({"text", "clean", "lower", "long", "port", "ip", "bool", "list", "date"})


@dataclass(frozen=True, eq=False)
class Table:
    """How the fields of a format become columns.

    ``fields`` has per field name the columns with their conversions (as in `windows_tables`), ``prefix`` goes before
    the names of fields in EXTRA. ``by_name``: a field that has an ECS column's name goes there if its type fits.
    """

    prefix: str
    fields: Mapping[str, str] = field(default_factory=dict)
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    index: int
    dotted: str
    targets: tuple[tuple[str, str], ...]
    keep: bool  # in EXTRA, whatever became of the targets
    wanted: bool


@lru_cache(maxsize=2048)
def _plan(table: Table, names: tuple[str, ...], want: Want) -> tuple[_Field, ...]:
    fields = []
    taken: set[str] = set()
    for index, name in enumerate(names):
        spec = table.fields.get(name, "")
        if not spec and table.by_name and _settable(name):
            spec = f"{values.BY_TYPE[ecs.COLUMNS[name]]}:{name}"
        targets: list[tuple[str, str]] = []
        for part in spec.split():
            convert, colon, column = part.partition(":")
            pair = (column, convert) if colon else (part, "text")
            if pair[0] not in taken:
                taken.add(pair[0])
                targets.append(pair)
        dotted = name if name in ecs.COLUMNS or not table.prefix else table.prefix + name
        whole = any(c in _WHOLE and (column in {dotted, ALIASES.get(dotted)}) for column, c in targets)
        fields.append(
            _Field(
                index,
                dotted,
                tuple(pair for pair in targets if want.column(pair[0])),
                not whole and not name.startswith("_") and name != "@timestamp",
                dotted in want.names and dotted not in ecs.COLUMNS,
            )
        )
    return tuple(fields)


def _settable(name: str) -> bool:
    core = {"@timestamp", "event.id", "event.sequence", "event.ingested", "event.original", "error.message"}
    return name in ecs.COLUMNS and name not in core and ecs.COLUMNS[name] in values.BY_TYPE


def emit(
    wide: Wide,
    indexes: Sequence[int],
    names: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    table: Table,
    want: Want,
    constants: dict[str, Any],
    derived: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Add records with the same names to a frame in the making.

    ``derived`` are columns that the format computed itself; they go before what the table says. A field whose name
    begins with ``_`` serves only for that and is not stored. What does not fit its column stays in EXTRA.
    """
    cells = list(zip(*rows, strict=True))
    columns: dict[str, Sequence[Any]] = {}
    extra: dict[str, Sequence[Any]] = {}
    for one in _plan(table, names, want):
        raw = cells[one.index]
        misfits: Sequence[Any] | None = None
        for column, convert in one.targets:
            found = columns[column] = values.CONVERSIONS[convert].all(raw)
            if convert in _WHOLE and not one.keep and None in found:
                misfits = [a if b is None and not _nothing(a) else None for a, b in zip(raw, found, strict=True)]
        if one.keep:
            extra[one.dotted] = raw
        elif misfits is not None and any(value is not None for value in misfits):
            extra[one.dotted] = misfits
        if one.wanted:
            columns[one.dotted] = raw
    columns.update(
        (name, column) for name, column in (derived or {}).items() if want.column(name) or name == "@timestamp"
    )
    if want.store and extra:
        columns[EXTRA] = _extra_rows(extra)
    wide.group(indexes, columns, constants)


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in _NOTHING)


def _extra_rows(extra: Mapping[str, Sequence[Any]]) -> list[bytes | None]:
    names = tuple(extra)
    rows: list[bytes | None] = []
    for row in zip(*extra.values(), strict=True):
        kept = {name: value for name, value in zip(names, row, strict=True) if value is not None and value != ""}
        rows.append(values.dump_fields(kept) if kept else None)
    return rows


class Groups:
    """Rows sorted by what they have in common, each with its place in the batch."""

    def __init__(self) -> None:
        self.of: dict[Any, tuple[list[int], list[Sequence[Any]]]] = {}

    def add(self, key: Any, index: int, row: Sequence[Any]) -> None:
        """Put a row into a group."""
        held = self.of.get(key)
        if held is None:
            self.of[key] = ([index], [row])
        else:
            held[0].append(index)
            held[1].append(row)
