"""Other yearly inspections that the same answers serve: their questions, in their own order, from our items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from secops.errors import AuditError, NotFoundError, Problem
from secops.isms.audit.model import Catalogue
from secops.isms.audit.sheets import Answer, Sheet
from secops.isms.edge import Line, Name, Strict, problems
from secops.isms.places import Document, Unreadable
from secops.locale import _


class _Question(Strict):
    number: Line
    title: Line
    items: Annotated[list[Name], Field(min_length=1)]
    confirm: bool = False


class _Inspection(Strict):
    id: Name
    title: Line
    questions: Annotated[list[_Question], Field(min_length=1)]


class _File(Strict):
    inspections: Annotated[list[_Inspection], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of another inspection; ``confirm``: its number and title are not compared with the original yet."""

    number: str
    title: str
    items: tuple[str, ...]
    confirm: bool
    where: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """Another yearly inspection (調査・点検)."""

    id: str
    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class MappedAnswer:
    """One item under one question at one unit; without an answer ``answer`` is None."""

    question: Question
    item: str
    title: str
    unit: str
    answer: Answer | None


def read_mappings(path: str, text: str) -> list[Inspection]:
    """The inspections in a file's text.

    Raises:
        AuditError: with every mistake of the file.
    """
    try:
        document = Document(path, text)
        found = _File.model_validate(document.value)
    except Unreadable as error:
        raise AuditError(error.problems) from None
    except ValidationError as error:
        raise AuditError(problems([dict(one) for one in error.errors()], document.where)) from None
    return [
        Inspection(
            one.id,
            one.title,
            tuple(
                Question(
                    question.number,
                    question.title,
                    tuple(question.items),
                    question.confirm,
                    document.where(("inspections", at, "questions", number)),
                )
                for number, question in enumerate(one.questions)
            ),
        )
        for at, one in enumerate(found.inspections)
    ]


def inspection_of(found: Sequence[Inspection], name: str) -> Inspection:
    """The one with this id.

    Raises:
        NotFoundError: there is none.
    """
    for one in found:
        if one.id == name:
            return one
    known = ", ".join(one.id for one in found)
    raise NotFoundError(
        _("「{name}」という点検の対応表はありません(あるもの: {known})。").format(name=name, known=known)
    )


def mapped(
    inspection: Inspection, catalogue: Catalogue, answers: Sequence[tuple[Sheet, Mapping[str, Answer]]]
) -> list[MappedAnswer]:
    """The answers of these sheets in the order of the other inspection; an item of no sheet stands there without."""
    found: list[MappedAnswer] = []
    for question in inspection.questions:
        for item in question.items:
            title = catalogue.by_id[item].title if item in catalogue.by_id else ""
            asked = [(sheet, said) for sheet, said in answers if item in sheet.items]
            found += [MappedAnswer(question, item, title, sheet.title, said.get(item)) for sheet, said in asked]
            if not asked:
                found.append(MappedAnswer(question, item, title, "", None))
    return found


def unknown_items(inspection: Inspection, catalogue: Catalogue) -> Iterator[Problem]:
    """Items of the mapping that the catalogue has not, each with its place."""
    for question in inspection.questions:
        for item in question.items:
            if item not in catalogue.by_id:
                what = _("項目 {item} は監査項目にありません。対応表を直してください。")
                yield Problem(question.where, what.format(item=item))
