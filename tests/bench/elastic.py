"""100,000 events into Elasticsearch and into the lake: the store alone, and a whole `secops ingest`."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from secops.siem.ports import EventWriter
from secops.store.events.lake import Lake
from tests import elastic
from tests.bench.events import CHUNK, chunk, spread
from tests.bench.measure import Row, secops

EVENTS = 100_000


def rows(folder: Path) -> Iterator[Row]:
    if not elastic.URL:
        yield Row("elasticsearch: skipped, SECOPS_TEST_ES_URL names none", "")
        return
    with elastic.own_prefix() as prefix:
        yield from _ratio("whole ingest", _ingest(folder, ""), _ingest(folder, prefix))
    with elastic.own_prefix() as prefix:
        lake, store = Lake(folder / "elastic-lake"), elastic.store(prefix)
        store.positions()  # connects, puts the template
        yield from _ratio("store alone", _write(lake), _write(store))
        lake.close()
        store.close()


def _ratio(what: str, lake: float, other: float) -> Iterator[Row]:
    yield Row(f"lake: {EVENTS:,} events, {what}", f"{EVENTS / lake:,.0f} /s")
    target = "≥ 0.50" if what == "whole ingest" else ""
    yield Row(f"elasticsearch: {EVENTS:,} events, {what}", f"{EVENTS / other:,.0f} /s", f"{lake / other:.2f}", target)


def _write(store: EventWriter) -> float:
    """Seconds for frames that are made already."""
    times = spread(EVENTS, timedelta(hours=1), pl.lit(datetime(2026, 11, 21, tzinfo=UTC)))
    frames = [(first, chunk(first, times)) for first in range(1, EVENTS, CHUNK)]
    started = time.perf_counter()
    for first, frame in frames:
        store.write(frame, {"wec": first + CHUNK - 1})
    return time.perf_counter() - started


def _ingest(folder: Path, prefix: str) -> float:
    """Seconds of the command, from a file of Windows events to the last alert; with a prefix into Elasticsearch."""
    site, file = folder / f"ingest-{prefix or 'lake'}", folder / "ingest.json"
    if not file.exists():
        _events(file)
    secops("init", site, "--id", "ward")
    if prefix:
        settings = site / "secops.toml"
        text = settings.read_text(encoding="utf-8")
        own = f'kind = "elasticsearch"\nurls = ["{elastic.URL}"]\nprefix = "{prefix}"'
        settings.write_text(text.replace('kind = "lake"', own, 1), encoding="utf-8")
    return secops("ingest", file, "--zone", "lgwan", "--site", site).seconds


def _events(file: Path) -> None:
    random_ = random.Random(1)
    with file.open("w", encoding="utf-8") as out:
        for number in range(EVENTS):
            name = f"tool{random_.randrange(300)}.exe"
            event = {
                "@timestamp": f"2026-11-20T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Provider": "Microsoft-Windows-Sysmon",
                "EventID": 1,
                "Computer": f"L-{random_.randrange(2000):04}",
                "EventRecordID": number,
                "Image": f"C:\\work\\{name}",
                "CommandLine": f"C:\\work\\{name} --task {random_.randrange(10**6)}",
                "User": f"WARD\\user{random_.randrange(3000)}",
                "ProcessGuid": f"{{{random_.getrandbits(96):x}}}",
                "ProcessId": random_.randrange(60_000),
                "LogonId": f"0x{random_.randrange(1 << 24):x}",
                "IntegrityLevel": random_.choice(["Medium", "High", "System"]),
                "CurrentDirectory": f"C:\\Users\\user{random_.randrange(3000)}\\",
                "TerminalSessionId": random_.randrange(9),
            }
            out.write(json.dumps(event) + "\n")
