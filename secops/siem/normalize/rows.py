"""CSV: one record is one row (quoted line ends included), its names come with the origin's header line."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from secops.locale import _
from secops.siem.normalize.given import EMPTY_RECORD, Input, decode
from secops.siem.normalize.mapped import Groups

csv.field_size_limit(1 << 27)


def names_of(header: str | None) -> tuple[tuple[str, ...], str]:
    """Column names and the delimiter of a header line; names are made unique, empty ones become ``column3``."""
    if not header or not header.strip():
        return (), ","
    line = header.strip("\ufeff\r\n")
    delimiter = max(",\t;", key=line.count)
    found: list[str] = []
    for number, cell in enumerate(next(csv.reader([line], delimiter=delimiter)), 1):
        name = cell.strip() or f"column{number}"
        found.append(name if name not in found else f"{name}_{number}")
    return tuple(found), delimiter


def split(records: Sequence[bytes], given: Input) -> tuple[tuple[str, ...], Groups, dict[int, tuple[str, str]]]:
    """Names, the rows that fit them (one group), and per bad record its text and what is wrong with it."""
    names, delimiter = names_of(given.origin.header)
    groups = Groups()
    if (rows := _all(records, given, names, delimiter)) is not None:
        groups.of[None] = (list(range(len(rows))), rows)
        return names, groups, {}
    wrong: dict[int, tuple[str, str]] = {}
    for index, record in enumerate(records):
        line = decode(record, given.origin.encoding).strip("\0\r\n")
        try:
            problem, row = _row(line, names, delimiter)
        except (csv.Error, StopIteration) as error:
            problem, row = _("CSV として読めませんでした: {error}").format(error=error), []
        if problem:
            wrong[index] = (line, problem)
        else:
            groups.add(None, index, row)
    return names, groups, wrong


def _all(
    records: Sequence[bytes], given: Input, names: tuple[str, ...], delimiter: str
) -> list[Sequence[str | None]] | None:
    """All rows in one go, or None where any record needs a closer look: with odd quotes it could swallow the next."""
    lines = [decode(record, given.origin.encoding).strip("\0\r\n") for record in records]
    if not names or not lines or any(line.count('"') % 2 or not line.strip() for line in lines):
        return None
    try:
        found = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return list(found) if len(found) == len(lines) and {len(names)}.issuperset(map(len, found)) else None


def _row(line: str, names: tuple[str, ...], delimiter: str) -> tuple[str, list[str | None]]:
    if not line.strip():
        return _(EMPTY_RECORD), []
    if not names:
        return _("CSV のヘッダー行がありません。1 行目に列名を入れてください。"), []
    cells: list[str | None] = list(next(csv.reader([line], delimiter=delimiter, strict=True)))
    if len(cells) > len(names):
        message = _("列の数がヘッダーと違います(ヘッダー {expected} 列、この行 {found} 列)。")
        return message.format(expected=len(names), found=len(cells)), []
    return "", cells + [None] * (len(names) - len(cells))
