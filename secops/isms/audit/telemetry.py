"""Telemetry as evidence: what a query over events and alerts is, and the sheet that its answer makes.

A sheet helps the auditor and judges nothing. Its first rule: a figure is None exactly where a source that it needs did
not exist or was silent in the whole time that it looks at. Nothing is ever counted as zero because nobody could see it.
A figure that cannot be reckoned although all sources are there (a median of no alerts) is left out, and said.

A sheet is a paper of the ward: its words are Japanese whatever language the screen has, so that it can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from secops.errors import Problem
from secops.isms.audit.evidence_text import sealed
from secops.isms.audit.model import Catalogue
from secops.isms.audit.round import EvidenceSheet, SourceDays, Unit
from secops.locale import _
from secops.schema.dates import JST, parse_duration

MAX_ROWS = 50
NOTE = "この票は監査人の参考であり、判定ではありません。"
Value = int | float


class Within(StrEnum):
    """Whose events a question is about."""

    DEPARTMENT = "department"  # labelled as the department's: its hosts, addresses and people
    PEOPLE = "people"  # these, and whatever its people's accounts did elsewhere
    WARD = "ward"  # all that the reader may see


class Record(StrEnum):
    """What the program itself keeps: a source without days."""

    INVENTORY = "inventory"
    STAFF = "staff"
    HISTORY = "history"
    FLOWS = "flows"
    JOURNAL = "journal"
    EXCEPTIONS = "exceptions"


# Function → the values that it gives. The functions themselves ask ports, so they are in `secops.wiring`.
FUNCTIONS: Mapping[str, frozenset[str]] = {
    "coverage": frozenset({"registered", "seen", "silent", "percent"}),
    "gaps": frozenset({"datasets", "days_without", "longest_hours"}),
    "alert_times": frozenset(
        {"alerts", "acknowledged", "ack_median", "ack_worst", "closed", "close_median", "waiting", "overdue"}
    ),
    "alerts_by_rule": frozenset({"alerts", "open", "rules"}),
    "cases": frozenset({"cases", "ack_median", "open"}),
    "accounts_without": frozenset({"accounts", "used", "unused"}),
    "strangers": frozenset({"accounts", "events"}),
    "shared": frozenset({"many_hosts", "several_people"}),
    "leavers": frozenset({"people", "events"}),
    "flows": frozenset({"registered", "used", "unused", "events", "expired"}),
    "chain": frozenset({"segments", "sealed", "problems"}),
    "exceptions": frozenset({"open", "expired", "used"}),
}
OPTIONS: Mapping[str, frozenset[str]] = {
    "alert_times": frozenset({"days"}),
    "accounts_without": frozenset({"query", "field"}),
    "strangers": frozenset({"query"}),
    "shared": frozenset({"query", "hosts"}),
    "leavers": frozenset({"query"}),
    "flows": frozenset({"kinds", "verdict"}),
}


# What is asked of people, whom a system does not have; what is of a unit's hosts though all of the ward is searched.
OF_PEOPLE = frozenset({"accounts_without", "leavers"})
OF_PEOPLE_VALUES = frozenset({"several_people"})
OF_HOSTS = frozenset({"coverage", "alert_times", "alerts_by_rule", "cases", "exceptions"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from: events that a search finds, a record of the program, or (``missing``) nothing yet.

    Events are looked for among those of the department, or (`Within.WARD`) of the whole ward: that a firewall was
    silent is not seen by a department that sent nothing through it.
    """

    name: str
    title: str
    query: str = ""
    within: Within = Within.DEPARTMENT
    record: Record | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: how many events a search finds, or how many different values they have in some columns.

    ``value`` instead names what the query's function gives. ``needs`` are sources, empty: those of the query. ``last``
    looks only at the end of the period (``7d``). ``per_zone``: one number for each zone of the department's hosts.
    """

    title: str
    query: str = ""
    distinct: tuple[str, ...] = ()
    value: str = ""
    needs: tuple[str, ...] = ()
    last: str = ""
    per_zone: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The rows beside the numbers: counts by the values of columns (``by``), or the newest events (``show``)."""

    query: str
    by: tuple[str, ...] = ()
    show: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """A query over events and alerts, as ``audits/telemetry.yml`` has it.

    ``counts`` says what is counted, ``not_shown`` what it cannot show; ``missing`` why it cannot be answered yet.
    """

    name: str
    title: str
    counts: str = ""
    within: Within = Within.DEPARTMENT
    needs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    table: Table | None = None
    function: str = ""
    options: Mapping[str, str | int | tuple[str, ...]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    not_shown: str = ""
    missing: str = ""
    where: str = ""

    def needed(self, figure: Figure) -> tuple[str, ...]:
        """The sources of a figure."""
        return figure.needs or self.needs

    @property
    def sources(self) -> tuple[str, ...]:
        """All sources of the query, each once."""
        named = (*self.needs, *(one for figure in self.figures for one in figure.needs))
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True)
class Telemetry:
    """All queries and their sources, by name, in the order of the file."""

    queries: Mapping[str, Query]
    sources: Mapping[str, Source]

    def used(self, query: Query) -> dict[str, Source]:
        """The sources of a query."""
        return {name: self.sources[name] for name in query.sources}


