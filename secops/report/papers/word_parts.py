"""The parts of a Word file that every paper has: styles, numbering, header and footer, what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape, quoteattr

from secops.isms.audit.paper_style import PaperStyle
from secops.report.papers.numbering import WORD

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NS = (
    f'xmlns:w="{W}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
OURS = "urn:secops:audit-paper:1"  # namespace of the part that names the numbers
HEADINGS = 1  # numbering of headings; lists begin behind it
BULLETS = 2
FIRST_LIST = 3
CHAR = 210  # twips: one character of 10.5 points
# Lines have one height whatever face the machine has, so that pages end where we reckon they do.
LINE, TIGHT = 1.65, 1.5  # of the size: text, and what stands in tables


def styles(style: PaperStyle) -> str:
    """``styles.xml``: body in 明朝, headings in ゴシック, for all scripts alike; `word_styles.xml` filled in."""
    half = round(style.size * 2)
    return _styles().substitute(
        serif=escape(style.serif, {'"': "&quot;"}),
        sans=escape(style.sans, {'"': "&quot;"}),
        half=half,
        plus1=half + 1,
        plus3=half + 3,
        plus5=half + 5,
        small=half - 3,
        line=round(style.size * 20 * LINE),
        tight=round((style.size - 1.5) * 20 * TIGHT),
    )


@cache
def _styles() -> Template:
    text = (Path(__file__).parent / "word_styles.xml").read_text(encoding="utf-8")
    return Template(text[text.index("<w:styles") :])


def numbering(style: PaperStyle, lists: int) -> str:
    """``numbering.xml``: headings by the scheme, dots, and as many lists of 1, 2, 3 as the paper has."""
    levels = "".join(
        _level(level, form, f"{text}　", (level + 1) * CHAR, CHAR, f'<w:pStyle w:val="Heading{level + 1}"/>')
        for level, (form, text) in enumerate(WORD[style.scheme])
    )
    bullet = _level(0, "bullet", "・", CHAR * 2, CHAR)
    counted = _level(0, "decimal", "%1　", CHAR * 3, CHAR * 2)
    abstract = "".join(
        f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="{kind}"/>{body}</w:abstractNum>'
        for number, kind, body in (
            (1, "multilevel", levels),
            (2, "singleLevel", bullet),
            (3, "singleLevel", counted),
        )
    )
    nums = "".join(
        f'<w:num w:numId="{number}"><w:abstractNumId w:val="{kind}"/></w:num>'
        for number, kind in ((HEADINGS, 1), (BULLETS, 2))
    )
    nums += "".join(
        f'<w:num w:numId="{FIRST_LIST + at}"><w:abstractNumId w:val="3"/><w:lvlOverride w:ilvl="0"><w:startOverride '
        'w:val="1"/></w:lvlOverride></w:num>'
        for at in range(lists)
    )
    return f"<w:numbering {NS}>{abstract}{nums}</w:numbering>"


def _level(level: int, form: str, text: str, left: int, hanging: int, linked: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{linked}'
        '<w:suff w:val="nothing"/>'
        f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{left}" w:hanging="{hanging}"/>'
        "</w:pPr></w:lvl>"
    )


def edges(kind: str, header_id: str, footer_id: str) -> str:
    """The header and footer of a section's pages."""
    parts = (("header", header_id), ("footer", footer_id))
    return "".join(f'<w:{part}Reference w:type="{kind}" r:id="{name}"/>' for part, name in parts)


def drawing(number: int, image: str, wide: int, high: int, alt: str) -> str:
    """A picture within the line; ``image`` is its relationship, sizes are in EMU."""
    return (
        f'<w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{wide}" cy="{high}"/>'
        f'<wp:docPr id="{number}" name="図{number}" descr={quoteattr(alt)}/><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr>'
        f'<pic:cNvPr id="{number}" name="chart{number}.png"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill>'
        f'<a:blip r:embed="{image}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm>'
        f'<a:off x="0" y="0"/><a:ext cx="{wide}" cy="{high}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/>'
        "</a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing>"
    )


def header(*, draft: bool) -> str:
    """The header of every page: 「案」 until the paper is released."""
    mark = '<w:p><w:pPr><w:pStyle w:val="DraftMark"/></w:pPr><w:r><w:t xml:space="preserve"> 案 </w:t></w:r></w:p>'
    return f"<w:hdr {NS}>{mark if draft else '<w:p/>'}</w:hdr>"


def footer(*, numbered: bool) -> str:
    """The footer: 「- 1 -」 in the middle."""
    field = "".join(
        f"<w:r>{part}</w:r>"
        for part in (
            '<w:t xml:space="preserve">- </w:t>',
            '<w:fldChar w:fldCharType="begin"/>',
            '<w:instrText xml:space="preserve"> PAGE </w:instrText>',
            '<w:fldChar w:fldCharType="separate"/>',
            "<w:t>1</w:t>",
            '<w:fldChar w:fldCharType="end"/>',
            '<w:t xml:space="preserve"> -</w:t>',
        )
    )
    body = f'<w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>{field}</w:p>' if numbered else "<w:p/>"
    return f"<w:ftr {NS}>{body}</w:ftr>"


def own_part(meta: Mapping[str, str], marks: Mapping[str, tuple[str, str]]) -> bytes:
    """What the paper was made of, and the numbers in it: bookmark → (name of the number, value)."""
    said = "".join(f"<meta name={quoteattr(key)}>{escape(value)}</meta>" for key, value in meta.items())
    named = "".join(
        f"<figure bookmark={quoteattr(mark)} key={quoteattr(key)}>{escape(value)}</figure>"
        for mark, (key, value) in marks.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><paper xmlns="{OURS}">{said}{named}</paper>'.encode()
