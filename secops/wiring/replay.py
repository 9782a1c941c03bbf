"""`secops replay`: build events and hits anew from the journal, beside the live ones, and swap both.

The workers go on meanwhile in the old generation. For the last stretch and the swap their generation locks are taken:
they stand still for a moment, find a new generation, and go on in it. A replay that dies leaves nothing behind that
anyone reads; the next one clears it away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from secops.schema.dates import parse_duration
from secops.schema.frame import concat
from secops.siem.correlating import correlate_replayed, watermark
from secops.siem.pipeline import Pipeline
from secops.siem.ports import JournalReader
from secops.store.records.replay import ReplaySink
from secops.wiring.correlation import correlation_limits
from secops.wiring.crew import WORTHWHILE, work_off_together
from secops.wiring.locks import held
from secops.wiring.site import Site
from secops.wiring.stores import GenerationStore


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: records read, hits found, alerts opened and removed, and those kept only for their notes."""

    records: int
    hits: int
    opened: int
    removed: int
    unconfirmed: int


def replay(site: Site, since: datetime | None, seen: Callable[[int], None]) -> Replayed:
    """Rebuild everything (or what was received since a moment) and swap it in; ``seen`` gets numbers of records.

    Raises:
        ConflictError: another replay is under way.
        StoreError: the disk is full; the live generation was not touched.
    """
    with held(site.folder, "replay"):
        # Hits and events whose records retention removed cannot be found anew: they stay.
        after = positions_at(site.journal, since) if since else site.journal.removed()
        stores = site.stores
        stores.drop_old()
        store = stores.open(stores.new())
        if after:
            copy_before(site.store, store, after)
        sink = site.desk.replay_sink(after)
        records = 0

        def count(found: int) -> None:
            nonlocal records
            records += found
            seen(found)

        try:
            _work_off(site, store, sink, count)
            with ExitStack() as stack:
                for number in range(site.settings.work.workers):
                    stack.enter_context(held(site.folder, f"generation-{number}", wait=True))
                _work_off(site, store, sink, count)
                _correlate(site, sink)
                swapped = site.desk.swap_replay(site.now())
                stores.swap(store.generation)
        finally:
            store.close()
        site.reopen_store()
    return Replayed(records, swapped.hits, len(swapped.opened), swapped.removed, len(swapped.unconfirmed))


def _work_off(site: Site, store: GenerationStore, sink: ReplaySink, count: Callable[[int], None]) -> None:
    """What is in the journal and not in the new generation; on all cores where that is much."""
    done = store.positions()
    if sum(head - done.get(source, 0) for source, head in site.journal.heads().items()) > WORTHWHILE:
        work_off_together(site, store.generation, lambda: (store, sink), lambda: False, count)
    pipeline = Pipeline(site.settings.site.id, site.journal, site.stages, store, sink)
    try:
        pipeline.run_dry(site.now, lambda progress: count(progress.records))
    finally:
        pipeline.close()


def _correlate(site: Site, sink: ReplaySink) -> None:
    """Everything is read, nobody writes: what the keeper would have found in the same records, late ones included."""
    chosen, now = site.settings.correlation, site.now()
    mark = watermark(sink.correlation_clocks(), (), now, parse_duration(chosen.lateness))
    correlate_replayed(sink, sink.correlation_by_time, site.detector.correlations, mark, correlation_limits(site), now)


def copy_before(old: GenerationStore, new: GenerationStore, after: Mapping[str, int]) -> None:
    """Take over the events up to the given positions as they are; the positions come last, with all rows in place."""
    limit = pl.col("labels.source").replace_strict(after, default=0, return_dtype=pl.Int64)
    for frame in old.frames():
        new.write(frame.filter(pl.col("event.sequence") <= limit), {})
    new.write(concat([]), after)


def positions_at(journal: JournalReader, since: datetime) -> Mapping[str, int]:
    """Per source the last sequence number received before a moment; found by halving, since receive times ascend."""
    return {source: _before(journal, source, head, since) for source, head in journal.heads().items()}


def _before(journal: JournalReader, source: str, head: int, since: datetime) -> int:
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        record = journal.record(source, middle)
        # What retention removed is older than anything that is still there.
        if record is None or record.received < since:
            low = middle
        else:
            high = middle - 1
    return low
