"""The morning page as values: what happened since the last working day's evening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from secops.schema.dates import JST
from secops.schema.holidays import is_office_day
from secops.schema.severity import Severity
from secops.siem.ports import Alert, Night, SourceStatus, Span
from secops.siem.triage.usual import Behaviour, Conduct

# The steps that `ReviewDesk.night` is asked for.
AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))


@dataclass(frozen=True, slots=True)
class ZoneNight:
    """A zone: alerts opened and closed in the span and open now, by severity, gravest first."""

    zone: str
    opened: Sequence[int]
    closed: Sequence[int]
    open: Sequence[int]


@dataclass(frozen=True, slots=True)
class Ages:
    """Open alerts of a zone by age: up to a day, to three, to seven, to thirty, older; and the oldest's age."""

    zone: str
    counts: Sequence[int]
    oldest: timedelta | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it behaved, with its status now."""

    name: str
    zone: str
    behaviour: Behaviour
    silent_now: bool
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Morning:
    """Everything on the page. ``program`` are the sentences about the program itself; ``levels`` name the columns."""

    since: datetime
    until: datetime
    levels: Sequence[Severity]
    zones: Sequence[ZoneNight]
    worst: Sequence[Alert]
    ages: Sequence[Ages]
    oldest: Sequence[Alert]
    unusual: Sequence[Source]
    usual: int
    unknown: Sequence[Source]
    program: Sequence[str]


def evening_before(now: datetime, day_ends: str) -> datetime:
    """The end of the last working day before today, in Japan: on a Monday that of Friday."""
    hour, minute = map(int, day_ends.split(":"))
    day = now.astimezone(JST).date() - timedelta(days=1)
    while not is_office_day(day):
        day -= timedelta(days=1)
    return datetime.combine(day, time(hour, minute), JST)


def morning(
    night: Night,
    behaved: Sequence[Behaviour],
    sources: Sequence[SourceStatus],
    zones: Sequence[str],
    span: Span,
    program: Sequence[str],
) -> Morning:
    """Put it together; zones in the order given, those of no zone last."""
    assert span.since is not None
    assert span.until is not None
    levels = sorted(Severity, reverse=True)
    found = {zone for zone, _level in (*night.opened, *night.closed)} | {one.zone for one in night.waiting}
    names = [*zones, *sorted(found - set(zones))]
    waiting: dict[tuple[str, Severity], int] = {}
    for one in night.waiting:
        waiting[one.zone, one.severity] = waiting.get((one.zone, one.severity), 0) + one.count
    status = {source.id: source for source in sources}
    seen = [_source(one, status[one.source]) for one in behaved if one.source in status]
    return Morning(
        since=span.since,
        until=span.until,
        levels=levels,
        zones=[
            ZoneNight(zone, *(_row(table, zone, levels) for table in (night.opened, night.closed, waiting)))
            for zone in names
        ],
        worst=night.worst,
        ages=[_ages(zone, night, span.until) for zone in names],
        oldest=night.oldest,
        unusual=[one for one in seen if _is_unusual(one)],
        usual=sum(one.behaviour.conduct is Conduct.USUAL and not one.silent_now for one in seen),
        unknown=[one for one in seen if one.behaviour.conduct is Conduct.UNKNOWN and not one.silent_now],
        program=program,
    )


def _is_unusual(one: Source) -> bool:
    return one.silent_now or one.behaviour.conduct not in {Conduct.USUAL, Conduct.UNKNOWN}


def _source(one: Behaviour, status: SourceStatus) -> Source:
    return Source(status.name, status.zone, one, status.silent, status.last_received)


def _row(table: Mapping[tuple[str, Severity], int], zone: str, levels: Sequence[Severity]) -> list[int]:
    return [table.get((zone, level), 0) for level in levels]


def _ages(zone: str, night: Night, now: datetime) -> Ages:
    here = [one for one in night.waiting if one.zone == zone]
    counts = [sum(one.count for one in here if one.age == age) for age in range(len(AGES) + 1)]
    oldest = min((one.oldest for one in here), default=None)
    return Ages(zone, counts, None if oldest is None else now - oldest)
