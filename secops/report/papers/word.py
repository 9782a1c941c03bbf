"""Writes a paper as a Word file: real styles, headings numbered by a setting, a table of contents that Word fills in.

The body is made as XML of our own (a table of 200 rows takes no noticeable time); python-docx packs it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import zip_longest
from xml.sax.saxutils import escape, quoteattr

from docx import Document
from docx.document import Document as DocxDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Emu

from secops.isms.audit.paper_style import PaperStyle
from secops.report.papers import word_parts as parts
from secops.report.papers.fonts import picture
from secops.report.papers.model import (
    Block,
    Break,
    Chart,
    Cover,
    Fields,
    Figure,
    Heading,
    Items,
    Landscape,
    LetterHead,
    Notice,
    Paper,
    Para,
    Space,
    Strong,
    Table,
    Text,
    inlines,
)
from secops.report.papers.numbering import Counter, headings
from secops.report.papers.pdf import heading_pages
from secops.report.papers.word_parts import CHAR, NS
from secops.report.word_base import shed

_PORTRAIT, _LANDSCAPE = (11906, 16838), (16838, 11906)
_MARGINS = {"top": 1418, "bottom": 1304, "left": 1701, "right": 1418}
_UPRIGHT = {"top": 1701, "bottom": 1304, "left": 1304, "right": 1304}  # landscape is bound on top
_EMU = 635  # of a twip
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_PARA = {
    "body": "BodyText",
    "plain": "PlainText",
    "lead": "BodyText",
    "right": "RightAligned",
    "centre": "Centred",
    "mid": "Middle",
    "close": "RightAligned",
    "sender": "Sender",
    "note": "NoteText",
    "quote": "Quotation",
    "title": "LetterTitle",
}
_BEHIND_FIELDS = {
    "hdrShapeDefaults",
    "footnotePr",
    "endnotePr",
    "compat",
    "docVars",
    "rsids",
    "mathPr",
    "themeFontLang",
}
_TOGETHER = 9  # rows of a table that is not torn between pages
_JC = {"l": "left", "c": "center", "r": "right"}


def write_docx(paper: Paper) -> bytes:
    """The paper as the bytes of a ``.docx``."""
    document = Document()
    shed(document)
    writer = _Writer(document, paper)
    body = writer.body()
    element = document.element.body
    for child in list(element):
        element.remove(child)
    for child in parse_xml(f"<w:body {NS}>{body}</w:body>"):
        element.append(child)
    style = paper.order.style
    document.part._styles_part._element = parse_xml(parts.styles(style))
    document.part.numbering_part._element = parse_xml(parts.numbering(style, writer.lists))
    _settings(document)
    _properties(document, paper)
    meta = {**paper.meta, "title": paper.title}
    add_own(document, parts.own_part(meta, writer.marks))
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _settings(document: DocxDocument) -> None:
    """Fields are brought up to date when the file is opened: the table of contents gets its page numbers."""
    settings = document.settings.element
    behind = next((one for one in settings if one.tag.rsplit("}", 1)[-1] in _BEHIND_FIELDS), None)
    update = parse_xml(f'<w:updateFields {NS} w:val="true"/>')
    if behind is None:
        settings.append(update)
    else:
        behind.addprevious(update)


def _properties(document: DocxDocument, paper: Paper) -> None:
    from datetime import UTC, datetime, time

    made = datetime.combine(paper.order.made_on, time(0, 0), UTC)
    core = document.core_properties
    core.title, core.author, core.language = paper.title, "", "ja-JP"
    core.created = core.modified = made
    core.last_modified_by, core.comments, core.revision = "", "", 1


def add_own(document: DocxDocument, blob: bytes) -> None:
    """Put the part in that says what the paper was made of."""
    part = Part(PackURI("/customXml/secops.xml"), "application/xml", blob, document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.CUSTOM_XML)


class _Writer:
    """Turns blocks into WordprocessingML; remembers bookmarks, lists and sections."""

    def __init__(self, document: DocxDocument, paper: Paper) -> None:
        self._document, self._paper = document, paper
        self.marks: dict[str, tuple[str, str]] = {}
        self.lists = 0
        self._toc = 0
        self._pictures = 0
        self._level = 0
        self._fresh = False  # whether a page begins
        self._held = False  # whether the next block must stand on the same page as this one
        self._wide = paper.landscape
        self._header = self._part("header", parts.header(draft=paper.order.draft))
        self._footer = self._part("footer", parts.footer(numbered=True))
        self._empty = self._part("footer", parts.footer(numbered=False), 2)
        self._first = True

    @property
    def style(self) -> PaperStyle:
        """How the paper looks."""
        return self._paper.order.style

    def _part(self, kind: str, xml: str, number: int = 1) -> str:
        """A header or footer; its relationship."""
        content = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml"
        blob = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{xml}'.encode()
        part = Part(PackURI(f"/word/{kind}{number}.xml"), content, blob, self._document.part.package)
        return self._document.part.relate_to(part, getattr(RELATIONSHIP_TYPE, kind.upper()))

    @property
    def _width(self) -> int:
        """Twips between the margins."""
        size, edges = (_LANDSCAPE, _UPRIGHT) if self._wide else (_PORTRAIT, _MARGINS)
        return size[0] - edges["left"] - edges["right"]

    def body(self) -> str:
        """The whole body."""
        paper = self._paper
        made = []
        if paper.cover:
            made.append(self._cover(paper.cover))
        if paper.toc:
            made += [self._contents(), self._break()]
        for block, after in zip_longest(paper.blocks, paper.blocks[1:]):
            self._held = isinstance(after, Para) and after.kind == "close"
            made.append(self._block(block))
        return "".join(made) + self._section()

    def _section(self) -> str:
        """The properties of the section that ends here."""
        size, edges = (_LANDSCAPE, _UPRIGHT) if self._wide else (_PORTRAIT, _MARGINS)
        refs = ""
        if self._first:
            refs = parts.edges("default", self._header, self._footer)
            if self._paper.cover:
                refs += parts.edges("first", self._header, self._empty)
        title = "<w:titlePg/>" if self._first and self._paper.cover else ""
        self._first = False
        turned = ' w:orient="landscape"' if self._wide else ""
        margins = " ".join(f'w:{edge}="{value}"' for edge, value in edges.items())
        return (
            f'<w:sectPr>{refs}<w:pgSz w:w="{size[0]}" w:h="{size[1]}"{turned}/><w:pgMar {margins} w:header="680" '
            f'w:footer="680" w:gutter="0"/>{title}</w:sectPr>'
        )

    def _block(self, block: Block) -> str:
        made = self._written(block)
        if self._fresh and not isinstance(block, Break):
            self._fresh = False
            made = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>' + made
        return made

    def _written(self, block: Block) -> str:
        if isinstance(block, Heading):
            return self._heading(block)
        if isinstance(block, Para):
            return self._para(block)
        if isinstance(block, Items):
            return self._items(block)
        if isinstance(block, Table):
            return self._table(block)
        if isinstance(block, Fields):
            return self._fields(block)
        if isinstance(block, Notice):
            return _p("NoticeBox", self._runs(block.text))
        if isinstance(block, Chart):
            return self._chart(block)
        if isinstance(block, Break):
            return self._break()
        if isinstance(block, Space):
            return _p("PlainText", "") * round(block.lines)
        if isinstance(block, Landscape):
            return self._turned(block.blocks)
        return self._letter(block)

    def _turned(self, blocks: Sequence[Block]) -> str:
        before = f"<w:p><w:pPr>{self._section()}</w:pPr></w:p>"
        self._wide = True
        inside = "".join(map(self._block, blocks))
        after = f"<w:p><w:pPr>{self._section()}</w:pPr></w:p>"
        self._wide = self._paper.landscape
        return before + inside + after

    def _break(self) -> str:
        """The next paragraph begins a page; what is no paragraph has a break of its own before it."""
        self._fresh = True
        return ""

    def _p(self, style: str, runs: str, extra: str = "") -> str:
        """A paragraph that may begin a page: without the space that otherwise stands before it."""
        if self._fresh:
            self._fresh = False
            extra = f'<w:pageBreakBefore/><w:spacing w:before="0"/>{extra}'
        return _p(style, runs, extra)

    def _heading(self, block: Heading) -> str:
        self._level = block.level if block.numbered else 0
        name = f"Heading{block.level}" if block.numbered else "AnnexHeading" if block.level == 1 else "AnnexSub"
        if not self._paper.toc or block.level > self._paper.heading_depth:
            return self._p(name, self._runs(block.text))
        self._toc += 1
        mark = f"_Toc{self._toc:06}"
        return self._p(name, _bookmark(900_000 + self._toc, mark, self._runs(block.text)))

    def _para(self, block: Para) -> str:
        extra = ""
        if block.kind in {"body", "plain"} and self._level > 1:
            first = ' w:firstLineChars="100" w:firstLine="210"' if block.kind == "body" else ""
            extra = f'<w:ind w:left="{(self._level - 1) * CHAR}"{first}/>'
        return self._p(_PARA[block.kind], self._runs(block.text), extra)

    def _items(self, block: Items) -> str:
        number = parts.BULLETS
        if block.numbered:
            number = parts.FIRST_LIST + self.lists
            self.lists += 1
        extra = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'
        if not block.numbered and self._level > 1:
            extra += f'<w:ind w:left="{(self._level + 1) * CHAR}" w:hanging="{CHAR}"/>'
        return "".join(_p("ListItem", self._runs(one), extra) for one in block.items)

    def _table(self, block: Table) -> str:
        total = sum(block.widths)
        widths = [round(self._width * share / total) for share in block.widths]
        rows = []
        if block.head:
            cells = "".join(
                _cell(width, _p("TableHead", self._runs(text)), shade="E9EDF4")
                for width, text in zip(widths, block.head, strict=True)
            )
            rows.append(f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{cells}</w:tr>")
        keep = "<w:trPr><w:cantSplit/></w:trPr>" if block.whole else ""
        size = '<w:sz w:val="16"/><w:szCs w:val="16"/>' if block.small else ""
        together = block.whole and len(block.rows) <= _TOGETHER
        for at, row in enumerate(block.rows):
            kept = "<w:keepNext/>" if together and at < len(block.rows) - 1 else ""
            cells = "".join(
                _cell(width, self._lines(text, block.letter(column), size, kept))
                for column, (width, text) in enumerate(zip(widths, row, strict=True))
            )
            rows.append(f"<w:tr>{keep}{cells}</w:tr>")
        caption = _p("Caption", self._runs(block.caption)) if block.caption else ""
        return caption + _tbl(widths, rows, block.caption) + _after()

    def _fields(self, block: Fields) -> str:
        first = round(self._width * block.label)
        widths = [first, self._width - first]
        rows = []
        if block.title:
            words = _p("FieldLabel", self._runs(block.title), "<w:keepNext/>")
            cell = _cell(self._width, words, shade="DCE4F0", span=2)
            rows.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cell}</w:tr>")
        for at, (label, value) in enumerate(block.rows, 1):
            kept = "<w:keepNext/>" if self._held or (block.together and at < len(block.rows)) else ""
            head = _p("FieldLabel", self._runs(label), kept)
            cells = _cell(widths[0], head, shade="F2F4F8", middle=False) + _cell(
                widths[1], self._lines(value, "l", "", kept), middle=False
            )
            keep = "<w:trPr><w:cantSplit/></w:trPr>" if block.together else ""
            rows.append(f"<w:tr>{keep}{cells}</w:tr>")
        return _tbl(widths, rows, block.title) + _after(held=self._held)

    def _lines(self, text: Text, align: str, size: str, kept: str = "") -> str:
        jc = kept + (f'<w:jc w:val="{_JC[align]}"/>' if align != "l" else "")
        if isinstance(text, str) and "\n" in text:
            return "".join(_p("TableText", self._runs(line, size), jc) for line in text.split("\n"))
        return _p("TableText", self._runs(text, size), jc)

    def _runs(self, text: Text, size: str = "") -> str:
        made = []
        for one in inlines(text):
            if isinstance(one, Figure):
                mark = f"fig_{len(self.marks) + 1}"
                self.marks[mark] = (one.key, one.text)
                made.append(_bookmark(len(self.marks), mark, _r(one.text, size)))
            elif isinstance(one, Strong):
                made.append(_r(one.text, f'<w:rStyle w:val="Strong"/>{size}'))
            else:
                made.append(_r(one, size))
        return "".join(made)

    def _chart(self, block: Chart) -> str:
        self._pictures += 1
        _rid, image = self._document.part.get_or_add_image(io.BytesIO(picture(block.svg)))
        wide = round(self._width * block.width) * _EMU
        high = round(wide * image.px_height / image.px_width)
        tallest = (5600 if not self._wide else 7600) * _EMU * (2 if not self._wide else 1)
        if high > tallest:
            wide, high = round(wide * tallest / high), tallest
        drawing = parts.drawing(self._pictures, _rid, Emu(wide), Emu(high), _clean(block.alt))
        return _p("Caption", self._runs(block.caption)) + _p("FigureBody", f"<w:r>{drawing}</w:r>")

    def _office_fields(self) -> str:
        """The fields that the ward's document system fills: empty unless they were given."""
        widths = [1400, 2400]
        rows = []
        for label, value in self._paper.order.office:
            cells = _cell(widths[0], _p("TableHead", self._runs(label)), shade="F2F4F8") + _cell(
                widths[1], _p("TableText", self._runs(value))
            )
            rows.append(f'<w:tr><w:trPr><w:cantSplit/><w:trHeight w:val="400"/></w:trPr>{cells}</w:tr>')
        return _tbl(widths, rows, "文書番号等", align="right")

    def _cover(self, cover: Cover) -> str:
        made = [self._office_fields()]
        if cover.to:
            made.append(_p("PlainText", self._runs(cover.to), '<w:spacing w:before="400"/>'))
        high = '<w:spacing w:before="1000" w:after="240"/>' if self._wide else ""
        made.append(_p("CoverTitle", self._runs(cover.title), high))
        made.append(_p("CoverLine", self._runs(cover.subtitle)))
        room = 1200 if self._wide else 4200
        made.append(_p("CoverLine", self._runs(cover.when), f'<w:spacing w:before="{room}"/>'))
        made.append(_p("CoverLine", self._runs(cover.author), '<w:spacing w:before="200"/>'))
        return "".join(made) + self._break()

    def _letter(self, block: LetterHead) -> str:
        order = self._paper.order
        number = block.number or order.number or "　　　第　　　　号"
        day = block.day or order.decided or "　　　年　　月　　日"
        made = [_p("RightAligned", self._runs(number)), _p("RightAligned", self._runs(day)), _p("PlainText", "")]
        made += [_p("PlainText", self._runs(one)) for one in block.to]
        made.append(_p("PlainText", ""))
        made += [_p("Sender", self._runs(one)) for one in block.sender]
        made.append(_p("LetterTitle", self._runs(block.title)))
        return "".join(made)

    def _contents(self) -> str:
        """目次: Word reckons it anew when the file is opened; until then its pages are those of our own layout."""
        counter = Counter(self.style.scheme)
        entries = []
        depth, at = self._paper.heading_depth, 0
        for one, page in zip(headings(self._paper.blocks), heading_pages(self._paper), strict=True):
            number = counter.next(one)
            if one.level > depth:
                continue
            at += 1
            entries.append((one.level, f"{number}　{one.text}" if number else one.text, f"_Toc{at:06}", page))
        begin = _fld("begin") + _instr(f' TOC \\o "1-{depth}" \\t "AnnexHeading,1" \\h \\z \\u ') + _fld("separate")
        made = [self._p("TOCHeading", self._runs("目　次"))]
        for place, (level, text, mark, page) in enumerate(entries):
            shown = _fld("begin") + _instr(f" PAGEREF {mark} \\h ") + _fld("separate") + _r(str(page)) + _fld("end")
            link = f'<w:hyperlink w:anchor="{mark}" w:history="1">{_r(text)}<w:r><w:tab/></w:r>{shown}</w:hyperlink>'
            made.append(_p(f"TOC{level}", (begin if place == 0 else "") + link))
        return "".join(made) + _p("PlainText", _fld("end"))


