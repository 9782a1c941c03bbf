"""Windows events in JSON, in any of the three spellings (see `windows_shapes`), to one and the same frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from secops.locale import _
from secops.schema import ecs
from secops.schema.frame import EXTRA, EXTRA_TEXT
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import REPAIRED, Input, Want, decode
from secops.siem.normalize.windows_parts import Grouped, grouped
from secops.siem.ports import Part

MODULE = "windows"
_EXTRA = frozenset({EXTRA, EXTRA_TEXT})


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a record. Grouped by shape, so that no Python code runs per field of a single event."""
    found = grouped(records, given, lambda _key: want)
    wide = Wide()
    for group in found.groups:
        wide.group(group.indexes, group.columns(), group.plan.constants)
    return _frame(wide, found, records, given)


def read_both(records: Sequence[bytes], given: Input, want: Want) -> tuple[pl.DataFrame, list[Part]]:
    """The frame without what only rules read, and that as parts, whose rows are the records'.

    Columns in which hardly any two texts are alike cost most when they go through a frame.
    """
    found = grouped(records, given, lambda _key: want, with_texts=True)
    wide = Wide()
    parts = []
    for group in found.groups:
        columns = group.columns()
        stored = {name: column for name, column in columns.items() if name in _EXTRA or name in ecs.COLUMNS}
        wide.group(group.indexes, stored, group.plan.constants)
        read_by_rules = {name: column for name, column in columns.items() if name in want.names and name not in _EXTRA}
        parts.append(Part(group.indexes, read_by_rules, group.plan.constants))
    return _frame(wide, found, records, given), parts


def _frame(wide: Wide, found: Grouped, records: Sequence[bytes], given: Input) -> pl.DataFrame:
    if found.wrong:
        texts = [decode(records[index], given.origin.encoding) for index in found.wrong]
        wide.group(*failed(list(found.wrong), texts, list(found.wrong.values()), MODULE))
    frame = wide.frame()
    return _mark(frame, found.repaired) if found.repaired else frame


def _mark(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    """Say on repaired rows that they were repaired."""
    notes: list[Any] = frame["error.message"].to_list() if "error.message" in frame.columns else [None] * frame.height
    for row in rows:
        notes[row] = _(REPAIRED)
    return frame.with_columns(pl.Series("error.message", notes, dtype=pl.String))
