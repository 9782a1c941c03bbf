"""Masking of マイナンバー: 12 digits with a valid check digit, wherever text is kept.

Runs after detection, so rules still see the number; nothing that is stored does. The check digit is that of
行政手続における特定の個人を識別するための番号の利用等に関する法律の規定による通知カード及び個人番号カード並びに情報提供ネットワーク
システムによる特定個人情報の提供等に関する省令 5条: 11 − (Σ Pn·Qn mod 11), 0 where the remainder is 0 or 1.

About one random number in eleven passes the check, so what is known to be something else is left alone: typed columns
(numbers, dates, addresses), the program's own names, and digits that read as a date with a time (202611230204).
"""

from __future__ import annotations

import re

import polars as pl

from secops.schema.ecs import COLUMNS
from secops.schema.frame import CORE, EXTRA

MASK = "************"

# Twelve digits in a row or as 4-4-4, half or full width, with no further digit at either end. The last group of a GUID,
# the decimals of a fraction and a part of a longer grouped number (a payment card, a GUID) are other things.
_DIGIT = "[0-9０-９]"
_GAP = "[-－‐ 　]"
# For Rust's regex, which has no look-around: takes the character in front along, and lets more pass than `_CANDIDATE`.
_LOOSE = rf"(?:^|[^0-9０-９])(?:{_DIGIT}{{12}}|{_DIGIT}{{4}}{_GAP}{_DIGIT}{{4}}{_GAP}{_DIGIT}{{4}})"
_SHAPE = rf"{_LOOSE}(?:$|[^0-9０-９])"
_CANDIDATE = re.compile(
    rf"(?<![0-9０-９])(?<!-[0-9A-Fa-f]{{4}}-)(?<![0-9]\.)"
    rf"{_DIGIT}{{4}}(?P<gap>{_GAP}?){_DIGIT}{{4}}(?P=gap){_DIGIT}{{4}}(?!(?P=gap)[0-9０-９])(?![0-9０-９])"
)
_GROUP_BEFORE = re.compile(rf"(?:{_DIGIT}{{4}}{_GAP}|{_DIGIT}-)$")
_ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_STAMP = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d")
_TEXT_KINDS = frozenset({"keyword", "wildcard", "match_only_text", "keyword[]", "wildcard[]"})
# Names that the program, the product or an administrator gives, never what a person typed into a form or a file name.
_EXEMPT_PREFIXES = (
    "labels.",
    "agent.",
    "host.",
    "observer.",
    "network.",
    "log.",
    "winlog.",
    "rule.",
    "device.",
    "tls.",
)
_EXEMPT = frozenset(
    {*CORE, "ecs.version", "event.action", "event.category", "event.code", "event.outcome", "event.provider"}
    | {"event.type", "user.id", "user.domain", "user.effective.id", "user.target.id", "process.name"}
    | {"http.request.method", "http.version", "registry.data.type", "registry.hive", "source.domain", "file.extension"}
    | {name for name in COLUMNS if ".hash." in name or name.endswith((".mac", ".imphash", ".entity_id"))}
    | {name for name in COLUMNS if name.startswith(_EXEMPT_PREFIXES)}
)


def check_digit(eleven: str) -> int:
    """The check digit of the first eleven digits of a マイナンバー."""
    total = 0
    for place, digit in enumerate(reversed(eleven), start=1):
        total += int(digit) * (place + 1 if place <= 6 else place - 5)
    rest = total % 11
    return 0 if rest <= 1 else 11 - rest


def is_my_number(digits: str) -> bool:
    """Whether twelve ASCII digits are a possible マイナンバー: valid check digit, not all alike, not a time stamp."""
    if len(digits) != 12 or len(set(digits)) == 1 or _STAMP.fullmatch(digits):
        return False
    return check_digit(digits[:11]) == int(digits[11])


def mask_text(text: str) -> str:
    """The text with every マイナンバー in it replaced by asterisks; the same object where there is none."""
    return _CANDIDATE.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    if match["gap"] and _GROUP_BEFORE.search(match.string[max(0, match.start() - 5) : match.start()]):
        return match[0]
    return MASK if _may_be(match[0]) else match[0]


def _may_be(text: str) -> bool:
    """Whether the digits in a text are a possible マイナンバー."""
    return is_my_number("".join(str(int(char)) for char in text if char.isdecimal()))


def mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask every text column, ``EXTRA`` and ``event.original``; ``labels.masked`` is true on the rows that had one.

    A vectorised search for the shape finds the few values that are looked at one by one.
    """
    changed: list[pl.Series] = []
    touched: pl.Series | None = None
    for name, dtype in frame.schema.items():
        if not _maskable(name, dtype):
            continue
        series = frame[name]
        flat = series.list.join("\n", ignore_nulls=True) if dtype == pl.List(pl.String) else series
        if name == EXTRA:  # a zero GUID is in every Windows logon, and would make each of them a suspect
            flat = flat.str.replace_all(_ZERO_GUID, "", literal=True)
        suspects = flat.str.contains(_SHAPE)
        if not suspects.any():
            continue
        masked = _mask_list(series, suspects) if dtype == pl.List(pl.String) else _mask_column(series, suspects)
        if masked is None:
            continue
        new, rows = masked
        changed.append(new.alias(name))
        touched = rows if touched is None else touched | rows
    if touched is None:
        return frame
    if "labels.masked" in frame.columns:
        touched |= frame["labels.masked"].fill_null(False)
    flag = pl.select(pl.when(touched).then(True)).to_series()
    return frame.with_columns(*changed, flag.alias("labels.masked"))


def _maskable(name: str, dtype: pl.DataType) -> bool:
    if name in _EXEMPT or dtype not in {pl.String(), pl.List(pl.String)}:
        return False
    return name == EXTRA or COLUMNS.get(name, "keyword") in _TEXT_KINDS


def _mask_column(series: pl.Series, suspects: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """The column with its suspects masked, and the rows that changed; None if none did."""
    values = series.filter(suspects).unique()
    # Most suspects are zero GUIDs and order numbers: the candidates are few and cheap to judge, the texts are long.
    found = values.str.extract_all(_LOOSE).explode().unique().drop_nulls()
    possible = [text for text in found.to_list() if _may_be(text)]
    if not possible:
        return None
    values = values.filter(values.str.contains_any(possible))
    masked = {value: new for value in values.to_list() if (new := mask_text(value)) != value}
    if not masked:
        return None
    rows = series.is_in(list(masked)).fill_null(False)
    return series.replace(list(masked), list(masked.values())), rows


def _mask_list(series: pl.Series, suspects: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    lists = series.to_list()
    rows = [False] * len(lists)
    for row in suspects.fill_null(False).arg_true().to_list():
        new = [value and mask_text(value) for value in lists[row]]
        rows[row], lists[row] = new != lists[row], new
    if not any(rows):
        return None
    return pl.Series(series.name, lists, dtype=series.dtype), pl.Series(rows)
