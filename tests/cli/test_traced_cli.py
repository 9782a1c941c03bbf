"""What commands leave in the audit log: one line each, of the OS user, marked as a command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.cli.trace import os_user
from secops.errors import ConflictError, QueryError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import Hit, Scope
from secops.store.records import open_records
from secops.wiring import create_site, open_site

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Alerts 1-4 of the LGWAN zone, 5 of the internet zone."""
    folder = tmp_path / "ward"
    create_site(folder)
    records = open_records(folder / "records.db")
    hits = []
    for seq in range(1, 6):
        at, zone = NOW + timedelta(seconds=seq), "internet" if seq == 5 else "lgwan"
        event = {"host.name": f"K-{seq}", "labels.department": "区民課"}
        hits.append(Hit("r1", Severity.HIGH, f"ward.win.{seq}", "win", seq, at, at, zone, event))
    records.put_hits(hits, {"win": 5}, NOW)
    records.dispose()
    return folder


def ran(site: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(secops, [*arguments, "--site", str(site)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def told(site: Path) -> list[tuple[str, str, str]]:
    """(action, target, text) of the log, oldest first; all of it by the OS user at the command line."""
    with open_site(site) as opened:
        found = opened.accounts.audit_log(limit=100)
    assert {(one.actor, one.peer) for one in found} <= {(os_user(), "cli")}
    return [(one.action, one.target, one.text) for one in reversed(found)]


def test_each_command_on_alerts_is_one_line(site: Path):
    ran(site, "alerts", "list", "--zone", "lgwan", "--query", "host:K-1")
    ran(site, "alerts", "show", "1")
    ran(site, "alerts", "assign", "1", "2", "--to", "tanaka")
    ran(site, "alerts", "close", "1", "2", "--as", "false_positive", "--reason", "複合機")
    ran(site, "alerts", "reopen", "1", "2")
    ran(site, "alerts", "note", "1", "確認")
    ran(site, "alerts", "link", "1", "2", "3")
    ran(site, "alerts", "unlink", "1", "2")
    ran(site, "alerts", "merge", "1", "2")
    ran(site, "alerts", "unmerge", "1", "2")
    ran(site, "alerts", "bulk", "--zone", "lgwan", "--assign", "x", "--yes", "4")
    ran(site, "alerts", "undo", "1")
    ran(site, "alerts", "bulk", "host:K-*", "--zone", "lgwan", "--link", "5", "--yes", "4")
    ran(site, "alerts", "open", "--title", "USB の紛失", "--category", "loss", "--zone", "lgwan")
    ran(site, "alerts", "times")
    ran(site, "morning")
    assert told(site) == [
        ("alerts_listed", "zones=lgwan query=host:K-1", "→ 1"),
        ("alert_viewed", "1", ""),
        ("alerts_assigned", "1, 2", "tanaka"),
        ("alerts_closed", "1, 2", "false_positive: 複合機"),
        ("alerts_reopened", "1, 2", ""),
        ("alerts_noted", "1", "確認"),
        ("alerts_linked", "1, 2, 3", "×2"),
        ("alerts_unlinked", "1, 2", ""),
        ("alerts_merged", "1, 2", "×1"),
        ("alerts_unmerged", "1, 2", "×1"),
        ("alerts_assigned", "bulk 1", "×4 [zones=lgwan] x"),
        ("alerts_undone", "bulk 1", "×4 [zones=lgwan] x"),
        ("alerts_linked", "bulk 2", "×4 [zones=lgwan query=host:K-*] → 5"),
        ("alerts_reported", "6", "USB の紛失"),
        ("alerts_listed", "times since=30d", "→ 6"),
        ("alerts_listed", "morning", ""),
    ]


def test_searches_and_raw_records_are_there_before_they_are_shown(site: Path):
    ran(site, "search", "user.name:tanaka", "--since", "7d")
    ran(site, "search", "--count", "--until", "2026-11-23")
    assert told(site) == [
        ("events_searched", "since=7d", "user.name:tanaka → 0"),
        ("events_searched", "since=24h until=2026-11-23", " → 0"),
    ]
    done = CliRunner().invoke(secops, ["journal", "show", "win", "7", "--reason", "K-1 の調査", "--site", str(site)])
    assert done.exit_code != 0, "there is no such record; that it was asked for is told all the same"
    assert told(site)[-1] == ("raw_viewed", "win/7", "K-1 の調査")


def test_what_reads_all_logs_or_takes_a_copy_of_them_is_there(site: Path, tmp_path: Path):
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: x\nid: 33333333-3333-4333-8333-333333333333\nlevel: low\n"
        "logsource: {product: windows, service: security}\n"
        "detection:\n  selection: {EventID: 1102}\n  condition: selection\n",
        encoding="utf-8",
    )
    ran(site, "rules", "impact", str(rule), "--since", "7d")
    ran(site, "replay")
    CliRunner().invoke(secops, ["backup", str(tmp_path / "all.tar"), "--site", str(site)])
    assert (tmp_path / "all.tar").exists()
    found = [(action, target) for action, target, _text in told(site)]
    assert found == [
        ("rule_tried", f"{rule} since=7d"),
        ("replayed", "since=-"),
        ("backup_made", str(tmp_path / "all.tar")),
    ]


def test_what_was_refused_is_not_there(site: Path):
    for wrong, kind in (
        (["alerts", "bulk", "--zone", "lgwan", "--assign", "x", "--yes", "3"], ConflictError),
        (["alerts", "bulk", "host:", "--assign", "x", "--yes", "3"], QueryError),
        (["alerts", "close", "1", "--as", "false_positive", "--reason", " "], UsageError),
    ):
        with pytest.raises(kind):
            ran(site, *wrong)
    assert told(site) == []


def test_the_line_says_in_whose_name_and_from_whom_with_sudo(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUDO_USER", "tanaka")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    ran(site, "alerts", "note", "1", "確認", "--as-user", "sato")
    assert told(site) == [("alerts_noted", "1", "sudo=tanaka as=sato 確認")]
    with open_site(site) as opened:
        assert opened.desk.detail(1, Scope()).history[-1].actor == "sato"


def test_the_zones_of_a_line_are_those_of_its_alerts(site: Path):
    ran(site, "alerts", "assign", "1", "2")
    ran(site, "alerts", "assign", "3", "5")
    with open_site(site) as opened:
        both, one = opened.accounts.audit_log(limit=2)
    assert (one.zone, one.department) == ("lgwan", "区民課")
    assert (both.zone, both.department) == ("\ninternet\n\nlgwan\n", "区民課")


def test_a_set_that_was_linked_is_unlinked_at_once(site: Path):
    ran(site, "alerts", "link", "5", "1")
    ran(site, "alerts", "bulk", "--zone", "lgwan", "--link", "5", "--yes", "4")
    ran(site, "alerts", "unlink", "5", "2")
    said = ran(site, "alerts", "undo", "1", code=1)
    assert "2 件を元に戻しました" in said
    assert "アラート 2 はそのままです: " in said
    with open_site(site) as opened:
        assert [one.id for one in opened.desk.bonds(5, Scope()).links] == [1], "it was linked before"
        steps = [(one.action, one.text) for one in opened.desk.detail(3, Scope()).history]
    assert steps[-2:] == [("linked", "5"), ("undone", "5")]
    with pytest.raises(UsageError, match="すべて"):
        ran(site, "alerts", "bulk", "host:K-1", "--link", "5", "--yes", "1")


# The language of the queue, as `/alerts?q=` has it: what it finds, or why it refuses.
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("host:K-1", [1]),
        ("host:K-* AND -host:K-5", [1, 2, 3, 4]),
        ("severity:>=high zone:internet", [5]),
        ("(number:[2 TO 3] OR host.name:K-4) state:open", [2, 3, 4]),
        ("department:区民課 NOT number:>1", [1]),
    ],
)
def test_a_bulk_query_is_in_the_language_of_the_queue(site: Path, query: str, found: list[int]):
    ran(site, "alerts", "bulk", query, "--assign", "x", "--yes", str(len(found)))
    with open_site(site) as opened:
        taken = [number for number in range(1, 6) if opened.desk.detail(number, Scope()).alert.assignee == "x"]
    assert taken == found


@pytest.mark.parametrize(
    "query", ["host:(a", "moon:1", "severity:purple", "/a+/", "opened:yesterday", "a " * 1200, "number:x"]
)
def test_a_bulk_query_that_the_queue_refuses_is_refused(site: Path, query: str):
    with pytest.raises(QueryError):
        ran(site, "alerts", "bulk", query, "--assign", "x", "--yes", "5")
