"""The policy of the simulated ward: an older version, the one in force, and a revision that is being written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from secops.isms.clauses.model import Document
from secops.isms.policy.library import Library
from secops.isms.policy.ports import Decision
from secops.schema.dates import JST, fiscal_year

COMMITTEE = "情報セキュリティ委員会"
OWNER = "seisaku"
STANDARD, PLAN = "taisaku", "kinkyu"


def add_policies(library: Library, now: datetime) -> None:
    """Publish the sample documents, if nothing was published yet."""
    entries = library.entries(now.astimezone(JST).date())
    if any(entry.versions for entry in entries):
        return
    year = fiscal_year(now.astimezone(JST).date())
    for entry in entries:
        name, document = entry.working.id, library.file(entry.working.id)
        if document is None:
            continue
        before = _older(document, "多要素認証", "二要素認証") if name == STANDARD else document
        first = _older(before, "委託事業者", "委託先") if name == STANDARD else document
        _publish(library, first, "制定", year - 1, now)
        if name == STANDARD:
            _publish(library, before, "ガイドラインの改定に合わせた用語の整理", year, now)
        if name == PLAN:
            _draft(library, document, now)


def _older(document: Document, word: str, before: str) -> Document:
    """As it was before a word of the guideline changed."""
    clauses = tuple(replace(one, text=one.text.replace(word, before)) for one in document.clauses)
    return replace(document, clauses=clauses)


def _publish(library: Library, document: Document, reason: str, year: int, now: datetime) -> None:
    when = min(datetime(year, 3, 20, 15, 0, tzinfo=JST), now - timedelta(days=1))
    seen = library.save(document, seen=library.shelf.draft(document.id).revision, by=OWNER, now=when).revision
    decision = Decision(date(year, 4, 1), COMMITTEE, date(year, 3, 15), reason, date(year, 3, 20))
    library.publish(document.id, decision, seen=seen, by=OWNER, now=when)


def _draft(library: Library, document: Document, now: datetime) -> None:
    """The revision under way: whom to call next."""
    longest = max(document.clauses, key=lambda one: len(one.text))
    more = replace(longest, text=f"{longest.text}\n\n連絡がつかないときは、連絡先一覧の次の順位の者に連絡する。")
    clauses = tuple(more if one.id == longest.id else one for one in document.clauses)
    seen = library.shelf.draft(document.id).revision
    library.save(replace(document, clauses=clauses), seen=seen, by=OWNER, now=now - timedelta(days=2))
