"""The main road: journal → normalize → enrich → detect → hits, and the same events → store.

One `Pipeline` works off a set of sources. `step` takes the next records of each, and commits their hits at once, so an
alert is on the screen within a second; the events themselves go to the store in larger commits (`flush`), written by a
thread beside the next steps. Each of the three sinks (hits, store, tally) keeps its own position per source in its own
transaction: after a crash the road starts again at the lowest, and every sink ignores what it already has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
import polars as pl

from secops.locale import _
from secops.schema.ecs import COLUMNS
from secops.schema.frame import EXTRA, EXTRA_TEXT, PIPELINE_ERROR, concat
from secops.siem.journal import DamagedError
from secops.siem.journal.ahead import ReadAhead
from secops.siem.normalize.given import UTF8
from secops.siem.normalize.reading import normalize_apart
from secops.siem.ports import (
    SHOWN_FIELDS,
    CorrelationInput,
    Detector,
    EventWriter,
    Feed,
    Filtered,
    Hit,
    HitOutcome,
    HitWriter,
    JournalReader,
    Part,
    RecordBatch,
    RowMatch,
    SourceClock,
    Tally,
)

log = logging.getLogger("secops")
STEP_BYTES = 16 << 20
FLUSH_ROWS = 25_000
MOST_ROWS = 4 * FLUSH_ROWS  # that may wait while a write is under way
# Batches of one origin received this close together are parsed as one: a syslog source commits ten times a second.
MERGE_WITHIN = timedelta(seconds=60)
_TALLIED = ("labels.source", "event.sequence", "event.kind", "@timestamp", "error.message", "event.ingested")
_SHOWN = 300  # characters of a value that an alert shows of a contributing event
_WINDOWS_DATA = '"winlog.event_data.'

FrameChange = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Stages:
    """What the road does to a frame between the journal and the sinks; each a function from frames to frames."""

    detector: Detector
    enrich: FrameChange
    mask: FrameChange
    mask_text: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: sequence numbers it went on by, and what the hits did to the queue."""

    records: int
    outcome: HitOutcome


NOTHING = Progress(0, HitOutcome((), (), 0))


