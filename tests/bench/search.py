"""Search of a day of a million events in the lake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import polars as pl

from secops.query.parse import parse
from secops.siem.ports import Scope, Span
from secops.store.events.lake import Lake
from tests.bench.events import CHUNK, chunk, spread
from tests.bench.measure import Row

EVENTS = 1_000_000
DAY = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = Span(DAY, DAY + timedelta(days=1))


def rows(folder: Path) -> Iterator[Row]:
    times = spread(EVENTS, timedelta(days=1), pl.lit(DAY + timedelta(days=1)))
    lake = Lake(folder / "search-lake")
    seconds = 0.0
    for first in range(1, EVENTS, CHUNK):
        frame = chunk(first, times)
        started = time.perf_counter()
        lake.write(frame, {"wec": first + CHUNK - 1})
        seconds += time.perf_counter() - started
    lake.compact()
    yield Row(f"lake: write {EVENTS:,} events", f"{EVENTS / seconds:,.0f} /s")
    for name, query, target in (
        ("typed field", "labels.zone:lgwan AND process.name:tool7.exe", "< 0.2 s"),
        ("other field", "winlog.event_data.LogonId:0xabc*", "< 1 s"),
        ("bare word", "user1234", "< 3 s"),
    ):
        taken = median(_timed(partial(_search, lake, query)) for _ in range(5))
        yield Row(f"search a day of {EVENTS:,} events: {name}", f"{taken:.2f} s", "", target)
    lake.close()


def _search(lake: Lake, query: str) -> None:
    lake.search(parse(query, SPAN.until or DAY), SPAN, Scope(), limit=100)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
