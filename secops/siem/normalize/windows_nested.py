"""Nested Windows events (EVTX), read field by field as `windows_flat` reads flat ones: only what rules ask for is made.

Everything unusual (other keys beside ``Event``, ``UserData``, fields of ``System`` that Windows does not write, values
that are no single ones) is left to the reader of whole records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from secops.siem.normalize.given import Want
from secops.siem.normalize.windows_flat import Read, by_presence, decoded, without
from secops.siem.normalize.windows_kinds import kinds_of, said_of, surprises
from secops.siem.normalize.windows_plan import WantedFor, plan_for, source_fields
from secops.siem.normalize.windows_shapes import DATA, NESTED, NESTED_SYSTEM

BEGIN = b'{"Event":'
_ATTRIBUTES = "_attributes"  # the other way to write attributes, of data fields too
_MISSING = msgspec.UNSET
# Where the values of `NESTED_SYSTEM` stand: an element, or an attribute of one.
_PLACES = (
    "Provider.Name", "Provider.Guid", "Provider.EventSourceName", "EventID.Qualifiers", "Version", "Level", "Task",
    "Opcode", "Keywords", "TimeCreated.SystemTime", "EventRecordID", "Correlation.ActivityID",
    "Correlation.RelatedActivityID", "Execution.ProcessID", "Execution.ThreadID", "Computer", "Security.UserID",
)  # fmt: skip
_ELEMENTS = {place.partition(".")[0] for place in _PLACES} - {"EventID"}
_EVENT = attrgetter("Event")
_QUALIFIERS = _PLACES.index("EventID.Qualifiers")  # an id that has some is an object: none that is read here
_TIME = _PLACES.index("TimeCreated.SystemTime")


@dataclass(frozen=True, slots=True)
class _Decoder:
    """Reads the fields of events of one channel and id; ``system`` and ``data`` say what is to be got, and how."""

    channel: str
    code: int
    want: Want
    decode: Callable[[bytes], Any]
    system: Mapping[int, Callable[[Any], Any]]  # by the number of the value in `NESTED_SYSTEM`
    data: Mapping[str, Callable[[Any], Any]]


def read_nested(
    records: Sequence[bytes], rows: Sequence[int], wanted_for: WantedFor, timezone: str | None
) -> tuple[list[Read], list[int]]:
    """What was read of some rows, and those that were not: other spellings, repairs, surprises."""
    found: list[Read] = []
    rest: list[int] = []
    for key, some in kinds_of(records, rows).items():
        said = said_of(*key)
        decoder = _decoder(*said, wanted_for) if said else None
        if decoder is None:
            rest += some
        else:
            found.extend(_read(decoder, records, some, timezone, rest))
    return found, sorted(rest)


@lru_cache(maxsize=4096)
def _decoder(channel: str, code: int, wanted_for: WantedFor) -> _Decoder | None:
    """None where rules ask for attributes of data fields, which only the reader of whole records finds."""
    wanted = wanted_for(channel, str(code))
    sources = source_fields(channel, code, wanted)
    if any(name.startswith("winlog.event_data_attributes") or name.endswith(_ATTRIBUTES) for name in sources):
        return None
    places = {
        number: _PLACES[number]
        for number, name in enumerate(NESTED_SYSTEM)
        if name in sources and number != _QUALIFIERS
    }
    if "@timestamp" in wanted:
        places[_TIME] = _PLACES[_TIME]
    attributes: dict[str, list[str]] = {}
    for element, _dot, attribute in (place.partition(".") for place in places.values()):
        attributes.setdefault(element, []).append(attribute)
    names = sorted(name.removeprefix(DATA) for name in sources - {DATA + "#attributes"} if name.startswith(DATA))
    data = _struct([(f"f{number}", Any, name, _MISSING) for number, name in enumerate(names)])
    wanted_elements = {name: _element(found) if any(found) else Any for name, found in attributes.items()}
    others = _ELEMENTS - wanted_elements.keys()
    system = _struct(
        [(name, kind, name, None) for name, kind in {**dict.fromkeys(others, msgspec.Raw), **wanted_elements}.items()],
        closed=True,  # what else stands there is a field of its own
        required=[("EventID", int), ("Channel", str)],
    )
    event = msgspec.defstruct(
        "Event", [("System", system), ("EventData", data), ("UserData", Any, msgspec.field(default=_MISSING))], gc=False
    )
    record = msgspec.defstruct("Record", [("Event", event)], forbid_unknown_fields=True, gc=False)
    return _Decoder(
        channel, code, Want(wanted, store=False), msgspec.json.Decoder(record).decode,
        {number: _getter(place) for number, place in places.items()},
        {DATA + name: attrgetter(f"Event.EventData.f{number}") for number, name in enumerate(names)},
    )  # fmt: skip


def _struct(
    fields: Sequence[tuple[str, Any, str, Any]], *, closed: bool = False, required: Sequence[tuple[str, Any]] = ()
) -> Any:
    """A struct of (attribute, type, name in JSON, default)."""
    made = [(attribute, kind, msgspec.field(default=default, name=name)) for attribute, kind, name, default in fields]
    return msgspec.defstruct("Part", [*required, *made], gc=False, forbid_unknown_fields=closed)


def _element(attributes: Sequence[str]) -> Any:
    """An element of which only attributes are wanted; null where it has none."""
    inner = _struct([(name, Any, name, None) for name in attributes])
    return _struct([("attributes", inner | None, "#attributes", None)], closed=True) | None


def _getter(place: str) -> Callable[[Any], Any]:
    element, dot, attribute = place.partition(".")
    if not dot:
        return attrgetter(f"Event.System.{element}")

    def get(record: Any) -> Any:
        found = getattr(record.Event.System, element)
        return None if found is None or found.attributes is None else getattr(found.attributes, attribute)

    return get


def _read(
    decoder: _Decoder, records: Sequence[bytes], rows: list[int], timezone: str | None, rest: list[int]
) -> Iterator[Read]:
    """The columns of a kind; events that are not what their bytes seemed to say are left to the other reader."""
    rows, events = decoded(decoder.decode, records, rows, rest)
    data = {name: list(map(get, events)) for name, get in decoder.data.items()}
    system = {number: list(map(get, events)) for number, get in decoder.system.items()}
    said = (decoder.channel, decoder.code)
    wrong = {
        at
        for at, event in enumerate(map(_EVENT, events))
        if (event.System.Channel, event.System.EventID) != said or event.UserData is not _MISSING
    }
    for column in (*data.values(), *system.values()):
        wrong.update(surprises(column))
    if wrong:
        rest.extend(rows[at] for at in wrong)
        rows = without(rows, wrong)
        data = {name: without(column, wrong) for name, column in data.items()}
        system = {number: without(column, wrong) for number, column in system.items()}
    if not rows:
        return
    nothing = [None] * len(rows)
    for names, picked in by_presence(data, len(rows)):
        plan = plan_for((NESTED, *said, names), decoder.want, timezone)
        if any(
            source < len(NESTED_SYSTEM) and source not in system and source != _QUALIFIERS for source in plan.sources
        ):
            rest.extend(rows if picked is None else [rows[at] for at in picked])
            continue
        fields: list[Any] = [system.get(number, nothing) for number in range(len(NESTED_SYSTEM))]
        fields += [data[name] for name in names]
        cells = [fields[source] for source in plan.sources]
        if picked is None:
            yield Read(plan, rows, cells)
        else:
            yield Read(plan, [rows[at] for at in picked], [[cell[at] for at in picked] for cell in cells])
