"""`secops alerts` and `secops users` on a real site."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import ConflictError, NotFoundError, QueryError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import Hit, MatchedValue
from secops.store.records import open_records
from secops.wiring import create_site

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
WHY = (MatchedValue("selection", "process.name", "endswith", "powershell.exe", "powershell.exe\x1b[31m"),)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    create_site(folder)
    records = open_records(folder / "records.db")
    for seq, host in enumerate(("K-1", "K-2", "K-2"), 1):
        event = {"host.name": host}
        hit = Hit("r1", Severity.HIGH, f"ward.win.{seq}", "win", seq, NOW, NOW, "lgwan", event, WHY)
        records.put_hits([hit], {"win": seq}, NOW)
    records.dispose()
    return folder


def run(site: Path, *arguments: str, typed: str = "") -> str:
    result = CliRunner().invoke(secops, [*arguments, "--site", str(site)], input=typed, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(site: Path, *arguments: str, typed: str = "") -> Any:
    return json.loads(run(site, *arguments, "--json", typed=typed))


def test_the_queue_and_its_filters(site: Path):
    found = read(site, "alerts", "list", "--limit", "1")
    assert (found["total"], len(found["alerts"]), found["alerts"][0]["entities"]) == (2, 1, {"host.name": "K-2"})
    assert read(site, "alerts", "list", "--text", "k-1", "--severity", "high", "--state", "open")["total"] == 1
    assert read(site, "alerts", "list", "--zone", "mynumber")["total"] == 0
    assert read(site, "alerts", "list", "--since", "2026-11-24")["total"] == 0
    assert read(site, "alerts", "list", "--until", "2026-11-23T11:04")["total"] == 0
    assert read(site, "alerts", "list", "--query", "host:k-1 severity:>=high -assignee:*")["total"] == 1
    with pytest.raises(QueryError, match="検索式の 1 文字目「hots:k-1」"):
        run(site, "alerts", "list", "--query", "hots:k-1")
    table = run(site, "alerts", "list", "--limit", "1").splitlines()
    assert table[1].split("\t")[5:8] == ["K-2", "2", "未対応"]
    assert table[-1] == "全 2 件中 1 件"
    with pytest.raises(UsageError, match="--since"):
        run(site, "alerts", "list", "--since", "yesterday")


def test_an_alert_from_detection_to_closing(site: Path):
    run(site, "alerts", "assign", "1", "--as-user", "tanaka")
    run(site, "alerts", "note", "1", "電話した", "--as-user", "tanaka")
    done = ("alerts", "close", "1", "2", "--as", "false_positive", "--reason", "更新", "--as-user", "sato")
    assert read(site, *done) == {"changed": 2}
    with pytest.raises(ConflictError, match="1"):
        run(site, *done)
    run(site, "alerts", "reopen", "1", "--as-user", "tanaka")
    shown = read(site, "alerts", "show", "1", "--as-user", "tanaka")
    assert (shown["alert"]["state"], shown["alert"]["assignee"]) == ("in_progress", "tanaka")
    assert [entry["action"] for entry in shown["history"]] == ["detected", "assigned", "noted", "closed", "reopened"]
    assert shown["hits"][0]["matched"][0]["field"] == "process.name"
    with pytest.raises(NotFoundError):
        run(site, "alerts", "show", "99")


def test_what_is_shown_to_a_person(site: Path):
    text = run(site, "alerts", "show", "2")
    for expected in (
        "件数: 2",
        "host.name: K-2",
        "selection: process.name endswith",
        "journal show ward.win.3",
        "検知",
    ):
        assert expected in text
    assert "\x1b" not in text


def test_a_case_reported_by_hand(site: Path):
    made = read(
        site,
        "alerts",
        "open",
        "--title",
        "書類の紛失",
        "--category",
        "loss",
        "--zone",
        "mynumber",
        "--as-user",
        "yamada",
    )
    assert (made["category"], made["severity"], made["kind"]) == ("loss", "medium", "manual")
    with pytest.raises(UsageError, match="moon"):
        run(site, "alerts", "open", "--title", "x", "--category", "loss", "--zone", "moon")


def test_users(site: Path):
    made = read(site, "users", "add", "tanaka", "--role", "csirt", "--zone", "lgwan")
    assert made["user"]["access"] == {"zones": ["lgwan"], "departments": None}
    assert "tanaka\ttanaka\tCSIRT\tlgwan\tすべて\t—\t登録待ち" in run(site, "users", "list")
    assert read(site, "users", "disable", "tanaka")["disabled"]
    assert not read(site, "users", "enable", "tanaka")["disabled"]
    again = read(site, "users", "reset", "tanaka")
    shown = json.dumps(read(site, "users", "list"))
    assert not any(secret in shown for secret in ("argon2", made["setup_code"], again["setup_code"]))
