"""A document goes out as a Word file in the form of a rule, and comes back the same."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.isms.clauses.markdown import read_document, write_document
from secops.isms.clauses.md_tables import parts_of, write_table
from secops.isms.clauses.model import Clause, Document, DocumentKind, Event, Link, Numbering
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_in import import_word
from secops.report.policy_docx import contents_of, write_policy_docx

SAMPLES = sorted(Path("policies/sample").glob("*.md"))
RULE = Document(
    "taisaku",
    "みどり区情報セキュリティ対策基準",
    DocumentKind.CONTROL_STANDARD,
    (
        Clause("taisaku-c1", "第1章", 1, title="総則"),
        Clause("taisaku-a1", "第1条", 2, "taisaku-c1", "目的", "この基準は、次による。"),
        Clause("taisaku-a1-2", "2", 3, "taisaku-a1", "", "前項の規定は、次による。"),
        Clause("taisaku-a1-2-i1", "(1)", 4, "taisaku-a1-2", "", "情報資産"),
        Clause("taisaku-f1", "附則", 1, text="この基準は、令和8年4月1日から施行する。"),
        Clause("taisaku-t1", "別表第1", 1, title="(第1条関係)", text="| 区分 | 内容 |\n|---|---|\n| 一 | 甲<br>乙 |"),
    ),
    history=(Event(date(2002, 8, 1), "制定"), Event(date(2023, 4, 1), "改正")),
)


def back(document: Document, into: Document | None = None) -> Document:
    """The document after its way through a Word file."""
    return import_word(read_word("x.docx", write_policy_docx(document)), id=document.id, into=into).document


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_comes_back_to_the_byte(path):
    document = read_document(str(path), path.read_text(encoding="utf-8"))
    assert write_document(back(document, document)) == write_document(document)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_without_the_old_document_the_sample_comes_back_with_the_same_ids(path):
    document = read_document(str(path), path.read_text(encoding="utf-8"))
    assert [one.id for one in back(document).clauses] == [one.id for one in document.clauses]


def test_a_rule_of_chapters_has_its_contents_and_they_are_no_provisions():
    more = (
        Clause("taisaku-c2", "第2章", 1, title="組織"),
        Clause("taisaku-c2-s1", "第1節", 2, "taisaku-c2", "体制"),
        Clause("taisaku-a2", "第2条", 3, "taisaku-c2-s1", "責任者", "責任者を置く。"),
        Clause("taisaku-a3", "第3条", 3, "taisaku-c2-s1", "委員会", "委員会を置く。"),
    )
    document = replace(RULE, clauses=(*RULE.clauses[:4], *more, *RULE.clauses[4:]))
    made = docx.Document(io.BytesIO(write_policy_docx(document)))
    lines = [one.text for one in made.paragraphs if one.style and str(one.style.name).startswith("toc")]
    chapters = ["第1章　総則（第1条）", "第2章　組織（第2条―第3条）", "第1節　体制（第2条―第3条）"]
    assert lines == ["目　次", *chapters, "附則", "別表第1　(第1条関係)"]
    assert back(document, document) == document
    assert contents_of(RULE) == []  # one chapter needs none


# What may stand in a document: no control characters, no line of a table by chance, no empty first or last line.
_LETTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters="|￾￿")
_SIGNS = st.sampled_from(
    ["第12条", "第1章 ", "(1)", "ア\u3000", "2 ", "・", "附則", "別表第1", "。", "#", "\\", "（見出し）", "[図]", "—"]
)
_words = st.lists(_SIGNS | st.text(_LETTERS, min_size=1, max_size=4), max_size=4).map(
    lambda parts: " ".join("".join(parts).split())
)
_cells = st.lists(st.lists(_words, min_size=2, max_size=3), min_size=2, max_size=3).map(
    lambda rows: write_table([row[:2] for row in rows])
)
_paragraph = st.lists(_words.filter(bool), min_size=1, max_size=2).map("\n".join)
_text = st.lists(_paragraph | _cells, max_size=3).map("\n\n".join)
_label = st.sampled_from(
    ["第1章", "第12条", "第12条の2", "2", "(3)", "①", "ア", "(ア)", "2―6―1", "第1", "附則", "別表第1", "様式第2号", ""]
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any tree of clauses, however odd its labels."""
    made: list[Clause] = []
    above: list[str] = []
    for at in range(draw(st.integers(1, 7))):
        depth = draw(st.integers(1, len(above) + 1))
        del above[depth - 1 :]
        made.append(Clause(f"x-{at}", draw(_label), depth, above[-1] if above else "", draw(_words), draw(_text)))
        above.append(f"x-{at}")
    history = draw(
        st.lists(st.builds(Event, st.dates(date(1900, 1, 1), date(2100, 1, 1)), _words.filter(bool)), max_size=2)
    )
    return Document(
        "x",
        draw(_words.filter(bool)),
        DocumentKind.OTHER,
        tuple(made),
        draw(st.sampled_from(Numbering)),
        preamble=draw(_paragraph | st.just("")),
        history=tuple(history),
    )


