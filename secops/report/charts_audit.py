"""Charts of the audit as SVG: drawn on the server, without style or script, legible when printed in grey.

One hue in five steps, the darker the worse; the number stands in each cell, and what the auditor did not see enough of
is hatched. The same drawing is shown on the page and printed in Word and PDF (`papers.picture` makes a PNG of it).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from secops.isms.audit.figures import departments_of, known_departments
from secops.isms.audit.round import Book, YearGrade
from secops.report.text import plain

FACE = "Noto Sans JP, Hiragino Sans, Yu Gothic UI, Meiryo, sans-serif"
# (from this achievement on, colour of the cell, of its number); luminance falls evenly, so grey tells them apart too
STEPS = (
    (90.0, "#f2f6fc", "#1a1a1a"),
    (75.0, "#c8daf2", "#1a1a1a"),
    (60.0, "#8fb3e0", "#1a1a1a"),
    (40.0, "#3f6fb5", "#ffffff"),
    (0.0, "#12356b", "#ffffff"),
)
STEP_LABELS = ("90以上", "75以上90未満", "60以上75未満", "40以上60未満", "40未満")
THIN, THICK = 80.0, 50.0  # below this coverage a cell is hatched, lightly and heavily
_CELL, _ROW, _LABEL = 66, 26, 178
_NARROWEST = 580  # the legend needs as much
_INK, _LINE, _FAINT = "#1a1a1a", "#8c8c8c", "#595959"


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the map; None where nothing was judged."""

    achievement: float | None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the map: its name, its cells, and what stands at its end (all chapters together)."""

    label: str
    cells: tuple[Cell, ...]
    total: Cell = Cell(None)
    key: str = ""


def heat_rows(book: Book, *, declared: bool = False) -> list[Row]:
    """Departments × chapters of what was confirmed, the worst first; what was not judged at all stands last.

    ``declared``: of what the departments say of themselves, and of all of them.
    """
    scores, found = book.declared if declared else book.confirmed, []
    for code in known_departments(book) if declared else departments_of(book):
        cells = tuple(_cell(scores.cells.get((code, chapter))) for chapter in book.catalogue.chapters)
        found.append(Row(book.names.get(code, code), cells, _cell(scores.departments.get(code)), code))
    return sorted(found, key=lambda row: (row.total.achievement is None, row.total.achievement or 0.0, row.key))


def _cell(score: object) -> Cell:
    achievement, coverage = getattr(score, "achievement", None), getattr(score, "coverage", None)
    return Cell(None if achievement is None else float(achievement), None if coverage is None else float(coverage))


def year_rows(book: Book) -> tuple[list[str], list[Row]]:
    """Names of the years, and departments × years with this one last; the worst of this year first."""
    past = {(one.year, one.department): one for one in book.history if one.department}
    years = sorted({year for year, _department in past})
    rows = []
    for row in heat_rows(book):
        cells = [_past(past.get((year, row.key))) for year in years]
        rows.append(Row(row.label, (*cells, row.total), key=row.key))
    return [_year(year) for year in [*years, book.year]], rows


def _past(one: YearGrade | None) -> Cell:
    return Cell(one.achievement, one.coverage) if one else Cell(None)


def _year(year: int) -> str:
    return f"令和{'元' if year == 2019 else year - 2018}年度"


def step_of(value: float) -> int:
    """Which of the five steps a number is on; 0 is the best."""
    return next(at for at, (least, _fill, _ink) in enumerate(STEPS) if value >= least or at == len(STEPS) - 1)


def heat_map(rows: Sequence[Row], columns: Sequence[str], title: str, *, total: str = "") -> str:
    """The map. ``columns`` are heads of the cells, ``total`` that of the last column (none: no such column)."""
    heads = [*columns, *([total] if total else [])]
    broken = [list(_broken(head, 5.2))[:5] for head in heads]
    top = 14 + 13 * max((len(lines) for lines in broken), default=1)
    width, bottom = max(_LABEL + len(heads) * _CELL + 12, _NARROWEST), top + len(rows) * _ROW
    parts = [_open(width, bottom + 70, title), _hatches()]
    for at, lines in enumerate(broken):
        parts.append(_head(_LABEL + at * _CELL + _CELL / 2, top, lines, bold=at == len(columns)))
    for line, row in enumerate(rows):
        y = top + line * _ROW
        parts.append(_fitted(row.label, _LABEL - 10, y + 17.5, _LABEL - 16, 12.5, "end"))
        for at, cell in enumerate([*row.cells, *([row.total] if total else [])]):
            parts.append(_square(_LABEL + at * _CELL, y, cell, row.label, bold=at == len(columns)))
    if total:
        x = _LABEL + len(columns) * _CELL
        parts.append(f'<path d="M{x} {top - 4}V{bottom}" stroke="{_INK}" stroke-width="1.6"/>')
    parts += [_legend(bottom + 22), "</svg>"]
    return "".join(parts)


def _open(width: float, height: float, title: str) -> str:
    said = escape(plain(title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{said}" font-family="{FACE}"><title>{said}</title>'
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    )


def _hatches() -> str:
    """Two densities of hatching; white with a dark edge, so that it shows on every step."""
    made = []
    for name, gap in (("thin", 9), ("thick", 4.5)):
        made.append(
            f'<pattern id="{name}" width="{gap}" height="{gap}" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><rect width="1.1" height="{gap}" fill="#4d4d4d"/>'
            f'<rect x="1.1" width="0.9" height="{gap}" fill="#ffffff"/></pattern>'
        )
    return f"<defs>{''.join(made)}</defs>"


def _square(x: float, y: float, cell: Cell, label: str, *, bold: bool) -> str:
    box = f'x="{x:g}" y="{y:g}" width="{_CELL}" height="{_ROW}"'
    if cell.achievement is None:
        return f'<rect {box} fill="#ffffff" stroke="{_LINE}" stroke-width="0.7"/>' + _word(
            x + _CELL / 2, y + 17.5, "―", 12, "middle", _FAINT
        )
    _least, fill, ink = STEPS[step_of(cell.achievement)]
    seen = 100.0 if cell.coverage is None else cell.coverage
    said = f"{label} 達成率{cell.achievement:.1f}%" + ("" if cell.coverage is None else f" 網羅率{seen:.1f}%")
    parts = [
        f"<g><title>{escape(plain(said))}</title>",
        f'<rect {box} fill="{fill}" stroke="{_LINE}" stroke-width="0.7"/>',
    ]
    if seen < THIN:
        parts.append(f'<rect {box} fill="url(#{"thick" if seen < THICK else "thin"})"/>')
        parts.append(
            f'<rect x="{x + 15:g}" y="{y + 4:g}" width="{_CELL - 30}" height="{_ROW - 8}" rx="2" fill="{fill}"/>'
        )
    parts.append(_word(x + _CELL / 2, y + 17.5, f"{cell.achievement:.1f}", 12.5, "middle", ink, bold=bold))
    return "".join(parts) + "</g>"


def _legend(top: float) -> str:
    parts = [_word(12, top + 12, "達成率(%)", 11, "start", _INK)]
    x = 82.0
    for (_least, fill, _ink), label in zip(STEPS, STEP_LABELS, strict=True):
        parts.append(
            f'<rect x="{x:g}" y="{top}" width="20" height="15" fill="{fill}" stroke="{_LINE}" stroke-width="0.7"/>'
        )
        parts.append(_word(x + 25, top + 12, label, 11, "start", _INK))
        x += 34 + _wide(label) * 11
    parts.append(_word(12, top + 36, "網羅率", 11, "start", _INK))
    x = 82.0
    for name, label in (("thin", f"{THICK:g}%以上{THIN:g}%未満"), ("thick", f"{THICK:g}%未満")):
        box = f'x="{x:g}" y="{top + 24}" width="20" height="15"'
        parts.append(
            f'<rect {box} fill="#ffffff" stroke="{_LINE}" stroke-width="0.7"/><rect {box} fill="url(#{name})"/>'
        )
        parts.append(_word(x + 25, top + 36, label, 11, "start", _INK))
        x += 40 + _wide(label) * 11
    parts.append(_word(x, top + 36, "―は判定なし", 11, "start", _INK))
    return "".join(parts)


def year_bars(points: Sequence[tuple[str, Cell]], title: str) -> str:
    """The whole ward, years side by side: achievement as bars, coverage as a line of dots over them."""
    width, height, left, base, top = 560, 250, 52, 205, 34
    slot = (width - left - 20) / max(len(points), 1)
    parts = [_open(width, height, title), _hatches()]
    for value in (0, 25, 50, 75, 100):
        y = base - (base - top) * value / 100
        parts.append(f'<path d="M{left} {y:g}H{width - 12}" stroke="#d0d0d0" stroke-width="{1 if value else 1.6}"/>')
        parts.append(_word(left - 8, y + 4, f"{value}", 11, "end", _FAINT))
    parts.append(_word(8, 16, "%", 11, "start", _FAINT))
    for at, (label, cell) in enumerate(points):
        middle, bar = left + slot * (at + 0.5), min(slot * 0.42, 64)
        last = at == len(points) - 1
        parts.append(_word(middle, base + 18, label, 12, "middle", _INK, bold=last))
        if cell.achievement is None:
            parts.append(_word(middle, base - 6, "―", 12, "middle", _FAINT))
            continue
        y = base - (base - top) * cell.achievement / 100
        fill = STEPS[3][1] if last else STEPS[2][1]
        parts.append(_bar(middle - bar / 2, y, bar, base - y, fill))
        inside = y + 18 if base - y > 26 else y - 6
        ink = "#ffffff" if last and base - y > 26 else _INK
        parts.append(_word(middle, inside, f"{cell.achievement:.1f}", 12.5, "middle", ink, bold=True))
        if cell.coverage is not None:
            dot = base - (base - top) * cell.coverage / 100
            parts.append(_dot(middle + bar / 2 + 12, dot))
            parts.append(_word(middle + bar / 2 + 20, dot + 4, f"{cell.coverage:.1f}", 10.5, "start", _FAINT))
    parts.append(_bar(left, base + 30, 14, 11, STEPS[2][1]))
    parts.append(_word(left + 20, base + 40, "達成率", 11, "start", _INK))
    parts.append(_dot(left + 84, base + 36))
    parts.append(_word(left + 94, base + 40, "網羅率", 11, "start", _INK))
    return "".join(parts) + "</svg>"


def _bar(x: float, y: float, width: float, height: float, fill: str) -> str:
    box = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {box} fill="{fill}" stroke="{_INK}" stroke-width="0.6"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="#ffffff" stroke="{_INK}" stroke-width="1.6"/>'


def ward_years(book: Book) -> list[tuple[str, Cell]]:
    """The ward's own numbers of the years before and of this one."""
    past = sorted((one for one in book.history if not one.department), key=lambda one: one.year)
    now = _cell(book.confirmed.ward)
    return [*((_year(one.year), Cell(one.achievement, one.coverage)) for one in past), (_year(book.year), now)]