@dataclass(frozen=True, slots=True)
class Presence:
    """When something came from a source: days in Japan, by zone (``""`` is anywhere). A record is there or not.

    ``told`` is false for a record that is not there; ``why`` says why.
    """

    days: Mapping[str, frozenset[date]] = field(default_factory=dict)
    record: bool = False
    told: bool = False
    why: str = ""

    def there(self, since: date | None = None, zone: str = "") -> bool:
        """Whether anything came, since a day, in a zone."""
        if self.record:
            return self.told
        return any(since is None or day >= since for day in self.days.get(zone, ()))


@dataclass(frozen=True, slots=True)
class Answers:
    """What the stores answered: values by figure title and zone, the search behind each title, rows and remarks."""

    values: Mapping[tuple[str, str], Value]
    asked: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Mapping[str, str]] = ()
    rows_total: int = 0
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sheet is made for. ``labels`` are the zones of the unit's hosts with their words on screens.

    ``zones``: only events of these may be seen by whoever makes it; None is all. ``hosts`` says whether any host of the
    unit is known: of a system without one nothing can be counted.
    """

    unit: Unit
    department: str
    period: tuple[datetime, datetime]
    labels: Mapping[str, str] = field(default_factory=dict)
    items: tuple[str, ...] = ()
    zones: frozenset[str] | None = None
    by: str = ""
    system: str = ""
    hosts: bool = True


def days_of(period: tuple[datetime, datetime]) -> int:
    """How many days in Japan a period touches."""
    since, until = (moment.astimezone(JST) for moment in period)
    last = (until - timedelta(microseconds=1)).date()
    return (last - since.date()).days + 1


def begin_of(figure: Figure, period: tuple[datetime, datetime]) -> datetime:
    """Where the time begins that a figure looks at: days are whole ones of Japan."""
    since, until = period
    if not figure.last:
        return since
    begin = (until - parse_duration(figure.last)).astimezone(JST)
    return max(since, begin.replace(hour=0, minute=0, second=0, microsecond=0))


def cells(query: Query, wanted: Wanted) -> Iterator[tuple[Figure, str, str]]:
    """Every number of a sheet: its figure, its zone (or ``""``) and its title."""
    for figure in query.figures:
        if not figure.per_zone or not wanted.labels:
            yield figure, "", figure.title
            continue
        for zone, label in wanted.labels.items():
            yield figure, zone, f"{figure.title}({label})"


def absent(
    query: Query, figure: Figure, zone: str, presence: Mapping[str, Presence], period: tuple[datetime, datetime]
) -> list[str]:
    """The needed sources from which nothing came in the time, and zone, that a figure looks at."""
    since = begin_of(figure, period).astimezone(JST).date() if figure.last else None
    return [name for name in query.needed(figure) if not presence[name].there(since, zone)]


def beyond(query: Query, figure: Figure, wanted: Wanted) -> str:
    """Why a figure cannot be told of a system although its sources are there; "" where it can."""
    if not wanted.unit.system:
        return ""
    if query.function in OF_PEOPLE or figure.value in OF_PEOPLE_VALUES:
        return f"「{figure.title}」は職員についての数値です。情報システムではなく、課の票で見てください。"
    own = query.within is not Within.WARD or query.function in OF_HOSTS
    own = own or (query.function == "flows" and "kinds" not in query.options)
    if own and not wanted.hosts:
        return (
            f"情報システムの台帳で、「{wanted.system}」のホスト(機器名かアドレス)が分かりません。"
            "台帳に入れてから作り直してください。"
        )
    return ""


def countable(query: Query, wanted: Wanted, presence: Mapping[str, Presence]) -> list[tuple[Figure, str, str]]:
    """The numbers of a sheet (figure, zone, title) that can be told."""
    return [
        (figure, zone, title)
        for figure, zone, title in cells(query, wanted)
        if not beyond(query, figure, wanted) and not absent(query, figure, zone, presence, wanted.period)
    ]


def make_sheet(
    query: Query,
    telemetry: Telemetry,
    wanted: Wanted,
    answers: Answers,
    presence: Mapping[str, Presence],
    made_at: datetime,
) -> EvidenceSheet:
    """The sheet of a query; see the module for when a figure is None."""
    figures, partly, unreckoned = _reckoned(query, telemetry, wanted, answers, presence)
    sources = tuple(_source_days(telemetry.sources[name], presence[name], wanted.period) for name in query.sources)
    known = any(value is not None for value in figures.values())
    return sealed(
        EvidenceSheet(
            name=query.name,
            title=query.title,
            unit=wanted.unit,
            period=wanted.period,
            made_at=made_at,
            query=_main(query, answers),
            figures=figures,
            rows=tuple(answers.rows[:MAX_ROWS]) if known else (),
            missing=(*_missing(query, sources), *partly),
            items=wanted.items,
            department=wanted.department,
            rows_total=answers.rows_total if known else 0,
            sources=sources,
            notes=(*_notes(query, answers, unreckoned), NOTE),
            asked=dict(answers.asked),
            definition=as_json(query, telemetry.used(query)),
            zones=None if wanted.zones is None else tuple(sorted(wanted.zones)),
            made_by=wanted.by,
            system=wanted.system,
        )
    )


def _reckoned(
    query: Query, telemetry: Telemetry, wanted: Wanted, answers: Answers, presence: Mapping[str, Presence]
) -> tuple[dict[str, Value | None], dict[str, None], list[str]]:
    """The figures, what is missing for one of them alone, and the titles of those that could not be reckoned."""
    figures: dict[str, Value | None] = {query.title: None} if query.missing else {}
    partly: dict[str, None] = {}
    unreckoned: list[str] = []
    for figure, zone, title in cells(query, wanted):
        if why := beyond(query, figure, wanted):
            figures[title] = None
            partly |= {why: None}
        elif gone := absent(query, figure, zone, presence, wanted.period):
            figures[title] = None
            partly |= dict.fromkeys(_partly(gone, telemetry, presence, title))
        elif (value := answers.values.get((figure.title, zone))) is not None:
            figures[title] = value
        else:
            unreckoned.append(title)
    return figures, partly, unreckoned


def _notes(query: Query, answers: Answers, unreckoned: Sequence[str]) -> Iterator[str]:
    yield from (*query.caveats, *answers.notes)
    if unreckoned:
        yield "計算できる対象がなく、値のないもの: {titles}".format(titles="、".join(unreckoned))
    if query.not_shown:
        yield f"この票では分からないこと: {query.not_shown}"


def _main(query: Query, answers: Answers) -> str:
    if answers.asked:
        return next(iter(answers.asked.values()))
    return f"{query.function}()" if query.function else ""


def _source_days(source: Source, found: Presence, period: tuple[datetime, datetime]) -> SourceDays:
    days = None if found.record else len(found.days.get("", ()))
    return SourceDays(source.name, source.title, found.there(), days, days_of(period), source.missing or found.why)


def _missing(query: Query, sources: Iterable[SourceDays]) -> Iterator[str]:
    if query.missing:
        yield query.missing
    for one in sources:
        if one.there:
            continue
        if one.why:
            yield f"{one.title}: {one.why}"
        else:
            yield f"{one.title}: この期間の記録が 1 件もありません。"


def _partly(gone: Iterable[str], telemetry: Telemetry, presence: Mapping[str, Presence], title: str) -> Iterator[str]:
    """What is missing only for one figure: in its zone, or in the short time that it looks at."""
    text = "{title}: 「{figure}」が見る系統・期間の記録がありません。"
    for name in gone:
        if presence[name].there():
            yield text.format(title=telemetry.sources[name].title, figure=title)


def as_json(query: Query, sources: Mapping[str, Source]) -> str:
    """A query with its sources in the shape of the file, without what is empty: what a sheet keeps to be made again."""
    said = {"sources": [_said(one) for one in sources.values()], "queries": [_said(query)]}
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _said(one: Query | Source) -> dict[str, Any]:
    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(part) for key, part in value.items() if part not in (None, "", (), {}, False)}
        return [kept(part) for part in value] if isinstance(value, tuple) else value

    said = asdict(one)
    said.pop("where", None)
    found: dict[str, Any] = kept(said)
    return found


def unknown_names(catalogue: Catalogue, names: Collection[str]) -> list[Problem]:
    """Items of the catalogue that name a query that there is not."""
    known = ", ".join(sorted(names))
    text = _("「{name}」という照会は telemetry.yml にありません。あるもの: {known}")
    return [
        Problem(f"{item.where} {item.id}.telemetry", text.format(name=name, known=known))
        for item in catalogue.items
        for name in item.telemetry
        if name not in names
    ]


def items_of(catalogue: Catalogue, query: str) -> tuple[str, ...]:
    """The items that a query helps with."""
    return tuple(item.id for item in catalogue.items if query in item.telemetry)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is another one when the sheet is made again."""

    title: str
    before: Value | None
    now: Value | None


def differences(before: EvidenceSheet, now: EvidenceSheet) -> list[Difference]:
    """What differs in the figures; a title that is in one of them only counts too."""
    titles = dict.fromkeys([*before.figures, *now.figures])
    pairs = ((title, before.figures.get(title), now.figures.get(title)) for title in titles)
    return [
        Difference(*one) for one in pairs if one[1] != one[2] or (one[0] in before.figures) != (one[0] in now.figures)
    ]
