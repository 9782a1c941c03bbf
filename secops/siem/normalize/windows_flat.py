"""Flat Windows events (NXLog), read field by field: of a record only what rules ask for is made.

Most of a flat event is its rendered message and fields that no rule reads; skipping them takes a third of the time of
parsing the whole. What an event is (channel and id) is guessed from its bytes, to know the fields to ask for, and then
held against what the parser says. Everything unusual is left to the reader of whole records.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from secops.siem.normalize.given import Want
from secops.siem.normalize.windows_kinds import kinds_of, said_of, surprises
from secops.siem.normalize.windows_plan import Plan, WantedFor, flat_fields, plan_for
from secops.siem.normalize.windows_shapes import FLAT

_MISSING = msgspec.UNSET
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


def read_flat(
    records: Sequence[bytes], rows: Sequence[int], wanted_for: WantedFor, timezone: str | None
) -> tuple[list[Read], list[int]]:
    """What was read of some rows, and those that were not: other spellings, repairs, surprises."""
    by_kind = kinds_of(records, rows)
    rest: list[int] = []
    found: list[Read] = []
    for key, some in by_kind.items():
        said = said_of(*key)
        if said is None:
            rest += some
            continue
        decoder = _decoder(*said, wanted_for)
        kept, events = decoded(decoder.decode, records, some, rest)
        if kept:
            found.extend(_read(decoder, kept, events, wanted_for, timezone, rest))
    return found, sorted(rest)


def decoded(
    decode: Callable[[bytes], Any], records: Sequence[bytes], rows: list[int], rest: list[int]
) -> tuple[list[int], list[Any]]:
    """Records of a kind, decoded all in one go; one by one only where there are some that cannot be (the ``rest``)."""
    try:
        return rows, list(map(decode, map(records.__getitem__, rows)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        kept: list[int] = []
        events: list[Any] = []
        for row in rows:
            try:
                events.append(decode(records[row]))
            except (msgspec.MsgspecError, ValueError, RecursionError):
                rest.append(row)
            else:
                kept.append(row)
        return kept, events


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


def _read(
    decoder: _Decoder,
    rows: list[int],
    events: list[Any],
    wanted_for: WantedFor,
    timezone: str | None,
    rest: list[int],
) -> Iterator[Read]:
    """The columns of a kind; events that are not what their bytes seemed to say are left to the other reader."""
    wrong: set[int] = set()
    if set(map(_SAID_CHANNEL, events)) != {decoder.channel} or set(map(_SAID_ID, events)) != {decoder.code}:
        said_of = (decoder.channel, decoder.code)
        wrong.update(at for at, event in enumerate(events) if (event.channel, event.code) != said_of)
    columns = {
        name: list(map(attrgetter(attribute), events))
        for name, attribute in zip(decoder.fields, decoder.attributes, strict=True)
    }
    for column in columns.values():
        wrong.update(surprises(column))
    if wrong:
        rest.extend(rows[at] for at in wrong)
        rows = without(rows, wrong)
        columns = {name: without(column, wrong) for name, column in columns.items()}
        if not rows:
            return
    want = Want(wanted_for(decoder.channel, str(decoder.code)), store=False)
    for names, picked in by_presence(columns, len(rows)):
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


def without(items: Sequence[Any], wrong: Container[int]) -> list[Any]:
    """What is not at one of some places."""
    return [item for at, item in enumerate(items) if at not in wrong]


def by_presence(columns: dict[str, list[Any]], count: int) -> list[tuple[tuple[str, ...], list[int] | None]]:
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
