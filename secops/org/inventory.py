"""Inventory CSV files → values: every mistake of a file with row and column, then the checks across files."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from secops.errors import InventoryError, Problem
from secops.locale import _
from secops.org.checks import cross_checks, resolve
from secops.org.model import Directory
from secops.org.tables import TABLES, Table, narrow
from secops.org.workbook import Fault
from secops.settings import Settings

_MARKS = re.compile(r"[\s_※*]|\(必須\)|\(任意\)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The rows of one file as values, each with the place it stands at (``devices.csv:14``)."""

    kind: str
    rows: tuple[Any, ...]
    places: tuple[str, ...]


def decode(data: bytes, where: str) -> str:
    """The text of a CSV file as Excel or a ward's system writes it: UTF-8, UTF-16 with BOM, or CP932.

    Raises:
        InventoryError: none of them.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "cp932"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    hint = _("文字コードを判別できません。UTF-8 か Shift_JIS(CP932)の CSV で保存してください。")
    raise InventoryError([Problem(where, hint)])


def normal_heading(heading: str) -> str:
    """A heading as it is compared: width, case, spaces, line breaks, ``_`` and marks such as ``※`` do not matter."""
    return _MARKS.sub("", narrow(heading).lower())


def recognise(text: str, where: str) -> str:
    """The kind of a file: by its name (``devices.csv``), else by the headings it carries.

    Raises:
        InventoryError: neither tells it, or two kinds fit equally well.
    """
    stem = where.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0].lower()
    if stem in TABLES:
        return stem
    header = {normal_heading(cell) for cell in next(csv.reader(io.StringIO(text, newline="")), [])}
    scores = {
        kind: sum(any(normal_heading(one) in header for one in column.headings) for column in table.columns)
        for kind, table in TABLES.items()
        if all(
            any(normal_heading(one) in header for one in column.headings) for column in table.columns if column.required
        )
    }
    best = [kind for kind, score in scores.items() if score == max(scores.values())]
    if len(best) == 1:
        return best[0]
    words = ", ".join(f"{kind}({table.label})" for kind, table in TABLES.items())
    hint = _("見出しから種類が分かりません。--kind で指定してください: {kinds}").format(kinds=words)
    raise InventoryError([Problem(f"{where}:1", hint)])


def parse(text: str, where: str, kind: str) -> Parsed:
    """Read one inventory file; ``where`` names it in messages.

    Raises:
        InventoryError: every wrong heading, cell and doubled key, by row and column.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    problems: list[Problem] = []

    def lines() -> Iterator[tuple[str, Sequence[str]]]:
        try:
            for cells in reader:
                yield f"{where}:{reader.line_num}", cells
        except csv.Error as error:
            text = _("CSV として読めません: {error}").format(error=error)
            problems.append(Problem(f"{where}:{reader.line_num}", text))

    rows = lines()
    _place, header = next(rows, ("", []))
    return parse_rows(kind, header, rows, f"{where}:1", problems)


def parse_rows(
    kind: str,
    header: Sequence[str],
    lines: Iterable[tuple[str, Sequence[str]]],
    head: str,
    problems: list[Problem] | None = None,
) -> Parsed:
    """Read a table of texts: the place and the cells of each line; ``head`` is the place of its headings.

    Raises:
        InventoryError: as `parse`, with the given problems too.
    """
    table = TABLES[kind]
    found = [] if problems is None else problems
    rows: list[Any] = []
    places: list[str] = []
    first: dict[str, str] = {}
    columns = _columns(table, header, head)
    for place, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        values, wrong = _row(table, columns, cells, place)
        found += wrong
        key = str(values.get(table.key, ""))
        if key and key.lower() in first:
            text = _("「{key}」は {place} と重複しています。").format(key=key, place=first[key.lower()])
            found.append(Problem(f"{place} {_heading(table, table.key)}", text))
            continue
        first[key.lower()] = place
        if wrong:
            continue
        rows.append(table.make(**values))
        places.append(place)
    if found:
        raise InventoryError(found)
    return Parsed(kind, tuple(rows), tuple(places))


def write(kind: str, rows: Iterable[Any]) -> str:
    """Rows as the CSV that `parse` reads as the same rows: what an Excel file is kept as."""
    columns = TABLES[kind].columns
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.headings[0] for column in columns])
    writer.writerows([show(getattr(row, column.field)) for column in columns] for row in rows)
    return out.getvalue()


def _heading(table: Table, field: str) -> str:
    return next(column.headings[0] for column in table.columns if column.field == field)


