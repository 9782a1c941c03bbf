"""Keywords without a field: where in an event they may occur, found without numbering every text.

Most texts of most events contain no keyword at all, and the long ones (rendered messages) hardly repeat. So short
columns are looked at value by value with a memo, long ones with one search over the column.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson
import polars as pl
from ahocorasick_rs import AhoCorasick

from secops.schema.frame import EXTRA
from secops.siem.detect.columns import JSON_ESCAPE, Coded, Rows, Table, Value
from secops.siem.detect.judge import Judge
from secops.siem.detect.specs import Spec, fold

_MAX_PATTERN = 500  # literals in one search pattern


class Gate:
    """All keywords of a rulebook: tells which columns of a table have a value with any of them."""

    def __init__(self, specs: Iterable[Spec]) -> None:
        self._judge = Judge(dict(enumerate(dict.fromkeys(specs))))
        literals = self._judge.literals()
        self._automaton = AhoCorasick(sorted(literals)) if literals and "" not in literals else None
        self.forget()

    def __call__(self, table: Table) -> list[str]:
        """The columns in which some keyword may occur; long ones are not looked at."""
        return [name for name in table.texts() if table.is_long(name) or self._occurs(table.field((name,)))]

    def forget(self) -> None:
        """Drop the memo."""
        self._without: set[Value] = set()
        self._holding: set[Value] = set()
        self.size = 0  # bytes held, roughly

    def _occurs(self, coded: Coded | None) -> bool:
        if coded is None:
            return False
        if not self._holding.isdisjoint(coded.values):
            return True
        new = set(coded.values) - self._without
        if not new:
            return False
        texts = {value: (value,) if isinstance(value, str) else value for value in new}
        self.size += sum(len(text) for parts in texts.values() for text in parts) + 150 * len(new)
        # One search over all of them, since nearly always none holds any; no literal reaches over a line end.
        if self._may_hold("\n".join(itertools.chain.from_iterable(texts.values()))):
            holding = {value for value, parts in texts.items() if any(map(self._judge, parts))}
            self._holding |= holding
            new -= holding
        self._without |= new
        return not self._holding.isdisjoint(texts)

    def _may_hold(self, text: str) -> bool:
        return self._automaton is None or bool(self._automaton.find_matches_as_indexes(fold(text)))


_CHANNEL = r'"[Cc]hannel"\s*:'


def likely_records(groups: Mapping[frozenset[str], Sequence[Spec]], records: Sequence[bytes]) -> list[bool]:
    """Which JSON records may hold a keyword somewhere; no other one does.

    ``groups`` are keywords by the folded Windows channels they are about (empty: by no channel, so all records).
    """
    text = pl.Series(records, dtype=pl.Binary()).cast(pl.String(), strict=False)
    whole = pl.lit(text)
    odd = (whole.str.len_bytes() != whole.str.len_chars()) | whole.str.contains(JSON_ESCAPE)
    once = whole.str.count_matches(_CHANNEL) == 1
    name = whole.str.extract(_CHANNEL + r'\s*"([^"\\]*)"').str.to_lowercase()
    known = pl.select(odd=odd, channel=pl.when(once).then(name), number=pl.int_range(len(records)), text=whole)
    found = [False] * len(records)
    for channels, specs in groups.items():
        here = pl.col("channel").is_in(list(channels)).fill_null(value=True) if channels else pl.lit(value=True)
        pattern = search_pattern(Judge(dict(enumerate(dict.fromkeys(specs)))).literals(), in_json=True)
        holds = pl.lit(value=True) if pattern is None else pl.col("text").str.contains(f"(?i){pattern}") | pl.col("odd")
        for number in known.filter(here).filter(holds.fill_null(value=True))["number"]:
            found[number] = True
    return found


def search_pattern(literals: Iterable[str] | None, *, in_json: bool) -> str | None:
    """A pattern (Rust regex, for ASCII in lower case) that occurs wherever one of the folded literals does.

    None where that cannot be said: some keyword needs no literal, or there are too many.
    """
    if literals is None:
        return None
    texts = sorted({text for text in literals if text.isascii()})
    if len(texts) > _MAX_PATTERN:
        return None
    if in_json:
        texts = [orjson.dumps(text).decode()[1:-1] for text in texts]
    # A literal outside ASCII can only occur in a text outside ASCII; those are always looked at.
    return "|".join(_escape(text) for text in texts) or "[^\\s\\S]"


def _escape(text: str) -> str:
    return "".join(f"\\x{{{ord(char):x}}}" if not char.isalnum() else char for char in text)


class Search:
    """How the keywords of one plan are looked for in a table."""

    def __init__(self, judge: Judge) -> None:
        literals = judge.literals()
        self._plain = search_pattern(literals, in_json=False)
        self._json = search_pattern(literals, in_json=True)

    def columns(self, table: Table, rows: Rows) -> Iterator[Coded | None]:
        """The columns that may hold one of the keywords, for some rows of the table."""
        for name in table.keyword_columns():
            pattern = self._json if name == EXTRA else self._plain
            if pattern is not None and table.is_long(name):
                yield table.rows_with(name, pattern, rows)
            else:
                coded = table.field((name,))
                yield coded and coded.part(rows)
