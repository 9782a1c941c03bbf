"""What a spec asks of a single value, as a function: for the few values that a rule hangs on after all.

A `Judge` answers thousands of specs for a value at once; here one spec, or a few alternatives of one kind, are asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from secops.siem.detect.specs import Spec, all_required, fold, regex

# Characters that patterns may read of one value, all patterns together: RE2 is linear, but a hundred patterns over a
# megabyte made to be slow took five seconds. Beyond it a pattern sees the two ends of the value, and that is counted.
ALLOWANCE = 16 << 20
_ENDS = 64 << 10
_NUMBER = re.compile(r"[+-]?\d{1,400}(?:\.\d{1,400})?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d+)? ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?", re.ASCII
)


class Text:
    """A value under examination: as it is, folded, and the bytes of both, each made once."""

    __slots__ = ("_bytes", "_folded_bytes", "folded", "overrun", "spent", "value")

    def __init__(self, value: str, folded: str | None = None) -> None:
        self.value = value
        self.folded = fold(value) if folded is None else folded
        self.spent = 0
        self.overrun = False
        self._bytes: bytes | None = None
        self._folded_bytes: bytes | None = None

    def has_all(self, texts: Sequence[str]) -> bool:
        """Whether all folded texts are in it, which costs a tenth of asking RE2."""
        folded = self.folded
        return all(text in folded for text in texts)

    def found(self, pattern: str, *, folded: bool) -> bool:
        """Whether a pattern is found; what is left of a value's allowance decides how much of it is searched."""
        if folded:
            if self._folded_bytes is None:
                self._folded_bytes = self.folded.encode("utf-8", "replace")
            data = self._folded_bytes
        else:
            if self._bytes is None:
                self._bytes = self.value.encode("utf-8", "replace")
            data = self._bytes
        search = regex(pattern).search
        if self.spent + len(data) <= ALLOWANCE or len(data) <= 2 * _ENDS:
            self.spent += len(data)
            return search(data) is not None
        self.overrun = True
        return search(data[:_ENDS]) is not None or search(data[-_ENDS:]) is not None


Check = Callable[[Text], bool]


def decimal(text: str) -> int | float | None:
    """The number a text is in decimal notation, or None; integers of any size are exact."""
    if not text or text[0] not in "+-0123456789" or _NUMBER.fullmatch(text) is None:
        return None
    return float(text) if "." in text else int(text)


def exact_number(text: str) -> int | float:
    """The number of a spec."""
    size = decimal(text)
    return float(text) if size is None else size


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


def check_of(specs: Sequence[Spec]) -> Check:
    """Whether any of some specs of one kind holds for a value; not for ``ref``, which is about two fields."""
    kind = specs[0][0]
    texts = tuple(spec[1] for spec in specs if len(spec) > 1)
    made = _of_texts(kind, texts) or _of_numbers(kind, texts)
    if made is not None:
        return made
    if kind == "any":
        return lambda _text: True
    checks = [checker(spec)[0] for spec in specs]
    if len(checks) == 1:
        return checks[0]
    return lambda text: any(check(text) for check in checks)


@lru_cache(maxsize=4096)
def one_check(spec: Spec) -> Check:
    """`check_of` for a single spec, made once."""
    return check_of([spec])


def _of_texts(kind: str, texts: tuple[str, ...]) -> Check | None:
    if kind == "eq":
        folded = frozenset(texts)
        return lambda text: text.folded in folded
    if kind == "eqc":
        exact = frozenset(texts)
        return lambda text: text.value in exact
    if kind == "starts":
        return lambda text: text.folded.startswith(texts)
    if kind == "ends":
        return lambda text: text.folded.endswith(texts)
    if kind == "contains":
        if len(texts) == 1:
            only = texts[0]
            return lambda text: only in text.folded

        def contains(text: Text) -> bool:
            folded = text.folded
            for one in texts:  # noqa: SIM110 - any() of a generator takes twice as long, and this is asked most
                if one in folded:
                    return True
            return False

        return contains
    return None


def _of_numbers(kind: str, texts: tuple[str, ...]) -> Check | None:
    if kind == "num":
        sizes = frozenset(map(exact_number, texts))
        return lambda text: decimal(text.value) in sizes
    if kind in ("lt", "lte", "gt", "gte"):
        bounds = tuple(map(exact_number, texts))

        def compares(text: Text) -> bool:
            size = decimal(text.value)
            return size is not None and any(compare(size, kind, bound) for bound in bounds)

        return compares
    if kind == "cidr":
        networks = tuple(map(ipaddress.ip_network, texts))

        def within(text: Text) -> bool:
            ip = address(text.value)
            return ip is not None and any(ip.version == one.version and ip in one for one in networks)

        return within
    return None


def checker(spec: Spec) -> tuple[Check, tuple[str, ...]]:
    """A function for a spec that no table answers, and the folded texts one of which must occur for it to hold."""
    kind, *args = spec
    if kind == "part":
        return _part_check(*args), ()
    if kind in ("containsc", "startsc", "endsc"):
        return _cased_check(kind, args[0]), (fold(args[0]),)
    if kind in ("seq", "seqc"):
        longest = max(args[2:], key=len)
        return _sequence_check(args, cased=kind == "seqc"), (fold(longest),)
    # Patterns are compiled when first needed: most never are.
    pattern, *literals = args
    if kind == "re":
        return (lambda text: text.has_all(all_required(pattern)) and text.found(pattern, folded=False)), tuple(literals)
    folded = kind == "glob"
    return (lambda text: text.has_all(literals) and text.found(pattern, folded=folded)), tuple(literals)


def _sequence_check(args: Sequence[str], *, cased: bool) -> Check:
    """Texts one behind the other, found from the left: the first place of each leaves most room for the next."""
    at_start, at_end, *parts = args
    last = parts.pop() if at_end else ""

    def holds(text: Text) -> bool:
        value = text.value if cased else text.folded
        if at_start and not value.startswith(parts[0]):
            return False
        at = 0
        for part in parts:
            at = value.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return value.endswith(last) and len(value) - len(last) >= at

    return holds


def _cased_check(kind: str, wanted: str) -> Check:
    if kind == "containsc":
        return lambda text: wanted in text.value
    if kind == "startsc":
        return lambda text: text.value.startswith(wanted)
    return lambda text: text.value.endswith(wanted)


def _part_check(unit: str, operator: str, bound: str) -> Check:
    limit = int(bound)

    def holds(text: Text) -> bool:
        part = time_part(text.value, unit)
        return part is not None and compare(part, operator, limit)

    return holds


def refers(left: Any, right: Any, mode: str, *, cased: bool) -> bool:
    """Whether any element of one value (see `cells.Value`) compares so with any element of the other."""
    for one in (left,) if isinstance(left, str) else left:
        for two in (right,) if isinstance(right, str) else right:
            mine, theirs = (one, two) if cased else (fold(one), fold(two))
            if mode == "eq" and mine == theirs:
                return True
            if mode == "contains" and theirs in mine:
                return True
            if mode == "starts" and mine.startswith(theirs):
                return True
            if mode == "ends" and mine.endswith(theirs):
                return True
    return False
