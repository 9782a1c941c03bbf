"""What a revision touches: clauses that changed → everything that names them and must be looked at again.

Two kinds of revision: from one edition of the guideline to a later one, and from one version of a document of ours to
the next. Both give `Shift`s; whatever names a clause (`Thing`) is touched by a shift at that clause or below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from secops.isms.clauses.ids import above, edition_of
from secops.isms.clauses.model import Change, Clause, Document
from secops.isms.clauses.trace import Editions, changed_between, trace
from secops.locale import _

SHOWN = 40


class Kind(StrEnum):
    """What can name a clause."""

    CLAUSE = "clause"
    ITEM = "item"
    RULE = "rule"
    QUIZ = "quiz"
    CONTRACTOR = "contractor"
    FORM = "form"


KIND_LABELS = {
    Kind.CLAUSE: "区の規程の条項",
    Kind.ITEM: "監査項目",
    Kind.RULE: "検知ルール",
    Kind.QUIZ: "確認テストの問題",
    Kind.CONTRACTOR: "委託事業者の確認項目",
    Kind.FORM: "様式",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that names guideline clauses: an audit item, a rule, a clause of ours …

    ``owner`` is who answers for it where that is known, ``where`` its file and line, of a clause of ours its document.
    """

    kind: Kind
    id: str
    title: str
    clauses: tuple[str, ...]
    owner: str = ""
    where: str = ""


@dataclass(frozen=True)
class Linked:
    """All things that name clauses. ``absent``: kinds of which nothing exists in this program or site yet."""

    things: tuple[Thing, ...]
    absent: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """A clause that a revision changed.

    ``clauses`` are the guideline clauses by which things are found (of any edition). ``number`` and ``title`` are those
    of the clause as it stands now, or as it stood where it is gone; ``note`` says what changed.
    """

    id: str
    number: str
    title: str
    change: Change
    note: str
    clauses: tuple[str, ...]
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a thing must be looked at again. ``cited`` is the clause as the thing names it.

    Not ``direct``: the thing names the clause above the one that changed.
    """

    shift: Shift
    cited: str
    direct: bool


@dataclass(frozen=True, slots=True)
class Touched:
    """A thing that a revision touches, with every reason."""

    thing: Thing
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Impact:
    """What a revision touches. ``unknown``: (thing, clause) where the clause exists in no edition."""

    source: str
    target: str
    shifts: tuple[Shift, ...]
    touched: tuple[Touched, ...]
    absent: tuple[Kind, ...] = ()
    unknown: tuple[tuple[Thing, str], ...] = ()

    def of(self, kind: Kind) -> tuple[Touched, ...]:
        """The touched things of a kind."""
        return tuple(one for one in self.touched if one.thing.kind is kind)


class Versioned(Protocol):
    """A version of a document of ours, as far as its clauses are compared."""

    @property
    def clauses(self) -> Sequence[Clause]:
        """Its clauses in order, with ids that stay the same from version to version."""
        ...

    def number(self, clause_id: str) -> str:
        """How a clause is cited."""
        ...


def between_editions(editions: Editions, older: str, newer: str, linked: Linked) -> Impact:
    """What the step from one edition to a later one touches.

    Raises:
        NotFoundError: no such edition.
        UsageError: the first is not before the second.
    """
    start, end = editions.get(older), editions.get(newer)
    shifts = [
        Shift(
            one.clause.id,
            one.clause.number,
            one.clause.title,
            one.change,
            one.note,
            tuple(dict.fromkeys([*one.before, one.clause.id])),
            one.confirm,
        )
        for one in changed_between(editions, older, newer)
        if one.change is not Change.SAME
    ]
    return _impact(editions, start.id, end.id, shifts, linked, (start.id, end.id))


def between_documents(editions: Editions, older: Document, newer: Document, linked: Linked) -> Impact:
    """What the step from one version of a document of ours to another touches, through the clauses it implements."""
    shifts = tuple(compare(older, newer))
    touched = {shift.id for shift in shifts}
    others = tuple(one for one in linked.things if not (one.kind is Kind.CLAUSE and one.id in touched))
    ours = (editions.latest.id,)
    return _impact(editions, older.id, newer.id, shifts, Linked(others, linked.absent), ours)


def compare(older: Versioned, newer: Versioned) -> Iterator[Shift]:
    """The clauses that differ between two versions, in the order of the newer, then those that are gone."""
    before, after = {one.id: one for one in older.clauses}, {one.id: one for one in newer.clauses}
    for clause in newer.clauses:
        was = before.get(clause.id)
        what = _differs(was, clause) if was else [_("新しい条項です。")]
        if not what:
            continue
        change = Change.NEW if was is None else Change.MOVED if what == [_moved()] else Change.CHANGED
        links = [link.guideline for link in (*(was.links if was else ()), *clause.links)]
        yield _shift(newer, clause, change, " ".join(what), links)
    for clause in older.clauses:
        if clause.id not in after:
            links = [link.guideline for link in clause.links]
            yield _shift(older, clause, Change.WITHDRAWN, _("条項がなくなりました。"), links)


def _moved() -> str:
    return _("番号か位置が変わりました。")


def _differs(was: Clause, now: Clause) -> list[str]:
    what = []
    if was.title != now.title:
        what.append(_("題名が変わりました(前: {title})。").format(title=was.title or _("なし")))
    if was.text != now.text:
        what.append(_("本文が変わりました。"))
    if was.links != now.links:
        what.append(_("ガイドラインとの対応が変わりました。"))
    if (was.label, was.parent) != (now.label, now.parent):
        what.append(_moved())
    return what


def beginning(text: str) -> str:
    """The beginning of a clause's text, for lists where it has no title."""
    line = text.partition("\n")[0]
    return line if len(line) <= SHOWN else line[:SHOWN] + "…"


