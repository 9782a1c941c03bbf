"""What a correlation would have raised, over what is journaled, is what it raises when it is in force."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secops.cli.rules import rules
from secops.errors import RuleError, UsageError
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import create_site, open_site
from secops.wiring.correlation import make_correlating
from secops.wiring.parts import drain_alone
from tests.wiring.test_impact import FILTER, RULE, START, enable, event, run

BASE, MANY = "11111111-1111-4111-8111-111111111111", "44444444-4444-4444-8444-444444444444"
CORRELATION = f"""
title: Many whoami
id: {MANY}
name: many
level: high
correlation:
  type: event_count
  rules: [{BASE}]
  group-by: [host.name]
  timespan: 3h
  condition: {{gte: 2}}
"""
SOURCES = {
    "pc-1": [event(0, "whoami.exe"), event(1, "whoami.exe"), event(20, "whoami.exe"), event(31, "calc.exe")],
    "pc-2": [
        event(2, "whoami.exe"),
        event(21, "whoami.exe", user="WARD\\inventory"),
        event(40, "whoami.exe", host="B"),
    ],
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    with open_site(folder) as opened:
        origin = Origin("import", "windows_json", zone="lgwan")
        for name, records in SOURCES.items():
            opened.journal.append([NewBatch(name, START + timedelta(hours=50), origin, records)])
    return folder


def raised_live(folder: Path, rule_id: str) -> tuple[set[str], dict[str, int]]:
    with open_site(folder) as opened:
        drain_alone(opened, lambda: False)
        make_correlating(opened).run_dry(opened.now())
        found = opened.desk.alerts(AlertFilter(rule_id=rule_id), Scope()).alerts
        hits = [hit for alert in found for hit in opened.desk.detail(alert.id, Scope(), hits=50).hits]
    return {hit.event_id for hit in hits}, {alert.key: alert.count for alert in found}


def test_it_says_what_the_correlation_then_raises_across_sources(site: Path):
    enable(site, RULE)
    found = run(site, CORRELATION)
    enable(site, CORRELATION, "many.yml")
    events, keys = raised_live(site, MANY)
    assert found.new.events == events
    assert dict(found.new.keys) == keys
    assert (found.rule_id, found.title, found.scanned, found.old) == (MANY, "Many whoami", 7, None)
    assert found.new.hits == 3
    assert found.new.inputs == {BASE: 6}
    first = found.new.examples[0]
    assert (first.counted, [one.event_id for one in first.events]) == (2, ["ward.pc-1.1", "ward.pc-1.2"])
    assert first.matched[0].field == "event_count"


def test_fields_whose_text_is_stored_under_an_ecs_name_are_there_for_correlations(site: Path):
    enable(site, RULE)
    by_image = CORRELATION.replace("host.name", "Image")
    found = run(site, by_image)
    assert found.new.hits == 3
    assert found.new.examples[0].matched[1].value == "C:\\Windows\\System32\\whoami.exe"
    enable(site, by_image, "many.yml")
    assert found.new.events == raised_live(site, MANY)[0]


def test_a_correlation_in_one_file_with_its_rules(site: Path):
    assert run(site, CORRELATION + "---" + RULE).new.hits == 3
    assert (
        run(site, RULE.replace("status:", "name: who\nstatus:") + "---" + CORRELATION.replace(BASE, "who")).new.hits
        == 3
    )


def test_a_correlation_of_correlations(site: Path):
    enable(site, RULE + "---" + CORRELATION)
    twice = CORRELATION.replace(MANY, "55555555-5555-4555-8555-555555555555").replace("name: many", "name: twice")
    found = run(site, twice.replace(BASE, "many").replace("gte: 2", "gte: 1"))
    assert found.new.hits == 3
    assert found.new.inputs == {BASE: 6}


def test_a_changed_correlation_is_compared_with_the_one_in_force(site: Path):
    enable(site, RULE + "---" + CORRELATION)
    found = run(site, CORRELATION.replace("gte: 2", "gte: 3"))
    assert found.old is not None
    assert (found.new.hits, found.old.hits, found.only_new, found.only_old) == (1, 3, 0, 2)


def test_exceptions_of_the_rules_hold(site: Path):
    enable(site, RULE)
    enable(site, FILTER, "except.yml")
    found = run(site, CORRELATION)
    assert (found.new.hits, found.new.filtered, found.new.inputs) == (2, 1, {BASE: 5})


def test_what_stands_before_the_range_is_counted_by_the_correlation(site: Path):
    enable(site, RULE)
    assert run(site, CORRELATION, since=START + timedelta(hours=1)).new.hits == 3
    assert run(site, CORRELATION, since=START + timedelta(hours=2)).new.hits == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (CORRELATION, RuleError),  # the rule it refers to is not there
        (CORRELATION.replace("gte: 2", "gte: x") + "---" + RULE, RuleError),
        (CORRELATION + "---" + RULE + "---" + CORRELATION.replace("4444-", "4445-"), UsageError),
    ],
)
def test_a_correlation_that_cannot_run_is_refused(site: Path, text: str, error: type[Exception]):
    with pytest.raises(error):
        run(site, text)


def test_more_than_can_be_held_is_said(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("secops.wiring.impact.MOST", 4)
    enable(site, RULE)
    found = run(site, CORRELATION)
    assert found.new.lost == 2


def test_the_command(site: Path):
    enable(site, RULE)
    path = site.parent / "many.yml"
    path.write_text(CORRELATION, encoding="utf-8")
    arguments = ["impact", str(path), "--since", "2026-11-19", "--site", str(site)]
    answer = CliRunner().invoke(rules, [*arguments, "--json"])
    assert answer.exit_code == 0, answer.output
    document: dict[str, Any] = json.loads(answer.output)
    assert document["rule"]["id"] == MANY
    assert (document["new"]["hits"], document["new"]["inputs"]) == (3, {BASE: 6})
    assert document["new"]["examples"][0]["counted"] == 2
    text = CliRunner().invoke(rules, arguments).output
    assert "Whoami" in text
    assert "ward.pc-1.1" in text
    assert "数えた記録 2 件" in text
