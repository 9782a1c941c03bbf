r"""Tables within the text of a clause, as Markdown: ``| a | b |``, dashes, rows; ``<br>`` breaks a line in a cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_RULE = re.compile(r"\|\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_PIPE = re.compile(r"((?:[^|\\]|\\.)*)\|")
_ESCAPED = re.compile(r"\\([|\\<])|<br\s*/?>")
Rows = list[list[str]]


def write_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, the first as its head."""
    width = max(map(len, rows))

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(_in_cell(cell) for cell in [*row, *[""] * (width - len(row))]) + " |"

    return "\n".join([line(rows[0]), "|" + "---|" * width, *map(line, rows[1:])])


def _in_cell(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("<br", "\\<br").replace("\t", " ")
    return "<br>".join(line.strip() for line in text.split("\n"))


def parts_of(text: str) -> Iterator[str | Rows]:
    """The paragraphs of a text (between empty lines) and its tables, in order."""
    for paragraph in re.split(r"\n[ \t]*\n\s*", text):
        lines = paragraph.split("\n")
        at = next((at for at in range(len(lines) - 1) if _is_head(lines[at], lines[at + 1])), None)
        if at is None:
            if paragraph.strip():
                yield paragraph
            continue
        end = next((end for end in range(at + 2, len(lines)) if not is_row(lines[end])), len(lines))
        if at:
            yield "\n".join(lines[:at])
        yield [_cells(line) for line in [lines[at], *lines[at + 2 : end]]]
        if lines[end:]:
            yield from parts_of("\n".join(lines[end:]))


def _is_head(line: str, below: str) -> bool:
    return is_row(line) and is_rule(below)


def is_row(line: str) -> bool:
    """Whether a line is a row of a table."""
    return line.lstrip().startswith("|")


def is_rule(line: str) -> bool:
    """Whether a line is the dashes below the head of a table."""
    return _RULE.fullmatch(line.strip()) is not None


def _cells(line: str) -> list[str]:
    line = line.strip()
    found = _PIPE.findall(line[1:] if line.endswith("|") else line[1:] + "|")
    return ["".join(letter for letter, _at in letters(cell.strip())) for cell in found]


def letters(cell: str) -> Iterator[tuple[str, int]]:
    """The letters that a cell says, each with its place in what is written."""
    end = 0
    for found in _ESCAPED.finditer(cell):
        yield from ((cell[at], at) for at in range(end, found.start()))
        yield found[1] or "\n", found.start()
        end = found.end()
    yield from ((cell[at], at) for at in range(end, len(cell)))
