"""Stored events as rows of a file: CSV that Excel opens by a double click, or JSON lines with all fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from secops.locale import _
from secops.report.hits import csv_row, safe_cell, writable
from secops.schema.dates import JST

EXPORT_MOST = 100_000
"""Rows of one file: Excel shows a million, but a person who needs more wants a narrower question."""


class EventFile(Protocol):
    """A kind of file: its first bytes, and the bytes of an event."""

    media_type: str
    head: bytes

    def __init__(self, columns: Sequence[str]) -> None: ...

    def row(self, event: Mapping[str, Any], summary: str) -> bytes:
        """The bytes of one event; ``summary`` is it in one line."""
        ...


class EventCsv:
    """Byte order mark, CRLF, no cell that acts; times in Japan and in UTC, the chosen columns, what happened."""

    media_type = "text/csv; charset=utf-8"

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        names = [_("時刻(日本時間)"), _("時刻(UTC)"), *map(safe_cell, columns), _("内容"), "event.id"]
        self.head = b"\xef\xbb\xbf" + csv_row(names)

    def row(self, event: Mapping[str, Any], summary: str) -> bytes:
        """The row of an event."""
        at = event.get("@timestamp")
        moment = at if isinstance(at, datetime) else None
        cells = [event.get(name) for name in self._columns]
        return csv_row([
            f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}" if moment else "",
            f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else "",
            *(safe_cell(_shown(cell)) for cell in [*cells, summary, event.get("event.id")]),
        ])  # fmt: skip


def _shown(value: Any) -> Any:
    return f"{value.astimezone(JST):%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


class EventLines:
    """One JSON object a line, all fields by their names, moments in UTC."""

    media_type = "application/x-ndjson"
    head = b""

    def __init__(self, columns: Sequence[str]) -> None:
        pass

    def row(self, event: Mapping[str, Any], summary: str) -> bytes:
        """The line of an event."""
        try:
            return orjson.dumps(event, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # a lone surrogate, or a number beyond 64 bits
            return orjson.dumps(writable(event), option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


FORMATS: dict[str, type[EventFile]] = {"csv": EventCsv, "jsonl": EventLines}
