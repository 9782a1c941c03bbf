"""Many hits at once, one group per alert: what opens or raises it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from secops.schema.severity import Severity
from secops.siem.ports import Hit, Rule
from secops.siem.triage.identity import Assets, Identity, identify


@dataclass(slots=True)
class Group:
    """The hits of one call that share a key, in the order in which they came.

    ``identity`` is that of the first hit; ``severity`` the gravest, ``first_seen`` and ``last_seen`` the earliest and
    latest event time of them all.
    """

    identity: Identity
    severity: Severity
    first_seen: datetime
    last_seen: datetime
    hits: list[Hit]


def group(hits: Iterable[Hit], rules: Mapping[str, Rule], assets: Assets) -> dict[str, Group]:
    """Hits by alert key, keys in order of their first hit."""
    groups: dict[str, Group] = {}
    for hit in hits:
        identity = identify(hit, rules.get(hit.rule_id), assets)
        found = groups.get(identity.key)
        if found is None:
            groups[identity.key] = Group(identity, identity.severity, hit.timestamp, hit.timestamp, [hit])
            continue
        found.hits.append(hit)
        found.severity = max(found.severity, identity.severity)
        found.first_seen = min(found.first_seen, hit.timestamp)
        found.last_seen = max(found.last_seen, hit.timestamp)
    return groups


def fresh(hits: Iterable[Hit], positions: Mapping[str, int]) -> list[Hit]:
    """Hits behind the committed position of their source, each (rule, event) once."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for hit in hits:
        key = (hit.rule_id, hit.event_id)
        if hit.seq > positions.get(hit.source, 0) and key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept


def titles(rule_id: str, rule: Rule | None) -> tuple[str, str]:
    """The Japanese and the English title of an alert; the rule's id where it has left the rulebook."""
    if rule is None:
        return rule_id, rule_id
    return rule.title_ja or rule.title or rule.name, rule.title or rule.name


def milestone(before: int, after: int) -> int:
    """The largest of 2, 10, 100, 1000 … that the count passed, or 0.

    History tells these, not every raise: an alert that is raised every three seconds for a day has a readable history.
    """
    step = 10
    while step * 10 <= after:
        step *= 10
    passed = step if after >= 10 else 2
    return passed if before < passed <= after else 0
