"""A value is judged once: which of the predicates that rules put on a column hold for it.

A *predicate* is a number; what it asks is its `Spec`. A `Judge` knows all predicates of one column (of one class of
events) and finds those that hold in one pass: one hash look-up for all equalities, one Aho-Corasick scan of the folded
value for all literals, then only the patterns whose literal occurred.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from secops.siem.detect.specs import Spec, fold, regex

Signature = tuple[int, ...]
Check = Callable[[str, str], bool]  # (value, folded value) → holds

# Shorter texts occur so often that reporting each occurrence costs more than asking once whether there is one.
_SHORT = 2
_SMALL = 20_000  # characters of literals
_NUMBER = re.compile(r"[+-]?\d{1,400}(?:\.\d{1,400})?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d+)? ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def number(text: str) -> int | float | None:
    """The number a text is in decimal notation, or None; integers of any size are exact."""
    if not text or text[0] not in "+-0123456789" or _NUMBER.fullmatch(text) is None:
        return None
    return float(text) if "." in text else int(text)


def time_part(text: str, unit: str) -> int | None:
    """A part (``minute`` … ``year``, ``week`` by ISO 8601) of an ISO 8601 time stamp, as written, without a shift."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)  # the zone is not looked at
    except ValueError:
        return None
    return moment.isocalendar().week if unit == "week" else int(getattr(moment, unit))


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address a text is, an IPv4-mapped IPv6 address as IPv4, or None."""
    if not text or text[0] not in "0123456789abcdefABCDEF:":
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def compare(left: float, operator: str, right: float) -> bool:
    """``left operator right`` for eq, lt, lte, gt, gte."""
    if operator == "eq":
        return left == right
    if operator in ("lt", "lte"):
        return left < right or (operator == "lte" and left == right)
    return left > right or (operator == "gte" and left == right)


@dataclass(slots=True)
class _Literal:
    """What depends on one folded text occurring: bare predicates by where it stands, and checks that look closer."""

    anywhere: list[int] = field(default_factory=list)
    at_start: list[int] = field(default_factory=list)
    at_end: list[int] = field(default_factory=list)
    checks: list[tuple[int, Check]] = field(default_factory=list)


class Judge:
    """All predicates of one column; automata and patterns are built when the first value comes."""

    def __init__(self, specs: Mapping[int, Spec]) -> None:
        self.specs = dict(specs)
        self._built = False

    def __call__(self, value: str) -> Signature:
        """The predicates that hold for a value, ascending."""
        if not self._built:
            self._build()
        folded = fold(value)
        found = set(self._present)
        found.update(self._exact.get(folded, ()))
        if self._exact_cased:
            found.update(self._exact_cased.get(value, ()))
        if self._automaton is not None:
            self._scan(value, folded, found)
        for text, literal in self._short:
            if text in folded:
                self._apply(literal, folded.startswith(text), folded.endswith(text), value, folded, found)
        for predicate, check in self._unguarded:
            if check(value, folded):
                found.add(predicate)
        if self._numeric:
            self._numbers(value, found)
        if self._networks and (ip := address(value)) is not None:
            found.update(p for p, network in self._networks if ip.version == network.version and ip in network)
        return tuple(sorted(found)) if len(found) > 1 else tuple(found)

    def literals(self) -> list[str] | None:
        """Folded texts of which one occurs in every value that any predicate holds for; None if there is no list."""
        if not self._built:
            self._build()
        if self._present or self._unguarded or self._numeric or self._networks or "" in self._exact:
            return None
        return [*self._table, *self._exact, *map(fold, self._exact_cased)]

    def _scan(self, value: str, folded: str, found: set[int]) -> None:
        assert self._automaton is not None
        end_of_text = len(folded)
        literals = self._literals
        looked_at: set[int] | None = None
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            literal = literals[index]
            if literal.anywhere:
                found.update(literal.anywhere)
            if start == 0 and literal.at_start:
                found.update(literal.at_start)
            if end == end_of_text and literal.at_end:
                found.update(literal.at_end)
            if literal.checks:
                if looked_at is None:
                    looked_at = set()
                if index not in looked_at:
                    looked_at.add(index)
                    found.update(p for p, check in literal.checks if p not in found and check(value, folded))

    @staticmethod
    def _apply(literal: _Literal, first: bool, last: bool, value: str, folded: str, found: set[int]) -> None:
        found.update(literal.anywhere)
        if first:
            found.update(literal.at_start)
        if last:
            found.update(literal.at_end)
        found.update(p for p, check in literal.checks if check(value, folded))

    def _numbers(self, value: str, found: set[int]) -> None:
        size = number(value)
        if size is None:
            return
        found.update(self._equal.get(size, ()))
        for operator, (bounds, predicates) in self._bounds.items():
            # value < bound for all bounds behind it; the lists are sorted by bound.
            if operator == "lt":
                found.update(predicates[bisect_right(bounds, size) :])
            elif operator == "lte":
                found.update(predicates[bisect_left(bounds, size) :])
            elif operator == "gt":
                found.update(predicates[: bisect_left(bounds, size)])
            else:
                found.update(predicates[: bisect_right(bounds, size)])

    # ------------------------------------------------------------------------------------------------------ building

    def _build(self) -> None:
        self._present: list[int] = []
        self._exact: dict[str, list[int]] = {}
        self._exact_cased: dict[str, list[int]] = {}
        self._equal: dict[int | float, list[int]] = {}
        self._bounds: dict[str, tuple[list[int | float], list[int]]] = {}
        self._networks: list[tuple[int, Any]] = []
        self._unguarded: list[tuple[int, Check]] = []
        self._table: dict[str, _Literal] = {}
        comparisons: dict[str, list[tuple[int | float, int]]] = {}
        for predicate, spec in self.specs.items():
            self._place(predicate, spec, comparisons)
        for operator, pairs in comparisons.items():
            pairs.sort()
            self._bounds[operator] = ([bound for bound, _ in pairs], [predicate for _, predicate in pairs])
        self._numeric = bool(self._equal or self._bounds)
        self._short = [(text, literal) for text, literal in self._table.items() if len(text) <= _SHORT]
        long = {text: literal for text, literal in self._table.items() if len(text) > _SHORT}
        self._literals = list(long.values())
        self._automaton = _automaton(list(long)) if long else None
        self._built = True

    def _place(self, predicate: int, spec: Spec, comparisons: dict[str, list[tuple[int | float, int]]]) -> None:
        kind, *args = spec
        if kind == "any":
            self._present.append(predicate)
        elif kind == "eq":
            self._exact.setdefault(args[0], []).append(predicate)
        elif kind == "eqc":
            self._exact_cased.setdefault(args[0], []).append(predicate)
        elif kind == "contains":
            self._literal(args[0]).anywhere.append(predicate)
        elif kind == "starts":
            self._literal(args[0]).at_start.append(predicate)
        elif kind == "ends":
            self._literal(args[0]).at_end.append(predicate)
        elif kind == "num":
            self._equal.setdefault(_exact_number(args[0]), []).append(predicate)
        elif kind in ("lt", "lte", "gt", "gte"):
            comparisons.setdefault(kind, []).append((_exact_number(args[0]), predicate))
        elif kind == "cidr":
            self._networks.append((predicate, ipaddress.ip_network(args[0])))
        else:
            self._guard(predicate, *_checker(spec))

    def _literal(self, text: str) -> _Literal:
        found = self._table.get(text)
        if found is None:
            found = self._table[text] = _Literal()
        return found

    def _guard(self, predicate: int, check: Check, literals: tuple[str, ...]) -> None:
        """Have the check made only where one of the literals occurs; without literals, always."""
        if not literals or not all(literals):
            self._unguarded.append((predicate, check))
            return
        for text in literals:
            self._literal(text).checks.append((predicate, check))


def _exact_number(text: str) -> int | float:
    size = number(text)
    return float(text) if size is None else size


def _automaton(texts: list[str]) -> Any:
    """A DFA scans twice as fast, but for many literals takes a second to build and much memory."""
    small = sum(map(len, texts)) < _SMALL
    kind = Implementation.DFA if small else Implementation.ContiguousNFA
    return AhoCorasick(texts, matchkind=MatchKind.Standard, implementation=kind)


def _checker(spec: Spec) -> tuple[Check, tuple[str, ...]]:
    """A function for a spec that no table answers, and the folded texts one of which must occur for it to hold."""
    kind, *args = spec
    if kind == "part":
        return _part_check(*args), ()
    if kind in ("containsc", "startsc", "endsc"):
        return _cased_check(kind, args[0]), (fold(args[0]),)
    # Patterns are compiled when first needed: most never are.
    pattern, *literals = args
    if kind == "glob":
        return (lambda _value, folded: regex(pattern).search(folded.encode()) is not None), tuple(literals)
    return (lambda value, _folded: regex(pattern).search(value.encode()) is not None), tuple(literals)


def _cased_check(kind: str, text: str) -> Check:
    if kind == "containsc":
        return lambda value, _folded: text in value
    if kind == "startsc":
        return lambda value, _folded: value.startswith(text)
    return lambda value, _folded: value.endswith(text)


def _part_check(unit: str, operator: str, bound: str) -> Check:
    limit = int(bound)

    def holds(value: str, _folded: str) -> bool:
        part = time_part(value, unit)
        return part is not None and compare(part, operator, limit)

    return holds