def _columns(table: Table, header: Sequence[str], where: str) -> dict[int, int]:
    """Position in the file → position in the table."""
    found: dict[int, int] = {}
    problems = []
    for at, cell in enumerate(header):
        match = next(
            (
                n
                for n, column in enumerate(table.columns)
                if normal_heading(cell) in map(normal_heading, column.headings)
            ),
            None,
        )
        if match is None:
            continue
        if match in found.values():
            problems.append(Problem(f"{where} {cell}", _("同じ意味の列が 2 つあります。1 つにしてください。")))
        found[at] = match
    for at, column in enumerate(table.columns):
        if column.required and at not in found.values():
            text = _("「{name}」の列がありません(ほかの見出し: {others}。ファイルにある見出し: {found})。").format(
                name=column.headings[0],
                others="・".join(column.headings[1:]),
                found="・".join(cell.strip()[:20] for cell in header[:20]) or "—",
            )
            problems.append(Problem(where, text))
    if problems:
        raise InventoryError(problems)
    return found


def _row(
    table: Table, columns: Mapping[int, int], cells: Sequence[str], place: str
) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for at, index in columns.items():
        column = table.columns[index]
        cell = cells[at] if at < len(cells) else ""
        if isinstance(cell, Fault):
            problems.append(Problem(f"{place} {column.headings[0]}", str(cell)))
            continue
        cell = cell.strip()
        if not cell:
            if column.required:
                problems.append(Problem(f"{place} {column.headings[0]}", _("空です。値を入れてください。")))
            continue
        try:
            values[column.field] = column.read(cell)
        except ValueError as error:
            text = _("「{found}」は使えません。{hint}。").format(found=cell, hint=error)
            problems.append(Problem(f"{place} {column.headings[0]}", text))
    return values, problems


def load_directory(files: Mapping[str, str], settings: Settings, today: date) -> Directory:
    """The directory that a site's inventory files make together.

    ``files`` is kind (``devices``) → text; a kind without a file is empty. ``today`` decides which flows have expired.

    Raises:
        InventoryError: the mistakes of all files and between them.
    """
    problems: list[Problem] = []
    parsed: dict[str, Parsed] = {}
    for kind in TABLES:
        if kind not in files:
            continue
        try:
            parsed[kind] = parse(files[kind], f"{kind}.csv", kind)
        except InventoryError as error:
            problems += error.problems
    return combine(parsed, settings, today, problems)


def combine(
    parsed: Mapping[str, Parsed], settings: Settings, today: date, problems: Iterable[Problem] = ()
) -> Directory:
    """Parsed files as one directory, checked against each other and the zones of the site.

    Raises:
        InventoryError: the given problems and those found between the files.
    """
    wrong = list(problems)
    # References into a file that did not parse would all look wrong: the file's own mistakes come first.
    if not wrong:
        rows = {kind: list(zip(one.places, one.rows, strict=True)) for kind, one in parsed.items()}
        rows = resolve(rows, settings)
        found, warnings = cross_checks(rows, settings, today)
        wrong += found
    if wrong:
        raise InventoryError(wrong)
    values = {kind: tuple(row for _place, row in one) for kind, one in rows.items()}
    return Directory(**values, warnings=tuple(warnings))


@dataclass(frozen=True, slots=True)
class Change:
    """A row that differs: ``columns`` is heading → (old, new)."""

    key: str
    columns: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new file would change: keys of rows added and removed, rows changed, and how many stay as they are."""

    kind: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]
    unchanged: int


def show(value: object) -> str:
    """A field as text, the way a cell would show it."""
    if isinstance(value, tuple):
        return ";".join(map(str, value))
    return "" if value is None else str(value)


def difference(kind: str, old: Sequence[Any], new: Sequence[Any]) -> Difference:
    """Compare two versions of a kind by their key column, column by column."""
    table = TABLES[kind]
    before = {getattr(row, table.key): row for row in old}
    after = {getattr(row, table.key): row for row in new}
    changed = []
    for key in (key for key in after if key in before and before[key] != after[key]):
        pairs = {
            column.headings[0]: (show(getattr(before[key], column.field)), show(getattr(after[key], column.field)))
            for column in table.columns
        }
        changed.append(Change(key, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}))
    added = tuple(key for key in after if key not in before)
    removed = tuple(key for key in before if key not in after)
    return Difference(kind, added, removed, tuple(changed), len(after) - len(added) - len(changed))
