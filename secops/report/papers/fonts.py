"""The fonts that come as wheels, and pictures made with them: no font of the machine is asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_PICTURE = b"""#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg")
"""
PPI = 220


@cache
def fonts() -> Any:
    """The Japanese fonts, read once."""
    import noto_cjk_sans_jp_bold
    import pylopdf_fonts_jp
    import typst

    folders = [str(Path(module.__file__ or "").parent) for module in (pylopdf_fonts_jp, noto_cjk_sans_jp_bold)]
    return typst.Fonts(font_paths=folders, include_system_fonts=False)


def picture(svg: str, ppi: int = PPI) -> bytes:
    """A drawing of ours as PNG, sharp enough for print."""
    import typst

    made: bytes = typst.compile(_PICTURE, format="png", ppi=ppi, sys_inputs={"svg": svg}, font_paths=fonts())
    return made
