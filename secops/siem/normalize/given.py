"""What every reader of a format is given, and the few steps that need no frame."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from secops.siem.normalize import values
from secops.siem.ports import Origin

EMPTY_RECORD = "空のレコードです。収集元のファイルを確認してください。"
REPAIRED = "文字の誤りを「�」に置き換えて読みました。原本を確認してください。"

UTF8 = frozenset({"utf-8", "utf8", "utf-8-sig"})


@dataclass(frozen=True, slots=True)
class Want:
    """Which columns a reader has to fill: with ``store`` all ECS columns and `EXTRA`, and always the ``names``."""

    names: frozenset[str]
    store: bool = True

    def column(self, name: str) -> bool:
        """Whether an ECS column is wanted."""
        return self.store or name in self.names


@dataclass(frozen=True, slots=True)
class Input:
    """What a reader gets besides the records: where they come from and when they came."""

    origin: Origin
    received: datetime


def decode(record: bytes, encoding: str) -> str:
    """A record as text, byte order mark removed; what cannot be decoded is shown as U+FFFD, never left out."""
    try:
        found = record.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        found = record.decode(encoding if _known(encoding) else "utf-8", errors="replace")
    return found.removeprefix("\ufeff")


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True


def json_row(names: tuple[str, ...], row: tuple[Any, ...]) -> bytes:
    """One JSON object; its nulls are taken out later (`_objects`), all rows at once."""
    fields = dict(zip(names, row, strict=True))
    try:
        return orjson.dumps(fields)
    except TypeError:
        return values.dump_fields(fields)


def json_row_of_large(names: tuple[str, ...], row: tuple[Any, ...]) -> bytes:
    """The same of a record with very long texts.

    orjson asks for eight times the length of a text before it writes it, and ends the process where that is refused.
    """
    import msgspec  # which a hunt has loaded already, if it reads JSON

    fields = dict(zip(names, row, strict=True))
    try:
        return msgspec.json.encode(fields)
    except (TypeError, ValueError, OverflowError):  # half a surrogate pair is a ValueError
        return values.dump_fields(fields)


@contextmanager
def no_collection() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: a reader makes many small objects and no cycles (a fifth of its time)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
