"""The hits of a hunt, summed up as they come: by rule, host, technique and time, in bounded memory.

Counts are exact, whatever the number of hits. Of the events themselves only examples are kept, one for each set of
matched values, up to a limit; how many more there are is counted.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from secops.schema.severity import Severity
from secops.siem.hunt import Found
from secops.siem.ports import MatchedValue, Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = 8192  # of the histogram, before it gets coarser
_LONGEST = 20_000  # characters of a record that is kept as an example
_SHORT = 400  # characters of a matched value that tell two of them apart

Matched = tuple[MatchedValue, ...]


class Histogram:
    """Hits by severity and time; the step grows fourfold whenever there are too many."""

    def __init__(self) -> None:
        self.step = 60  # seconds
        self.counts: Counter[tuple[int, Severity]] = Counter()  # (seconds since 1970 // step, severity)

    def add(self, moment: datetime, level: Severity) -> None:
        """Count one hit."""
        self.counts[int((moment - _EPOCH).total_seconds()) // self.step, level] += 1
        if len(self.counts) > _STEPS:
            self.coarsen()

    def coarsen(self) -> None:
        """Make four steps one."""
        wider: Counter[tuple[int, Severity]] = Counter()
        for (step, level), count in self.counts.items():
            wider[step // 4, level] += count
        self.counts, self.step = wider, self.step * 4

    def bins(self, most: int) -> list[tuple[datetime, Mapping[Severity, int]]]:
        """From the first to the last hit, at most so many steps, empty ones included; steps begin on whole ones."""
        while self.counts and self._width() > most:
            self.coarsen()
        if not self.counts:
            return []
        first = min(step for step, _level in self.counts)
        found: list[tuple[datetime, Counter[Severity]]] = [
            (_EPOCH + timedelta(seconds=(first + index) * self.step), Counter()) for index in range(self._width())
        ]
        for (step, level), count in self.counts.items():
            found[step - first][1][level] += count
        return list(found)

    def _width(self) -> int:
        steps = [step for step, _level in self.counts]
        return max(steps) - min(steps) + 1


@dataclass(slots=True)
class Example:
    """Hits of a rule with the same matched values: how many, when, where, and the first of them as it stands."""

    matched: Matched
    original: str
    event: Mapping[str, Any]
    path: str
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    hosts: Counter[str] = field(default_factory=Counter)

    def add(self, hit: Found) -> None:
        """Count one hit."""
        self.count += 1
        self.first, self.last = _span(self.first, self.last, hit.timestamp)
        self.hosts[hit.host] += 1


@dataclass(slots=True)
class RuleHits:
    """All hits of a rule; ``unlisted`` of them are in no example."""

    number: int
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    hosts: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[tuple[str, str], ...], Example] = field(default_factory=dict)
    unlisted: int = 0

    @property
    def named(self) -> list[str]:
        """The hosts, most hits first; events without a host are left out."""
        return [host for host, _count in sorted(self.hosts.items(), key=lambda pair: (-pair[1], pair[0])) if host]


class Gathering:
    """What `Found` of a hunt come to.

    ``examples`` is how many sets of matched values are kept per rule (0: none, for a table only), ``newest`` how many
    single hits.
    """

    def __init__(self, rules: Sequence[Rule], *, examples: int = 0, newest: int = 0) -> None:
        self.rules = rules
        self.count = 0
        self.undated = 0
        self.by_level: Counter[Severity] = Counter()
        self.by_rule: dict[int, RuleHits] = {}
        self.hosts: Counter[str] = Counter()
        self.histogram = Histogram()
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._examples = examples
        self._newest = newest
        self._heap: list[tuple[datetime, int, Found]] = []

    def add(self, hit: Found) -> None:
        """Count one hit."""
        level = self.rules[hit.rule].level
        self.count += 1
        self.by_level[level] += 1
        self.hosts[hit.host] += 1
        if hit.timestamp is None:
            self.undated += 1
        else:
            self.first, self.last = _span(self.first, self.last, hit.timestamp)
            self.histogram.add(hit.timestamp, level)
        of_rule = self.by_rule.get(hit.rule)
        if of_rule is None:
            of_rule = self.by_rule[hit.rule] = RuleHits(hit.rule)
        of_rule.count += 1
        of_rule.first, of_rule.last = _span(of_rule.first, of_rule.last, hit.timestamp)
        of_rule.hosts[hit.host] += 1
        if self._examples:
            self._example(of_rule, hit)
        if self._newest:
            self._keep_newest(hit)

    def newest(self) -> list[Found]:
        """The newest hits, newest first; those without a time are the oldest."""
        return [hit for _when, _number, hit in sorted(self._heap, reverse=True)]

    def ordered(self) -> list[RuleHits]:
        """Rules with hits: by severity, then by number of hits, then by title."""
        return sorted(
            self.by_rule.values(),
            key=lambda one: (-self.rules[one.number].level, -one.count, self.rules[one.number].title, one.number),
        )

    def _example(self, of_rule: RuleHits, hit: Found) -> None:
        key = tuple((one.field, one.value[:_SHORT].casefold()) for one in hit.matched)
        example = of_rule.examples.get(key)
        if example is None:
            if len(of_rule.examples) >= self._examples:
                of_rule.unlisted += 1
                return
            example = Example(hit.matched, hit.original[:_LONGEST], hit.event, hit.path)
            of_rule.examples[key] = example
        example.add(hit)

    def _keep_newest(self, hit: Found) -> None:
        item = (hit.timestamp or _EPOCH, -self.count, hit)  # of hits at the same time, the first one counts as newer
        if len(self._heap) < self._newest:
            heapq.heappush(self._heap, item)
        elif item[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, item)


def _span(
    first: datetime | None, last: datetime | None, moment: datetime | None
) -> tuple[datetime | None, datetime | None]:
    if moment is None:
        return first, last
    return (moment if first is None else min(first, moment)), (moment if last is None else max(last, moment))
