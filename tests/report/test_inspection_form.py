"""The 自己点検票 as Excel: out and in again with nothing lost, and everything people do to such a file on the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.errors import AuditError, ConflictError, InputError, UsageError
from secops.isms.audit.form import LIMITS, Form, form_of, read_day
from secops.isms.audit.form_import import Imported, take_form
from secops.isms.audit.model import VERDICT_MARKS, Verdict
from secops.isms.audit.ports import Foot
from secops.isms.audit.sheets import ANSWERS, Answer, SheetKind, cleaned, tidy
from secops.org.workbook import open_sheets
from secops.report.inspection_form import file_name, form_data, make_form, put
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.engine import connect
from tests.databases import new_records
from tests.rounds import CLERK, HEAD, KUMIN, NOW, begin, fill, sheet_of

FORMULA = '=HYPERLINK("http://evil.example","x")'


def read_form(data: bytes, name: str) -> Form:
    return form_of(open_sheets(data, name, LIMITS), name)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory) -> Iterator[SqlRounds]:
    database = connect(new_records(tmp_path_factory.mktemp("form") / "records.db"))
    made = SqlRounds(database)
    begin(made, 2025)
    fill(made, sheet_of(made, of="2025"), but="t1")
    begin(made)
    yield made
    database.close()


@pytest.fixture
def number(rounds) -> int:
    """The sheet, without answers: every test begins there."""
    found = sheet_of(rounds).number
    for item, there in rounds.answers(found, CLERK).items():
        rounds.save(found, Answer(item), revision=there.revision, viewer=CLERK, now=NOW)
    foot = rounds.sheet(found, CLERK)
    rounds.save_foot(found, Foot(), revision=foot.revision, viewer=CLERK, now=NOW)
    return found


def export(rounds: SqlRounds, number: int) -> bytes:
    return make_form(form_data(rounds, number, CLERK, site="sumida", ward="〇〇区"))


def edit(data: bytes, **cells: Any) -> bytes:
    """The file after somebody wrote into cells of the form."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    for place, value in cells.items():
        book["点検票"][place] = value
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def take(rounds: SqlRounds, number: int, data: bytes, **how: Any) -> Imported:
    form = read_form(data, "a.xlsx")
    return take_form(rounds, form, rounds.sheet(number, CLERK), "sumida", viewer=CLERK, now=NOW, **how)


def save(rounds: SqlRounds, number: int, answer: Answer, viewer=HEAD) -> Answer:
    there = rounds.answers(number, CLERK).get(answer.item)
    return rounds.save(number, answer, revision=there.revision if there else 0, viewer=viewer, now=NOW)


