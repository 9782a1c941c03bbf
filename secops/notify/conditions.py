"""What the program pages about itself: what was measured, and which conditions begin and are over. Pure.

Each begins once and is over once. What has begun is over only when it is clearly better, and both take `SETTLE` of the
same: a restart, or a value that trembles around its limit, calls nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secops.schema.dates import parse_duration
from secops.schema.severity import Severity
from secops.settings_notify import NotifySettings
from secops.siem.health import CHANNEL_PATIENCE
from secops.siem.ports import Condition, SourceStatus

SETTLE = timedelta(seconds=60)
DISK_BETTER = 0.02  # so much more than the limit must be free again
LOOPING = 3  # ends of a part within `LOOP_SPAN` that are no accident
LOOP_SPAN = timedelta(minutes=10)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was found at a moment.

    ``free`` is the share of the volume that is free, ``chain`` what is wrong with the journal, ``ends`` how often each
    part ended unasked within `LOOP_SPAN`, ``parts`` their states, ``stuck`` those that live and do nothing,
    ``certificate`` when the console's ends, ``failing`` since when each channel fails. ``sources`` are None where they
    could not be looked at: what is known of them stays as it is.
    """

    at: datetime
    sources: Sequence[SourceStatus] | None = ()
    free: float = 1.0
    chain: str = ""
    ends: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    stuck: Sequence[str] = ()
    certificate: datetime | None = None
    failing: Mapping[str, datetime] = field(default_factory=dict)


def judge(found: Measures, limits: NotifySettings, open_: Iterable[Key]) -> dict[Key, Condition]:
    """The conditions that hold; those in ``open_`` hold until they are clearly better."""
    known = set(open_)
    held: list[Condition] = [
        *_of_sources(found, limits, known),
        *_of_parts(found),
        *(_condition("channel_failing", channel, found) for channel in _failing(found)),
    ]
    limit = limits.disk_free_percent / 100
    if found.free < limit + (DISK_BETTER if ("disk_low", "") in known else 0):
        held.append(_condition("disk_low", "", found))
    if found.chain:
        held.append(replace(_condition("chain_broken", "", found), severity=Severity.CRITICAL))
    if found.certificate and found.certificate - found.at < timedelta(days=limits.certificate_days):
        held.append(replace(_condition("certificate_ending", "", found), severity=Severity.MEDIUM))
    return {(one.kind, one.subject): one for one in held}


def _condition(kind: str, subject: str, found: Measures, zone: str = "") -> Condition:
    return Condition(kind, subject, zone, Severity.HIGH, found.at)


def _of_sources(found: Measures, limits: NotifySettings, known: set[Key]) -> Iterable[Condition]:
    if found.sources is None:
        yield from (_condition(*key, found) for key in sorted(known) if key[0] in {"stalled", "source_silent"})
        return
    stalled = ("stalled", "") in known
    limit = parse_duration(limits.stalled_after).total_seconds()
    if any(one.lag_s > (limit / 2 if stalled else limit) for one in found.sources):
        yield _condition("stalled", "", found)
    for one in found.sources:
        if one.silent:
            yield _condition("source_silent", one.id, found, one.zone)


def _of_parts(found: Measures) -> Iterable[Condition]:
    missing = {name for name, state in found.parts.items() if state == "missing"}.union(found.stuck)
    looping = {name for name, count in found.ends.items() if count >= LOOPING}
    for name in sorted(missing | looping):
        yield _condition("part_failing", name, found)


def _failing(found: Measures) -> Iterable[str]:
    return sorted(name for name, since in found.failing.items() if found.at - since >= CHANNEL_PATIENCE)


@dataclass(slots=True)
class Watch:
    """Remembers since when something is otherwise than the records say, so that only what lasts is told."""

    settle: timedelta = SETTLE
    _since: dict[Key, datetime] = field(default_factory=dict)

    def changes(
        self, held: Mapping[Key, Condition], open_: Sequence[Condition], now: datetime
    ) -> tuple[list[Condition], list[Condition]]:
        """The conditions that begin now, and those that are over now."""
        going = {(one.kind, one.subject): one for one in open_}
        different = held.keys() ^ going.keys()
        self._since = {key: self._since.get(key, now) for key in different}
        lasting = [key for key in different if now - self._since[key] >= self.settle]
        begun = [replace(held[key], began=self._since[key]) for key in lasting if key in held]
        return sorted(begun, key=_order), sorted((going[key] for key in lasting if key in going), key=_order)


def _order(one: Condition) -> tuple[str, str]:
    return one.kind, one.subject
