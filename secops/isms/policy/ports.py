"""What the documents of the policy ask of the records: versions that nobody changes any more, and drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from secops.errors import ConflictError
from secops.isms.clauses.model import Document, DocumentKind


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a version: from when it is in force (施行日), who approved it when, and why (改正理由)."""

    effective_on: date
    committee: str
    approved_on: date
    reason: str
    promulgated_on: date | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A published version; ``number`` counts from 1, ``digest`` is SHA-256 of its canonical text."""

    document: str
    number: int
    title: str
    kind: DocumentKind
    digest: str
    decision: Decision
    published_by: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of a document. ``revision`` rises with each save, for ever; ``base`` is the version it began from.

    ``text`` is empty where there is no draft at present; the revision tells what the next saver has to have seen.
    """

    document: str
    revision: int = 0
    text: str = ""
    base: int = 0
    saved_by: str = ""
    saved_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether there is a draft."""
        return bool(self.text)


class DraftChangedError(ConflictError):
    """Somebody else saved, published or gave up the draft meanwhile; ``draft`` is as it stands now."""

    def __init__(self, message: str, draft: Draft) -> None:
        self.draft = draft
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Statement:
    """Where and when the document was published as the statutory policy of a body (地方自治法244条の6), as entered."""

    document: str
    body: str
    published_at: str
    published_on: date
    stated_by: str
    stated_at: datetime


class PolicyShelf(Protocol):
    """Keeps versions, drafts and statements. Who does something is a login name."""

    def versions(self, document: str = "") -> Sequence[Version]:
        """The versions of one document or of all, by document and number."""
        ...

    def version_text(self, document: str, number: int) -> str:
        """The canonical text of a version.

        Raises:
            NotFoundError: no such version.
            StoreError: it is not the text that was published.
        """
        ...

    def draft(self, document: str) -> Draft:
        """The draft of a document as it stands."""
        ...

    def drafts(self) -> Mapping[str, Draft]:
        """Open drafts by document."""
        ...

    def draft_text(self, document: str, revision: int) -> str:
        """The text of an earlier save of the present draft; empty where it is not kept (any more)."""
        ...

    def save_draft(self, document: Document, *, seen: int, by: str, now: datetime) -> Draft:
        """Save a draft; ``seen`` is the revision that its writer began from.

        Raises:
            DraftChangedError: it is not the present one.
        """
        ...

    def drop_draft(self, document: str, *, seen: int, by: str, now: datetime) -> Draft:
        """Give a draft up.

        Raises:
            DraftChangedError: ``seen`` is not the present one.
            ConflictError: there is no draft.
        """
        ...

    def publish(self, document: Document, decision: Decision, *, seen: int, by: str, now: datetime) -> Version:
        """Publish the present draft: the document must be what it says. The draft is closed by it.

        Raises:
            DraftChangedError: ``seen`` is not the present revision.
            ConflictError: there is no draft, it is the version before unchanged, or in force before that.
        """
        ...

    def statements(self) -> Mapping[tuple[str, str], Statement]:
        """The newest statement by document and body."""
        ...

    def state(
        self, document: str, body: str, published_at: str, published_on: date, *, by: str, now: datetime
    ) -> Statement:
        """Enter where and when a document was published as the statutory policy of a body."""
        ...
