"""What a single test of a rule asks of a single value: the smallest unit the compiler produces.

A *spec* is a tuple of strings (so that it can be a dictionary key and a JSON array): its kind, then its arguments.

========== ======================================= =========================================================
kind       arguments                               holds when
========== ======================================= =========================================================
any                                                the value is there (even an empty string)
eq         folded text                             the folded value is the text
contains   folded text                             … contains it
starts     folded text                             … starts with it
ends       folded text                             … ends with it
seq        "^" or "", "$" or "", folded texts      … has these texts one behind the other, at its start, at its end
glob       RE2 pattern, folded literal             … matches the pattern; the literal must occur for that
re         RE2 pattern, any of these folded texts  the value itself matches; one of the texts must occur
num        number                                  the value is a decimal number of the same size
lt … gte   number                                  … a smaller … number
part       unit, operator, number                  that part of the time stamp compares so
cidr       network                                 the value is an address in the network
ref        column names, mode, "" or "c"           compares so with the value in the other columns
========== ======================================= =========================================================

``eq``, ``contains``, ``starts``, ``ends``, ``seq`` and ``glob`` with a ``c`` behind (``eqc``) are case-sensitive: their
text is not folded. Sigma specification 2.1, Appendix "Sigma Modifiers".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from typing import Any

import re2

Spec = tuple[str, ...]

ANY: Spec = ("any",)
COMPARISONS = ("lt", "lte", "gt", "gte")
TIME_PARTS = ("minute", "hour", "day", "week", "month", "year")
_MAX_ALTERNATIVES = 16
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


def fold(text: str) -> str:
    """The text with case folded one character after the other: the fold of a join is the join of the folds.

    Full Unicode case folding without normalisation: ``İ`` and ``ß`` become two characters, full-width letters meet
    other full-width letters only (rules look for such characters as a sign of evasion).
    """
    return text.lower() if text.isascii() else text.casefold()


def regex(pattern: str) -> Any:
    """A compiled RE2; no capture groups are kept, errors are not printed.

    Raises:
        re2.error: RE2 refuses the pattern.
    """
    return _compiled(pattern)


@lru_cache(maxsize=8192)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    return re2.compile(pattern, options)


def glob_spec(parts: Iterable[str | None], *, cased: bool) -> Spec:
    """The spec of a text with wildcards; parts are literal texts, ``"*"`` is None and ``"?"`` is an empty string.

    Plain shapes become the cheaper kinds; literals are folded here unless ``cased``.
    """
    shape = _merge(parts, cased=cased)
    letter = "c" if cased else ""
    literals = [part for part in shape if part]
    if "" not in shape and len(literals) <= 1:
        text = literals[0] if literals else ""
        if shape == [None]:
            return ANY
        if not literals or len(shape) == 1:
            return (f"eq{letter}", text)
        kind = {(True, True): "contains", (False, True): "starts", (True, False): "ends"}
        return (kind[shape[0] is None, shape[-1] is None] + letter, text)
    if "" not in shape:
        return (f"seq{letter}", "" if shape[0] is None else "^", "" if shape[-1] is None else "$", *literals)
    head = "" if shape[0] is None else r"\A"
    tail = "" if shape[-1] is None else r"\z"
    body = [".*" if part is None else re2.escape(part) if part else "." for part in shape]
    if shape[0] is None:
        body = body[1:]
    if shape[-1] is None:
        body = body[:-1]
    longest = max(literals, key=len, default="")
    return (f"glob{letter}", f"(?s){head}{''.join(body)}{tail}", fold(longest))


def _merge(parts: Iterable[str | None], *, cased: bool) -> list[str | None]:
    """Neighbouring literals and stars become one."""
    shape: list[str | None] = []
    for part in parts:
        piece = part if part is None or cased else fold(part)
        if shape and piece is None and shape[-1] is None:
            continue
        if shape and piece and shape[-1]:
            shape[-1] += piece
        else:
            shape.append(piece)
    return shape


def regex_spec(pattern: str, flags: str) -> Spec:
    """The spec of a regular expression (RE2 syntax, searched anywhere in the text) with Sigma's flags i, m, s.

    Raises:
        re2.error: RE2 refuses the pattern (look-around, back references, …).
    """
    text = f"(?{flags}){pattern}" if flags else pattern
    regex(text)
    return ("re", text, *required_literals(pattern))


def required_literals(pattern: str) -> tuple[str, ...]:
    """Folded ASCII texts of which every match must contain at least one; empty if that cannot be told.

    Cautious by construction: whatever is not plainly a literal ends the literal before it.
    """
    if r"\Q" in pattern:
        return ()
    found = _Literals(pattern).alternatives()
    return tuple(sorted({fold(text) for text in found}))


@lru_cache(maxsize=8192)
def all_required(pattern: str) -> tuple[str, ...]:
    """Folded texts each of which every match must contain: those of `required_literals`, and what else stands alone."""
    if r"\Q" in pattern:
        return ()
    reader = _Literals(pattern)
    reader.alternatives()
    return tuple(dict.fromkeys(fold(texts[0]) for texts in reader.clauses if len(texts) == 1))


class _Literals:
    """A one-pass reader of a regular expression that keeps only what must occur.

    ``clauses`` are texts one of which must occur, for each thing that the whole pattern, last read, cannot do without.
    """

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.clauses: list[tuple[str, ...]] = []

    def alternatives(self) -> tuple[str, ...]:
        """Read up to the end or an unmatched ``)``; the texts one of which is needed, or nothing."""
        branches = [self._sequence()]
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            branches.append(self._sequence())
        if len(branches) > 1:
            self.clauses = []
        if not all(branches):
            return ()
        joined = tuple(text for branch in branches for text in branch)
        return joined if len(joined) <= _MAX_ALTERNATIVES else ()

    def _sequence(self) -> tuple[str, ...]:
        clauses: list[tuple[str, ...]] = []
        run = ""
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            literal, inner = self._atom()
            optional, repeated = self._quantifier()
            if literal and not optional:
                run += literal
            if inner is not None or optional or repeated or literal is None:
                clauses.append((run,))
                run = ""
            if inner and not optional:
                clauses.append(inner)
        self.clauses = [texts for texts in (*clauses, (run,)) if all(texts)]
        return reduce(_better, self.clauses, ())

    def _atom(self) -> tuple[str | None, tuple[str, ...] | None]:
        """A literal character ("" for a zero-width one, None for a class) or what a group needs."""
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            return None, self._group()
        if char == "[":
            self._skip_class()
            return None, None
        if char == "\\":
            return self._escape(), None
        if char in "^$":
            return "", None
        return (None if char == "." or not (char.isascii() and char.isprintable()) else char), None

    def _group(self) -> tuple[str, ...]:
        if self.text.startswith("?", self.at):
            while self.at < len(self.text) and self.text[self.at] not in ":>)":
                self.at += 1
            if self.at < len(self.text) and self.text[self.at] != ")":
                self.at += 1
        found = self.alternatives()
        self.at += 1
        return found

    def _skip_class(self) -> None:
        if self.text.startswith("^", self.at):
            self.at += 1
        if self.text.startswith("]", self.at):
            self.at += 1
        while self.at < len(self.text) and self.text[self.at] != "]":
            if self.text.startswith("[:", self.at):
                end = self.text.find(":]", self.at)
                self.at = end + 1 if end > 0 else self.at
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += 1

    def _escape(self) -> str | None:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char in ("b", "B", "A", "z"):
            return ""
        if char in ("p", "P", "x") and self.text.startswith("{", self.at):
            end = self.text.find("}", self.at)
            self.at = len(self.text) if end < 0 else end + 1
        elif char == "x":
            self.at += 2
        elif char in ("p", "P"):
            self.at += 1
        elif char.isdigit():
            while self.at < len(self.text) and self.text[self.at].isdigit():
                self.at += 1
        if char in _CONTROLS:
            return _CONTROLS[char]
        return char if char.isascii() and not char.isalnum() and char.isprintable() and char else None

    def _quantifier(self) -> tuple[bool, bool]:
        """(may be absent, may come more than once)."""
        optional = repeated = False
        while self.at < len(self.text) and self.text[self.at] in "*+?{":
            char = self.text[self.at]
            if char == "{":
                end = self.text.find("}", self.at)
                bounds = self.text[self.at + 1 : end]
                if end < 0 or not bounds.replace(",", "", 1).isdigit() or bounds.startswith(","):
                    # RE2 takes this brace literally; giving up the literal before it is always right.
                    self.at += 1
                    repeated = True
                    continue
                optional |= int(bounds.split(",")[0]) == 0
                self.at = end + 1
            else:
                optional |= char in "*?" and not repeated
                self.at += 1
            repeated = True
        return optional, repeated


def _better(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
    """The one whose shortest text is longer. Even a single character rules out most values."""

    def worth(texts: tuple[str, ...]) -> int:
        return min(map(len, texts), default=0)

    if not worth(two):
        return one if worth(one) else ()
    return two if worth(two) > worth(one) else one
