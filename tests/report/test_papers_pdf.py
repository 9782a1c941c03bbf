"""Papers as PDF: pages render, words are there, every letter has its shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secops.isms.audit.paper_style import PaperKind, Scheme
from secops.report.papers.fonts import picture
from secops.report.papers.model import Items, Para
from secops.report.papers.pdf import as_data, write_pdf
from secops.report.papers.web import write_html
from tests.report.papers import pages, paper

HOSTILE = '#import "/etc/passwd" *太字* $x$ <label> @ref [#panic("x")] \\ "\u202e\x00\ue000'


@pytest.mark.parametrize("kind", list(PaperKind))
def test_every_paper_makes_pages_with_its_mark_and_number(kind):
    pdf = write_pdf(paper(kind, "" if kind is PaperKind.SUMMARY else "1010"))
    found = pages(pdf)
    assert found
    assert all("案" in page for page in found)
    numbered = [page for page in found if "-" in page]
    assert len(numbered) >= len(found) - 1  # but for the cover


def test_a_released_paper_has_no_mark():
    assert not any(page.startswith("案") for page in pages(write_pdf(paper(draft=False))))


def test_pages_render_with_ink_on_each():
    import pypdfium2

    document = pypdfium2.PdfDocument(write_pdf(paper()))
    for page in document:
        raster = page.render(scale=0.5, grayscale=True)
        pixels = bytes(raster.buffer)
        assert min(pixels) < 100
        assert max(pixels) > 200
    document.close()


def test_no_letter_is_without_a_shape():
    """A missing glyph has no Unicode value in the text layer; every word of the paper is found there."""
    whole = "".join(pages(write_pdf(paper())))
    assert "\x00" not in whole
    assert "\ufffd" not in whole
    for words in ("達成率は86.7％", "重大な不適合1件", "別紙3用語", "国民健康保険課", "○△×対象外未確認"):
        assert words in whole


def test_words_are_never_read_as_markup():
    made = replace(paper(), blocks=(Para(HOSTILE), Items((HOSTILE,))), toc=False, cover=None)
    whole = "".join(pages(write_pdf(made)))
    assert '#import"/etc/passwd"*太字*$x$<label>@ref[#panic("x")]' in whole
    assert "<U+202E>" in whole


@pytest.mark.parametrize(
    ("scheme", "numbers"),
    [
        (Scheme.REPORT, ["第1", "1", "2"]),
        (Scheme.NUMBERS, ["1", "(1)", "(2)"]),
        (Scheme.DASHES, ["1", "1―1", "1―2"]),
    ],
)
def test_headings_have_the_numbers_of_the_scheme(scheme, numbers):
    data = as_data(paper(scheme=scheme))
    heads = [one["number"] for section in data["sections"] for one in section["blocks"] if one["type"] == "heading"]
    assert heads[:3] == numbers


def test_the_head_of_a_long_table_is_on_each_of_its_pages():
    found = pages(write_pdf(paper()))
    assert sum("番号監査項目○△×" in page for page in found) > 3


def test_the_same_paper_gives_the_same_pdf():
    assert write_pdf(paper()) == write_pdf(paper())


def test_as_html_nothing_acts():
    made = replace(paper(), blocks=(*paper().blocks, Para("<script>alert(1)</script>")))
    html = write_html(made)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "第1　監査の概要" in html
    assert html.count('class="draft"') == 1


def test_as_html_the_cover_has_the_fields_of_the_document_system():
    made = paper()
    html = write_html(replace(made, order=replace(made.order, number="8墨総総第12号")))
    assert '<th scope="row">文書番号</th><td>8墨総総第12号</td>' in html
    assert '<th scope="row">決裁日</th><td></td>' in html
    assert "保存年限" in html
    assert "最高情報セキュリティ責任者" in html.split("<h1>")[0]


def test_a_drawing_becomes_a_picture():
    assert picture('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').startswith(b"\x89PNG")
