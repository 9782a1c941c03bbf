"""What a rule would have raised: hits counted by day, zone and host, and as the alerts they would have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secops.schema.dates import JST
from secops.siem.ports import Contribution, Hit, MatchedValue, Rule
from secops.siem.triage.identity import Assets, identify

SHOWN = 5  # events of an example that a correlation counted


@dataclass(frozen=True, slots=True)
class Example:
    """One event that the rule matched, masked as it would be stored.

    Of a correlation it is the event that closed it; it ``counted`` so many, and ``events`` are the newest of these.
    """

    event_id: str
    timestamp: datetime
    zone: str
    entities: Mapping[str, str]
    matched: tuple[MatchedValue, ...]
    counted: int = 0
    events: tuple[Contribution, ...] = ()


@dataclass(slots=True)
class Raised:
    """What one version of a rule raised; ``keys`` are those of its alerts, with the number of hits.

    Of a correlation ``inputs`` are the events that met the rules it refers to, by rule id; ``lost`` of them were too
    many to be counted.
    """

    hits: int = 0
    inputs: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    filtered: int = 0
    days: Counter[str] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)
    examples: list[Example] = field(default_factory=list)

    def add(self, hit: Hit, rule: Rule, assets: Assets, examples: int) -> None:
        """Count a hit; the first few are kept as examples, one for each alert before a second for any."""
        identity = identify(hit, rule, assets)
        self.hits += 1
        self.days[hit.timestamp.astimezone(JST).date().isoformat()] += 1
        self.zones[hit.zone] += 1
        self.hosts[str(hit.event.get("host.name") or hit.event.get("source.ip") or hit.source)] += 1
        self.events.add(hit.event_id)
        if identity.key not in self.keys and len(self.examples) < examples:
            newest = hit.contributing[-SHOWN:]
            self.examples.append(
                Example(hit.event_id, hit.timestamp, hit.zone, identity.entities, hit.matched, hit.contributed, newest)
            )
        self.keys[identity.key] += 1


@dataclass(frozen=True, slots=True)
class Impact:
    """A new version of a rule over stored events, beside the version in force (None: there is none).

    Of a filter it is the rules that it bears on, with it and as they are now.

    ``removed`` are records of the range that retention has taken, by source.
    """

    rule_id: str
    title: str
    kind: str  # rule, correlation or filter
    scanned: int
    since: datetime
    until: datetime
    new: Raised
    old: Raised | None
    removed: Mapping[str, int]
    names: Mapping[str, str] = field(default_factory=dict)  # titles of the rules that ran, by id

    @property
    def only_new(self) -> int:
        """Events that only the new version matches."""
        return len(self.new.events - self.old.events) if self.old else len(self.new.events)

    @property
    def only_old(self) -> int:
        """Events that only the version in force matches."""
        return len(self.old.events - self.new.events) if self.old else 0


def as_plain(impact: Impact, shown: int) -> dict[str, object]:
    """The impact as JSON shows it; ``shown`` bounds the list of hosts, which says how many it leaves out."""
    return {
        "rule": {"id": impact.rule_id, "title": impact.title, "kind": impact.kind},
        "since": impact.since,
        "until": impact.until,
        "scanned": impact.scanned,
        "removed": dict(impact.removed),
        "new": _plain(impact.new, shown),
        "current": _plain(impact.old, shown) if impact.old else None,
        "only_new": impact.only_new,
        "only_current": impact.only_old,
    }


def _plain(raised: Raised, shown: int) -> dict[str, object]:
    return {
        "hits": raised.hits,
        "alerts": len(raised.keys),
        "filtered": raised.filtered,
        "inputs": dict(raised.inputs),
        "lost": raised.lost,
        "days": dict(sorted(raised.days.items())),
        "zones": dict(raised.zones.most_common()),
        "hosts": dict(raised.hosts.most_common(shown)),
        "hosts_total": len(raised.hosts),
        "examples": raised.examples,
    }


def versions(rules: Sequence[Rule], rule_id: str) -> Rule | None:
    """The rule in force with an id."""
    return next((rule for rule in rules if rule.id == rule_id and rule.active), None)
