"""The ATT&CK matrix of a rulebook as SVG, and as an HTML file that opens anywhere.

Each cell says with a number how many rules are active, and with a mark how often they fired; the shade only repeats the
number, so the picture reads the same in grey. A table below says it all again for reading aloud.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from itertools import accumulate
from unicodedata import east_asian_width

from secops.locale import gettext as _
from secops.locale import language
from secops.schema.dates import JST
from secops.siem.detect.attack import NAMES, OTHER, TACTICS, Cell, Column, Matrix
from secops.siem.detect.attack_ja import NAMES_JA

_WIDTH, _HEIGHT, _HEAD, _GAP = 168, 40, 44, 6
_SHADES = ("#ffffff", "#eef3ff", "#d9e6ff", "#b3cbff", "#8fb2ff")
_STEPS = (1, 3, 10, 30)  # active rules from which the next shade is used
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.7 "Noto Sans JP", "Hiragino Sans", "Yu Gothic UI", Meiryo, sans-serif; margin: 24px; }
.map { display: grid; grid-template-columns: max-content; overflow: auto; max-height: 80vh;
  border: 1px solid #949494; }
.map-heads { grid-area: 1 / 1; position: sticky; top: 0; z-index: 1; background: Canvas; padding: 0 40px 0 12px; }
.map-cells { grid-area: 2 / 1; padding: 0 40px 0 12px; } .map svg { display: block; }
.map::after { content: ""; grid-area: 1 / 1 / 3 / 2; justify-self: end; position: sticky; right: 0; z-index: 2;
  width: 40px; pointer-events: none; background: linear-gradient(to left, Canvas 4px, transparent); }
table { border-collapse: collapse; line-height: 1.4; }
td, th { border-bottom: 1px solid #949494; padding: 4px 12px; text-align: left; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
"""
WIDER = "図が枠より広いときは、横に動かすと続きが見えます(図を選ぶと、矢印キーでも動かせます)。"
_NAME = 24  # half-width letters of a name in a cell


def tactic_label(tactic: str) -> str:
    """The name of a tactic in the language of the screen."""
    japanese, english = TACTICS.get(tactic, OTHER)
    return japanese if language() == "ja" else english


def name_of(technique: str) -> str:
    """The name of a technique in the language of the screen; its id where it is not listed. Empty: none is named."""
    if not technique:
        return _("戦術だけのルール")
    english = NAMES.get(technique, technique)
    return NAMES_JA.get(technique, english) if language() == "ja" else english


def _cut(name: str) -> str:
    """As much of a name as a cell holds; full-width letters take two places. The whole stands in the cell's title."""
    sizes = [2 if east_asian_width(letter) in "WFA" else 1 for letter in name]
    if sum(sizes) <= _NAME:
        return name
    ends = list(accumulate(sizes))
    return name[: sum(end <= _NAME - 2 for end in ends)] + "…"


def title_of(found: Matrix) -> str:
    """What the matrix shows, as a sentence."""
    cells = found.cells.values()
    active = sum(1 for cell in cells if cell.active)
    fired = sum(1 for cell in cells if cell.hits)
    text = _("ATT&CK の {all} 手法のうち {active} 手法に有効なルールがあり、{fired} 手法で検知がありました")
    return text.format(all=len(found.cells), active=active, fired=fired)


def cells_of(column: Column) -> list[Cell]:
    """All cells of a column: its techniques, and last, with an empty id, what only names the tactic."""
    return [*column.cells, *([column.alone] if column.alone else [])]


def svg(found: Matrix) -> str:
    """The matrix as one SVG element: a picture that stands alone."""
    height = _HEAD + _height(found)
    cells = f'<g transform="translate(0 {_HEAD})">{_cells(found, None)}</g>'
    return _element(
        found, height, f'role="img" aria-label="{escape(title_of(found), quote=True)}"', _heads(found) + cells
    )


def scrolling(found: Matrix, link: Callable[[str, Cell], str] | None = None) -> str:
    """The matrix as the inside of a box that scrolls: the tactics apart, so that they can stay while the cells move.

    ``link`` gives the address of a cell of a tactic. What the picture says is said again by a table, so its heads are
    left out for those who listen.
    """
    label = f'role="group" aria-label="{escape(title_of(found), quote=True)}"'
    heads = _element(found, _HEAD, 'aria-hidden="true"', _heads(found))
    return (
        f'<div class="map-heads">{heads}</div>'
        f'<div class="map-cells">{_element(found, _height(found), label, _cells(found, link))}</div>'
    )


