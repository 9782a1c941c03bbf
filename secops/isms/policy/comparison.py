"""Two versions of a document, clause by clause: what a 新旧対照表 is made of.

Clauses are the same where their ids are the same, whatever their numbers are. A row is a clause that was touched, a
heading above one (shown so that the reader knows where they are), or a run of untouched neighbours as 「(略)」.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from secops.isms.clauses.model import Clause, Document
from secops.isms.policy.marks import Marked, compare_texts, whole

TITLE, PREAMBLE = "#title", "#preamble"  # rows of what stands before the clauses; no clause has such an id


class Kind(StrEnum):
    """What happened to a clause."""

    NEW = "new"
    REMOVED = "removed"
    TEXT = "text"
    TITLE = "title"
    RENUMBERED = "renumbered"
    MOVED = "moved"  # it stands elsewhere: under another clause, or in another order among its neighbours


KIND_LABELS = {
    Kind.NEW: "新設",
    Kind.REMOVED: "削除",
    Kind.TEXT: "本文の変更",
    Kind.TITLE: "見出しの変更",
    Kind.RENUMBERED: "番号の変更",
    Kind.MOVED: "移動",
}


@dataclass(frozen=True, slots=True)
class Side:
    """A clause as it stands in one of the versions, with what differs marked; ``number`` is how it is cited."""

    number: str
    label: Marked = ()
    title: Marked = ()
    text: Marked = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A clause of either version. Without ``kinds`` it is an untouched heading above a touched clause."""

    id: str
    depth: int
    old: Side | None
    new: Side | None
    kinds: tuple[Kind, ...] = ()

    @property
    def shows_text(self) -> bool:
        """Whether its text is to be read; else it is 「(略)」."""
        return bool({Kind.TEXT, Kind.NEW, Kind.REMOVED} & set(self.kinds))


