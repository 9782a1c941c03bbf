"""Which clauses of ours may answer a clause of the guideline, by the words they share; a person decides.

What a person refused is not suggested again unless one of the two texts has changed since.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from secops.isms.clauses.model import Clause, Document, DocumentKind, Edition, GuidelineClause, LinkKind
from secops.isms.policy.similarity import Index, Part

# Tuned on one half of the labelled set, see `tests.bench.policy`.
THRESHOLD = 0.1
MOST = 3
NEAR = 0.8  # further suggestions are nearly as like as the first
TITLE, ABOVE, BESIDE, BELOW, CHAPTER = 3.0, 0.5, 1.0, 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A clause of a document of ours and a clause of the guideline."""

    document: str
    clause: str
    guideline: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person said of a pair: it is a link (``confirmed``, of this ``kind``) or none, why, and when.

    The digests are of the two texts as they were then.
    """

    pair: Pair
    confirmed: bool
    kind: LinkKind
    reason: str
    actor: str
    at: datetime
    clause_digest: str
    guideline_digest: str

    def holds(self, clause: Clause, guideline: GuidelineClause) -> bool:
        """Whether both texts are still those that the person saw."""
        return self.clause_digest == digest_of(clause) and self.guideline_digest == digest_of(guideline)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A clause of ours that may answer a clause of the guideline: how alike they are (0 to 1), by which words."""

    pair: Pair
    number: str
    title: str
    text: str
    score: float
    words: tuple[str, ...]


def digest_of(one: Clause | GuidelineClause) -> str:
    """SHA-256 of what a clause says; its number is no part of it."""
    text = one.summary if isinstance(one, GuidelineClause) else one.text
    return hashlib.sha256(f"{one.title}\n{text}".encode()).hexdigest()


def suggest(
    documents: Sequence[Document],
    edition: Edition,
    rulings: Iterable[Ruling] = (),
    *,
    threshold: float = THRESHOLD,
    most: int = MOST,
    only: Iterable[str] | None = None,
) -> Mapping[str, Sequence[Suggestion]]:
    """Suggestions for each clause of an edition that has none below, the likest first; ``only``: for these alone.

    A pair that is linked already, or that a person has decided on, is not suggested. A basic policy states principles:
    it is looked at only where there is nothing else.
    """
    wanted = None if only is None else set(only)
    asked = [one for one in edition.leaves if wanted is None or one.id in wanted]
    detailed = [one for one in documents if one.kind is not DocumentKind.BASIC_POLICY] or documents
    candidates = {
        (document.id, one.id): (document, one) for document in detailed for one in document.clauses if one.text
    }
    index = Index(
        {"\n".join(key): _ours(document, one) for key, (document, one) in candidates.items()},
        {one.id: _theirs(edition, one) for one in edition.leaves},
    )
    settled = _settled(candidates, edition, rulings)
    found: dict[str, Sequence[Suggestion]] = {}
    scores = _scores(index, edition)
    for guideline in asked:
        here = {name: score for name, score in scores[guideline.id].items() if score >= threshold}
        ranked = sorted(here, key=lambda name: (-here[name], name))
        chosen = list(_apart(((*candidates[_key(name)], name) for name in ranked), settled[guideline.id], most))
        found[guideline.id] = [
            _suggestion(index, guideline, document, clause, here[name])
            for document, clause, name in chosen
            if here[name] >= NEAR * here[chosen[0][2]]
        ]
    return found


def _scores(index: Index, edition: Edition) -> Mapping[str, Mapping[str, float]]:
    """How alike each clause of ours is to each of the edition, less where it is more like another one of them."""
    alike = {one.id: index.alike(one.id) for one in edition.leaves}
    best: defaultdict[str, float] = defaultdict(float)
    for scores in alike.values():
        for name, score in scores.items():
            best[name] = max(best[name], score)
    return {
        guideline: {name: score * score / best[name] for name, score in scores.items() if score}
        for guideline, scores in alike.items()
    }


def _key(name: str) -> tuple[str, str]:
    document, _line, clause = name.partition("\n")
    return document, clause


def _apart(
    ranked: Iterable[tuple[Document, Clause, str]], settled: set[tuple[str, str]], most: int
) -> Iterator[tuple[Document, Clause, str]]:
    """The first few that are not settled and of which none stands above another: the liker one stands for both."""
    lines: list[tuple[str, set[str], str]] = []
    for document, clause, name in ranked:
        if len(lines) == most:
            return
        if (document.id, clause.id) in settled:
            continue
        line = {one.id for one in document.line(clause.id)}
        if any(document.id == other and (clause.id in above or top in line) for other, above, top in lines):
            continue
        lines.append((document.id, line, clause.id))
        yield document, clause, name


def _settled(
    candidates: Mapping[tuple[str, str], tuple[Document, Clause]], edition: Edition, rulings: Iterable[Ruling]
) -> Mapping[str, set[tuple[str, str]]]:
    """Clauses of ours by clause of the guideline: linked already, confirmed, or refused as both texts now are."""
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for key, (_document, clause) in candidates.items():
        for link in clause.links:
            found[link.guideline].add(key)
    for one in rulings:
        key = (one.pair.document, one.pair.clause)
        guideline = edition.by_id.get(one.pair.guideline)
        if guideline is None or key not in candidates:
            continue
        if one.confirmed or one.holds(candidates[key][1], guideline):
            found[one.pair.guideline].add(key)
    return found


def _theirs(edition: Edition, clause: GuidelineClause) -> Sequence[Part]:
    parts: list[Part] = [(clause.title, TITLE), (clause.summary, 1.0)]
    while clause.parent:
        clause = edition.by_id[clause.parent]
        parts.append((clause.title, CHAPTER))
    return parts


def _ours(document: Document, clause: Clause) -> Sequence[Part]:
    """Its title (or that of the article it belongs to), its text, what stands below it, the headings above."""
    above = list(document.line(clause.id))[:-1]
    heading = next((one.title for one in reversed(above) if one.text and one.title), "")
    parts: list[Part] = [(clause.title, TITLE) if clause.title else (heading, BESIDE), (clause.text, 1.0)]
    parts += [(one.title, ABOVE) for one in above if not one.text]
    parts += [(f"{one.title}\n{one.text}", BELOW) for one in document.clauses if one.parent == clause.id]
    return parts


def _suggestion(
    index: Index, guideline: GuidelineClause, document: Document, clause: Clause, score: float
) -> Suggestion:
    words = index.words(f"{guideline.title}\n{guideline.summary}", f"{clause.title}\n{clause.text}")
    pair = Pair(document.id, clause.id, guideline.id)
    number = document.number(clause.id)
    return Suggestion(pair, number, clause.title, clause.text, round(score, 3), tuple(words))
