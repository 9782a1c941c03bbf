"""JSON that orjson refuses, read all the same: byte order marks, NUL padding, NaN, broken UTF-8, lone surrogates."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

import orjson

from secops.siem.normalize.given import decode

_UNICODE = ("utf-8", "utf8", "utf_8", "utf-8-sig")
_DIGITS = 300  # of an integer; more than 308 are infinity to readers that make doubles of them
_MARK = b"\xef\xbb\xbf"
# Every escape, so that the second of two backslashes begins none; the group is a surrogate that is not one of a pair.
_HEX = "[0-9a-fA-F]"
_ESCAPE = re.compile(
    rf"\\(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|(u[dD][89a-fA-F]{_HEX}{{2}})|.)", re.DOTALL
)


def load(record: bytes, encoding: str) -> tuple[Any, bool]:
    """The value of a JSON record and whether text in it had to be repaired (U+FFFD in place of what is no text).

    A byte order mark, NULs around the value, and what is no number of JSON or too large for one that others can read
    (NaN, 1e999, 400 digits: kept as text) are no loss and not marked.

    Raises:
        ValueError: it is no JSON even so.
    """
    trimmed = record.strip(b"\0 \t\r\n").removeprefix(_MARK) if encoding in _UNICODE else record
    if encoding in _UNICODE:
        try:
            return orjson.loads(trimmed), False
        except orjson.JSONDecodeError:
            pass
    text = decode(trimmed, encoding).strip("\0 \t\r\n")
    repaired = "\ufffd" in text and b"\xef\xbf\xbd" not in trimmed
    whole = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text) if "\\u" in text else text
    try:
        value = json.loads(whole, strict=False, parse_constant=str, parse_int=_integer, parse_float=_decimal)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value, repaired or whole != text


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _DIGITS else text


def _decimal(text: str) -> float | str:
    value = float(text)
    return value if isfinite(value) else text
