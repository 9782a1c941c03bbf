"""Reads a Word file as lines for the linter. It may come from anywhere: sizes are limited, no entity is resolved."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from secops.errors import AuditError, Problem
from secops.isms.audit.draft import Draft, Line, Spot, bare
from secops.locale import _
from secops.report.papers.word_parts import OURS, W

MAX_PART = 60 * 1024 * 1024
MAX_PARTS = 2000
_T = f"{{{W}}}"
_HEADS = {"TableHead", "FieldLabel"}
_QUOTES = {"Quotation", "Quote", "IntenseQuote"}
_CORE = (
    "{http://purl.org/dc/elements/1.1/}creator",
    ("{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}lastModifiedBy"),
)


def read_word(name: str, data: bytes) -> Draft:
    """The lines of a ``.docx``, its marks and what it says of itself.

    Raises:
        AuditError: no Word file, or one that is too large.
    """
    parts = _Parts(name, data)
    body = parts.xml("word/document.xml", needed=True)
    assert body is not None
    styles = _styles(parts.xml("word/styles.xml"))
    lines = list(_Reader(styles).lines(body))
    for part in parts.names("word/header", "word/footer", "word/footnotes", "word/endnotes"):
        found = parts.xml(part)
        if found is not None:
            lines += [Line(part, text, Spot.EDGE) for text in map(_text, found.iter(f"{_T}p")) if text.strip()]
    meta, marks = _own(parts)
    core = parts.xml("docProps/core.xml")
    persons = tuple(one.text for tag in _CORE for one in core.iter(tag) if one.text) if core is not None else ()
    return Draft(name, tuple(lines), meta, marks, tuple(_traces(body, parts)), persons)


class _Parts:
    """The parts of the package, read within limits."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self._known = self._zip.namelist()
        except (zipfile.BadZipFile, ValueError, OSError):
            raise AuditError([Problem(name, _("Word のファイル(.docx)として読めません。"))]) from None
        if len(self._known) > MAX_PARTS:
            raise AuditError([Problem(name, _("部品が多すぎます。Word で開いて保存し直してください。"))])

    def names(self, *starts: str) -> list[str]:
        """Parts whose names begin so."""
        return [one for one in self._known if one.startswith(starts) and one.endswith(".xml")]

    def xml(self, part: str, *, needed: bool = False) -> Any:
        """A part as a tree; None where it is not there."""
        if part not in self._known:
            if needed:
                raise AuditError([Problem(self._name, _("Word のファイル(.docx)として読めません。"))])
            return None
        try:
            with self._zip.open(part) as file:
                data = file.read(MAX_PART + 1)
            if len(data) > MAX_PART:
                raise AuditError([Problem(self._name, _("ファイルが大きすぎます({part})。").format(part=part))])
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
            return etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):
            what = _("壊れているか、暗号化されています({part})。").format(part=part)
            raise AuditError([Problem(self._name, what)]) from None


def _styles(tree: Any) -> dict[str, str]:
    """Id of a style → its name in small letters."""
    found: dict[str, str] = {}
    for style in tree.iter(f"{_T}style") if tree is not None else ():
        name = style.find(f"{_T}name")
        found[style.get(f"{_T}styleId", "")] = name.get(f"{_T}val", "").lower() if name is not None else ""
    return found


