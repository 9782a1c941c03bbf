"""The figures the records must reach, measured as processor time of this process: other work beside it does not count.

Limits are twice the target, so that a slow machine does not fail the build and an index that is not used does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.query.parse import parse
from secops.query.tree import All
from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, Hit, MatchedValue, Scope, Span, State
from secops.siem.triage.search import ALERTS as WORDS
from secops.store.records import Records, open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ALL = Scope()
ALERTS = 100_000
SCAN = 10  # times the target: what reads all alerts where an index would do; the figures themselves are in `make bench`
WHY = (MatchedValue("selection", "process.command_line", "contains", "x", "x" * 200),)


def hit(seq: int, host: str, rule: str = "r1") -> Hit:
    event = {
        "host.name": host,
        "user.name": "u",
        "process.command_line": "x" * 300,
        "labels.department": f"d{seq % 60}",
    }
    level = Severity(seq % 5)
    zone = ("lgwan", "internet")[seq % 2]
    at = NOW + timedelta(seconds=seq)
    return Hit(rule, level, f"ward.win.{seq}", "win", seq, at, at, zone, event, WHY)


def seconds(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def test_20_000_hits_in_one_call(tmp_path: Path):
    records = open_records(tmp_path / "records.db")
    hits = [hit(n, f"K-{n % 200}") for n in range(1, 20_001)]
    assert seconds(lambda: records.put_hits(hits, {"win": 20_000}, NOW)) < 2 * 1.5
    records.dispose()


# The first alert 99,999 times more, different in what the queue filters and sorts by; 2,000 of them are open.
MORE = f"""
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {ALERTS})
    INSERT INTO alerts
    SELECT i, 'r' || (i % 30) || '|lgwan|host.name=k-' || i, 'r' || (i % 30), title, title_en, i % 5,
           CASE WHEN i > {ALERTS} - 2000 THEN 'open' ELSE 'closed' END,
           CASE i % 2 WHEN 0 THEN 'lgwan' ELSE 'internet' END, 'd' || (i % 60), entities, 1,
           first_seen + i * 1000000, last_seen + i * 1000000, opened_at,
           CASE WHEN i > {ALERTS} - 100 THEN 'sato' ELSE '' END, verdict, closed_reason, closed_at, previous, clauses,
           kind, category, title || char(10) || 'k-' || i || char(10) || 'user' || i, touched, opened_change,
           changed, retired, merged_into, merged_count, split_key, acknowledged_at,
           json_array('title=powershell', 'host.name=k-' || i, 'user.name=user' || i)
    FROM alerts, n WHERE id = 1
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: Any) -> Iterator[Records]:
    records = open_records(tmp_path_factory.mktemp("speed") / "records.db")
    records.put_hits([hit(1, "K-1")], {"win": 1}, NOW)
    with records.database.write() as connection:
        connection.exec_driver_sql(MORE)
    yield records
    records.dispose()


ACTIVE = frozenset({State.OPEN, State.IN_PROGRESS})
PAGES: dict[str, tuple[AlertFilter, Scope]] = {
    "all": (AlertFilter(), ALL),
    "active": (AlertFilter(states=ACTIVE), ALL),
    "closed": (AlertFilter(states=frozenset({State.CLOSED})), ALL),
    "closed today": (AlertFilter(states=frozenset({State.CLOSED}), closed=Span(NOW, None)), ALL),
    "grave": (AlertFilter(states=ACTIVE, severities=frozenset({Severity.HIGH, Severity.CRITICAL})), ALL),
    "zone": (AlertFilter(zones=frozenset({"lgwan"})), ALL),
    "mine": (AlertFilter(assignee="sato"), ALL),
    "rule": (AlertFilter(rule_id="r3"), ALL),
    "word": (AlertFilter(text="k-4711"), ALL),
    "no such word": (AlertFilter(text="nothing"), ALL),
    "query": (AlertFilter(query=parse("host:k-4711 zone:lgwan", NOW, WORDS)), ALL),
    "query for a part": (AlertFilter(query=parse("host:k-47* -assignee:sato", NOW, WORDS)), ALL),
    "scope": (AlertFilter(), Scope(frozenset({"lgwan"}), frozenset({"d2", "d4"}))),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_queue_with_100_000_alerts(full: Records, name: str):
    wanted, scope = PAGES[name]
    full.alerts(wanted, scope)
    # A word is looked for in the text of every alert: no index helps, and the target is met on an idle machine only.
    target = 0.1 if wanted.text or wanted.query != All() else 0.05
    assert min(seconds(lambda: full.alerts(wanted, scope)) for _ in range(3)) < SCAN * target


def test_counts_and_one_alert_with_100_000_alerts(full: Records):
    assert min(seconds(lambda: full.counts(ALL)) for _ in range(3)) < SCAN * 0.05
    assert min(seconds(lambda: full.detail(5, ALL)) for _ in range(3)) < SCAN * 0.02
    change, _ = full.changes(1 << 60)
    assert min(seconds(lambda: full.changes(change)) for _ in range(3)) < SCAN * 0.005
