"""The desk of links to the guideline: what is missing, what may answer it, and what a person decides about that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from secops.errors import ConflictError, NotFoundError
from secops.isms.clauses.model import Clause, Document, Edition, GuidelineClause, Link, LinkKind
from secops.isms.clauses.trace import Editions
from secops.isms.policy.gap import Extra, Gap, gap
from secops.isms.policy.library import Library, clause_digest
from secops.isms.policy.rulings import LinkRulings
from secops.isms.policy.suggest import Pair, Ruling, Suggestion, digest_of, suggest
from secops.locale import _


@dataclass(frozen=True, slots=True)
class Ruled:
    """What was decided; ``drafted``: the link was written into the open draft of the document as well."""

    ruling: Ruling
    drafted: bool = False


class LinkDesk:
    """Joins the documents, the editions and what people decided. Days are those of Japan."""

    def __init__(self, library: Library, editions: Callable[[], Editions], rulings: LinkRulings) -> None:
        self.library, self._editions, self._rulings = library, editions, rulings

    @property
    def editions(self) -> Editions:
        """All editions of the guideline."""
        return self._editions()

    def edition(self, name: str = "") -> Edition:
        """An edition by its name; the newest where none is given.

        Raises:
            NotFoundError: no such edition.
        """
        return self.editions.get(name) if name else self.editions.latest

    def documents(self, day: date, *, drafts: bool = False) -> list[Document]:
        """What is in force on a day, or what is worked on."""
        return [one.working if drafts else one.current for one in self.library.entries(day)]

    def gap(self, name: str, day: date, *, drafts: bool = False) -> Gap:
        """How the documents stand against an edition; confirmed suggestions count as links."""
        return gap(self.documents(day, drafts=drafts), self.editions, self.edition(name).id, self._extra())

    def suggestions(
        self, name: str, day: date, *, drafts: bool = False, only: Sequence[str] | None = None
    ) -> Mapping[str, Sequence[Suggestion]]:
        """Clauses of ours that may answer those of an edition."""
        documents = self.documents(day, drafts=drafts)
        return suggest(documents, self.edition(name), self._rulings.rulings(), only=only)

    def rulings(self, guideline: str = "") -> Sequence[Ruling]:
        """What people decided, of one clause of the guideline or of all."""
        return [one for one in self._rulings.rulings() if guideline in {"", one.pair.guideline}]

    def rule(
        self,
        clause: str,
        guideline: str,
        *,
        confirmed: bool,
        by: str,
        now: datetime,
        day: date,
        kind: LinkKind = LinkKind.IMPLEMENTS,
        reason: str = "",
    ) -> Ruled:
        """Decide on a pair. A confirmed link is also written into the draft of the document, where one is open.

        Raises:
            NotFoundError: one of the two does not exist.
            ConflictError: what is to be refused is a link in the text.
            UsageError: a refusal without a reason.
        """
        document, ours = self.find(clause, day)
        theirs = self.guideline(guideline)
        linked = any(link.guideline == guideline for link in ours.links)
        if linked and not confirmed:
            what = _("{clause} の文に、{guideline} への結び付けが書かれています。外すには、改正案で直してください。")
            raise ConflictError(what.format(clause=clause, guideline=guideline))
        ruling = Ruling(
            Pair(document.id, clause, guideline),
            confirmed=confirmed,
            kind=kind,
            reason=reason,
            actor=by,
            at=now,
            clause_digest=digest_of(ours),
            guideline_digest=digest_of(theirs),
        )
        kept = self._rulings.rule(ruling)
        drafted = confirmed and not linked and self._write(document.id, ours, Link(guideline, kind), by, now, day)
        return Ruled(kept, drafted)

    def withdraw(self, clause: str, guideline: str, *, by: str, now: datetime) -> Ruling:
        """Take back what was decided of a pair; the text of a draft stays as it is.

        Raises:
            NotFoundError: nothing was decided.
        """
        said = (one.pair for one in self.rulings(guideline) if one.pair.clause == clause)
        found = next(said, None)
        if found is None:
            raise NotFoundError(_("この組についての判断は記録されていません。"))
        return self._rulings.withdraw(found, by=by, now=now)

    def find(self, clause: str, day: date) -> tuple[Document, Clause]:
        """A clause of ours as it is worked on, else as it is in force.

        Raises:
            NotFoundError: there is none.
        """
        entries = self.library.entries(day)
        for document in [*(one.working for one in entries), *(one.current for one in entries)]:
            if clause in document.by_id:
                return document, document.by_id[clause]
        raise NotFoundError(
            _("「{clause}」という条文はありません。secops policy show で id を確かめてください。").format(clause=clause)
        )

    def guideline(self, name: str) -> GuidelineClause:
        """A clause of the guideline.

        Raises:
            NotFoundError: there is none.
        """
        found = self.editions.clause(name)
        if found is None:
            known = ", ".join(one.id for one in self.editions.all)
            what = _("「{name}」という条項は、ガイドラインにありません。版を付けて書いてください(ある版: {known})。")
            raise NotFoundError(what.format(name=name, known=known))
        return found

    def _extra(self) -> list[Extra]:
        return [
            Extra(one.pair.document, one.pair.clause, Link(one.pair.guideline, one.kind))
            for one in self._rulings.rulings()
            if one.confirmed
        ]

    def _write(self, document: str, clause: Clause, link: Link, by: str, now: datetime, day: date) -> bool:
        entry = self.library.entry(document, day)
        present = entry.working.by_id.get(clause.id)
        if not entry.draft.open or present is None:
            return False
        linked = replace(present, links=(*present.links, link))
        self.library.save_clause(document, linked, clause_digest(present), day=day, by=by, now=now)
        return True
