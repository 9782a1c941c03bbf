"""The three spellings of a Windows event in JSON, each brought to: a shape key and a flat row of values.

* flat (NXLog, OTRF): everything at the top level; recognised by ``EventID`` beside it.
* nested (evtx_dump, the evtx wheel): ``Event.System``, ``Event.EventData`` or ``Event.UserData``, attributes under
  ``#attributes`` (or ``<Name>_attributes``), text beside attributes under ``#text``.
* winlogbeat: ``winlog.*`` as objects or as dotted keys, ``@timestamp``, ``event.*``; also wrapped in ``_source``.

Records with the same key have the same fields in the same order, so what is to be done with them is planned once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

FLAT, NESTED, BEAT = "flat", "nested", "beat"
_DEPTH = 24  # levels of objects that become dotted names; what is deeper stays JSON
DATA = "winlog.event_data."

Key = tuple[str, Any, Any, tuple[str, ...]]
Row = tuple[Any, ...]

_SYSTEM_KEYS = frozenset({
    "Provider", "Provider_attributes", "EventID", "EventID_attributes", "Version", "Level", "Task", "Opcode",
    "Keywords", "TimeCreated", "TimeCreated_attributes", "EventRecordID", "Correlation", "Correlation_attributes",
    "Execution", "Execution_attributes", "Channel", "Computer", "Security", "Security_attributes",
})  # fmt: skip

_WITH_ATTRIBUTES = ("Provider", "Execution", "Correlation", "EventID", "TimeCreated", "Security")
_FIELDS = 200  # of a usual event
_SINGLE = frozenset({str, int, float, bool, type(None)})

# Names of the values that `nested` puts first, in its order.
NESTED_SYSTEM = (
    "winlog.provider_name",
    "winlog.provider_guid",
    "winlog.event_source_name",
    "winlog.event_id_qualifiers",
    "winlog.version",
    "log.level",
    "winlog.task_id",
    "winlog.opcode_id",
    "winlog.keywords",
    "time.TimeCreated",
    "winlog.record_id",
    "winlog.activity_id",
    "winlog.related_activity_id",
    "winlog.process.pid",
    "winlog.process.thread.id",
    "winlog.computer_name",
    "winlog.user.identifier",
)


def shape(record: Any) -> tuple[Key, Row] | None:
    """Key and values of a record, or None where it is none of the three spellings."""
    if not isinstance(record, dict):
        return None
    if "Channel" in record and "EventID" in record:  # before the others, as the faster readers have it
        return _flat(record)
    inner = record.get("_source")
    if isinstance(inner, dict):
        record = inner
    if isinstance(event := record.get("Event"), dict) and isinstance(event.get("System"), dict):
        return _nested(event)
    if isinstance(record.get("winlog"), dict) or "winlog.channel" in record or "winlog.event_id" in record:
        return _beat(record)
    if "EventID" in record:
        return _flat(record)
    return None


def plain_nested(record: Any) -> tuple[Key, Row] | None:
    """The same as `shape` for the usual nested event, whose fields are single values, in a fraction of the time.

    None for every other record.
    """
    try:
        event = record["Event"]
        system, data = event["System"], event["EventData"]
        if len(record) > 1 or len(data) > _FIELDS or "UserData" in event or system.__class__ is not dict:
            return None
        names = _plain_names(tuple(data))
        if names is None or not _is_usual(tuple(system)):
            return None
        values = data.values()
        if not _SINGLE.issuperset(map(type, values)):
            return None
    except (KeyError, TypeError, AttributeError):
        return None
    return (NESTED, _text(system.get("Channel")), _number(system.get("EventID")), names), (
        *_system_values(system, system),
        *values,
    )


@lru_cache(maxsize=4096)
def _plain_names(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The dotted names of data fields; None where some are not data but attributes."""
    if any(name == "#attributes" or name.endswith("_attributes") for name in names):
        return None
    return tuple(DATA + name for name in names)


@lru_cache(maxsize=512)
def _is_usual(names: tuple[str, ...]) -> bool:
    return _SYSTEM_KEYS.issuperset(names) and not any(name.endswith("_attributes") for name in names)


def _flat(record: dict[str, Any]) -> tuple[Key, Row]:
    key = (FLAT, _text(record.get("Channel")), _number(record["EventID"]), tuple(record))
    return key, tuple(record.values())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)


