"""Excel files of a ward as rows of texts: values only, with limits, and what cannot be read said at its cell.

A file from outside may be a bomb (a small archive of gigabytes, entities in its XML) or merely odd: merged cells, a
formula whose result was never saved, a code that lost its leading zeros. Nothing in it is executed; macros are not even
looked at.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import IO, Any

from secops.errors import InventoryError, Problem
from secops.locale import _

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_STEP = 1 << 20
LAST_ROW = 1 << 20  # of Excel


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be: bytes as it lies there and unpacked, parts in the archive, and sheets, rows, columns."""

    packed: int = 20 << 20
    unpacked: int = 100 << 20
    parts: int = 2_000
    sheets: int = 60
    rows: int = 20_000
    columns: int = 200


LIMITS = Limits()


class Fault(str):
    """A cell that has no value we may use; the text says why and what to do."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name and its rows, each with its number in Excel; cells below a merged one have its value.

    ``merged`` are the ranges of merged cells (``E5:E7``); ``hidden``: who opens the file in Excel does not see it.
    """

    name: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    merged: tuple[str, ...] = ()
    hidden: bool = False


def is_workbook(data: bytes) -> bool:
    """Whether these bytes are an Excel file, of today's form or the old one (which `open_sheets` refuses)."""
    return data.startswith((_ZIP, _OLE))


def open_sheets(data: bytes, where: str, limits: Limits = LIMITS) -> list[Sheet]:
    """All sheets of a workbook with their values.

    Raises:
        InventoryError: no .xlsx, damaged, protected by a password, or larger than the limits.
    """
    if data.startswith(_OLE):
        raise _refused(
            where,
            _(
                "古い形式(.xls)か、パスワード付きのファイルです。"
                "パスワードを外し、「Excel ブック(.xlsx)」で保存し直してください。"
            ),
        )
    formulas = _examine(data, where, limits)
    try:
        return list(_sheets(data, where, limits, formulas=formulas))
    except (InventoryError, MemoryError):  # memory is not the fault of the file's form: whoever set the limit says so
        raise
    except Exception as error:
        # openpyxl answers damaged files with whatever its parsers raise; to the reader they are all the same.
        text = _("Excel ファイルとして読めません({error})。Excel で開いて保存し直してください。")
        raise _refused(where, text.format(error=type(error).__name__)) from error


