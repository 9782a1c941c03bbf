"""Reads the item catalogue: one YAML file for each chapter, or several for one.

    chapter: "6"
    title: 技術的セキュリティ
    items:
      - id: a6.1-10
        title: 〜しているか。
        …

Every mistake of every file is found before any is reported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from secops.errors import AuditError, Problem
from secops.isms.audit.model import Answerer, Catalogue, Item, Method
from secops.isms.edge import ClauseId, Line, Name, Strict, problems
from secops.isms.places import Document, Unreadable
from secops.locale import _

MAX_WEIGHT = 3
MAX_STAGE = 3


def _once(values: list[str]) -> list[str]:
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(_("同じものが二度書かれています: {twice}").format(twice=", ".join(twice)))
    return values


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Item(Strict):
    id: Name
    title: Line
    mandatory: bool
    clauses: Annotated[list[ClauseId], Field(min_length=1), AfterValidator(_once)]
    look: Line
    check: Annotated[dict[Literal["examine", "interview", "observe", "test"], Line], Field(min_length=1)]
    evidence: Annotated[list[Line], Field(min_length=1), AfterValidator(_once)]
    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)]
    answers: Literal["department", "system", "staff", "ward"]
    stage: Annotated[int, Field(ge=1, le=MAX_STAGE)]
    telemetry: Annotated[list[Name], BeforeValidator(_listed), AfterValidator(_once)] = Field(default=[])
    confirm: bool = False
    reference: Line | None = None


class _Chapter(Strict):
    chapter: Line
    title: Line
    items: Annotated[list[_Item], Field(min_length=1)]


def read_catalogue(files: Iterable[tuple[str, str]]) -> Catalogue:
    """The catalogue in files given as (path, text).

    Raises:
        AuditError: with every mistake of every file.
    """
    wrong: list[Problem] = []
    documents: list[Document] = []
    read: list[tuple[Document, _Chapter]] = []
    for path, text in files:
        try:
            documents.append(document := Document(path, text))
            read.append((document, _Chapter.model_validate(document.value)))
        except Unreadable as error:
            wrong += error.problems
        except ValidationError as error:
            wrong += problems([dict(one) for one in error.errors()], document.where)
    wrong += _doubled_ids(documents)
    wrong += _titles(read)
    if not documents and not wrong:
        wrong.append(Problem("audits/catalogue", _("監査項目のファイル(.yml)がありません。")))
    if wrong:
        raise AuditError(wrong)
    items = [
        _item(one, chapter.chapter, document.where(("items", number)))
        for document, chapter in read
        for number, one in enumerate(chapter.items)
    ]
    return Catalogue(tuple(items), {one.chapter: one.title for _document, one in read}, _digest(items))


def _doubled_ids(documents: Sequence[Document]) -> Iterator[Problem]:
    """Ids that stand twice, in one file or in two; also among items that have other mistakes."""
    first: dict[str, str] = {}
    for document in documents:
        items = document.value.get("items") if isinstance(document.value, dict) else None
        for number, item in enumerate(items if isinstance(items, list) else []):
            name = item.get("id") if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            place = document.where(("items", number, "id"))
            if name in first:
                what = _("番号「{id}」は {where} にもあります。")
                yield Problem(f"{place} items[{number + 1}].id", what.format(id=name, where=first[name]))
            first.setdefault(name, place)


def _titles(read: Sequence[tuple[Document, _Chapter]]) -> Iterator[Problem]:
    """Chapters that have two titles in two files."""
    first: dict[str, tuple[str, str]] = {}
    for document, chapter in read:
        place = document.where(("title",))
        title, where = first.setdefault(chapter.chapter, (chapter.title, place))
        if title != chapter.title:
            what = _("章 {chapter} の題名が {where} の「{title}」と違います。")
            yield Problem(f"{place} title", what.format(chapter=chapter.chapter, where=where, title=title))


def _item(one: _Item, chapter: str, where: str) -> Item:
    return Item(
        id=one.id,
        chapter=chapter,
        title=one.title,
        mandatory=one.mandatory,
        clauses=tuple(one.clauses),
        look=one.look,
        check={method: one.check[method.value] for method in Method if method.value in one.check},
        evidence=tuple(one.evidence),
        weight=one.weight,
        answers=Answerer(one.answers),
        stage=one.stage,
        telemetry=tuple(one.telemetry),
        confirm=one.confirm,
        reference=one.reference or "",
        where=where,
    )


def _digest(items: Sequence[Item]) -> str:
    """SHA-256 of what the items say, not of how the files are laid out."""
    said = [{key: value for key, value in asdict(item).items() if key != "where"} for item in items]
    text = json.dumps(sorted(said, key=lambda one: str(one["id"])), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