def test_the_form_looks_as_wards_know_it(rounds, number):
    save(rounds, number, Answer("t1", Verdict.PARTIAL, FORMULA, "理由", "改善", date(2026, 9, 30)))
    book = openpyxl.load_workbook(io.BytesIO(export(rounds, number)))
    page = book["点検票"]
    assert page["A1"].value == "令和8年度 情報セキュリティ自己点検票"
    assert page["B3"].value == "区民部 区民課"
    assert [cell.value for cell in page[8]][3:6] == ["点検項目", "判定", "現状・根拠"]
    assert (page["A9"].value, page["C9"].value, page["E9"].value) == ("t1", "必須", "△")
    assert page["B9"].value == "情報資産の分類と管理\n2"
    assert page["J9"].value == "× 台帳がない"
    assert (page["F9"].value, page["F9"].data_type, page["F9"].quotePrefix) == (FORMULA, "s", True)
    assert page.protection.sheet
    unlocked = {cell.column_letter for row in page["A9:J11"] for cell in row if not cell.protection.locked}
    assert unlocked == set("EFGHI")
    assert page.data_validations.dataValidation[0].formula1 == '"○,△,×,対象外"'
    assert book["_secops"].sheet_state == "veryHidden"
    assert file_name(sheet_of(rounds)) == "自己点検票_2026_区民課.xlsx"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), max_size=60) | st.sampled_from(
    [FORMULA, "+81-3", "-1", "@cmd", "_x0041_", "a\r\nb", "2026-01-01", "007", "TRUE", " x ", "特記事項", "番号"]
)
SAID = st.builds(
    Answer,
    st.just("t1"),
    st.sampled_from(ANSWERS),
    TEXT,
    TEXT,
    TEXT,
    st.none() | st.dates(date(1990, 1, 1), date(2099, 12, 31)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=SAID, two=SAID, summary=TEXT, remarks=TEXT)
def test_out_and_in_again_loses_nothing(rounds, number, one, two, summary, remarks):
    save(rounds, number, one)
    sheet = rounds.sheet(number, CLERK)
    rounds.save_foot(number, Foot(summary, remarks), revision=sheet.revision, viewer=CLERK, now=NOW)
    data = export(rounds, number)
    same = take(rounds, number, data)
    assert (same.saved, same.conflicts, same.problems) == (0, (), ())
    book = openpyxl.load_workbook(io.BytesIO(data))
    page = book["点検票"]
    page["E9"], page["I9"] = VERDICT_MARKS[two.verdict], two.due
    for place, text in (
        ("F9", two.note),
        ("G9", two.reason),
        ("H9", two.improvement),
        ("D13", remarks),
        ("D14", summary),
    ):
        put(page[place], cleaned(text))
    found = take(rounds, number, saved(book))
    assert (found.conflicts, found.problems) == ((), ())
    assert rounds.answers(number, CLERK)["t1"].said == tidy(two).said
    after = rounds.sheet(number, CLERK)
    assert (after.summary, after.remarks) == (cleaned(remarks), cleaned(summary)), "the two were exchanged in the file"


def test_what_was_written_is_taken_and_dates_are_read_as_people_write_them(rounds, number):
    data = edit(
        export(rounds, number), E9="×", F9="台帳なし", G9="人手", H9=FORMULA[1:], I9="令和8年9月", E10="〇",
        E11="対象外", F11=12, D14="総括です",
    )  # fmt: skip
    found = take(rounds, number, data)
    assert (found.saved, found.same, found.problems, found.conflicts) == (3, 0, (), ())
    answers = rounds.answers(number, CLERK)
    assert answers["t1"].due == date(2026, 9, 30)
    assert (answers["t2"].verdict, answers["t3"].note) == (Verdict.MET, "12")
    assert answers["t1"].by == "kumin-tanto"


def test_a_formula_is_a_text_or_a_wrong_cell_and_never_runs(rounds, number):
    found = take(rounds, number, edit(export(rounds, number), E9="○", F9="=1+1", E10="○"))
    assert [(one.where, "計算結果" in one.what) for one in found.problems] == [("点検票!F9", True)]
    assert found.saved == 1, "the other row is taken"
    assert "t1" not in {key for key, one in rounds.answers(number, CLERK).items() if one.verdict is Verdict.MET}


def test_wrong_cells_are_listed_with_their_address_and_the_rest_is_taken(rounds, number):
    data = edit(export(rounds, number), E9="たぶん", E10="○", E11="△", F11="x" * 2001, I9="そのうち")
    found = take(rounds, number, data)
    assert [one.where for one in found.problems] == ["点検票!E9", "点検票!I9", "点検票!E11"]
    assert found.saved == 1


def test_moved_columns_a_renamed_sheet_and_sorted_rows_do_no_harm(rounds, number):
    book = openpyxl.load_workbook(io.BytesIO(edit(export(rounds, number), E9="○", E10="△", G10="理由", H10="改善")))
    page = book["点検票"]
    page.title = "記入済み"
    page.insert_cols(3)
    page.move_range("A9:K9", rows=40)
    page["F8"] = "結 果"
    found = take(rounds, number, saved(book))
    answers = rounds.answers(number, CLERK)
    assert (answers["t2"].verdict, answers["t2"].improvement) == (Verdict.PARTIAL, "改善")
    assert any("t1 の行がありません" in one.what for one in found.problems), "below the foot is no row of the table"


def test_a_missing_column_changes_nothing_and_is_said(rounds, number):
    save(rounds, number, Answer("t1", Verdict.MET, "根拠あり"))
    book = openpyxl.load_workbook(io.BytesIO(export(rounds, number)))
    book["点検票"]["F8"] = "メモ"
    book["点検票"]["E9"] = "×"
    found = take(rounds, number, saved(book))
    assert "列「現状・根拠」がない" in found.problems[0].what
    answer = rounds.answers(number, CLERK)["t1"]
    assert (answer.verdict, answer.note) == (Verdict.NOT_MET, "根拠あり")


def test_rows_that_were_added_doubled_or_deleted_are_said(rounds, number):
    data = edit(export(rounds, number), A9="t9", E9="○", A10="t3", E10="○", E11="×")
    found = take(rounds, number, data)
    said = [(one.where, one.what) for one in found.problems]
    assert ("点検票!A9", "番号「t9」の項目は、この点検票にありません。この行は取り込んでいません。") in said
    assert any(where == "点検票!E11" and "点検票!E10 にも" in what for where, what in said)
    assert {what.split(" ")[0] for where, what in said if where == "点検票"} == {"t1", "t2"}
    assert rounds.answers(number, CLERK)["t3"].verdict is Verdict.MET


def test_rows_that_a_filter_hides_are_taken_like_all_others(rounds, number):
    book = openpyxl.load_workbook(io.BytesIO(edit(export(rounds, number), E9="○", E10="○")))
    book["点検票"].row_dimensions[9].hidden = True
    assert take(rounds, number, saved(book)).saved == 2


def test_merged_answer_cells_are_not_guessed_at(rounds, number):
    book = openpyxl.load_workbook(io.BytesIO(edit(export(rounds, number), E9="○", E11="○")))
    book["点検票"].merge_cells("E9:E10")
    found = take(rounds, number, saved(book))
    assert [one.where for one in found.problems] == ["点検票!E9", "点検票!E10"]
    assert "E9:E10" in found.problems[0].what
    assert found.saved == 1


def test_answers_saved_meanwhile_are_conflicts_and_stay_unless_the_file_is_meant_to_stand(rounds, number):
    data = edit(export(rounds, number), E9="×", F9="台帳がない", E10="○")
    save(rounds, number, Answer("t1", Verdict.MET, "台帳で確認"))
    save(rounds, number, Answer("t3", Verdict.MET))
    found = take(rounds, number, data)
    assert [(one.place, one.item, one.by) for one in found.conflicts] == [("点検票!E9", "t1", "kumin-kacho")]
    assert (found.saved, found.same) == (1, 1), "t3 was left empty in the file: nobody answered it there"
    assert rounds.answers(number, CLERK)["t1"].note == "台帳で確認"
    assert rounds.answers(number, CLERK)["t3"].verdict is Verdict.MET
    again = take(rounds, number, data, theirs=True)
    assert again.conflicts == ()
    assert rounds.answers(number, CLERK)["t1"].verdict is Verdict.NOT_MET
    assert len(rounds.history(number, "t1", CLERK)) >= 2


def test_a_visible_sheet_goes_before_a_hidden_one_and_a_hidden_one_is_told_of(rounds, number):
    book = openpyxl.load_workbook(io.BytesIO(export(rounds, number)))
    old = book.copy_worksheet(book["点検票"])
    old.title, old.sheet_state = "控え", "hidden"
    book.move_sheet(old, -3)
    book.active = book["点検票"]
    assert read_form(saved(book), "a.xlsx").problems == ()
    for one in ("控え", "点検票"):
        book[one].sheet_state = "hidden"
    book.create_sheet("メモ")
    book.active = book["メモ"]
    (told, *_more) = read_form(saved(book), "a.xlsx").problems
    assert "非表示" in told.what


def test_a_foreign_sheet_is_refused(rounds, number):
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["番号", "判定"])
    with pytest.raises(AuditError, match="secops が書き出した点検票ではありません"):
        read_form(saved(book), "a.xlsx")
    other = sheet_of(rounds, KUMIN, of="2025").number
    with pytest.raises(AuditError, match="ほかの点検票のファイル"):
        take(rounds, number, make_form(form_data(rounds, other, CLERK, site="sumida", ward="")))
    book = openpyxl.load_workbook(io.BytesIO(export(rounds, number)))
    for row in book["点検票"]["A8:J8"]:
        for cell in row:
            cell.value = ""
    with pytest.raises(AuditError, match="見出し"):
        read_form(saved(book), "a.xlsx")
    with pytest.raises(InputError):
        read_form(b"PK\x03\x04 no zip", "a.xlsx")


