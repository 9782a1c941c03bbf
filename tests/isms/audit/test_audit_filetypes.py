"""What may be evidence is judged by content; bombs are not opened."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from secops.errors import UsageError
from secops.isms.audit.filetypes import KINDS, judge_file


def office(kind: str, **parts: bytes) -> bytes:
    out = io.BytesIO()
    (Document() if kind == "docx" else Workbook()).save(out)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return out.getvalue()


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", b"%PDF-1.7\n", "pdf"),
        ("A.PDF", b"%PDF-1.7\n", "pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n...", "png"),
        ("写真.jpeg", b"\xff\xd8\xff\xe0", "jpg"),
        ("a.docx", office("docx"), "docx"),
        ("a.xlsx", office("xlsx"), "xlsx"),
        ("a.csv", "番号,名前".encode("cp932"), "csv"),
        ("a.txt", "名前".encode("utf-16"), "txt"),
        ("a.txt", "名前".encode("utf-8-sig"), "txt"),
    ],
)
def test_what_may_be_evidence(name, data, kind):
    assert judge_file(name, data) == kind


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pdf", b"", "空の"),
        ("a.pdf", b"%PDF-" + b"x" * (10 << 20), "大きすぎます"),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", "合いません"),
        ("a.docx", office("xlsx"), "合いません"),
        ("a", b"%PDF-1.7", "合いません"),
        ("a.exe", b"MZ\x90", "できない形式"),
        ("a.csv", b"a,b\x00c", "できない形式"),
        ("a.html", b"<script>", "できない形式"),
        ("a.zip", zipped(a=b"x"), "ZIP は"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "パスワード付き"),
        ("a.xlsx", office("xlsx", xl__vbaProject_dot_bin=b"x"), "マクロ"),
        ("a.docx", office("docx", word__embeddings__ole1_dot_bin=b"x"), "プログラム"),
        ("a.xlsx", office("xlsx")[:300], "壊れて"),
    ],
)
def test_what_may_not_and_why(name, data, why):
    with pytest.raises(UsageError, match=why):
        judge_file(name, data)


def test_a_bomb_is_refused_by_its_list_of_contents_alone():
    bomb = office("xlsx", xl__media__big=b"\0" * (80 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(UsageError, match="開かずに断りました"):
        judge_file("a.xlsx", bomb)
    many = zipped(**{f"p{number}": b"" for number in range(5001)})
    with pytest.raises(UsageError, match="開かずに断りました"):
        judge_file("a.docx", many)


def test_a_file_that_lies_about_its_sizes_unpacks_to_no_more_than_it_says():
    data = bytearray(office("docx"))
    for at in range(len(data) - 46):
        if data[at : at + 4] == b"PK\x01\x02":
            struct.pack_into("<I", data, at + 24, 10)  # the size that is said of every part
    with pytest.raises(UsageError, match="壊れて"):
        judge_file("a.docx", bytes(data))


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_kind_or_one_clear_refusal(kind, tail, zip_like):
    data = (b"PK\x03\x04" if zip_like else b"") + tail
    said = ""
    try:
        found = judge_file(f"a.{kind}", data)
    except UsageError as error:
        said, found = str(error), kind
    assert found == kind
    assert not said or said.startswith(f"a.{kind}: ")
