"""The lines of a Word file with the label each begins with, and its head: title, history, table of contents."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from secops.isms.clauses.labels import Kind, Label, label_of
from secops.isms.clauses.model import Event, Numbering
from secops.isms.clauses.word_model import Beside, Block, BlockKind, Remark, WordText
from secops.isms.clauses.word_review import Doubt
from secops.locale import _
from secops.schema.dates import WRITTEN, read_wareki

# The paragraph styles that `secops policy export` writes; a file that comes back is read by them, not by guessing.
STYLE_TITLE, STYLE_HISTORY, STYLE_PREAMBLE = "条項 題名", "条項 沿革", "条項 前文"
STYLE_ABOVE, STYLE_HEADING, STYLE_TEXT, STYLE_MORE = "条項 条見出し", "条項 見出し", "条項 本文", "条項 続き"
STYLE_TABLE = "条項 表"
SPACE = "\u3000"  # between a label and what follows, as rules print it
_OWN = re.compile(f"({STYLE_HEADING}|{STYLE_TEXT}|{STYLE_MORE}|{STYLE_ABOVE})(?: ([1-9][0-9]?))?")
_CONTENTS = re.compile(r"目[\s\u3000]*次")
_HISTORY = re.compile(rf"(.*?){WRITTEN}(.*)")
_HAPPENED = re.compile("制定|改正|改定|改訂|廃止|施行|決定|策定")
_BRACKETED = re.compile("[(\uff08【]([^()\uff08\uff09【】]{1,60})[)\uff09】]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a table. ``role`` is the own style it has, ``depth`` the one that style says, 0 for none."""

    block: Block
    text: str
    label: Label | None = None
    role: str = ""
    depth: int = 0
    own_label: str = ""

    @property
    def number(self) -> int:
        """The number of its paragraph."""
        return self.block.number

    @property
    def is_table(self) -> bool:
        """Whether it is a table."""
        return self.block.kind is BlockKind.TABLE

    @property
    def heading(self) -> bool:
        """Whether it looks like a heading."""
        return bool(self.block.outline) or self.block.bold


def bracketed(text: str) -> str:
    """What stands in the brackets, where the whole line is in brackets: the heading of an article."""
    match = _BRACKETED.fullmatch(text.strip())
    return match[1].strip() if match else ""


def clean(text: str) -> str:
    """A line without what no document may hold, and without spaces around it."""
    kept = "".join(
        " " if one == "\t" else one for one in text if one == "\t" or unicodedata.category(one) not in _NEVER
    )
    return kept.strip()


_NEVER = {"Cc", "Cs", "Zl", "Zp"}


def lines_of(word: WordText) -> tuple[list[Line], list[Doubt]]:
    """All lines that are not empty, with their labels; and the automatic numbers that are none of ours."""
    found: list[Line] = []
    doubts: list[Doubt] = []
    for block in word.blocks:
        own = _OWN.fullmatch(block.style)
        if block.kind is BlockKind.TABLE:
            found.append(Line(block, block.text, role=own[1] if own else ""))
        elif block.kind is BlockKind.ASIDE:
            found += [Line(block, text) for part in block.text.split("\n") if (text := clean(part))]
        elif own or block.style in {STYLE_TITLE, STYLE_HISTORY, STYLE_PREAMBLE}:
            found.append(_own_line(block, own))
        else:
            found += _foreign_lines(block, doubts)
    return found, doubts


def _own_line(block: Block, own: re.Match[str] | None) -> Line:
    text = "\n".join(clean(part) for part in block.text.split("\n"))
    if own is None or own[1] in {STYLE_MORE, STYLE_ABOVE}:
        return Line(block, text.strip("\n"), role=own[1] if own else block.style)
    label, space, rest = block.text.partition(SPACE)
    if not space:  # somebody typed it into the file that we wrote
        return Line(block, text, label_of(text), role=own[1])
    text = "\n".join(clean(part) for part in rest.split("\n"))
    known = label_of(f"{label} {text}") if label else None
    return Line(block, text, known, own[1], int(own[2] or 1), clean(label) or "-")


