"""Killed writers, concurrent readers, torn commits, generations: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from secops.errors import QueryError, StoreError
from secops.query.tree import All, Text
from secops.schema.ecs import dtype
from secops.siem.ports import Scope, Span
from secops.store.events.boot import take_back
from secops.store.events.engine import AT_ONCE, Engine
from secops.store.events.generations import current_generation, drop_old, new_generation, swap
from secops.store.events.lake import Lake

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
EVERYONE = Scope()


def batch(source: str, first: int, count: int) -> pl.DataFrame:
    names = ("@timestamp", "event.id", "event.sequence", "event.ingested", "event.kind", "event.module")
    rows = [
        (NOON + timedelta(seconds=seq), f"s.{source}.{seq}", seq, NOON, "event", "m", "test.log", source)
        for seq in range(first, first + count)
    ]
    schema = {name: dtype(name) for name in (*names, "event.dataset", "labels.source")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def sequences(lake: Lake, source: str) -> list[int]:
    found = lake.search(All(), Span(), EVERYONE, limit=10_000, newest_first=False).events
    return [event["event.sequence"] for event in found if event["labels.source"] == source]


WRITER = """
import importlib.util, sys
from pathlib import Path
from secops.store.events.lake import Lake
spec = importlib.util.spec_from_file_location("batches", sys.argv[1])
batches = importlib.util.module_from_spec(spec)
spec.loader.exec_module(batches)
source = sys.argv[3]
lake = Lake(Path(sys.argv[2]), threads=1)
at = lake.positions().get(source, 0)
print("ready", flush=True)
while True:
    # As a worker does: it may have written more than it remembers.
    lake.write(batches.batch(source, max(1, at - 2), 7), {source: max(1, at - 2) + 6})
    at = lake.positions()[source]
    print(at, flush=True)
