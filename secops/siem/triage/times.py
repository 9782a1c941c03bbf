"""How long alerts take: from opening to the first answer and to the closing, by zone and by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from secops.siem.ports import Lengths, Took

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def times(found: Lengths, zones: Sequence[str], now: datetime) -> Times:
    """The table of these alerts; zones in the order given, others behind them by name."""
    parts: dict[tuple[str, str], list[Took]] = {}
    for row in found.rows:
        parts.setdefault((row[0], row[1]), []).append(row)
    all_parts = _Part()
    by_zone = {zone: _Part() for zone in zones}
    by_rule: dict[str, _Part] = {}
    for (zone, rule_id), rows in parts.items():
        part = _Part.of(rows)
        for whole in (all_parts, by_zone.setdefault(zone, _Part()), by_rule.setdefault(rule_id, _Part())):
            whole.add(part)
    others = sorted(by_zone.keys() - set(zones))
    rules = [
        _line(rule_id, found.titles.get(rule_id, "") if rule_id else "", part, now) for rule_id, part in by_rule.items()
    ]
    return Times(
        _line("", "", all_parts, now),
        [_line(zone, "", by_zone[zone], now) for zone in (*zones, *others) if by_zone[zone].total],
        sorted(rules, key=_slowest),
    )


def _slowest(line: Line) -> tuple[timedelta, int, str]:
    spent = line.closed
    length = spent.oldest if spent.median is None else spent.median  # closed at once is a time as well
    return (-(length or timedelta()), -line.total, line.name)


@dataclass(slots=True)
class _Way:
    """How long some alerts took to one moment: runs of lengths, the longest with its alert, who is not there yet."""

    runs: list[int] = field(default_factory=list)
    worst: tuple[int, int] | None = None
    waiting: int = 0
    oldest: tuple[int, int] | None = None  # minus the moment of opening, and the alert

    @classmethod
    def of(cls, rows: Sequence[Took], lengths: Sequence[int | None]) -> _Way:
        done = sorted(length for length in lengths if length is not None)
        left = [(-row[2], row[5]) for row, length in zip(rows, lengths, strict=True) if length is None]
        most = [row[5] for row, length in zip(rows, lengths, strict=True) if length == done[-1]] if done else []
        return cls(done, (done[-1], max(most)) if done else None, len(left), max(left, default=None))

    def add(self, other: _Way) -> None:
        self.runs += other.runs
        self.worst = max(filter(None, (self.worst, other.worst)), default=None)
        self.waiting += other.waiting
        self.oldest = max(filter(None, (self.oldest, other.oldest)), default=None)

    def spent(self, now: datetime) -> Spent:
        self.runs.sort()  # runs that are in order already, which costs little more than looking at them
        middle = timedelta(microseconds=round(median(self.runs))) if self.runs else None
        worst, worst_id = (timedelta(microseconds=self.worst[0]), self.worst[1]) if self.worst else (None, None)
        oldest, oldest_id = (_since(-self.oldest[0], now), self.oldest[1]) if self.oldest else (None, None)
        return Spent(len(self.runs), middle, worst, worst_id, self.waiting, oldest, oldest_id)


@dataclass(slots=True)
class _Part:
    """Some alerts: how many, and both ways."""

    total: int = 0
    acknowledged: _Way = field(default_factory=_Way)
    closed: _Way = field(default_factory=_Way)

    @classmethod
    def of(cls, rows: Sequence[Took]) -> _Part:
        return cls(len(rows), _Way.of(rows, [row[3] for row in rows]), _Way.of(rows, [row[4] for row in rows]))

    def add(self, other: _Part) -> None:
        self.total += other.total
        self.acknowledged.add(other.acknowledged)
        self.closed.add(other.closed)


def _line(name: str, title: str, part: _Part, now: datetime) -> Line:
    return Line(name, title, part.total, part.acknowledged.spent(now), part.closed.spent(now))


def _since(microseconds: int, now: datetime) -> timedelta:
    return now - (EPOCH + timedelta(microseconds=microseconds))


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
