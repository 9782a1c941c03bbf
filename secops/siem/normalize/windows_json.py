"""Windows events in JSON, in any of the three spellings (see `windows_shapes`), to one and the same frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl

from secops.locale import _
from secops.siem.normalize import repair
from secops.siem.normalize.frames import EMPTY_RECORD, REPAIRED, Input, Want, Wide, decode, failed, json_row
from secops.siem.normalize.windows_plan import Plan, plan_for
from secops.siem.normalize.windows_shapes import FLAT, Key, shape

MODULE = "windows"


class _Group:
    """Events of one shape: what is picked out of them, at once, so that the rest of each event is freed at once."""

    __slots__ = ("extra", "indexes", "names", "pick", "pick_extra", "plan", "rows")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pick = plan.pick
        self.pick_extra = plan.pick_extra
        self.names = plan.extra_names
        self.indexes: list[int] = []
        self.rows: list[tuple[Any, ...]] = []
        self.extra: list[bytes] = []


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a record. Grouped by shape, so that no Python code runs per field of a single event."""
    loads, dumps = orjson.loads, json_row
    groups: dict[Key, _Group] = {}
    wrong: dict[int, str] = {}
    repaired: list[int] = []
    plain = given.origin.encoding in {"utf-8", "utf8", "utf-8-sig"}
    source: Any
    for index, record in enumerate(records):
        try:
            source = loads(record) if plain else None
            # The flat spelling, by far the most voluminous, without a function call.
            key: Key = (FLAT, source["Channel"], source["EventID"], tuple(source))
            group = groups.get(key)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, IndexError):
            found = _odd(record, given.origin.encoding, index, wrong, repaired)
            if found is None:
                continue
            key, source = found
            group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(plan_for(key, want, given.origin.timezone))
        group.indexes.append(index)
        group.rows.append(group.pick(source))
        if group.names:
            group.extra.append(dumps(group.names, group.pick_extra(source)))
    wide = Wide()
    for group in groups.values():
        group.plan.emit(group.indexes, group.rows, group.extra, wide)
    if wrong:
        texts = [decode(records[index], given.origin.encoding) for index in wrong]
        wide.group(*failed(list(wrong), texts, list(wrong.values()), MODULE))
    frame = wide.frame()
    return _mark(frame, repaired) if repaired else frame


def _odd(
    record: bytes, encoding: str, index: int, wrong: dict[int, str], repaired: list[int]
) -> tuple[Key, Any] | None:
    """Everything but a clean flat event; what is no event at all goes into ``wrong``."""
    if not record.strip(b"\0 \t\r\n"):
        wrong[index] = _(EMPTY_RECORD)
        return None
    try:
        event, mended = repair.load(record, encoding)
        found = shape(event)
        if found is not None:
            hash(found[0])
    except (ValueError, TypeError, RecursionError) as error:
        wrong[index] = _("JSON として読めませんでした: {error}").format(error=_short(error))
        return None
    if found is None:
        wrong[index] = _("Windows イベントの形の JSON ではありません(EventID・Event・winlog のどれもありません)。")
        return None
    if mended:
        repaired.append(index)
    return found


def _short(error: Exception) -> str:
    return str(error)[:200]


def _mark(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    """Say on repaired rows that they were repaired."""
    notes: list[Any] = frame["error.message"].to_list() if "error.message" in frame.columns else [None] * frame.height
    for row in rows:
        notes[row] = _(REPAIRED)
    return frame.with_columns(pl.Series("error.message", notes, dtype=pl.String))
