"""Every Office file that we write is one that Office opens: checked part by part, opened again, turned to pages."""

from __future__ import annotations

import io
import re

import docx
import openpyxl
import pytest

from secops.isms.audit.paper_style import LETTERS, PaperKind, Scheme
from secops.report.comparison import Sheet as Comparison
from secops.report.comparison_docx import write_docx as write_comparison
from secops.report.comparison_style import ComparisonStyle
from secops.report.papers import build
from secops.report.papers.finish import bracketed
from secops.report.papers.model import Fields, Heading, Para, Table, plain
from secops.report.papers.pdf import heading_pages, write_pdf
from secops.report.papers.score_sheet import write_scores
from secops.report.papers.word import write_docx
from secops.report.policy_docx import write_policy_docx
from tests.isms.audit import books
from tests.ooxml import W, problems
from tests.report.papers import as_pdf, needs_office, order, pages, paper, part
from tests.report.test_comparison_paper import sheet as comparison
from tests.report.test_policy_docx import RULE

EVERY = [
    pytest.param(kind, department, id=f"{kind.value}-{department or 'all'}")
    for kind in PaperKind
    for department in ("", "1010")
    if not (department and kind is PaperKind.SUMMARY)
]


@pytest.mark.parametrize(("kind", "department"), EVERY)
@pytest.mark.parametrize("style", [{}, {"scheme": Scheme.NUMBERS, "polite": True, "comma": "，", "size": 12.0}])
def test_every_paper_is_a_sound_word_file(kind, department, style):
    data = write_docx(paper(kind, department, **style))
    assert problems(data) == []
    assert docx.Document(io.BytesIO(data)).paragraphs


def test_rules_tables_of_changes_and_scores_are_sound():
    made: Comparison = comparison()
    files = [
        write_policy_docx(RULE),
        write_comparison(made, ComparisonStyle()),
        write_scores(books.ledger().book, order()),
    ]
    assert [problems(data) for data in files] == [[], [], []]
    assert openpyxl.load_workbook(io.BytesIO(files[2])).sheetnames
    assert [bool(docx.Document(io.BytesIO(data)).tables) for data in files[:2]] == [True, True]


def test_the_check_finds_what_is_wrong():
    """A check that finds nothing anywhere proves nothing."""
    import zipfile

    data = write_docx(paper(PaperKind.NOTICE, "1010"))
    changes = {
        "word/document.xml": (b'w:val="LetterTitle"', b'w:val="Nowhere"', "style Nowhere is not there"),
        "[Content_Types].xml": (b"/word/header1.xml", b"/word/header9.xml", "typed and not there"),
        "word/_rels/document.xml.rels": (b'Target="/word/footer1.xml"', b'Target="/word/footer7.xml"', "is not there"),
        "word/styles.xml": (b"</w:styles>", b"</w:styles", "word/styles.xml"),
    }
    for name, (old, new, said) in changes.items():
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
            for one in before.namelist():
                text = before.read(one)
                assert one != name or old in text or name.endswith("rels"), name
                text = re.sub(rb"footer1\.xml", b"footer7.xml", text) if one == name and "rels" in name else text
                after.writestr(one, text.replace(old, new) if one == name else text)
        assert any(said in one for one in problems(out.getvalue())), name


# ----------------------------------------------------------------------------------------------------------- contents


def contents(data: bytes) -> list[tuple[str, int]]:
    """The entries of the table of contents with the pages that stand there before Word reckons them anew."""
    document = docx.Document(io.BytesIO(data))
    lines = ["".join(one.text or "" for one in p._p.iter(f"{W}t")) for p in document.paragraphs if _entry(p)]
    return [(match[1], int(match[2])) for line in lines if (match := re.fullmatch(r"(.+?)(\d+)", line))]


def _entry(paragraph) -> bool:
    return (
        paragraph.style is not None
        and paragraph.style.style_id.startswith("TOC")
        and bool(list(paragraph._p.iter(f"{W}hyperlink")))
    )


@pytest.mark.parametrize("kind", [PaperKind.PLAN, PaperKind.REPORT, PaperKind.FOLLOWUP])
def test_the_table_of_contents_has_the_pages_of_our_own_layout(kind):
    made = paper(kind)
    listed, found = contents(write_docx(made)), pages(write_pdf(made))
    assert len(listed) > 4
    assert [page for _text, page in listed] == sorted(page for _text, page in listed)
    for text, page in listed:
        assert re.sub(r"\s+", "", text) in found[page - 1], (text, page)


def test_each_heading_has_its_page():
    made = paper()
    heads = sum(isinstance(one, Heading) for block in made.blocks for one in (block, *getattr(block, "blocks", ())))
    assert len(heading_pages(made)) == heads


@needs_office
@pytest.mark.parametrize("kind", [PaperKind.PLAN, PaperKind.REPORT, PaperKind.FOLLOWUP])
def test_libreoffice_puts_headings_where_the_contents_say_or_a_page_beside(kind, tmp_path):
    """Word and LibreOffice lay out by themselves; lines of one height keep them near, and Word reckons anew."""
    data = write_docx(paper(kind))
    found = pages(as_pdf(data, tmp_path))
    for text, page in contents(data):
        head = re.sub(r"\s+", "", text)
        assert any(head in one for one in found[max(page - 2, 2) : page + 1]), (text, page)


