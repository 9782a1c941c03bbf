"""A search of alerts that takes too long is given up with a clear word and leaves nothing behind, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.errors import QueryError
from secops.query.parse import parse
from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, BulkAction, Chosen, Hit, Scope
from secops.siem.triage.search import ALERTS
from secops.store.records import Records, open_records
from tests.databases import new_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ALL = Scope()
# Each of these conditions looks at every name of every alert.
SLOW = AlertFilter(query=parse(" ".join(f"-host.name:*zz{n}*" for n in range(28)), NOW, ALERTS))
TAKE = BulkAction(assignee="sato")


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: Any, tmp_path: Path) -> Iterator[Records]:
    kept = ExitStack()
    postgresql = request.param == "postgresql"
    place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
    opened = open_records(place or new_records(tmp_path / "records.db"))
    hits = []
    for seq in range(1, 3001):
        at, event = NOW + timedelta(seconds=seq), {"host.name": f"K-{seq}", "user.name": f"u{seq}"}
        hits.append(Hit("r1", Severity.HIGH, f"w.win.{seq}", "win", seq, at, at, "lgwan", event))
    opened.put_hits(hits, {"win": 3000}, NOW)
    yield opened
    opened.dispose()
    kept.close()


def test_it_is_found_where_there_is_time(records: Records):
    records.database.patience = 300
    assert records.alerts(SLOW, ALL).total == 3000


def test_it_is_given_up_where_there_is_none(records: Records):
    records.database.patience = 0.001
    for ask in (
        lambda: records.alerts(SLOW, ALL),
        lambda: records.chosen(Chosen(wanted=SLOW), ALL),
        lambda: records.act(Chosen(wanted=SLOW), TAKE, mark=None, actor="sato", scope=ALL, now=NOW),
    ):
        with pytest.raises(QueryError, match="終わらなかった") as told:
            ask()
        assert told.value.limit
    # The same connections go on: without a limit for what is no search, and nothing was changed or locked.
    assert records.alerts(AlertFilter(), ALL).total == 3000
    assert list(records.bulks("sato", NOW)) == []
    assert records.assign([1], "sato", actor="sato", scope=ALL, now=NOW) == 1
    records.database.patience = 300
    assert records.chosen(Chosen(wanted=SLOW), ALL).count == 3000
