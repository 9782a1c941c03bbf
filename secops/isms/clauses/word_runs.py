"""The text of one paragraph of a Word file, from its runs and all that may stand between and around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from secops.isms.clauses.word_model import Beside
from secops.isms.clauses.word_numbers import W
from secops.isms.clauses.word_styles import on
from secops.locale import _

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_AROUND = {
    f"{W}{name}" for name in ("hyperlink", "smartTag", "sdt", "sdtContent", "customXml", "fldSimple", "bdo", "dir")
}
_PLAIN = {f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
_IMAGES = {f"{W}drawing", f"{W}pict", f"{W}object"}
_UNKNOWN = "〓"  # geta: what a printer sets where a letter is missing


@dataclass
class Line:
    """A paragraph's text; ``bold``: 1 where all of it is, 0 where some is not, None where no run says."""

    text: str = ""
    bold: int | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)  # footnote or endnote, and its id
    boxes: list[Any] = field(default_factory=list)  # contents of text boxes


@dataclass
class _Field:
    instruction: str = ""


class Runs:
    """Reads paragraphs; fields such as a table of contents go on from one to the next."""

    def __init__(self, remark: Callable[[Beside, str], None]) -> None:
        self._remark = remark
        self._fields: list[_Field] = []
        self.number = 0
        self.commented: dict[str, int] = {}  # comment → number of the block it begins in

    @property
    def in_contents(self) -> bool:
        """Whether a table of contents is being printed."""
        return any(one.instruction.strip().upper().startswith("TOC") for one in self._fields)

    def line(self, paragraph: Any) -> Line:
        """The text of one paragraph."""
        line = Line()
        self._inline(paragraph, line)
        return line

    def _inline(self, element: Any, line: Line) -> None:
        for child in element.iterchildren():
            tag = child.tag
            if tag == f"{W}r":
                self._run(child, line)
            elif tag in _AROUND:
                self._inline(child, line)
            elif tag in {f"{W}ins", f"{W}moveTo"}:
                before = len(line.text)
                self._inline(child, line)
                self._changed(Beside.INSERTED, child, line.text[before:])
            elif tag in {f"{W}del", f"{W}moveFrom"}:
                self._changed(Beside.DELETED, child, _deleted(child))
            elif tag in {f"{_MATH}oMath", f"{_MATH}oMathPara"}:
                formula = "".join(one.text or "" for one in child.iter(f"{_MATH}t"))
                self._remark(Beside.FORMULA, formula)
                line.text += formula
            elif tag == f"{_COMPATIBLE}AlternateContent":
                self._inline(_choice(child), line)
            elif tag == f"{W}commentRangeStart":
                self.commented.setdefault(child.get(f"{W}id", ""), self.number)

    def _changed(self, kind: Beside, element: Any, text: str) -> None:
        if text.strip():
            who, day = element.get(f"{W}author", ""), element.get(f"{W}date", "")[:10]
            self._remark(kind, f"{text} ({' '.join(filter(None, (who, day)))})" if who or day else text)

    def _run(self, run: Any, line: Line) -> None:
        before = len(line.text)
        for child in run.iterchildren():
            self._piece(child, line)
        text = line.text[before:]
        if not text.strip():
            return
        properties = run.find(f"{W}rPr")
        if properties is None:
            bold = None
        else:
            found = properties.find(f"{W}b")
            bold = None if found is None else int(on(found))
            hidden = properties.find(f"{W}vanish")
            if hidden is not None and on(hidden):
                self._remark(Beside.HIDDEN, text)
            if properties.find(f"{W}rPrChange") is not None:
                self._remark(Beside.REFORMATTED, text)
        line.bold = bold if not line.text[:before].strip() or line.bold == bold else 0

    def _piece(self, child: Any, line: Line) -> None:
        tag = child.tag
        if tag == f"{W}t":
            line.text += (child.text or "").replace("\n", " ")
        elif tag in _PLAIN:
            line.text += _PLAIN[tag]
        elif tag == f"{W}br":
            line.text += "" if child.get(f"{W}type") in {"page", "column"} else "\n"
        elif tag == f"{W}sym":
            self._symbol(child, line)
        elif tag in {f"{W}footnoteReference", f"{W}endnoteReference"}:
            line.notes.append((tag[len(W) : -len("Reference")], child.get(f"{W}id", "")))
        elif tag == f"{W}commentReference":
            self.commented.setdefault(child.get(f"{W}id", ""), self.number)
        elif tag in {f"{W}fldChar", f"{W}instrText"}:
            self._field(child)
        elif tag == f"{W}ruby":
            self._ruby(child, line)
        elif tag in _IMAGES:
            self._image(child, line)
        elif tag == f"{_COMPATIBLE}AlternateContent":
            for one in _choice(child).iterchildren():
                self._piece(one, line)

    def _field(self, child: Any) -> None:
        kind = child.get(f"{W}fldCharType")
        if child.tag == f"{W}instrText":
            if self._fields:
                self._fields[-1].instruction += child.text or ""
        elif kind == "begin":
            self._fields.append(_Field())
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _symbol(self, child: Any, line: Line) -> None:
        code = child.get(f"{W}char", "")
        try:
            sign = chr(int(code, 16))
        except (ValueError, OverflowError):
            sign = _UNKNOWN
        if "\ue000" <= sign <= "\uf8ff" or not sign.isprintable():  # a place in a font, no letter
            sign = _UNKNOWN
        self._remark(Beside.SYMBOL, f"{child.get(f'{W}font', '')} U+{code}")
        line.text += sign

    def _ruby(self, child: Any, line: Line) -> None:
        above = "".join(one.text or "" for part in child.iterchildren(f"{W}rt") for one in part.iter(f"{W}t"))
        before = len(line.text)
        for base in child.iterchildren(f"{W}rubyBase"):
            self._inline(base, line)
        self._remark(Beside.RUBY, f"{line.text[before:]} ({above})")

    def _image(self, child: Any, line: Line) -> None:
        boxes = [one for one in child.iter(f"{W}txbxContent") if not _fallback(one, child)]
        if boxes:
            line.boxes += boxes
            return
        described = next(child.iter(f"{_DRAWING}docPr"), None)
        said = "" if described is None else " ".join((described.get("descr") or "").split())
        self._remark(Beside.IMAGE, said or _("説明なし"))
        line.text += f"[図: {said}]" if said else "[図]"


def _choice(element: Any) -> Any:
    """What a modern Word shows of two ways to say the same thing."""
    for name in ("Choice", "Fallback"):
        if (found := element.find(f"{_COMPATIBLE}{name}")) is not None:
            return found
    return element


def _fallback(element: Any, top: Any) -> bool:
    """Whether an element stands in the second of two ways, or within another text box."""
    for one in element.iterancestors():
        if one is top:
            return False
        if one.tag in {f"{_COMPATIBLE}Fallback", f"{W}txbxContent"}:
            return True
    return False


def _deleted(element: Any) -> str:
    return "".join(one.text or "" for one in element.iter(f"{W}delText", f"{W}t"))
