"""What every builder of a paper has at hand: the book, its numbers, the words of the ward, the style of speech."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property

from secops.isms.audit.figures import departments_of, figures, of_department, units_of
from secops.isms.audit.paper_style import DISCLAIMER, DISCLAIMER_POLITE, PaperStyle
from secops.isms.audit.round import Book, Finding, FindingKind, Unit
from secops.isms.audit.workpaper import Evidence
from secops.report.papers.model import (
    Block,
    Figure,
    Heading,
    Inline,
    Landscape,
    Notice,
    Order,
    Para,
    Table,
    Text,
    plain,
)
from secops.schema.dates import wareki

_KEY = re.compile(r"\{([A-Za-z0-9_.\-]+)\}")
_WIDE = str.maketrans({"(": "（", ")": "）"})


class Desk:
    """A book on the desk of who writes a paper of it."""

    def __init__(self, book: Book, order: Order) -> None:
        self.book, self.order = book, order
        self.figures = figures(book, order.department, order.made_on)

    @property
    def style(self) -> PaperStyle:
        """How papers look and speak."""
        return self.order.style

    def say(self, plainly: str, politely: str) -> tuple[Inline, ...]:
        """A sentence in the style in force; ``{findings.total}`` in it becomes that number."""
        return self.text(politely if self.order.polite else plainly)

    def text(self, template: str) -> tuple[Inline, ...]:
        """A text in which ``{name}`` becomes the number of that name."""
        made: list[Inline] = []
        end = 0
        for found in _KEY.finditer(template):
            made += [template[end : found.start()], self.number(found[1])]
            end = found.end()
        return tuple(one for one in (*made, template[end:]) if one)

    def number(self, key: str) -> Figure:
        """A number of the data."""
        return Figure(key, self.figures[key])

    def has(self, key: str) -> bool:
        """Whether there is such a number."""
        return key in self.figures

    def count(self, key: str) -> int:
        """A count, to decide by."""
        return int(self.figures[key])

    @property
    def purpose(self) -> str:
        """What the audit is for, in the words of the plan where it has some."""
        common = "情報セキュリティポリシーが守られているかを確認し、改善につなげ"
        return self.book.plan.purpose or common + ("ます。" if self.order.polite else "る。")

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Findings that ask for action, the gravest first."""
        order = list(FindingKind)
        found = [one for one in of_department(self.book, self.order.department) if one.kind is not FindingKind.GOOD]
        return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.number)))

    @cached_property
    def good(self) -> tuple[Finding, ...]:
        """Good practice."""
        return tuple(one for one in of_department(self.book, self.order.department) if one.kind is FindingKind.GOOD)

    @cached_property
    def earlier(self) -> tuple[Finding, ...]:
        """Findings of the years before that ask for action."""
        return tuple(
            one
            for one in self.book.earlier
            if one.kind is not FindingKind.GOOD and self.order.department in {"", one.department}
        )

    @cached_property
    def departments(self) -> list[str]:
        """The departments that the paper is about."""
        return departments_of(self.book, self.order.department)

    @cached_property
    def units(self) -> list[Unit]:
        """The audited units that the paper is about; a department before its systems."""
        found = units_of(self.book, self.order.department)
        place = {code: at for at, code in enumerate(dict.fromkeys(one.department for one in found))}
        return sorted(found, key=lambda one: (place[one.department], bool(one.system)))

    def name(self, department: str) -> str:
        """A department's name."""
        return self.book.names.get(department, department)

    def unit(self, unit: Unit) -> str:
        """Department and system by name."""
        return self.place(unit.department, unit.system)

    def place(self, department: str, system: str) -> str:
        """Department and system by name."""
        if not system:
            return self.name(department)
        return f"{self.name(department)} {self.book.systems.get(system, system)}"

    def by(self, post: str) -> str:
        """Who signs: the ward and a post of it."""
        return wide(self.book.ward) + post

    def clause(self, number: str) -> str:
        """How a clause is cited; one that nobody knows by its id."""
        return self.book.clause_titles.get(number, number)

    def year(self, year: int | None = None) -> str:
        """A 年度 on paper."""
        number = self.book.year if year is None else year
        return f"令和{'元' if number == 2019 else number - 2018}年度"

    def span(self, begins: date | None, ends: date | None) -> str:
        """From one day to another."""
        if begins is None and ends is None:
            return "（未定）"
        return f"{day(begins)}から{day(ends)}まで"

    def disclaimer(self) -> Notice:
        """What must stand where a grade stands."""
        polite = self.order.polite
        end = "で示しています。" if polite else "で示している。"
        word = DISCLAIMER_POLITE if polite else DISCLAIMER
        return Notice(f"評価（AからDまで）及び達成率は、{word}。評価は、監査項目の達成状況に応じてAからDまで{end}")

    def grading(self) -> list[Block]:
        """From which achievement on a grade is given, and what holds it down; nothing where grades are not printed."""
        rules = self.book.rules
        if rules is None or not self.style.grades:
            return []
        rows, above = [], ""
        for grade, least in rules.borders:
            rows.append((grade.value, (f"{least:f}％以上" if least else "") + above))
            above = f"{least:f}％未満"
        end = "とする。", "とします。"
        text = (
            f"必須の監査項目に×があるときは{rules.mandatory_cap.value}以下、完了していない重大な不適合があるときは"
            f"{rules.major_cap.value}以下"
        )
        worst = rules.borders[-1][0].value
        text = text.replace(f"{worst}以下", worst)
        return [
            Table(("評価", "達成率"), tuple(rows), (1, 3), "cl", caption="評価の基準"),
            Para(self.say(text + end[0], text + end[1])),
        ]

    def evidence(self, found: Sequence[Evidence]) -> str:
        """Evidence as lines: what it is, where it lies, the beginning of its SHA-256."""
        lines = []
        for one in found:
            more = [one.place] if one.place else []
            more += [f"SHA-256 {one.sha256[:16]}…"] if one.sha256 else []
            lines.append(one.title + (f"（{'、'.join(more)}）" if more else ""))
        return "\n".join(lines)


def calendar(year: int) -> str:
    """A year of the calendar on paper, for months that are named: 令和9年."""
    return f"令和{'元' if year == 2019 else year - 2018}年"


def day(value: date | None) -> str:
    """A date on paper, or room for it."""
    return wareki(value) if value else "　　年　　月　　日"


def wide(text: str) -> str:
    """Brackets as papers have them."""
    return text.translate(_WIDE)


def section(level: int, title: str, *blocks: Block | Iterable[Block]) -> list[Block]:
    """A heading with what stands under it."""
    made: list[Block] = [Heading(level, title)]
    for one in blocks:
        if isinstance(one, Iterable):
            made += one
        else:
            made.append(one)
    return made


def words_of(blocks: Iterable[Block]) -> str:
    """All words of a paper, to find the terms in it."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Landscape):
            found.append(words_of(block.blocks))
        for part in ("text", "title", "caption"):
            value: Text = getattr(block, part, "")
            found.append(plain(value))
        for part in ("rows", "items"):
            for row in getattr(block, part, ()):
                found += [plain(row)] if isinstance(row, str) or part == "items" else [plain(cell) for cell in row]
    return "\n".join(found)
