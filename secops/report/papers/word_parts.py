"""The parts of a Word file that every paper has: styles, numbering, header and footer, what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from secops.isms.audit.paper_style import PaperStyle
from secops.report.papers.numbering import LEVELS, WORD

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


def styles(style: PaperStyle) -> str:
    """``styles.xml``: body in 明朝, headings in ゴシック, for all scripts alike."""
    half = round(style.size * 2)
    serif, sans = _face(style.serif), _face(style.sans)
    made = [
        f'<w:styles {NS}><w:docDefaults><w:rPrDefault><w:rPr>{serif}<w:kern w:val="2"/><w:sz w:val="{half}"/>'
        f'<w:szCs w:val="{half}"/><w:lang w:val="en-US" w:eastAsia="ja-JP" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>'
        "<w:pPrDefault/></w:docDefaults>",
        _style("Normal", "Normal", "", '<w:spacing w:line="312" w:lineRule="auto"/><w:jc w:val="both"/>', "", first=True),
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph '
        'Font"/><w:uiPriority w:val="1"/><w:semiHidden/></w:style>',
        '<w:style w:type="numbering" w:default="1" w:styleId="NoList"><w:name w:val="No List"/><w:semiHidden/></w:style>',
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:semiHidden/>'
        '<w:tblPr><w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:top w:w="0" w:type="dxa"/><w:left w:w="85" w:type='
        '"dxa"/><w:bottom w:w="0" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>',
    ]
    for level in range(1, LEVELS + 1):
        size = half + {1: 3, 2: 1}.get(level, 0)
        before = {1: 360, 2: 240}.get(level, 120)
        made.append(
            _style(
                f"Heading{level}",
                f"heading {level}",
                "Normal",
                f'<w:keepNext/><w:keepLines/><w:numPr><w:ilvl w:val="{level - 1}"/><w:numId w:val="{HEADINGS}"/></w:numPr>'
                f'<w:spacing w:before="{before}" w:after="60"/><w:jc w:val="left"/><w:outlineLvl w:val="{level - 1}"/>',
                f'{sans}<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>',
                follows="BodyText",
            )
        )
    for name, shown, paragraph, run in _plain_styles(sans, half):
        made.append(_style(name, shown, "Normal", paragraph, run))
    for level in (1, 2, 3):
        made.append(
            _style(
                f"TOC{level}",
                f"toc {level}",
                "Normal",
                f'<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="8787"/></w:tabs><w:spacing w:before='
                f'"{80 if level == 1 else 0}"/><w:ind w:left="{(level - 1) * CHAR}"/><w:jc w:val="left"/>',
                "",
            )
        )
    made.append(_table_style())
    made.append('<w:style w:type="character" w:styleId="Strong"><w:name w:val="Strong"/><w:rPr>' + sans + "</w:rPr></w:style>")
    return "".join(made) + "</w:styles>"


def _plain_styles(sans: str, half: int) -> list[tuple[str, str, str, str]]:
    """(id, name, of the paragraph, of the run) of the styles that are no headings."""
    small = f'<w:sz w:val="{half - 3}"/><w:szCs w:val="{half - 3}"/>'
    tight = '<w:spacing w:line="252" w:lineRule="auto"/><w:jc w:val="left"/>'
    first = f'<w:ind w:firstLineChars="100" w:firstLine="{CHAR}"/>'
    return [
        ("BodyText", "Body Text", first, ""),
        ("PlainText", "本文（字下げなし）", "", ""),
        ("Quotation", "引用", f'<w:ind w:left="{CHAR * 2}" w:right="{CHAR}"/>', ""),
        ("NoteText", "注記", '<w:spacing w:line="252" w:lineRule="auto"/>', small),
        ("Centred", "中央", '<w:jc w:val="center"/>', ""),
        ("RightAligned", "右寄せ", '<w:jc w:val="right"/>', ""),
        ("Sender", "発信者", f'<w:ind w:left="{CHAR * 22}"/><w:jc w:val="left"/>', ""),
        ("LetterTitle", "件名", '<w:spacing w:before="360" w:after="240"/><w:jc w:val="center"/>', f'{sans}<w:sz w:val="{half + 3}"/>'),
        ("ListItem", "箇条書き", '<w:jc w:val="left"/>', ""),
        ("TableText", "表の本文", tight, small),
        ("TableHead", "表の見出し", '<w:keepNext/><w:spacing w:line="252" w:lineRule="auto"/><w:jc w:val="center"/>', f"{sans}{small}"),
        ("Caption", "caption", '<w:keepNext/><w:spacing w:before="160" w:after="60"/><w:jc w:val="left"/>', f"{sans}{small}"),
        ("FigureBody", "図", '<w:keepNext/><w:spacing w:before="60" w:after="60" w:line="240" w:lineRule="auto"/><w:jc w:val="center"/>', ""),
        ("NoticeBox", "注意", '<w:pBdr><w:top w:val="single" w:sz="6" w:space="4" w:color="808080"/><w:left w:val="single" '
         'w:sz="6" w:space="4" w:color="808080"/><w:bottom w:val="single" w:sz="6" w:space="4" w:color="808080"/><w:right '
         'w:val="single" w:sz="6" w:space="4" w:color="808080"/></w:pBdr><w:spacing w:before="120" w:after="160" w:line="264" w:lineRule="auto"/>'
         f'<w:ind w:left="{CHAR // 2}" w:right="{CHAR // 2}"/><w:jc w:val="left"/>', small),
        ("AnnexHeading", "別紙見出し", '<w:keepNext/><w:keepLines/><w:spacing w:before="240" w:after="120"/><w:jc w:val="left"/><w:outlineLvl w:val="0"/>', f'{sans}<w:sz w:val="{half + 3}"/>'),
        ("AnnexSub", "別紙小見出し", '<w:keepNext/><w:keepLines/><w:spacing w:before="200" w:after="60"/><w:jc w:val="left"/><w:outlineLvl w:val="1"/>', f'{sans}<w:sz w:val="{half + 1}"/>'),
        ("CoverTitle", "表紙題名", '<w:spacing w:before="2600" w:after="240"/><w:jc w:val="center"/>', f'{sans}<w:sz w:val="44"/><w:szCs w:val="44"/>'),
        ("CoverLine", "表紙", '<w:jc w:val="center"/>', '<w:sz w:val="28"/><w:szCs w:val="28"/>'),
        ("TOCHeading", "目次見出し", '<w:spacing w:before="120" w:after="240"/><w:jc w:val="center"/>', f'{sans}<w:sz w:val="{half + 5}"/>'),
        ("DraftMark", "案の表示", '<w:jc w:val="right"/>', f'{sans}<w:sz w:val="28"/><w:szCs w:val="28"/><w:bdr w:val="single" w:sz="8" w:space="0" w:color="000000"/>'),
        ("Footer", "footer", '<w:jc w:val="center"/>', ""),
    ]  # fmt: skip


def _style(name: str, shown: str, based: str, paragraph: str, run: str, *, first: bool = False, follows: str = "") -> str:
    default = ' w:default="1"' if first else ""
    base = f'<w:basedOn w:val="{based}"/>' if based else ""
    after = f'<w:next w:val="{follows}"/>' if follows else ""
    return (
        f'<w:style w:type="paragraph"{default} w:styleId="{name}"><w:name w:val="{shown}"/>{base}{after}<w:qFormat/>'
        f"<w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>"
    )


def _table_style() -> str:
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="595959"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    return (
        '<w:style w:type="table" w:styleId="PaperTable"><w:name w:val="Paper Table"/><w:basedOn w:val="TableNormal"/>'
        f'<w:tblPr><w:tblBorders>{edges}</w:tblBorders><w:tblCellMar><w:top w:w="28" w:type="dxa"/><w:left w:w="85" w:type='
        '"dxa"/><w:bottom w:w="28" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
    )


def _face(name: str) -> str:
    said = quoteattr(name)
    return f"<w:rFonts w:ascii={said} w:hAnsi={said} w:eastAsia={said} w:cs={said}/>"


def numbering(style: PaperStyle, lists: int) -> str:
    """``numbering.xml``: headings by the scheme, dots, and as many lists of 1, 2, 3 as the paper has."""
    levels = []
    for level, (form, text) in enumerate(WORD[style.scheme]):
        indent = level * CHAR
        levels.append(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:pStyle w:val="Heading{level + 1}"/>'
            f'<w:suff w:val="space"/><w:lvlText w:val="{text}　"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{indent + CHAR}" '
            f'w:hanging="{CHAR}"/></w:pPr></w:lvl>'
        )
    bullet = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:suff w:val="nothing"/><w:lvlText w:val="・"/>'
        f'<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{CHAR * 2}" w:hanging="{CHAR}"/></w:pPr></w:lvl>'
    )
    counted = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:suff w:val="space"/><w:lvlText w:val="%1　"/>'
        f'<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{CHAR * 3}" w:hanging="{CHAR * 2}"/></w:pPr></w:lvl>'
    )
    abstract = "".join(
        f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="{kind}"/>{body}</w:abstractNum>'
        for number, kind, body in (
            (1, "multilevel", "".join(levels)),
            (2, "singleLevel", bullet),
            (3, "singleLevel", counted),
        )
    )
    nums = f'<w:num w:numId="{HEADINGS}"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="{BULLETS}"><w:abstractNumId w:val="2"/></w:num>'
    nums += "".join(
        f'<w:num w:numId="{FIRST_LIST + at}"><w:abstractNumId w:val="3"/><w:lvlOverride w:ilvl="0"><w:startOverride '
        'w:val="1"/></w:lvlOverride></w:num>'
        for at in range(lists)
    )
    return f"<w:numbering {NS}>{abstract}{nums}</w:numbering>"


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
