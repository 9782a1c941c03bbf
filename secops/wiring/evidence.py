"""Makes evidence sheets: asks the stores what a query of ``audits/telemetry.yml`` says, and makes a sheet of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secops.errors import NotFoundError, QueryError, SecopsError, UsageError
from secops.isms.audit.round import EvidenceSheet
from secops.isms.audit.telemetry import (
    MAX_ROWS,
    Answers,
    Difference,
    Figure,
    Presence,
    Query,
    Telemetry,
    Value,
    Wanted,
    Within,
    begin_of,
    countable,
    differences,
    make_sheet,
)
from secops.isms.audit.telemetry_file import from_json
from secops.locale import _
from secops.org.model import Department, Directory, System
from secops.query import write
from secops.schema.dates import screen
from secops.schema.text import fold
from secops.siem.ports import Scope
from secops.wiring.evidence_asking import MAX_GROUPS, NAMED, SPELLED, UNLABELLED, Ahead, Asking, Ports
from secops.wiring.evidence_functions import FUNCTIONS, Result, coming

LONGEST = timedelta(days=400)
# The columns of rows in words, as they stand on the sheet.
COLUMNS: Mapping[str, str] = {
    "@timestamp": "時刻",
    "host.name": "端末",
    "user.name": "利用者",
    "user.target.name": "対象のアカウント",
    "user.group.name": "所属",
    "group.name": "グループ",
    "source.ip": "通信元",
    "destination.ip": "通信先",
    "source.bytes": "送信量(バイト)",
    "event.action": "操作",
    "event.code": "イベント番号",
    "device.serial_number": "製造番号",
    "device.model.name": "機器の名前",
    "labels.device": "機器",
    "labels.flow": "系統間",
    "labels.flow_verdict": "判定",
    "labels.source_zone": "系統",
    "url.domain": "ドメイン",
    "url.full": "URL",
    "rule.category": "分類",
    "service.name": "サービス",
    "process.name": "プログラム",
    "file.name": "ファイル",
}


@dataclass(frozen=True, slots=True)
class Made:
    """The sheets of a run, and what could not be asked: query → why."""

    sheets: Sequence[EvidenceSheet]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verified:
    """A sheet made again now: what differs. None of it was kept."""

    again: EvidenceSheet
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Period:
    """The time that sheets are about, from a moment to a moment, for a department or for a system.

    Both are codes or names. Of a system the department need not be given: it is the one that the register names.
    """

    department: str
    since: datetime
    until: datetime
    system: str = ""


class EvidenceRoom:
    """Makes sheets for whoever may see evidence; what they may not see is not asked for."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def make(
        self,
        queries: Sequence[tuple[Query, tuple[str, ...]]],
        telemetry: Telemetry,
        period: Period,
        scope: Scope,
        by: str,
        progress: Callable[[int, int], None] | None = None,
    ) -> Made:
        """A sheet for each query (with the items that it helps with), for a unit and a period.

        ``progress`` is told how many steps of how many are done.

        Raises:
            UsageError: the period is empty, in the future or longer than `LONGEST`.
            NotFoundError: no such department or system, or the reader may not see it.
        """
        asking = self._asking(period, scope)
        tell = progress or (lambda _done, _total: None)
        steps = len(queries) + 2
        tell(0, steps)
        asking.ahead(_opening(asking, [query for query, _items in queries]))
        asking.ahead(_of_sources([query for query, _items in queries], telemetry, asking))
        tell(1, steps)
        asking.ahead(one for query, _items in queries for one in self._coming(query, telemetry, asking))
        tell(2, steps)
        sheets: list[EvidenceSheet] = []
        failed: dict[str, str] = {}
        for at, (query, items) in enumerate(queries, 3):
            try:
                sheets.append(self._sheet(query, telemetry, asking, items, by))
            except (QueryError, SecopsError) as error:  # the others can be made all the same
                failed[query.name] = str(error)
            tell(at, steps)
        return Made(sheets, failed)

    def again(self, sheet: EvidenceSheet, scope: Scope) -> Verified:
        """Make a sheet again as its definition says, over the same period, and compare.

        Raises:
            NotFoundError: the department is gone, or the reader may not see it.
            AuditError: the sheet was made by a program with other functions.
        """
        query, telemetry = from_json(sheet.definition)
        zones = None if sheet.zones is None else frozenset(sheet.zones)
        same = Scope(zones, scope.departments)  # what was seen then, as far as this reader sees it too
        if zones is None and scope.zones is not None:
            raise NotFoundError(_("この票は全系統で作られているため、見られる系統が限られた人は作り直せません。"))
        asking = self._asking(Period(sheet.unit.department, *sheet.period, sheet.unit.system), same)
        made = self._sheet(query, telemetry, asking, sheet.items, sheet.made_by)
        return Verified(made, differences(sheet, made))

    def standing(self, telemetry: Telemetry, since: datetime, until: datetime, scope: Scope) -> dict[str, bool]:
        """Source → whether anything came from it in a time, anywhere that the reader may see."""
        nobody = Department("", "")
        asking = Asking(self._ports, nobody, since, until, scope)
        return {
            name: asking.presence(replace(one, within=Within.WARD)).there() for name, one in telemetry.sources.items()
        }

    def systems(self, scope: Scope) -> list[System]:
        """The systems that somebody may ask about: those of their departments that are not given up."""
        directory = self._ports.inventories.at(self._ports.now())
        mine = {one.code for one in self.departments(scope)}
        return [one for one in directory.systems if one.department in mine and one.state != "retired"]

    def departments(self, scope: Scope) -> list[Department]:
        """The 課 that somebody may ask about."""
        known = self._ports.inventories.at(self._ports.now()).departments
        allowed = scope.departments
        return [one for one in known if one.level == "ka" and (allowed is None or one.name in allowed)]

    # ------------------------------------------------------------------------------------------------- helpers

    def _asking(self, period: Period, scope: Scope) -> Asking:
        now = self._ports.now()
        until = min(period.until, now)
        if period.since >= until:
            raise UsageError(_("期間が空です。始まりを、終わりと現在より前にしてください。"))
        if until - period.since > LONGEST:
            raise UsageError(_("期間は {most} 日までにしてください。").format(most=LONGEST.days))
        directory = self._ports.inventories.at(until)
        system = _system(directory, period) if period.system else None
        department = _department(directory, system.department if system else period.department)
        if department is None or (scope.departments is not None and department.name not in scope.departments):
            known = "、".join(f"{one.code} {one.name}" for one in self.departments(scope)[:20])
            text = _("「{name}」という課はありません。あるもの: {known}")
            raise NotFoundError(text.format(name=period.department, known=known or "—"))
        return Asking(self._ports, department, period.since, until, scope, system)

    def _sheet(
        self, query: Query, telemetry: Telemetry, asking: Asking, items: tuple[str, ...], by: str
    ) -> EvidenceSheet:
        wanted = _wanted(asking, items, by)
        presence = _presence(query, telemetry, asking)
        answers = _answers(query, asking, countable(query, wanted, presence))
        return make_sheet(query, telemetry, wanted, answers, presence, self._ports.now())

    def _coming(self, query: Query, telemetry: Telemetry, asking: Asking) -> Iterator[Ahead]:
        """What a sheet is going to ask once it is known which sources are there."""
        there = countable(query, _wanted(asking, (), ""), _presence(query, telemetry, asking))
        for figure, zone, _title in there:
            if not figure.value:
                more = (write.term("labels.zone", zone),) if zone else ()
                since = begin_of(figure, (asking.since, asking.until))
                yield Ahead(figure.query, query.within, figure.distinct, since=since, more=more)
        if any(figure.value for figure, _zone, _title in there):
            yield from coming(query)
        if query.table is not None and there:
            yield Ahead(query.table.query, query.within, query.table.by, hours=not query.table.by)


