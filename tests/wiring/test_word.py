"""Word files are read in a child: what kills it is said, and the program goes on."""

from __future__ import annotations

import hashlib

import pytest

from secops.errors import AuditError, NotFoundError, PolicyError
from secops.isms.clauses.word_file import read_word
from secops.report.papers import build
from secops.report.papers.desk import Desk
from secops.report.papers.read_word import read_word as read_paper
from secops.report.papers.template import fill, filling
from secops.report.papers.word import write_docx
from secops.wiring.word import fill_apart, open_document, open_word, paper_apart, read_apart
from tests.isms.audit import books
from tests.isms.clauses.word_files import lines, p, word
from tests.report.papers import order, paper
from tests.report.test_papers_template import template


def test_the_child_says_the_same_as_reading_here():
    data = lines("第1条 甲", "2 乙")
    assert read_apart("規程.docx", data) == read_word("規程.docx", data)


def test_the_reason_of_a_refusal_comes_through():
    with pytest.raises(PolicyError) as caught:
        read_apart("規程.docx", b"%PDF-1.7")
    assert str(caught.value).startswith("規程.docx: PDF です")


@pytest.mark.parametrize("limits", [{"memory": 40 << 20}, {"seconds": 0}])
def test_a_file_that_takes_too_much_ends_the_child_alone(limits):
    heavy = word("".join(p(hashlib.sha256(at.to_bytes(4)).hexdigest()) for at in range(200_000)))
    with pytest.raises(PolicyError, match="安全に読めない"):
        read_apart("重い.docx", heavy, **limits)


def test_files_that_are_not_there_or_no_utf8_are_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"ない\.docx"):
        open_word(tmp_path / "ない.docx")
    with pytest.raises(NotFoundError, match=r"ない\.md"):
        open_document(tmp_path / "ない.md")
    (tmp_path / "sjis.md").write_bytes("題名".encode("cp932"))
    with pytest.raises(PolicyError, match="UTF-8"):
        open_document(tmp_path / "sjis.md")


def test_a_paper_is_read_by_the_child_as_it_would_be_here():
    data = write_docx(paper())
    assert paper_apart("r.docx", data) == read_paper("r.docx", data)
    with pytest.raises(AuditError, match=r"r\.docx"):
        paper_apart("r.docx", b"%PDF-1.7")


@pytest.mark.parametrize("limits", [{"memory": 40 << 20}, {"seconds": 0}])
def test_a_paper_that_takes_too_much_ends_the_child_alone(limits):
    heavy = word("".join(p(hashlib.sha256(at.to_bytes(4)).hexdigest()) for at in range(200_000)))
    with pytest.raises(AuditError, match="安全に読めない"):
        paper_apart("重い.docx", heavy, **limits)


def test_a_template_is_filled_in_by_the_child():
    book, asked = books.ledger().book, order()
    given = filling(Desk(book, asked), build(book, asked))
    data = template("{{ ward }} 指摘事項{{ figures.findings.total }}件")
    here = [line.text for line in read_paper("a", fill("a", data, given)).lines]
    assert [line.text for line in read_paper("a", fill_apart("a", data, given)).lines] == here
    with pytest.raises(AuditError, match=r"a\.docx: 段落 1.*wrad"):
        fill_apart("a.docx", template("{{ wrad }}"), given)
    without_end = "".join("{% for a in findings %}" for _ in range(18)) + "x" + "{% endfor %}" * 18
    with pytest.raises(AuditError, match="安全に読めない"):
        fill_apart("a.docx", template(without_end), given, seconds=2)
