"""Word files are read in a child: what kills it is said, and the program goes on."""

from __future__ import annotations

import hashlib

import pytest

from secops.errors import NotFoundError, PolicyError
from secops.isms.clauses.word_file import read_word
from secops.wiring.word import open_document, open_word, read_apart
from tests.isms.clauses.word_files import lines, p, word


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