def _opening(asking: Asking, queries: Sequence[Query]) -> Iterator[Ahead]:
    """How the unit's hosts and people are written in events: all else is asked by that."""
    yield Ahead(NAMED if asking.system else UNLABELLED, Within.WARD, ("host.name",))
    if asking.system is None and any(query.within is Within.PEOPLE for query in queries):
        yield Ahead(SPELLED, Within.WARD, ("user.name",))


def _of_sources(queries: Sequence[Query], telemetry: Telemetry, asking: Asking) -> Iterator[Ahead]:
    """Whether the sources of queries are there, and where a figure is told by zone, in each zone."""
    for query in queries:
        split = _split(query)
        for source in telemetry.used(query).values():
            if source.query:
                yield Ahead(source.query, source.within, hours=True)
            for zone in asking.zones() if source.query and source.name in split else ():
                yield Ahead(source.query, source.within, hours=True, more=(write.term("labels.zone", zone),))


def _split(query: Query) -> set[str]:
    """The sources of the figures that are told by zone."""
    return {name for figure in query.figures if figure.per_zone for name in query.needed(figure)}


def _presence(query: Query, telemetry: Telemetry, asking: Asking) -> dict[str, Presence]:
    split, zones = _split(query), tuple(asking.zones())
    return {name: asking.presence(telemetry.sources[name], zones if name in split else ()) for name in query.sources}


