"""Keywords without a field: which records may hold one, found in the raw JSON before any field is made of it.

A keyword may stand in any text of an event, so a rule with keywords would need all fields of all events, which costs
many times what its few matches are worth. A record in which no keyword occurs as JSON would spell it needs none.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson
from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation, MatchKind

from secops.siem.detect.cells import texts_of_json
from secops.siem.detect.judge import Judge
from secops.siem.detect.specs import Spec, fold
from secops.siem.ports import Part

_PACKED = 64  # patterns up to which the automaton has its vectorised search (Teddy), ten times as fast
_TOGETHER = 128  # records searched at once: few calls, and what is put together is still in the processor's cache
_ANCHOR = range(3, 6)  # bytes of a literal that are searched for
_RARE = 12.0  # bits that an anchor has at least, where its literal has one
# All characters beyond ASCII whose case folding contains an ASCII letter: ß, İ, ŉ, ſ, ǰ, ẖ … ẞ, K, ﬀ … ﬆ (Unicode,
# CaseFolding.txt; held to Python's own by a test).
FOLDING_TO_ASCII = (
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)
# Of three bytes the first two will do, but where symbols such as a trade mark begin alike.
_BYTES = frozenset(raw if raw[:1] == b"\xe2" else raw[:2] for raw in map(str.encode, FOLDING_TO_ASCII))
_BUSY = ("00", "21")  # beginnings of escapes that are no sign of anything
# How rare a byte is in a log, in bits, roughly; what is not listed is a less common letter or sign.
_BITS = {
    **dict.fromkeys(b"\\ ", 2.0), **dict.fromkeys(b'",', 2.5), **dict.fromkeys(b"esrintoac", 4.0),
    **dict.fromkeys(b"0123456789", 4.0), **dict.fromkeys(b"ldmpu.-/", 4.5), **dict.fromkeys(b"kwjqxzv", 6.5),
}  # fmt: skip


_PLACE = ("winlog.channel", "event.code")  # what a part says of all its events
MayBe = Callable[[Mapping[str, str | None]], bool]


class Finder:
    """The keywords of a product's rules, each with the question whether an event can be one that they are about."""

    def __init__(self, keywords: Iterable[tuple[MayBe, Sequence[Spec]]]) -> None:
        self._keywords = list(keywords)
        self._by_place: dict[tuple[str | None, ...], _Search | None] = {}
        self._searches: dict[tuple[int, ...], _Search] = {}

    def rows(self, records: Sequence[bytes], parts: Sequence[Part]) -> list[int]:
        """The records that may hold a keyword, ascending."""
        found: list[int] = []
        for part in parts:
            values = (part.constants.get(name) for name in _PLACE)
            search = self._search(tuple(None if value is None else str(value) for value in values))
            if search is not None:
                found += search.rows(records, part.rows)
        return sorted(found)

    def _search(self, place: tuple[str | None, ...]) -> _Search | None:
        if place not in self._by_place:
            known = dict(zip(_PLACE, place, strict=True))
            chosen = tuple(number for number, (may_be, _specs) in enumerate(self._keywords) if may_be(known))
            if chosen and chosen not in self._searches:
                specs = [spec for number in chosen for spec in self._keywords[number][1]]
                self._searches[chosen] = _Search(specs)
            self._by_place[place] = self._searches[chosen] if chosen else None
        return self._by_place[place]


