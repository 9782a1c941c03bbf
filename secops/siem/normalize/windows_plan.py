"""What is to be done with all Windows events of one shape, worked out once per shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from secops.schema import ecs
from secops.schema.aliases import ALIASES
from secops.schema.names import EXTRA, EXTRA_TEXT
from secops.siem.normalize import moments, values
from secops.siem.normalize import windows_registry as registry
from secops.siem.normalize import windows_tables as tables
from secops.siem.normalize.given import Want
from secops.siem.normalize.windows_shapes import BEAT, DATA, FLAT, NESTED, NESTED_SYSTEM, Key

# Columns that the table of meanings or the plan itself sets; a winlogbeat record's own values do not override them.
_OURS = frozenset({"@timestamp", "event.id", "event.sequence", "event.ingested", "event.original", "error.message"})
# What winlogbeat says itself under a name that the plan fills in the same way for all three spellings.
_BEAT_NAMES = {name: f"winlogbeat.{name}" for name in ("host.name", "host.hostname", "event.action", "event.provider")}
_BEAT_NAMES |= {name: f"winlogbeat.{name}" for name in ("event.kind", "event.module", "event.dataset", "host.os.type")}
# Columns of the same name that say in one spelling what the field said.
_REWRITTEN = frozenset({"log.level", "winlog.record_id"})
_DIGITS = re.compile(r"\d{4}")
_RELAY = "nxlog."  # the relay's own bookkeeping, no part of the event
_TIME = "time."  # spellings of the time stamp, all of which become @timestamp


CONVERSIONS = values.CONVERSIONS | registry.CONVERSIONS

Cells = Sequence[Sequence[Any]]
Times = Callable[[Cells], list[int | None]]


@dataclass(frozen=True, slots=True)
class Copy:
    """Field number ``index`` goes into ``column`` through a conversion; without one it is already what it must be."""

    index: int
    column: str
    convert: values.Memo | values.Plain | None


@dataclass(frozen=True, slots=True)
class Join:
    """A column that is made of two fields; the second, which not every shape has, may be None."""

    column: str
    convert: Callable[[Any, Any], Any]
    first: int
    second: int | None

    def all(self, cells: Cells) -> list[Any]:
        """The column."""
        seconds = [None] * len(cells[self.first]) if self.second is None else cells[self.second]
        return [self.convert(first, second) for first, second in zip(cells[self.first], seconds, strict=True)]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is the same for all events of a shape.

    ``pick`` takes the needed fields out of the row of an event (of a flat one, ``sources`` are their names) and
    ``pick_extra`` those that go into EXTRA under ``extra_names``; what follows
    them numbers the fields as they were picked.
    """

    sources: tuple[Any, ...]
    pick: Callable[[Any], tuple[Any, ...]]
    copies: tuple[Copy, ...]
    joins: tuple[Join, ...]
    extra_names: tuple[str, ...]
    pick_extra: Callable[[Any], tuple[Any, ...]]
    constants: dict[str, Any]
    times: Times | None

    def columns(
        self, cells: Cells, extra: Sequence[bytes] = (), extra_text: Sequence[str | None] = ()
    ) -> dict[str, Sequence[Any]]:
        """Turn picked fields (by field, then by event) into columns."""
        columns: dict[str, Sequence[Any]] = {}
        for copy in self.copies:
            column = cells[copy.index]
            columns[copy.column] = column if copy.convert is None else copy.convert.all(column)
        for join in self.joins:
            columns[join.column] = join.all(cells)
        if self.times is not None:
            columns["@timestamp"] = self.times(cells)
        if extra:
            columns[EXTRA] = extra
        if extra_text:
            columns[EXTRA_TEXT] = extra_text
        return columns


def source_fields(channel: str, code: int, wanted: frozenset[str]) -> set[str]:
    """Dotted names of all fields from which wanted columns can come, but those that say the time."""
    dataset = tables.DATASETS.get(channel.lower(), tables.OTHER_DATASET)
    meaning = tables.MEANINGS.get((dataset, str(code)))
    dotted = set(wanted)
    for name, column in ALIASES.items():
        if column in wanted:
            dotted.add(name)
    own = {**(meaning.fields if meaning else {}), **tables.DATASET_FIELDS.get(dataset, {})}
    for name, spec in [*((DATA + name, spec) for name, spec in own.items()), *tables.SYSTEM_FIELDS.items()]:
        if not wanted.isdisjoint(part.rpartition(":")[2] for part in spec.split()):
            dotted.add(name)
    for column, (_convert, *names) in registry.JOINED.get((dataset, str(code)), {}).items():
        if column in wanted:
            dotted.update(DATA + name for name in names)
    if "@timestamp" in wanted:
        dotted.add(DATA + "UtcTime")
    return dotted


