"""Which clause of ours does what a guideline clause asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from secops.errors import Problem
from secops.isms.clauses.ids import is_below
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
    """Clauses of ours for a guideline clause: those that name it, else what is below it, else what is above it."""
    if found := index.get(guideline):
        return found
    below = [other for other in index if is_below(other, guideline)]
    near = below or [other for other in index if is_below(guideline, other)]
    return tuple(sorted(dict.fromkeys(one for other in near for one in index[other]), key=_rank))


def concerns(guideline: str, other: str) -> bool:
    """Whether two guideline clauses of one edition bear on each other: the same, or one below the other."""
    return guideline == other or is_below(guideline, other) or is_below(other, guideline)


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
