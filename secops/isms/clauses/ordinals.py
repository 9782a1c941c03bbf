"""Numbers as Japanese papers write them: 十二, ①, ア, イロハ; both ways."""

from __future__ import annotations

import unicodedata

AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_DIGITS = "〇一二三四五六七八九"
_UNITS = {"十": 10, "百": 100, "千": 1000}
_ROMAN = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_CIRCLED = "".join(
    [*map(chr, range(0x2460, 0x2474)), *map(chr, range(0x3251, 0x3260)), *map(chr, range(0x32B1, 0x32C0))]
)


def kanji(number: int) -> str:
    """十二 for 12, 百一 for 101; from 10,000 on in Arabic digits."""
    if not 0 < number < 10_000:
        return "〇" if number == 0 else str(number)
    parts = []
    for size, unit in ((1000, "千"), (100, "百"), (10, "十")):
        count, number = divmod(number, size)
        if count:
            parts.append((_DIGITS[count] if count > 1 else "") + unit)
    return "".join(parts) + (_DIGITS[number] if number else "")


def circled(number: int) -> str:
    """① for 1; above 50 there is none: (51)."""
    return _CIRCLED[number - 1] if 0 < number <= len(_CIRCLED) else f"({number})"


def letters(number: int) -> str:
    """A for 1, z for 26, aa for 27, in lower case; doubled as Word does it."""
    times, at = divmod(number - 1, 26)
    return chr(ord("a") + at) * (times + 1)


def roman(number: int) -> str:
    """A Roman numeral in lower case: xii for 12."""
    parts = []
    for size, sign in _ROMAN:
        count, number = divmod(number, size)
        parts.append(sign * count)
    return "".join(parts)


def value(text: str) -> int | None:
    """The number that digits of either width, 漢数字 or a circled digit say; None for all else."""
    if not text or len(text) > 9:
        return None
    if text in _CIRCLED and len(text) == 1:
        return _CIRCLED.index(text) + 1
    plain = unicodedata.normalize("NFKC", text)
    if plain.isascii() and plain.isdigit():
        return int(plain)
    if all(one in _DIGITS for one in text):
        return int("".join(str(_DIGITS.index(one)) for one in text))
    return _kanji_value(text)


def _kanji_value(text: str) -> int | None:
    total, digit = 0, 0
    smallest = 10_000
    for one in text:
        if one in _UNITS:
            if _UNITS[one] >= smallest:
                return None
            smallest = _UNITS[one]
            total += (digit or 1) * smallest
            digit = 0
        elif one in _DIGITS and one != "〇" and not digit:
            digit = _DIGITS.index(one)
        else:
            return None
    return total + digit or None
