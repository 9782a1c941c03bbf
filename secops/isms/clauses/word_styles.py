"""The paragraph styles of a Word file, with what they take over from the styles they are based on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secops.isms.clauses.word_numbers import W

_DEEPEST = 20  # styles based on each other; a circle ends here


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says of its paragraphs; ``num`` and ``level`` of automatic numbering are empty and None for none."""

    name: str = ""
    outline: int = 0
    bold: bool = False
    centred: bool = False
    num: str = ""
    level: int | None = None


class Styles:
    """All styles of a file by id; unknown ones say nothing."""

    def __init__(self, root: Any | None) -> None:
        self._elements: dict[str, Any] = {}
        self._known: dict[str, Style] = {}
        self.default = ""
        self.linked: dict[str, str] = {}  # numbering style → num
        for one in () if root is None else root.iterchildren(f"{W}style"):
            key = one.get(f"{W}styleId", "")
            kind = one.get(f"{W}type", "paragraph")
            if kind == "paragraph":
                self._elements[key] = one
                if one.get(f"{W}default") in {"1", "true", "on"}:
                    self.default = key
            elif kind == "numbering" and (num := child_value(one, "pPr", "numPr", "numId")):
                self.linked[key] = num

    def get(self, key: str) -> Style:
        """The style with this id."""
        key = key or self.default
        if key not in self._known:
            self._known[key] = self._resolve(key)
        return self._known[key]

    def _resolve(self, key: str) -> Style:
        chain: list[Any] = []
        while key in self._elements and len(chain) < _DEEPEST:
            chain.append(self._elements[key])
            key = child_value(chain[-1], "basedOn")
        outline = first(chain, "pPr", "outlineLvl")
        level = first(chain, "pPr", "numPr", "ilvl")
        bold = next((found for one in chain if (found := one.find(f"{W}rPr/{W}b")) is not None), None)
        return Style(
            name=child_value(chain[0], "name") if chain else "",
            outline=int(outline) + 1 if outline.isascii() and outline.isdigit() and int(outline) < 9 else 0,
            bold=bold is not None and on(bold),
            centred=first(chain, "pPr", "jc") == "center",
            num=first(chain, "pPr", "numPr", "numId"),
            level=int(level) if level.isascii() and level.isdigit() else None,
        )


def child_value(element: Any, *path: str) -> str:
    """The ``w:val`` of the element at this path below, empty where there is none."""
    found = element.find("/".join(f"{W}{name}" for name in path))
    return "" if found is None else str(found.get(f"{W}val", ""))


def first(chain: list[Any], *path: str) -> str:
    """The first such value that is set in a chain of styles."""
    return next((found for one in chain if (found := child_value(one, *path))), "")


def on(element: Any) -> bool:
    """Whether a switch such as ``w:b`` is on: it is, unless it says it is off."""
    return str(element.get(f"{W}val", "1")) not in {"0", "false", "off", "none"}
