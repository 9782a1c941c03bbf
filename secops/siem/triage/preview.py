"""What an exception would have hidden: a draft's fields and values held against the hits that are stored.

Values meet here as they do in the engine (`secops.siem.detect`): texts without case, numbers and booleans as texts, one
of a list is enough. Only the engine sees all of an event, so of a hit that does not hold a field nobody can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from secops.schema.text import MASK
from secops.siem.ports import Hit, KeptHit, State, Verdict

EXAMPLES = 5
WHOLE = 2000  # a value this long may be the beginning of a longer one: the engine shows no more of it


@dataclass(slots=True)
class Preview:
    """Hits and alerts that would have been hidden; ``whole`` alerts would not have been there at all.

    ``incidents`` are alerts among them that somebody closed as インシデント該当, or linked with a reported case;
    ``waiting`` those that are not closed.
    Of ``unknown`` hits nobody can say: they are kept as a number only, or without a field in question. ``examples`` are
    (alert, hit), one for each alert.
    """

    looked: int = 0
    hidden: int = 0
    unknown: int = 0
    alerts: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    incidents: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    examples: list[tuple[int, Hit]] = field(default_factory=list)

    @property
    def whole(self) -> set[int]:
        """Alerts of which every hit that is stored in full would surely have been hidden."""
        return self.alerts - self.seen


def values_of(hit: Hit, name: str) -> list[str]:
    """The values of a field that a hit holds, as texts: what the rule matched, and what the event says."""
    found = [one.value for one in hit.matched if one.field == name and one.value]
    value = hit.event.get(name)
    parts = value if isinstance(value, list | tuple) else [value]
    found += [text for part in parts if (text := _text(part))]
    return list(dict.fromkeys(found))


def _text(value: Any) -> str:
    """A value as rules see it; empty where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) else str(value)


def usable(value: str) -> bool:
    """Whether an exception can name the value: it is whole, and as the engine sees it (masks come afterwards)."""
    return len(value) < WHOLE and MASK not in value


def choices(hits: Iterable[Hit], names: Sequence[str]) -> dict[str, list[str]]:
    """Field → its values over these hits, for a person to choose from."""
    found: dict[str, dict[str, None]] = {}
    for hit in hits:
        fields = dict.fromkeys([*(one.field for one in hit.matched if one.field), *names])
        for name in fields:
            for value in values_of(hit, name):
                if usable(value):
                    found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in found.items()}


def hides(hit: Hit, chosen: Mapping[str, Sequence[str]]) -> bool | None:
    """Whether every chosen field has one of its values here; None where the hit does not hold what would tell."""
    found = [_meets(values_of(hit, name), values) for name, values in chosen.items()]
    if not found or False in found:
        return False
    return None if None in found else True


def _meets(here: Sequence[str], wanted: Sequence[str]) -> bool | None:
    if {_folded(value) for value in here if usable(value)} & {_folded(value) for value in wanted}:
        return True
    return False if here and all(map(usable, here)) else None


def _folded(text: str) -> str:
    """As the engine folds: full-width letters stay what they are."""
    return text.lower() if text.isascii() else text.casefold()


def preview(kept: Iterable[KeptHit], chosen: Mapping[str, Sequence[str]]) -> Preview:
    """Hold an exception against stored hits of its rule."""
    found = Preview()
    for one in kept:
        found.looked += 1
        hidden = None if one.hit is None else hides(one.hit, chosen)
        if one.hit is None or hidden is None:
            found.unknown += 1
            if one.hit is not None:
                found.seen.add(one.alert_id)
            continue
        if not hidden:
            found.seen.add(one.alert_id)
            continue
        found.hidden += 1
        if one.alert_id not in found.alerts and len(found.examples) < EXAMPLES:
            found.examples.append((one.alert_id, one.hit))
        found.alerts.add(one.alert_id)
        if one.verdict is Verdict.TRUE_POSITIVE or one.case:
            found.incidents.add(one.alert_id)
        if one.state is not State.CLOSED:
            found.waiting.add(one.alert_id)
    return found