@dataclass(frozen=True, slots=True)
class Omitted:
    """Untouched clauses side by side, of the same numbers in both versions: the first and the last label, how many."""

    depth: int
    first: str
    last: str
    count: int
    ids: tuple[str, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, in the order of the new one; what was removed stands where it stood."""

    old: Document
    new: Document
    rows: tuple[Row | Omitted, ...]

    @property
    def touched(self) -> Sequence[Row]:
        """Rows of clauses that something happened to."""
        return [one for one in self.rows if isinstance(one, Row) and one.kinds]

    @property
    def counts(self) -> Mapping[Kind, int]:
        """How many clauses each kind of change happened to."""
        return {kind: sum(kind in one.kinds for one in self.touched) for kind in Kind}


def compare(old: Document, new: Document) -> Comparison:
    """Compare two versions of a document; equal ones give no rows."""
    pair = _Pair(old, new)
    head = [row for row in (_head(TITLE, old.title, new.title), _head(PREAMBLE, old.preamble, new.preamble)) if row]
    return Comparison(old, new, (*head, *pair.rows("")))


def _head(name: str, old: str, new: str) -> Row | None:
    """The row of the title or the preamble, where it changed."""
    if old == new:
        return None
    left, right = compare_texts(old, new)
    kind = Kind.TITLE if name == TITLE else Kind.TEXT
    sides = [Side("", (), side, ()) if name == TITLE else Side("", (), (), side) for side in (left, right)]
    return Row(name, 1, sides[0], sides[1], (kind,))


class _Pair:
    """Both versions as one tree: each clause below what it stands under in the new version, else in the old one."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        self.shuffled = _shuffled(old, new)
        self.below = _merged(old, new)
        self.made = {one.id: self._row(one.id) for one in (*old.clauses, *new.clauses)}
        self.busy: set[str] = set()
        for name, row in self.made.items():
            if row.kinds:
                self.busy.update(self._line(name))

    def rows(self, above: str) -> Iterator[Row | Omitted]:
        """Rows of what stands below a clause, in order."""
        waiting: list[str] = []
        busy = any(name in self.busy for name in self.below[above])
        for name in self.below[above]:
            if name not in self.busy:
                waiting.append(name)
                continue
            yield from self._omitted(waiting)
            waiting.clear()
            yield self.made[name]
            yield from self.rows(name)
        if busy:
            yield from self._omitted(waiting)

    def _omitted(self, names: Sequence[str]) -> Iterator[Omitted]:
        if names:
            first, last = self.new.by_id[names[0]], self.new.by_id[names[-1]]
            yield Omitted(first.depth, first.label, last.label, len(names), tuple(names))

    def _line(self, name: str) -> Iterator[str]:
        while name:
            yield name
            name = (self.new.by_id.get(name) or self.old.by_id[name]).parent

    def _row(self, name: str) -> Row:
        before, after = self.old.by_id.get(name), self.new.by_id.get(name)
        if before is None or after is None:
            return self._alone(name, before, after)
        pairs = [
            compare_texts(getattr(before, part), getattr(after, part)) if getattr(before, part) != getattr(after, part)
            else (whole(getattr(before, part), changed=False),) * 2
            for part in ("label", "title", "text")
        ]  # fmt: skip
        sides = [
            Side(document.number(name), *(pair[at] for pair in pairs))
            for at, document in enumerate((self.old, self.new))
        ]
        return Row(name, after.depth, sides[0], sides[1], self._kinds(before, after))

    def _alone(self, name: str, before: Clause | None, after: Clause | None) -> Row:
        document, one = (self.new, after) if after is not None else (self.old, before)
        assert one is not None
        parts = [whole(part, changed=True) for part in (one.label, one.title, one.text)]
        side = Side(document.number(name), *parts)
        if after is not None:
            return Row(name, one.depth, None, side, (Kind.NEW,))
        return Row(name, one.depth, side, None, (Kind.REMOVED,))

    def _kinds(self, before: Clause, after: Clause) -> tuple[Kind, ...]:
        happened = {
            Kind.TEXT: before.text != after.text,
            Kind.TITLE: before.title != after.title,
            Kind.RENUMBERED: before.label != after.label,
            Kind.MOVED: before.parent != after.parent or before.id in self.shuffled,
        }
        return tuple(kind for kind, so in happened.items() if so)


def _children(document: Document) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in document.clauses:
        found[one.parent].append(one.id)
    return found


def _merged(old: Document, new: Document) -> Mapping[str, list[str]]:
    """What stands below each clause: as in the new version, with what was removed behind what it stood behind."""
    before, after = _children(old), _children(new)
    merged: defaultdict[str, list[str]] = defaultdict(list)
    merged.update({above: list(names) for above, names in after.items()})
    for above, names in before.items():
        here = merged[above]
        at = 0
        for name in names:
            if name in new.by_id:
                at = here.index(name) + 1 if name in here else at
            else:
                here.insert(at, name)
                at += 1
    return merged


def _shuffled(old: Document, new: Document) -> set[str]:
    """Clauses that stand in another order among the neighbours they had and have: as few of them as explain it."""
    before, after = _children(old), _children(new)
    found: set[str] = set()
    for above in before.keys() & after.keys():
        left = [name for name in before[above] if name in set(after[above])]
        right = [name for name in after[above] if name in set(left)]
        if left != right:
            found |= set(left) - _kept(*sorted((left, right)))  # sorted: the answer is the same from both sides
    return found


def _kept(one: Sequence[str], other: Sequence[str]) -> set[str]:
    """The longest run of names that is in order in both (patience: an increasing subsequence of places)."""
    place = {name: at for at, name in enumerate(other)}
    tails: list[int] = []
    ends: list[str] = []
    before: dict[str, str] = {}
    for name in one:
        at = bisect_left(tails, place[name])
        tails[at : at + 1] = [place[name]]
        ends[at : at + 1] = [name]
        before[name] = ends[at - 1] if at else ""
    kept: set[str] = set()
    name = ends[-1] if ends else ""
    while name:
        kept.add(name)
        name = before[name]
    return kept
