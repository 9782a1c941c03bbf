"""Released reports: what is kept of each, and who may read which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from secops.access.ports import Access
from secops.errors import Problem
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import Book, Release, ReleasedFile

# Of the whole round: who may read it besides auditors. What names departments is for who sees all of them.
_OPEN = frozenset({PaperKind.PLAN, PaperKind.SUMMARY, PaperKind.NOTICE})
_KEPT = frozenset({PaperKind.WORKPAPER})  # kept by the auditors, not handed out


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A report that is about to be released; ``scoring`` is the digest of the parameters that it was scored by."""

    kind: PaperKind
    year: int
    title: str
    department: str = ""
    department_name: str = ""
    replaces: str = ""
    document_number: str = ""
    figures: str = ""
    scoring: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the departments that they may see (names or codes), and whether they take part in audits.

    ``login`` of an auditor: of rounds and workpapers they see what they are assigned to; empty: all (who leads).
    ``name`` is for the trail.
    """

    access: Access = field(default_factory=Access)
    audits: bool = False
    login: str = ""
    name: str = ""


def may_read(kind: str, department: tuple[str, str], reader: Reader) -> bool:
    """Whether a released paper may be read by this reader; ``department`` is code and name, empty: the whole round."""
    scope = reader.access.departments
    if kind in _KEPT and not reader.audits:
        return False
    if department[0]:
        return scope is None or not scope.isdisjoint(department)
    return reader.audits or scope is None or kind in _OPEN


class ReleaseDesk(Protocol):
    """The released reports of a site: they are added and read, never changed."""

    def add(
        self, new: NewRelease, keep: Callable[[str], Sequence[ReleasedFile]], *, actor: str, now: datetime
    ) -> Release:
        """Release a report: ``keep`` is called with its number and stores its files, in the same transaction."""
        ...

    def releases(self, reader: Reader, *, year: int | None = None) -> Sequence[Release]:
        """What this reader may read, the newest first."""
        ...

    def release(self, number: str, reader: Reader) -> Release:
        """One of them.

        Raises:
            NotFoundError: there is none, or the reader may not read it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What is to be released; number, day and retention come from the ward's own document system."""

    kind: PaperKind
    year: int | None = None
    department: str = ""
    number: str = ""
    decided: str = ""
    retention: str = ""
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """A paper that somebody edited in Word: the file's name, what is in it, and a PDF of it (empty: none was given)."""

    name: str
    word: bytes
    pdf: bytes = b""


class PaperRoom(Protocol):
    """Where papers are made and released, as the pages see it. NotFoundError: no such year, or not for this reader."""

    def years(self) -> Sequence[int]:
        """The years of which there is a round, the newest first."""
        ...

    def book(self, year: int | None, reader: Reader) -> Book | None:
        """The round of a year (None: the newest) as far as this reader may see it; None where there is none."""
        ...

    def draft(self, request: ReleaseRequest, suffix: str, reader: Reader) -> tuple[str, bytes]:
        """A draft as a file: its name and its bytes; ``suffix`` is docx, pdf or xlsx."""
        ...

    @property
    def converts(self) -> bool:
        """Whether a PDF can be made of an edited paper on this machine."""
        ...

    def faults(self, request: ReleaseRequest, edited: Edited | None = None) -> Sequence[Problem]:
        """What the linter finds in the paper as it would be released.

        Raises:
            AuditError: the edited file is another paper, or cannot be read.
        """
        ...

    def release(self, request: ReleaseRequest, *, actor: str, edited: Edited | None = None) -> Release:
        """Release a paper: as it is made, or as somebody edited it, with a PDF where there is one or one can be made.

        Raises:
            AuditError: the linter found something, or the edited file is another paper.
        """
        ...

    def releases(self, reader: Reader, *, year: int | None = None) -> Sequence[Release]:
        """What this reader may read, the newest first."""
        ...

    def file(self, number: str, name: str, reader: Reader) -> bytes:
        """A file of a released report, checked against its SHA-256.

        Raises:
            NotFoundError: there is no such file, or it is none of this reader's.
            ConflictError: the file is not the one that was released.
        """
        ...