def column_letter(number: int) -> str:
    """The name of a column, counted from 0: ``A``, …, ``Z``, ``AA``."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _refused(where: str, text: str) -> InventoryError:
    return InventoryError([Problem(where, text)])


def _examine(data: bytes, where: str, limits: Limits) -> bool:
    """Refuse what is too large or carries entities, before any XML is parsed; whether there are formulas.

    What the archive says of sizes can be trusted that far: a part is read up to the size that is said of it.
    """
    if len(data) > limits.packed:
        text = _("ファイルが大きすぎます({size} MB。{limit} MB まで)。不要なシートや画像を消してください。")
        raise _refused(where, text.format(size=-(-len(data) >> 20), limit=limits.packed >> 20))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            if len(parts) > limits.parts or total > limits.unpacked:
                text = _("展開すると大きすぎるため開きません({parts} 個、{size} MB。{limit} MB まで)。")
                raise _refused(where, text.format(parts=len(parts), size=total >> 20, limit=limits.unpacked >> 20))
            if "[Content_Types].xml" not in archive.namelist():
                raise _refused(where, _("Excel ファイルではありません。.xlsx か CSV を指定してください。"))
            texts = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
            return sum(_scan(archive, part, where) for part in texts) > 0  # all of them, whatever the first ones hold
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        text = _("Excel ファイルとして読めません({error})。Excel で開いて保存し直してください。")
        raise _refused(where, text.format(error=type(error).__name__)) from error


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo, where: str) -> bool:
    """Whether a part has formulas; entities, or an encoding that would hide them, are refused."""
    found, before = False, b""
    with archive.open(part) as stream:
        while block := stream.read(_STEP):
            if not before and block.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")):
                raise _refused(where, _("UTF-8 でない XML が入っているため開きません。Excel で保存し直してください。"))
            near = before + block
            if b"<!DOCTYPE" in near or b"<!ENTITY" in near:
                raise _refused(
                    where,
                    _("XML の実体宣言(DOCTYPE)が入っているため開きません。Excel の正常なファイルにはありません。"),
                )
            found = found or bool(_FORMULA.search(near))
            before = block[-64:]
    return found and part.filename.startswith("xl/worksheets/")


def _sheets(data: bytes, where: str, limits: Limits, *, formulas: bool) -> Iterator[Sheet]:
    import openpyxl

    values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    written = openpyxl.load_workbook(io.BytesIO(data), read_only=True) if formulas else None
    try:
        if len(values.worksheets) > limits.sheets:
            text = _("シートが多すぎます({n} 枚。{limit} 枚まで)。")
            raise _refused(where, text.format(n=len(values.worksheets), limit=limits.sheets))
        for at, sheet in enumerate(values.worksheets):
            rows = _rows(sheet, written.worksheets[at] if written else None, f"{where} {sheet.title}", limits)
            refs = _refs(sheet)
            merges = _merges(refs, rows[-1][0] if rows else 0, limits)
            hidden = sheet.sheet_state != "visible"
            yield Sheet(sheet.title, tuple(_filled(rows, merges)), tuple(refs), hidden)
    finally:
        values.close()
        if written:
            written.close()


def _rows(sheet: Any, written: Any, where: str, limits: Limits) -> list[tuple[int, list[str]]]:
    """The rows that hold anything, as texts."""
    sheet.reset_dimensions()
    options = {"max_row": LAST_ROW, "max_col": limits.columns}
    said: Iterator[Any] = iter(())
    if written is not None:
        written.reset_dimensions()
        said = written.iter_rows(**options)
    found: list[tuple[int, list[str]]] = []
    before: Any = None
    for number, cells in enumerate(sheet.iter_rows(**options), 1):
        formulas = next(said, ())
        if cells is before:  # rows that are not in the file are one and the same object: a gap of a million is nothing
            continue
        before = cells
        texts = [_text(cell, formulas[at] if at < len(formulas) else None) for at, cell in enumerate(cells)]
        if not any(texts):
            continue
        if number > limits.rows:
            text = _("行が多すぎます({limit} 行まで)。シートを分けてください。")
            raise _refused(where, text.format(limit=limits.rows))
        found.append((number, texts))
    return found


def _text(cell: Any, written: Any) -> str:
    """What a reader of the sheet would call the value of a cell."""
    value = cell.value
    if getattr(written, "data_type", "") == "f" and value is None:
        return Fault(_("数式の計算結果が保存されていません。Excel で開いて保存し直すか、値で入れてください。"))
    if cell.data_type == "e":
        return Fault(_("数式の誤り({error})です。値を入れてください。").format(error=value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "はい" if value else "いいえ"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and value == int(value):
        shown = str(cell.number_format)
        width = len(shown) if len(shown) > 1 and set(shown) == {"0"} else 0
        return str(int(value)).zfill(width)  # a department 0110 is the number 110 that is shown with four digits
    return str(value).replace("\u200b", "")


def _refs(sheet: Any) -> list[str]:
    """The ranges of merged cells, as Excel writes them."""
    source: IO[bytes] = sheet._get_source()
    with source:
        return [ref.decode() for ref in _MERGED.findall(source.read())]


def _merges(refs: Iterable[str], last: int, limits: Limits) -> Mapping[tuple[int, int], int]:
    """(row, column from 0) of a cell below a merged one → the row that has its value; only down, never across."""
    from openpyxl.utils.cell import range_boundaries

    found: dict[tuple[int, int], int] = {}
    for ref in refs:
        left, top, _right, bottom = range_boundaries(ref)
        assert left is not None
        assert top is not None
        assert bottom is not None
        if left > limits.columns:
            continue
        found.update({(row, left - 1): top for row in range(top + 1, min(bottom, last) + 1)})
    return found


def _filled(
    rows: list[tuple[int, list[str]]], merges: Mapping[tuple[int, int], int]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    by_number = dict(rows)
    below: dict[int, list[tuple[int, int]]] = {}
    for (row, column), top in merges.items():
        below.setdefault(row, []).append((column, top))
    for number, cells in rows:
        for column, top in below.get(number, ()):
            above = by_number.get(top, [])
            if column < len(above) and column < len(cells) and not cells[column]:
                cells[column] = above[column]
        yield number, tuple(cells)
