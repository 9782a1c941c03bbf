"""Writes a paper as PDF: `paper.typ` lays it out, the words go in as JSON and are never read as markup."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from secops.report.papers.fonts import fonts
from secops.report.papers.model import (
    Block,
    Break,
    Chart,
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
from secops.report.papers.numbering import Counter
from secops.report.papers.word_parts import LINE, TIGHT
from secops.report.text import plain as unseen


def write_pdf(paper: Paper) -> bytes:
    """The paper as the bytes of a PDF, tagged, with outline."""
    import typst

    data = json.dumps(as_data(paper), ensure_ascii=False)
    made: bytes = typst.compile(
        _layout(),
        format="pdf",
        sys_inputs={"paper": data},
        font_paths=fonts(),
        timestamp=int(datetime.combine(paper.order.made_on, time(0, 0), UTC).timestamp()),
    )
    return made


def heading_pages(paper: Paper) -> list[int]:
    """On which page each heading stands, in order. Word lays out by itself; lines are as high there (`word_parts`)."""
    import typst

    data = json.dumps(as_data(paper), ensure_ascii=False)
    said = typst.query(
        _layout(), "<pages>", field="value", one=True, sys_inputs={"paper": data}, font_paths=fonts(), format="json"
    )
    found: list[int] = json.loads(said)
    return found


@cache
def _layout() -> bytes:
    return (Path(__file__).parent / "paper.typ").read_bytes()


def as_data(paper: Paper) -> dict[str, Any]:
    """The paper as JSON can hold it, in sections of one orientation; headings have their numbers."""
    counter = Counter(paper.order.style.scheme)
    sections: list[dict[str, Any]] = [{"wide": paper.landscape, "blocks": []}]
    for block in paper.blocks:
        if isinstance(block, Landscape):
            sections.append({"wide": True, "blocks": [_data(one, paper, counter) for one in block.blocks]})
            sections.append({"wide": paper.landscape, "blocks": []})
        else:
            sections[-1]["blocks"].append(_data(block, paper, counter))
    for section in sections:
        for one, after in pairwise(section["blocks"]):
            if one["type"] == "fields":
                one["held"] = after.get("kind") == "close"
    order, cover = paper.order, paper.cover
    office = [list(one) for one in order.office]
    return {
        "title": unseen(paper.title),
        "size": order.style.size,
        "line": LINE,
        "tight": TIGHT,
        "draft": order.draft,
        "toc": paper.toc,
        "depth": paper.heading_depth,
        "cover": {
            "title": unseen(cover.title),
            "subtitle": unseen(cover.subtitle),
            "when": cover.when,
            "author": unseen(cover.author),
            "to": unseen(cover.to),
            "office": office,
        }
        if cover
        else None,
        "sections": [one for one in sections if one["blocks"]],
    }


def _data(block: Block, paper: Paper, counter: Counter) -> dict[str, Any]:
    order = paper.order
    match block:
        case Heading():
            number = counter.next(block)
            return {
                "type": "heading",
                "level": block.level,
                "text": unseen(block.text),
                "number": number,
                "numbered": block.numbered,
            }
        case Para():
            return {"type": "para", "kind": block.kind, "text": _parts(block.text)}
        case Items():
            return {"type": "items", "numbered": block.numbered, "items": [_parts(one) for one in block.items]}
        case Table():
            return _table(block)
        case Fields():
            rows = [[unseen(label), _parts(value)] for label, value in block.rows]
            return {
                "type": "fields",
                "rows": rows,
                "label": block.label,
                "title": unseen(block.title),
                "keep": block.together,
                "held": False,
            }
        case Notice():
            return {"type": "notice", "text": unseen(block.text)}
        case Chart():
            return {
                "type": "chart",
                "svg": block.svg,
                "caption": unseen(block.caption),
                "alt": unseen(block.alt),
                "width": block.width,
            }
        case Break():
            return {"type": "break"}
        case Space():
            return {"type": "space", "lines": block.lines}
        case LetterHead():
            return {
                "type": "letter",
                "to": _all(block.to),
                "sender": _all(block.sender),
                "title": unseen(block.title),
                "number": block.number or order.number or "　　　第　　　　号",
                "day": block.day or order.decided or "　　　年　　月　　日",
            }
        case Landscape():
            raise AssertionError("landscape pages do not stand within each other")


def _table(block: Table) -> dict[str, Any]:
    return {
        "type": "table",
        "head": _all(block.head),
        "rows": [[_parts(cell) for cell in row] for row in block.rows],
        "widths": list(block.widths),
        "align": [block.letter(column) for column in range(len(block.widths))],
        "caption": unseen(block.caption),
        "whole": block.whole,
        "small": block.small,
    }


def _parts(text: Text) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in inlines(text):
        if isinstance(one, Strong | Figure):
            found.append({"text": unseen(one.text), "strong": isinstance(one, Strong)})
        else:
            found.append({"text": unseen(one), "strong": False})
    return found or [{"text": "", "strong": False}]


def _all(texts: Sequence[str]) -> list[str]:
    return [unseen(one) for one in texts]
