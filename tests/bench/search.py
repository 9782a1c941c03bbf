"""Search of a day of a million events in the lake."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import orjson
import polars as pl

from secops.query.parse import parse
from secops.schema.ecs import dtype
from secops.schema.frame import EXTRA
from secops.siem.ports import Scope, Span
from secops.store.events.lake import Lake
from tests.bench.measure import Row

EVENTS = 1_000_000
CHUNK = 50_000
DAY = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = Span(DAY, DAY + timedelta(days=1))


def chunk(first: int, random_: random.Random) -> pl.DataFrame:
    """Windows process starts of 2,000 machines, with fields outside ECS."""
    count = range(first, first + CHUNK)
    at = [DAY + timedelta(seconds=number * 86400 / EVENTS) for number in count]
    programs = [f"tool{random_.randrange(300)}.exe" for _ in count]
    commands = [f"C:\\work\\{name} --task {random_.randrange(10**6)}" for name in programs]
    extra = [
        orjson.dumps(
            {
                "winlog.event_data.ProcessGuid": f"{{{random_.getrandbits(96):x}}}",
                "winlog.event_data.LogonId": f"0x{random_.randrange(1 << 24):x}",
                "winlog.event_data.IntegrityLevel": random_.choice(["Medium", "High", "System"]),
                "winlog.event_data.CurrentDirectory": f"C:\\Users\\user{random_.randrange(3000)}\\",
                "winlog.event_data.Company": "〇〇システム株式会社",
                "winlog.event_data.TerminalSessionId": random_.randrange(9),
            }
        ).decode()
        for _ in count
    ]
    columns = {
        "@timestamp": at,
        "event.id": [f"bench.wec.{number}" for number in count],
        "event.sequence": list(count),
        "event.ingested": at,
        "event.kind": ["event"] * CHUNK,
        "event.module": ["windows"] * CHUNK,
        "event.dataset": ["windows.sysmon"] * CHUNK,
        "event.code": ["1"] * CHUNK,
        "labels.source": ["wec"] * CHUNK,
        "labels.zone": [random_.choice(["mynumber", "lgwan", "internet"]) for _ in count],
        "host.name": [f"L-{random_.randrange(2000):04}" for _ in count],
        "user.name": [f"user{random_.randrange(3000)}" for _ in count],
        "process.name": programs,
        "process.command_line": commands,
        EXTRA: extra,
    }
    return pl.DataFrame(columns, schema={name: dtype(name) for name in columns})


def rows(folder: Path) -> Iterator[Row]:
    random_ = random.Random(1)
    lake = Lake(folder / "search-lake")
    seconds = 0.0
    for first in range(1, EVENTS, CHUNK):
        frame = chunk(first, random_)
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
