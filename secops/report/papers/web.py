"""Writes a paper as one plain HTML file: no script, nothing fetched, legible in any browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from secops.report.papers.model import (
    Block,
    Break,
    Chart,
    Fields,
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
from secops.report.text import plain as unseen

_KINDS = {
    "right": "r",
    "close": "r",
    "centre": "c",
    "mid": "c",
    "title": "c head",
    "sender": "sender",
    "quote": "quote",
}


@cache
def _css() -> Markup:
    return Markup((Path(__file__).parent / "paper.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def write_html(paper: Paper) -> str:
    """The paper as a page."""
    counter = Counter(paper.order.style.scheme)
    body = Markup("").join(_block(block, counter) for block in paper.blocks)
    mark = Markup('<div class="draft">案</div>') if paper.order.draft else ""
    cover = Markup("")
    if paper.cover:
        lines = (paper.cover.subtitle, paper.cover.when, paper.cover.author)
        cover = _fields(paper) + Markup("<h1>{}</h1>").format(unseen(paper.cover.title))
        cover += Markup("").join(Markup('<p class="c">{}</p>').format(unseen(line)) for line in lines)
    page = Markup(
        '<!doctype html>\n<html lang="ja"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<title>{}</title><style>{}</style></head><body>{}{}{}</body></html>\n"
    )
    return str(page.format(unseen(paper.title), _css(), mark, cover, body))


def _fields(paper: Paper) -> Markup:
    """The fields of the ward's document system, empty or filled in, and whom it is for."""
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(name, unseen(value))
        for name, value in paper.order.office
    )
    table = Markup('<table class="office"><tbody>{}</tbody></table>').format(rows)
    to = paper.cover.to if paper.cover else ""
    return table + (Markup("<p>{}</p>").format(unseen(to)) if to else Markup(""))


def _block(block: Block, counter: Counter) -> Markup:
    match block:
        case Heading():
            number = counter.next(block)
            tag = Markup("h{}").format(min(block.level + 1, 6))
            text = f"{number}　{block.text}" if number else block.text
            return Markup("<{0}>{1}</{0}>").format(tag, unseen(text))
        case Para():
            return Markup('<p class="{}">{}</p>').format(_KINDS.get(block.kind, ""), _text(block.text))
        case Items():
            tag = Markup("ol") if block.numbered else Markup("ul")
            items = Markup("").join(Markup("<li>{}</li>").format(_text(one)) for one in block.items)
            return Markup("<{0}>{1}</{0}>").format(tag, items)
        case Table():
            return _table(block)
        case Fields():
            rows = Markup("").join(
                Markup('<tr><th scope="row">{}</th><td class="lines">{}</td></tr>').format(unseen(label), _text(value))
                for label, value in block.rows
            )
            title = Markup("<caption>{}</caption>").format(unseen(block.title)) if block.title else ""
            return Markup("<table>{}<tbody>{}</tbody></table>").format(title, rows)
        case Notice():
            return Markup('<p class="box">{}</p>').format(unseen(block.text))
        case Chart():
            drawing = Markup(block.svg)  # noqa: S704 - drawn by charts_audit, which escapes every word in it
            return Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(unseen(block.caption), drawing)
        case Landscape():
            return Markup("").join(_block(one, counter) for one in block.blocks)
        case LetterHead():
            lines = [Markup('<p class="r">{}</p>').format(unseen(one)) for one in (block.number, block.day) if one]
            lines += [Markup("<p>{}</p>").format(unseen(one)) for one in block.to]
            lines += [Markup('<p class="sender">{}</p>').format(unseen(one)) for one in block.sender]
            return Markup("").join([*lines, Markup("<h1>{}</h1>").format(unseen(block.title))])
        case Break() | Space():
            return Markup("")


def _table(block: Table) -> Markup:
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(unseen(one)) for one in block.head)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td class="{}">{}</td>').format(block.letter(at), _text(cell)) for at, cell in enumerate(row)
            )
        )
        for row in block.rows
    )
    title = Markup("<caption>{}</caption>").format(unseen(block.caption)) if block.caption else ""
    return Markup("<table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(title, head, rows)


def _text(text: Text) -> Markup:
    made = Markup("")
    for one in inlines(text):
        if isinstance(one, Strong):
            made += Markup("<strong>{}</strong>").format(unseen(one.text))
        else:
            made += escape(unseen(one if isinstance(one, str) else one.text))
    return made
