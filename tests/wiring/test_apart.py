"""Workbooks are read in a child: it says what reading here says, and what kills it is said."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import openpyxl
import pytest

from secops.errors import InventoryError
from secops.locale import use_language
from secops.org.workbook import Fault, Limits, open_sheets
from secops.wiring.apart import sheets_apart


def book(*rows: tuple[object, ...], merge: str = "") -> bytes:
    made = openpyxl.Workbook()
    sheet: Any = made.active
    for row in rows:
        sheet.append(row)
    if merge:
        sheet.merge_cells(merge)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_the_child_says_the_same_as_reading_here():
    data = book(("番号", "題名"), ("A-1", "=1+1"), ("A-2", "台帳\n二行目"), (None, "𠮷"), merge="A3:A4")
    found = sheets_apart("daicho.xlsx", data)
    assert found == open_sheets(data, "daicho.xlsx")
    cells = [cell for _number, row in found[0].rows for cell in row]
    assert [type(cell) for cell in cells if "数式" in cell] == [Fault]


@pytest.mark.parametrize("data", [b"PK\x03\x04 no zip", b"\xd0\xcf\x11\xe0 old", b"PK\x03\x04" + b"0" * (21 << 20)])
def test_the_reason_of_a_refusal_comes_through(data):
    with pytest.raises(InventoryError) as here:
        open_sheets(data, "x.xlsx")
    with pytest.raises(InventoryError) as there:
        sheets_apart("x.xlsx", data)
    assert there.value.problems == here.value.problems


def test_limits_are_the_callers():
    with pytest.raises(InventoryError, match="行が多すぎます"):
        sheets_apart("x.xlsx", book(*[(str(at),) for at in range(9)]), Limits(rows=5))


@pytest.mark.parametrize("limits", [{"memory": 40 << 20}, {"seconds": 0}])
def test_a_file_that_takes_too_much_ends_the_child_alone(limits):
    heavy = book(*[tuple(f"{row}-{column}" for column in range(100)) for row in range(2_000)])
    with pytest.raises(InventoryError, match="安全に読めない"):
        sheets_apart("重い.xlsx", heavy, **limits)


def test_the_child_speaks_the_language_of_who_asks():
    use_language("en")
    try:
        with pytest.raises(InventoryError, match="Excel"):
            sheets_apart("x.xlsx", b"PK\x03\x04 no zip")
        with pytest.raises(InventoryError) as caught:
            sheets_apart("x.xlsx", b"PK\x03\x04 no zip")
        assert "読めません" not in str(caught.value)
    finally:
        use_language("")


def test_registers_findings_and_items_are_read_there(tmp_path):
    """Nobody opens a workbook in this process: what would is never even loaded."""
    path = tmp_path / "daicho.xlsx"
    path.write_bytes(book(("資産番号", "資産名"), ("A-1", "台帳")))
    (tmp_path / "read.py").write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from secops.wiring.inventory import read_given\n"
        "from secops.wiring.tables import read_rows\n"
        "if __name__ == '__main__':\n"
        "    path = Path(sys.argv[1])\n"
        "    print(read_given([path], None).parsed['assets'].rows[0].name, read_rows(path).rows[1].cells[1])\n"
        "    print('openpyxl' in sys.modules)\n",
        encoding="utf-8",
    )
    argv = [sys.executable, str(tmp_path / "read.py"), str(path)]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(argv, check=True, capture_output=True, timeout=120, encoding="utf-8", env=paths).stdout
    assert said.split() == ["台帳", "台帳", "False"]
