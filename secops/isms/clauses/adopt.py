"""A recognised official text → an edition: ids, and the map to the other editions from the one the program ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from secops.isms.clauses.ids import above, tail_of
from secops.isms.clauses.model import Change, Edition, GuidelineClause
from secops.isms.clauses.official import Node, Recognised, alike, printed
from secops.isms.clauses.trace import Editions
from secops.locale import _


class Unlike(StrEnum):
    """How the imported text differs from the edition that it was compared with."""

    TITLE = "title"
    EXTRA = "extra"
    MISSING = "missing"
    MOVED = "moved"


UNLIKE_LABELS = {
    Unlike.TITLE: "題名が違う",
    Unlike.EXTRA: "付属の版にない",
    Unlike.MISSING: "取り込んだ文にない",
    Unlike.MOVED: "番号が変わった",
}


@dataclass(frozen=True, slots=True)
class Deviation:
    """A clause that is not as in the edition compared with: title there and here; one of them may be empty."""

    kind: Unlike
    number: str
    theirs: str
    ours: str


@dataclass(frozen=True)
class Adopted:
    """The edition, with what it was compared with (its id, or empty) and how it differs."""

    edition: Edition
    compared: str
    deviations: tuple[Deviation, ...]


def compared_with(editions: Editions, edition_id: str, published: str) -> Edition | None:
    """The shipped edition to compare with: the same one, else the newest before it."""
    if edition_id in editions.by_id:
        return editions.by_id[edition_id]
    earlier = [one for one in editions.all if one.published < published]
    return earlier[-1] if earlier else None


def adopt(found: Recognised, edition_id: str, published: str, title: str, base: Edition | None) -> Adopted:
    """The edition that a recognised text is."""
    made = _Adoption(edition_id, base)
    clauses = tuple(made.clause(node) for node in found.nodes)
    same = base is not None and base.id == edition_id
    previous = base.previous if base and same else base.id if base else ""
    withdrawn = dict(base.withdrawn) if base and same else {}
    taken = {old for one in clauses for old in one.previous}
    for clause in base.clauses if base else ():
        if clause.id in made.met or (not same and clause.id in taken):
            continue
        made.deviations.append(Deviation(Unlike.MISSING, clause.number, clause.title, ""))
        if not same:
            withdrawn[clause.id] = _("取り込んだ文に、番号と題名の合う条項がありませんでした(要確認)。")
    edition = Edition(
        id=edition_id,
        title=title or (base.title if base and same else published),
        published=published,
        clauses=clauses,
        previous=previous,
        withdrawn={old: reason for old, reason in withdrawn.items() if old not in taken},
        official=True,
        preamble=found.preamble,
    )
    return Adopted(edition, base.id if base else "", tuple(made.deviations))


class _Adoption:
    """Gives each clause its id and its map."""

    def __init__(self, edition_id: str, base: Edition | None) -> None:
        self.deviations: list[Deviation] = []
        self.met: set[str] = set()  # clauses of the base with the same number and title
        self._edition = edition_id
        self._base = base
        self._same = base is not None and base.id == edition_id
        self._made: dict[str, GuidelineClause] = {}
        self._titles = _unique_titles(base.clauses if base else ())

    def clause(self, node: Node) -> GuidelineClause:
        """The clause of a node; those above it have been made."""
        made = GuidelineClause(
            id=f"{self._edition}-{node.tail}",
            number=printed(node.tail),
            title=node.title,
            parent=above(f"{self._edition}-{node.tail}"),
            summary="\n".join(node.lines),
        )
        made = self._mapped(made, node)
        self._made[node.tail] = made
        return made

    def _mapped(self, made: GuidelineClause, node: Node) -> GuidelineClause:
        if self._base is None:
            return made
        theirs = self._base.by_id.get(f"{self._base.id}-{node.tail}")
        if theirs and alike(theirs.title, node.title):
            self.met.add(theirs.id)
            return self._from(made, theirs)
        finer = None if theirs else self._finer(node.tail)
        if finer is not None:
            return replace(made, change=finer.change, previous=finer.previous, note=finer.note, confirm=finer.confirm)
        moved = None if self._same else self._titles.get((node.tail.count("-"), node.title))
        if moved and moved.id not in self.met:
            self.deviations.append(Deviation(Unlike.MOVED, made.number, f"{moved.number} {moved.title}", node.title))
            note = _("番号が {old} から {new} に変わった(題名の一致による。要確認)。")
            said = note.format(old=moved.number, new=made.number)
            return replace(made, change=Change.MOVED, previous=(moved.id,), note=said, confirm=True)
        kind = Unlike.TITLE if theirs else Unlike.EXTRA
        self.deviations.append(Deviation(kind, made.number, theirs.title if theirs else "", node.title))
        first = self._same and not self._base.previous
        return replace(made, change=Change.SAME if first else Change.NEW, confirm=True)

    def _from(self, made: GuidelineClause, theirs: GuidelineClause) -> GuidelineClause:
        """The map of a clause that agrees: that of the same edition, else to the clause itself."""
        if self._same:
            return replace(made, change=theirs.change, previous=theirs.previous, note=theirs.note)
        return replace(made, previous=(theirs.id,), confirm=True)

    def _finer(self, tail: str) -> GuidelineClause | None:
        """The clause above, where the base says nothing below it: what lies below went where it went."""
        while tail := _up(tail):
            made = self._made.get(tail)
            theirs = self._base.by_id.get(f"{self._base.id}-{tail}") if self._base else None
            if theirs is None:
                continue
            agrees = made is not None and theirs.id in self.met
            return made if agrees and not any(self._below(theirs.id)) else None
        return None

    def _below(self, clause_id: str) -> Iterator[GuidelineClause]:
        return (one for one in (self._base.clauses if self._base else ()) if one.parent == clause_id)


def _up(tail: str) -> str:
    parent = above(f"x-0000-00-{tail}")
    return tail_of(parent) if parent else ""


def _unique_titles(clauses: Sequence[GuidelineClause]) -> Mapping[tuple[int, str], GuidelineClause]:
    """(depth, title) → the only clause that has it."""
    found: dict[tuple[int, str], list[GuidelineClause]] = {}
    for one in clauses:
        found.setdefault((tail_of(one.id).count("-"), one.title), []).append(one)
    return {key: ones[0] for key, ones in found.items() if len(ones) == 1}
