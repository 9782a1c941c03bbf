"""Word files as wards really have them, and odd ones: read, and what is not understood is kept and listed."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx
import pytest

from secops.errors import PolicyError
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_in import import_word
from secops.isms.clauses.word_model import Beside
from secops.isms.clauses.word_review import Reading
from tests.isms.clauses.word_files import SPACES, W, lines, numbered, numbering, p, saved, word, zipped

OFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="LibreOffice (soffice) is not installed")
RULE = (
    "〇〇区情報セキュリティ対策基準",
    "令和３年４月１日制定",
    "目次",
    "第１章　総則（第１条―第２条）",
    "附則",
    "第１章　総則",
    "（目的）",
    "第１条　この基準は、目的を定める。",
    "（用語の意義）",
    "第２条　用語の意義は、次の各号に掲げるとおりとする。",
    "（１）　情報資産　次に掲げるものをいう。",
    "ア　紙",
    "イ　電磁的記録",
    "（２）　端末",
    "２　前項の規定にかかわらず、別に定める。",
    "第２章　雑則",
    "第３条　削除",
    "第３条の２　追加の条",
    "附　則",
    "（施行期日）",
    "１　この基準は、令和３年４月１日から施行する。",
    "（経過措置）",
    "２　従前の例による。",
    "附　則（令和７年３月２８日告示第７８号）",
    "この告示は、令和７年４月１日から施行する。",
    "別表第１（第２条関係）",
)
FORM = ("様式第１号（第３条の２関係）", "情報持出し申請書", "　　年　　月　　日", "申請者　所属　　　氏名")


def rule() -> bytes:
    document = docx.Document()
    for text in RULE:
        document.add_paragraph(text)
    table = document.add_table(2, 2)
    for cell, text in zip((one for row in table.rows for one in row.cells), ("区分", "内容", "甲", "乙"), strict=True):
        cell.text = text
    for text in FORM:
        document.add_paragraph(text)
    return saved(document)


def imported(data: bytes) -> Reading:
    return import_word(read_word("規程.docx", data), id="kijun", title="")


def tree(reading: Reading) -> list[tuple[int, str, str, str]]:
    return [(one.depth, one.label, one.title, one.text) for one in reading.document.clauses]


EXPECTED = [
    (1, "第1章", "総則", ""),
    (2, "第1条", "目的", "この基準は、目的を定める。"),
    (2, "第2条", "用語の意義", "用語の意義は、次の各号に掲げるとおりとする。"),
    (3, "(1)", "", "情報資産　次に掲げるものをいう。"),
    (4, "ア", "", "紙"),
    (4, "イ", "", "電磁的記録"),
    (3, "(2)", "", "端末"),
    (3, "2", "", "前項の規定にかかわらず、別に定める。"),
    (1, "第2章", "雑則", ""),
    (2, "第3条", "", "削除"),
    (2, "第3条の2", "", "追加の条"),
    (1, "附則", "", ""),
    (2, "1", "施行期日", "この基準は、令和３年４月１日から施行する。"),
    (2, "2", "経過措置", "従前の例による。"),
    (1, "附則", "（令和７年３月２８日告示第７８号）", "この告示は、令和７年４月１日から施行する。"),
    (1, "別表第1", "（第２条関係）", "| 区分 | 内容 |\n|---|---|\n| 甲 | 乙 |"),
    (
        1,
        "様式第1号",
        "（第３条の２関係）",
        "情報持出し申請書\n\n年　　月　　日\n\n申請者　所属　　　氏名",
    ),
]


def test_a_rule_with_contents_supplements_annex_and_form():
    reading = imported(rule())
    assert reading.document.title == RULE[0]
    assert tree(reading) == EXPECTED
    contents = [one.text for one in reading.kept if getattr(one, "kind", None) is Beside.CONTENTS]
    assert contents == ["目次", "第１章　総則（第１条―第２条）", "附則"]


@needs_office
@pytest.mark.parametrize("by_way_of", ["odt", "doc"])
def test_the_same_rule_saved_by_libreoffice_is_read_the_same(by_way_of, tmp_path):
    """From Word to another form and back, as it happens where one office has Word and the other has not."""
    first = tmp_path / "rule.docx"
    first.write_bytes(rule())
    out = tmp_path / "out"
    for source, form in ((first, by_way_of), (out / f"rule.{by_way_of}", "docx")):
        argv = [str(OFFICE), "--headless", f"-env:UserInstallation=file://{tmp_path}/office", "--convert-to", form]
        subprocess.run([*argv, "--outdir", str(out), str(source)], check=True, capture_output=True, timeout=120)
    assert tree(imported((out / "rule.docx").read_bytes())) == EXPECTED


@needs_office
def test_a_real_file_of_word_97_is_named_whatever_it_is_called(tmp_path):
    (tmp_path / "rule.docx").write_bytes(rule())
    argv = [str(OFFICE), "--headless", f"-env:UserInstallation=file://{tmp_path}/office", "--convert-to", "doc"]
    subprocess.run([*argv, str(tmp_path / "rule.docx")], check=True, capture_output=True, timeout=120, cwd=tmp_path)
    renamed = (tmp_path / "rule.doc").read_bytes()
    with pytest.raises(PolicyError, match=r"古い形式\(\.doc\)"):
        read_word("規程.docx", renamed)


def test_lists_as_google_docs_writes_them_are_read_and_deeper_ones_kept():
    """Headings by a style without a number, lists a. and i. below 1., and no style of its own for text."""
    styles = (
        f'<w:styles {W}><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/>'
        '<w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style></w:styles>'
    )
    lists = numbering(("decimal", "%1."), ("lowerLetter", "%2."), ("lowerRoman", "%3."))
    body = (
        p("情報セキュリティ実施手順", '<w:pStyle w:val="Heading1"/>')
        + numbered("目的を定める。")
        + numbered("細目", 1)
        + numbered("更に細かい事項", 2)
        + numbered("体制")
    )
    reading = imported(word(body, {"numbering": lists, "styles": styles}))
    assert [(label, text) for _depth, label, _title, text in tree(reading)] == [
        ("1", "目的を定める。"),
        ("a", "細目\n\ni 更に細かい事項"),
        ("2", "体制"),
    ]
    assert [one.text for one in reading.doubts if one.number] == ["i 更に細かい事項"]


def test_a_chunk_of_another_file_is_not_read_and_told():
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"
    relation = f'<Relationship Id="r9" Type="{kind}" Target="afchunk.htm"/>'
    body = p("第1条 甲") + '<w:altChunk r:id="r9"/>' + p("第2条 乙")
    reading = imported(word(body, relations=[relation], more={"afchunk.htm": "<p>第3条 丙</p>".encode()}))
    assert [label for _depth, label, _title, _text in tree(reading)] == ["第1条", "第2条"]
    assert any(getattr(one, "kind", None) is Beside.OBJECT and "afchunk.htm" in one.text for one in reading.kept)


def test_wrappers_around_words_do_not_hide_them():
    runs = (
        "<w:smartTag><w:r><w:t>第2条 乙</w:t></w:r></w:smartTag>",
        "<w:sdt><w:sdtContent><w:r><w:t>第3条 丙</w:t></w:r></w:sdtContent></w:sdt>",
        '<w:fldSimple w:instr=" REF a "><w:r><w:t>第4条 丁</w:t></w:r></w:fldSimple>',
        "<w:r><w:t>第5条 戊</w:t></w:r><w:proofErr/><w:bdo><w:r><w:t>己</w:t></w:r></w:bdo>",
    )
    body = f'<w:customXml w:element="a">{p("第1条 甲")}</w:customXml>' + "".join(p(runs=one) for one in runs)
    said = [(label, text) for _depth, label, _title, text in tree(imported(word(body)))]
    assert said == [("第1条", "甲"), ("第2条", "乙"), ("第3条", "丙"), ("第4条", "丁"), ("第5条", "戊己")]


def test_a_strict_file_is_strict_in_its_relations_too():
    usual = b"http://schemas.openxmlformats.org/"
    with zipfile.ZipFile(io.BytesIO(lines("第1条 甲", "第2条 乙"))) as archive:
        files = {
            name: archive.read(name)
            .replace(usual + b"wordprocessingml/2006/main", b"http://purl.oclc.org/ooxml/wordprocessingml/main")
            .replace(
                usual + b"officeDocument/2006/relationships", b"http://purl.oclc.org/ooxml/officeDocument/relationships"
            )
            for name in archive.namelist()
        }
    assert [label for _depth, label, _title, _text in tree(imported(zipped(files)))] == ["第1条", "第2条"]


def test_two_columns_and_sections_change_nothing():
    columns = '<w:sectPr><w:cols w:num="2"/></w:sectPr>'
    body = p("第1条 甲", columns) + p("第2条 乙", columns) + p("2 丙") + columns
    assert [label for _depth, label, _title, _text in tree(imported(word(body)))] == ["第1条", "第2条", "2"]


def test_every_word_of_an_odd_file_is_in_the_document_or_listed():
    """Text box, note, header, comment, ruby, hidden and deleted words, nested table: found again somewhere."""
    box = f"<w:pict><v:textbox><w:txbxContent>{p('箱のことば')}</w:txbxContent></v:textbox></w:pict>"
    inner = f"<w:tbl><w:tr><w:tc>{p('内側')}</w:tc><w:tc>{p('隣')}</w:tc></w:tr></w:tbl>"
    body = (
        p("題名のことば", '<w:jc w:val="center"/>')
        + p(runs='<w:r><w:t>第1条 本文</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>')
        + p(runs=f"<w:r>{box}</w:r>")
        + p(
            runs='<w:ins w:id="1" w:author="a"><w:r><w:t>2 挿入</w:t></w:r></w:ins>'
            '<w:del w:id="2" w:author="a"><w:r><w:delText>削除</w:delText></w:r></w:del>'
        )
        + p(runs="<w:r><w:rPr><w:vanish/></w:rPr><w:t>隠し</w:t></w:r>")
        + f"<w:tbl><w:tr><w:tc>{p('外側')}{inner}{p()}</w:tc><w:tc>{p('右')}</w:tc></w:tr></w:tbl>"
    )
    parts = {
        "footnotes": f'<w:footnotes {W}><w:footnote w:id="2">{p("脚注のことば")}</w:footnote></w:footnotes>',
        "header": f"<w:hdr {SPACES}>{p('柱のことば')}</w:hdr>",
    }
    reading = imported(word(body, parts))
    document = reading.document
    said = [document.title, document.preamble, *(text for one in document.clauses for text in (one.title, one.text))]
    whole = "\n".join([*said, *(one.text for one in reading.kept)])
    for words in (
        "題名のことば",
        "本文",
        "脚注のことば",
        "箱のことば",
        "挿入",
        "削除",
        "隠し",
        "外側",
        "内側",
        "隣",
        "右",
        "柱のことば",
    ):
        assert words in whole, words


@pytest.mark.parametrize("name", ["規程.docx", "規程.docm"])
def test_a_file_with_macros_is_read_without_them(name, tmp_path):
    path = Path(tmp_path / name)
    data = word(p("第1条 甲"), more={"vbaProject.bin": b"\xd0\xcf\x11\xe0macro", "vbaData.xml": b"<x/>"})
    path.write_bytes(data)
    found = read_word(name, data)
    assert re.sub(r"\s", "", "".join(block.text for block in found.blocks)) == "第1条甲"
    assert next(one.text for one in found.remarks if one.kind is Beside.MACRO) == "vbaProject.bin"
