"""What the policy does not say that the guideline asks: each clause of an edition with what answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from secops.isms.clauses.ids import edition_of
from secops.isms.clauses.model import Change, Clause, Document, Edition, GuidelineClause, Link, LinkKind
from secops.isms.clauses.trace import Difference, Editions, changed_between
from secops.locale import _


class Status(StrEnum):
    """How far a clause of the guideline is answered."""

    MISSING = "missing"
    OUTDATED = "outdated"
    PARTLY = "partly"
    COVERED = "covered"


STATUS_LABELS = {
    Status.MISSING: "不足",
    Status.OUTDATED: "旧版のまま",
    Status.PARTLY: "一部",
    Status.COVERED: "対応済み",
}


class How(StrEnum):
    """In which way a clause of ours answers."""

    WHOLE = "whole"
    PART = "part"
    ABOVE = "above"  # it is linked to the section above: which of its clauses it answers is not said
    OLD = "old"  # it is linked to the wording of another edition, which has been changed


HOW_LABELS = {
    How.WHOLE: "対応",
    How.PART: "一部に対応",
    How.ABOVE: "上の節に対応",
    How.OLD: "改定前の文言に対応",
}
_STATUS = {How.WHOLE: Status.COVERED, How.PART: Status.PARTLY, How.ABOVE: Status.PARTLY, How.OLD: Status.OUTDATED}


@dataclass(frozen=True, slots=True)
class Extra:
    """A link that a person confirmed and that does not stand in the text of the document."""

    document: str
    clause: str
    link: Link


@dataclass(frozen=True, slots=True)
class Answer:
    """A clause of ours that answers a clause of the guideline. ``link`` is the id it is linked to.

    ``note``: what changed since, where it is linked to another edition. ``decided``: a person confirmed it here.
    """

    document: str
    clause: str
    number: str
    title: str
    link: str
    how: How
    note: str = ""
    decided: bool = False


@dataclass(frozen=True, slots=True)
class GapRow:
    """A clause of the guideline, its chapter, how far it is answered, and by what."""

    clause: GuidelineClause
    chapter: str
    status: Status
    by: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """A link to a clause that the edition does not have: withdrawn, or never there."""

    document: str
    clause: str
    link: str
    reason: str
    where: str = ""


@dataclass(frozen=True)
class Gap:
    """How a policy stands against an edition."""

    edition: Edition
    rows: tuple[GapRow, ...]
    lost: tuple[Lost, ...]

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many clauses there are of each status."""
        return {status: sum(one.status is status for one in self.rows) for status in Status}

    @property
    def chapters(self) -> Sequence[tuple[GuidelineClause, Sequence[GapRow]]]:
        """Chapters of the edition with their rows."""
        found: defaultdict[str, list[GapRow]] = defaultdict(list)
        for row in self.rows:
            found[row.chapter].append(row)
        return [(self.edition.by_id[name], rows) for name, rows in found.items()]


def gap(documents: Iterable[Document], editions: Editions, name: str, extra: Sequence[Extra] = ()) -> Gap:
    """Hold documents against an edition (``mic-2025-03`` or ``2025-03``), over all clauses that have none below.

    Raises:
        NotFoundError: no such edition.
    """
    edition = editions.get(name)
    reach = _Reach(editions, edition)
    answers: defaultdict[str, list[Answer]] = defaultdict(list)
    lost: list[Lost] = []
    for document, clause, link, decided in _links(documents, extra):
        if not reach.same(link.guideline):
            reason = reach.reason(link.guideline)
            lost.append(Lost(document.id, clause.id, link.guideline, reason, clause.where))
        for target, how, note in reach.of(link):
            number, title = document.number(clause.id), clause.title
            answer = Answer(document.id, clause.id, number, title, link.guideline, how, note, decided)
            answers[target].append(answer)
    rows = tuple(_row(edition, one, answers[one.id]) for one in edition.leaves)
    return Gap(edition, rows, tuple(lost))