class _Reader:
    """Walks the body; counts paragraphs and tables as a person would."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        self._styles = styles
        self._section: list[str] = []
        self._paragraphs = self._tables = 0

    def lines(self, body: Any) -> Iterator[Line]:
        """All lines in order."""
        for child in body.iter(f"{_T}p", f"{_T}tbl"):
            if child.tag == f"{_T}tbl":
                if not any(True for _one in child.iterancestors(f"{_T}tbl")):
                    yield from self._table(child)
            elif not any(True for _one in child.iterancestors(f"{_T}tbl")):
                yield from self._paragraph(child)

    def _paragraph(self, element: Any) -> Iterator[Line]:
        text = _text(element)
        if not text.strip():
            return
        self._paragraphs += 1
        style = _style(element)
        level = _level(style, self._styles.get(style, ""))
        if level and not style.startswith("TOC"):
            self._section = [*self._section[: level - 1], bare(text)]
            yield Line(self._place(), text, Spot.HEADING, tuple(self._section), marks=_marks(element))
            return
        if style.startswith("TOC"):
            return
        spot = Spot.QUOTE if style in _QUOTES else Spot.BODY
        yield Line(self._place(), text, spot, tuple(self._section), marks=_marks(element))

    def _place(self) -> str:
        where = " ".join(self._section[-2:])
        count = _("段落 {number}").format(number=self._paragraphs)
        return f"{count}({where})" if where else count

    def _table(self, table: Any) -> Iterator[Line]:
        self._tables += 1
        heads: dict[int, str] = {}
        where = " ".join(self._section[-2:])
        for number, row in enumerate(table.iterchildren(f"{_T}tr"), 1):
            cells = list(row.iterchildren(f"{_T}tc"))
            repeated = row.find(f"{_T}trPr/{_T}tblHeader") is not None
            label = ""
            for at, cell in enumerate(cells):
                paragraphs = list(cell.iter(f"{_T}p"))
                text = "\n".join(map(_text, paragraphs))
                head = repeated or any(_style(one) in _HEADS for one in paragraphs)
                if repeated:
                    heads[at] = text
                elif head and at == 0:
                    label = text.strip()
                place = _("表 {table} の {row} 行 {column} 列").format(table=self._tables, row=number, column=at + 1)
                place += f"({where})" if where else ""
                marks = tuple(mark for one in paragraphs for mark in _marks(one))
                said = "" if head else label or heads.get(at, "")
                spot = Spot.HEAD if head else Spot.CELL
                yield Line(place, text, spot, tuple(self._section), bare(said), self._tables, number, marks)


def _style(paragraph: Any) -> str:
    found = paragraph.find(f"{_T}pPr/{_T}pStyle")
    return found.get(f"{_T}val", "") if found is not None else ""


def _level(style: str, name: str) -> int:
    """The level of a heading; 0: none. Japanese Word calls the styles ``heading 1`` inside too."""
    if style in {"AnnexHeading", "CoverTitle"}:
        return 1
    if style == "AnnexSub":
        return 2
    for known in (name, style.lower()):
        if known.startswith(("heading", "見出し")) and known[-1:].isdigit():
            return int(known[-1])
    return 0


def _text(paragraph: Any) -> str:
    """The words of a paragraph, deleted ones left out; the instruction of a field is no text."""
    made = []
    for node in paragraph.iter(f"{_T}t", f"{_T}tab", f"{_T}br"):
        if any(True for _one in node.iterancestors(f"{_T}del")):
            continue
        made.append(node.text or "" if node.tag == f"{_T}t" else "\t" if node.tag == f"{_T}tab" else "\n")
    return "".join(made)


def _marks(paragraph: Any) -> tuple[tuple[str, str], ...]:
    """Our bookmarks in a paragraph with the text between their ends."""
    found: dict[str, list[str]] = {}
    open_now: dict[str, str] = {}
    for node in paragraph.iter():
        if node.tag == f"{_T}bookmarkStart" and node.get(f"{_T}name", "").startswith("fig_"):
            open_now[node.get(f"{_T}id")] = node.get(f"{_T}name")
            found[node.get(f"{_T}name")] = []
        elif node.tag == f"{_T}bookmarkEnd":
            open_now.pop(node.get(f"{_T}id"), None)
        elif node.tag == f"{_T}t" and open_now:
            for name in open_now.values():
                found[name].append(node.text or "")
    return tuple((name, "".join(texts)) for name, texts in found.items())


def _own(parts: _Parts) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """What we wrote into the file: its making, and bookmark → (name of the number, value). Word renames the part."""
    for part in parts.names("customXml/"):
        tree = parts.xml(part)
        if tree is None or tree.tag != f"{{{OURS}}}paper":
            continue
        meta = {one.get("name", ""): one.text or "" for one in tree.iter(f"{{{OURS}}}meta")}
        marks = {
            one.get("bookmark", ""): (one.get("key", ""), one.text or "") for one in tree.iter(f"{{{OURS}}}figure")
        }
        return meta, marks
    return {}, {}


def _traces(body: Any, parts: _Parts) -> Iterator[str]:
    """What was left of the review."""
    if next(body.iter(f"{_T}ins", f"{_T}del", f"{_T}moveFrom", f"{_T}moveTo"), None) is not None:
        yield _("変更履歴が残っています。承諾するか元に戻してから、保存してください。")
    if next(body.iter(f"{_T}commentReference"), None) is not None or "word/comments.xml" in parts.names(
        "word/comments"
    ):
        yield _("コメントが残っています。すべて削除してから、保存してください。")
    if next(body.iter(f"{_T}vanish"), None) is not None:
        yield _("隠し文字があります。表示するか削除してください。")
    if parts.names("word/vbaProject") or any(one.endswith("vbaProject.bin") for one in parts._known):
        yield _("マクロが含まれています。マクロのない .docx として保存してください。")
