"""The editions together, and the map between any two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from secops.errors import NotFoundError, Problem, UsageError
from secops.isms.clauses.ids import above, edition_of, order
from secops.isms.clauses.model import Change, Edition, GuidelineClause
from secops.locale import _


@dataclass(frozen=True)
class Editions:
    """All editions, the oldest first. ``notices``: where the map between them has gaps, with file and line."""

    all: tuple[Edition, ...]
    notices: tuple[Problem, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Edition]:
        """Editions by id."""
        return {one.id: one for one in self.all}

    @property
    def latest(self) -> Edition:
        """The newest edition."""
        return self.all[-1]

    def get(self, name: str) -> Edition:
        """An edition by its id (``mic-2025-03``) or by when it was published (``2025-03``).

        Raises:
            NotFoundError: there is none.
        """
        for one in self.all:
            if name in {one.id, one.published}:
                return one
        known = ", ".join(one.published for one in self.all)
        raise NotFoundError(_("「{name}」という版はありません(あるもの: {known})。").format(name=name, known=known))

    def clause(self, clause_id: str) -> GuidelineClause | None:
        """The clause with this id in whichever edition it names, or None."""
        edition = self.by_id.get(edition_of(clause_id))
        return edition.by_id.get(clause_id) if edition else None

    @cached_property
    def _forward(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(edition, clause of the edition before) → the clauses that come from it."""
        found: dict[tuple[str, str], list[str]] = {}
        for edition in self.all:
            for clause in edition.clauses:
                for old in clause.previous:
                    found.setdefault((edition.id, old), []).append(clause.id)
        return {key: tuple(ids) for key, ids in found.items()}

    def successors(self, edition: str, clause_id: str) -> tuple[str, ...]:
        """What became of a clause in the next edition: of itself, else of the clause above that the map names."""
        gone = self.by_id[edition].withdrawn
        while clause_id and clause_id not in gone:
            if found := self._forward.get((edition, clause_id)):
                return found
            clause_id = above(clause_id)
        return ()

    def line(self, name: str) -> list[str]:
        """An edition and all before it, the newest first."""
        found: list[str] = []
        while name in self.by_id and name not in found:
            found.append(name)
            name = self.by_id[name].previous
        return found


def trace(editions: Editions, clause_id: str, to: str) -> tuple[str, ...]:
    """The clauses of edition ``to`` that correspond to a clause of any edition: none, one, or several after a split.

    Back to the edition that both descend from, then forward; a clause that no edition has corresponds to nothing.
    """
    start = edition_of(clause_id)
    if editions.clause(clause_id) is None or to not in editions.by_id:
        return ()
    back, forward = editions.line(start), editions.line(to)
    common = next((one for one in back if one in forward), None)
    if common is None:
        return ()
    found = {clause_id}
    for _edition in back[: back.index(common)]:
        found = {old for one in found for old in _previous(editions, one) if editions.clause(old)}
    for edition in reversed(forward[: forward.index(common)]):
        found = {new for one in found for new in editions.successors(edition, one)}
    return tuple(sorted(found, key=order))


def _previous(editions: Editions, clause_id: str) -> tuple[str, ...]:
    clause = editions.clause(clause_id)
    return clause.previous if clause else ()


@dataclass(frozen=True, slots=True)
class Step:
    """What one edition did to a clause on the way."""

    edition: str
    change: Change
    note: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A clause between two editions. ``clause`` is the one of the newer edition; of the older one where it is gone.

    ``before`` are the ids in the older edition, ``steps`` what each edition on the way did, the oldest first.
    ``confirm``: something of it was written from general knowledge.
    """

    change: Change
    clause: GuidelineClause
    before: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    confirm: bool = False

    @property
    def note(self) -> str:
        """What changed, in the words of the editions on the way."""
        return " ".join(step.note for step in self.steps if step.note)


@dataclass
class _Walk:
    """The way back of one clause."""

    before: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    confirm: bool = False


def changed_between(editions: Editions, older: str, newer: str) -> tuple[Difference, ...]:
    """Every clause of the newer edition with what happened to it since the older, then the withdrawn ones.

    Raises:
        NotFoundError: no such edition.
        UsageError: the first is not an edition before the second.
    """
    start, end = editions.get(older), editions.get(newer)
    line = editions.line(end.id)
    if start.id == end.id or start.id not in line:
        what = _("「{older}」は「{newer}」より前の版ではありません。古い版、新しい版の順に指定してください。")
        raise UsageError(what.format(older=start.published, newer=end.published))
    way = line[: line.index(start.id)]
    found = [_difference(editions, clause, way) for clause in end.clauses]
    gone = (one for one in start.clauses if not trace(editions, one.id, end.id))
    return (*found, *(_withdrawn(editions, one, way) for one in gone))


def _up(clause_id: str) -> Iterator[str]:
    while clause_id:
        yield clause_id
        clause_id = above(clause_id)


def _difference(editions: Editions, clause: GuidelineClause, way: Sequence[str]) -> Difference:
    walk = _Walk()
    _back(editions, [clause.id], way, walk)
    changes = {step.change for step in walk.steps}
    if not walk.before:
        change = Change.NEW
    elif Change.MOVED in changes:
        change = Change.MOVED
    else:
        change = Change.CHANGED if changes - {Change.SAME} else Change.SAME
    return Difference(change, clause, tuple(sorted(walk.before, key=order)), tuple(reversed(walk.steps)), walk.confirm)


def _back(editions: Editions, ids: Iterable[str], way: Sequence[str], walk: _Walk) -> None:
    """Follow the clauses back through the editions of the way, gathering what each did."""
    now = list(ids)
    for edition in way:
        clauses = [one for one in map(editions.by_id[edition].by_id.get, now) if one]
        for one in clauses:
            if one.change is not Change.SAME:
                walk.steps.append(Step(edition, one.change, one.note))
                walk.confirm |= one.confirm
        now = list(dict.fromkeys(old for one in clauses for old in one.previous if editions.clause(old)))
    walk.before.update(now)


def _withdrawn(editions: Editions, clause: GuidelineClause, way: Sequence[str]) -> Difference:
    """A clause that is gone, with the reason of the edition that withdrew it."""
    now = {clause.id}
    for edition in reversed(way):
        reasons = editions.by_id[edition].withdrawn
        if steps := [Step(edition, Change.WITHDRAWN, reasons[up]) for one in now for up in _up(one) if up in reasons]:
            return Difference(Change.WITHDRAWN, clause, (clause.id,), tuple(steps), clause.confirm)
        now = {new for one in now for new in editions.successors(edition, one)}
    return Difference(Change.WITHDRAWN, clause, (clause.id,), (), confirm=True)
