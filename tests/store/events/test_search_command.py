from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from secops.cli.search import search
from secops.cli.store import store
from secops.errors import QueryError
from secops.schema.ecs import dtype
from secops.store.events.summary import summary
from secops.wiring import create_site, open_site


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    create_site(folder)
    with open_site(folder) as opened:
        now = opened.now()
        rows = {
            "@timestamp": [now - timedelta(hours=n) for n in (1, 2, 30)],
            "event.id": [f"ward.fw.{n}" for n in (1, 2, 3)],
            "event.sequence": [1, 2, 3],
            "event.ingested": [now] * 3,
            "event.kind": ["event"] * 3,
            "event.module": ["m"] * 3,
            "event.dataset": ["fortinet.firewall"] * 3,
            "labels.source": ["fw"] * 3,
            "labels.zone": ["lgwan"] * 3,
            "source.ip": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        }
        opened.store.write(pl.DataFrame(rows, schema={name: dtype(name) for name in rows}), {"fw": 3})
    return folder


def run(command, *arguments, site):
    return CliRunner().invoke(command, [*arguments, "--site", str(site)])


def test_search_shows_the_last_day_newest_first(site):
    done = run(search, "labels.zone:LGWAN", site=site)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split("\t")[-1] for line in lines[1:]] == ["10.0.0.1", "10.0.0.2"]
    assert "2 件" in done.stderr


def test_search_as_json_count_and_limit(site):
    found = json.loads(run(search, "source.ip:10.0.0.0/8", "--since", "7d", "--limit", "1", "--json", site=site).stdout)
    assert found["total"] == 3
    assert [event["event.id"] for event in found["events"]] == ["ward.fw.1"]
    assert run(search, "*", "--since", "7d", "--until", "24h", "--count", site=site).stdout == "1\n"
    few = run(search, "*", "--limit", "1", "--fields", "source.ip", site=site)
    assert few.stdout.splitlines()[1].endswith("\t10.0.0.1")
    assert "2 件のうち新しい 1 件" in few.stderr


def test_search_says_what_is_wrong(site):
    assert isinstance(run(search, "a~", site=site).exception, QueryError)
    assert "--since" in str(run(search, "a", "--since", "soon", site=site).exception)


def test_store_commands(site):
    assert json.loads(run(store, "stats", "--json", site=site).stdout)["rows"] == 3
    assert json.loads(run(store, "compact", "--json", site=site).stdout)["merged"] == 0
    assert json.loads(run(store, "retain", "--json", site=site).stdout)["removed"] == 0
    assert json.loads(run(store, "retain", "--before", "2100-01-01", "--json", site=site).stdout)["removed"] == 3


def test_a_summary_is_one_short_line():
    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert summary({"@timestamp": at, "message": "a\n b" + "x" * 300}).startswith("a bxxx")
    assert len(summary({"message": "x" * 300})) == 160
    event = {"source.ip": "10.0.0.1", "destination.ip": "10.0.0.2", "destination.port": 0, "event.action": "deny"}
    assert summary(event) == "deny 10.0.0.1 → 10.0.0.2:0"
    assert summary({"process.command_line": r"C:\x.exe -a", "process.executable": r"C:\x.exe"}) == r"C:\x.exe -a"
