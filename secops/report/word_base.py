"""What all our Word files have in common: their language, and nothing of the template that they were begun with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

if TYPE_CHECKING:
    from docx.document import Document as Docx

# A picture of another document, and styles of its own: both tell of the template, not of the paper.
_SHED = ("/thumbnail", "/stylesWithEffects")


def set_language(document: Docx) -> None:
    """The text is Japanese: without it a machine may show the letters and points of another language."""
    defaults = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
    for old in defaults.findall(qn("w:lang")):
        defaults.remove(old)
    language = OxmlElement("w:lang")
    for script, name in (("val", "en-US"), ("eastAsia", "ja-JP"), ("bidi", "ar-SA")):
        language.set(qn(f"w:{script}"), name)
    defaults.append(language)


def shed(document: Docx) -> None:
    """Let go of what came with the template of python-docx."""
    sides: tuple[Any, ...] = (document.part, document.part.package)
    for side in sides:
        for name, one in list(side.rels.items()):
            if one.reltype.endswith(_SHED):
                del side.rels[name]
