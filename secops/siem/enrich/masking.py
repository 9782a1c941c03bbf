"""Masking of マイナンバー: 12 digits with a valid check digit, wherever text is kept.

Runs after detection, so rules still see the number; nothing that is stored does. The check digit is that of
行政手続における特定の個人を識別するための番号の利用等に関する法律の規定による通知カード及び個人番号カード並びに情報提供ネットワーク
システムによる特定個人情報の提供等に関する省令 5条: 11 − (Σ Pn·Qn mod 11), 0 where the remainder is 0 or 1.

About one random number in eleven passes the check, so what is known to be something else is left alone: typed columns
(numbers, dates, addresses), the program's own names, and digits that read as a date with a time (202611230204).
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import polars as pl

from secops.schema.ecs import COLUMNS
from secops.schema.frame import CORE, EXTRA, EXTRA_TEXT
from secops.schema.text import MASK

# Twelve digits in a row or as 4-4-4, half or full width, with no further digit at either end. A part of a GUID or of a
# hash, the decimals of a fraction and a part of a longer grouped number (a payment card) are other things.
_DIGIT = "[0-9０-９]"
_GAP = "[-－‐ 　]"
_CHAIN = r"[0-9０-９A-Fa-f.\-－‐ 　]*"  # all that `_CANDIDATE` looks at around the digits, and more
_CANDIDATE = re.compile(
    rf"(?<![0-9０-９])(?<!-[0-9A-Fa-f]{{4}}-)(?<![0-9]\.)"
    rf"{_DIGIT}{{4}}(?P<gap>{_GAP}?){_DIGIT}{{4}}(?P=gap){_DIGIT}{{4}}(?!(?P=gap)[0-9０-９])(?![0-9０-９])"
)
_GROUP_BEFORE = re.compile(rf"(?:{_DIGIT}{{4}}{_GAP}|{_DIGIT}-)$")
_GROUP = f"{_DIGIT}{{4}}"
_HEX = "[0-9A-Fa-f]"
_GUID_OR_HASH = re.compile(f"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|{_HEX}{{32,}}")
_AROUND = 64  # characters that show whether digits are inside such a thing


def _shape() -> str:
    """For Rust's regex, which has no look-around: takes its neighbours along, and lets more pass than `_CANDIDATE`.

    Not all digits are zero: a zero GUID is in every Windows logon, and would make each of them a suspect.
    """
    ways = []
    for zeros in range(12):
        digits = ["[0０]"] * zeros + ["[1-9１-９]"] + [_DIGIT] * (11 - zeros)
        groups = ["".join(digits[at : at + 4]) for at in (0, 4, 8)]
        ways += [gap.join(groups) for gap in ("", _GAP)]
    return f"(?:^|[^0-9０-９])(?:{'|'.join(ways)})(?:$|[^0-9０-９])"


_SHAPE = _shape()
# With everything around that decides whether it is one: the same text is judged the same way wherever it stands.
_CLUE = f"{_CHAIN}{_GROUP}{_GAP}?{_GROUP}{_GAP}?{_GROUP}{_CHAIN}"
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
    {
        *CORE,
        EXTRA_TEXT,
        "ecs.version",
        "event.action",
        "event.category",
        "event.code",
        "event.outcome",
        "event.provider",
    }
    | {"event.type", "tags", "user.id", "user.domain", "user.effective.id", "user.target.id", "process.name"}
    | {"http.request.method", "http.version", "registry.data.type", "registry.hive", "source.domain", "file.extension"}
    | {name for name in COLUMNS if ".hash." in name or name.endswith((".mac", ".imphash", ".entity_id"))}
    | {name for name in COLUMNS if name.startswith(_EXEMPT_PREFIXES) or ".pe." in name or ".code_signature." in name}
)
# In EXTRA: what Windows says about an event (keywords, GUIDs, record and thread numbers) and counters of the platform.
# Event data are what programs and people wrote, and are looked at.
_EXEMPT_FIELDS = re.compile(r"winlog\.(?!event_data\.|user_data\.)|winlog\.event_data\.(?:Filter)?Weight$")


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
    text, start, end = match.string, match.start(), match.end()
    if match["gap"] and _GROUP_BEFORE.search(text[max(0, start - 5) : start]):
        return match[0]
    if not is_my_number("".join(str(int(char)) for char in match[0] if char.isdecimal())):
        return match[0]
    first = max(0, start - _AROUND)
    others = (one.span() for one in _GUID_OR_HASH.finditer(text[first : end + _AROUND]))
    return match[0] if any(begin <= start - first and end - first <= stop for begin, stop in others) else MASK


def mask_json(text: str) -> str:
    """A JSON text with every マイナンバー in its names, texts and whole numbers masked; it stays JSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return mask_text(text)
    masked = _masked(value)
    return text if masked == value else orjson.dumps(masked).decode()


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {
            mask_text(name): inner if _EXEMPT_FIELDS.match(name) else _masked(inner) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return MASK if is_my_number(str(value)) else value
    return value


def mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask every text column, ``EXTRA`` and ``event.original``; ``labels.masked`` is true on the rows that had one.

    A vectorised search for the shape finds the few values that are looked at one by one.
    """
    flat = {
        column.name: _flat(column.name, column.dtype)
        for column in frame
        if _maskable(column.name, column.dtype) and column.null_count() < frame.height
    }
    shown = {**flat, EXTRA: _values_of_extra(frame)} if EXTRA in flat else flat
    suspects = frame.select(text.str.contains(_SHAPE).fill_null(False).alias(name) for name, text in shown.items())
    changed: list[pl.Series] = []
    touched: pl.Series | None = None
    for one in suspects:
        if not one.any():
            continue
        series = frame[one.name]
        rows = _guilty(one.arg_true(), frame.select(shown[one.name]).to_series())
        new = _mask_rows(series, rows)
        differs = rows.filter(new.ne_missing(series[rows]))
        if not len(differs):
            continue
        changed.append(_with_rows(series, rows, new))
        if one.name == EXTRA and EXTRA_TEXT in frame.columns:
            changed.append(frame[EXTRA_TEXT].scatter(differs, None))
        flags = pl.repeat(False, frame.height, eager=True).scatter(differs, True)
        touched = flags if touched is None else touched | flags
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


def _values_of_extra(frame: pl.DataFrame) -> pl.Expr:
    """Half as long as EXTRA where a normalizer gave the texts of its values, whose names then need no look."""
    return pl.coalesce(EXTRA_TEXT, EXTRA) if EXTRA_TEXT in frame.columns else pl.col(EXTRA)


def _flat(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).list.join("\n", ignore_nulls=True) if dtype == pl.List(pl.String) else pl.col(name)


def _guilty(suspects: pl.Series, texts: pl.Series) -> pl.Series:
    """Of these numbers of rows, those whose text has a マイナンバー (of JSON: may have one)."""
    # Most suspects are GUIDs and order numbers: the clues are short and few, the texts are long.
    clues = texts[suspects].str.extract_all(_CLUE)
    proofs = [clue for clue in clues.explode().unique().drop_nulls().to_list() if mask_text(clue) != clue]
    if not proofs:
        return suspects.clear()
    return suspects.filter(clues.list.eval(pl.element().is_in(proofs)).list.any())


def _mask_rows(series: pl.Series, rows: pl.Series) -> pl.Series:
    """The values of these rows, masked."""
    values = series[rows].to_list()
    if series.name == EXTRA:
        return pl.Series(series.name, [mask_json(value) for value in values], dtype=series.dtype)
    if series.dtype == pl.String:
        return pl.Series(series.name, [mask_text(value) for value in values], dtype=series.dtype)
    lists = [[item and mask_text(item) for item in value] for value in values]
    return pl.Series(series.name, lists, dtype=series.dtype)


def _with_rows(series: pl.Series, rows: pl.Series, new: pl.Series) -> pl.Series:
    """The column with other values in these rows (polars scatters no lists)."""
    places = pl.int_range(len(series), dtype=pl.UInt32, eager=True).scatter(
        rows, pl.int_range(len(series), len(series) + len(new), dtype=pl.UInt32, eager=True)
    )
    return pl.concat([series, new])[places]
