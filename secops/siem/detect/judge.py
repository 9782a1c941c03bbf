"""A value is judged once: which of the predicates that rules put on a column hold for it.

A *predicate* is a number; what it asks is its `Spec`. A `Judge` knows all predicates of one column (of one class of
events) and finds those that hold in one pass: one hash look-up for all equalities, one Aho-Corasick scan of the folded
value for all literals, then only the patterns whose literal occurred.
"""

from __future__ import annotations

import ipaddress
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from secops.siem.detect.checks import Check, Text, address, checker, decimal, exact_number
from secops.siem.detect.specs import Spec, fold

Signature = tuple[int, ...]

# Shorter texts occur so often that reporting each occurrence costs more than asking once whether there is one.
_SHORT = 2
_LINED = 1024  # characters from which a value of several lines is searched line by line
_SMALL = 20_000  # characters of literals
_SEPARATOR = b"\xff"  # a byte that no character has: no literal reaches from one value into the next


class _Literal(NamedTuple):
    """What depends on one folded text occurring: bare predicates by where it stands, and checks that look closer."""

    anywhere: Sequence[int]
    at_start: Sequence[int]
    at_end: Sequence[int]
    checks: Sequence[tuple[int, Check]]

    def apply(self, text: Text | None, value: str, folded: str, where: tuple[bool, bool], found: set[int]) -> Any:
        """Add what holds where the text occurs at (the start, the end) of a value; returns the text made for checks."""
        found.update(self.anywhere)
        if where[0]:
            found.update(self.at_start)
        if where[1]:
            found.update(self.at_end)
        for predicate, check in self.checks:
            if predicate not in found:
                text = text or Text(value, folded)
                if check(text):
                    found.add(predicate)
        return text


class _Inside(NamedTuple):
    """Numbers of the literals that occur in a line."""

    anywhere: set[int]
    at_start: set[int]
    at_end: set[int]


