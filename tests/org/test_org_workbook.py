"""Registers of a ward in Excel, as wards write them: titles above, merged cells, formulas, bombs."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from secops.errors import InventoryError
from secops.org.excel import Found, addressed, tables_of
from secops.org.inventory import combine, load_directory, parse, write
from secops.org.model import Asset, System
from secops.org.tables import TABLES
from secops.org.workbook import Limits, open_sheets
from secops.report.register_book import blank_book, filled_book
from tests.org.test_org_inventory import FILES, SETTINGS, TODAY

HEADS = (
    "システムコード",
    "システム名",
    "主管課",
    "系統",
    "機密性",
    "委託先",
    "クラウド",
    "個人情報",
    "本人数",
    "確認日",
)


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_workbook(data: bytes, name: str) -> Found:
    return tables_of(open_sheets(data, name), name)


def book_of(*rows: tuple[object, ...], name: str = "システム", book: Any = None) -> Any:
    made = book or Workbook()
    sheet: Any = made.active if book is None else made.create_sheet()
    sheet.title = name
    for row in rows:
        sheet.append(row)
    return made


def wrong(data: bytes, name: str = "daicho.xlsx") -> list[str]:
    with pytest.raises(InventoryError) as caught:
        read_workbook(data, name)
    return [str(problem) for problem in caught.value.problems]


def test_a_register_is_found_by_its_headings_below_a_title():
    book = book_of(
        ("令和8年度 情報システム台帳",),
        (None, "作成: 情報政策課"),
        (),
        HEADS,
        (
            "JK",
            "住民記録",
            "区民課",
            "マイナンバー利用事務系",
            "３Ａ",
            "㈱みどり計算",
            "なし",
            "マイナンバー",
            120000,
            date(2026, 5, 31),
        ),
        (
            "ZEI",
            "税務",
            "１１０",
            "mynumber",
            "自治体機密性3A",
            "なし",
            "○",
            "特定個人情報",
            "約９８，０００人",
            "令和8年6月1日",
        ),
    )
    book_of(("これは", "別の", "メモ"), name="メモ", book=book)
    found = read_workbook(saved(book), "daicho.xlsx")
    assert found.foreign == ("メモ",)
    first, second = found.tables["systems"].rows
    assert (first.contractor, first.cloud, first.personal_data, first.persons) == (
        "㈱みどり計算",
        "no",
        "specific",
        120000,
    )
    assert first.reviewed == date(2026, 5, 31)
    assert (second.contractor, second.persons, second.reviewed) == ("なし", 98000, date(2026, 6, 1))
    assert found.tables["systems"].places == ("daicho.xlsx システム!5", "daicho.xlsx システム!6")


def test_names_of_departments_and_zones_become_codes():
    book = book_of(HEADS, ("JK2", "住民記録", "区民課", "マイナンバー利用事務系"))
    found = read_workbook(saved(book), "x.xlsx")
    kept = {name: parse(text, name, name) for name, text in FILES.items() if name != "systems"}
    directory = combine(kept | found.tables, SETTINGS, TODAY)
    assert (directory.systems[0].department, directory.systems[0].zone) == ("110", "mynumber")


def test_every_wrong_cell_has_its_address():
    book = book_of(
        ("台帳",),
        HEADS,
        ("JK", "住民記録", "区民課", "mynumber", "極秘", "なし", "なし", "特定個人情報", "たくさん", "いつか"),
        ("", "税務", "区民課", "mynumber"),
        ("jk", "重複", "区民課", "mynumber"),
    )
    assert [line.partition(": ")[0] for line in wrong(saved(book))] == [
        "daicho.xlsx システム!E3 機密性",
        "daicho.xlsx システム!I3 本人数",
        "daicho.xlsx システム!J3 確認日",
        "daicho.xlsx システム!A4 システムコード",
        "daicho.xlsx システム!A5 システムコード",
    ]


def test_what_only_the_other_files_show_has_its_address_too():
    found = read_workbook(saved(book_of(HEADS, ("JK", "住民記録", "ない課", "mynumber"))), "x.xlsx")
    kept = {name: parse(text, name, name) for name, text in FILES.items() if name != "systems"}
    with pytest.raises(InventoryError) as caught:
        combine(kept | found.tables, SETTINGS, TODAY)
    (problem,) = addressed(caught.value.problems, found.letters)
    assert problem.where == "x.xlsx システム!C2 主管課コード"


def test_merged_headings_and_merged_cells_are_read_as_a_person_reads_them():
    book = book_of(
        ("資産番号", "情報資産名", "主管課", "分類", None, None),
        (None, None, None, "機密性", "完全性", "可用性"),
        ("A-1", "転入届", "区民課", "3B", "2", "2"),
        ("A-2", "証明書交付簿", None, "2", 1, 1),
        ("A-3", "受付表", None, "1", 1, 1),
        name="資産台帳",
    )
    sheet = book.active
    for merged in ("A1:A2", "B1:B2", "C1:C2", "D1:F1", "C3:C5"):
        sheet.merge_cells(merged)
    found = read_workbook(saved(book), "x.xlsx")
    assert set(found.tables) == {"assets"}
    rows = found.tables["assets"].rows
    assert [row.department for row in rows] == ["区民課"] * 3
    assert [(row.confidentiality, row.integrity, row.availability) for row in rows] == [
        ("c3b", "i2", "a2"),
        ("c2", "i1", "a1"),
        ("c1", "i1", "a1"),
    ]


def test_one_sheet_for_each_department_is_one_register():
    book = book_of(("資産番号", "資産名", "主管課"), ("A-1", "転入届", "区民課"), name="区民課")
    book_of(("資産番号", "主管課", "資産名"), ("B-1", "税務課", "課税台帳"), name="税務課", book=book)
    found = read_workbook(saved(book), "x.xlsx").tables["assets"]
    assert [(row.code, row.department) for row in found.rows] == [("A-1", "区民課"), ("B-1", "税務課")]
    book_of(("資産番号", "資産名"), ("a-1", "また転入届"), name="また", book=book)
    assert [line.partition(": ")[0] for line in wrong(saved(book))] == ["daicho.xlsx また!A2 資産番号"]


def test_a_formula_without_a_saved_result_is_said_and_one_in_another_column_is_not():
    book = book_of(("資産番号", "資産名", "備考"), ("A-1", "=B1&C1", "=1+1"))
    (line,) = wrong(saved(book))
    assert line.startswith("daicho.xlsx システム!B2 情報資産名: 数式の計算結果が保存されていません")
    assert read_workbook(saved(book_of(("資産番号", "資産名", "備考"), ("A-1", "台帳", "=1+1"))), "x.xlsx").tables


def test_the_saved_result_of_a_formula_is_its_value():
    data = saved(book_of(("資産番号", "資産名"), ("A-1", "=1+1")))
    calculated = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(calculated, "w") as new:
        for part in old.infolist():
            new.writestr(
                part,
                old.read(part)
                .replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>")
                .replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"),
            )
    assert read_workbook(calculated.getvalue(), "x.xlsx").tables["assets"].rows[0].name == "2"


def test_leading_zeros_that_a_format_shows_are_kept():
    book = book_of(("資産番号", "資産名", "主管課"), ("A-1", "台帳", 110))
    book.active["C2"].number_format = "0000"
    assert read_workbook(saved(book), "x.xlsx").tables["assets"].rows[0].department == "0110"


def test_headings_that_are_repeated_on_each_page_are_no_rows():
    book = book_of(("資産番号", "資産名※"), ("A-1", "台帳"), ("資産番号", "資産名"), ("A-2", "名簿"))
    assert len(read_workbook(saved(book), "x.xlsx").tables["assets"].rows) == 2


def test_a_workbook_without_a_register_says_what_is_missing():
    (line,) = wrong(saved(book_of(("システムコード", "名前だけ", "系統"), ("x", "y", "z"))))
    assert "「システム名」「主管課コード」の列がありません" in line
    (line,) = wrong(saved(book_of(("あ",), ("い",))))
    assert "シート: システム" in line


def zip_of(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def with_part(data: bytes, name: str, change) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change(old.read(part)) if part.filename == name else old.read(part))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + b"x" * 100, "読めません"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, "古い形式"),
        (zip_of(x=b"y"), "Excel ファイルではありません"),
        (zip_of(**{"[Content_Types].xml": b"<a/>", "bomb.xml": b"0" * (101 << 20)}), "展開すると大きすぎる"),
        (b"PK\x03\x04" + b"0" * (21 << 20), "ファイルが大きすぎます"),
        (zip_of(**{"[Content_Types].xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}), "実体宣言"),
        (zip_of(**{"[Content_Types].xml": "<a/>".encode("utf-16")}), "UTF-8 でない"),
        (zip_of(**{"[Content_Types].xml": b"<a/>"}), "読めません"),
    ],
    ids=["cut", "old", "zip", "bomb", "large", "entities", "utf-16", "empty"],
)
def test_what_is_no_workbook_or_a_bomb_is_refused_in_words(data, said):
    with pytest.raises(InventoryError, match=said):
        open_sheets(data, "x.xlsx")


def test_a_cell_at_the_end_of_the_world_does_not_make_a_million_rows():
    book = book_of(("資産番号", "資産名"), ("A-1", "台帳"))
    book.active["A1048576"] = "x"
    with pytest.raises(InventoryError, match="行が多すぎます"):
        open_sheets(saved(book), "x.xlsx")
    with pytest.raises(InventoryError, match="シートが多すぎます"):
        open_sheets(saved(book_of(("x",), name="b", book=book_of(("y",)))), "x.xlsx", Limits(sheets=1))


def test_merges_over_the_whole_sheet_fill_what_is_there_and_no_more():
    data = saved(book_of(("資産番号", "資産名"), ("A-1", "台帳")))
    merges = b"<mergeCells>" + b'<mergeCell ref="C1:C1048576"/>' * 2000 + b"</mergeCells>"
    evil = with_part(
        data, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</sheetData>", b"</sheetData>" + merges)
    )
    assert len(read_workbook(evil, "x.xlsx").tables["assets"].rows) == 1


def test_a_damaged_sheet_is_said_and_no_traceback():
    data = saved(book_of(("資産番号", "資産名"), ("A-1", "台帳")))
    for change in (lambda text: text[:200], lambda text: b"", lambda text: text.replace(b"<row", b"<wor")):
        with pytest.raises(InventoryError, match=r"x\.xlsx"):
            read_workbook(with_part(data, "xl/worksheets/sheet1.xml", change), "x.xlsx")


def test_the_empty_register_is_read_back_and_has_its_lists():
    data = blank_book(
        [TABLES["systems"], TABLES["assets"]], {"department": ["区民課", "税務課"], "zone": ["LGWAN接続系"]}
    )
    found = read_workbook(data, "x.xlsx")
    assert {kind: len(one.rows) for kind, one in found.tables.items()} == {"systems": 0, "assets": 0}
    assert found.foreign == ("記入方法", "選択肢")
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data))
    rules = {str(rule.sqref): rule.formula1 for rule in book["システム"].data_validations.dataValidation}
    assert rules["C2:C2001"] == "'選択肢'!$A$1:$A$2"
    assert [cell.value for cell in book["選択肢"]["A"]][:2] == ["区民課", "税務課"]


def test_a_file_for_others_holds_no_formula():
    from openpyxl import load_workbook

    data = filled_book("台帳", ("名前", "人数"), [('=HYPERLINK("http://evil.example")', 12), ("@x", 3), ("普通", 0)])
    sheet: Any = load_workbook(io.BytesIO(data)).active
    assert [cell.data_type for cell in sheet["A"]] == ["s"] * 4
    assert sheet["A2"].value == '\'=HYPERLINK("http://evil.example")'
    assert sheet["B2"].value == 12


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20).map(str.strip)
names = words.filter(bool)
code = st.from_regex(r"[A-Za-z0-9_.\-]{1,10}", fullmatch=True)
systems = st.builds(
    System, code=code, name=names, department=code, zone=code,
    classification=st.sampled_from(("", "c3a", "c1")), contractor=st.sampled_from(("", "なし", "㈱みどり")),
    cloud=st.sampled_from(("", "no", "yes")), persons=st.none() | st.integers(0, 10**9),
    state=st.sampled_from(("active", "retired")), reviewed=st.none() | st.dates(date(1990, 1, 1)),
)  # fmt: skip
assets = st.builds(
    Asset, code=code, name=names, department=code, retention=words, place=words,
    integrity=st.sampled_from(("", "i2", "i1")), personal_data=st.sampled_from(("", "none", "specific")),
)  # fmt: skip


@given(st.lists(systems, max_size=5, unique_by=lambda one: one.code.lower()))
def test_systems_are_kept_as_they_were_read(rows):
    assert parse(write("systems", rows), "x", "systems").rows == tuple(rows)


@given(st.lists(assets, max_size=5, unique_by=lambda one: one.code.lower()))
def test_assets_are_kept_as_they_were_read(rows):
    assert parse(write("assets", rows), "x", "assets").rows == tuple(rows)


def test_an_asset_names_its_system_and_what_contradicts_itself_is_a_warning():
    files = FILES | {
        "assets": "資産番号,資産名,主管課,利用システム\nA-1,住民票,区民課,住民記録\nA-2,名簿,110,ない\n",
        "systems": "システムコード,システム名,主管課コード,系統,クラウド,クラウドサービス名,個人情報,本人数\n"
        "JK,住民記録,110,mynumber,なし,みどりクラウド,なし,5\n",
    }
    directory = load_directory(files, SETTINGS, TODAY)
    assert [one.system for one in directory.assets] == ["JK", "ない"]
    assert [one.where for one in directory.warnings] == [
        "systems.csv:2 クラウド",
        "systems.csv:2 本人数",
        "assets.csv:3 システムコード",
    ]


def test_a_scope_by_name_reaches_the_units_below():
    directory = load_directory(FILES, SETTINGS, TODAY)
    assert directory.codes_of(frozenset({"区民部"})) == frozenset({"100", "110"})
    assert directory.codes_of(frozenset({"区民課", "知らない課"})) == frozenset({"110", "知らない課"})
    assert directory.codes_of(None) is None


# ------------------------------------------------------------------------------ workbooks as wards really have them


@pytest.mark.parametrize(
    "cell",
    [
        "2027-03-31",
        "2027/3/31",
        "2027年3月31日",
        "令和9年3月31日",
        "令和９年３月３１日",
        "R9.3.31",
        "R9/3/31",
        "令9.3.31",
        "令和9年3月31日(水)",
        "20270331",
        date(2027, 3, 31),
        46477,  # the day as Excel counts it, in a cell whose format is no date
    ],
)
def test_a_day_is_read_however_it_is_written(cell):
    book = book_of(("資産番号", "資産名", "最終確認日"), ("A-1", "台帳", cell))
    assert read_workbook(saved(book), "x.xlsx").tables["assets"].rows[0].reviewed == date(2027, 3, 31)


@pytest.mark.parametrize("cell", ["3月31日", "令和9年度", "2027-02-30", "R0.1.1", "来年", "99999"])
def test_what_is_no_day_is_said_with_its_cell(cell):
    book = book_of(("資産番号", "資産名", "最終確認日"), ("A-1", "台帳", cell))
    (line,) = wrong(saved(book))
    assert line.startswith("daicho.xlsx システム!C2")
    assert "日付" in line


def test_full_width_numbers_and_codes_are_read():
    heads = ("システムコード", "システム名", "主管課コード", "系統", "対象人数")
    book = book_of(heads, ("ＪＫ", "住民記録", "０１１０", "mynumber", "１２，０００人"))
    (row,) = read_workbook(saved(book), "x.xlsx").tables["systems"].rows
    assert (row.code, row.department) == ("JK", "0110")


def test_hidden_rows_and_sheets_are_read_like_others():
    """Nothing is dropped because somebody filtered the list before saving it."""
    book = book_of(("資産番号", "資産名"), ("A-1", "台帳"), ("A-2", "名簿"))
    book.active.row_dimensions[2].hidden = True
    other = book.create_sheet("情報資産2")
    for row in (("資産番号", "資産名"), ("A-3", "図面")):
        other.append(row)
    other.sheet_state = "hidden"
    found = read_workbook(saved(book), "x.xlsx").tables["assets"]
    assert [row.name for row in found.rows] == ["台帳", "名簿", "図面"]


def test_columns_in_another_order_and_unknown_ones_change_nothing():
    book = book_of(("備考欄", "資産名", "担当者印", "資産番号"), ("メモ", "台帳", "印", "A-1"))
    (row,) = read_workbook(saved(book), "x.xlsx").tables["assets"].rows
    assert (row.code, row.name) == ("A-1", "台帳")


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_that_is_a_register_is_named(state):
    book = book_of(("資産番号", "資産名"), ("A-1", "台帳"), name="情報資産")
    book_of(("資産番号", "資産名"), ("A-2", "旧台帳"), name="控え", book=book)
    book_of(("月", "残業時間"), (4, 12), name="勤務表", book=book)
    for name in ("控え", "勤務表"):
        book[name].sheet_state = state
    found = read_workbook(saved(book), "x.xlsx")
    assert (found.hidden, found.foreign) == (("控え",), ("勤務表",))
    assert [row.code for row in found.tables["assets"].rows] == ["A-1", "A-2"]


def test_a_foreign_sheet_is_named_and_left_alone():
    book = book_of(("資産番号", "資産名"), ("A-1", "台帳"), name="情報資産")
    book_of(("月", "残業時間"), (4, 12), name="勤務表", book=book)
    found = read_workbook(saved(book), "x.xlsx")
    assert found.foreign == ("勤務表",)
    assert list(found.tables) == ["assets"]