class Pipeline:
    """Works off the journal of some sources into the hit sink and the store."""

    def __init__(
        self,
        site: str,
        journal: JournalReader,
        stages: Stages,
        store: EventWriter | None,
        sink: HitWriter,
        *,
        owns: Callable[[str], bool] = lambda _source: True,
        flush_every: timedelta = timedelta(seconds=3),
        step_bytes: int = STEP_BYTES,
    ) -> None:
        """``owns`` says which sources this worker is responsible for, ``step_bytes`` how much raw text a step takes.

        Without a store (it is away) hits alone are made, of what has none yet; a later road with the store begins where
        that one ends, and counts what it stores.
        """
        self._site = site
        self._journal = journal
        self._stages = stages
        self._store = store
        self._sink = sink
        self._owns = owns
        self._flush_every = flush_every
        self._step_bytes = step_bytes
        self._grouping = grouping_of(stages.detector)
        self._hits_at = sink.positions()
        self._tallied = sink.tally_positions()
        self._next = dict(self._hits_at)
        if store is not None:
            self._next = _lowest(self._hits_at, store.positions(), self._tallied)
        self._lost: dict[str, int] = {}
        self._buffer: list[pl.DataFrame] = []
        self._buffered_rows = 0
        self._oldest: datetime | None = None
        self._ahead = ReadAhead(journal)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._writing: Future[None] | None = None

    def step(self, now: datetime) -> Progress:
        """Take the next records of every source that has some; commit their hits; hand events to the store if due."""
        taken = _Taken()
        ahead: dict[str, int] = {}
        heads = self._journal.heads()
        behind = [source for source, head in heads.items() if self._owns(source) and head > self._next.get(source, 0)]
        for source in behind:
            after = self._next.get(source, 0)
            try:
                batches = self._ahead.read(source, after, heads[source], self._step_bytes // len(behind))
            except DamagedError as damage:
                if damage.source != source or damage.last_seq <= after:
                    raise
                # The records are gone, and `secops journal verify` says which. The road must not stop there for ever.
                log.error("%s", damage)  # noqa: TRY400 - the message says it all
                ahead[source] = damage.last_seq
                self._lost[source] = self._lost.get(source, 0) + damage.last_seq - max(after, damage.first_seq - 1)
                continue
            if batches:
                self._normalize(batches, taken)
                ahead[source] = batches[-1].last_seq
        progress = self._take(taken, ahead, now) if ahead else NOTHING
        if self._writing is not None and self._writing.done():
            self.wait()  # a write that failed is told now, not when more records come
        if self.flush_due(now):
            self.flush(now)
        return progress

    def run_dry(self, now: Callable[[], datetime], seen: Callable[[Progress], None] = lambda _progress: None) -> None:
        """Step until the journal has nothing more, then flush and wait for the store."""
        while (progress := self.step(now())).records:
            seen(progress)
        self.flush(now())
        self.wait()

    def flush_due(self, now: datetime) -> bool:
        """Whether enough rows, or old enough ones, wait for the store."""
        if self._oldest is None:
            return False
        writing = self._writing is not None and not self._writing.done()
        if writing and self._buffered_rows < MOST_ROWS:
            return False  # a slow store does not hold up the rules
        return self._buffered_rows >= FLUSH_ROWS or now - self._oldest >= self._flush_every

    def flush(self, now: datetime) -> None:
        """Hand what is buffered to the writing thread; waits for the write before it, so at most one is under way."""
        self.wait()
        if not self._buffer:
            return
        frame, positions, lost = concat(self._buffer), dict(self._next), self._lost
        self._buffer, self._buffered_rows, self._oldest, self._lost = [], 0, None, {}
        self._writing = self._writer.submit(self._write, frame, positions, lost, now)

    def wait(self) -> None:
        """Wait for the write under way; an error of the store is raised here, and nothing after it was committed."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def close(self) -> None:
        """Let the threads end."""
        self._ahead.close()
        self._writer.shutdown(wait=True)

    def _normalize(self, batches: Sequence[RecordBatch], taken: _Taken) -> None:
        detector = self._stages.detector
        for group in _merged(batches):
            merged = _as_one(group)
            frames, parts = normalize_apart(merged, self._site, detector.wanted)
            apart: Sequence[int] = []
            if parts:  # the search for keywords reads bytes as UTF-8
                plain = merged.origin.encoding in UTF8
                count = len(merged.records)
                apart = detector.likely(merged.records, parts, "windows") if plain else range(count)
            for frame in frames:
                full = _with_receive_times(frame, group) if len(group) > 1 else frame
                taken.add(full, parts, apart)

    def _take(self, taken: _Taken, ahead: Mapping[str, int], now: datetime) -> Progress:
        whole = self._stages.enrich(concat(taken.frames))
        frame = whole.drop(EXTRA_TEXT, strict=False)  # texts joined: a keyword may not reach from one to the next
        hits, filtered, inputs = self._hits(frame, taken, now)
        outcome = self._sink.put_hits(hits, ahead, now, filtered, Feed(inputs, _clocks(frame)))
        records = sum(position - self._next.get(source, 0) for source, position in ahead.items())
        self._hits_at.update(ahead)
        self._next.update(ahead)
        if self._store is not None:
            self._buffer.append(stored(whole))
            self._buffered_rows += frame.height
            self._oldest = self._oldest or now
        return Progress(records, outcome)

    def _hits(
        self, frame: pl.DataFrame, taken: _Taken, now: datetime
    ) -> tuple[list[Hit], list[Filtered], list[CorrelationInput]]:
        """Hits of the rows whose hits are not yet committed, what filters suppressed, and correlation inputs."""
        matches = self._stages.detector.match(frame, taken.parts, taken.apart, now=now)
        pairs = [(match.rule, row) for match in matches for row in match.rows]
        hits, inputs = self._made(frame, taken, pairs) if pairs else ([], [])
        return hits, self._suppressed(frame, matches), inputs

    def _suppressed(self, frame: pl.DataFrame, matches: Sequence[RowMatch]) -> list[Filtered]:
        detector = self._stages.detector
        triples = [(match.rule, *pair) for match in matches for pair in match.filtered]
        rows = [row for _rule, row, _filter in triples]
        where = frame.select("labels.source", "event.sequence", "event.ingested")[rows].iter_rows() if rows else ()
        return [
            Filtered(detector.filters[number].id, detector.rules[rule].id, source, seq, at)
            for (rule, _row, number), (source, seq, at) in zip(triples, where, strict=True)
            if seq > self._hits_at.get(source, 0)
        ]

    def _made(
        self, frame: pl.DataFrame, taken: _Taken, pairs: Sequence[tuple[int, int]]
    ) -> tuple[list[Hit], list[CorrelationInput]]:
        detector = self._stages.detector
        rows = sorted({row for _rule, row in pairs})
        events = dict(zip(rows, events_of(self._stages.mask(_filled(frame[rows]))), strict=True))
        new = [
            (rule, row)
            for rule, row in pairs
            if events[row]["event.sequence"] > self._hits_at.get(str(events[row]["labels.source"]), 0)
        ]
        inputs = [
            one for rule, row in new if (one := input_of(detector, rule, events[row], self._grouping)) is not None
        ]
        new = [(rule, row) for rule, row in new if detector.rules[rule].alerts]
        mask_text = lru_cache(maxsize=1024)(self._stages.mask_text)  # rules share the values they name
        hits = []
        for (rule, row), why in zip(new, detector.explain(new, frame, taken.parts), strict=True):
            event = events[row]
            source, seq = str(event["labels.source"]), int(event["event.sequence"])
            matched = tuple(replace(value, value=mask_text(value.value)) for value in why)
            hits.append(
                Hit(
                    rule_id=detector.rules[rule].id,
                    level=detector.rules[rule].level,
                    event_id=str(event["event.id"]),
                    source=source,
                    seq=seq,
                    timestamp=event["@timestamp"],
                    received=event["event.ingested"],
                    zone=str(event.get("labels.zone") or ""),
                    event=event,
                    matched=matched,
                )
            )
        return hits, inputs

    def _write(self, frame: pl.DataFrame, positions: Mapping[str, int], lost: Mapping[str, int], now: datetime) -> None:
        assert self._store is not None
        self._store.write(self._stages.mask(frame), positions)
        counted = frame.select(name for name in _TALLIED if name in frame.columns).filter(_behind(self._tallied))
        tallies = {tally.source: tally for tally in _tallies(counted, positions)}
        for source, count in lost.items():
            tally = tallies.get(source) or Tally(source, positions[source], 0, 0)
            reasons = {**tally.rejected_reasons, _("原本ログが壊れていて読めません"): count}
            tallies[source] = replace(tally, rejected=tally.rejected + count, rejected_reasons=reasons)
        self._sink.put_tallies(list(tallies.values()), now)
        self._tallied.update(positions)


@dataclass(slots=True)
class _Taken:
    """What one step read: frames to be put under each other, with parts and rows apart numbered accordingly."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    apart: list[int] = field(default_factory=list)
    height: int = 0

    def add(self, frame: pl.DataFrame, parts: Sequence[Part], apart: Sequence[int]) -> None:
        """Add a frame whose parts have its own row numbers."""
        at = self.height
        self.frames.append(frame)
        self.parts += [replace(part, rows=[row + at for row in part.rows]) if at else part for part in parts]
        self.apart += [row + at for row in apart]
        self.height += frame.height


def stored(frame: pl.DataFrame) -> pl.DataFrame:
    """What the store gets of a frame: without the columns made for rules only.

    So is the rendered ``message`` of a Windows event that has data fields, which repeats them.
    """
    kept = frame.select(name for name in frame.columns if name in COLUMNS or name in {EXTRA, EXTRA_TEXT})
    if "message" not in kept.columns or EXTRA not in kept.columns:
        return kept
    repeats = (pl.col("event.module") == "windows") & pl.col(EXTRA).str.contains(_WINDOWS_DATA, literal=True)
    return kept.with_columns(pl.when(repeats.fill_null(value=False)).then(None).otherwise("message").alias("message"))


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that have a value: of a few rows, most have none."""
    return frame.select(column for column in frame if column.null_count() < frame.height)


def events_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as flat events: nulls left out, the fields in `EXTRA` put beside the columns."""
    events = []
    for row in frame.iter_rows(named=True):
        event = {name: value for name, value in row.items() if value is not None and name != EXTRA}
        if row.get(EXTRA):
            event = {**orjson.loads(row[EXTRA]), **event}
        events.append(event)
    return events


def grouping_of(detector: Detector) -> tuple[str, ...]:
    """The fields by which alerts of correlations are told apart, beside those that every alert shows."""
    names = {name for rule in detector.rules if rule.kind == "correlation" for name in rule.group_by}
    return tuple(sorted(names.difference(SHOWN_FIELDS)))


def input_of(
    detector: Detector, rule: int, event: Mapping[str, Any], grouping: Sequence[str] = ()
) -> CorrelationInput | None:
    """What correlations get of an event (masked, flat) that met a rule; None where none refers to the rule."""
    values = detector.correlated(rule, event)
    if values is None:
        return None
    return CorrelationInput(
        rule_id=detector.rules[rule].id,
        event_id=str(event["event.id"]),
        source=str(event["labels.source"]),
        seq=int(event["event.sequence"]),
        time=event["@timestamp"],
        received=event["event.ingested"],
        zone=str(event.get("labels.zone") or ""),
        values=values,
        event={
            name: event[name][:_SHOWN] if isinstance(event[name], str) else event[name]
            for name in (*SHOWN_FIELDS, *grouping)
            if event.get(name) is not None
        },
    )


def _clocks(frame: pl.DataFrame) -> dict[str, SourceClock]:
    """How far each source is.

    An event of the future is one with a wrong clock: it does not move that of its source. What has no time but that of
    its receipt counts only where nothing else came; a record that could not be read never does.
    """
    if not frame.height:
        return {}
    moment = pl.min_horizontal("@timestamp", "event.ingested")
    unread = (pl.col("event.kind") == PIPELINE_ERROR).fill_null(value=False)
    made_up = pl.lit(value=False)
    if "labels.time_source" in frame.columns:
        made_up = (pl.col("labels.time_source") == "received").fill_null(value=False)
    found = frame.group_by("labels.source").agg(
        moment.filter(~unread & ~made_up).max().alias("time"),
        moment.filter(~unread).max().alias("otherwise"),
        pl.col("event.ingested").max(),
    )
    return {
        source: SourceClock(time or otherwise, received)
        for source, time, otherwise, received in found.iter_rows()
        if otherwise is not None
    }


def _lowest(*positions: Mapping[str, int]) -> dict[str, int]:
    """Per source the lowest of all positions; a sink that does not know a source has nothing of it."""
    sources = set().union(*positions)
    return {source: min(one.get(source, 0) for one in positions) for source in sources}


def _merged(batches: Sequence[RecordBatch]) -> Iterator[list[RecordBatch]]:
    """Neighbouring batches that can be parsed in one go: same origin but for the offset, received close together."""
    group: list[RecordBatch] = []
    for batch in batches:
        if group and (
            batch.first_seq != group[-1].last_seq + 1
            or batch.received - group[0].received > MERGE_WITHIN
            or replace(batch.origin, offset=None) != replace(group[0].origin, offset=None)
        ):
            yield group
            group = []
        group.append(batch)
    if group:
        yield group


def _as_one(group: Sequence[RecordBatch]) -> RecordBatch:
    first = group[0]
    if len(group) == 1:
        return first
    records = [record for batch in group for record in batch.records]
    return RecordBatch(first.source, first.first_seq, first.received, first.origin, records)


def _with_receive_times(frame: pl.DataFrame, group: Sequence[RecordBatch]) -> pl.DataFrame:
    """Give each row back the receive time of the batch it came in, by its sequence number."""
    begins = pl.Series([batch.first_seq for batch in group], dtype=pl.Int64)
    received = pl.Series([batch.received for batch in group], dtype=frame.schema["event.ingested"])
    batch_of_row = begins.search_sorted(frame["event.sequence"], side="right") - 1
    return frame.with_columns(received[batch_of_row].alias("event.ingested"))


def _behind(positions: Mapping[str, int]) -> pl.Expr:
    """Rows behind the given position of their source."""
    position = pl.col("labels.source").replace_strict(positions, default=0, return_dtype=pl.Int64)
    return pl.col("event.sequence") > position


def _tallies(frame: pl.DataFrame, positions: Mapping[str, int]) -> list[Tally]:
    """Count a flushed frame per source: stored, and rejected with the reasons."""
    is_error = (pl.col("event.kind") == PIPELINE_ERROR).fill_null(value=False)
    counts = frame.group_by("labels.source").agg(
        pl.len().alias("all"),
        is_error.sum().alias("rejected"),
        pl.col("@timestamp").filter(~is_error).max().alias("last"),
    )
    reasons: dict[str, dict[str, int]] = {}
    if "error.message" in frame.columns:
        errors = frame.filter(is_error).group_by("labels.source", "error.message").len()
        for source, message, count in errors.iter_rows():
            reasons.setdefault(source, {})[message or ""] = count
    hours: dict[str, dict[datetime, int]] = {}
    for source, hour, count in frame.group_by("labels.source", pl.col("event.ingested").dt.truncate("1h")).len().rows():
        hours.setdefault(source, {})[hour] = count
    return [
        Tally(source, positions[source], total - rejected, rejected, last, reasons.get(source, {}), hours[source])
        for source, total, rejected, last in counts.iter_rows()
    ]
