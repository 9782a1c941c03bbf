"""The text of a clause as what it is made of: paragraphs of lines, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (``lines``) or a table (``rows``, of which the first are the heads)."""

    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def blocks_of(text: str) -> list[Block]:
    """The blocks of a text, in order; a table is lines that begin with ``|``, the second a rule of dashes."""
    found: list[Block] = []
    for part in _parts(text.split("\n")):
        if len(part) > 1 and part[0].startswith("|") and _RULE.fullmatch(part[1].strip()):
            found.append(Block(rows=tuple(_cells(line) for at, line in enumerate(part) if at != 1)))
        else:
            found.append(Block(lines=tuple(part)))
    return found


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines that belong together: an empty line ends them, and so does the begin or end of a table."""
    part: list[str] = []
    for line in lines:
        if part and (not line or line.startswith("|") != part[0].startswith("|")):
            yield part
            part = []
        if line:
            part.append(line)
    if part:
        yield part


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(inner))
