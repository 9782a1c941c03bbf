"""The documents of the ward as one collection: what is in force, what is being drafted, what was read from files.

A document that was never taken into the records is read from its file (the ward's own in ``policies/``, else the
sample). From its first draft on the records alone say what it is: the draft, else the newest version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from secops.errors import ConflictError, NotFoundError, PolicyError, Problem
from secops.isms.clauses.markdown import digest_of, read_document, write_document
from secops.isms.clauses.model import Clause, Document, DocumentKind
from secops.isms.policy.links import Index, index_of, unknown_links
from secops.isms.policy.ports import Decision, Draft, PolicyShelf, Version
from secops.locale import _

MAX_TEXT = 1_000_000  # characters; a long 対策基準 has a tenth of that
_KINDS = list(DocumentKind)


class Origin(StrEnum):
    """Where the working text of a document is from."""

    DRAFT = "draft"
    VERSION = "version"
    FILE = "file"


@dataclass(frozen=True)
class Files:
    """The documents that were read from files, and what is wrong with other files; ``sample``: they are not its own."""

    documents: Mapping[str, Document] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sample: bool = False


@dataclass(frozen=True)
class Entry:
    """A document as it stands on a day. ``working`` is what is worked on, ``current`` what a reader should see."""

    working: Document
    origin: Origin
    draft: Draft
    versions: tuple[Version, ...]
    in_force: Version | None
    current: Document
    sample: bool = False

    @property
    def coming(self) -> tuple[Version, ...]:
        """Published versions that are not in force yet."""
        last = self.in_force.number if self.in_force else 0
        return tuple(one for one in self.versions if one.number > last)


class ClauseChangedError(ConflictError):
    """Somebody else changed the clause meanwhile; ``clause`` is as it stands now, None where it is gone."""

    def __init__(self, message: str, clause: Clause | None) -> None:
        self.clause = clause
        super().__init__(message)


@lru_cache(maxsize=64)
def _read(name: str, text: str) -> Document:
    return read_document(name, text)


def read_files(files: Iterable[tuple[str, str]], *, sample: bool = False) -> Files:
    """The documents in files given as (path, text), and every mistake of those that cannot be used."""
    found: dict[str, Document] = {}
    wrong: list[Problem] = []
    for path, text in files:
        try:
            document = _read(path, text)
        except PolicyError as error:
            wrong += error.problems
            continue
        if document.id in found:
            what = _("文書の id「{id}」は {where} にもあります。")
            place = found[document.id].clauses[0].where.rpartition(":")[0]
            wrong.append(Problem(f"{path}:1", what.format(id=document.id, where=place)))
        else:
            found[document.id] = document
    return Files(found, tuple(wrong), sample)


def version_on(versions: Sequence[Version], day: date) -> Version | None:
    """The version in force on a day: the last whose 施行日 has come."""
    return next((one for one in reversed(versions) if one.decision.effective_on <= day), None)


def clause_digest(clause: Clause | None) -> str:
    """A mark of what a clause says, so that a form can tell whether it was changed meanwhile."""
    return digest_of(repr(clause and replace(clause, where="")))


@dataclass(frozen=True, slots=True)
class Touched:
    """A clause that differs between two texts: ``added``, ``removed`` or ``changed``; ``number`` is how it is cited."""

    id: str
    number: str
    title: str
    how: str


def touched(before: Document, after: Document) -> tuple[Touched, ...]:
    """Clauses that differ between two texts of a document, and the head as ``#head``."""
    heads = [write_document(replace(one, clauses=())) for one in (before, after)]
    found = [Touched("#head", "", after.title, "changed")] if heads[0] != heads[1] else []
    gone = [one for one in before.clauses if one.id not in after.by_id]
    found += [Touched(one.id, before.number(one.id), one.title, "removed") for one in gone]
    for one in after.clauses:
        old = before.by_id.get(one.id)
        if old != one:
            found.append(Touched(one.id, after.number(one.id), one.title, "changed" if old else "added"))
    return tuple(found)


