"""Which alert a hit belongs to: the same thing again is the same key, another victim another key.

A key is text: rule id, zone and the *slots* that say who it is about, each ``field=value``, joined by ``|``. Values are
folded (case and width), so ``K-0213`` and ``k-0213`` are one machine; entities keep the spelling of the first hit.

The slots are the rule's ``group_by`` where the event has at least one of those fields. Else, by the kind of rule:

====================  ==========================================================================================
flow (`FLOW_KINDS`)   the machine it came from, and where to: one terminal that calls three addresses is three
                      questions to answer, one that calls one address 500 times is one
everything else       the machine, and the person at it: two people doing the same on one server are two alerts
====================  ==========================================================================================

The machine is the inventory's device id before the name in the log, since one device is ``K-0213`` in one log,
``k-0213.ward.local`` in another and only an address in a third. An event that names nobody is grouped by its source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from secops.org.model import Device, System
from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import Hit, Rule

FLOW_KINDS = frozenset({"firewall", "network_connection", "proxy", "dns", "dns_query", "flow"})
MACHINE = ("labels.device", "host.name", "host.hostname", "source.ip")
FLOW_MACHINE = ("labels.device", "source.ip", "host.name")
PERSON = ("user.name", "user.target.name", "user.email", "user.id")
DESTINATION = ("destination.ip", "destination.domain", "url.domain", "dns.question.name")
CONTEXT = ("labels.device", "host.name", "user.name", "source.ip", "destination.ip", "labels.system")

MAX_VALUE = 200
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Assets:
    """What counts as important: a hit there is one step graver (`STEP_UP`). All are ids, compared exactly.

    ``devices`` are values of ``labels.device``, ``systems`` of ``labels.system``, as the inventory marks them.
    """

    zones: frozenset[str] = frozenset({"mynumber"})
    devices: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()


IMPORTANT_CLASSES = frozenset({"c3a", "c3b", "c3c"})  # 自治体機密性3: what must not leave at all


def marked(devices: Iterable[Device], systems: Iterable[System]) -> Assets:
    """The important assets of an inventory: devices of high importance, systems that hold 自治体機密性3."""
    return Assets(
        devices=frozenset(device.name for device in devices if device.importance == "high"),
        systems=frozenset(system.code for system in systems if system.classification in IMPORTANT_CLASSES),
    )


STEP_UP: Mapping[Severity, Severity] = {
    Severity.INFORMATIONAL: Severity.LOW,
    Severity.LOW: Severity.MEDIUM,
    Severity.MEDIUM: Severity.HIGH,
    Severity.HIGH: Severity.CRITICAL,
    Severity.CRITICAL: Severity.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a hit says of its alert: equal keys are one alert. ``entities`` are the slots first, then context."""

    key: str
    zone: str
    department: str
    severity: Severity
    entities: Mapping[str, str] = field(hash=False)


def identify(hit: Hit, rule: Rule | None, assets: Assets) -> Identity:
    """Key, entities and severity of a hit's alert; ``rule`` is None when it left the rulebook meanwhile."""
    slots = _slots(hit, rule)
    entities = dict(slots)
    for name in CONTEXT:
        if name not in entities and (value := _text(hit.event, name)) and _shared(hit, name, value):
            entities[name] = value
    return Identity(
        key=key_of(hit.rule_id, hit.zone, slots),
        zone=hit.zone,
        department=_text(hit.event, "labels.department"),
        severity=severity_of(hit, assets),
        entities={name: value for name, value in entities.items() if value},
    )


def _shared(hit: Hit, name: str, value: str) -> bool:
    """Whether all events say so: of thirty accounts that were tried, the last one is not whom the alert is about."""
    return all(_text(one.event, name) in {"", value} for one in hit.contributing)


def severity_of(hit: Hit, assets: Assets) -> Severity:
    """The rule's level, one step up in an important zone or on an important device or system."""
    important = (
        hit.zone in assets.zones
        or hit.event.get("labels.device") in assets.devices
        or hit.event.get("labels.system") in assets.systems
    )
    return STEP_UP[hit.level] if important else hit.level


def key_of(rule_id: str, zone: str, slots: Mapping[str, str]) -> str:
    """The key as text, stable across versions of the program: it is what links a new alert to a closed one."""
    return _short("|".join([_part(rule_id), _part(zone), *(_part(f"{n}={fold(v)}") for n, v in slots.items())]), 800)


def _part(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|") if "|" in text or "\\" in text else text


def _slots(hit: Hit, rule: Rule | None) -> dict[str, str]:
    if rule is not None and rule.group_by:
        slots = {name: _text(hit.event, name) for name in rule.group_by}
        if any(slots.values()):
            return slots
    if rule is not None and rule.kind == "correlation" and not rule.group_by:
        return {}  # it counts over everything, so it is about nobody in particular
    flow = rule is not None and rule.logsource.get("category", "") in FLOW_KINDS
    wanted = (FLOW_MACHINE, DESTINATION) if flow else (MACHINE, PERSON)
    found = [name for choice in wanted if (name := _first(hit.event, choice))]
    if not found:
        return {"labels.source": hit.source}
    return {name: _text(hit.event, name) for name in found}


def _first(event: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if event.get(name) not in (None, "", [])), "")


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if value is None:
        return ""
    return _clean(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


@lru_cache(maxsize=1 << 14)
def _clean(text: str) -> str:
    return _short(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text).strip(), MAX_VALUE)


def _short(text: str, limit: int) -> str:
    """Long values end in a digest: they stay different from each other, and a key stays short enough for an index."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: limit - 17]}…{digest}"
