"""How SQLite goes about the statements of pages: a plan, unlike a time, is the same on every machine.

Sites have no statistics, so the plan depends on the statement and the indexes alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, Scope, Span, State
from secops.siem.triage.morning import AGES
from secops.store.records import Records, open_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ALL = Scope()
ACTIVE = frozenset({State.OPEN, State.IN_PROGRESS})
DAY = Span(NOW - timedelta(days=1), NOW)


@pytest.fixture(scope="module")
def records(tmp_path_factory: Any) -> Iterator[Records]:
    opened = open_records(tmp_path_factory.mktemp("plans") / "records.db")
    yield opened
    opened.dispose()


def plans(records: Records, function: Callable[[], Any]) -> list[str]:
    """The steps of all statements that a function runs on alerts."""
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(records.database.engine, "before_cursor_execute", keep)
    function()
    event.remove(records.database.engine, "before_cursor_execute", keep)
    path = Path(records.database.engine.url.database or "")
    with sqlite3.connect(path) as file:
        found = [
            step[3]
            for statement, parameters in asked
            if "FROM alerts" in statement
            for step in file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    file.close()
    assert found
    return found


READS: dict[str, Callable[[Records], Any]] = {
    "queue": lambda one: one.alerts(AlertFilter(states=ACTIVE), ALL),
    "closed today": lambda one: one.alerts(AlertFilter(closed=DAY), ALL, limit=0),
    "mine": lambda one: one.alerts(AlertFilter(states=ACTIVE, assignee="sato"), ALL),
    "counts": lambda one: one.counts(ALL),
    "news": lambda one: one.news("sato", ALL),
    "night": lambda one: one.night(DAY, ALL, AGES),
    "times": lambda one: one.lengths(DAY, ALL),
    "rules of a day": lambda one: one.opened_by_rule(DAY, ALL),
}


@pytest.mark.parametrize("name", READS)
def test_the_index_of_merged_alerts_is_not_used_for_those_that_are_not(records: Records, name: str):
    """Nearly all alerts are not merged: each of them would be looked up."""
    steps = plans(records, lambda: READS[name](records))
    assert not [step for step in steps if "ix_alerts_merged (merged_into=?)" in step]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("closed today", "COVERING INDEX ix_alerts_closed (closed_at>? AND closed_at<?)"),
        ("mine", "COVERING INDEX ix_alerts_assignee (assignee=? AND state=?)"),
        ("counts", "COVERING INDEX ix_alerts_state"),
        ("news", "INDEX ix_alerts_opened_change (opened_change>?)"),
        ("night", "COVERING INDEX ix_alerts_waiting"),
        ("times", "COVERING INDEX ix_alerts_times (opened_at>? AND opened_at<?)"),
        ("rules of a day", "COVERING INDEX ix_alerts_times (opened_at>? AND opened_at<?)"),
    ],
)
def test_a_page_reads_the_index_that_was_made_for_it(records: Records, name: str, index: str):
    assert any(index in step for step in plans(records, lambda: READS[name](records)))


def test_members_are_found_by_their_index(records: Records):
    steps = plans(records, lambda: records.alerts(AlertFilter(text="word"), ALL))
    assert any("ix_alerts_merged" in step for step in steps)


def test_alerts_like_one_are_counted_from_their_index_alone(records: Records):
    alert = records.open_manual(
        title="紛失",
        category="loss",
        zone="lgwan",
        severity=Severity.HIGH,
        department="",
        text="",
        actor="sato",
        now=NOW,
    )
    steps = plans(records, lambda: records.alike(alert.id, ALL, NOW - timedelta(days=90)))
    assert any("COVERING INDEX ix_alerts_alike (rule_id=? AND category=? AND last_seen>?)" in step for step in steps)
    assert any("INDEX ix_alerts_key (key=?)" in step for step in steps)