"""


def writer(folder: Path, source: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, __file__, str(folder), source], stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> list[int]:
    """Kill a writer; returns the positions it had been told."""
    process.send_signal(signal.SIGKILL)
    told, _errors = process.communicate(timeout=20)
    return [int(line) for line in told.split() if line.isdigit()]


def test_killed_writers_lose_nothing_and_repeat_nothing(tmp_path):
    chance = random.Random(7)
    told: dict[str, int] = {}
    for _round in range(5):
        processes = {source: writer(tmp_path, source) for source in ("a", "b")}
        for process in processes.values():
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 0.5))
        for source, process in processes.items():
            told[source] = max([told.get(source, 0), *kill(process)])
        lake = Lake(tmp_path, threads=1)
        for source, position in lake.positions().items():
            assert position >= told[source]
            assert sequences(lake, source) == list(range(1, position + 1))
        lake.close()
    assert min(told.values()) > 20


def test_two_writers_of_one_source_store_each_row_once(tmp_path):
    lakes = [Lake(tmp_path, threads=1) for _one in range(2)]
    threads = [
        threading.Thread(target=lambda lake=lake: [lake.write(batch("a", 1, n), {"a": n}) for n in range(1, 30)])
        for lake in lakes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sequences(lakes[0], "a") == list(range(1, 30))
    for lake in lakes:
        lake.close()


def test_a_reader_sees_whole_commits_while_others_write_and_compact(tmp_path):
    reading, keeping = Lake(tmp_path, threads=1), Lake(tmp_path, threads=1)
    process = writer(tmp_path, "a")
    began = time.monotonic()
    last = merged = 0

    def seen_enough() -> bool:
        """After a while, and on a busy machine when there was something to see."""
        spent = time.monotonic() - began
        return spent > 60 or (spent > 4 and merged > 0 and last > 20)

    try:
        while not seen_enough():
            done = keeping.compact()
            merged += done["merged"]
            # As if an hour had passed: files that readers may still have on their list disappear.
            keeping._table.vacuum(0)
            rows = sequences(reading, "a")
            assert rows == list(range(1, len(rows) + 1))
            assert len(rows) >= last
            last = len(rows)
    finally:
        kill(process)
    assert merged > 0
    assert last > 20
    reading.close()
    keeping.close()


def test_a_torn_commit_is_taken_back_and_written_again(tmp_path):
    lake = Lake(tmp_path, threads=1)
    for at in range(1, 4):
        lake.write(batch("a", at, 1), {"a": at})
    place = tmp_path / "g1"
    newest = max(place.rglob("*.parquet"), key=lambda path: (path.name != "_schema.parquet", path.stat().st_mtime_ns))
    lake.close()
    newest.write_bytes(b"\0" * newest.stat().st_size)  # what a power loss leaves of a file that was not forced out
    (place / ".boot").write_text("another boot")
    again = Lake(tmp_path, threads=1)
    assert again.positions() == {"a": 2}
    assert again.write(batch("a", 1, 3), {"a": 3}) == 1
    assert sequences(again, "a") == [1, 2, 3]
    again.close()


def test_a_torn_log_entry_is_taken_back(tmp_path):
    lake = Lake(tmp_path, threads=1)
    lake.write(batch("a", 1, 1), {"a": 1})
    lake.write(batch("a", 2, 1), {"a": 2})
    lake.close()
    log = tmp_path / "g1" / "_delta_log"
    newest = max(log.glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:50])
    (tmp_path / "g1" / ".boot").write_text("another boot")
    again = Lake(tmp_path, threads=1)
    assert again.positions() == {"a": 1}
    again.close()


def test_a_whole_log_stays(tmp_path):
    lake = Lake(tmp_path, threads=1)
    for at in range(1, 15):
        lake.write(batch("a", at, 1), {"a": at})
    lake.compact()
    lake._table.vacuum(0)
    lake.close()
    assert take_back(tmp_path / "g1") == []


def test_the_log_stays_readable_over_many_commits(tmp_path):
    lake = Lake(tmp_path, threads=1)
    for at in range(1, 45):
        lake.write(batch(f"src{at % 3}", at, 1), {f"src{at % 3}": at})
    again = Lake(tmp_path, threads=1)
    assert again.positions() == {"src0": 42, "src1": 43, "src2": 44}
    assert again.stats().rows == 44
    lake.close()
    again.close()


def test_a_new_generation_counts_anew_and_is_swapped_in(tmp_path):
    first = Lake(tmp_path, threads=1)
    first.write(batch("a", 1, 3), {"a": 3})
    name = new_generation(tmp_path)
    second = Lake(tmp_path, name, threads=1)
    assert second.positions() == {}
    second.write(batch("a", 1, 2), {"a": 2})
    assert current_generation(tmp_path) == "g1"
    swap(tmp_path, name)
    live = Lake(tmp_path, threads=1)
    assert live.generation == "g2"
    assert sequences(live, "a") == [1, 2]
    assert drop_old(tmp_path) == ("g1",)
    assert not (tmp_path / "g1").exists()
    for lake in (first, second, live):
        lake.close()


def test_a_damaged_current_file_is_said(tmp_path):
    (tmp_path / "CURRENT").write_text("../../etc")
    with pytest.raises(StoreError, match="世代"):
        current_generation(tmp_path)


def test_a_query_that_takes_too_long_is_stopped(tmp_path):
    lake = Lake(tmp_path, seconds=0.2, threads=1)
    lake.write(batch("a", 1, 1), {"a": 1})
    assert lake._engine is None
    engine = Engine(tmp_path, memory="256MB", threads=1, seconds=0.2)
    with pytest.raises(QueryError, match="終わりませんでした"):
        engine.ask("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range % 7 = b.range % 5", {})
    assert lake.count(Text("a"), Span(), EVERYONE) == 1
    engine.close()
    lake.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/secops-escape.csv'",
        "ATTACH '/tmp/secops-escape.db'",
        "INSTALL httpfs",
        "SET threads = 64",
        "SET enable_external_access = true",
    ],
)
def test_sql_reaches_nothing_but_the_lake(tmp_path, sql):
    engine = Engine(tmp_path, memory="256MB", threads=1, seconds=5)
    with pytest.raises(StoreError):
        engine.ask(sql, {})
    engine.close()


def test_a_folder_with_odd_names_works(tmp_path):
    folder = tmp_path / "庁内 ログ's"
    lake = Lake(folder, threads=1)
    odd = batch("a", 1, 5).with_columns(pl.lit("ＳＫＹ SEA/../x").alias("event.dataset"))
    lake.write(odd, {"a": 5})
    lake.write(odd.with_columns(pl.col("event.sequence") + 5), {"a": 10})
    assert lake.count(All(), Span(), EVERYONE) == 10
    lake.close()


def test_a_folder_that_delta_cannot_name_is_refused(tmp_path):
    with pytest.raises(StoreError, match="%"):
        Lake(tmp_path / "50%25", threads=1)


def test_a_crowd_of_searches_waits_in_turn_and_is_told_when_that_takes_too_long(tmp_path):
    engine = Engine(tmp_path, memory="256MB", threads=1, seconds=0.05)
    for _place in range(AT_ONCE):
        engine._places.acquire()
    with pytest.raises(QueryError, match="ほかの検索が続いていて") as told:
        engine.ask("SELECT 1 AS n", {})
    assert told.value.limit
    engine._places.release()
    for _again in range(3):  # a place is given back, after a mistake too
        assert engine.ask("SELECT 1 AS n", {})["n"].to_list() == [1]
        with pytest.raises(StoreError):
            engine.ask("SELECT nothing", {})
    engine.close()
