"""Papers as Word files: opened again with python-docx, read by the linter, turned to pages by LibreOffice."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.errors import UsageError
from secops.isms.audit.draft import Spot
from secops.isms.audit.lint import facts_of, lint
from secops.isms.audit.paper_style import LETTERS, PaperKind, Scheme
from secops.report.papers import build
from secops.report.papers.model import Items, Order, Para
from secops.report.papers.read_word import read_word
from secops.report.papers.word import write_docx
from tests.isms.audit import books
from tests.report.papers import as_pdf, needs_office, order, pages, paper, part

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FORBIDDEN = "墨田 太郎"


def test_the_report_has_real_headings_in_the_order_of_the_form():
    document = Document(io.BytesIO(write_docx(paper())))
    heads = [one.text for one in document.paragraphs if one.style and one.style.style_id == "Heading1"]
    assert heads == [
        "監査の概要",
        "監査結果",
        "指摘事項",
        "優良事例",
        "全庁的な課題（横展開を要する事項）",
        "今後の予定",
    ]
    below = [one.text for one in document.paragraphs if one.style and one.style.style_id == "Heading2"]
    assert below[:9] == [
        "監査の目的",
        "監査の対象",
        "監査の対象期間",
        "監査の実施期間",
        "監査の実施体制",
        "監査の基準",
        "監査の方法",
        "監査の対象から除いた範囲",
        "評価の区分",
    ]


@pytest.mark.parametrize(
    ("scheme", "levels"),
    [
        (Scheme.REPORT, ["第%1　", "%2　", "(%3)　", "%4　", "(%5)　"]),
        (Scheme.NUMBERS, ["%1　", "(%2)　", "%3　", "%4　", "(%5)　"]),
        (Scheme.DASHES, ["%1　", "%1―%2　", "%1―%2―%3　", "(%4)　", "%5　"]),
    ],
)
def test_headings_are_numbered_by_a_setting_of_the_list(scheme, levels):
    data = write_docx(paper(scheme=scheme))
    numbering = part(data, "word/numbering.xml")
    first = next(numbering.iter(f"{W}abstractNum"))
    assert [one.get(f"{W}val") for one in first.iter(f"{W}lvlText")] == levels
    linked = [one.get(f"{W}val") for one in first.iter(f"{W}pStyle")]
    assert linked == [f"Heading{level}" for level in range(1, 6)]


def test_the_table_of_contents_is_a_field_that_word_brings_up_to_date():
    data = write_docx(paper())
    codes = [one.text for one in part(data, "word/document.xml").iter(f"{W}instrText")]
    assert codes[0].strip().startswith("TOC")
    assert next(part(data, "word/settings.xml").iter(f"{W}updateFields")).get(f"{W}val") == "true"


def test_pages_are_upright_with_wide_ones_for_the_map_and_numbered():
    document = Document(io.BytesIO(write_docx(paper())))
    widths = [round(section.page_width.mm) for section in document.sections if section.page_width]
    assert widths == [210, 297, 210]
    assert "PAGE" in document.sections[0].footer._element.xml
    assert document.sections[0].footer.paragraphs[0].text == "- 1 -"


def test_every_table_repeats_its_head_and_keeps_its_rows_whole():
    document = Document(io.BytesIO(write_docx(paper())))
    listed = [table for table in document.tables if table.rows[0]._tr.find(f".//{W}tblHeader") is not None]
    assert len(listed) > 8
    for table in listed:
        assert all(row._tr.find(f".//{W}cantSplit") is not None for row in table.rows)


def test_faces_are_set_for_japanese_too():
    styles = part(write_docx(paper()), "word/styles.xml")
    normal = styles.find(f"{W}docDefaults//{W}rFonts")
    assert normal.get(f"{W}eastAsia") == normal.get(f"{W}ascii") == "ＭＳ 明朝"
    head = next(one for one in styles.iter(f"{W}style") if one.get(f"{W}styleId") == "Heading1")
    assert head.find(f".//{W}rFonts").get(f"{W}eastAsia") == "ＭＳ ゴシック"


def test_a_draft_says_so_on_every_page_and_an_issued_paper_does_not():
    for kind in PaperKind:
        draft, issued = write_docx(paper(kind)), write_docx(paper(kind, draft=False))
        for section in Document(io.BytesIO(draft)).sections:
            assert "案" in section.header.paragraphs[0].text
            assert (
                "案" in section.first_page_header.paragraphs[0].text or not section.different_first_page_header_footer
            )
        assert all("案" not in one.header.paragraphs[0].text for one in Document(io.BytesIO(issued)).sections)


def test_fields_of_the_document_system_are_empty_until_they_are_given():
    empty = Document(io.BytesIO(write_docx(paper())))
    assert [(row.cells[0].text, row.cells[1].text) for row in empty.tables[0].rows] == [
        ("文書番号", ""),
        ("決裁日", ""),
        ("保存年限", ""),
    ]
    filled = replace(order(), number="8墨総総第12号", decided="令和9年2月1日", retention="5年")
    document = Document(io.BytesIO(write_docx(build(books.ledger().book, filled))))
    assert [row.cells[1].text for row in document.tables[0].rows] == ["8墨総総第12号", "令和9年2月1日", "5年"]


def test_a_letter_has_its_head_and_is_polite_in_a_plain_ward():
    lines = [line.text for line in read_word("a", write_docx(paper(PaperKind.NOTICE, "1010"))).lines]
    assert "区民課長　様" in lines
    assert "下記のとおり情報セキュリティ監査を実施しますので、御協力をお願いします。" in lines
    assert "令和8年9月14日午前9時30分から午前11時30分まで" in "".join(lines)
    assert "以上" in lines


def test_numbers_carry_their_names():
    draft = read_word("a.docx", write_docx(paper()))
    assert draft.meta["kind"] == "report"
    shown = {mark for line in draft.lines for mark, _text in line.marks}
    assert shown == set(draft.marks)
    assert ("findings.total", "4") in draft.marks.values()


@pytest.mark.parametrize("kind", list(PaperKind))
@pytest.mark.parametrize("department", ["", "1010"])
def test_what_we_make_passes_our_own_linter(kind, department):
    if department and kind is PaperKind.SUMMARY:
        with pytest.raises(UsageError):
            paper(kind, department)
        return
    made = paper(kind, department, draft=False)
    book = books.ledger().book
    facts = facts_of(book, made.order.style, kind, made.figures, (*books.STAFF, "区民課長"))
    facts = replace(facts, names=books.STAFF)
    assert lint(read_word("a.docx", write_docx(made)), facts) == []


@pytest.mark.parametrize("kind", list(PaperKind))
def test_our_own_sentences_follow_the_style(kind):
    book = books.ledger(findings=(), earlier=(), plan=replace(books.plan(), purpose="")).book
    made = build(book, order(kind, polite=True, draft=False))
    facts = facts_of(book, made.order.style, kind, made.figures)
    assert lint(read_word("a.docx", write_docx(made)), facts) == []


def test_the_comma_of_the_ward_stands_everywhere_but_in_the_words_of_others():
    lines = read_word("a", write_docx(paper(comma="，"))).lines
    assert not [
        line for line in lines if "、" in line.text and line.spot is not Spot.QUOTE and line.label != "改善の内容"
    ]


def test_a_department_that_is_not_audited_has_no_paper():
    with pytest.raises(UsageError, match="9999"):
        paper(PaperKind.REPORT, "9999")


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_written_in_a_finding_makes_a_file_that_opens(text):
    book = books.ledger(findings=(replace(books.findings()[0], fact=text, title=text or "題"),)).book
    data = write_docx(build(book, order()))
    assert Document(io.BytesIO(data)).paragraphs


def test_markup_in_words_stays_words():
    evil = '<w:p/>&amp;"]]>{{7*7}}\u202e\x00'
    made = replace(paper(), blocks=(Para(evil), Items((evil,), numbered=True)))
    lines = read_word("a", write_docx(made)).lines
    assert [line.text for line in lines if line.spot is Spot.BODY][-1].startswith('<w:p/>&amp;"]]>{{7*7}}')


@needs_office
@pytest.mark.parametrize("kind", [PaperKind.REPORT, PaperKind.NOTICE, PaperKind.FORM])
def test_libreoffice_opens_it_and_shows_what_it_says(kind, tmp_path):
    data = write_docx(paper(kind, "1010" if kind in LETTERS or kind is PaperKind.FORM else ""))
    found = pages(as_pdf(data, tmp_path))
    whole = "".join(found)
    assert all("案" in page for page in found)
    if kind is PaperKind.REPORT:
        assert "第1監査の概要" in whole
        assert "第6今後の予定" in whole
        assert "別紙2項目別結果一覧" in whole
        assert "重大な不適合1件" in whole
        assert sum("監査項目○△×" in page for page in found) > 3  # the head on each page of the long table
    if kind is PaperKind.NOTICE:
        assert len(found) == 1


def test_the_order_of_a_paper_is_kept_in_it():
    made = paper()
    assert isinstance(made.order, Order)
    assert made.meta["department"] == ""
    assert len(made.meta["figures"]) == 64
