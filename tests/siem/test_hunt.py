"""Files in, hits out: through the real readers, normalizers and engine."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.hunt import hunt as command
from secops.siem.collect.slices import slices
from secops.siem.hunt import Rulebook, files_below, hunt, search

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


# Where the published count is 1 but the files hold more events that meet the rule, to the eye as well.
REALLY = {
    "0b9ad457-2554-44c1-82c2-d56a99c42377": 3,
    "8fbf3271-1ef6-4e94-8210-03c2317947f6": 3,
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": 3,
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": 2,
}


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


def test_real_windows_logs_fire_the_rules_they_were_recorded_for():
    """SigmaHQ's regression data: 92 rules with the events that must make them fire, as EVTX and as JSON."""
    import yaml

    shared = Path(os.environ.get("SECOPS_SHARED", ROOT.parent / "shared" / "data")) / "sigmahq"
    if not shared.is_dir():
        pytest.skip(f"{shared} is not there")
    cases = []
    for info in sorted(shared.glob("regression_data/**/info.yml")):
        document = yaml.safe_load(info.read_text(encoding="utf-8"))
        for test in document.get("regression_tests_info") or ():
            count = test.get("match_count")  # missing: at least once
            files = [path for path in info.parent.iterdir() if path.suffix in (".evtx", ".json")]
            identity = document["rule_metadata"][0]["id"]
            cases += [(identity, path, REALLY.get(identity, count)) for path in files]
    wanted = {identity for identity, _path, _count in cases}
    texts = [(str(path), path.read_text(encoding="utf-8")) for path in shared.glob("rules*/**/*.yml")]
    rules = [(path, text) for path, text in texts if any(identity in text for identity in wanted)]
    detector = Rulebook(rules, LOGSOURCES, None).detector()
    outcome = search([one for _identity, path, _count in cases for one in slices(path)], detector)
    found: dict[tuple[str, str], int] = {}
    for hit in outcome.hits:
        key = (detector.rules[hit.rule].id, hit.path)
        found[key] = found.get(key, 0) + 1
    wrong = [
        (identity, path.name, count, found.get((identity, str(path)), 0))
        for identity, path, count in cases
        if found.get((identity, str(path)), 0) != (count or max(found.get((identity, str(path)), 0), 1))
    ]
    assert cases
    assert not wrong, wrong