def flat_fields(channel: str, code: int, wanted: frozenset[str]) -> list[str]:
    """Names of the fields of a flat event from which a plan for the wanted columns can be made, whatever it has."""
    dotted = source_fields(channel, code, wanted)
    names = {name for name, found in tables.FLAT_SYSTEM.items() if found in dotted or found.startswith(_TIME)}
    names = {name for name in names if "@timestamp" in wanted or not tables.FLAT_SYSTEM[name].startswith(_TIME)}
    names.update(name.removeprefix(DATA) for name in dotted if name.startswith(DATA))
    if {"EventType", "EventTypeOrignal"} & names:  # what the one means depends on the other
        names.update(("EventType", "EventTypeOrignal"))
    return sorted(names)


WantedFor = Callable[[str | None, str], frozenset[str]]  # (channel, event id) → columns that rules read of such events


@lru_cache(maxsize=4096)
def plan_for(key: Key, want: Want, timezone: str | None) -> Plan:
    """The plan for a shape; ``timezone`` is the origin's."""
    reader, raw_channel, code, names = key
    channel = raw_channel if raw_channel is None or isinstance(raw_channel, str) else str(raw_channel)
    dataset = tables.DATASETS.get((channel or "").lower(), tables.OTHER_DATASET)
    # 1, 1.0 and true are one key to a dictionary, so they must be one event id here as well.
    kind = (dataset, str(int(code)) if isinstance(code, bool | float) and code == code // 1 else str(code))
    fields = list(_dotted(reader, names, kind))
    placed = _place(fields, kind)
    copies = [(i, column, convert) for column, (i, convert) in placed.items() if want.column(column)]
    has_data = any(name.startswith(DATA) for name in fields)
    if "message" in fields and ("message" in want.names or (want.store and not has_data)):
        copies.append((fields.index("message"), "message", "text"))
    taken = {column for _, column, _ in copies}
    copies += [
        (index, name, "text")
        for index, name in enumerate(fields)
        if name in want.names and name not in taken and name not in ecs.COLUMNS
    ]
    extra = [index for index, name in enumerate(fields) if _is_extra(index, name, placed)] if want.store else []
    timing = [index for index, name in enumerate(fields) if name.startswith(_TIME) or name == DATA + "UtcTime"]
    timing = timing if want.column("@timestamp") else []
    extra_names = tuple(fields[index] for index in extra)
    joins = [join for join in _joins(fields, kind) if want.column(join.column)]
    joined = {index for join in joins for index in (join.first, join.second) if index is not None}
    needed = sorted({index for index, _, _ in copies} | set(timing) | joined)
    place = {index: number for number, index in enumerate(needed)}
    sources: Sequence[Any] = names if reader == FLAT else range(len(fields))
    picked = tuple(sources[index] for index in needed)
    return Plan(
        picked,
        _picker(needed),
        tuple(Copy(place[i], column, None if c == "text" else CONVERSIONS[c]) for i, column, c in copies),
        tuple(
            Join(one.column, one.convert, place[one.first], None if one.second is None else place[one.second])
            for one in joins
        ),
        extra_names,
        _picker(extra),
        _constants(channel, kind),
        _times([fields[index] for index in needed], dataset, timezone) if want.column("@timestamp") else None,
    )


@lru_cache(maxsize=4096)
def maker(names: tuple[str, ...]) -> Callable[..., Any] | None:
    """A class whose instances msgspec writes as an object with these names, in half the time of a dictionary.

    None where it cannot (a quotation mark in a name), or where a name may itself hold what is to be masked.
    """
    if not names or any(map(_DIGITS.search, names)):
        return None
    places = [f"f{number}" for number in range(len(names))]
    import msgspec  # a hunt without flat events does without it

    try:
        return msgspec.defstruct("Extra", places, rename=dict(zip(places, names, strict=True)), gc=False)
    except ValueError:
        return None


def _picker(places: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    """`itemgetter` that gives a tuple also for one item and for none."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[place] for place in places)


def _dotted(reader: str, names: tuple[str, ...], kind: tuple[str, str]) -> Iterator[str]:
    """The dotted name of every field of a shape."""
    if reader == NESTED:
        yield from NESTED_SYSTEM
        yield from names
    elif reader == BEAT:
        for name in names:
            yield "time.TimeCreated" if name == "@timestamp" else _BEAT_NAMES.get(name, name)
    else:
        assert reader == FLAT
        for name in names:
            yield _flat_name(name, names, kind)


def _flat_name(name: str, names: tuple[str, ...], kind: tuple[str, str]) -> str:
    dataset, code = kind
    if name == "EventID":
        return "winlog.event_id"
    if name == "Channel":
        return "winlog.channel"
    if name == "EventType" and "EventTypeOrignal" not in names:
        level = dataset in tables.EVENT_TYPE_LEVELS or code not in tables.SYSMON_WITH_EVENT_TYPE
        return "nxlog.EventType" if level else DATA + name
    if name == "AccountName" and kind in tables.OWN_ACCOUNT_NAME:
        return DATA + name
    return tables.FLAT_SYSTEM.get(name) or DATA + name


def _place(fields: list[str], kind: tuple[str, str]) -> dict[str, tuple[int, str]]:
    """Column → (field, conversion): what the kind of event says, then its dataset, then the system fields."""
    meaning = tables.MEANINGS.get(kind)
    layers: list[dict[str, str]] = [
        {DATA + name: spec for name, spec in (meaning.fields if meaning else {}).items()},
        {DATA + name: spec for name, spec in tables.DATASET_FIELDS.get(kind[0], {}).items()},
        tables.SYSTEM_FIELDS,
    ]
    placed: dict[str, tuple[int, str]] = {}
    used: set[int] = set()
    for layer in layers:
        for index, name in enumerate(fields):
            if index in used or name not in layer:
                continue
            used.add(index)
            for part in layer[name].split():
                convert, colon, column = part.partition(":")
                placed.setdefault(column if colon else part, (index, convert if colon else "text"))
    if kind[0] == "windows.security" and "winlog.keywords" in fields:
        placed.setdefault("event.outcome", (fields.index("winlog.keywords"), "outcome"))
    for index, name in enumerate(fields):
        column = ALIASES.get(name, name)
        fits = column in ecs.COLUMNS and column not in _OURS and not column.startswith("winlog.")
        if index not in used and fits and column != "message" and ecs.COLUMNS[column] in values.BY_TYPE:
            placed.setdefault(column, (index, values.BY_TYPE[ecs.COLUMNS[column]]))
    return placed


def _joins(fields: list[str], kind: tuple[str, str]) -> Iterator[Join]:
    at = {name: index for index, name in enumerate(fields)}
    for column, (convert, first, second) in registry.JOINED.get(kind, {}).items():
        if DATA + first in at:
            yield Join(column, convert, at[DATA + first], at.get(DATA + second))


def _is_extra(index: int, name: str, placed: dict[str, tuple[int, str]]) -> bool:
    """Whether a field must be kept in EXTRA: not where its exact text already stands in the column of its alias."""
    if name.startswith((_TIME, _RELAY)) or name in {"message", "winlog.event_id", "winlog.channel"}:
        return False
    column = ALIASES.get(name, name)
    found = placed.get(column)
    own = column == name and (name in _REWRITTEN or (found is not None and found[1] in {"list", "date"}))
    exact = found is not None and found[0] == index and (found[1] in {"text", "clean"} or own)
    return not exact


def _constants(channel: str | None, kind: tuple[str, str]) -> dict[str, Any]:
    meaning = tables.MEANINGS.get(kind)
    return {
        "event.kind": "event",
        "event.module": "windows",
        "event.dataset": kind[0],
        "event.code": kind[1] if kind[1] != "None" else None,
        "winlog.channel": channel,
        "event.action": (meaning.action or None) if meaning else None,
        "event.category": meaning.category.split() if meaning else None,
        "event.type": meaning.type.split() if meaning else None,
        "event.outcome": tables.OUTCOMES.get(kind),
        "host.os.type": "windows",
    }


_QUARTER = 15 * 60 * 1_000_000


def _times(fields: list[str], dataset: str, timezone: str | None) -> Times | None:
    """How the creation time is read: the first of these that the shape has and that can be read, row by row.

    1. Sysmon's ``UtcTime``, in flat records only: it is the one field there that is always UTC (the OTRF sets of 2022
       write local time with a Z into ``@timestamp``).
    2. NXLog's ``EventTime``, which is local: the offset of that clock is ``EventReceivedTime`` (same clock) minus
       ``@timestamp`` (UTC), to the quarter of an hour.
    3. ``TimeCreated`` (evtx, winlogbeat), then ``@timestamp``: UTC.
    4. ``EventTime`` as the origin's local time.
    """
    at = {name.removeprefix(_TIME): index for index, name in enumerate(fields) if name.startswith(_TIME)}
    steps: list[Times] = []
    if dataset == "windows.sysmon" and "@timestamp" in at and DATA + "UtcTime" in fields:
        steps.append(_reader(moments.utc_column, fields.index(DATA + "UtcTime")))
    if at.keys() >= {"EventTime", "EventReceivedTime", "@timestamp"}:
        steps.append(_corrected(at["EventTime"], at["EventReceivedTime"], at["@timestamp"]))
    steps += [_reader(moments.utc_column, at[name]) for name in ("TimeCreated", "@timestamp") if name in at]
    if "EventTime" in at:
        steps.append(_reader(moments.local_time(timezone).all, at["EventTime"]))
    if not steps:
        return None

    def read(cells: Cells) -> list[int | None]:
        found = steps[0](cells)
        for step in steps[1:]:
            if None not in found:
                break
            found = [a if a is not None else b for a, b in zip(found, step(cells), strict=True)]
        return found

    return read


def _reader(column: Callable[[Sequence[Any]], list[int | None]], index: int) -> Times:
    return lambda cells: column(cells[index])


def _corrected(event: int, received: int, stamped: int) -> Times:
    def read(cells: Cells) -> list[int | None]:
        wall = moments.WALL_TIME
        rows = zip(wall.all(cells[event]), wall.all(cells[received]), moments.utc_column(cells[stamped]), strict=True)
        return [
            None if local is None or got is None or true is None else local - _offset(got - true)
            for local, got, true in rows
        ]

    return read


def _offset(difference: int) -> int:
    return (difference + _QUARTER // 2) // _QUARTER * _QUARTER