@settings(max_examples=40, deadline=None)
@given(documents())
def test_any_document_comes_back_with_the_same_clauses(document):
    came = back(document)
    assert [(one.label, one.depth, one.title, one.text) for one in came.clauses] == [
        (one.label, one.depth, one.title, one.text) for one in document.clauses
    ]
    assert (came.title, came.preamble, came.history) == (document.title, document.preamble, document.history)


def test_links_and_owners_come_back_from_the_document_that_exists():
    clauses = tuple(replace(one, links=(Link("mic-2025-03-6.1"),), owner="情報政策課") for one in RULE.clauses)
    document = replace(RULE, clauses=clauses)
    assert back(document, document) == document


def test_the_paper_has_the_form_of_a_rule():
    made = docx.Document(io.BytesIO(write_policy_docx(RULE)))
    section = made.sections[0]
    assert section.page_width
    assert section.page_height
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    said = [paragraph.text for paragraph in made.paragraphs]
    assert said[:6] == [
        "みどり区情報セキュリティ対策基準",
        "平成14年8月1日\u3000制定",
        "令和5年4月1日\u3000改正",
        "第1章\u3000総則",
        "（目的）",
        "第1条\u3000この基準は、次による。",
    ]
    indents = [
        (round(one.paragraph_format.left_indent.pt / 10.5), round(one.paragraph_format.first_line_indent.pt / 10.5))
        for one in made.paragraphs[5:8]
    ]
    assert indents == [(1, -1), (1, -1), (2, -1)]  # 条, 項 at the margin, 号 a character in; lines hang
    assert "PAGE" in section.footer.paragraphs[0]._p.xml
    annex = next(one for one in made.paragraphs if one.text.startswith("別表"))
    assert annex.paragraph_format.page_break_before
    table = made.tables[0]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["区分", "内容"], ["一", "甲\n乙"]]
    properties = table.rows[0]._tr.trPr
    assert properties is not None
    assert properties.find(qn("w:tblHeader")) is not None


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=("C", "Z"))), min_size=2, max_size=2), min_size=2, max_size=4
    )
)
def test_cells_of_a_table_come_back_whatever_stands_in_them(rows):
    assert list(parts_of(write_table(rows))) == [rows]


def test_a_paragraph_that_somebody_typed_into_our_file_finds_its_place():
    made = docx.Document(io.BytesIO(write_policy_docx(RULE)))
    item = next(one for one in made.paragraphs if one.text.startswith("(1)"))
    item.insert_paragraph_before("(9) 迷子")  # the style of the paragraph is the usual one
    after = next(one for one in made.paragraphs if one.text.startswith("附則"))
    after.insert_paragraph_before("(2) 端末")
    out = io.BytesIO()
    made.save(out)
    reading = import_word(read_word("x.docx", out.getvalue()), id="taisaku", into=RULE)
    new = [(one.label, one.text) for one in reading.document.clauses if one.id not in RULE.by_id]
    assert new == [("(9)", "迷子"), ("(2)", "端末")]
    assert [one.text for one in reading.doubts] == ["(9) 迷子"]
