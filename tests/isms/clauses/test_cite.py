"""How clauses are cited."""

from __future__ import annotations

import pytest

from secops.isms.clauses.cite import cite
from secops.isms.clauses.model import Clause, Document, DocumentKind, Numbering


@pytest.mark.parametrize(
    ("numbering", "labels", "expected"),
    [
        (Numbering.ARTICLES, ["第1章", "第2節", "第12条", "2", "(1)", "ア"], "第12条第2項第1号ア"),
        (Numbering.ARTICLES, ["第3条の2", "(3)"], "第3条の2第3号"),
        (Numbering.ARTICLES, ["第3条", "\uff0812\uff09", "①"], "第3条第12号①"),
        (Numbering.ARTICLES, ["第1章"], "第1章"),
        (Numbering.NUMBERS, ["6", "(1)", "①"], "6 (1) ①"),
        (Numbering.DASHES, ["2―6―1"], "2―6―1"),
        (Numbering.DASHES, ["2", "2―6", "2―6―1", "(1)"], "2―6―1 (1)"),
        (Numbering.NUMBERS, ["6", "6.1", "(6)"], "6.1 (6)"),
        (Numbering.ARTICLES, ["第3条", "2", "十一"], "第3条第2項第十一号"),
    ],
)
def test_a_clause_is_cited_as_its_numbering_is_read(numbering, labels, expected):
    assert cite(numbering, labels) == expected


def test_a_document_cites_its_clause_by_all_above_it():
    clauses = (Clause("a", "第1章", 1), Clause("b", "第1条", 2, "a"), Clause("c", "2", 3, "b"))
    document = Document("x", "題名", DocumentKind.OTHER, clauses)
    assert document.number("c") == "第1条第2項"
    assert [one.id for one in document.line("c")] == ["a", "b", "c"]
