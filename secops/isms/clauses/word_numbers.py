"""Word's automatic numbering: what it prints before a paragraph.

A paragraph names a *num* and a level; the num refers to an *abstractNum*, which says for each level where it starts,
how the number looks and what stands around it (``第%1条``). All nums of one abstractNum count on together, unless a
num starts a level anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secops.isms.clauses.ordinals import AIUEO, IROHA, circled, kanji, letters, roman

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_FULL = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"


def _of(row: str, number: int) -> str:
    """Letters of a row; after its end they are doubled, as Word does."""
    times, at = divmod(number - 1, len(row))
    return row[at] * (times + 1)


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "ordinal": str,
    "cardinalText": str,
    "decimalZero": lambda n: f"{n:02}",
    "decimalHalfWidth": str,
    "decimalFullWidth": lambda n: str(n).translate(_FULL),
    "decimalFullWidth2": lambda n: str(n).translate(_FULL),
    "decimalEnclosedCircle": circled,
    "decimalEnclosedFullstop": lambda n: f"{n}.",
    "decimalEnclosedParen": lambda n: f"({n})",
    "numberInDash": lambda n: f"- {n} -",
    # Half-width kana is what Word prints for the plain names; on paper and here they are the same labels.
    "aiueo": lambda n: _of(AIUEO, n),
    "aiueoFullWidth": lambda n: _of(AIUEO, n),
    "iroha": lambda n: _of(IROHA, n),
    "irohaFullWidth": lambda n: _of(IROHA, n),
    "japaneseCounting": kanji,
    "japaneseLegal": kanji,
    "japaneseDigitalTenThousand": kanji,
    "chineseCounting": kanji,
    "chineseCountingThousand": kanji,
    "taiwaneseCounting": kanji,
    "ideographDigital": kanji,
    "ideographEnclosedCircle": lambda n: f"({kanji(n)})",
    "ideographTraditional": lambda n: _of(_STEMS, n),
    "ideographZodiac": lambda n: _of(_BRANCHES, n),
    "upperLetter": lambda n: letters(n).upper(),
    "lowerLetter": letters,
    "upperRoman": lambda n: roman(n).upper(),
    "lowerRoman": roman,
}


@dataclass(frozen=True, slots=True)
class Level:
    """How one level counts and looks. ``restart`` is the level (from 1) whose step starts it anew; 0: never."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    restart: int | None = None
    legal: bool = False  # the numbers of upper levels in it are decimal, whatever they look like themselves
    style: str = ""


@dataclass
class _List:
    levels: dict[int, Level]
    counters: list[int | None] = field(default_factory=lambda: [None] * LEVELS)


