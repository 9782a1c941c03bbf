"""What a guideline edition and a document of the ward are, as trees of clauses.

A *clause* is any addressable node: a chapter, an article, a paragraph, an item. Clauses stand in the order of the
document, each after the clause above it, so a tuple of them is the whole tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property


class Change(StrEnum):
    """What an edition did to a clause, compared with the edition before."""

    SAME = "same"
    CHANGED = "changed"
    MOVED = "moved"
    NEW = "new"
    WITHDRAWN = "withdrawn"  # never stands at a clause: of one that the edition no longer has


CHANGE_LABELS = {
    Change.SAME: "変更なし",
    Change.CHANGED: "改定",
    Change.MOVED: "移動",
    Change.NEW: "新設",
    Change.WITHDRAWN: "廃止",
}


@dataclass(frozen=True, slots=True)
class GuidelineClause:
    """A clause of the national guideline in one edition.

    ``id`` carries the edition (``mic-2025-03-6.1-6``), ``number`` is what is printed (``6.1 (6)``), ``parent`` is the
    id of the clause above or empty. ``summary`` is in our own words, or the official text where a ward imported it.
    ``previous`` are the ids of the edition before that it comes from; ``note`` says what changed. ``confirm``:
    written from general knowledge, to be compared with the source (要確認).
    """

    id: str
    number: str
    title: str
    parent: str = ""
    summary: str = ""
    change: Change = Change.SAME
    previous: tuple[str, ...] = ()
    note: str = ""
    confirm: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers and titles of an edition were read: which page, on which day, and what it shows."""

    title: str
    url: str
    read: str
    shows: str


@dataclass(frozen=True)
class Edition:
    """One edition (版) of the guideline: ``id`` is ``mic-2025-03``, ``previous`` the id of the edition before or empty.

    ``official``: the texts are the official ones that a ward imported; else they are our own summaries. ``withdrawn``
    are clauses of the edition before that no clause here comes from, with the reason.
    """

    id: str
    title: str
    published: str
    clauses: tuple[GuidelineClause, ...]
    previous: str = ""
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    official: bool = False
    digest: str = ""
    preamble: str = ""  # what an imported text says before its first clause
    sources: tuple[Source, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, GuidelineClause]:
        """Clauses by id."""
        return {one.id: one for one in self.clauses}

    @cached_property
    def leaves(self) -> tuple[GuidelineClause, ...]:
        """The clauses that have none below them: what a policy must answer."""
        above = {one.parent for one in self.clauses}
        return tuple(one for one in self.clauses if one.id not in above)


class DocumentKind(StrEnum):
    """What a document of the ward is."""

    BASIC_POLICY = "basic_policy"
    CONTROL_STANDARD = "control_standard"
    PROCEDURE = "procedure"
    PLAN = "plan"
    REGISTER = "register"
    OTHER = "other"


DOCUMENT_LABELS = {
    DocumentKind.BASIC_POLICY: "情報セキュリティ基本方針",
    DocumentKind.CONTROL_STANDARD: "情報セキュリティ対策基準",
    DocumentKind.PROCEDURE: "実施手順・要領",
    DocumentKind.PLAN: "計画",
    DocumentKind.REGISTER: "台帳",
    DocumentKind.OTHER: "その他",
}


class Numbering(StrEnum):
    """How a document numbers its provisions (forms: conventions of every paper)."""

    ARTICLES = "articles"  # 第1章 → 第1節 → 第1条 → 2 → (1) → ア → (ア)
    NUMBERS = "numbers"  # 1 → (1) → ① → ア → (ア)
    DASHES = "dashes"  # 2―6―1
    REPORT = "report"  # 第1 → 1 → (1) → ア → (ア)


NUMBERING_LABELS = {
    Numbering.ARTICLES: "章・節・条・項・号",
    Numbering.NUMBERS: "1 → (1) → ① → ア",
    Numbering.DASHES: "1―1―1",
    Numbering.REPORT: "第1 → 1 → (1) → ア",
}


class LinkKind(StrEnum):
    """How far a clause of ours does what a guideline clause asks."""

    IMPLEMENTS = "implements"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class Link:
    """A clause of ours → a guideline clause, edition included."""

    guideline: str
    kind: LinkKind = LinkKind.IMPLEMENTS


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a document of the ward.

    ``id`` is its identity for ever, whatever its number becomes (``taisaku-a12``). ``label`` is its own printed number
    (``第12条``, ``2``, ``(1)``, ``ア``), ``depth`` how deep it stands (1: a chapter, or what stands at the top),
    ``title`` its heading or empty, ``text`` what it says itself (several lines; tables as Markdown tables).
    ``owner`` and ``review`` are empty or None where those of the document hold. Where it was read from is no part of
    what it says: two clauses that say the same are equal.
    """

    id: str
    label: str
    depth: int
    parent: str = ""
    title: str = ""
    text: str = ""
    links: tuple[Link, ...] = ()
    owner: str = ""
    review: date | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a document's history, as it stands under the title: 制定, 改正 or 廃止, and its day."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Statutory:
    """The document is the サイバーセキュリティを確保するための方針 of 地方自治法244条の6: of which body, and where."""

    body: str
    published_at: str = ""
    published_on: date | None = None


@dataclass(frozen=True)
class Document:
    """A document of the ward as it is read: its head and its clauses. ``digest`` is SHA-256 of its canonical text."""

    id: str
    title: str
    kind: DocumentKind
    clauses: tuple[Clause, ...]
    numbering: Numbering = Numbering.ARTICLES
    preamble: str = ""
    owner: str = ""
    review: date | None = None
    public: bool = False
    history: tuple[Event, ...] = ()
    statutory: tuple[Statutory, ...] = ()
    digest: str = field(default="", compare=False)

    @cached_property
    def by_id(self) -> Mapping[str, Clause]:
        """Clauses by id."""
        return {one.id: one for one in self.clauses}

    def line(self, clause_id: str) -> Sequence[Clause]:
        """The clause and all above it, from the top down."""
        found: list[Clause] = []
        while clause_id:
            found.append(self.by_id[clause_id])
            clause_id = found[-1].parent
        return found[::-1]

    def number(self, clause_id: str) -> str:
        """How the clause is cited: ``第12条第2項第1号`` for articles, else the labels from the top (``6 (1) ①``)."""
        from secops.isms.clauses.cite import cite

        return cite(self.numbering, [one.label for one in self.line(clause_id)])