def test_lines_have_one_height_whatever_the_face():
    styles = part(write_docx(paper()), "word/styles.xml")
    for name in ("Normal", "TableText", "FieldLabel"):
        style = next(one for one in styles.iter(f"{W}style") if one.get(f"{W}styleId") == name)
        spacing = style.find(f"{W}pPr/{W}spacing")
        if name == "FieldLabel":
            assert style.find(f"{W}basedOn").get(f"{W}val") == "TableText"
        else:
            assert spacing.get(f"{W}lineRule") == "exact"


# --------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("情報セキュリティ管理者(課長)は", "情報セキュリティ管理者（課長）は"),
        ("6.1 (6) ログの取得等", "6.1 (6) ログの取得等"),
        ("第12条第1項(ア)から(オ)まで", "第12条第1項(ア)から(オ)まで"),
        ("最高責任者(CISO)", "最高責任者（CISO）"),
        ("sha256(x)", "sha256(x)"),
        ("申請(様式(第1号))", "申請（様式（第1号））"),
    ],
)
def test_brackets_around_words_are_wide(given, shown):
    assert bracketed(given) == shown


def test_a_paper_has_no_narrow_bracket_around_words():
    for kind in (PaperKind.PLAN, PaperKind.REPORT, PaperKind.FORM, PaperKind.NOTICE):
        lines = [one.text for one in docx.Document(io.BytesIO(write_docx(paper(kind)))).paragraphs]
        assert not [line for line in lines if re.search(r"\([^)0-9]*[一-鿿][^)]*\)", line)]


def test_the_report_says_from_where_on_a_grade_is_given_and_what_holds_it_down():
    made = paper()
    table = next(one for one in made.blocks if isinstance(one, Table) and one.caption == "評価の基準")
    assert table.rows == (("A", "90％以上"), ("B", "75％以上90％未満"), ("C", "60％以上75％未満"), ("D", "60％未満"))
    text = "".join(plain(one.text) for one in made.blocks if isinstance(one, Para))
    assert "必須の監査項目に×があるときはC以下、完了していない重大な不適合があるときはDとする。" in text
    assert not [one for one in paper(grades=False).blocks if isinstance(one, Table) and one.caption == "評価の基準"]


def test_months_to_come_are_of_the_calendar_year():
    made = paper()
    said = "".join(plain(cell) for one in made.blocks if isinstance(one, Table) for row in one.rows for cell in row)
    year = books.ledger().book.year - 2018
    assert f"令和{year + 1}年1月から2月まで" in said
    assert f"令和{year}年度1月" not in said


def test_a_clause_is_cited_and_not_named_by_its_id():
    made = paper()
    said = "".join(plain(value) for one in made.blocks if isinstance(one, Fields) for _label, value in one.rows)
    assert "第12条 記録の取得" in said
    assert "taisaku-a12" not in said


def test_good_practice_of_the_years_before_is_no_open_matter():
    made = build(books.ledger().book, order(PaperKind.FOLLOWUP))
    said = [plain(row[1]) for one in made.blocks if isinstance(one, Table) for row in one.rows if len(row) > 4]
    assert said
    assert "優良事例" not in said


def test_the_close_of_a_letter_stands_on_the_page_of_what_it_closes():
    data = write_docx(paper(PaperKind.IMPROVEMENT, "1010"))
    document = docx.Document(io.BytesIO(data))
    last = document.tables[-1]
    assert all(
        p._p.find(f"{W}pPr/{W}keepNext") is not None for row in last.rows for c in row.cells for p in c.paragraphs
    )
    found = pages(write_pdf(paper(PaperKind.IMPROVEMENT, "1010")))
    assert "監査人確認" in next(page for page in found if "以上" in page)


@pytest.mark.parametrize("kind", sorted(LETTERS))
def test_the_sender_stands_on_one_line_at_the_right(kind):
    data = write_docx(paper(kind, "1010"))
    sender = next(
        one for one in docx.Document(io.BytesIO(data)).paragraphs if one.style and one.style.style_id == "Sender"
    )
    assert sender.text
    styles = part(data, "word/styles.xml")
    style = next(one for one in styles.iter(f"{W}style") if one.get(f"{W}styleId") == "Sender")
    assert style.find(f"{W}pPr/{W}jc").get(f"{W}val") == "right"


def test_our_files_are_japanese_and_carry_nothing_of_a_template():
    for data in (write_policy_docx(RULE), write_comparison(comparison(), ComparisonStyle()), write_docx(paper())):
        lang = part(data, "word/styles.xml").find(f"{W}docDefaults//{W}lang")
        assert lang.get(f"{W}eastAsia") == "ja-JP"
        import zipfile

        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        assert not [name for name in names if "thumbnail" in name or "WithEffects" in name]


def test_the_disclaimer_is_found_whatever_comma_the_ward_writes():
    from secops.isms.audit.lint import facts_of, lint
    from secops.report.papers.read_word import read_word

    book = books.ledger().book
    made = build(book, order(comma="，", draft=False))
    facts = facts_of(book, made.order.style, PaperKind.REPORT, made.figures)
    assert [one for one in lint(read_word("a.docx", write_docx(made)), facts) if one.code == "grade"] == []