class Judge:
    """All predicates of one column; automata and patterns are built when the first value comes."""

    def __init__(self, specs: Mapping[int, Spec]) -> None:
        self.specs = dict(specs)
        self.overruns = 0  # values of which some patterns saw only the ends
        self._built = False

    def __call__(self, value: str) -> Signature:
        """The predicates that hold for a value, ascending."""
        return self.many([value])[0]

    def many(self, values: Sequence[str]) -> list[Signature]:
        """The same for each of some values: one scan for literals over all of them."""
        if not values:
            return []
        if not self._built:
            self._build()
        if not self._by_line:
            return self._many(values)
        lined = [value for value in values if len(value) > _LINED and "\n" in value]
        if not lined:
            return self._many(values)
        known = dict(zip(lined, self._many_lined(lined), strict=True))
        others = [value for value in values if value not in known]
        known.update(zip(others, self._many(others) if others else (), strict=True))
        return [known[value] for value in values]

    def _many(self, values: Sequence[str]) -> list[Signature]:
        folded = [value.lower() if value.isascii() else value.casefold() for value in values]
        found = [set(self._present) for _value in values]
        if self._exact or self._exact_cased:
            self._equalities(values, folded, found)
        texts: dict[int, Text] = {}
        if self._automaton is not None:
            self._scan(values, folded, found, texts)
        if self._short:
            self._look_for_short(values, folded, found, texts)
        if self._unguarded or self._numeric or self._networks:
            self._one_by_one(values, folded, found, texts)
        self.overruns += sum(text.overrun for text in texts.values())
        return [tuple(sorted(one)) if one else () for one in found]

    def literals(self) -> list[str] | None:
        """Folded texts of which one occurs in every value that any predicate holds for; None if there is no list."""
        if not self._built:
            self._build()
        if self._present or self._unguarded or self._numeric or self._networks or "" in self._exact:
            return None
        return [*self._texts(), *self._exact, *map(fold, self._exact_cased)]

    def _equalities(self, values: Sequence[str], folded: Sequence[str], found: Sequence[set[int]]) -> None:
        for table, texts in ((self._exact, folded), (self._exact_cased, values)):
            if table:
                for one, predicates in zip(found, map(table.get, texts), strict=True):
                    if predicates:
                        one.update(predicates)

    def _scan(
        self, values: Sequence[str], folded: Sequence[str], found: Sequence[set[int]], texts: dict[int, Text]
    ) -> None:
        assert self._automaton is not None
        # Bytes, not text: the automaton would count the characters up to every match.
        data = [text.encode("utf-8", "surrogatepass") for text in folded]
        literals, simple = self._literals, self._simple
        at, start_of, end_of = 0, 0, len(data[0])
        known, seen = found[0], set[int]()
        for index, start, end in self._automaton.find_matches_as_indexes(_SEPARATOR.join(data), overlapping=True):
            while end > end_of:
                at += 1
                start_of, end_of = end_of + 1, end_of + 1 + len(data[at])
                known, seen = found[at], set()
            if (predicates := simple[index]) is not None:
                known.update(predicates)
                continue
            where = (start == start_of, end == end_of)
            literal = literals[index]
            assert literal is not None, "it is either simple or located"
            if literal.checks and index not in seen:
                seen.add(index)
                text = literal.apply(texts.get(at), values[at], folded[at], where, known)
                if text is not None:
                    texts[at] = text
                continue
            known.update(literal.anywhere)
            if where[0]:
                known.update(literal.at_start)
            if where[1]:
                known.update(literal.at_end)

    def _many_lined(self, values: Sequence[str]) -> list[Signature]:
        """The same for long texts of many lines, if they share most of these (the context of a PowerShell pipeline).

        Each line is searched once; no literal reaches from one into the next (`_by_line`).
        """
        pieces = [value.split("\n") for value in values]
        lines = list(dict.fromkeys(itertools.chain.from_iterable(pieces)))
        if 2 * sum(map(len, lines)) > sum(map(len, values)):
            return self._many(values)
        inside = self._occurrences(lines)
        signatures = []
        for value, parts in zip(values, pieces, strict=True):
            found = set(self._present)
            text: Text | None = None
            hot = [inside[line] for line in inside.keys() & set(parts)]
            at_start = inside[parts[0]].at_start if parts[0] in inside else frozenset[int]()
            at_end = inside[parts[-1]].at_end if parts[-1] in inside else frozenset[int]()
            for index in set[int]().union(*(one.anywhere for one in hot)):
                if (simple := self._simple[index]) is not None:
                    found.update(simple)
                elif (literal := self._literals[index]) is not None:
                    folded = fold(value) if literal.checks and text is None else ""
                    text = literal.apply(text, value, folded, (index in at_start, index in at_end), found)
            self.overruns += text is not None and text.overrun
            signatures.append(tuple(sorted(found)))
        return signatures

    def _occurrences(self, lines: Sequence[str]) -> dict[str, _Inside]:
        """The literals in lines, of those that have any."""
        assert self._automaton is not None
        data = [fold(line).encode("utf-8", "surrogatepass") for line in lines]
        found: dict[str, _Inside] = {}
        at, start_of, end_of = 0, 0, len(data[0])
        for index, start, end in self._automaton.find_matches_as_indexes(_SEPARATOR.join(data), overlapping=True):
            while end > end_of:
                at += 1
                start_of, end_of = end_of + 1, end_of + 1 + len(data[at])
            inside = found.get(lines[at]) or found.setdefault(lines[at], _Inside(set(), set(), set()))
            inside.anywhere.add(index)
            if start == start_of:
                inside.at_start.add(index)
            if end == end_of:
                inside.at_end.add(index)
        return found

    def _look_for_short(
        self, values: Sequence[str], folded: Sequence[str], found: Sequence[set[int]], texts: dict[int, Text]
    ) -> None:
        everything = "\0".join(folded)
        for short, literal in self._short:
            if short not in everything:
                continue
            simple = not (literal.at_start or literal.at_end or literal.checks)
            for number in [number for number, text in enumerate(folded) if short in text]:
                if simple:
                    found[number].update(literal.anywhere)
                    continue
                text = folded[number]
                where = (text.startswith(short), text.endswith(short))
                made = literal.apply(texts.get(number), values[number], text, where, found[number])
                if made is not None:
                    texts[number] = made

    def _one_by_one(
        self, values: Sequence[str], folded: Sequence[str], found: Sequence[set[int]], texts: dict[int, Text]
    ) -> None:
        for number, value in enumerate(values):
            one = found[number]
            if self._unguarded:
                text = texts.get(number) or texts.setdefault(number, Text(value, folded[number]))
                one.update(predicate for predicate, check in self._unguarded if check(text))
            if self._numeric:
                self._numbers(value, one)
            if self._networks and (ip := address(value)) is not None:
                one.update(p for p, network in self._networks if ip.version == network.version and ip in network)

    def _numbers(self, value: str, found: set[int]) -> None:
        size = decimal(value)
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
        self._anywhere: dict[str, list[int]] = {}
        self._at_start: dict[str, list[int]] = {}
        self._at_end: dict[str, list[int]] = {}
        self._checks: dict[str, list[tuple[int, Check]]] = {}
        comparisons: dict[str, list[tuple[int | float, int]]] = {}
        for predicate, spec in self.specs.items():
            self._place(predicate, spec, comparisons)
        for operator, pairs in comparisons.items():
            pairs.sort()
            self._bounds[operator] = ([bound for bound, _ in pairs], [predicate for _, predicate in pairs])
        self._numeric = bool(self._equal or self._bounds)
        texts = self._texts()
        self._short = [(text, self._literal(text)) for text in texts if len(text) <= _SHORT]
        long = [text for text in texts if len(text) > _SHORT]
        # Literals that only ask whether they occur, which are nearly all, need no look at where they do.
        located = self._at_start.keys() | self._at_end.keys() | self._checks.keys()
        self._simple = [None if text in located else tuple(self._anywhere[text]) for text in long]
        self._literals = [self._literal(text) if text in located else None for text in long]
        self._automaton = _automaton(long) if long else None
        self._by_line = bool(long) and not (self._short or self._unguarded or any("\n" in text for text in long))
        self._by_line = self._by_line and max(map(len, (*self._exact, *self._exact_cased)), default=0) <= _LINED // 4
        self._built = True

    def _texts(self) -> Iterable[str]:
        return dict.fromkeys(itertools.chain(self._anywhere, self._at_start, self._at_end, self._checks))

    def _literal(self, text: str) -> _Literal:
        return _Literal(
            self._anywhere.get(text, ()),
            self._at_start.get(text, ()),
            self._at_end.get(text, ()),
            self._checks.get(text, ()),
        )

    def _place(self, predicate: int, spec: Spec, comparisons: dict[str, list[tuple[int | float, int]]]) -> None:
        kind, *args = spec
        if kind == "any":
            self._present.append(predicate)
        elif kind == "eq":
            self._exact.setdefault(args[0], []).append(predicate)
        elif kind == "eqc":
            self._exact_cased.setdefault(args[0], []).append(predicate)
        elif kind == "contains":
            self._anywhere.setdefault(args[0], []).append(predicate)
        elif kind == "starts":
            self._at_start.setdefault(args[0], []).append(predicate)
        elif kind == "ends":
            self._at_end.setdefault(args[0], []).append(predicate)
        elif kind == "num":
            self._equal.setdefault(exact_number(args[0]), []).append(predicate)
        elif kind in ("lt", "lte", "gt", "gte"):
            comparisons.setdefault(kind, []).append((exact_number(args[0]), predicate))
        elif kind == "cidr":
            self._networks.append((predicate, ipaddress.ip_network(args[0])))
        else:
            self._guard(predicate, *checker(spec))

    def _guard(self, predicate: int, check: Check, literals: tuple[str, ...]) -> None:
        """Have the check made only where one of the literals occurs; without literals, always."""
        if not literals or not all(literals):
            self._unguarded.append((predicate, check))
            return
        for text in literals:
            self._checks.setdefault(text, []).append((predicate, check))


def _automaton(texts: list[str]) -> Any:
    """A DFA scans twice as fast, but for many literals takes a second to build and much memory."""
    small = sum(map(len, texts)) < _SMALL
    kind = Implementation.DFA if small else Implementation.ContiguousNFA
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return BytesAhoCorasick(encoded, matchkind=MatchKind.Standard, implementation=kind)