def _element(found: Matrix, height: int, said: str, inside: str) -> str:
    width = len(found.columns) * (_WIDTH + _GAP) + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" {said} font-family="sans-serif" font-size="12">{inside}</svg>'
    )


def _height(found: Matrix) -> int:
    return max((len(cells_of(column)) for column in found.columns), default=0) * (_HEIGHT + _GAP) + _GAP


def _heads(found: Matrix) -> str:
    parts = []
    for number, column in enumerate(found.columns):
        x = _GAP + number * (_WIDTH + _GAP)
        active = sum(1 for cell in column.cells if cell.active)
        parts.append(
            f'<text x="{x}" y="18" font-weight="700" fill="currentColor">{escape(tactic_label(column.tactic))}</text>'
            f'<text x="{x}" y="36" fill="currentColor">{active}/{len(column.cells)}</text>'
        )
    return "".join(parts)


def _cells(found: Matrix, link: Callable[[str, Cell], str] | None) -> str:
    return "".join(
        _cell(
            cell,
            _GAP + number * (_WIDTH + _GAP),
            2 + row * (_HEIGHT + _GAP),
            link(column.tactic, cell) if link else "",
        )
        for number, column in enumerate(found.columns)
        for row, cell in enumerate(cells_of(column))
    )


def _cell(cell: Cell, x: int, y: int, address: str) -> str:
    shade = _SHADES[sum(cell.active >= step for step in _STEPS)]
    dash = "" if cell.active else ' stroke-dasharray="4 3"'
    numbers = f"{cell.id}  {cell.active}/{cell.rules}".strip()
    fired = f'<text x="{x + _WIDTH - 8}" y="{y + 33}" text-anchor="end" fill="#333333">◆ {cell.hits:,}</text>'
    text = (
        f"<title>{escape(said(cell))}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="{shade}" '
        f'stroke="{"#333333" if cell.hits else "#949494"}" stroke-width="{2 if cell.hits else 1}"{dash}/>'
        f'<text x="{x + 8}" y="{y + 16}" fill="#333333">{escape(_cut(name_of(cell.id)))}</text>'
        f'<text x="{x + 8}" y="{y + 33}" fill="#333333">{escape(numbers)}</text>'
        f"{fired if cell.hits else ''}"
    )
    return f'<a href="{escape(address, quote=True)}">{text}</a>' if address else f"<g>{text}</g>"


def said(cell: Cell) -> str:
    """A cell in words."""
    text = _("{id} {name}: 有効なルール {active} 件(全 {rules} 件)、検知 {hits} 件")
    said = text.format(id=cell.id, name=name_of(cell.id), active=cell.active, rules=cell.rules, hits=f"{cell.hits:,}")
    return said.strip()


def page(found: Matrix, made: datetime, counts: Sequence[tuple[str, int]]) -> str:
    """An HTML file with the matrix, what became of the rules by status, and the table."""
    rows = "".join(
        f"<tr><td>{escape(tactic_label(column.tactic))}</td><td>{escape(cell.id)}</td><td>{escape(name_of(cell.id))}</td>"
        f'<td class="n">{cell.active}</td><td class="n">{cell.rules}</td><td class="n">{cell.hits:,}</td></tr>'
        for column in found.columns
        for cell in cells_of(column)
    )
    heads = (_("戦術"), _("番号"), _("手法"), _("有効なルール"), _("全ルール"), _("検知"))
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    states = " ・ ".join(f"{escape(label)} {count:,}" for label, count in counts)
    when = f"{made.astimezone(JST):%Y-%m-%d %H:%M}"
    legend = _("数字は有効なルール/全ルール。◆ と太い枠は期間中の検知、破線は有効なルールがない手法。")
    untagged = _("ATT&CK のタグがないルール: {count} 件").format(count=f"{found.untagged:,}")
    label = escape(_("手法の図(横に動かせます)"), quote=True)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="{language()}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title_of(found))}</title>
<style>{_STYLE}</style></head><body>
<h1>{escape(title_of(found))}</h1><p>{escape(when)} ・ {states} ・ {escape(untagged)}</p><p>{escape(legend)}</p>
<p>{escape(_(WIDER))}</p>
<div class="map" tabindex="0" role="region" aria-label="{label}">{scrolling(found)}</div>
<h2>{escape(_("一覧"))}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
</body></html>
"""
