"""`secops rules impact`: the main road over what is journaled, with one rule and with sinks that only count.

It is the same road as live (normalize, enrich, detect, exceptions, grouping), so it gives the same answer. Nothing is
written: the site may run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from secops.errors import Problem, RuleError, UsageError
from secops.locale import _
from secops.siem.detect.load import load_detector
from secops.siem.pipeline import Pipeline
from secops.siem.ports import Feed, Filtered, Hit, HitOutcome, JournalReader, RecordBatch, Rule, Tally
from secops.siem.triage.identity import marked
from secops.siem.triage.impact import Impact, Raised, versions
from secops.wiring.replay import positions_at
from secops.wiring.rules import BUILTIN
from secops.wiring.site import Site

if TYPE_CHECKING:
    import polars as pl

    from secops.siem.detect import SigmaDetector


@dataclass(frozen=True, slots=True)
class Range:
    """Event times from ``since`` up to ``until``, and how many examples are kept."""

    since: datetime
    until: datetime
    examples: int = 5


def impact_of(site: Site, path: Path, wanted: Range, seen: Callable[[int], None]) -> Impact:
    """What the only rule in a file would have raised; ``seen`` gets numbers of records.

    All that was received since ``since`` is read; what happened outside the range is not counted.

    Raises:
        UsageError: the file holds several rules, or none.
        RuleError: the rule has mistakes, or cannot run in this site; all reasons are named.
    """
    files = [(str(path), path.read_text(encoding="utf-8", errors="replace"))]
    new = _detector(site, files)
    rule = _only_rule(new)
    current = versions(site.detector.rules, rule.id)
    old = _detector(site, [(current.path, current.text)]) if current else None
    after = positions_at(site.journal, wanted.since)
    heads = site.journal.heads()
    raised = [_run(site, detector, wanted, (after, heads), seen) for detector in (new, old) if detector]
    return Impact(
        rule_id=rule.id,
        title=rule.title_ja,
        scanned=raised[0].scanned,
        since=wanted.since,
        until=wanted.until,
        new=raised[0].raised,
        old=raised[1].raised if old else None,
        removed=_removed(site.journal, after, heads),
    )


def _detector(site: Site, files: Sequence[tuple[str, str]]) -> SigmaDetector:
    """A detector of one rule, with the exceptions and placeholders of the site."""
    exceptions = {one.path: one.text for one in site.detector.filters}
    exceptions |= {path: text for path, text in site.rule_files() if Path(path).name == "placeholders.yml"}
    exceptions = {path: text for path, text in exceptions.items() if path not in dict(files)}
    return load_detector(
        [*files, *exceptions.items()],
        (BUILTIN / "logsources.yml").read_text(encoding="utf-8"),
        placeholders=site.settings.rules.placeholders,
        pipelines=site.pipeline_files(),
    )


def _only_rule(detector: SigmaDetector) -> Rule:
    if len(detector.rules) != 1:
        text = _("ルールを 1 つだけ書いたファイルを指定してください({count} 件ありました)。")
        raise UsageError(text.format(count=len(detector.rules)))
    rule = detector.rules[0]
    if not rule.active:
        own = [problem for problem in detector.problems if problem.where.startswith(rule.path)]
        raise RuleError(own or [Problem(rule.path, rule.reason)])
    return rule


@dataclass(slots=True)
class _Counting:
    """Both sinks of a road that keeps nothing: it counts hits in the range and what exceptions suppressed."""

    rule: Rule
    wanted: Range
    after: Mapping[str, int]
    site: Site
    raised: Raised = field(default_factory=Raised)
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
        """Count."""
        assets = marked(self.site.directory.devices, self.site.directory.systems)
        for hit in hits:
            if self.wanted.since <= hit.timestamp < self.wanted.until:
                self.raised.add(hit, self.rule, assets, self.wanted.examples)
        self.raised.filtered += len(filtered)
        return HitOutcome((), (), len(hits))

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """Nothing is tallied."""

    def tallies(self) -> Mapping[str, Tally]:
        """Nothing was tallied."""
        return {}

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Nothing is stored."""
        return frame.height


def _run(
    site: Site,
    detector: SigmaDetector,
    wanted: Range,
    ends: tuple[Mapping[str, int], Mapping[str, int]],
    seen: Callable[[int], None],
) -> _Counting:
    after, heads = ends
    counting = _Counting(detector.rules[0], wanted, after, site)
    stages = replace(site.stages, detector=detector)
    pipeline = Pipeline(site.settings.site.id, _Until(site.journal, heads), stages, counting, counting)
    try:
        while (progress := pipeline.step(site.now())).records:
            counting.scanned += progress.records
            seen(progress.records)
        pipeline.wait()
    finally:
        pipeline.close()
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
