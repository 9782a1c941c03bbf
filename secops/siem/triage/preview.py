"""What an exception would have hidden: a draft's fields and values held against the hits that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from secops.schema.text import fold
from secops.siem.ports import Hit, KeptHit, State, Verdict

EXAMPLES = 5


@dataclass(slots=True)
class Preview:
    """Hits and alerts that would have been hidden; ``whole`` alerts would not have been there at all.

    ``incidents`` are alerts among them that somebody closed as インシデント該当, ``waiting`` those that are not closed.
    ``unknown`` hits are kept as a number only, so nobody can say. ``examples`` are (alert, hit), one for each alert.
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
        """Alerts of which every hit that is stored in full would have been hidden."""
        return self.alerts - self.seen


def values_of(hit: Hit, name: str) -> list[str]:
    """The values that a hit has of a field: what the rule matched, else what the event says."""
    found = [one.value for one in hit.matched if one.field == name and one.value]
    if not found and (value := hit.event.get(name)) not in (None, ""):
        found = [str(part) for part in value] if isinstance(value, list | tuple) else [str(value)]
    return list(dict.fromkeys(found))


def choices(hits: Iterable[Hit], names: Sequence[str]) -> dict[str, list[str]]:
    """Field → its values over these hits, for a person to choose from."""
    found: dict[str, dict[str, None]] = {}
    for hit in hits:
        fields = dict.fromkeys([*(one.field for one in hit.matched if one.field), *names])
        for name in fields:
            for value in values_of(hit, name):
                found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in found.items()}


def hides(hit: Hit, chosen: Mapping[str, Sequence[str]]) -> bool:
    """Whether every chosen field has one of its values here; case does not matter, as in Sigma."""
    return bool(chosen) and all(
        {fold(value) for value in values_of(hit, name)} & {fold(value) for value in wanted}
        for name, wanted in chosen.items()
    )


def preview(kept: Iterable[KeptHit], chosen: Mapping[str, Sequence[str]]) -> Preview:
    """Hold an exception against stored hits of its rule."""
    found = Preview()
    for one in kept:
        found.looked += 1
        if one.hit is None:
            found.unknown += 1
            continue
        if not hides(one.hit, chosen):
            found.seen.add(one.alert_id)
            continue
        found.hidden += 1
        if one.alert_id not in found.alerts and len(found.examples) < EXAMPLES:
            found.examples.append((one.alert_id, one.hit))
        found.alerts.add(one.alert_id)
        if one.verdict is Verdict.TRUE_POSITIVE:
            found.incidents.add(one.alert_id)
        if one.state is not State.CLOSED:
            found.waiting.add(one.alert_id)
    return found
