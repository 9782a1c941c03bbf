"""Which clause of a new Word file is which clause of the document that exists: identity is kept, whatever the number.

In this order: the same words; the same place with much the same words; the same heading; the most alike words. A clause
without a match is new, and its id is one that no clause has or had.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from secops.isms.clauses.model import Clause, Document
from secops.isms.clauses.word_ids import unused
from secops.isms.clauses.word_review import How, Match

SAME_PLACE = 0.5  # how alike the words must be where the number is the same
SAME_TITLE = 0.2  # … where the heading is the same
ELSEWHERE = 0.6  # … where neither is
_LOOK_UPS = 2_000  # of clauses that share a pair with one, the rarest pairs first
_SPACES = re.compile(r"\s+")


def words_of(clause: Clause) -> str:
    """What a clause says, folded, without spaces: what is compared."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", f"{clause.title}{clause.text}"))


def pairs_of(text: str) -> Counter[str]:
    """The pairs of neighbouring characters."""
    return Counter(text[at : at + 2] for at in range(len(text) - 1)) if len(text) > 1 else Counter([text] * bool(text))


def alike(one: Counter[str], other: Counter[str]) -> float:
    """How alike two texts are: the share of pairs of characters that both have (Dice), 0 to 1."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


@dataclass
class _Side:
    """The clauses of one side that have no partner yet."""

    document: Document
    words: dict[str, str] = field(init=False)
    pairs: dict[str, Counter[str]] = field(init=False)
    places: dict[str, tuple[str, ...]] = field(init=False)
    left: dict[str, Clause] = field(init=False)

    def __post_init__(self) -> None:
        self.left = dict(self.document.by_id)
        self.words = {key: words_of(one) for key, one in self.left.items()}
        self.pairs = {key: pairs_of(text) for key, text in self.words.items()}
        self.places = {key: _place(self.document, key) for key in self.left}


def _place(document: Document, key: str) -> tuple[str, ...]:
    """Labels from the top; articles are counted through all chapters."""
    labels = [one.label for one in document.line(key)]
    start = next((at for at, label in enumerate(labels) if label.startswith("第") and "条" in label), 0)
    return tuple(labels[start:])


class _Matcher:
    def __init__(self, new: Document, old: Document) -> None:
        self.new, self.old = _Side(new), _Side(old)
        self.found: dict[str, tuple[str, float]] = {}  # new → old, how alike

    def run(self) -> None:
        self._by(lambda side, key: (side.words[key], side.places[key]) if side.words[key] else None, 0.0)
        self._by(lambda side, key: side.words[key] if len(side.words[key]) > 3 else None, 0.0)
        self._by(lambda side, key: side.places[key], SAME_PLACE)
        self._by(
            lambda side, key: (side.left[key].depth, side.left[key].title) if side.left[key].title else None, SAME_TITLE
        )
        self._most_alike()

    def _by(self, key_of: Callable[[_Side, str], Hashable | None], least: float) -> None:
        """Match what has the same key on both sides, in order, where it is alike enough."""
        known: dict[Hashable, list[str]] = defaultdict(list)
        for old in self.old.left:
            if (key := key_of(self.old, old)) is not None:
                known[key].append(old)
        for new in list(self.new.left):
            key = key_of(self.new, new)
            for old in known.get(key, []) if key is not None else []:
                score = alike(self.new.pairs[new], self.old.pairs[old])
                if score >= least and self._fits(new, old):
                    self._take(new, old, score)
                    known[key].remove(old)
                    break

    def _fits(self, new: str, old: str) -> bool:
        """A chapter is never an article."""
        kinds = [re.sub("[0-9]+", "", side.left[key].label) for side, key in ((self.new, new), (self.old, old))]
        return kinds[0][:1] == kinds[1][:1] if "第" in (kinds[0] + kinds[1]) else True

    def _take(self, new: str, old: str, score: float) -> None:
        self.found[new] = (old, score)
        del self.new.left[new], self.old.left[old]

    def _most_alike(self) -> None:
        """The pairs that are most alike first."""
        holders: dict[str, list[str]] = defaultdict(list)
        for old in self.old.left:
            for pair in self.old.pairs[old]:
                holders[pair].append(old)
        scored = []
        for new in self.new.left:
            rarest = sorted(
                (pair for pair in self.new.pairs[new] if pair in holders), key=lambda one: len(holders[one])
            )
            shared = Counter(islice(chain.from_iterable(holders[pair] for pair in rarest), _LOOK_UPS))
            for old, _count in sorted(shared.items(), key=lambda one: (-one[1], one[0]))[:20]:
                score = alike(self.new.pairs[new], self.old.pairs[old])
                if score >= ELSEWHERE and self._fits(new, old):
                    scored.append((score, new, old))
        for score, new, old in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
            if new in self.new.left and old in self.old.left:
                self._take(new, old, score)


def keep_identity(new: Document, old: Document) -> tuple[Document, tuple[Match, ...], dict[str, str]]:
    """The new document with the ids, links, owners and dates of the old; how each was matched; new id → kept id."""
    matcher = _Matcher(new, old)
    matcher.run()
    kept = {key: partner for key, (partner, _score) in matcher.found.items()}
    taken = set(old.by_id)
    for key in new.by_id:
        if key not in kept:
            kept[key] = unused(key, taken)
            taken.add(kept[key])
    clauses = tuple(_kept(one, old.by_id.get(kept[one.id]), kept) for one in new.clauses)
    document = replace(
        old,
        title=new.title,
        clauses=clauses,
        numbering=new.numbering,
        preamble=new.preamble or old.preamble,
        history=tuple(dict.fromkeys([*new.history, *old.history])) if new.history else old.history,
        digest="",
    )
    return document, tuple(_matches(matcher, new, old, kept)), kept


def _kept(clause: Clause, old: Clause | None, kept: dict[str, str]) -> Clause:
    clause = replace(clause, id=kept[clause.id], parent=kept.get(clause.parent, ""))
    return clause if old is None else replace(clause, links=old.links, owner=old.owner, review=old.review)


def _matches(matcher: _Matcher, new: Document, old: Document, kept: dict[str, str]) -> Iterable[Match]:
    for one in new.clauses:
        now = new.number(one.id)
        partner, score = matcher.found.get(one.id, ("", 0.0))
        if not partner:
            yield Match(kept[one.id], How.NEW, "", now, one.title, 0.0)
            continue
        moved = matcher.new.places[one.id] != matcher.old.places[partner]
        changed = matcher.new.words[one.id] != matcher.old.words[partner]
        how = {(False, False): How.SAME, (False, True): How.CHANGED, (True, False): How.MOVED}.get(
            (moved, changed), How.MOVED_CHANGED
        )
        yield Match(kept[one.id], how, old.number(partner), now, one.title, round(score, 2))
    for key, gone in matcher.old.left.items():
        yield Match(key, How.GONE, old.number(key), "", gone.title, 0.0)
