"""How well links are suggested, on the sample policy with its links hidden, and how long a gap check takes.

The weights and thresholds of `secops.isms.policy.suggest` were tuned on every other clause of the edition; what is
printed is measured on the rest. A suggestion is right where the sample links that clause of the guideline to the
suggested clause, to one above it or to one below it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Document, Edition
from secops.isms.clauses.trace import Editions, trace
from secops.isms.policy.gap import gap
from secops.isms.policy.suggest import Suggestion, suggest
from secops.wiring.guidelines import open_editions
from tests.bench.measure import ROOT, Row

Place = tuple[str, str]  # document and clause
CLAUSES = 300


@dataclass(frozen=True)
class Quality:
    """Precision and recall of all suggestions, and how often the first is right where there is something to find."""

    precision: float
    recall: float
    first: float

    def __str__(self) -> str:
        return f"{self.precision:.2f} {self.recall:.2f} {self.first:.2f}"


def sample() -> list[Document]:
    paths = sorted((ROOT / "policies" / "sample").glob("*.md"))
    return [read_document(str(path), path.read_text(encoding="utf-8")) for path in paths]


def bare(documents: Sequence[Document], *, titles: bool = True) -> list[Document]:
    """Documents without their links, and without the headings of their clauses where told."""
    return [
        replace(
            one,
            clauses=tuple(
                replace(clause, links=(), title=clause.title if titles or not clause.text else "")
                for clause in one.clauses
            ),
        )
        for one in documents
    ]


def labels(documents: Sequence[Document], editions: Editions) -> Mapping[str, set[Place]]:
    """What the sample says: clause of the newest edition → clauses of ours."""
    leaves = {one.id for one in editions.latest.leaves}
    found: defaultdict[str, set[Place]] = defaultdict(set)
    for document in documents:
        for clause in document.clauses:
            for link in clause.links:
                for target in trace(editions, link.guideline, editions.latest.id):
                    if target in leaves:
                        found[target].add((document.id, clause.id))
    return found


def quality(
    documents: Sequence[Document],
    said: Mapping[str, Sequence[Suggestion]],
    true: Mapping[str, set[Place]],
    asked: Sequence[str],
) -> Quality:
    lines = {(one.id, clause.id): {up.id for up in one.line(clause.id)} for one in documents for clause in one.clauses}

    def right(one: Suggestion, place: Place) -> bool:
        here = (one.pair.document, one.pair.clause)
        return here[0] == place[0] and (here[1] in lines[place] or place[1] in lines[here])

    pairs = [(name, one) for name in asked for one in said[name]]
    good = sum(any(right(one, place) for place in true.get(name, ())) for name, one in pairs)
    wanted = [(name, place) for name in asked for place in true.get(name, ())]
    met = sum(any(right(one, place) for one in said[name]) for name, place in wanted)
    answered = [name for name in asked if true.get(name)]
    first = sum(any(right(one, place) for one in said[name][:1] for place in true[name]) for name in answered)
    return Quality(good / max(len(pairs), 1), met / max(len(wanted), 1), first / max(len(answered), 1))


def halves(edition: Edition) -> tuple[list[str], list[str]]:
    """The clauses that the method was tuned on, and the others."""
    names = [one.id for one in edition.leaves]
    return names[0::2], names[1::2]


def large(documents: Sequence[Document]) -> list[Document]:
    """The sample's standard, repeated under other ids until it has as many clauses as a large ward's."""
    standard = next(one for one in documents if one.id == "taisaku")
    again = tuple(
        replace(one, id=f"{one.id}-x", parent=f"{one.parent}-x" if one.parent else "") for one in standard.clauses
    )
    return [replace(standard, clauses=(*standard.clauses, *again)[:CLAUSES])]


def rows(folder: Path) -> Iterator[Row]:
    documents, editions = sample(), open_editions()
    true = labels(documents, editions)
    tuned, held = halves(editions.latest)
    for name, asked, titles in (
        ("held-out half", held, True),
        ("held-out half, our headings hidden", held, False),
        ("tuned half", tuned, True),
    ):
        found = quality(documents, suggest(bare(documents, titles=titles), editions.latest), true, asked)
        yield Row(f"policy links: precision, recall, first ({name})", str(found))
    many = large(documents)

    def once() -> float:
        started = time.perf_counter()
        gap(many, editions, editions.latest.id)
        suggest(many, editions.latest)
        return time.perf_counter() - started

    taken = median(once() for _time in range(5))
    what = f"policy: {CLAUSES} clauses against {len(editions.latest.leaves)} with suggestions"
    yield Row(what, f"{taken:.2f} s", "", "< 5 s")
