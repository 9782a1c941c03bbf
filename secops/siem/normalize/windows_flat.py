"""Flat Windows events (NXLog), read field by field: of a record only what rules ask for is made.

Most of a flat event is its rendered message and fields that no rule reads; skipping them takes a third of the time of
parsing the whole. What an event is (channel and id) is guessed from its bytes, to know the fields to ask for, and then
held against what the parser says. Everything unusual is left to the reader of whole records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from secops.siem.normalize.given import Want
from secops.siem.normalize.windows_plan import Plan, WantedFor, flat_fields, plan_for
from secops.siem.normalize.windows_shapes import FLAT

_CHANNEL = b'"Channel":"'
_ID = b'"EventID":'
_DIGITS = 6  # an event id has at most five
_NONE = (b"", b"")  # of what is no flat event
_MISSING = msgspec.UNSET
_INTEGERS = range(-(2**63), 2**64)  # beyond, the other reader makes doubles or text of them, and this one does not
# What the record says of itself and what was guessed, by the names of the decoder's attributes.
_SAID_CHANNEL, _SAID_ID = attrgetter("channel"), attrgetter("code")


class Read(NamedTuple):
    """Events of one shape: their rows, and the fields that the plan asks for, as columns."""

    plan: Plan
    rows: Sequence[int]
    cells: Sequence[Sequence[Any]]


class _Decoder(NamedTuple):
    """Reads the fields of events of one channel and id; ``attributes`` are what it calls them."""

    channel: str
    code: int
    fields: tuple[str, ...]
    attributes: tuple[str, ...]
    decode: Any


@dataclass(slots=True)
class _Kind:
    decoder: _Decoder
    rows: list[int] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)


def read_flat(records: Sequence[bytes], wanted_for: WantedFor, timezone: str | None) -> tuple[list[Read], list[int]]:
    """What was read, and the rows that were not: other spellings, repairs, surprises."""
    by_kind: dict[tuple[bytes, bytes], list[int]] = {}
    rest: list[int] = []
    for row, record in enumerate(records):
        at = record.find(_CHANNEL) + 11
        number = record.find(_ID) + 10
        plain = at > 10 and number > 9
        key = (record[at : record.find(b'"', at)], record[number : number + _DIGITS]) if plain else _NONE
        try:
            by_kind[key].append(row)
        except KeyError:
            by_kind[key] = [row]
    found: list[Read] = []
    for key, rows in by_kind.items():
        kind = _kind(*key, wanted_for)
        if kind is None:
            rest += rows
            continue
        _decode(kind, records, rows, rest)
        if kind.rows:
            found.extend(_read(kind, wanted_for, timezone, rest))
    return found, sorted(rest)


def _decode(kind: _Kind, records: Sequence[bytes], rows: list[int], rest: list[int]) -> None:
    """Decode records of a kind, all in one go; one by one only where there are some that cannot be."""
    decode = kind.decoder.decode
    try:
        kind.events = list(map(decode, map(records.__getitem__, rows)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        for row in rows:
            try:
                kind.events.append(decode(records[row]))
            except (msgspec.MsgspecError, ValueError, RecursionError):
                rest.append(row)
            else:
                kind.rows.append(row)
    else:
        kind.rows = rows


def _kind(channel: bytes, after: bytes, wanted_for: WantedFor) -> _Kind | None:
    """The kind of event that the bytes speak of; None where they are not plain."""
    digits = after[: len(after) - len(after.lstrip(b"0123456789"))]
    if not digits or len(digits) == _DIGITS or b"\\" in channel:
        return None
    try:
        return _Kind(_decoder(channel.decode(), int(digits), wanted_for))
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=4096)
def _decoder(channel: str, code: int, wanted_for: WantedFor) -> _Decoder:
    fields = flat_fields(channel, code, wanted_for(channel, str(code)))
    others = [name for name in fields if name not in {"Channel", "EventID"}]
    attributes = tuple(f"f{number}" for number in range(len(others)))
    shape: list[Any] = [
        ("channel", str, msgspec.field(name="Channel")),
        ("code", int, msgspec.field(name="EventID")),
        *(
            (attribute, Any, msgspec.field(default=_MISSING, name=name))
            for attribute, name in zip(attributes, others, strict=True)
        ),
    ]
    made = msgspec.defstruct("Event", shape, gc=False)
    return _Decoder(channel, code, tuple(others), attributes, msgspec.json.Decoder(made).decode)


def _read(kind: _Kind, wanted_for: WantedFor, timezone: str | None, rest: list[int]) -> Iterator[Read]:
    """The columns of a kind; events that are not what their bytes seemed to say are left to the other reader."""
    decoder, rows, events = kind.decoder, kind.rows, kind.events
    wrong: set[int] = set()
    if set(map(_SAID_CHANNEL, events)) != {decoder.channel} or set(map(_SAID_ID, events)) != {decoder.code}:
        said_of = (decoder.channel, decoder.code)
        wrong.update(at for at, event in enumerate(events) if (event.channel, event.code) != said_of)
    columns = {
        name: list(map(attrgetter(attribute), events))
        for name, attribute in zip(decoder.fields, decoder.attributes, strict=True)
    }
    for column in columns.values():
        wrong.update(_surprises(column))
    if wrong:
        rest.extend(rows[at] for at in wrong)
        rows = _without(rows, wrong)
        columns = {name: _without(column, wrong) for name, column in columns.items()}
        if not rows:
            return
    want = Want(wanted_for(decoder.channel, str(decoder.code)), store=False)
    for names, picked in _by_presence(columns, len(rows)):
        plan = plan_for((FLAT, decoder.channel, decoder.code, ("Channel", "EventID", *names)), want, timezone)
        said: dict[str, list[Any]] = {
            "Channel": [decoder.channel] * len(rows),
            "EventID": [decoder.code] * len(rows),
            **columns,
        }
        cells = [said[source] for source in plan.sources]
        if picked is None:
            yield Read(plan, rows, cells)
        else:
            yield Read(plan, [rows[at] for at in picked], [[cell[at] for at in picked] for cell in cells])


def _surprises(column: list[Any]) -> list[int]:
    """Where the two readers may differ: integers of more than 64 bits, and what may hold them."""
    types = set(map(type, column))
    if types.isdisjoint((int, list, dict)):
        return []
    return [
        at
        for at, value in enumerate(column)
        if isinstance(value, list | dict) or (type(value) is int and value not in _INTEGERS)
    ]


def _without(items: list[Any], wrong: set[int]) -> list[Any]:
    return [item for at, item in enumerate(items) if at not in wrong]


def _by_presence(columns: dict[str, list[Any]], count: int) -> list[tuple[tuple[str, ...], list[int] | None]]:
    """Names of the fields that are there, and the events that have just these; None for all of them."""
    always: list[str] = []
    mixed: list[str] = []
    for name, column in columns.items():
        missing = column.count(_MISSING)
        if missing < count:
            (mixed if missing else always).append(name)
    if not mixed:
        return [(tuple(always), None)]
    groups: dict[tuple[bool, ...], list[int]] = {}
    for at, values in enumerate(zip(*(columns[name] for name in mixed), strict=True)):
        groups.setdefault(tuple(value is not _MISSING for value in values), []).append(at)
    return [
        ((*always, *(name for name, there in zip(mixed, present, strict=True) if there)), rows)
        for present, rows in groups.items()
    ]
