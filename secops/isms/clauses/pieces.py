"""An official text as lines, whatever file it came in: Word, plain text, CSV."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from secops.errors import PolicyError, Problem
from secops.isms.clauses.official import Piece
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_model import BESIDE_LABELS, BlockKind
from secops.locale import _

MAX_BYTES = 64 << 20
MAX_LINES = 200_000
_ZIP, _PDF, _OLD = b"PK\x03\x04", b"%PDF", bytes.fromhex("d0cf11e0a1b11ae1")
_NUMBER = ("番号", "条項番号", "条項", "項番", "no", "number")
_TITLE = ("題名", "項目", "見出し", "標題", "タイトル", "title")
_TEXT = ("本文", "内容", "遵守事項", "条文", "text")


@dataclass(frozen=True)
class Source:
    """The lines of a file, and what its reader says beside them (tracked changes, macros, …)."""

    pieces: tuple[Piece, ...]
    remarks: tuple[str, ...] = ()


def read_pieces(path: str, data: bytes) -> Source:
    """The lines of a docx, a text or a CSV file (UTF-8, UTF-16 with BOM, CP932).

    Raises:
        PolicyError: another kind of file, too large, or one that cannot be read safely.
    """
    if len(data) > MAX_BYTES:
        what = _("大きすぎます({size} MB)。{limit} MB までです。")
        raise PolicyError([Problem(path, what.format(size=len(data) >> 20, limit=MAX_BYTES >> 20))])
    if data.startswith((_PDF, _OLD)):
        what = _("Word の .docx、テキスト、CSV のどれかにしてください(PDF と古い .doc は読めません)。")
        raise PolicyError([Problem(path, what)])
    if data.startswith(_ZIP):
        return _word(path, data)
    text = _decode(path, data)
    pieces = _table(text) if path.lower().endswith(".csv") else _lines(text)
    if len(pieces) > MAX_LINES:
        what = _("行が多すぎます({count} 行)。{limit} 行までです。")
        raise PolicyError([Problem(path, what.format(count=len(pieces), limit=MAX_LINES))])
    return Source(tuple(pieces))


def _word(path: str, data: bytes) -> Source:
    found = read_word(path, data)
    pieces = []
    for block in found.blocks:
        plain = block.kind is not BlockKind.TEXT
        lines = [block.text] if plain else block.text.splitlines() or [""]
        for at, line in enumerate(lines):
            said = f"{block.label} {line}" if block.label and at == 0 else line
            pieces.append(Piece(block.number, said, plain=plain))
    said = _("{line} 番目の段落: {kind}: {text}")
    remarks = [said.format(line=one.number, kind=_(BESIDE_LABELS[one.kind]), text=one.text) for one in found.remarks]
    return Source(tuple(pieces), tuple(remarks))


def _decode(path: str, data: bytes) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "cp932"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    what = _("文字コードを判別できません。UTF-8 か Shift_JIS(CP932)で保存してください。")
    raise PolicyError([Problem(path, what)])


def _lines(text: str) -> list[Piece]:
    return [Piece(at, _clean(line)) for at, line in enumerate(text.splitlines(), 1)]


def _clean(text: str) -> str:
    """Without control characters, which a file of ours could not hold; tabs stay."""
    return "".join(one for one in text if one == "\t" or one.isprintable() or one == "\u3000")


def _table(text: str) -> list[Piece]:
    """Rows of a CSV: by the names of its columns, else each row as a line."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head = [re.sub(r"\s", "", cell).lower() for cell in rows[0]] if rows else []
    columns = [next((head.index(name) for name in names if name in head), None) for names in (_NUMBER, _TITLE, _TEXT)]
    if columns[0] is None or (columns[1] is None and columns[2] is None):
        return [Piece(at, _clean(" ".join(filter(None, map(str.strip, row))))) for at, row in enumerate(rows, 1)]
    return [piece for at, row in enumerate(rows[1:], 2) for piece in _row(at, row, columns)]


def _row(at: int, row: Sequence[str], columns: Sequence[int | None]) -> list[Piece]:
    number, title, text = (
        row[column].strip() if column is not None and column < len(row) else "" for column in columns
    )
    head, *lines = [*title.splitlines(), *text.splitlines()] or [""]
    if number and number.lstrip()[0] in "0123456789" + "".join(map(chr, range(0xFF10, 0xFF1A))):
        first = Piece(at, _clean(head), _clean(number))
    else:
        first = Piece(at, _clean(f"{number} {head}".strip()))
    return [first, *(Piece(at, _clean(line), plain=False) for line in lines)]
