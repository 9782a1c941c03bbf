"""What a Windows event is (channel and id), guessed from its bytes: to know which fields to ask a parser for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_CHANNEL = b'"Channel":"'
_ID = b'"EventID":'
_DIGITS = 6  # an event id has at most five
_NONE = (b"", b"")  # of what says neither
_INTEGERS = range(-(2**63), 2**64)  # beyond, the other reader makes doubles or text of them, and this one does not


def kinds_of(records: Sequence[bytes], rows: Iterable[int]) -> dict[tuple[bytes, bytes], list[int]]:
    """Rows by what the bytes say of channel and id; see `said_of`."""
    by_kind: dict[tuple[bytes, bytes], list[int]] = {}
    for row in rows:
        record = records[row]
        at = record.find(_CHANNEL) + 11
        number = record.find(_ID) + 10
        plain = at > 10 and number > 9
        key = (record[at : record.find(b'"', at)], record[number : number + _DIGITS]) if plain else _NONE
        try:
            by_kind[key].append(row)
        except KeyError:
            by_kind[key] = [row]
    return by_kind


def said_of(channel: bytes, after: bytes) -> tuple[str, int] | None:
    """Channel and event id that the bytes speak of; None where they are not plain."""
    digits = after[: len(after) - len(after.lstrip(b"0123456789"))]
    if not digits or len(digits) == _DIGITS or b"\\" in channel:
        return None
    try:
        return channel.decode(), int(digits)
    except UnicodeDecodeError:
        return None


def surprises(column: list[Any]) -> list[int]:
    """Where the two readers may differ: integers of more than 64 bits, and what may hold them."""
    types = set(map(type, column))
    if types.isdisjoint((int, list, dict)):
        return []
    return [
        at
        for at, value in enumerate(column)
        if isinstance(value, list | dict) or (type(value) is int and value not in _INTEGERS)
    ]
