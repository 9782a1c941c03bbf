"""Rows of a table that a person keeps, from CSV or Excel, each with its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secops.errors import AuditError, NotFoundError, Problem
from secops.isms.audit.findings_import import Row
from secops.locale import _
from secops.org.inventory import decode
from secops.org.workbook import is_workbook
from secops.wiring.apart import sheets_apart

LARGEST = 20 * 2**20


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of a table, and the sheets among them that Excel does not show."""

    rows: list[Row]
    hidden: tuple[str, ...] = ()


def read_rows(path: Path) -> Listed:
    """All rows of a CSV file, or of every sheet of a workbook (``指摘!7``).

    Raises:
        NotFoundError: no such file.
        AuditError: too large, or no CSV.
        InventoryError: a damaged workbook, or text in no known encoding.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    if path.stat().st_size > LARGEST:
        raise AuditError([Problem(str(path), _("ファイルが大きすぎます。20 MB までにしてください。"))])
    data = path.read_bytes()
    if is_workbook(data):
        sheets = sheets_apart(str(path), data)
        rows = [Row(f"{sheet.name}!{number}", cells) for sheet in sheets for number, cells in sheet.rows]
        return Listed(rows, tuple(sheet.name for sheet in sheets if sheet.hidden and sheet.rows))
    return Listed(list(_lines(str(path), decode(data, str(path)))))


def _lines(path: str, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for cells in reader:
            yield Row(f"{path}:{reader.line_num}", cells)
    except csv.Error as error:
        what = _("CSV として読めません: {error}").format(error=error)
        raise AuditError([Problem(f"{path}:{reader.line_num}", what)]) from None
