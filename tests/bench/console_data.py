"""What the console is measured on: 100,000 alerts of ten weeks in the records, and a lake of events around the newest.

Both are made once in a folder and copied or read from there; see ``SECOPS_BENCH_KEEP`` in `tests.bench.console`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import insert, update

from secops.schema.severity import Severity
from secops.siem.ports import Alert, Cause, Hit, MatchedValue, State, Verdict
from secops.siem.triage.states import new_alert
from secops.store.events.lake import Lake
from secops.store.records.codec import detail_of, row_of
from secops.store.records.engine import connect, run_many
from secops.store.records.migrate import upgrade
from secops.store.records.notices import row as notice_row
from secops.store.records.paging_tables import notices
from secops.store.records.siem_tables import alerts, history, hits
from secops.store.records.sink import entry, hit_row
from secops.store.records.tables import counters
from tests.bench.events import BUSY, HOSTS, USERS, chunk, spread
from tests.web.stage import NOW, RULES, ZONES

ALERTS = 100_000
RULE_COUNT = 60  # the first has a third of all alerts: one noisy rule is what a desk has
WRITTEN_AT_ONCE = 100_000  # events
MINUTE = timedelta(minutes=1)
LED = """
    UPDATE alerts SET merged_count = led.n
    FROM (SELECT merged_into AS leader, count(*) AS n FROM alerts GROUP BY 1) AS led
    WHERE id = led.leader
"""


def records_at(path: Path) -> None:
    """Make the records: a fifth of the alerts is not closed, one in fifty is merged into another."""
    database = connect(path)
    upgrade(database)
    dice = random.Random(1)
    made = [_alert(number, dice) for number in range(1, ALERTS + 1)]
    with database.write() as connection:
        run_many(connection, insert(alerts), [_row(alert, dice) for alert in made])
        run_many(connection, insert(hits), [_hit_row(alert) for alert in made])
        told = [entry(one.id, one.opened_at, "system", "detected", "") for one in made]
        told += [entry(one.id, one.closed_at, one.assignee, "closed", "x") for one in made if one.closed_at]
        run_many(connection, insert(history), told)
        run_many(connection, insert(notices), list(_notices(made)))
        for name in ("change", "alert"):
            connection.execute(update(counters).where(counters.c.name == name).values(value=ALERTS))
        connection.exec_driver_sql(LED)
    database.close()


def _alert(number: int, dice: random.Random) -> Alert:
    rule = 0 if dice.random() < 0.33 else dice.randrange(1, RULE_COUNT)
    host = BUSY if number == ALERTS - 60 else f"L-{dice.randrange(HOSTS):04}"
    user, at = f"user{dice.randrange(USERS)}", NOW - (ALERTS - number + 1) * MINUTE
    severity = Severity(dice.choices(range(5), (20, 40, 25, 12, 3))[0])
    zone, title = dice.choice(list(ZONES)), RULES[rule % len(RULES)]
    key = f"rule-{rule}|{zone}|host.name={host}|user.name={user}|{number}"
    alert = new_alert(number, key, (title.title_ja, title.title), severity, at, zone=zone, department="区民課")
    alert = replace(
        alert,
        rule_id=title.id if rule < len(RULES) else f"rule-{rule}",
        entities={"host.name": host, "user.name": user},
        clauses=title.clauses,
        count=1,
    )
    if number == ALERTS - 60 or dice.random() < 0.2:
        busy = dice.random() < 0.3
        return replace(alert, state=State.IN_PROGRESS, assignee="touban", acknowledged_at=at) if busy else alert
    taken = at + timedelta(seconds=dice.randrange(60, 20_000))
    return replace(
        alert,
        state=State.CLOSED,
        assignee=dice.choice(["touban", "sato", "suzuki"]),
        verdict=dice.choice(list(Verdict)),
        closed_reason="x",
        acknowledged_at=taken,
        closed_at=taken + timedelta(seconds=dice.randrange(60, 90_000)),
    )


def _row(alert: Alert, dice: random.Random) -> dict[str, Any]:
    leader = dice.randrange(1, alert.id) if alert.id > 1000 and dice.random() < 0.02 else None
    return row_of(alert, alert.id) | {"merged_into": leader if alert.state is State.CLOSED else None}


def _hit_row(alert: Alert) -> dict[str, Any]:
    event = {
        **alert.entities,
        "@timestamp": alert.last_seen,
        "event.id": f"bench.wec.{alert.id}",
        "process.name": "tool7.exe",
        "process.command_line": "C:\\work\\tool7.exe --task 1234",
        "labels.zone": alert.zone,
    }
    why = (MatchedValue("selection", "process.name", "endswith", "7.exe", "tool7.exe"),)
    number, at = alert.id, alert.last_seen
    hit = Hit(alert.rule_id, alert.severity, f"bench.wec.{number}", "wec", number, at, at, alert.zone, event, why)
    return hit_row(hit, alert.severity, detail_of(hit)) | {"alert_id": alert.id, "nth": 1}


def _notices(made: Sequence[Alert]) -> Iterator[dict[str, Any]]:
    for alert in made:
        if alert.severity >= Severity.HIGH:
            state = {} if alert.state is State.OPEN else {"state": "acknowledged", "acknowledged_by": alert.assignee}
            yield notice_row(Cause.OPENED, alert.severity, alert.zone, alert.opened_at) | {"alert_id": alert.id} | state


def lake_at(folder: Path, events: int, length: timedelta) -> None:
    """Make a lake of so many events that end now, spread over a length of time, one in fifty on the busy server."""
    lake, times = Lake(folder), spread(events, length, pl.lit(NOW))
    for first in range(1, events + 1, WRITTEN_AT_ONCE):
        count = min(WRITTEN_AT_ONCE, events + 1 - first)
        lake.write(chunk(first, times, count=count, busy=0.02), {"wec": first + count - 1})
    lake.compact()
    lake.close()
