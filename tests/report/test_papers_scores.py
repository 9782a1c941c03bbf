"""The score table as Excel, and the charts."""

from __future__ import annotations

import io
from dataclasses import replace

from lxml import etree
from openpyxl import load_workbook

from secops.report.charts_audit import Cell, Row, heat_map, heat_rows, step_of, year_bars, year_rows
from secops.report.papers.score_sheet import write_scores
from tests.isms.audit import books
from tests.report.papers import order


def test_numbers_are_numbers_and_the_head_stays_in_sight():
    book = load_workbook(io.BytesIO(write_scores(books.ledger().book, order())))
    assert book.sheetnames == ["部署別", "章別", "部署×章", "項目別", "指摘事項"]
    sheet = book["部署別"]
    assert [cell.value for cell in sheet[2]][:5] == ["部署コード", "部", "課", "達成率（％）", "網羅率（％）"]
    assert sheet["D3"].value == 86.3
    assert sheet["D3"].number_format == "0.0"
    assert sheet["A1"].value.startswith("【案】")
    assert "安全性を保証するものではない" in sheet["A1"].value
    for one in book:
        assert one.freeze_panes == "A3"
        assert one.page_setup.orientation == "landscape"
        assert one.print_title_rows == "$1:$2"


def test_nothing_becomes_a_formula():
    evil = '=HYPERLINK("http://x","y")'
    book = books.ledger(names={**books.NAMES, "1010": evil, "1020": "+1+1", "2010": "@SUM(A1)", "2020": "-2"}).book
    found = load_workbook(io.BytesIO(write_scores(book, order())))
    cells = [cell for sheet in found for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert evil in [cell.value for cell in cells]


def test_of_a_department_there_are_its_items_alone():
    found = load_workbook(io.BytesIO(write_scores(books.ledger().book, order(department="1010"))))
    assert found.sheetnames == ["部署別", "部署×章", "項目別", "指摘事項"]
    assert found["部署別"].max_row == 3


def test_the_worst_stands_first_and_what_was_not_judged_last():
    rows = heat_rows(books.ledger().book)
    totals = [row.total.achievement or 0.0 for row in rows]
    assert totals == sorted(totals)
    unseen = replace(
        books.plan(), units=(*books.plan().units, *(type(books.plan().units[0])(code) for code in ["999"]))
    )
    assert heat_rows(books.ledger(plan=unseen).book)[-1].key == "999"


def test_each_cell_has_its_number_and_a_low_coverage_is_hatched():
    rows = [Row("区民課", (Cell(91.0, 100.0), Cell(30.0, 79.9), Cell(60.0, 49.9), Cell(None)), Cell(55.0, 90.0))]
    tree = etree.fromstring(heat_map(rows, ["1", "2", "3", "4"], "x", total="全体").encode())
    words = [one.text for one in tree.iter("{*}text")]
    assert {"91.0", "30.0", "60.0", "55.0", "―"} <= set(words)
    fills = [one.get("fill") for one in tree.iter("{*}rect")]
    assert fills.count("url(#thin)") == 2  # the cell and the legend
    assert fills.count("url(#thick)") == 2


def test_the_steps_are_those_of_the_legend():
    assert [step_of(value) for value in (100, 90, 89.9, 75, 60, 40, 39.9, 0)] == [0, 0, 1, 1, 2, 3, 4, 4]


def test_names_are_words_in_a_drawing():
    evil = '<script>x</script>&"'
    drawn = heat_map([Row(evil, (Cell(1.0),))], [evil], evil)
    assert b"script" not in b"".join(etree.tostring(one) for one in etree.fromstring(drawn.encode()).iter("{*}script"))
    assert "<script" not in drawn
    assert "<script" not in year_bars([(evil, Cell(50.0, 60.0))], evil)


def test_years_stand_side_by_side_with_this_one_last():
    names, rows = year_rows(books.ledger().book)
    assert names == ["令和6年度", "令和7年度", "令和8年度"]
    assert all(len(row.cells) == 3 for row in rows)
    assert rows[0].cells[-1].achievement == min(row.cells[-1].achievement or 100 for row in rows)
