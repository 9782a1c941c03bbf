"""`secops rules impact`: the main road over what is journaled, with one rule and with sinks that only count.

It is the same road as live (normalize, enrich, detect, exceptions, correlation, grouping), so it gives the same answer.
Nothing is written: the site may run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from secops.siem.detect.correlate import Correlator
from secops.siem.pipeline import Pipeline
from secops.siem.ports import (
    ALWAYS,
    NEVER,
    CorrelationInput,
    Feed,
    Filtered,
    Hit,
    HitOutcome,
    JournalReader,
    RecordBatch,
    Tally,
    Watermark,
)
from secops.siem.triage.identity import marked
from secops.siem.triage.impact import Impact, Raised
from secops.wiring.correlation import correlation_limits
from secops.wiring.impact_rules import Asked, asked_in
from secops.wiring.replay import positions_at
from secops.wiring.site import Site

if TYPE_CHECKING:
    import polars as pl

MOST = 1_000_000  # records that met a rule of a correlation and are held until all are read; of more, that is said
_STEP = 5000


@dataclass(frozen=True, slots=True)
class Range:
    """Event times from ``since`` up to ``until``, and how many examples are kept."""

    since: datetime
    until: datetime
    examples: int = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, over which part of the journal: behind ``after`` up to ``heads``, by source."""

    new: Asked
    old: Asked | None
    wanted: Range
    after: Mapping[str, int]
    heads: Mapping[str, int]

    @property
    def records(self) -> int:
        """How many records will be read, each version counted."""
        once = sum(head - self.after.get(source, 0) for source, head in self.heads.items())
        return once * (2 if self.old else 1)


def plan_of(site: Site, path: Path, wanted: Range) -> Plan:
    """What asking about the rule in a file takes.

    All that was received since ``since`` is read, and for a correlation what it may look back to from there.

    Raises:
        UsageError: the file holds several rules, or none.
        RuleError: the rule has mistakes, or cannot run in this site; all reasons are named.
    """
    new, old = asked_in(site, path)
    back = max(one.looks_back for one in (new, old) if one)
    since = wanted.since - back if wanted.since - ALWAYS > back else ALWAYS
    return Plan(new, old, wanted, positions_at(site.journal, since), site.journal.heads())


def impact_of(site: Site, path: Path, wanted: Range, seen: Callable[[int], None]) -> Impact:
    """What the rule in a file would have raised (see `plan_of`); ``seen`` gets numbers of records."""
    return carry_out(site, plan_of(site, path, wanted), seen)


def carry_out(site: Site, plan: Plan, seen: Callable[[int], None]) -> Impact:
    """Run a plan. What happened outside its range is not counted."""
    raised = [_run(site, asked, plan, seen) for asked in (plan.new, plan.old) if asked]
    return Impact(
        rule_id=plan.new.id,
        title=plan.new.title,
        kind=plan.new.kind,
        scanned=raised[0].scanned,
        since=plan.wanted.since,
        until=plan.wanted.until,
        new=raised[0].raised,
        old=raised[1].raised if plan.old else None,
        removed=_removed(site.journal, plan.after, plan.heads),
        names={one.id: one.title_ja for one in plan.new.detector.rules},
    )


@dataclass(slots=True)
class _Counting:
    """Both sinks of a road that keeps nothing: it counts hits in the range and what exceptions suppressed."""

    asked: Asked
    wanted: Range
    after: Mapping[str, int]
    site: Site
    raised: Raised = field(default_factory=Raised)
    inputs: list[CorrelationInput] = field(default_factory=list)
    scanned: int = 0

    def positions(self) -> dict[str, int]:
        """Where the road begins."""
        return dict(self.after)

    tally_positions = positions

    def put_hits(
        self,
        hits: Sequence[Hit],
        positions: Mapping[str, int],
        now: datetime,
        filtered: Sequence[Filtered] = (),
        feed: Feed | None = None,
    ) -> HitOutcome:
        """Count the hits, hold what is for correlations."""
        self.count(hits)
        self.raised.filtered += len(filtered)
        new = feed.inputs if feed else ()
        self.raised.inputs.update(one.rule_id for one in new)
        kept = new[: MOST - len(self.inputs)]
        self.inputs += kept
        self.raised.lost += len(new) - len(kept)
        return HitOutcome((), (), len(hits))

    def count(self, hits: Sequence[Hit]) -> None:
        """Count the hits of what is asked about, as far as they are in the range."""
        assets = marked(self.site.directory.devices, self.site.directory.systems)
        for hit in hits:
            rule = self.asked.rules.get(hit.rule_id)
            if rule is not None and self.wanted.since <= hit.timestamp < self.wanted.until:
                self.raised.add(hit, rule, assets, self.wanted.examples)

    def correlate(self) -> None:
        """Count what the held inputs lead to, in order of event time: what a replay would make of them."""
        correlator = Correlator(self.asked.detector.correlations, correlation_limits(self.site))
        ordered = sorted(self.inputs, key=lambda one: (one.time, one.source, one.seq))
        known: set[tuple[str, str]] = set()
        for start in range(0, len(ordered) + _STEP, _STEP):  # the last step has nothing left to wait for
            some = ordered[start : start + _STEP]
            step = correlator.take(some, Watermark(some[-1].time if some else NEVER))
            fresh = {(hit.rule_id, hit.event_id): hit for hit in step.hits}
            self.count([hit for key, hit in fresh.items() if key not in known])
            known |= fresh.keys()
        self.raised.lost += sum(correlator.state.counts.evicted.values())

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """Nothing is tallied."""

    def tallies(self) -> Mapping[str, Tally]:
        """Nothing was tallied."""
        return {}

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Nothing is stored."""
        return frame.height


def _run(site: Site, asked: Asked, plan: Plan, seen: Callable[[int], None]) -> _Counting:
    counting = _Counting(asked, plan.wanted, plan.after, site)
    stages = replace(site.stages, detector=asked.detector)
    pipeline = Pipeline(site.settings.site.id, _Until(site.journal, plan.heads), stages, counting, counting)
    try:
        while (progress := pipeline.step(site.now())).records:
            counting.scanned += progress.records
            seen(progress.records)
        pipeline.wait()
    finally:
        pipeline.close()
    if asked.detector.correlations:
        counting.correlate()
    return counting


@dataclass(frozen=True, slots=True)
class _Until:
    """A journal that ends where it ended when the work began: a busy site would never be read to its end."""

    journal: JournalReader
    ends: Mapping[str, int]

    def heads(self) -> dict[str, int]:
        """The last numbers then."""
        return dict(self.ends)

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """As the journal, up to where it ended."""
        batches = []
        for batch in self.journal.read(source, after, max_bytes):
            over = batch.last_seq - self.ends.get(source, 0)
            kept = batch if over <= 0 else replace(batch, records=batch.records[: len(batch.records) - over])
            if kept.records:
                batches.append(kept)
        return batches

    def drops(self) -> dict[str, dict[str, int]]:
        """As the journal."""
        return self.journal.drops()

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """As the journal."""
        return self.journal.record(source, seq)


def _removed(journal: JournalReader, after: Mapping[str, int], heads: Mapping[str, int]) -> dict[str, int]:
    """Records behind the beginning that retention took, by source; found by halving."""
    found = {}
    for source, head in heads.items():
        low = after.get(source, 0)
        first, last = low + 1, head + 1
        while first < last:
            middle = (first + last) // 2
            if journal.record(source, middle) is None:
                first = middle + 1
            else:
                last = middle
        if first > low + 1:
            found[source] = first - low - 1
    return found
