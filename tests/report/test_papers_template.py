"""Own Word templates: filled in, and kept in their jail."""

from __future__ import annotations

import io

import pytest
from docx import Document

from secops.errors import AuditError
from secops.report.papers import build
from secops.report.papers.desk import Desk
from secops.report.papers.read_word import read_word
from secops.report.papers.template import fill, filling
from tests.isms.audit import books
from tests.report.papers import order


def template(*paragraphs: str, header: str = "{{ draft_mark }}") -> bytes:
    document = Document()
    document.sections[0].header.paragraphs[0].text = header
    for text in paragraphs:
        document.add_paragraph(text)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def filled(*paragraphs: str, draft: bool = True, header: str = "{{ draft_mark }}") -> list[str]:
    book, asked = books.ledger().book, order(draft=draft)
    made = fill("report.docx", template(*paragraphs, header=header), filling(Desk(book, asked), build(book, asked)))
    return [line.text for line in read_word("a", made).lines]


def test_names_loops_and_conditions_are_filled_in():
    lines = filled(
        "{{ ward }}{{ year }} 指摘事項{{ figures.findings.total }}件",
        "{%p for one in findings %}",
        "{{ loop.index }} {{ one.number }} {{ one.fact }}",
        "{%p endfor %}",
        "{%p if good_practices %}",
        "優良事例 {{ good_practices[0].title }}",
        "{%p endif %}",
        "{{ auditors | join('、') }}",
    )
    assert "〇〇区令和8年度 指摘事項4件" in lines
    assert "1 2026-01 区民課において、外部記録媒体の利用が記録されていないことを確認した。" in lines
    assert any(line.startswith("優良事例 標的型攻撃メール訓練") for line in lines)


def test_the_filled_paper_knows_what_it_is():
    book, asked = books.ledger().book, order()
    made = fill("report.docx", template("{{ ward }}"), filling(Desk(book, asked), build(book, asked)))
    assert read_word("a", made).meta["kind"] == "report"


def test_a_draft_without_its_mark_is_refused():
    with pytest.raises(AuditError, match="draft_mark"):
        filled("{{ ward }}", header="")
    assert "〇〇区" in filled("{{ ward }}", header="", draft=False)


@pytest.mark.parametrize(
    "evil",
    [
        "{{ ward.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ ward['__class__'] }}",
        "{{ ward | attr('__class__') }}",
        "{{ findings.append }}",
        "{{ findings.append(1) }}",
        "{{ ward.upper() }}",
        "{{ self._TemplateReference__context }}",
        "{{ range(9) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ loop }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d' | format(1) }}",
        "{% macro x() %}{% endmacro %}{{ x() }}",
        "{% set x = ward.__class__ %}{{ x }}",
        "{{ figures.__class__ }}",
        "{{ (findings | first).__class__ }}",
        "{% for one in findings %}{{ one.__class__ }}{% endfor %}",
        "{{ findings }}",
    ],
)
def test_whoever_tries_to_leave_is_told_where(evil):
    with pytest.raises(AuditError, match=r"report\.docx: (段落 2|word/)") as error:
        filled("{{ ward }}", evil)
    assert "root:" not in str(error.value)


@pytest.mark.parametrize("wrong", ["{{ wrad }}", "{{ findings[0].titel }}", "{{ ward + }}", "{% for x in %}"])
def test_mistakes_are_said_with_their_place(wrong):
    with pytest.raises(AuditError, match=r"report\.docx: 段落 2"):
        filled("{{ ward }}", wrong)


def test_words_of_a_finding_are_words():
    from dataclasses import replace

    book = books.ledger(findings=(replace(books.findings()[0], fact="{{ 7 * 7 }} <w:p> & \x00"),)).book
    asked = order()
    made = fill("a.docx", template("{{ findings[0].fact }}"), filling(Desk(book, asked), build(book, asked)))
    assert "{{ 7 * 7 }} <w:p> & <U+0000>" in [line.text for line in read_word("a", made).lines]


def test_what_is_no_word_file_is_said():
    book, asked = books.ledger().book, order()
    with pytest.raises(AuditError, match="Word"):
        fill("a.docx", b"PK\x03\x04 not a zip", filling(Desk(book, asked), build(book, asked)))
