"""A hostile or wrong file is refused with a reason, never opened half."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.errors import PolicyError
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_package import Limits
from tests.isms.clauses.word_files import lines, p, word, zipped

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
GOOD = lines("第1条 目的", "2 次")


def refusal(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PolicyError) as caught:
        read_word("規程.docx", data, limits)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].where == "規程.docx"
    return caught.value.problems[0].what


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (OLE + b"WordDocument", "古い形式(.doc)"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "暗号化されています"),
        (b"{\\rtf1 a}", "リッチテキスト"),
        (b"%PDF-1.7", "PDF です"),
        (b"<html>", "Word の文書(.docx)ではありません"),
        (b"", "Word の文書(.docx)ではありません"),
        (b"PK\x03\x04broken", "壊れています"),
        (zipped({"a.txt": "x"}), "Word の文書ではありません"),
        (GOOD[: len(GOOD) // 2], "壊れています"),
    ],
)
def test_what_is_no_docx_is_named(data, reason):
    assert reason in refusal(data)


def test_a_zip_bomb_is_refused_before_anything_is_unpacked():
    assert "圧縮爆弾" in refusal(word(p("x"), more={"bomb.bin": b"\0" * (40 << 20)}))


def test_a_part_that_lies_about_its_size_is_cut_at_the_limit():
    data = word(p("あ" * 20_000))
    assert "大きすぎます" in refusal(data, Limits(part=10_000))


def test_too_many_entries_and_doubled_names_are_refused():
    assert "多すぎます" in refusal(word(p("x"), more={f"n{at}": b"" for at in range(60)}), Limits(entries=50))
    out = io.BytesIO(GOOD)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/document.xml", "<other/>")
    assert "同じ名前" in refusal(out.getvalue())


def test_a_document_type_with_entities_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    text = word(p("&b;"))
    with zipfile.ZipFile(io.BytesIO(text)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["word/document.xml"] = bomb.encode() + files["word/document.xml"]
    assert "DOCTYPE" in refusal(zipped(files))


def test_an_outside_file_is_never_fetched(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("秘密")
    text = word(p("&x;"))
    with zipfile.ZipFile(io.BytesIO(text)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["word/document.xml"] = (
        f'<!DOCTYPE x [<!ENTITY x SYSTEM "file://{secret}">]>'.encode() + files["word/document.xml"]
    )
    assert "秘密" not in refusal(zipped(files))


def test_xml_nested_too_deep_is_refused():
    deep = "<w:sdt><w:sdtContent>" * 400 + p("x") + "</w:sdtContent></w:sdt>" * 400
    assert "壊れています" in refusal(word(deep))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data):
    damaged = bytearray(GOOD)
    for _time in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PolicyError):
        read_word("x.docx", bytes(damaged))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<w:p>",
                "</w:p>",
                "<w:r>",
                "</w:r>",
                "<w:t>第1条 あ</w:t>",
                "<w:tbl>",
                "</w:tbl>",
                "<w:tr>",
                "</w:tr>",
                "<w:tc>",
                "</w:tc>",
                "<w:ins>",
                "</w:ins>",
                "<w:del>",
                "</w:del>",
                '<w:footnoteReference w:id="9"/>',
                "<!-- x -->",
                '<w:pPr><w:numPr><w:ilvl w:val="99"/><w:numId w:val="x"/></w:numPr></w:pPr>',
                "<w:fldChar w:fldCharType='end'/>",
                '<w:sym w:char="zz"/>',
                "<mc:AlternateContent/>",
                "<w:ruby/>",
                "<w:pict><w:txbxContent/></w:pict>",
                "<?x y?>",
            ]
        ),
        max_size=30,
    )
)
def test_any_order_of_elements_is_read_or_refused(pieces):
    with suppress(PolicyError):
        read_word("x.docx", word("".join(pieces)))
