"""Files in, hits out: through the real readers, normalizers and engine."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.hunt import hunt as command
from secops.siem.hunt import Rulebook, files_below, hunt

ROOT = Path(__file__).parents[2]
LOGSOURCES = (ROOT / "rules" / "logsources.yml").read_text(encoding="utf-8")
RULE = """title: Log cleared
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 1102}
  condition: selection
"""
BROKEN = "title: broken\ndetection: [\n"
CLEARED = {"EventID": 1102, "Channel": "security", "Hostname": "PC-1", "@timestamp": "2026-11-23T01:02:03Z"}
LOGON = {"EventID": 4624, "Channel": "Security", "Hostname": "PC-1", "@timestamp": "2026-11-23T01:02:04Z"}


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events).encode()


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(lines(LOGON, CLEARED))
    (folder / "b.json").write_text(json.dumps([CLEARED, LOGON], indent=2))
    (folder / "c.json").write_text(json.dumps(LOGON, indent=1) + json.dumps(CLEARED, indent=1))
    (folder / "d.jsonl.gz").write_bytes(gzip.compress(lines(CLEARED)))
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.writestr("inner.jsonl", lines(CLEARED, CLEARED))
    return folder


def test_every_container_gives_its_hits(logs):
    book = Rulebook([("r.yml", RULE)], LOGSOURCES, None)
    detector = book.detector()
    found = [hit for part in hunt(files_below([logs]), detector, book) for hit in part.hits]
    names = [Path(hit.path.split("!")[0]).name for hit in found]
    assert sorted(names) == ["a.jsonl", "b.json", "c.json", "d.jsonl.gz", "e.zip", "e.zip"]
    assert {(hit.host, str(hit.timestamp)) for hit in found} == {("PC-1", "2026-11-23 01:02:03+00:00")}
    assert all(json.loads(hit.original)["EventID"] == 1102 for hit in found)


def test_the_command_lists_hits_unread_files_and_inactive_rules(logs, tmp_path):
    (logs / "broken.evtx").write_bytes(b"ElfFile\0" + b"\0" * 200)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "good.yml").write_text(RULE)
    (rules / "broken.yml").write_text(BROKEN)
    out = tmp_path / "hits.jsonl"
    result = CliRunner().invoke(
        command, [str(logs), "-r", str(rules), "-o", str(out)], env={"XDG_CACHE_HOME": str(tmp_path)}
    )
    assert result.exit_code == 1, result.output
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(written) == 6
    assert {"rule.id", "rule.name", "rule.level", "@timestamp", "log.file.path", "event.original"} <= written[0].keys()
    assert "broken.evtx" in result.output
    assert "動かなかったルール: 1 件" in result.output


def test_the_command_exits_0_when_all_was_read_and_2_when_used_wrongly(logs, tmp_path):
    rule = tmp_path / "good.yml"
    rule.write_text(RULE)
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    result = CliRunner().invoke(command, [str(logs), "-r", str(rule), "--json"], env=env)
    assert result.exit_code == 0, result.output
    missing = CliRunner().invoke(command, [str(tmp_path / "no"), "-r", str(rule)], env=env)
    assert getattr(missing.exception, "exit_code", None) == 2


FILTER = """title: Our own clearing
logsource: {product: windows}
filter:
  rules: [11111111-1111-4111-8111-111111111111]
  own: {EventID: 1102, X: ours}
  condition: not own
secops: {title_ja: 保守, owner: 情報政策課, reason: 月次の保守, expires: 2099-03-31}
"""


def test_filters_suppress_in_a_hunt_and_the_summary_says_how_many(logs, tmp_path):
    (logs / "own.jsonl").write_bytes(lines({**CLEARED, "X": "ours"}, {**CLEARED, "X": "ours"}, LOGON))
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rule.yml").write_text(RULE)
    (rules / "filter.yml").write_text(FILTER)
    (rules / "ended.yml").write_text(FILTER.replace("2099", "2020").replace("保守", "旧保守"))
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    result = CliRunner().invoke(command, [str(logs), "-r", str(rules), "--json"], env=env)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["hits"] == 6
    assert [(one["title_ja"], one["active"], one["suppressed"]) for one in found["filters"]] == [
        ("旧保守", False, 0),
        ("保守", True, 2),
    ]
    result = CliRunner().invoke(command, [str(logs), "-r", str(rules)], env=env)
    assert "例外(フィルタ)が抑止したもの: 2 件" in result.output
    assert "旧保守  2020-03-31 で期限が切れ" in result.output


@pytest.mark.parametrize(
    "value", ["9" * 400, "9" * 5000, "1e999", "NaN", '"\\ud800"', '{"a":' * 1000 + "1" + "}" * 1000]
)
def test_an_event_with_a_hostile_value_is_detected(tmp_path, value):
    (tmp_path / "a.jsonl").write_text('{"EventID":1102,"Channel":"Security","X":' + value + "}\n")
    book = Rulebook([("r.yml", RULE)], LOGSOURCES, None)
    found = list(hunt([tmp_path / "a.jsonl"], book.detector(), book, processes=1))
    assert [len(part.hits) for part in found] == [1]
    assert [part.problems for part in found] == [[]]
