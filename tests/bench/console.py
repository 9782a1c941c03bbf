"""Pages of the console with 100,000 alerts and a lake behind them, and closing 10,000 alerts at once.

What it is measured on takes some minutes to make: ``SECOPS_BENCH_KEEP=FOLDER`` keeps it there for the next time.
``SECOPS_BENCH_EVENTS`` is how many events each of the two lakes has; both are measured, since what a page costs depends
on how many events there are in half an hour, not on how many there are at all.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import event

from secops.access.ports import Role, SessionLimits
from secops.siem.ports import AlertFilter, BulkAction, Chosen, Scope, Verdict
from secops.siem.triage.identity import Assets
from secops.store.events.lake import Lake
from secops.store.events.remembered import Remembered
from secops.store.records import Records
from secops.store.records.accounts import SqlAccounts
from secops.store.records.engine import Database, connect
from secops.store.records.migrate import upgrade
from secops.store.records.paging import SqlPaging
from tests.bench.console_data import ALERTS, lake_at, records_at
from tests.bench.measure import Row
from tests.web.stage import NOW, QUICK, RULES, Stage

CLOSED_AT_ONCE = 10_000
EVENTS = int(os.environ.get("SECOPS_BENCH_EVENTS", "10000000"))
DENSITIES = {"1 M events a day": 1_000_000, "10 M events a day": 10_000_000}
TURNS = 21
NEWEST, SERVER = ALERTS, ALERTS - 60  # an alert of a terminal, and one of a server that has one event in fifty
PAGES = {
    "queue": ("/alerts", "< 100 ms"),
    "queue, second page": ("{second}", "< 100 ms"),
    "queue, all": ("/alerts?state=all", "< 100 ms"),
    "queue, a zone and two levels": ("/alerts?zone=lgwan&severity=critical,high", "< 100 ms"),
    "queue, my own": ("/alerts?who=me", "< 100 ms"),
    "queue, a day": ("/alerts?since=24h", "< 100 ms"),
    "queue, a word": ("/alerts?q=user12&state=all", "< 100 ms"),
    "morning": ("/morning", ""),
    "times, 30 days": ("/alerts/times", ""),
    "times, 90 days": ("/alerts/times?since=90d", ""),
}
LAKE_PAGES = {
    "alert of a terminal": (f"/alerts/{NEWEST}", "< 200 ms"),
    "alert of a busy server": (f"/alerts/{SERVER}", "< 200 ms"),
    "search of an hour": ("/events?span=1h&q=host.name:L-0012", ""),
    "search of a day": ("/events?span=24h&q=host.name:L-0012", ""),
    "everything, a word": ("/events?span=all&q=tool7.exe", ""),
    "sources": ("/sources", ""),
}


def rows(folder: Path) -> Iterator[Row]:
    """The table."""
    kept = Path(os.environ.get("SECOPS_BENCH_KEEP") or folder)
    lakes = made(kept)
    (folder / "console").mkdir()
    path = shutil.copy(kept / "console.db", folder / "console" / "full.db")
    database = connect(path)
    upgrade(database)  # what was kept may be of an older program
    stage, _ = stage_on(folder / "console", database)
    browser = stage.client("touban")
    second = browser.get("/alerts").text.split('rel="next"')[0].rsplit('href="', 1)[-1].split('"')[0]
    for name, (address, target) in PAGES.items():
        yield from _page(name, browser, address.format(second=second.replace("&amp;", "&")), target, database)
    for name, place in lakes.items():
        lake = Lake(place)
        stage, _ = stage_on(folder / "console", database, lake)
        browser = stage.client("touban")
        for what, (address, target) in LAKE_PAGES.items():
            yield from _page(f"{what}, {name}", browser, address, target, database, lake._remembered)
        lake.close()
    yield from _at_once(stage.work)
    database.close()


def made(kept: Path) -> Mapping[str, Path]:
    """Make what is not there yet; returns the lakes by their names."""
    if not (kept / "console.db").exists():
        records_at(kept / "half.db")
        (kept / "half.db").rename(kept / "console.db")
    lakes = {name: kept / f"lake-{EVENTS}-{density}" for name, density in DENSITIES.items()}
    for name, place in lakes.items():
        if not place.exists():
            half = place.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            lake_at(half, EVENTS, timedelta(days=EVENTS / DENSITIES[name]))
            half.rename(place)
    return lakes


def stage_on(folder: Path, database: Database, lake: Lake | None = None) -> tuple[Stage, Database]:
    """A console on these records, with one person."""
    stage = Stage(folder)
    stage.desk = stage.work = Records(database, RULES, Assets(), SessionLimits())  # type: ignore[assignment]  # the real ones in the place of the fakes
    stage.accounts, stage.paging = SqlAccounts(database, SessionLimits(), QUICK), SqlPaging(database, enabled=True)
    if lake is not None:
        stage.store = lake  # type: ignore[assignment]  # as above
    if not any(user.name == "touban" for user in stage.accounts.users()):
        stage.person("touban", Role.CSIRT)
    return stage, database


def _page(
    name: str, browser: TestClient, path: str, target: str, database: Database, lake: Remembered | None = None
) -> Iterator[Row]:
    """A page, as one opens it the first time; of a lake also as one opens it again, with what the lake remembers."""
    statements: list[str] = []

    def count(*values: Any) -> None:
        statements.append(values[2])

    def again() -> None:
        browser.get(path).raise_for_status()

    def first() -> None:
        if lake is not None:
            lake.only_of([])
        again()

    again()
    event.listen(database.engine, "before_cursor_execute", count)
    again()
    event.remove(database.engine, "before_cursor_execute", count)
    wall, cpu = _spent(first, TURNS)
    yield Row(f"console: {name}: wall, p50 / p95", _both(wall), "", target)
    yield Row(f"console: {name}: CPU, {len(statements)} SQL statements", _both(cpu))
    if lake is not None:
        wall, cpu = _spent(again, TURNS)
        yield Row(f"console: {name}, again: wall, p50 / p95", _both(wall), "", target)
        yield Row(f"console: {name}, again: CPU", _both(cpu))


def _at_once(records: Records) -> Iterator[Row]:
    """Close many and undo it, three times; the undo puts everything back."""
    spent: dict[str, list[tuple[float, float]]] = {"close": [], "undo": []}
    waiting = records.alerts(AlertFilter(), Scope(), limit=ALERTS)
    ids = tuple(one.id for one in waiting.alerts if one.closed_at is None)[:CLOSED_AT_ONCE]
    action = BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="bench")
    for _turn in range(3):
        begin = time.perf_counter(), time.process_time()
        done = records.act(Chosen(ids=ids), action, mark=None, actor="touban", scope=Scope(), now=NOW)
        between = time.perf_counter(), time.process_time()
        undone = records.undo(done.id, actor="touban", scope=Scope(), now=NOW)
        end = time.perf_counter(), time.process_time()
        assert (done.done, undone.restored) == (len(ids), len(ids))
        spent["close"].append((between[0] - begin[0], between[1] - begin[1]))
        spent["undo"].append((end[0] - between[0], end[1] - between[1]))
    for name, found in spent.items():
        wall, cpu = zip(*found, strict=True)
        yield Row(f"console: {name} {len(ids):,} at once: wall, p50 / worst", _both(list(wall)), "", "< 5 s")
        yield Row(f"console: {name} {len(ids):,} at once: CPU", _both(list(cpu)))


def _spent(function: Callable[[], Any], turns: int) -> tuple[list[float], list[float]]:
    wall, cpu = [], []
    for _turn in range(turns):
        begin = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - begin[0])
        cpu.append(time.process_time() - begin[1])
    return wall, cpu


def _both(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{middle * 1000:,.0f} / {high * 1000:,.0f} ms"
