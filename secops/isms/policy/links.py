"""Which clause of ours does what a guideline clause asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from secops.errors import Problem
from secops.isms.clauses.ids import above, is_below
from secops.isms.clauses.model import Clause, Document, DocumentKind, LinkKind
from secops.locale import _

# The first of these that has an answer is the one to be cited.
_ORDER = (DocumentKind.CONTROL_STANDARD, DocumentKind.BASIC_POLICY, DocumentKind.PROCEDURE)


@dataclass(frozen=True, slots=True)
class Ours:
    """A clause of ours that names a guideline clause; ``number`` is how it is cited."""

    document: str
    kind: DocumentKind
    document_title: str
    clause: str
    number: str
    title: str
    link: LinkKind

    @property
    def short(self) -> str:
        """What the document is called where it is cited."""
        return SHORT.get(self.kind, self.document_title)


SHORT = {DocumentKind.CONTROL_STANDARD: "対策基準", DocumentKind.BASIC_POLICY: "基本方針"}
Index = Mapping[str, tuple[Ours, ...]]


def index_of(documents: Iterable[Document]) -> Index:
    """Guideline clause → clauses of ours that name it: of the 対策基準 first, whole before part, then in order."""
    found: dict[str, list[Ours]] = {}
    for document in documents:
        for clause in document.clauses:
            for link in clause.links:
                number = document.number(clause.id)
                one = Ours(document.id, document.kind, document.title, clause.id, number, clause.title, link.kind)
                found.setdefault(link.guideline, []).append(one)
    return {guideline: tuple(sorted(ours, key=_rank)) for guideline, ours in found.items()}


def _rank(one: Ours) -> tuple[int, bool]:
    place = _ORDER.index(one.kind) if one.kind in _ORDER else len(_ORDER)
    return place, one.link is not LinkKind.IMPLEMENTS


def ours_for(index: Index, guideline: str) -> tuple[Ours, ...]:
    """Clauses of ours for a guideline clause: those that name it or one below it, else one above it.

    A 対策基準 that names the parts comes before a 基本方針 that names the whole.
    """
    near = [other for other in index if is_below(other, guideline)]
    if guideline in index:
        near.insert(0, guideline)
    near = near or [other for other in index if is_below(guideline, other)]
    return tuple(sorted(dict.fromkeys(one for other in near for one in index[other]), key=_rank))


T = TypeVar("T")


class Bearing(Generic[T]):
    """Finds what bears on a guideline clause: things that name it, one below it or one above it."""

    def __init__(self, things: Iterable[T], clauses: Callable[[T], Iterable[str]]) -> None:
        self._at: dict[str, list[T]] = {}
        self._below: dict[str, list[T]] = {}
        for thing in things:
            for clause in clauses(thing):
                self._at.setdefault(clause, []).append(thing)
                for up in _up(clause):
                    self._below.setdefault(up, []).append(thing)

    def on(self, guidelines: Iterable[str]) -> list[T]:
        """Things that bear on one of these clauses, each once."""
        found: dict[int, T] = {}
        for clause in guidelines:
            for place in (self._at.get(clause), self._below.get(clause), *map(self._at.get, _up(clause))):
                found |= {id(one): one for one in place or ()}
        return list(found.values())


def _up(clause: str) -> Iterator[str]:
    while clause := above(clause):
        yield clause


def unknown_links(document: Document, known: Callable[[str], bool]) -> list[Problem]:
    """Links to guideline clauses that no edition has, each with its place."""
    return [
        Problem(clause.where, _unknown(clause, link.guideline))
        for clause in document.clauses
        for link in clause.links
        if not known(link.guideline)
    ]


def _unknown(clause: Clause, guideline: str) -> str:
    what = _("{id} が指す「{guideline}」は、どの版のガイドラインにもない条項です。番号を直すか、外してください。")
    return what.format(id=clause.id, guideline=guideline)
