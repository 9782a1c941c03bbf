"""A 新旧対照表 as one HTML file that needs nothing else: to be read on a screen, sent, and printed on A4."""

from __future__ import annotations

from markupsafe import Markup, escape

from secops.isms.policy.marks import Grid, Marked, changed
from secops.report.comparison import Cell, Line, Sheet, columns, entries, lead, sides
from secops.report.comparison_style import ComparisonStyle
from secops.report.text import visible

_STYLE = """
@page { size: A4 %(page)s; margin: 20mm; @bottom-center { content: "- " counter(page) " -"; } }
body { font-family: %(font)s, "Hiragino Mincho ProN", "Noto Serif CJK JP", serif;
  font-size: %(size)spt; line-height: 1.6; max-width: 270mm; margin: 0 auto; padding: 8px;
  color: #000; background: #fff; }
h1 { font: bold 1.3em %(heading)s, "Hiragino Sans", "Noto Sans CJK JP", sans-serif; text-align: center; }
table.main { width: 100%%; border-collapse: collapse; table-layout: fixed; }
table.main > thead { display: table-header-group; }
table.main > thead th { border: 1px solid #000; font-weight: normal; padding: 2px 6px; }
table.main > tbody > tr > td { border: 0 solid #000; border-width: 0 1px; padding: 2px 6px;
  vertical-align: top; overflow-wrap: anywhere; }
table.main > tbody > tr.opens > td { border-top-width: 1px; }
table.main > tbody > tr:last-child > td { border-bottom-width: 1px; }
th.remarks { width: 7em; }
p { margin: 0; } p.lead { text-indent: 1em; margin-bottom: 6px; } p.note { margin-top: 6px; }
p.hang { text-indent: -1em; } %(indents)s
u { text-decoration: underline; text-decoration-thickness: 1.5px; text-underline-offset: 3px; }
table.grid { border-collapse: collapse; margin: 4px 0; width: 100%%; }
table.grid td { border: 1px solid #000; padding: 1px 4px; }
table.grid td.thick { border-width: 3px; }
section.reason { %(break)s } section.reason p { text-indent: 1em; }
"""
_DEEPEST = 20


def write_html(sheet: Sheet, style: ComparisonStyle) -> str:
    """The paper as a page of its own."""
    reason = _reason(sheet) if sheet.reason else Markup("")
    table = _comparison(sheet, style)
    body = (reason, table) if style.reason == "before" else (table, reason)
    css = _STYLE % {
        "page": style.page,
        "font": _quoted(style.font),
        "heading": _quoted(style.heading_font),
        "size": f"{style.size:g}",
        "break": "break-after: page;" if style.reason == "before" else "break-before: page;",
        "indents": " ".join(f"p.i{n} {{ padding-left: {n}em; }}" for n in range(1, _DEEPEST + 2)),
    }
    return str(
        Markup(
            '<!doctype html>\n<html lang="ja">\n<head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width, initial-scale=1"><title>{}</title><style>{}</style></head>\n'
            "<body>\n{}\n</body>\n</html>\n"
        ).format(sheet.title, Markup(css), Markup("\n").join(body))  # noqa: S704 - our own style; names are quoted
    )


def cell_html(cell: Cell, style: ComparisonStyle) -> Markup:
    """A cell's lines and tables; what differs is underlined."""
    return Markup("").join(_grid(one, style) if isinstance(one, Grid) else _line(one) for one in cell)


def _quoted(name: str) -> str:
    """A font's name in a style: nothing in it may end the string or the style."""
    return '"' + "".join(char for char in name if char.isalnum() or char in " 　-_") + '"'


def _reason(sheet: Sheet) -> Markup:
    lines = Markup("").join(Markup("<p>{}</p>").format(visible(one.strip())) for one in sheet.reason.split("\n"))
    return Markup('<section class="reason"><h1>{}の改正理由</h1>{}</section>').format(sheet.document.title, lines)


def _comparison(sheet: Sheet, style: ComparisonStyle) -> Markup:
    above, below = lead(sheet, style)
    names = columns(sheet, style)
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="remarks"') if at == 2 else "", name)
        for at, name in enumerate(names)
    )
    rows = [
        Markup("<tr{}>{}</tr>\n").format(
            Markup(' class="opens"') if entry.opens else "",
            Markup("").join(
                Markup("<td>{}</td>").format(one)
                for one in (
                    *(cell_html(cell, style) for cell in sides(entry, style)),
                    *([escape(entry.remark)] if style.remarks else []),
                )
            ),
        )
        for entry in entries(sheet, style)
    ]
    nothing = Markup('<tr class="opens"><td colspan="{}">（改正する部分はない。）</td></tr>').format(len(names))
    return Markup(
        '<section><h1>{}</h1>{}<table class="main"><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table>{}</section>'
    ).format(
        sheet.title,
        Markup('<p class="lead">{}</p>').format(above) if above else "",
        head,
        Markup("").join(rows) or nothing,
        Markup('<p class="note">{}</p>').format(below) if below else "",
    )


def _line(line: Line) -> Markup:
    hang = 0 if line.heading else 1
    names = f"i{min(line.indent, _DEEPEST) + hang}" + (" hang" if hang else "")
    return Markup('<p class="{}">{}</p>').format(names, _marked(line.parts))


def _marked(parts: Marked) -> Markup:
    return Markup("").join(
        Markup("<u>{}</u>").format(visible(one.text, len(one.text)))
        if one.changed
        else visible(one.text, len(one.text))
        for one in parts
    )


def _grid(grid: Grid, style: ComparisonStyle) -> Markup:
    thick = style.tables == "thick"
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td{}>{}</td>").format(
                    Markup(' class="thick"') if thick and changed(cell) else "", _marked(cell)
                )
                for cell in row
            )
        )
        for row in grid.rows
    )
    return Markup('<table class="grid">{}</table>').format(rows)
