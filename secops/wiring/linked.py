"""Everything that names guideline clauses, gathered from where it stands; what a revision of either side touches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secops.errors import NotFoundError, UsageError
from secops.isms.audit.model import ANSWERER_LABELS, Answerer, Catalogue
from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Document
from secops.isms.clauses.trace import Editions
from secops.isms.policy.impact import (
    Impact,
    Kind,
    Linked,
    Thing,
    beginning,
    between_documents,
    between_editions,
)
from secops.isms.policy.library import Library
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import Rule

# What names clauses in other tools of this kind, and does not exist here yet: it is said, not counted as none.
ABSENT = (Kind.QUIZ, Kind.CONTRACTOR)
FORMS = {
    Answerer.DEPARTMENT: "自己点検票(課)",
    Answerer.SYSTEM: "自己点検票(情報システム)",
    Answerer.STAFF: "自己点検票(職員)",
    Answerer.WARD: "自己点検票(全庁)",
}
assert FORMS.keys() == ANSWERER_LABELS.keys()


def link_up(catalogue: Catalogue, rules: Sequence[Rule], documents: Sequence[Document]) -> Linked:
    """Clauses of our documents, audit items, rules, and the forms that ask the items, with the clauses they name."""
    things = (*_clauses(documents), *_items(catalogue), *_rules(rules), *_forms(catalogue))
    return Linked(tuple(things), ABSENT)


def _clauses(documents: Iterable[Document]) -> Iterator[Thing]:
    for document in documents:
        for one in document.clauses:
            if one.links:
                title = one.title or beginning(one.text)
                said = " ".join(filter(None, [document.title, document.number(one.id), title]))
                links = tuple(dict.fromkeys(link.guideline for link in one.links))
                yield Thing(Kind.CLAUSE, one.id, said, links, one.owner or document.owner, document.id)


def _items(catalogue: Catalogue) -> Iterator[Thing]:
    return (Thing(Kind.ITEM, one.id, one.title, one.clauses, where=one.where) for one in catalogue.items)


def _rules(rules: Iterable[Rule]) -> Iterator[Thing]:
    for one in rules:
        if one.clauses:
            yield Thing(Kind.RULE, one.id, one.title_ja or one.title, tuple(one.clauses), where=one.path)


def _forms(catalogue: Catalogue) -> Iterator[Thing]:
    """The self-inspection forms: they are made of the items, so what touches an item touches its form."""
    for answerer, title in FORMS.items():
        asked = [clause for one in catalogue.items if one.answers is answerer for clause in one.clauses]
        if asked:
            yield Thing(Kind.FORM, f"self-inspection-{answerer.value}", _(title), tuple(dict.fromkeys(asked)))


def revision(
    editions: Editions, older: str, newer: str, linked: Linked, version: Callable[[str], Document | None]
) -> Impact:
    """What the step from one edition, or one version of a document, to another touches.

    Editions are named by when they were published; versions by the path of a Markdown file, or as ``version`` knows
    them (``taisaku@2``; it gives None for what is no such name).

    Raises:
        NotFoundError: no such edition, file or version.
        UsageError: an edition and a document, or the wrong order of editions.
        PolicyError: a file has mistakes.
    """
    names = {name for one in editions.all for name in (one.id, one.published)}
    if older in names and newer in names:
        return between_editions(editions, older, newer, linked)
    if older in names or newer in names:
        raise UsageError(_("--from と --to には、ガイドラインの版どうしか、区の文書の版どうしを指定してください。"))
    return between_documents(editions, _document(older, version), _document(newer, version), linked)


def _document(name: str, version: Callable[[str], Document | None]) -> Document:
    path = Path(name)
    if path.is_file():
        return read_document(name, path.read_text(encoding="utf-8-sig"))
    found = version(name)
    if found is None:
        text = _(
            "「{name}」は、ガイドラインの版(例: 2025-03)でも、文書のファイル(.md)や版(例: taisaku@2)でもありません。"
        )
        raise NotFoundError(text.format(name=name))
    return found


def version_in(library: Library, name: str) -> Document | None:
    """A version of a document as ``taisaku@2``, or its draft as ``taisaku@draft``; None where it is no such name.

    Raises:
        NotFoundError: no such version or draft.
    """
    document, mark, which = name.partition("@")
    if not mark:
        return None
    if which.isascii() and which.isdigit():
        return library.version(document, int(which))
    draft = library.shelf.draft(document)
    if which != "draft" or not draft.open:
        raise NotFoundError(_("「{document}」に改正案はありません。").format(document=document))
    return read_document(name, draft.text)