def _word(x: float, y: float, text: str, size: float, anchor: str, fill: str, *, bold: bool = False) -> str:
    face = (
        ' font-family="Noto Sans CJK JP, Hiragino Sans, Yu Gothic UI, Meiryo, sans-serif" font-weight="700"'
        if bold
        else ""
    )
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}"{face}>'
        f"{escape(plain(text))}</text>"
    )


def _fitted(text: str, x: float, y: float, room: float, size: float, anchor: str) -> str:
    """A text that is made smaller where it is too long, and at last cut (its title has all of it)."""
    fits = min(size, room / max(_wide(text), 1))
    shown = text
    if fits < 9:
        fits = 9.0
        while shown and _wide(shown + "…") * fits > room:
            shown = shown[:-1]
        shown += "…"
    return f"<g><title>{escape(plain(text))}</title>{_word(x, y, shown, fits, anchor, _INK)}</g>"


def _head(x: float, bottom: float, lines: Sequence[str], *, bold: bool) -> str:
    first = bottom - 10 - (len(lines) - 1) * 13
    return "".join(_word(x, first + at * 13, line, 10.5, "middle", _INK, bold=bold) for at, line in enumerate(lines))


def _broken(text: str, room: float) -> Iterable[str]:
    """A text in lines that are ``room`` full-width characters long; a line feed in it also breaks."""
    for part in text.split("\n"):
        line = ""
        for letter in part:
            if line and _wide(line + letter) > room:
                yield line
                line = ""
            line += letter
        yield line


def _wide(text: str) -> float:
    """How wide a text is, in full-width characters."""
    return sum(1.0 if unicodedata.east_asian_width(letter) in "FWA" else 0.56 for letter in text)