def _shift(document: Versioned, clause: Clause, change: Change, note: str, links: Iterable[str]) -> Shift:
    number, title = document.number(clause.id), clause.title or beginning(clause.text)
    return Shift(clause.id, number, title, change, note, tuple(dict.fromkeys(links)))


@dataclass
class _Finder:
    """Which shifts bear on a clause id that a thing names; looked up once for each id."""

    editions: Editions
    within: Sequence[str]  # the editions in which shifts are sought
    at: dict[str, list[Shift]] = field(default_factory=dict)  # clause of those editions → shifts at it
    below: dict[str, list[Shift]] = field(default_factory=dict)  # clause → shifts somewhere below it
    known: dict[str, tuple[tuple[Shift, bool], ...]] = field(default_factory=dict)

    def add(self, shift: Shift) -> None:
        """Note a shift at its clauses and at all that stand above them."""
        here = {there for one in shift.clauses for edition in self.within for there in self._in(one, edition)}
        for clause in here:
            self.at.setdefault(clause, []).append(shift)
        up = {parent for clause in here for parent in _ancestors(clause)} - here
        if shift.change is Change.WITHDRAWN:  # it stands in the older edition only: what stood above it, as it is now
            up |= {now for parent in up for edition in self.within for now in trace(self.editions, parent, edition)}
        for clause in up:
            self.below.setdefault(clause, []).append(shift)

    def of(self, cited: str) -> tuple[tuple[Shift, bool], ...]:
        """The shifts at a clause (true) and below it (false)."""
        if cited not in self.known:
            there = [one for edition in self.within for one in self._in(cited, edition)]
            found = {shift.id: (shift, False) for one in there for shift in self.below.get(one, ())}
            found |= {shift.id: (shift, True) for one in there for shift in self.at.get(one, ())}
            self.known[cited] = tuple(found.values())
        return self.known[cited]

    def _in(self, clause: str, edition: str) -> tuple[str, ...]:
        if edition_of(clause) == edition:
            return (clause,)
        # Of two editions that are compared only the map between others and them counts: the way between the two is
        # what changed, and a clause that was split would bring along what its other half became.
        return () if edition_of(clause) in self.within else trace(self.editions, clause, edition)


def _ancestors(clause: str) -> Iterator[str]:
    while clause := above(clause):
        yield clause


def _impact(
    editions: Editions, source: str, target: str, shifts: Sequence[Shift], linked: Linked, within: Sequence[str]
) -> Impact:
    finder = _Finder(editions, within)
    for shift in shifts:
        finder.add(shift)
    touched, unknown = [], []
    order: Mapping[str, int] = {shift.id: at for at, shift in enumerate(shifts)}
    for thing in linked.things:
        reasons: dict[str, Reason] = {}
        for cited in thing.clauses:
            if editions.clause(cited) is None:
                unknown.append((thing, cited))
                continue
            for shift, direct in finder.of(cited):
                if shift.id not in reasons or direct:
                    reasons[shift.id] = Reason(shift, cited, direct)
        if reasons:
            touched.append(Touched(thing, tuple(sorted(reasons.values(), key=lambda one: order[one.shift.id]))))
    return Impact(source, target, tuple(shifts), tuple(touched), linked.absent, tuple(unknown))
