r"""The number that a provision begins with, in all the ways Japanese papers write it.

``第十二条の二 (目的)`` and ``(2)`` in full width are read as ``第12条の2`` and ``(2)``: digits become Arabic and
narrow, brackets narrow, so that a label can be cited and compared. ``10日以内に`` has no space: that is text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from secops.isms.clauses.ordinals import AIUEO, IROHA, value


class Kind(StrEnum):
    """What a label is, from the form it has."""

    PART = "part"  # 編
    CHAPTER = "chapter"
    SECTION = "section"
    SUBSECTION = "subsection"  # 款
    DIVISION = "division"  # 目
    ARTICLE = "article"
    ORDINAL = "ordinal"  # 第1
    NUMBER = "number"  # 1
    DASHES = "dashes"  # 2―6―1
    DOTS = "dots"  # 6.1
    ITEM = "item"  # (1)
    KANJI = "kanji"  # 一
    KANJI_BRACKETS = "kanji_brackets"  # (一)
    CLOSED = "closed"  # 1)
    CIRCLED = "circled"  # ①
    KANA = "kana"  # ア
    KANA_BRACKETS = "kana_brackets"  # (ア)
    LETTER = "letter"  # a
    LETTER_BRACKETS = "letter_brackets"  # (a)
    SUPPLEMENT = "supplement"  # 附則
    ANNEX = "annex"  # 別表, 別紙, 様式


KIND_LABELS = {
    Kind.PART: "編",
    Kind.CHAPTER: "章",
    Kind.SECTION: "節",
    Kind.SUBSECTION: "款",
    Kind.DIVISION: "目",
    Kind.ARTICLE: "条",
    Kind.ORDINAL: "第1",
    Kind.NUMBER: "1",
    Kind.DASHES: "1―1",
    Kind.DOTS: "1.1",
    Kind.ITEM: "(1)",
    Kind.KANJI: "一",
    Kind.KANJI_BRACKETS: "(一)",
    Kind.CLOSED: "1)",
    Kind.CIRCLED: "①",
    Kind.KANA: "ア",
    Kind.KANA_BRACKETS: "(ア)",
    Kind.LETTER: "a",
    Kind.LETTER_BRACKETS: "(a)",
    Kind.SUPPLEMENT: "附則",
    Kind.ANNEX: "別表・様式",
}
DASH = "―"  # of 2―6―1, as rules print it


@dataclass(frozen=True, slots=True)
class Label:
    """A label and what stands behind it: ``numbers`` are its parts (12, 2 for 第12条の2); ``sure``: a space follows."""

    kind: Kind
    text: str
    numbers: tuple[int, ...]
    rest: str
    sure: bool = True


_N = "[0-9\uff10-\uff19]{1,4}"
_K = "[〇一二三四五六七八九十百千]{1,7}"
_NK = f"(?:{_N}|{_K})"
_OPEN, _CLOSE = "[(\uff08]", "[)\uff09]"
_SPACE = r"[\s\u3000]"
_SET_OFF = re.compile(rf"(?:{_SPACE}|{_OPEN}|【|$)")
_BRANCHES = rf"((?:の{_NK}(?![日月年回つ人件]))*)"
_DASHES = "[-\u2010-\u2015\u2212\u30fc\uff0d\u2500]"
_UNITS = {
    "編": Kind.PART,
    "章": Kind.CHAPTER,
    "節": Kind.SECTION,
    "款": Kind.SUBSECTION,
    "目": Kind.DIVISION,
    "条": Kind.ARTICLE,
}
_ANNEXES = "別表|別紙|別記様式|別記|別添|別図|様式|参考"
_PARENS = {chr(0x2474 + at): at + 1 for at in range(20)}  # ⑴
_KANJI_PARENS = {chr(0x3220 + at): at + 1 for at in range(10)}  # ㈠


def _numbers(*texts: str) -> tuple[int, ...]:
    found = [value(text) for text in texts]
    return tuple(one for one in found if one is not None)


def _branches(text: str) -> list[str]:
    return [part for part in text.split("の") if part]


def _unit(match: re.Match[str]) -> Label | None:
    kind = _UNITS[match[2]]
    if (kind is Kind.DIVISION or match[0][match.end(1)].isspace()) and not _SET_OFF.match(match[4]):
        return None  # 第1 目的 is headed 目的
    numbers = _numbers(match[1], *_branches(match[3]))
    text = f"第{numbers[0]}{match[2]}" + "".join(f"の{one}" for one in numbers[1:])
    rest = match[4]
    sure = not rest or rest[0].isspace() or rest[0] in "(\uff08【"
    return Label(kind, text, numbers, rest, sure)


def _deleted_range(match: re.Match[str]) -> Label:
    """第5条から第7条まで 削除: one provision that holds the place of several."""
    first, last = _numbers(match[1], match[3])
    text = f"第{first}条から第{last}条まで" if match[2] == "から" else f"第{first}条及び第{last}条"
    return Label(Kind.ARTICLE, text, (last,), match[4])


def _ordinal(match: re.Match[str]) -> Label:
    numbers = _numbers(match[1])
    return Label(Kind.ORDINAL, f"第{numbers[0]}", numbers, match[2])


def _supplement(match: re.Match[str]) -> Label:
    return Label(Kind.SUPPLEMENT, "附則", (), match[1])


def _annex(match: re.Match[str]) -> Label | None:
    if "。" in match[5] or len(match[5]) > 60:
        return None
    numbers = _numbers(*filter(None, [match[3], *_branches(match[4])]))
    text = match[1]
    if match[2]:
        text += f"第{numbers[0]}" if "第" in match[2] else f"{numbers[0]}"
        text += "号" if "号" in match[2] else ""
        text += "".join(f"の{one}" for one in numbers[1:])
    return Label(Kind.ANNEX, text, numbers, match[5])


def _item(match: re.Match[str]) -> Label:
    numbers = _numbers(match[1], *_branches(match[2]), *_branches(match[3]))
    inner = "の".join(map(str, numbers[: 1 + len(_branches(match[2]))]))
    outer = "".join(f"の{part}" for part in map(str, numbers[1 + len(_branches(match[2])) :]))
    return Label(Kind.ITEM, f"({inner}){outer}", numbers, match[4])


def _sign(match: re.Match[str]) -> Label:
    sign, rest = match[1], match[2]
    if sign in _PARENS:
        return Label(Kind.ITEM, f"({_PARENS[sign]})", (_PARENS[sign],), rest)
    if sign in _KANJI_PARENS:
        return Label(Kind.KANJI_BRACKETS, f"({unicodedata.normalize('NFKC', sign)[1]})", (_KANJI_PARENS[sign],), rest)
    return Label(Kind.CIRCLED, sign, (value(sign) or 0,), rest)


def _kana_value(sign: str, before: int = 0) -> int:
    """The place of a kana in its row; イ is the first of イロハ where nothing or not ア came before."""
    return AIUEO.find(sign) + 1 or IROHA.find(sign) + 1 or before


def _kana(match: re.Match[str]) -> Label:
    sign = unicodedata.normalize("NFKC", match[1])
    return Label(Kind.KANA, sign, (_kana_value(sign),), match[2])


def _kana_brackets(match: re.Match[str]) -> Label:
    sign = unicodedata.normalize("NFKC", match[1])
    return Label(Kind.KANA_BRACKETS, f"({sign})", (_kana_value(sign),), match[2])


def _letter(match: re.Match[str]) -> Label:
    sign = unicodedata.normalize("NFKC", match[1])
    return Label(Kind.LETTER, sign, (ord(sign.lower()) - ord("a") + 1,), match[2])


def _letter_brackets(match: re.Match[str]) -> Label:
    sign = unicodedata.normalize("NFKC", match[1])
    return Label(Kind.LETTER_BRACKETS, f"({sign})", (ord(sign.lower()) - ord("a") + 1,), match[2])


def _kanji_brackets(match: re.Match[str]) -> Label:
    return Label(Kind.KANJI_BRACKETS, f"({match[1]})", _numbers(match[1]), match[2])


def _dashes(match: re.Match[str]) -> Label:
    numbers = _numbers(*re.split(_DASHES, match[1]))
    return Label(Kind.DASHES, DASH.join(map(str, numbers)), numbers, match[2])


def _dots(match: re.Match[str]) -> Label:
    numbers = _numbers(*re.split("[.\uff0e]", match[1]))
    return Label(Kind.DOTS, ".".join(map(str, numbers)), numbers, match[2])


def _closed(match: re.Match[str]) -> Label:
    numbers = _numbers(match[1])
    return Label(Kind.CLOSED, f"{numbers[0]})", numbers, match[2])


def _number(match: re.Match[str]) -> Label:
    numbers = _numbers(match[1], *_branches(match[2]))
    return Label(Kind.NUMBER, "の".join(map(str, numbers)), numbers, match[3])


def _kanji(match: re.Match[str]) -> Label | None:
    numbers = _numbers(match[1])
    return Label(Kind.KANJI, match[1], numbers, match[2]) if numbers else None


_KANA = "[ア-ン\uff71-\uff9d]"
_LATIN = "[A-Za-z\uff21-\uff3a\uff41-\uff5a]"
_FOLLOWS = rf"(?:{_SPACE}+|[.\uff0e、]{_SPACE}*|$)"
# In the order they are tried.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Label | None]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), made)
    for pattern, made in (
        (rf"第({_NK})条(から|及び)第({_NK})条(?:まで)?({_SPACE}+削除.*)", _deleted_range),
        (rf"第{_SPACE}?({_NK}){_SPACE}?([編章節款目条]){_BRANCHES}(.*)", _unit),
        (rf"第({_NK})(?:{_SPACE}+(.*)|$)", _ordinal),
        (rf"[附付]{_SPACE}*則((?:{_SPACE}|{_OPEN}).*|)", _supplement),
        (
            rf"({_ANNEXES})({_SPACE}?第?{_SPACE}?({_NK}){_SPACE}?号?)?{_BRANCHES}((?:{_SPACE}|{_OPEN}).*|)",
            _annex,
        ),
        (rf"{_OPEN}({_N})((?:の{_N})*){_CLOSE}((?:の{_N})*)(.*)", _item),
        (rf"{_OPEN}({_K}){_CLOSE}(.*)", _kanji_brackets),
        (rf"{_OPEN}({_KANA}){_CLOSE}(.*)", _kana_brackets),
        (rf"{_OPEN}({_LATIN}){_CLOSE}(.*)", _letter_brackets),
        ("([\u2460-\u2473\u3251-\u325f\u32b1-\u32bf\u2474-\u2487\u3220-\u3229])(.*)", _sign),
        (rf"({_N}(?:{_DASHES}{_N})+)(?:{_SPACE}+(.*)|$)", _dashes),
        (rf"({_N}(?:[.\uff0e]{_N})+)[.\uff0e]?(?:{_SPACE}+(.*)|$)", _dots),
        (rf"({_N}){_CLOSE}(.*)", _closed),
        (rf"({_N})((?:の{_N})*)(?!{_SPACE}*[0-9\uff10-\uff19年月日]){_FOLLOWS}(.*)", _number),
        (rf"({_KANA}){_FOLLOWS}(.*)", _kana),
        (rf"({_LATIN}){_FOLLOWS}(.*)", _letter),
        (rf"({_K}){_FOLLOWS}(.*)", _kanji),
    )
)


def label_of(line: str) -> Label | None:
    """The label that a line begins with, None where it begins with none."""
    line = line.strip()
    for pattern, made in _FORMS:
        match = pattern.fullmatch(line)
        if match and (found := made(match)) is not None and (found.numbers or found.kind in _UNNUMBERED):
            rest = (found.rest or "").strip()
            sure = found.sure
            return Label(found.kind, found.text, found.numbers, rest, sure)
    return None


_UNNUMBERED = {Kind.SUPPLEMENT, Kind.ANNEX}