def _foreign_lines(block: Block, doubts: list[Doubt]) -> Iterator[Line]:
    texts = [clean(part) for part in block.text.split("\n")]
    if block.label:
        label = label_of(f"{block.label} {texts[0]}")
        if label is not None:
            yield Line(block, label.rest, replace(label, sure=True))
            texts = texts[1:]
        else:
            texts[0] = f"{block.label}{'' if block.label == '・' else ' '}{texts[0]}".strip()
            if block.label != "・":
                why = _("Word の自動番号「{label}」は条項の番号と読めないため、文字として残した")
                doubts.append(Doubt(block.number, texts[0], why.format(label=block.label)))
    for text in texts:
        if text:
            yield Line(block, text, label_of(text))


def numbering_of(lines: Sequence[Line]) -> Numbering:
    """Which of the four ways of numbering the provisions have."""
    kinds = Counter(line.label.kind for line in lines if line.label is not None and line.label.sure)
    if kinds[Kind.ARTICLE]:
        return Numbering.ARTICLES
    if kinds[Kind.DASHES] + kinds[Kind.DOTS] > 1:
        return Numbering.DASHES
    return Numbering.REPORT if kinds[Kind.ORDINAL] else Numbering.NUMBERS


def without_contents(lines: list[Line]) -> tuple[list[Line], list[Remark]]:
    """Leave out a typed table of contents: from 目次 to where its first label comes again."""
    at = next((at for at, line in enumerate(lines) if _CONTENTS.fullmatch(line.text)), None)
    if at is None:
        return lines, []
    named = next((line.label for line in lines[at + 1 : at + 3] if line.label is not None), None)
    if named is None:
        return lines, []
    again = [
        later
        for later in range(at + 2, len(lines))
        if (label := lines[later].label) is not None and (label.kind, label.numbers) == (named.kind, named.numbers)
    ]
    end = next((later for later in again if later > at + 2 or lines[at + 1].label is None), None)
    if end is None:
        return lines, []
    if bracketed(lines[end - 1].text):  # the heading above the first article
        end -= 1
    left = [Remark(Beside.CONTENTS, line.number, line.text) for line in lines[at:end]]
    return lines[:at] + lines[end:], left


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the first provision."""

    title: str
    history: tuple[Event, ...]
    preamble: str


def head_of(lines: Sequence[Line]) -> Head:
    """Title, history and preamble from the lines before the first provision."""
    title = ""
    history: list[Event] = []
    left: list[Line] = []
    for line in lines:
        if line.role == STYLE_TITLE and not title:
            title = line.text.replace("\n", " ")
        elif (event := event_of(line.text, sure=line.role == STYLE_HISTORY)) is not None:
            history.append(event)
        else:
            left.append(line)
    if not title and (found := next((line for line in left if _may_be_title(line)), None)):
        title = found.text
        left.remove(found)
    return Head(title, tuple(history), "\n\n".join(line.text for line in left))


def _may_be_title(line: Line) -> bool:
    styled = line.block.style.lower() in {"title", "表題", "題名"}
    short = len(line.text) <= 60 and not line.text.endswith("。") and not line.is_table and line.role == ""
    return short and (styled or line.block.centred or line.heading or line.text.endswith(_ENDINGS))


_ENDINGS = (
    "基準",
    "方針",
    "要綱",
    "要領",
    "規程",
    "規則",
    "手順",
    "手順書",
    "計画",
    "ポリシー",
    "条例",
    "訓令",
    "マニュアル",
)


def event_of(text: str, *, sure: bool = False) -> Event | None:
    """An event of the history that a line is: a date and what happened (``平成14年8月1日制定``), in any order."""
    plain = unicodedata.normalize("NFKC", text) if not sure else text
    match = _HISTORY.fullmatch(plain)
    day = read_wareki(plain)
    if match is None or day is None:
        return None
    what = " ".join(f"{match[1]} {match[6]}".split())
    if not sure:
        inner = _BRACKETED.fullmatch(what)
        what = (inner[1] if inner else what).strip("()[]: ")
        if len(what) > 30 or "。" in what or not _HAPPENED.search(what) or re.search(WRITTEN, what):
            return None
    return Event(day, what) if what else None
