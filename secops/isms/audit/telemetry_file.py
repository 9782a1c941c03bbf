"""Reads ``audits/telemetry.yml``: sources, and queries over events and alerts.

Every mistake is found before any is reported, with file and line. The same shape, as JSON, is kept in each sheet, so
that it can be made again when the file has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from secops.errors import AuditError, Problem, QueryError
from secops.isms.audit.telemetry import (
    FUNCTIONS,
    OPTIONS,
    Figure,
    Query,
    Record,
    Source,
    Table,
    Telemetry,
    Within,
)
from secops.isms.edge import Line, Name, Strict, problems
from secops.isms.places import Document, Unreadable
from secops.locale import _
from secops.query.fields import COUNTED, is_list, kind
from secops.query.parse import parse
from secops.schema.dates import parse_duration
from secops.schema.ecs import COLUMNS

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # a query is only read here: what counts from now is asked later


def _search(text: str) -> str:
    try:
        parse(text, _ANY_TIME)
    except QueryError as error:
        raise ValueError(str(error)) from None
    return text.strip()


def _column(name: str) -> str:
    if name not in COLUMNS or is_list(name) or kind(name) not in COUNTED:
        raise ValueError(_("数える項目は文字列かアドレスの列にしてください(例: host.name、user.name、source.ip)"))
    return name


def _length(text: str) -> str:
    parse_duration(text)
    return text


Search = Annotated[Line, AfterValidator(_search)]
Column = Annotated[Line, AfterValidator(_column)]
Length = Annotated[Line, AfterValidator(_length)]


class _Source(Strict):
    name: Name
    title: Line
    query: Search | None = None
    within: Literal["department", "people", "ward"] = "department"
    record: Literal["inventory", "staff", "history", "flows", "journal", "exceptions"] | None = None
    missing: Line | None = None


class _Figure(Strict):
    title: Line
    query: Search | None = None
    distinct: list[Column] = Field(default=[])
    value: Name | None = None
    needs: list[Name] = Field(default=[])
    last: Length | None = None
    per_zone: bool = False


class _Table(Strict):
    query: Search
    by: list[Column] = Field(default=[])
    show: list[Line] = Field(default=[])


class _Query(Strict):
    name: Name
    title: Line
    counts: Line | None = None
    within: Literal["department", "people", "ward"] = "department"
    needs: list[Name] = Field(default=[])
    figures: list[_Figure] = Field(default=[])
    table: _Table | None = None
    function: Name | None = None
    options: dict[str, Line | int | list[Line]] = Field(default={})
    caveats: list[Line] = Field(default=[])
    not_shown: Line | None = None
    missing: Line | None = None


class _File(Strict):
    sources: Annotated[list[_Source], Field(min_length=1)]
    queries: Annotated[list[_Query], Field(min_length=1)]


def read_telemetry(path: str, text: str) -> Telemetry:
    """The queries of a file.

    Raises:
        AuditError: with every mistake of the file.
    """
    try:
        document = Document(path, text)
    except Unreadable as error:
        raise AuditError(list(error.problems)) from None
    try:
        read = _File.model_validate(document.value)
    except ValidationError as error:
        raise AuditError(problems([dict(one) for one in error.errors()], document.where)) from None
    wrong = list(_mistakes(read, document))
    if wrong:
        raise AuditError(wrong)
    return _telemetry(read, document)


def from_json(text: str) -> tuple[Query, Telemetry]:
    """The query that a sheet keeps (`telemetry.as_json`) again, with its sources.

    Raises:
        AuditError: it was kept by a program that knew other functions or fields.
    """
    value = json.loads(text)
    value["sources"] = value["sources"] or [{"name": "none", "title": "-", "missing": "-"}]
    telemetry = read_telemetry("definition", json.dumps(value, ensure_ascii=False))
    return next(iter(telemetry.queries.values())), telemetry


def _mistakes(read: _File, document: Document) -> Iterator[Problem]:
    known = {one.name for one in read.sources}
    for kind_, some in (("sources", read.sources), ("queries", read.queries)):
        yield from _twice(kind_, [one.name for one in some], document)
    for at, source in enumerate(read.sources):
        if sum(one is not None for one in (source.query, source.record, source.missing)) != 1:
            what = _("query、record、missing のどれか一つを書いてください。")
            yield Problem(f"{document.where(('sources', at))} sources[{at + 1}]", what)
    for at, query in enumerate(read.queries):
        for place, what in _of_query(query, known):
            yield Problem(f"{document.where(('queries', at, *place))} {query.name}", what)


def _twice(kind_: str, names: Sequence[str], document: Document) -> Iterator[Problem]:
    for at, name in enumerate(names):
        if name in names[:at]:
            what = _("「{name}」が二度書かれています。").format(name=name)
            yield Problem(f"{document.where((kind_, at, 'name'))} {kind_}[{at + 1}].name", what)


def _of_query(query: _Query, known: set[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What does not fit together in a query: where, and what."""
    if query.missing is not None:
        if query.figures or query.function or query.table:
            yield ("missing",), _("missing を書くものに、figures、function、table は書けません。")
        return
    if not query.figures:
        yield (), _("figures が必要です(答えられないものは missing に理由を書きます)。")
    if query.counts is None or query.not_shown is None:
        yield (), _("counts(何を数えるか)と not_shown(分からないこと)が必要です。")
    if query.function is not None and query.function not in FUNCTIONS:
        yield (
            ("function",),
            _("関数「{name}」はありません。あるもの: {known}").format(name=query.function, known=", ".join(FUNCTIONS)),
        )
    for name in set(query.options) - OPTIONS.get(query.function or "", frozenset()):
        yield ("options", name), _("この関数に「{name}」という設定はありません。").format(name=name)
    titles = [one.title for one in query.figures]
    for at, figure in enumerate(query.figures):
        place = ("figures", at)
        if figure.title in titles[:at]:
            yield place, _("「{name}」が二度書かれています。").format(name=figure.title)
        if (figure.query is None) == (figure.value is None):
            yield place, _("query か value のどちらか一つを書いてください。")
        given = FUNCTIONS.get(query.function or "", frozenset())
        if figure.value is not None and figure.value not in given:
            yield (
                place,
                _("「{name}」という値はありません。あるもの: {known}").format(
                    name=figure.value, known=", ".join(sorted(given)) or "—"
                ),
            )
        if not (figure.needs or query.needs):
            yield place, _("needs(必要な情報源)が必要です。")
        for name in set(figure.needs) - known:
            yield (*place, "needs"), _("情報源「{name}」は sources にありません。").format(name=name)
    for name in set(query.needs) - known:
        yield ("needs",), _("情報源「{name}」は sources にありません。").format(name=name)
    if query.table is not None and bool(query.table.by) == bool(query.table.show):
        yield ("table",), _("by か show のどちらか一つを書いてください。")


def _telemetry(read: _File, document: Document) -> Telemetry:
    sources = {
        one.name: Source(
            one.name,
            one.title,
            one.query or "",
            Within(one.within),
            Record(one.record) if one.record else None,
            one.missing or "",
        )
        for one in read.sources
    }
    queries = {one.name: _query(one, document.where(("queries", at))) for at, one in enumerate(read.queries)}
    return Telemetry(queries, sources)


def _query(one: _Query, where: str) -> Query:
    return Query(
        name=one.name,
        title=one.title,
        counts=one.counts or "",
        within=Within(one.within),
        needs=tuple(one.needs),
        figures=tuple(_figure(figure) for figure in one.figures),
        table=Table(one.table.query, tuple(one.table.by), tuple(one.table.show)) if one.table else None,
        function=one.function or "",
        options={key: tuple(value) if isinstance(value, list) else value for key, value in one.options.items()},
        caveats=tuple(one.caveats),
        not_shown=one.not_shown or "",
        missing=one.missing or "",
        where=where,
    )


def _figure(one: _Figure) -> Figure:
    return Figure(
        one.title, one.query or "", tuple(one.distinct), one.value or "", tuple(one.needs), one.last or "", one.per_zone
    )
