"""What statements of the lake are made of: conditions of time and scope, and the files that can hold the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from secops.schema.text import fold
from secops.siem.ports import Place, Scope, Span
from secops.store.events.sql import Condition
from secops.store.events.table import DataFile

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def overlapping(files: Iterable[DataFile], span: Span, met: frozenset[str] | None = None) -> list[DataFile]:
    """The files whose time range meets the span, and whose dataset is one of those ``met``."""
    return [
        file
        for file in files
        if (span.since is None or file.last_time >= span.since)
        and (span.until is None or file.first_time < span.until)
        and (met is None or not file.dataset or fold(file.dataset) in met)
    ]


def received_in(files: Iterable[DataFile], span: Span) -> list[DataFile]:
    """The files with events that may have been received in the span."""
    return [
        file
        for file in files
        if (span.since is None or file.last_received >= span.since)
        and (span.until is None or file.first_received < span.until)
    ]


def wholly_in(file: DataFile, span: Span) -> bool:
    """Whether the span holds all events of a file, so that it says nothing about them."""
    return (span.since is None or file.first_time >= span.since) and (span.until is None or file.last_time < span.until)


def holding_the_page(
    files: Iterable[DataFile], counts: Mapping[str, int], rows: int, after: Place | None, *, newest_first: bool
) -> list[DataFile]:
    """The files that can hold the first so many rows behind a place, by how many rows of each match.

    Files are taken in the order of their nearest row until enough rows are sure to be in them; then only a file that
    reaches into their time can have one of the first rows.
    """
    there = _ordinal(after.time, newest_first) if after else None
    reach = {
        file: sorted(_ordinal(time, newest_first) for time in (file.first_time, file.last_time))
        for file in files
        if counts.get(file.path)
    }
    chosen: list[DataFile] = []
    sure, end = 0, 0
    for file, (begin, last) in sorted(reach.items(), key=lambda one: one[1]):
        if there is not None and last < there:
            continue
        if sure >= rows and begin > end:
            break
        chosen.append(file)
        end = last if len(chosen) == 1 else max(end, last)
        sure += counts[file.path] if there is None or begin > there else 0
    return chosen


def _ordinal(time: datetime, newest_first: bool) -> int:
    """A number by which times are in the order of the search."""
    microseconds = (time - EPOCH) // timedelta(microseconds=1)
    return -microseconds if newest_first else microseconds


def inside(condition: Condition, span: Span, column: str = "@timestamp") -> list[str]:
    """That a time lies in the span."""
    where = []
    if span.since is not None:
        where.append(f'"{column}" >= {moment(condition, span.since)}')
    if span.until is not None:
        where.append(f'"{column}" < {moment(condition, span.until)}')
    return where


def moment(condition: Condition, time: datetime) -> str:
    """A time as a value of a statement."""
    return f"{condition.bind(time.isoformat())}::TIMESTAMPTZ"


def behind(condition: Condition, place: Place, newest_first: bool) -> str:
    """What stands behind a place in the order of the search."""
    sign = "<" if newest_first else ">"
    time, id_ = moment(condition, place.time), condition.bind(place.id)
    return f"""WHERE "@timestamp" {sign} {time} OR ("@timestamp" = {time} AND "event.id" {sign} {id_})"""


def visible(condition: Condition, scope: Scope) -> list[str]:
    """What the user may see; an event without a zone or department is seen only by those who see all."""
    where = []
    for column, allowed in (("labels.zone", scope.zones), ("labels.department", scope.departments)):
        if allowed is not None:
            where.append(f'coalesce(list_contains({condition.bind(sorted(allowed))}::VARCHAR[], "{column}"), false)')
    return where


def all_of(where: Sequence[str]) -> str:
    """Conditions joined; without any, what is always true."""
    return " AND ".join(where) or "true"
