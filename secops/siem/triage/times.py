"""How long alerts take: from opening to the first answer and to the closing, by zone and by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from secops.siem.ports import Handled


@dataclass(frozen=True, slots=True)
class Spent:
    """Times to one of the two moments: how many alerts have it, the median, the worst and which alert that is.

    ``waiting`` alerts have not come so far, the ``oldest`` of them since then: they are counted apart, since to leave
    them out would make a desk look fast that answers nothing.
    """

    count: int
    median: timedelta | None
    worst: timedelta | None
    worst_id: int | None
    waiting: int
    oldest: timedelta | None
    oldest_id: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: ``name`` is a zone, a rule id, or empty for all."""

    name: str
    title: str
    total: int
    acknowledged: Spent
    closed: Spent


@dataclass(frozen=True, slots=True)
class Times:
    """The whole table; rules with the longest median first."""

    all: Line
    zones: Sequence[Line]
    rules: Sequence[Line]


def times(found: Sequence[Handled], zones: Sequence[str], now: datetime) -> Times:
    """The table of these alerts; zones in the order given, others behind them by name."""
    others = sorted({one.zone for one in found} - set(zones))
    by_zone = [(zone, [one for one in found if one.zone == zone]) for zone in (*zones, *others)]
    by_rule: dict[str, list[Handled]] = {}
    for one in found:
        by_rule.setdefault(one.rule_id, []).append(one)
    rules = [_line(rule_id, some[0].title if rule_id else "", some, now) for rule_id, some in by_rule.items()]
    return Times(
        _line("", "", found, now),
        [_line(zone, "", some, now) for zone, some in by_zone if some],
        sorted(rules, key=_slowest),
    )


def _slowest(line: Line) -> tuple[timedelta, int, str]:
    spent = line.closed
    length = spent.oldest if spent.median is None else spent.median  # closed at once is a time as well
    return (-(length or timedelta()), -line.total, line.name)


def _line(name: str, title: str, found: Sequence[Handled], now: datetime) -> Line:
    acknowledged = _spent(found, lambda one: one.acknowledged, now)
    return Line(name, title, len(found), acknowledged, _spent(found, lambda one: one.closed, now))


def _spent(found: Iterable[Handled], moment: Callable[[Handled], datetime | None], now: datetime) -> Spent:
    done: list[tuple[timedelta, int]] = []
    waiting: list[tuple[timedelta, int]] = []
    for one in found:
        at = moment(one)
        (waiting if at is None else done).append(((at or now) - one.opened, one.id))
    worst, worst_id = max(done, default=(None, None))
    oldest, oldest_id = max(waiting, default=(None, None))
    middle = timedelta(seconds=median(length.total_seconds() for length, _id in done)) if done else None
    return Spent(len(done), middle, worst, worst_id, len(waiting), oldest, oldest_id)


def as_plain(table: Times) -> dict[str, object]:
    """The table as JSON shows it: lengths in seconds."""

    def spent(one: Spent) -> dict[str, object]:
        return {
            "count": one.count,
            "median_seconds": _seconds(one.median),
            "worst_seconds": _seconds(one.worst),
            "worst_alert": one.worst_id,
            "waiting": one.waiting,
            "oldest_waiting_seconds": _seconds(one.oldest),
            "oldest_waiting_alert": one.oldest_id,
        }

    def line(one: Line) -> dict[str, object]:
        name = {"name": one.name, "title": one.title} if one.title else {"name": one.name}
        return {**name, "total": one.total, "acknowledged": spent(one.acknowledged), "closed": spent(one.closed)}

    return {"all": line(table.all), "zones": [*map(line, table.zones)], "rules": [*map(line, table.rules)]}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