class _Search:
    """Literals one of which occurs in every text that any of some keywords meets."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        literals = Judge(dict(enumerate(dict.fromkeys(specs)))).literals()
        self._all = literals is None or "" in literals  # a keyword that may meet any text
        if literals is None or self._all:
            return
        texts = sorted(set(literals))
        spelled = [fold(orjson.dumps(text).decode()[1:-1]) for text in texts]
        self._folded = AhoCorasick(texts, matchkind=MatchKind.Standard)
        self._spelled = AhoCorasick(spelled, matchkind=MatchKind.Standard)
        plain = [text.encode() for text in spelled if text.isascii()]
        self._bytes = (
            BytesAhoCorasick(plain, matchkind=MatchKind.Standard, implementation=Implementation.DFA) if plain else None
        )
        # Only where all keywords are plain ASCII do the bytes of a record tell.
        self._plain = len(plain) == len(texts) and not any(char < " " for text in texts for char in text)
        self._slashes = any("/" in text for text in texts)
        otherwise = _otherwise("".join(texts))
        self._others = BytesAhoCorasick(otherwise, matchkind=MatchKind.LeftmostFirst)
        anchors = _anchors(plain)
        packed = 0 < len(anchors) <= _PACKED
        self._anchors = BytesAhoCorasick(anchors, matchkind=MatchKind.LeftmostFirst) if packed else None

    def rows(self, records: Sequence[bytes], rows: Sequence[int]) -> Iterable[int]:
        """Those of the rows whose record may hold one of the keywords."""
        if self._all:
            return rows
        if self._anchors is None or not self._plain:
            return [row for row in rows if self._holds(records[row])]
        found: list[int] = []
        for start in range(0, len(rows), _TOGETHER):
            found += self._among(self._anchors, records, rows[start : start + _TOGETHER])
        return found

    def _among(self, anchors: BytesAhoCorasick, records: Sequence[bytes], rows: Sequence[int]) -> list[int]:
        """One search over all of them: nearly always there is nothing. Only the records that are hit are looked at."""
        text = b"\n".join([records[row] for row in rows])
        # One search for both would take longer than two: the fewer patterns, the faster it is.
        at = [start for _index, start, _end in anchors.find_matches_as_indexes(text)]
        at += [start for _index, start, _end in self._others.find_matches_as_indexes(text)]
        if self._slashes and b"\\/" in text:
            return [row for row in rows if self._holds(records[row])]
        if not at:
            return []
        ends = list(itertools.accumulate(len(records[row]) + 1 for row in rows))
        hit = {rows[bisect_right(ends, offset)] for offset in at}
        return [row for row in sorted(hit) if self._holds(records[row])]

    def _holds(self, record: bytes) -> bool:
        if self._is_odd(record):
            return self._holds_odd(record)
        if self._anchors is not None and not self._anchors.find_matches_as_indexes(record):
            return False
        return self._bytes is not None and bool(self._bytes.find_matches_as_indexes(record.lower()))

    def _is_odd(self, record: bytes) -> bool:
        r"""Whether a keyword may be spelled otherwise than in its own bytes, in upper or lower case."""
        if not self._plain:
            return not record.isascii() or b"\\u" in record or b"\\/" in record
        return bool(self._others.find_matches_as_indexes(record)) or (self._slashes and b"\\/" in record)

    def _holds_odd(self, record: bytes) -> bool:
        if self._spelled.find_matches_as_indexes(fold(record.decode("utf-8", "replace"))):
            return True
        if b"\\u" not in record and b"\\/" not in record:
            return False
        return any(self._folded.find_matches_as_indexes(fold(text)) for text in texts_of_json(record))


def _anchors(literals: Sequence[bytes]) -> list[bytes]:
    """Parts of folded literals, in all spellings; in every text with one of the literals one of them occurs.

    As few spellings as possible, of parts that are rare: what stands in several literals goes a long way. The list is
    not complete where it has become too long to be of use.
    """
    inside: dict[bytes, set[int]] = {}
    for number, text in enumerate(literals):
        pieces = {text[at : at + size] for size in _ANCHOR for at in range(len(text) - size + 1)}
        rare = {piece for piece in pieces if sum(_BITS.get(char, 5.0) for char in piece) >= _RARE}
        for piece in rare or pieces or {text}:
            inside.setdefault(piece, set()).add(number)
    found: set[str] = set()
    left = set(range(len(literals)))
    while left and len(found) <= _PACKED:
        best = max(inside, key=lambda piece: (len(inside[piece] & left) / 2 ** sum(map(_is_letter, piece)), piece))
        left -= inside[best]
        found.update(_spellings(best.decode()))
    return sorted(one.encode() for one in found)


def _otherwise(needed: str) -> list[bytes]:
    """What a record has in which ASCII literals are spelled otherwise: characters that fold to ASCII, or escapes.

    ``needed`` are the characters of the literals; of escapes the beginning is looked for where they would be too many.
    """
    codes = {f"{ord(char):04x}" for char in FOLDING_TO_ASCII}
    escapes = {code[:3] if code.startswith(_BUSY) else code[:2] for code in codes} | {f"00{one}" for one in range(4, 8)}
    exact, rough = (
        _BYTES | {b"\\u" + one.encode() for text in escapes | signs for one in _spellings(text)}
        for signs in ({f"{ord(char):04x}" for char in needed if char < "@"}, {"002", "003"})
    )
    return sorted(exact if len(exact) <= _PACKED else rough)


def _spellings(text: str) -> list[str]:
    """A text in all mixtures of upper and lower case."""
    return list(map("".join, itertools.product(*({char.lower(), char.upper()} for char in text))))


def _is_letter(char: int) -> bool:
    return ord("a") <= char <= ord("z")
