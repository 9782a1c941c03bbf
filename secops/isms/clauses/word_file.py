"""A docx as text: its paragraphs and tables in order, numbered as Word numbers them, and all that stands beside them.

Tracked changes are read as accepted and listed. Whatever is left out of the text or is only kept as plain text becomes
a `Remark`: nothing is lost silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secops.isms.clauses.md_tables import write_table
from secops.isms.clauses.word_model import Beside, Block, BlockKind, Remark, WordText
from secops.isms.clauses.word_numbers import Numbers, W
from secops.isms.clauses.word_package import Limits, Package
from secops.isms.clauses.word_runs import Line, Runs
from secops.isms.clauses.word_styles import Style, Styles, child_value

MAX_COLUMNS = 63  # Word allows no more
_WORDS = re.compile(r"[^\W\d_]")
_SHOWN = 120  # characters of a remark
_TAKEN = ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")  # block wrappers whose contents count
_DROPPED = ("del", "moveFrom")


def read_word(path: str, data: bytes, limits: Limits | None = None) -> WordText:
    """The text of a docx.

    Raises:
        PolicyError: it is no docx that can be read safely, with the reason.
    """
    package = Package(path, data, limits)
    root = package.xml(package.main)
    body = None if root is None else root.find(f"{W}body")
    reader = _Reader(package)
    if body is not None:
        reader.children(body)
    reader.finish()
    return WordText(tuple(reader.blocks), tuple(reader.remarks), _title(package))


def _title(package: Package) -> str:
    root = package.xml("docProps/core.xml")
    found = None if root is None else root.find("{http://purl.org/dc/elements/1.1/}title")
    return "" if found is None else (found.text or "").strip()


class _Reader:
    """Walks the body; the numbering and the remarks grow on the way."""

    def __init__(self, package: Package) -> None:
        self.blocks: list[Block] = []
        self.remarks = package.remarks()
        self._package = package
        self._styles = Styles(package.part("styles"))
        self._numbers = Numbers(package.part("numbering"), self._styles.linked)
        self._runs = Runs(self._remark)
        self._notes = {kind: _notes(package.part(f"{kind}s")) for kind in ("footnote", "endnote")}
        self._number = 0
        self._depth = 0  # text boxes and cells around the paragraph
        self._note = 0
        self._carried = ""  # text of a paragraph whose end is deleted: it goes on in the next
        self._contents = 0  # lines of a table of contents

    def _remark(self, kind: Beside, text: str) -> None:
        text = " ".join(text.split())
        self.remarks.append(Remark(kind, self._number, text if len(text) <= _SHOWN else text[:_SHOWN] + "…"))

    def children(self, element: Any) -> None:
        """All blocks below an element, in order."""
        for child in element.iterchildren(f"{W}*"):
            name = child.tag[len(W) :]
            if name == "p":
                self._paragraph(child)
            elif name == "tbl":
                self._table(child)
            elif name == "sdt" and "table of contents" in _gallery(child).lower():
                self._skip_contents(child)
            elif name in _TAKEN:
                self.children(child)
            elif name in _DROPPED:
                self._remark(Beside.DELETED, _all_text(child))

    def finish(self) -> None:
        """What stands outside of the body: comments, headers and footers."""
        if self._carried:  # the last paragraph's end is deleted
            self.blocks.append(Block(self._number, self._carried))
        comments = self._package.part("comments")
        for one in () if comments is None else comments.iter(f"{W}comment"):
            self._number = self._runs.commented.get(one.get(f"{W}id", ""), 0)
            self._remark(Beside.COMMENT, f"{one.get(f'{W}author', '')}: {_all_text(one)}")
        self._number = 0
        for kind, label in (("header", Beside.HEADER), ("footer", Beside.FOOTER)):
            for relation in self._package.relations.values():
                root = self._package.xml(relation.target) if relation.kind == kind else None
                text = "" if root is None else _all_text(root)
                if _WORDS.search(text):  # else it is a page number
                    self._remark(label, text)
        if self._contents:
            self.remarks.append(Remark(Beside.CONTENTS, 0, f"{self._contents}"))

    def _skip_contents(self, element: Any) -> None:
        count = sum(1 for _each in element.iter(f"{W}p"))
        self._number += count
        self._contents += count

    def _paragraph(self, element: Any) -> None:
        self._number += self._depth == 0
        self._runs.number = self._number
        in_contents = self._runs.in_contents
        line = self._runs.line(element)
        properties = element.find(f"{W}pPr")
        key = "" if properties is None else child_value(properties, "pStyle")
        style = self._styles.get(key)
        text = self._carried + line.text
        self._carried = ""
        if properties is not None and _mark_deleted(properties):
            self._carried = text
            return
        if in_contents or self._runs.in_contents or style.name.lower().startswith("toc "):
            self._contents += bool(text.strip())
            return
        if properties is not None and properties.find(f"{W}pPrChange") is not None:
            self._remark(Beside.REFORMATTED, text)
        label = self._label(properties, style, key)
        self.blocks.append(self._block(text, label, style, properties, line))
        self._asides(line)

    def _block(self, text: str, label: str, style: Style, properties: Any, line: Line) -> Block:
        centred, outline, indent = style.centred, style.outline, 0
        if properties is not None:
            own = child_value(properties, "jc")
            centred = own == "center" if own else centred
            level = child_value(properties, "outlineLvl")
            if level.isascii() and level.isdigit():
                outline = int(level) + 1 if int(level) < 9 else 0
            indent = _indent(properties)
        bold = line.bold == 1 or (line.bold is None and style.bold)
        return Block(
            self._number,
            text,
            label=label,
            style=style.name,
            outline=outline,
            bold=bold,
            centred=centred,
            indent=indent,
        )

    def _label(self, properties: Any, style: Style, key: str) -> str:
        """What automatic numbering prints before the paragraph."""
        num = "" if properties is None else child_value(properties, "numPr", "numId")
        level = "" if properties is None else child_value(properties, "numPr", "ilvl")
        if not num:
            num = style.num
            at = style.level if style.level is not None else self._numbers.level_of_style(num, key)
        else:
            at = 0
        if level.isascii() and level.isdigit():
            at = int(level)
        if not num or num == "0":  # 0 takes the numbering of the style away
            return ""
        printed = self._numbers.next(num, at)
        if printed is None:
            self._remark(Beside.NUMBERS, f"numId {num}, ilvl {at}")
            return ""
        if printed.unknown:
            self._remark(Beside.NUMBERS, f"{printed.unknown}: {printed.text}")
        return printed.text.strip()

    def _asides(self, line: Line) -> None:
        """Footnotes and text boxes of a paragraph follow it as plain text."""
        for kind, key in line.notes:
            self._note += 1
            text = self._notes[kind].get(key, "").strip()
            self._remark(Beside.FOOTNOTE, text)
            self.blocks.append(Block(self._number, f"(注{self._note}) {text}", BlockKind.ASIDE))
        for box in line.boxes:
            texts = [_with_label(block) for block in self._inside(box) if block.text.strip()]
            self._remark(Beside.TEXT_BOX, " ".join(texts))
            self.blocks += [Block(self._number, text, BlockKind.ASIDE) for text in texts]

    def _inside(self, element: Any) -> list[Block]:
        """The blocks of a text box or cell; they count as the paragraph or table they are in."""
        kept = self.blocks, self._carried
        self.blocks, self._carried = [], ""
        self._depth += 1
        self.children(element)
        self._depth -= 1
        found = self.blocks + ([Block(self._number, self._carried)] if self._carried else [])
        self.blocks, self._carried = kept
        return found

    def _table(self, element: Any) -> None:
        self._number += self._depth == 0
        rows = list(self._rows(element))
        if len(rows) == 1 and len(rows[0]) == 1 and not self._depth:
            inner = self._inside(rows[0][0])  # a frame around text, which may well hold provisions
            self._remark(Beside.FRAME, " ".join(block.text for block in inner))
            self.blocks += inner
            return
        texts = [[cell for one in row for cell in self._cell(one)] for row in rows]
        if self._depth:
            said = "; ".join(", ".join(filter(None, row)) for row in texts)
            self._remark(Beside.NESTED, said)
            self.blocks.append(Block(self._number, said))
        elif any(texts):
            self.blocks.append(Block(self._number, write_table(texts), BlockKind.TABLE))

    def _rows(self, element: Any) -> Iterator[list[Any]]:
        """The cells of each row that is not deleted."""
        for row in element.iter(f"{W}tr"):
            if next(row.iterancestors(f"{W}tbl")) is not element:  # of a table within
                continue
            if row.find(f"{W}trPr/{W}del") is not None:
                self._remark(Beside.DELETED, _all_text(row))
                continue
            if row.find(f"{W}trPr/{W}ins") is not None:
                self._remark(Beside.INSERTED, _all_text(row))
            yield [cell for cell in row.iter(f"{W}tc") if next(cell.iterancestors(f"{W}tr")) is row]

    def _cell(self, element: Any) -> list[str]:
        """The text of a cell, and an empty one for each further column that it covers."""
        text = "\n".join(_with_label(block) for block in self._inside(element)).strip("\n")
        span = child_value(element, "tcPr", "gridSpan")
        wide = min(int(span), MAX_COLUMNS) if span.isascii() and span.isdigit() else 1
        down = element.find(f"{W}tcPr/{W}vMerge")
        if wide > 1 or (down is not None and down.get(f"{W}val") == "restart"):
            self._remark(Beside.MERGED, text)
        return [text, *[""] * (wide - 1)]


def _with_label(block: Block) -> str:
    return f"{block.label} {block.text}" if block.label else block.text


def _gallery(element: Any) -> str:
    found = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return "" if found is None else str(found.get(f"{W}val", ""))


def _mark_deleted(properties: Any) -> bool:
    return properties.find(f"{W}rPr/{W}del") is not None or properties.find(f"{W}rPr/{W}moveFrom") is not None


def _indent(properties: Any) -> int:
    """How far a paragraph is moved in, in twentieths of a point."""
    found = properties.find(f"{W}ind")
    text = "" if found is None else found.get(f"{W}left", found.get(f"{W}start", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _notes(root: Any | None) -> dict[str, str]:
    """Footnotes by id."""
    if root is None:
        return {}
    return {one.get(f"{W}id", ""): _all_text(one) for one in root.iterchildren(f"{W}footnote", f"{W}endnote")}


def _all_text(element: Any) -> str:
    """All text below an element, deleted text too; paragraphs are joined by spaces."""
    parts = [
        one.text or "" if one.tag in {f"{W}t", f"{W}delText"} else " "
        for one in element.iter(f"{W}t", f"{W}delText", f"{W}p", f"{W}tab", f"{W}br")
    ]
    return " ".join("".join(parts).split())