@dataclass(frozen=True, slots=True)
class _Num:
    abstract: str
    starts: Mapping[int, int]
    levels: Mapping[int, Level]


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands before a paragraph; ``bullet``: a sign that does not count. ``format`` names an unknown format."""

    text: str
    bullet: bool = False
    unknown: str = ""


class Numbers:
    """The state of a document's automatic numbering while its paragraphs pass by."""

    def __init__(self, root: Any | None, linked: Mapping[str, str] | None = None) -> None:
        """``linked`` says for a numbering style which num it holds."""
        self._lists: dict[str, _List] = {}
        self._nums: dict[str, _Num] = {}
        self._begun: set[tuple[str, int]] = set()
        if root is not None:
            self._read(root, linked or {})

    def level_of_style(self, num: str, style: str) -> int:
        """The level of a num that a paragraph style is tied to, else the first."""
        if num not in self._nums:
            return 0
        levels = self._lists[self._nums[num].abstract].levels
        return next((at for at, level in levels.items() if level.style == style), 0)

    def next(self, num: str, at: int) -> Printed | None:
        """Count one paragraph of this num and level on; None where the file defines no such numbering."""
        found = self._nums.get(num)
        if found is None or not 0 <= at < LEVELS:
            return None
        listed = self._lists[found.abstract]
        levels = {**listed.levels, **found.levels}
        level = levels.get(at)
        if level is None:
            return None
        self._count(num, found, listed, levels, at)
        return self._printed(level, levels, listed.counters)

    def _count(self, num: str, found: _Num, listed: _List, levels: Mapping[int, Level], at: int) -> None:
        counters = listed.counters
        for upper in range(at):  # a level that was jumped over counts as begun
            if counters[upper] is None:
                counters[upper] = levels.get(upper, Level()).start
        first = (num, at) not in self._begun and at in found.starts
        self._begun.add((num, at))
        now = counters[at]
        counters[at] = found.starts[at] if first else levels[at].start if now is None else now + 1
        for lower in range(at + 1, LEVELS):
            restart = levels.get(lower, Level()).restart
            if restart is None or at < restart:
                counters[lower] = None

    @staticmethod
    def _printed(level: Level, levels: Mapping[int, Level], counters: list[int | None]) -> Printed:
        if level.format == "bullet":
            return Printed("・", bullet=True)
        unknown = ""

        def number(match: re.Match[str]) -> str:
            nonlocal unknown
            place = int(match[1]) - 1
            count = counters[place] or 0
            shape = levels.get(place, Level()).format
            if shape == "none":
                return ""
            if shape not in _FORMATS:
                unknown = shape
            if level.legal or shape not in _FORMATS or count < 1:
                return str(count)
            return _FORMATS[shape](count)

        return Printed("" if level.format == "none" else _PLACE.sub(number, level.text), unknown=unknown)

    def _read(self, root: Any, linked: Mapping[str, str]) -> None:
        links: dict[str, str] = {}
        for one in root.iterchildren(f"{W}abstractNum"):
            key = one.get(f"{W}abstractNumId", "")
            if (link := one.find(f"{W}numStyleLink")) is not None:
                links[key] = link.get(f"{W}val", "")
            self._lists[key] = _List({int(level.get(f"{W}ilvl", "0")): _level(level) for level in one.iter(f"{W}lvl")})
        for one in root.iterchildren(f"{W}num"):
            reference = one.find(f"{W}abstractNumId")
            key = reference.get(f"{W}val", "") if reference is not None else ""
            if key in self._lists:
                starts, levels = _overrides(one, self._lists[key].levels)
                self._nums[one.get(f"{W}numId", "")] = _Num(key, starts, levels)
        for key, style in links.items():  # the definition stands behind a numbering style
            target = self._nums.get(linked.get(style, ""))
            if target is not None and target.abstract not in links:
                self._lists[key] = self._lists[target.abstract]


def _level(element: Any) -> Level:
    def value(name: str, default: str) -> str:
        found = element.find(f"{W}{name}")
        return default if found is None else found.get(f"{W}val", default)

    restart = element.find(f"{W}lvlRestart")
    legal = element.find(f"{W}isLgl")
    return Level(
        start=_whole(value("start", "1"), 1),
        format=value("numFmt", "decimal"),
        text=value("lvlText", ""),
        restart=None if restart is None else _whole(restart.get(f"{W}val", ""), 0),
        legal=legal is not None and legal.get(f"{W}val", "1") not in {"0", "false"},
        style=value("pStyle", ""),
    )


def _overrides(num: Any, known: Mapping[int, Level]) -> tuple[dict[int, int], dict[int, Level]]:
    starts: dict[int, int] = {}
    levels: dict[int, Level] = {}
    for one in num.iterchildren(f"{W}lvlOverride"):
        at = _whole(one.get(f"{W}ilvl", "0"), 0)
        if (start := one.find(f"{W}startOverride")) is not None:
            starts[at] = _whole(start.get(f"{W}val", "1"), 1)
        if (level := one.find(f"{W}lvl")) is not None:
            levels[at] = replace(_level(level), style=known.get(at, Level()).style)
    return starts, levels


def _whole(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default