def _after(*, held: bool = False) -> str:
    """Two tables in a row would become one."""
    kept = "<w:keepNext/>" if held else ""
    return f'<w:p><w:pPr>{kept}<w:spacing w:line="160" w:lineRule="exact"/></w:pPr></w:p>'


def _fld(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _instr(text: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve">{escape(text)}</w:instrText></w:r>'


def _p(style: str, runs: str, extra: str = "") -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{extra}</w:pPr>{runs}</w:p>'


def _r(text: str, properties: str = "") -> str:
    made = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    lines = [f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in _clean(text).split("\n")]
    return f"<w:r>{made}{'<w:br/>'.join(lines)}</w:r>"


def _bookmark(number: int, name: str, inside: str) -> str:
    return f'<w:bookmarkStart w:id="{number}" w:name="{name}"/>{inside}<w:bookmarkEnd w:id="{number}"/>'


def _cell(width: int, inside: str, *, shade: str = "", middle: bool = True, span: int = 1) -> str:
    columns = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    fill = f'<w:shd w:val="clear" w:color="auto" w:fill="{shade}"/>' if shade else ""
    place = '<w:vAlign w:val="center"/>' if middle else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{columns}{fill}{place}</w:tcPr>{inside}</w:tc>'


def _tbl(widths: Sequence[int], rows: Sequence[str], caption: str, align: str = "") -> str:
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    said = f"<w:tblCaption w:val={quoteattr(_clean(caption))}/>" if caption else ""
    jc = f'<w:jc w:val="{align}"/>' if align else ""
    return (
        f'<w:tbl><w:tblPr><w:tblStyle w:val="PaperTable"/><w:tblW w:w="{sum(widths)}" w:type="dxa"/>{jc}<w:tblLayout '
        f'w:type="fixed"/>{said}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(rows)}</w:tbl>'
    )


def _clean(text: str) -> str:
    """XML has no place for control characters."""
    return _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