def _wanted(asking: Asking, items: tuple[str, ...], by: str) -> Wanted:
    return Wanted(
        unit=asking.unit,
        department=asking.department.name,
        period=(asking.since, asking.until),
        labels=asking.zones(),
        items=items,
        zones=asking.scope.zones,
        by=by,
        system=asking.system.name if asking.system else "",
        hosts=asking.system is None or bool(asking.system.hosts),
    )


def _answers(query: Query, asking: Asking, there: Sequence[tuple[Figure, str, str]]) -> Answers:
    """What the stores say to the figures whose sources are there."""
    values: dict[tuple[str, str], Value] = {}
    asked: dict[str, str] = {}
    notes: list[str] = []
    result = Result({})
    if query.function and any(figure.value for figure, _zone, _title in there):
        result = FUNCTIONS[query.function](asking, query)
    for figure, zone, title in there:
        if figure.value:
            found = result.zones.get(zone, {}).get(figure.value) if zone else result.values.get(figure.value)
            text = result.asked
        else:
            more = [write.term("labels.zone", zone)] if zone else []
            text = asking.text(figure.query, query.within, *more)
            found = _number(figure, asking, text, notes)
        if found is not None:
            values[figure.title, zone] = found
        if text:
            asked[title] = text
    rows: Sequence[Mapping[str, str]] = result.rows
    total = len(rows)
    if query.table is not None and there:
        rows, total = _rows(query, asking)
    if asking.scope.zones is not None:
        words = "、".join(asking.ports.zone_label(zone) for zone in sorted(asking.scope.zones)) or "—"
        notes.append(f"作成した人が見られる系統だけを数えました: {words}")
    oldest = asking.ports.store.stats().oldest
    if oldest is not None and oldest > asking.since:
        text = "検索用データに残っている最も古い記録は {at} のもので、それより前は分かりません。"
        notes.append(text.format(at=screen(oldest)))
    return Answers(values, asked, rows, total, [*result.notes, *notes, *asking.notes([query.within])])


def _number(figure: Figure, asking: Asking, text: str, notes: list[str]) -> int:
    since = begin_of(figure, (asking.since, asking.until))
    if not figure.distinct:
        return asking.count(text, since)
    groups = asking.tally(text, figure.distinct, since)
    if len(groups) > MAX_GROUPS:
        notes.append(f"「{figure.title}」は {MAX_GROUPS} より多いため、正確に数えていません。")
    return sum(None not in values for values, _count in groups)


def _rows(query: Query, asking: Asking) -> tuple[list[dict[str, str]], int]:
    """The rows of a query's table, and how many there are in all."""
    table = query.table
    assert table is not None
    text = asking.text(table.query, query.within)
    if table.by:
        groups = asking.tally(text, table.by)
        return [dict(_grouped(table.by, values, count)) for values, count in groups[:MAX_ROWS]], len(groups)
    found = asking.newest(text, MAX_ROWS)
    shown = ("@timestamp", *table.show)
    return [{_word(name): _cell(event.get(name)) for name in shown} for event in found.events], found.total


def _grouped(names: Sequence[str], values: Sequence[str | None], count: int) -> Iterator[tuple[str, str]]:
    for name, value in zip(names, values, strict=True):
        yield _word(name), "—" if value is None else _cell(value)
    yield "件数", str(count)


def _word(name: str) -> str:
    return COLUMNS.get(name, name)


def _cell(value: object) -> str:
    """A value of an event as a cell of a row: short, and nothing that has no UTF-8."""
    if isinstance(value, datetime):
        return screen(value)
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode()[:300]


def _department(directory: Directory, text: str) -> Department | None:
    """A department by code or name."""
    found = directory.department_by_code.get(text)
    return found or next((one for one in directory.departments if one.name == text), None)


def _system(directory: Directory, period: Period) -> System:
    """A system by code or name.

    Raises:
        NotFoundError: there is none, or it is another department's.
    """
    text = fold(period.system.strip())
    found = next((one for one in directory.systems if text in {fold(one.code), fold(one.name)}), None)
    if found is None:
        known = "、".join(f"{one.code} {one.name}" for one in directory.systems[:20])
        what = _("情報システム「{name}」は台帳にありません。あるもの: {known}")
        raise NotFoundError(what.format(name=period.system, known=known or "—"))
    owner = directory.department_by_code.get(found.department)
    if owner is None:
        what = _("情報システム「{name}」の主管課が台帳にありません。情報システムの台帳を直してください。")
        raise NotFoundError(what.format(name=found.name))
    if period.department and period.department not in {owner.code, owner.name}:
        what = _("情報システム「{name}」の主管課は {owner} です。課を {owner} にするか、指定しないでください。")
        raise NotFoundError(what.format(name=found.name, owner=owner.name))
    return found