def _links(documents: Iterable[Document], extra: Sequence[Extra]) -> Iterator[tuple[Document, Clause, Link, bool]]:
    """All links, those that were confirmed here last; one that stands in the text by now is told once."""
    for document in documents:
        for clause in document.clauses:
            for link in clause.links:
                yield document, clause, link, False
        for one in extra:
            known = document.by_id.get(one.clause) if one.document == document.id else None
            if known is not None and one.link.guideline not in {link.guideline for link in known.links}:
                yield document, known, one.link, True


def chapter_of(edition: Edition, clause: GuidelineClause) -> str:
    """The id of the chapter that a clause stands in."""
    while clause.parent:
        clause = edition.by_id[clause.parent]
    return clause.id


def _row(edition: Edition, clause: GuidelineClause, answers: Sequence[Answer]) -> GapRow:
    order = list(How)
    by = tuple(sorted(answers, key=lambda one: order.index(one.how)))
    status = max((_STATUS[one.how] for one in by), key=list(Status).index, default=Status.MISSING)
    return GapRow(clause, chapter_of(edition, clause), status, by)


class _Reach:
    """Which clauses of one edition a link to any edition answers."""

    def __init__(self, editions: Editions, edition: Edition) -> None:
        self.editions, self.edition = editions, edition
        self._below: defaultdict[str, list[str]] = defaultdict(list)
        for leaf in edition.leaves:
            above = leaf.parent
            while above:
                self._below[above].append(leaf.id)
                above = edition.by_id[above].parent
        self._maps: dict[str, Mapping[str, list[tuple[str, str, bool]]]] = {}
        self._gone: dict[str, str] = {}

    def of(self, link: Link) -> Iterator[tuple[str, How, str]]:
        """Clauses, how they are answered, and what changed since.

        A clause that does a part of what a whole section asks says nothing of any single clause in it.
        """
        entire = link.kind is LinkKind.IMPLEMENTS
        for name, note, changed in self.same(link.guideline):
            if name not in self._below:
                yield name, How.OLD if changed else How.WHOLE if entire else How.PART, note
            elif entire:
                yield from ((leaf, How.OLD if changed else How.ABOVE, note) for leaf in self._below[name])

    def reason(self, guideline: str) -> str:
        """Why a link answers nothing."""
        if self.editions.clause(guideline) is None:
            return _("この条項は、どの版にもありません。")
        return self._gone.get(guideline) or _("この条項に当たるものが、この版にはありません。")

    def same(self, guideline: str) -> Sequence[tuple[str, str, bool]]:
        """Clauses of the edition that a clause of any edition is, what changed between them, and whether it did."""
        if guideline in self.edition.by_id:
            return [(guideline, "", False)]
        name = edition_of(guideline)
        if name == self.edition.id or name not in self.editions.by_id:
            return ()
        if name not in self._maps:
            self._maps[name] = self._map(name)
        return self._maps[name].get(guideline, ())

    def _map(self, name: str) -> Mapping[str, list[tuple[str, str, bool]]]:
        found: defaultdict[str, list[tuple[str, str, bool]]] = defaultdict(list)
        if name in self.editions.line(self.edition.id):
            for one in changed_between(self.editions, name, self.edition.id):
                if one.change is Change.WITHDRAWN:
                    self._gone[one.clause.id] = one.note
                    continue
                for before in one.before:
                    found[before].append((one.clause.id, one.note, _reworded(one)))
        elif self.edition.id in self.editions.line(name):
            for one in changed_between(self.editions, self.edition.id, name):
                if one.change is not Change.WITHDRAWN:
                    found[one.clause.id] += [(before, one.note, _reworded(one)) for before in one.before]
        return found


def _reworded(one: Difference) -> bool:
    """Whether the wording changed on the way; a clause that only moved asks what it asked."""
    return any(step.change is Change.CHANGED for step in one.steps)