def _number(value: Any) -> Any:
    """An event id: a number, its text, or an object with ``#text`` (where the record also has qualifiers)."""
    if isinstance(value, dict):
        value = value.get("#text", value.get("Value"))
    return value if isinstance(value, int | str) and not isinstance(value, bool) else _text(value)


def _inner(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    inner = found.get("#attributes")
    return inner if isinstance(inner, dict) else found


def _system_values(system: dict[str, Any], attributes: Mapping[str, Any]) -> Row:
    """The values of `NESTED_SYSTEM`."""
    provider = _inner(attributes.get("Provider"))
    execution = _inner(attributes.get("Execution"))
    correlation = _inner(attributes.get("Correlation"))
    return (
        provider.get("Name"),
        provider.get("Guid"),
        provider.get("EventSourceName"),
        _inner(attributes.get("EventID")).get("Qualifiers"),
        system.get("Version"),
        system.get("Level"),
        system.get("Task"),
        system.get("Opcode"),
        system.get("Keywords"),
        _inner(attributes.get("TimeCreated")).get("SystemTime"),
        system.get("EventRecordID"),
        correlation.get("ActivityID"),
        correlation.get("RelatedActivityID"),
        execution.get("ProcessID"),
        execution.get("ThreadID"),
        system.get("Computer"),
        _inner(attributes.get("Security")).get("UserID"),
    )


def _nested(event: dict[str, Any]) -> tuple[Key, Row]:
    system: dict[str, Any] = event["System"]
    attributes = {name: system.get(name + "_attributes") or system.get(name) for name in _WITH_ATTRIBUTES}
    fixed = _system_values(system, attributes)
    data = _event_data(event)
    for name in system.keys() - _SYSTEM_KEYS:
        data["winlog." + name.lower()] = system[name]
    key = (NESTED, _text(system.get("Channel")), _number(system.get("EventID")), tuple(data))
    return key, (*fixed, *data.values())


def _event_data(event: dict[str, Any]) -> dict[str, Any]:
    """The data fields of a nested event by dotted name; ``UserData`` fields count as data, as rules name them so."""
    found: dict[str, Any] = {}
    data = event.get("EventData")
    if isinstance(data, dict):
        for name, value in data.items():
            if name == "#attributes" or name.endswith("_attributes"):
                _flatten("winlog.event_data_attributes.", value, found, 1)
            else:
                found[DATA + name] = _content(value)
    elif data is not None:
        found[DATA + "Data"] = data
    user = event.get("UserData")
    if isinstance(user, dict):
        for name, value in user.items():
            if isinstance(value, dict):
                _flatten(DATA, {k: v for k, v in value.items() if k != "#attributes"}, found, 1)
            elif value is not None:
                found[DATA + name] = value
    return found


def _content(value: Any, depth: int = 1) -> Any:
    """The text of an element that also has attributes."""
    if isinstance(value, dict) and "#text" in value:
        return value["#text"]
    if isinstance(value, list) and depth < _DEPTH:
        return [_content(part, depth + 1) for part in value]
    return value


def _flatten(prefix: str, value: Any, into: dict[str, Any], depth: int) -> None:
    """Objects as dotted names, down to a fixed depth."""
    if not isinstance(value, dict):
        into[prefix.removesuffix(".")] = value
        return
    for name, part in value.items():
        if isinstance(part, dict) and "#text" in part:
            into[prefix + name] = part["#text"]
        elif isinstance(part, dict) and part and depth < _DEPTH:
            _flatten(f"{prefix}{name}.", part, into, depth + 1)
        else:
            into[prefix + name] = part


def flatten(record: dict[str, Any]) -> dict[str, Any]:
    """A JSON object as flat dotted names; lists, empty objects and what is nested very deeply stay as they are."""
    flat: dict[str, Any] = {}
    _flatten("", record, flat, 1)
    return flat


def _beat(record: dict[str, Any]) -> tuple[Key, Row]:
    flat: dict[str, Any] = {}
    for name, value in flatten(record).items():
        if name.startswith("winlog.user_data.") and name != "winlog.user_data.xml_name":
            flat[DATA + name.removeprefix("winlog.user_data.")] = value
        else:
            flat[name] = value
    code = flat.get("winlog.event_id", flat.get("event.code"))
    channel = _text(flat.pop("winlog.channel", None))
    flat.pop("winlog.event_id", None)
    flat.pop("event.code", None)
    return (BEAT, channel, _number(code), tuple(flat)), tuple(flat.values())
