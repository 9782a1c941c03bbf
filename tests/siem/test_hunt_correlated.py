"""`secops hunt` with correlations: over all files, in order of time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.schema.severity import Severity
from secops.siem.detect import Selection, load_detector
from secops.siem.hunt import Outcome, Rulebook, add, files_below, hunt
from secops.siem.hunt_correlated import correlated
from secops.wiring.rules import BUILTIN

LOGSOURCES = (BUILTIN / "logsources.yml").read_text(encoding="utf-8")
RULES = """title: Failed
name: failed
id: 11111111-0000-4000-8000-000000000001
level: low
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
---
title: Spray
id: 11111111-0000-4000-8000-000000000002
level: high
correlation: {type: value_count, rules: [failed], group-by: [IpAddress], timespan: 10m, condition: {field: TargetUserName, gte: 3}}
"""  # noqa: E501 - one line is easier to read here
T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def logon(minutes: int, user: str, code: int = 4625, ip: str = "10.1.1.1") -> str:
    at = (T0 + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return json.dumps({"@timestamp": at, "EventID": code, "Channel": "Security", "Hostname": "dc1",
                       "TargetUserName": user, "IpAddress": ip})  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join([logon(8, "c"), logon(1, "a"), logon(2, "d", ip="10.9.9.9")]) + "\n")
    (folder / "b.jsonl").write_text("\n".join([logon(2, "b"), logon(9, "c", 4624)]) + "\n")
    (tmp_path / "rules.yml").write_text(RULES)
    return folder


def searched(logs: Path, selection: Selection | None = None) -> Outcome:
    book = Rulebook([("rules.yml", RULES)], LOGSOURCES, None, (), selection)
    detector = load_detector(book.files, LOGSOURCES, selection=selection)
    total = Outcome()
    for part in correlated(hunt(files_below([logs]), detector, book, processes=1), detector):
        add(total, part)
    return total


@pytest.mark.parametrize("selection", [None, Selection(Severity.HIGH)])
def test_events_of_all_files_are_counted_in_order_of_time(logs: Path, selection: Selection | None):
    [found] = searched(logs, selection).hits
    assert (found.timestamp, Path(found.path).name, found.host) == (T0 + timedelta(minutes=8), "a.jsonl", "dc1")
    assert found.event["secops.correlation.count"] == 3
    assert [Path(one["log.file.path"]).name for one in found.event["secops.correlation.events"]] == [
        "a.jsonl",
        "b.jsonl",
        "a.jsonl",
    ]
    assert found.matched[0].value == "3"


def test_the_command_lists_it_like_any_other(logs: Path):
    done = CliRunner().invoke(secops, ["hunt", str(logs), "-r", str(logs.parent / "rules.yml"), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [(one["rule.name"], one["count"]) for one in said["rules"]] == [("Spray", 1)]
    out = logs.parent / "hits.jsonl"
    done = CliRunner().invoke(secops, ["hunt", str(logs), "-r", str(logs.parent / "rules.yml"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    line = json.loads(out.read_text(encoding="utf-8"))
    assert line["secops.correlation.count"] == 3
