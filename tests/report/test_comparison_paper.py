"""The 新旧対照表 on paper: Word and HTML from the same layout."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date

import docx
import pytest
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from secops.errors import PolicyError
from secops.isms.policy.comparison import compare
from secops.isms.policy.marks import Grid, plain
from secops.report.comparison import Cell, Sheet, columns, entries, lead
from secops.report.comparison_docx import write_docx
from secops.report.comparison_html import write_html
from secops.report.comparison_style import ComparisonStyle, read_style
from tests.isms.policy.documents import clause, document, revised, sample

USUAL = ComparisonStyle()
REASON = "ガイドラインの改定に伴い、規定を整備する必要がある。"


def sheet(**more) -> Sheet:
    return Sheet(compare(sample(), revised()), **more)


def told(cell: Cell) -> list[str]:
    return [
        "[table]"
        if isinstance(one, Grid)
        else "".join(f"[{part.text}]" if part.changed else part.text for part in one.parts)
        for one in cell
    ]


def open_docx(style: ComparisonStyle = USUAL, **more):
    return docx.Document(io.BytesIO(write_docx(sheet(**more), style)))


def test_each_row_has_both_texts_side_by_side():
    assert [(told(one.new), told(one.old)) for one in entries(sheet(), USUAL)] == [
        (["第1章　総則"], ["第1章　総則"]),
        (["第1条　（略）"], ["第1条　（略）"]),
        (
            ["（適用範囲）", "第2条　この基準は、全ての職員[等]に適用する。"],
            ["（適用範囲）", "第2条　この基準は、全ての職員に適用する。"],
        ),
        (["（削る）"], ["[2　前項の職員には、会計年度任用職員を含む。]"]),
        (["[2]　（略）"], ["[3]　（略）"]),
        (["第2章　情報資産"], ["第2章　情報資産"]),
        (["[（台帳）]", "[第3条　情報資産の台帳を作る。]"], ["（新設）"]),
        (
            ["（分類）", "第[4]条　情報資産を次の表のとおり分類する。", "[table]"],
            ["（分類）", "第[3]条　情報資産を次の表のとおり分類する。", "[table]"],
        ),
        (["（持ち出し）", "第[5]条　（略）"], ["（持ち出し）", "第[4]条　（略）"]),
        (["附則　（略）"], ["附則　（略）"]),
    ]


def test_the_day_of_commencement_stands_in_a_row_of_its_own():
    last = entries(sheet(effective=date(2027, 4, 1)), USUAL)[-1]
    assert told(last.new) == ["[附　則]", "[この対策基準は、令和9年4月1日から施行する。]"]
    assert last.old == ()


def test_a_document_that_says_itself_from_when_it_is_in_force_gets_no_second_row():
    new = replace(
        revised(), clauses=(*revised().clauses, clause("t-4", "附則", "", "この基準は、令和9年4月1日から施行する。"))
    )
    found = entries(Sheet(compare(sample(), new), effective=date(2027, 4, 1)), USUAL)
    assert sum("施行" in line for one in found for line in told(one.new)) == 1


def test_a_new_chapter_is_called_new_once_and_not_article_by_article():
    new = document(clause("t-1", "第1章", "総則"), clause("t-1-1", "第1条", "目的", "守る。", parent="t-1"))
    found = entries(Sheet(compare(document(), new)), USUAL)
    assert [told(one.old) for one in found] == [["（新設）"], []]


@pytest.mark.parametrize(
    ("style", "approved", "expected"),
    [
        (USUAL, False, ["改正案", "現行"]),
        (USUAL, True, ["改正後", "改正前"]),
        (ComparisonStyle(new_side="right"), False, ["現行", "改正案"]),
        (ComparisonStyle(remarks=True), True, ["改正後", "改正前", "備考"]),
    ],
)
def test_heads_and_sides_are_a_setting(style, approved, expected):
    assert list(columns(sheet(approved=approved), style)) == expected


def test_where_the_table_itself_amends_it_has_a_lead_sentence_and_a_note():
    assert lead(sheet(approved=True), USUAL) == ("", "")
    above, below = lead(sheet(approved=True), ComparisonStyle(lead=True))
    assert above == "次の表の改正前の欄に掲げる規定を同表の改正後の欄に掲げる規定に、下線で示すように改正する。"
    assert below == "備考　改正部分は、下線の部分である。"


def test_markers_and_neighbours_can_be_left_out():
    found = entries(sheet(), ComparisonStyle(markers=False, omitted=False))
    texts = [line for one in found for line in told(one.new) + told(one.old)]
    assert not {"（新設）", "（削る）", "第1条　（略）"} & set(texts)


def test_the_word_file_has_equal_columns_a_repeated_head_and_page_numbers():
    found = open_docx()
    (table,) = found.tables
    assert [cell.text for cell in table.rows[0].cells] == ["改正案", "現行"]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert len({column.width for column in table.columns}) == 1
    section = found.sections[0]
    assert section.orientation == WD_ORIENT.LANDSCAPE
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (297, 210)
    assert "PAGE" in section.footer._element.xml
    assert found.paragraphs[0].text == "〇〇区情報セキュリティ対策基準新旧対照表"


def test_changed_strings_are_underlined_on_both_sides_in_the_word_file():
    (table,) = open_docx().tables
    marked = [
        (at, run.text)
        for row in table.rows
        for at, cell in enumerate(row.cells)
        for paragraph in cell.paragraphs
        for run in paragraph.runs
        if run.underline
    ]
    assert (0, "等") in marked
    assert (1, "2　前項の職員には、会計年度任用職員を含む。") in marked


def test_tables_within_a_clause_are_tables_in_the_word_file():
    (table,) = open_docx().tables
    new, old = table.rows[8].cells
    assert [[cell.text for cell in row.cells] for row in new.tables[0].rows][1] == ["3", "住民記録"]
    assert len(old.tables[0].rows) == 3


@pytest.mark.parametrize(("place", "first"), [("before", "改正理由"), ("after", "新旧対照表")])
def test_the_reason_is_a_sheet_of_its_own(place, first):
    found = open_docx(ComparisonStyle(reason=place), reason=REASON)
    assert found.paragraphs[0].text.endswith(first)
    assert len(found.sections) == 2
    assert any(one.text == REASON for one in found.paragraphs)


def test_nothing_changed_is_said():
    same = Sheet(compare(sample(), sample()))
    assert "（改正する部分はない。）" in write_html(same, USUAL)
    assert (
        docx.Document(io.BytesIO(write_docx(same, USUAL))).tables[0].rows[1].cells[0].text == "（改正する部分はない。）"
    )


def test_hostile_text_does_nothing_in_either_file():
    hostile = "<script>alert(1)</script>\x00\x1b\u202e{{7*7}}"
    new = document(clause("t-1", "第1条", hostile, hostile), title=hostile)
    made = Sheet(compare(document(), new), reason=hostile)
    text = write_html(made, replace(USUAL, font='"}</style><script>'))
    assert "<script" not in text
    assert text.count("</style>") == 1
    assert docx.Document(io.BytesIO(write_docx(made, USUAL))).tables


def test_the_html_has_the_same_underlines_as_the_word_file():
    text = write_html(sheet(effective=date(2027, 4, 1), reason=REASON), ComparisonStyle(remarks=True, lead=True))
    underlined = re.sub(r"</?bdi>", "", "|".join(re.findall(r"<u>(.*?)</u>", text)))
    assert "等|" in underlined
    assert underlined.endswith("この対策基準は、令和9年4月1日から施行する。")
    assert text.index("改正理由</h1>") < text.index("新旧対照表</h1>")


def test_a_style_file_changes_what_it_names_and_lists_every_mistake():
    found = read_style("comparison.toml", 'page = "portrait"\ndraft = ["新", "旧"]\nremarks = true\nsize = 11\n')
    assert found == replace(USUAL, page="portrait", draft=("新", "旧"), remarks=True, size=11)
    with pytest.raises(PolicyError) as caught:
        read_style("comparison.toml", 'page = "round"\nsides = 1\n')
    assert [one.where for one in caught.value.problems] == ["comparison.toml: page", "comparison.toml: sides"]


def test_plain_text_of_a_cell_is_what_the_document_says():
    found = entries(sheet(), USUAL)[2]
    assert [plain(one.parts) for one in found.old if not isinstance(one, Grid)][
        1
    ] == "第2条　この基準は、全ての職員に適用する。"
