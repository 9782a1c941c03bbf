"""Several processes at one database: nothing lost, nothing twice, nobody told to go away; and one killed anywhere."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, Hit, Scope, State, Verdict
from secops.store.records import open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ALL = Scope()
SPAWN = multiprocessing.get_context("spawn")
BATCHES = 20
SIZE = 25


def hit(source: str, seq: int) -> Hit:
    event = {"host.name": f"K-{seq % 7}", "process.command_line": "x" * 500}
    return Hit("r1", Severity.HIGH, f"ward.{source}.{seq}", source, seq, NOW, NOW, "lgwan", event)


def put(path: Path, source: str, batches: int) -> None:
    """A worker: batch after batch, from where the database says it is."""
    records = open_records(path)
    done = records.positions().get(source, 0)
    while done < batches * SIZE:
        hits = [hit(source, done + n) for n in range(1, SIZE + 1)]
        records.put_hits(hits, {source: done + SIZE}, NOW)
        done += SIZE
    records.dispose()


def close_all(path: Path, until: int) -> None:
    """A person who closes whatever is open, until so many hits have been judged."""
    records = open_records(path)
    judged = 0
    deadline = time.monotonic() + 60
    while judged < until and time.monotonic() < deadline:
        found = records.alerts(AlertFilter(states=frozenset({State.OPEN})), ALL, limit=100).alerts
        for alert in found:
            records.close([alert.id], Verdict.FALSE_POSITIVE, "更新", actor="sato", scope=ALL, now=NOW)
            judged += records.detail(alert.id, ALL).alert.count
    records.dispose()


def test_workers_and_people_at_once(tmp_path: Path):
    path = tmp_path / "records.db"
    open_records(path).dispose()
    total = 2 * BATCHES * SIZE
    people = SPAWN.Process(target=close_all, args=(path, total))
    workers = [SPAWN.Process(target=put, args=(path, source, BATCHES)) for source in ("win", "fw")]
    for process in (people, *workers):
        process.start()
    for process in (people, *workers):
        process.join(90)
        assert process.exitcode == 0
    records = open_records(path)
    page = records.alerts(AlertFilter(), ALL, limit=10_000)
    assert sum(alert.count for alert in page.alerts) == total
    assert {alert.state for alert in page.alerts} == {State.CLOSED}
    assert records.positions() == {"win": BATCHES * SIZE, "fw": BATCHES * SIZE}
    records.dispose()
    assert_consistent(path)


def test_killed_at_any_moment(tmp_path: Path):
    path = tmp_path / "records.db"
    open_records(path).dispose()
    reached = 0
    for attempt in range(4):
        worker = SPAWN.Process(target=put, args=(path, "win", 100_000))
        worker.start()
        assert worker.pid is not None
        wait_for_progress(path, reached)
        time.sleep(0.017 * attempt)
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        reached = assert_consistent(path)
    put(path, "win", reached // SIZE + 1)
    assert assert_consistent(path) == reached + SIZE


def wait_for_progress(path: Path, reached: int) -> None:
    records = open_records(path)
    deadline = time.monotonic() + 30
    while records.positions().get("win", 0) <= reached:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    records.dispose()


def assert_consistent(path: Path) -> int:
    """Hits are exactly those up to the positions, counts are the hits; returns the position of ``win``."""
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    positions = dict(file.execute("SELECT source, seq FROM positions"))
    hits = file.execute("SELECT source, count(*), count(DISTINCT seq), min(seq), max(seq) FROM hits GROUP BY source")
    assert {row[0]: row[1:] for row in hits} == {source: (seq, seq, 1, seq) for source, seq in positions.items()}
    wrong = "SELECT id FROM alerts a WHERE count != (SELECT count(*) FROM hits WHERE alert_id = a.id)"
    assert file.execute(wrong).fetchall() == []
    gaps = "SELECT alert_id FROM hits GROUP BY alert_id HAVING max(nth) != count(*) OR count(DISTINCT nth) != count(*)"
    assert file.execute(gaps).fetchall() == []
    file.close()
    return int(positions["win"])
