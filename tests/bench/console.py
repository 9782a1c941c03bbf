"""Pages of the console with 100,000 alerts: the queue, an alert, the morning; and a bulk closing of 10,000."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from secops.access.ports import Role, SessionLimits
from secops.siem.ports import AlertFilter, BulkAction, Chosen, Scope, Verdict
from secops.siem.triage.identity import Assets
from secops.store.records import Records
from secops.store.records.engine import connect
from tests.bench.measure import Row
from tests.databases import new_records
from tests.web.stage import NOW, RULES, Stage, night

ALERTS = 100_000
CLOSED_AT_ONCE = 10_000
# The first alert many times more, different in what pages filter, sort and count by; 20,000 of them are not closed.
MORE = f"""
    WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < {ALERTS})
    INSERT INTO alerts (id, key, rule_id, title, title_en, severity, state, zone, department, entities, count,
        first_seen, last_seen, opened_at, assignee, verdict, closed_reason, closed_at, clauses, kind, category, words,
        touched, opened_change, changed, acknowledged_at)
    SELECT i, 'k' || i, rule_id, title, title_en, i % 5, CASE WHEN i % 5 THEN 'closed' ELSE 'open' END,
        CASE i % 3 WHEN 0 THEN 'lgwan' WHEN 1 THEN 'internet' ELSE 'mynumber' END, department, entities, 1,
        first_seen - i * 60000000, last_seen - i * 60000000, opened_at - i * 60000000, '',
        CASE WHEN i % 5 THEN 'false_positive' END, CASE WHEN i % 5 THEN 'x' ELSE '' END,
        CASE WHEN i % 5 THEN opened_at - i * 50000000 END, clauses, kind, category, words || i, touched,
        opened_change, changed, CASE WHEN i % 5 THEN opened_at - i * 55000000 END
    FROM alerts, n WHERE id = 1
"""


def rows(folder: Path) -> Iterator[Row]:
    """The table; each page once to warm up, then the median of seven."""
    (folder / "console").mkdir()
    stage = Stage(folder / "console")
    stage.person("touban", Role.CSIRT)
    stage.play()
    database = connect(new_records(folder / "console" / "full.db"))
    records = Records(database, RULES, Assets(), SessionLimits())
    records.put_hits(night(), {}, NOW - timedelta(minutes=1))
    with database.write() as connection:
        connection.exec_driver_sql(MORE)
        connection.exec_driver_sql("ANALYZE")
    stage.desk = stage.work = records  # type: ignore[assignment]  # the real ones in the place of the fakes
    browser = stage.client("touban")
    for name, path, target in (
        ("queue", "/alerts", "< 100 ms"),
        ("queue, all", "/alerts?state=all", "< 100 ms"),
        ("alert", "/alerts/1", "< 200 ms"),
        ("morning", "/morning", ""),
        ("times, 90 days", "/alerts/times?since=90d", ""),
    ):
        spent = _median(lambda path=path: browser.get(path).raise_for_status())  # type: ignore[misc]  # bound at once
        yield Row(f"console: {name}, {ALERTS:,} alerts", f"{spent * 1000:.0f} ms", "", target)
    waiting = records.alerts(AlertFilter(), Scope(), limit=ALERTS)
    chosen = Chosen(ids=tuple(one.id for one in waiting.alerts if one.closed_at is None)[:CLOSED_AT_ONCE])
    action = BulkAction(verdict=Verdict.FALSE_POSITIVE, reason="bench")
    start = time.perf_counter()
    done = records.act(chosen, action, mark=None, actor="touban", scope=Scope(), now=NOW)
    yield Row(f"console: close {done.done:,} at once", f"{time.perf_counter() - start:.2f} s", "", "")
    start = time.perf_counter()
    undone = records.undo(done.id, actor="touban", scope=Scope(), now=NOW)
    yield Row(f"console: undo {undone.restored:,}", f"{time.perf_counter() - start:.2f} s", "", "")
    database.close()
    stage.close()


def _median(function: Callable[[], Any]) -> float:
    function()
    spent = []
    for _turn in range(7):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return sorted(spent)[3]
