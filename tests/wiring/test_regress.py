"""Recorded events make the rules fire that they were recorded for, through the hunt and through a site."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.rules import rules
from secops.siem.detect import load_detector
from secops.wiring.regress import cases_below, through_hunt, through_site
from secops.wiring.rules import BUILTIN, read_rule_files

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SECOPS_SHARED", ROOT.parent / "shared" / "data")) / "sigmahq"
# Recordings in which the rule rightly matches more events than info.yml says; each was read (docs/sigma.md).
REALLY = {
    "0b9ad457-2554-44c1-82c2-d56a99c42377": 3,
    "8fbf3271-1ef6-4e94-8210-03c2317947f6": 3,
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": 3,
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": 2,
}
RULE = """
title: Log cleared
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 1102}
  condition: selection
"""
INFO = """
rule_metadata:
  - {id: 11111111-1111-4111-8111-111111111111, title: Log cleared}
regression_tests_info:
  - {name: test, type: json, match_count: COUNT}
"""


@pytest.fixture
def folder(tmp_path: Path):
    """A release with one case for each verdict."""
    rule_folder = tmp_path / "rules"
    rule_folder.mkdir()
    (rule_folder / "rule.yml").write_text(RULE, encoding="utf-8")
    event = json.dumps({"EventID": 1102, "Channel": "Security", "Hostname": "DC"}) + "\n"
    for name, info, text in (
        ("right", INFO.replace("COUNT", "2"), event * 2),
        ("fewer", INFO.replace("COUNT", "3"), event * 2),
        ("nothing", INFO.replace("COUNT", "1"), event.replace("1102", "1100")),
        ("unread", INFO.replace("COUNT", "1"), '{"EventID":1102,"Channel":"Secu\n'),
        ("unknown", INFO.replace("1111-1111-4111", "9999-9999-4999"), event),
    ):
        place = tmp_path / "regression_data" / name
        place.mkdir(parents=True)
        (place / "info.yml").write_text(info, encoding="utf-8")
        (place / "events.json").write_text(text, encoding="utf-8")
    broken = tmp_path / "regression_data" / "broken"
    broken.mkdir()
    (broken / "info.yml").write_text("x: [", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("through", ["hunt", "site"])
def test_the_command_tells_every_verdict(folder: Path, through):
    arguments = ["regress", str(folder / "regression_data"), "--through", through]
    answer = CliRunner().invoke(rules, [*arguments, "--json"], env={"XDG_CACHE_HOME": str(folder / "cache")})
    assert answer.exit_code == 1, answer.output
    document = json.loads(answer.stdout)
    found = {Path(one["path"]).parent.name: (one["found"], one["verdict"]) for one in document["results"]}
    assert found["right"] == (2, "ok")
    assert found["fewer"] == (2, "differs")
    assert found["nothing"] == (0, "missed")
    assert found["unknown"] == (0, "unsupported")
    assert found["unread"][1] in {"unreadable", "missed"}
    assert [Path(problem["where"]).parent.name for problem in document["problems"]] == ["broken"]
    text = CliRunner().invoke(rules, arguments, env={"XDG_CACHE_HOME": str(folder / "cache")}).output
    assert "5 件の記録を試しました" in text


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize("through", ["hunt", "site"])
def test_every_recording_of_sigmahq_fires_its_rule(tmp_path: Path, through):
    cases, problems = cases_below(SHARED / "regression_data")
    assert problems == []
    assert len({case.rule_id for case in cases}) == 92
    wanted = {case.rule_id for case in cases}
    chosen = tmp_path / "rules"
    chosen.mkdir()
    for number, (_path, text) in enumerate(read_rule_files(SHARED.glob("rules*"))):
        if any(identity in text for identity in wanted):
            (chosen / f"{number}.yml").write_text(text, encoding="utf-8")
    detector = load_detector(read_rule_files([chosen]), (BUILTIN / "logsources.yml").read_text(encoding="utf-8"))
    if through == "site":
        results = through_site(cases, detector, [chosen], lambda _count: None)
    else:
        results = through_hunt(cases, detector, lambda _count: None)
    wrong = [
        (one.case.title, one.case.path.name, one.found, one.verdict, one.reason)
        for one in results
        if one.verdict != "ok" and one.found != REALLY.get(one.case.rule_id)
    ]
    assert wrong == []