def test_a_sheet_that_is_entered_takes_no_file_and_the_staff_has_none(rounds, tmp_path: Path):
    database = connect(new_records(tmp_path / "records.db"))
    fresh = SqlRounds(database)
    begin(fresh)
    number = sheet_of(fresh).number
    data = edit(export(fresh, number), E9="×")
    fill(fresh, sheet_of(fresh))
    fresh.finish(number, viewer=CLERK, now=NOW)
    with pytest.raises(ConflictError, match="確認待ち"):
        take(fresh, number, data)
    with pytest.raises(UsageError, match="配られたコード"):
        export(fresh, sheet_of(fresh, KUMIN, SheetKind.STAFF).number)
    database.close()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-09-30", date(2026, 9, 30)),
        ("2026/9/1", date(2026, 9, 1)),
        ("令和8年9月30日", date(2026, 9, 30)),
        ("Ｒ８.9.30", date(2026, 9, 30)),
        ("令和8年2月", date(2026, 2, 28)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("令和8年度末", date(2027, 3, 31)),
        ("2026年度中", date(2027, 3, 31)),
        ("", None),
    ],
)
def test_days_as_people_write_them(text, day):
    assert read_day(text) == day


@pytest.mark.parametrize("text", ["そのうち", "2026-13-01", "12-1-1", "令和8年2月30日", "2026"])
def test_what_is_no_day_is_said(text):
    with pytest.raises(ValueError, match="日付として読めません"):
        read_day(text)