class Library:
    """Reads the collection, and does what people do to it; ``known`` tells whether a guideline clause exists."""

    def __init__(self, shelf: PolicyShelf, files: Callable[[], Files], known: Callable[[str], bool]) -> None:
        self.shelf = shelf
        self._files = files
        self._known = known
        self._versions: dict[tuple[str, int], Document] = {}  # which never change
        self._index: tuple[tuple[str, ...], Index] = ((), {})

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with files of the ward that cannot be used."""
        return self._files().problems

    def entries(self, day: date) -> list[Entry]:
        """All documents as they stand on a day: 基本方針 first, then 対策基準, and so on."""
        files, drafts = self._files(), self.shelf.drafts()
        versions: dict[str, list[Version]] = {}
        for one in self.shelf.versions():
            versions.setdefault(one.document, []).append(one)
        names = {*files.documents, *drafts, *versions}
        found = [self._entry(name, day, files, drafts.get(name), versions.get(name, [])) for name in names]
        return sorted(found, key=lambda one: (_KINDS.index(one.working.kind), one.working.id))

    def entry(self, name: str, day: date) -> Entry:
        """One document as it stands on a day.

        Raises:
            NotFoundError: there is none.
        """
        files, draft, versions = self._files(), self.shelf.draft(name), self.shelf.versions(name)
        if not (name in files.documents or draft.open or versions):
            known = ", ".join(one.working.id for one in self.entries(day))
            raise NotFoundError(
                _("「{name}」という文書はありません(あるもの: {known})。").format(name=name, known=known)
            )
        return self._entry(name, day, files, draft, versions)

    def _entry(self, name: str, day: date, files: Files, draft: Draft | None, versions: Sequence[Version]) -> Entry:
        draft = draft or self.shelf.draft(name)
        in_force = version_on(versions, day)
        if draft.open:
            working, origin = _read(name, draft.text), Origin.DRAFT
        elif versions:
            working, origin = self.version(name, versions[-1].number), Origin.VERSION
        else:
            working, origin = files.documents[name], Origin.FILE
        current = self.version(name, in_force.number) if in_force else working
        sample = files.sample and origin is Origin.FILE
        return Entry(working, origin, draft, tuple(versions), in_force, current, sample)

    def version(self, name: str, number: int) -> Document:
        """A published version.

        Raises:
            NotFoundError: there is none.
        """
        key = name, number
        if key not in self._versions:
            self._versions[key] = _read(name, self.shelf.version_text(name, number))
        return self._versions[key]

    def file(self, name: str) -> Document | None:
        """What the file of a document says, where it has one."""
        return self._files().documents.get(name)

    def current(self, day: date) -> list[Document]:
        """Every document as readers see it on a day: in force, else as it is worked on."""
        return [one.current for one in self.entries(day)]

    def index(self, day: date) -> Index:
        """Guideline clause → clauses of ours that name it, of the documents as readers see them on a day."""
        documents = self.current(day)
        digests = tuple(one.digest for one in documents)
        if self._index[0] != digests:
            self._index = digests, index_of(documents)
        return self._index[1]

    def check(self, document: Document) -> list[Problem]:
        """What would keep a document from being published: links to guideline clauses that do not exist."""
        return unknown_links(document, self._known)

    def read(self, name: str, text: str, path: str = "") -> Document:
        """A text that somebody wants to save as the draft of a document.

        Raises:
            PolicyError: with every mistake of the text, or because it is another document.
        """
        where = path or name
        if len(text) > MAX_TEXT:
            what = _("文書が長すぎます({found} 字、{limit} 字まで)。").format(found=len(text), limit=MAX_TEXT)
            raise PolicyError([Problem(f"{where}:1", what)])
        document = _read(where, text)
        if document.id != name:
            what = _(
                "文書の id が「{found}」です。「{name}」の改正案として保存するには、id を「{name}」にしてください。"
            )
            raise PolicyError([Problem(f"{where}:2 id", what.format(found=document.id, name=name))])
        return document

    def save(self, document: Document, *, seen: int, by: str, now: datetime) -> Draft:
        """Save a whole draft; see `PolicyShelf.save_draft`."""
        return self.shelf.save_draft(document, seen=seen, by=by, now=now)

    def save_clause(self, name: str, clause: Clause, was: str, *, day: date, by: str, now: datetime) -> Draft:
        """Put one clause into the draft as it stands; what others changed elsewhere meanwhile is kept.

        Raises:
            ClauseChangedError: the clause does not say any more what ``was`` is the `clause_digest` of.
            PolicyError: the clause has mistakes.
        """
        entry = self.entry(name, day)
        present = entry.working.by_id.get(clause.id)
        if present is None or clause_digest(present) != was:
            what = _("この条文は、開いた後に変わっています({who})。今の文を確かめて、もう一度保存してください。")
            raise ClauseChangedError(what.format(who=entry.draft.saved_by or _("ほかの人")), present)
        clauses = tuple(clause if one.id == clause.id else one for one in entry.working.clauses)
        document = self.read(name, write_document(replace(entry.working, clauses=clauses)))
        return self.save(document, seen=entry.draft.revision, by=by, now=now)

    def changed_since(self, name: str, seen: int, day: date) -> tuple[Touched, ...] | None:
        """What changed in a draft since a revision; None where that save is not kept any more."""
        entry = self.entry(name, day)
        text = self.shelf.draft_text(name, seen)
        if text:
            return touched(_read(name, text), entry.working)
        if entry.draft.base:
            return touched(self.version(name, entry.draft.base), entry.working)
        first = self._files().documents.get(name)
        return touched(first, entry.working) if first else None

    def publish(self, name: str, decision: Decision, *, seen: int, by: str, now: datetime) -> Version:
        """Publish the draft.

        Raises:
            PolicyError: it names guideline clauses that do not exist.
            ConflictError: see `PolicyShelf.publish`.
        """
        draft = self.shelf.draft(name)
        if not draft.open:
            raise ConflictError(_("「{document}」に改正案はありません。").format(document=name))
        document = _read(name, draft.text)
        if wrong := self.check(document):
            raise PolicyError(wrong)
        return self.shelf.publish(document, decision, seen=seen, by=by, now=now)
