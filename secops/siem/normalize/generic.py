"""Formats without a normalizer of their own: JSON objects, CSV with a header, and plain lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl

from secops.locale import _
from secops.siem.normalize import moments, repair
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import EMPTY_RECORD, REPAIRED, Input, Want, decode
from secops.siem.normalize.mapped import Groups, Table, emit
from secops.siem.normalize.rows import split
from secops.siem.normalize.windows_shapes import flatten

_TIMES = (
    "@timestamp", "timestamp", "time", "datetime", "eventtime", "event_time", "createddatetime", "creationtime", "date",
    "ts", "日時", "発生日時", "日付時刻",
)  # fmt: skip
_JSON = Table("", by_name=True)
_CSV = Table("csv.", by_name=True)
_JSON_CONSTANTS = {"event.kind": "event", "event.module": "json", "event.dataset": "json.record"}
_CSV_CONSTANTS = {"event.kind": "event", "event.module": "csv", "event.dataset": "csv.record"}
_TEXT_CONSTANTS = {"event.kind": "event", "event.module": "text", "event.dataset": "text.line"}


def read_json(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a JSON object; fields with an ECS name whose value fits become columns, the others stay in EXTRA."""
    groups = Groups()
    wrong: dict[int, str] = {}
    repaired: set[int] = set()
    for index, record in enumerate(records):
        try:
            value = orjson.loads(record)
        except orjson.JSONDecodeError:
            value = _repaired(record, given, index, wrong, repaired)
        if isinstance(value, dict):
            flat = flatten(value)
            groups.add((tuple(flat), index in repaired), index, tuple(flat.values()))
        elif index not in wrong:
            wrong[index] = _("JSON のオブジェクト(波かっこで囲んだもの)ではありません。")
    wide = Wide()
    for (names, mended), (indexes, rows) in groups.of.items():
        constants: dict[str, Any] = {**_JSON_CONSTANTS, **({"error.message": _(REPAIRED)} if mended else {})}
        if names:
            emit(wide, indexes, names, rows, _JSON, want, constants, _guess(names, rows, given.origin.timezone))
        else:
            wide.group(indexes, {}, constants)
    if wrong:
        texts = [decode(records[index], given.origin.encoding) for index in wrong]
        wide.group(*failed(list(wrong), texts, list(wrong.values()), "json"))
    return wide.frame()


def _repaired(record: bytes, given: Input, index: int, wrong: dict[int, str], repaired: set[int]) -> Any:
    if not record.strip(b"\0 \t\r\n"):
        wrong[index] = _(EMPTY_RECORD)
        return None
    try:
        value, mended = repair.load(record, given.origin.encoding)
    except (ValueError, RecursionError) as error:
        wrong[index] = _("JSON として読めませんでした: {error}").format(error=str(error)[:200])
        return None
    if mended:
        repaired.add(index)
    return value


def read_csv(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a CSV row."""
    names, groups, wrong = split(records, given)
    wide = Wide()
    for indexes, rows in groups.of.values():
        emit(wide, indexes, names, rows, _CSV, want, _CSV_CONSTANTS, _guess(names, rows, given.origin.timezone))
    if wrong:
        texts, messages = zip(*wrong.values(), strict=True)
        wide.group(*failed(list(wrong), texts, messages, "csv"))
    return wide.frame()


def read_text(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a line, all of it as ``message``; an empty line is an event too."""
    lines = [decode(record, given.origin.encoding).strip("\0\r\n") for record in records]
    wide = Wide()
    if lines:
        wide.group(range(len(lines)), {"message": lines} if want.column("message") else {}, _TEXT_CONSTANTS)
    return wide.frame()


def _guess(names: tuple[str, ...], rows: Sequence[Sequence[Any]], timezone: str | None) -> dict[str, Sequence[Any]]:
    """The time: the first field with a usual name; without a zone it is UTC for ``@timestamp``, else the origin's."""
    lowered = [name.lower().replace(" ", "") for name in names]
    for known in _TIMES:
        if known in lowered:
            cells = [row[lowered.index(known)] for row in rows]
            memo = moments.UTC_TIME if known == "@timestamp" else moments.local_time(timezone)
            return {"@timestamp": memo.all(cells)}
    return {}
