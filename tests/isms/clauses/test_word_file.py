"""What a Word file holds is read, and what is left out of the text is listed."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest

from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_model import Beside, BlockKind, WordText
from tests.isms.clauses.word_files import SPACES, W, numbered, numbering, p, saved, word, zipped


def read(data: bytes) -> WordText:
    return read_word("x.docx", data)


def texts(found: WordText) -> list[str]:
    return [block.text for block in found.blocks]


def said(found: WordText, kind: Beside) -> list[tuple[int, str]]:
    return [(one.number, one.text) for one in found.remarks if one.kind is kind]


def test_paragraphs_are_counted_as_a_reader_counts_them_empty_ones_too():
    found = read(word(p("一つ目") + p() + p("三つ目")))
    assert [(block.number, block.text) for block in found.blocks if block.text] == [(1, "一つ目"), (3, "三つ目")]


def test_automatic_numbers_are_what_word_prints():
    xml = numbering(("decimalFullWidth", "第%1条"), ("decimal", "(%2)"))
    found = read(word(numbered("目的") + numbered("ア", 1) + numbered("用語"), {"numbering": xml}))
    assert [(block.label, block.text) for block in found.blocks] == [
        ("第\uff11条", "目的"),
        ("(1)", "ア"),
        ("第\uff12条", "用語"),
    ]


def test_a_style_numbers_its_paragraphs_unless_they_refuse_it():
    styles = (
        f'<w:styles {W}><w:style w:type="paragraph" w:styleId="Jo"><w:name w:val="条"/>'
        '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Ko"><w:name w:val="項"/><w:basedOn w:val="Jo"/></w:style></w:styles>'
    )
    body = (
        p("目的", '<w:pStyle w:val="Jo"/>')
        + p("用語", '<w:pStyle w:val="Ko"/>')
        + p("注", '<w:pStyle w:val="Jo"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    )
    found = read(word(body, {"numbering": numbering(("decimal", "第%1条")), "styles": styles}))
    assert [block.label for block in found.blocks] == ["第1条", "第2条", ""]
    assert [block.outline for block in found.blocks] == [2, 2, 2]


def test_tracked_changes_are_read_as_accepted_and_listed():
    body = p(
        runs="<w:r><w:t>情報を</w:t></w:r>"
        '<w:ins w:author="課長" w:date="2026-04-01T00:00:00Z"><w:r><w:t>厳重に</w:t></w:r></w:ins>'
        '<w:del w:author="課長" w:date="2026-04-01T00:00:00Z"><w:r><w:delText>適当に</w:delText></w:r></w:del>'
        "<w:r><w:t>管理する。</w:t></w:r>"
    )
    found = read(word(body))
    assert texts(found) == ["情報を厳重に管理する。"]
    assert said(found, Beside.INSERTED) == [(1, "厳重に (課長 2026-04-01)")]
    assert said(found, Beside.DELETED) == [(1, "適当に (課長 2026-04-01)")]


def test_a_deleted_end_of_paragraph_joins_it_with_the_next():
    found = read(word(p("前半", "<w:rPr><w:del/></w:rPr>") + p("後半") + p("次")))
    assert texts(found) == ["前半後半", "次"]


def test_moved_and_deleted_paragraphs_and_rows_do_not_stand_twice():
    table = (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>頭</w:t></w:r></w:p></w:tc></w:tr>"
        "<w:tr><w:tc><w:p><w:r><w:t>残る</w:t></w:r></w:p></w:tc></w:tr>"
        "<w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:r><w:t>消える</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    body = f"<w:moveFrom>{p('動く')}</w:moveFrom>{table}<w:moveTo>{p('動く')}</w:moveTo>"
    found = read(word(body))
    assert texts(found) == ["| 頭 |\n|---|\n| 残る |", "動く"]
    assert [text for _number, text in said(found, Beside.DELETED)] == ["動く", "消える"]


def test_comments_footnotes_headers_and_text_boxes_are_kept_or_listed():
    box = f"<w:pict><v:textbox><w:txbxContent>{p('箱の中')}</w:txbxContent></v:textbox></w:pict>"
    alternate = (
        f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx><w:txbxContent>{p('新しい箱')}"
        f"</w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    )
    body = p(
        runs='<w:commentRangeStart w:id="7"/><w:r><w:t>本文</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>'
        f"<w:r>{alternate}</w:r>"
    ) + p(runs=f"<w:r>{box}</w:r>")
    parts = {
        "comments": f'<w:comments {W}><w:comment w:id="7" w:author="係長">{p("要確認")}</w:comment></w:comments>',
        "footnotes": f'<w:footnotes {W}><w:footnote w:id="2">{p("法律のこと")}</w:footnote></w:footnotes>',
        "header": f"<w:hdr {SPACES}>{p('部外秘')}</w:hdr>",
        "footer": f"<w:ftr {SPACES}>{p('- 1 -')}</w:ftr>",
    }
    found = read(word(body, parts))
    asides = [(block.number, block.text) for block in found.blocks if block.kind is BlockKind.ASIDE]
    assert asides == [(1, "(注1) 法律のこと"), (1, "新しい箱"), (2, "箱の中")]
    assert said(found, Beside.COMMENT) == [(1, "係長: 要確認")]
    assert said(found, Beside.FOOTNOTE) == [(1, "法律のこと")]
    assert [text for _number, text in said(found, Beside.TEXT_BOX)] == ["新しい箱", "箱の中"]
    assert said(found, Beside.HEADER) == [(0, "部外秘")]
    assert said(found, Beside.FOOTER) == []  # a page number is no text


def test_tables_become_markdown_with_nested_and_merged_cells_kept_as_text():
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells], ["区分", "例|他", "一", "二", "", ""], strict=True
    ):
        cell.text = text
    table.cell(2, 0).merge(table.cell(2, 1)).text = "合わせた\nセル"
    inner = table.cell(1, 1).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "甲", "乙"
    found = read(saved(document))
    assert texts(found)[0] == ("| 区分 | 例\\|他 |\n|---|---|\n| 一 | 二<br>甲, 乙 |\n| 合わせた<br>セル |  |")
    assert [text for _number, text in said(found, Beside.NESTED)] == ["甲, 乙"]
    assert [text for _number, text in said(found, Beside.MERGED)] == ["合わせた セル"]


def test_a_frame_of_one_cell_is_read_as_paragraphs():
    body = f"<w:tbl><w:tr><w:tc>{p('第1条 目的')}{p('2 次')}</w:tc></w:tr></w:tbl>"
    found = read(word(body))
    assert texts(found) == ["第1条 目的", "2 次"]
    assert len(said(found, Beside.FRAME)) == 1


def test_a_table_of_contents_is_left_out_whether_a_field_or_a_block():
    field = (
        p(
            runs='<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>TOC \\o</w:instrText></w:r>'
            '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>第1章 総則 1</w:t></w:r>'
        )
        + p("第2章 雑則 2")
        + p(runs='<w:r><w:fldChar w:fldCharType="end"/></w:r>')
    )
    block = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
        f"<w:sdtContent>{p('第1章 総則')}</w:sdtContent></w:sdt>"
    )
    found = read(word(field + block + p("本文")))
    assert [text for text in texts(found) if text] == ["本文"]
    assert said(found, Beside.CONTENTS) == [(0, "3")]


def test_what_is_no_plain_letter_is_kept_and_told():
    body = p(
        runs="<w:r><w:rPr><w:vanish/></w:rPr><w:t>隠れた</w:t></w:r>"
        "<w:r><w:ruby><w:rt><w:r><w:t>かい</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>改</w:t></w:r></w:rubyBase></w:ruby></w:r>"
        '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
        "<m:oMath><m:r><m:t>x+1</m:t></m:r></m:oMath>"
        '<w:r><w:drawing><wp:inline><wp:docPr id="1" name="図" descr="体制図"/></wp:inline></w:drawing></w:r>'
        "<w:r><w:t>一</w:t><w:tab/><w:t>二</w:t><w:br/><w:t>三</w:t><w:noBreakHyphen/><w:t>四</w:t></w:r>"
        "<w:hyperlink><w:r><w:t>参照</w:t></w:r></w:hyperlink>"
    )
    found = read(word(body))
    assert texts(found) == ["隠れた改〓x+1[図: 体制図]一\t二\n三-四参照"]
    for kind in (Beside.HIDDEN, Beside.RUBY, Beside.SYMBOL, Beside.FORMULA, Beside.IMAGE):
        assert len(said(found, kind)) == 1, kind


def test_macros_embedded_and_outside_parts_are_not_read_and_told():
    outside = (
        '<Relationship Id="r9" Type="http://x/attachedTemplate" '
        'Target="https://example.jp/a.dotm" TargetMode="External"/>'
    )
    found = read(word(p("本文"), relations=[outside], more={"vbaProject.bin": b"\0", "embeddings/a.bin": b""}))
    assert texts(found) == ["本文"]
    assert [text for _number, text in said(found, Beside.MACRO)] == ["vbaProject.bin"]
    assert [text for _number, text in said(found, Beside.OBJECT)] == ["a.bin"]
    assert [text for _number, text in said(found, Beside.OUTSIDE)] == ["attachedTemplate: https://example.jp/a.dotm"]


def test_a_strict_file_is_read_as_any_other():
    data = word(p("本文"))
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    usual = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name).replace(usual.encode(), strict.encode()) for name in archive.namelist()}
    assert texts(read(zipped(files))) == ["本文"]


@pytest.mark.parametrize("style", ["toc 1", "TOC 2"])
def test_paragraphs_in_the_style_of_a_table_of_contents_are_left_out(style):
    styles = f'<w:styles {W}><w:style w:type="paragraph" w:styleId="T"><w:name w:val="{style}"/></w:style></w:styles>'
    found = read(word(p("第1章 総則", '<w:pStyle w:val="T"/>') + p("本文"), {"styles": styles}))
    assert texts(found) == ["本文"]
