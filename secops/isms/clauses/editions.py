"""Reads editions of the national guideline: one YAML file for each.

    id: mic-2025-03
    title: 令和7年3月版
    published: "2025-03"
    previous: mic-2024-10
    clauses:
      - id: mic-2025-03-6.1-6
        number: "6.1 (6)"
        title: ログの取得等
        summary: …
        previous: [mic-2024-10-6.1-6]
        change: same
    withdrawn:
      - {id: mic-2024-10-9.4, reason: …}
    sources:                     # where numbers and titles were read
      - {title: …, url: "https://…", read: "2026-11-27", shows: …}

Every mistake of every file is found before any is reported. Where an edition is an official text that a ward has
imported, the map to its neighbours may be incomplete: that is a notice, no mistake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from secops.errors import PolicyError, Problem
from secops.isms.clauses.ids import above, edition_of
from secops.isms.clauses.model import Change, Edition, GuidelineClause, Source
from secops.isms.clauses.trace import Editions
from secops.isms.edge import ClauseId, Line, Strict, problems
from secops.isms.places import Document, Unreadable
from secops.locale import _

EDITION_PATTERN = r"^[a-z][a-z0-9]*-\d{4}-(0[1-9]|1[0-2])$"


def _once(values: list[str]) -> list[str]:
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(_("同じものが二度書かれています: {twice}").format(twice=", ".join(twice)))
    return values


class _Clause(Strict):
    id: ClauseId
    number: Line
    title: Line
    summary: str = ""
    previous: Annotated[list[ClauseId], AfterValidator(_once)] = Field(default_factory=list)
    change: Literal["same", "changed", "moved", "new"] = "same"
    note: str = ""
    confirm: bool = False


class _Withdrawn(Strict):
    id: ClauseId
    reason: Line


class _Source(Strict):
    title: Line
    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    read: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    shows: Line


class _Edition(Strict):
    id: Annotated[str, Field(pattern=EDITION_PATTERN)]
    title: Line
    published: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    previous: Annotated[str, Field(pattern=EDITION_PATTERN)] | None = None
    official: bool = False
    preamble: str = ""
    clauses: Annotated[list[_Clause], Field(min_length=1)]
    withdrawn: list[_Withdrawn] = Field(default_factory=list)
    sources: list[_Source] = Field(default_factory=list)


Read = tuple[Document, _Edition]


def read_editions(files: Iterable[tuple[str, str]]) -> Editions:
    """The editions in files given as (path, text).

    Raises:
        PolicyError: with every mistake of every file.
    """
    wrong: list[Problem] = []
    read: dict[str, Read] = {}
    for path, text in files:
        try:
            document = Document(path, text)
            edition = _Edition.model_validate(document.value)
        except Unreadable as error:
            wrong += error.problems
            continue
        except ValidationError as error:
            wrong += problems([dict(one) for one in error.errors()], document.where)
            continue
        if edition.id in read:
            what = _("版「{id}」は {where} にもあります。").format(id=edition.id, where=read[edition.id][0].path)
            wrong.append(Problem(document.where(("id",)), what))
            continue
        read[edition.id] = document, edition
        wrong += _within(document, edition)
    notices: list[Problem] = []
    for document, edition in read.values():
        before = read.get(edition.previous or "")
        loose = edition.official or (before is not None and before[1].official)
        wrong += _circle(document, edition, read)
        for problem in _between(document, edition, before):
            (notices if loose else wrong).append(problem)
    if not read and not wrong:
        wrong.append(Problem("policies/guidelines", _("ガイドラインの版のファイル(.yml)がありません。")))
    if wrong:
        raise PolicyError(wrong)
    made = [_edition(document, edition) for document, edition in read.values()]
    return Editions(tuple(sorted(made, key=lambda one: (one.published, one.id))), tuple(notices))


def _within(document: Document, edition: _Edition) -> Iterator[Problem]:
    """What is wrong with an edition on its own."""
    seen: dict[str, int] = {}
    for at, clause in enumerate(edition.clauses):
        place = f"{document.where(('clauses', at, 'id'))} clauses[{at + 1}].id"
        if edition_of(clause.id) != edition.id:
            what = _("「{id}」はこの版の番号ではありません。{edition}- で始めてください。")
            yield Problem(place, what.format(id=clause.id, edition=edition.id))
        elif clause.id in seen:
            first = document.where(("clauses", seen[clause.id], "id"))
            yield Problem(place, _("番号「{id}」は {where} にもあります。").format(id=clause.id, where=first))
        elif (parent := above(clause.id)) and parent not in seen:
            what = _("「{id}」より前に、その上の「{parent}」がありません。")
            yield Problem(place, what.format(id=clause.id, parent=parent))
        seen.setdefault(clause.id, at)
        yield from _change(document, edition, at)
    if edition.withdrawn and not edition.previous:
        what = _("前の版(previous)がないので、廃止された条項は書けません。")
        yield Problem(document.where(("withdrawn",)), what)


def _change(document: Document, edition: _Edition, at: int) -> Iterator[Problem]:
    """Whether what is said of the change fits the map to the edition before."""
    clause = edition.clauses[at]
    place = f"{document.where(('clauses', at, 'change'))} {clause.id}"
    if not edition.previous:
        if clause.previous or clause.change != "same":
            what = _("前の版(previous)がないので、change は same にし、previous は書かないでください。")
            yield Problem(place, what)
        return
    if clause.change == "new" and clause.previous:
        yield Problem(place, _("新設(new)なのに previous があります。previous を消すか、change を直してください。"))
    if clause.change != "new" and not clause.previous:
        what = _("previous に前の版の条項を書くか、change を new にしてください。")
        yield Problem(place, what)
    if clause.change in {"changed", "moved"} and not clause.note.strip():
        yield Problem(place, _("何が変わったかを note に書いてください。"))


def _circle(document: Document, edition: _Edition, read: Mapping[str, Read]) -> Iterator[Problem]:
    """An edition before that is not there, or not before."""
    if not edition.previous:
        return
    place = document.where(("previous",))
    before = read.get(edition.previous)
    if before is None:
        what = _("前の版「{id}」のファイルがありません(あるもの: {known})。")
        yield Problem(place, what.format(id=edition.previous, known=", ".join(sorted(read))))
    elif before[1].published >= edition.published:
        what = _("前の版「{id}」の公表({theirs})が、この版({ours})より前ではありません。")
        yield Problem(place, what.format(id=edition.previous, theirs=before[1].published, ours=edition.published))


def _between(document: Document, edition: _Edition, before: Read | None) -> Iterator[Problem]:
    """Where the map to the edition before points at nothing, or leaves a clause of it out."""
    if before is None:
        return
    known = {one.id for one in before[1].clauses}
    come = {old for one in edition.clauses for old in one.previous}
    for at, clause in enumerate(edition.clauses):
        for old in clause.previous:
            if old not in known:
                place = document.where(("clauses", at, "previous"))
                what = _("{id} の previous「{old}」は、前の版にない条項です。")
                yield Problem(place, what.format(id=clause.id, old=old))
    gone = set()
    for at, one in enumerate(edition.withdrawn):
        gone.add(one.id)
        place = document.where(("withdrawn", at, "id"))
        if one.id not in known:
            yield Problem(place, _("廃止された「{old}」は、前の版にない条項です。").format(old=one.id))
        elif one.id in come:
            yield Problem(place, _("廃止された「{old}」を previous に持つ条項があります。").format(old=one.id))
    for old_clause in before[1].clauses:
        # An official text is finer than the map: there a clause goes where the one above it went.
        line = _line(old_clause.id) if before[1].official else [old_clause.id]
        if not any(one in come or one in gone for one in line):
            what = _("前の版の「{old} {title}」が、どの条項の previous にも withdrawn にもありません。")
            yield Problem(document.where(()), what.format(old=old_clause.id, title=old_clause.title))


def _line(clause_id: str) -> Iterator[str]:
    while clause_id:
        yield clause_id
        clause_id = above(clause_id)


def _edition(document: Document, read: _Edition) -> Edition:
    clauses = tuple(
        GuidelineClause(
            id=one.id,
            number=one.number,
            title=one.title,
            parent=above(one.id),
            summary=one.summary.strip(),
            change=Change(one.change),
            previous=tuple(one.previous),
            note=one.note.strip(),
            confirm=one.confirm,
            where=document.where(("clauses", at)),
        )
        for at, one in enumerate(read.clauses)
    )
    return Edition(
        id=read.id,
        title=read.title,
        published=read.published,
        clauses=clauses,
        previous=read.previous or "",
        withdrawn={one.id: one.reason for one in read.withdrawn},
        official=read.official,
        digest=_digest(clauses),
        preamble=read.preamble.strip(),
        sources=tuple(Source(**one.model_dump()) for one in read.sources),
    )


def _digest(clauses: Sequence[GuidelineClause]) -> str:
    """SHA-256 of what the clauses say, not of how the file is laid out."""
    said: list[Mapping[str, Any]] = [
        {key: value for key, value in asdict(one).items() if key != "where"} for one in clauses
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
