"""What a rule would have raised is what it raises when it is in force."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.rules import rules
from secops.errors import RuleError, UsageError
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import create_site, open_site
from secops.wiring.impact import Range, impact_of
from secops.wiring.parts import drain_alone

RULE = """
title: Whoami
id: 11111111-1111-4111-8111-111111111111
status: experimental
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\whoami.exe'}
  condition: selection
"""
WIDER = RULE.replace("'\\whoami.exe'", "['\\whoami.exe', '\\net.exe']")
FILTER = """
title: Inventory job
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows, category: process_creation}
filter:
  rules: [11111111-1111-4111-8111-111111111111]
  selection: {User: 'WARD\\inventory'}
  condition: not selection
secops: {owner: 情報政策課, reason: 資産管理の定期実行, expires: 2099-03-31}
"""
START = datetime(2026, 11, 20, tzinfo=UTC)


def event(number, image, user="WARD\\tanaka", host="K-0001"):
    at = START + timedelta(hours=number)
    return json.dumps({
        "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": host, "User": user,
        "Image": f"C:\\Windows\\System32\\{image}", "UtcTime": f"{at:%Y-%m-%d %H:%M:%S.000}",
        "@timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}", "SourceName": "Microsoft-Windows-Sysmon",
    }).encode()  # fmt: skip


@pytest.fixture
def site(tmp_path: Path):
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    with open_site(folder) as opened:
        records = [
            event(0, "whoami.exe"),
            event(1, "WHOAMI.EXE"),
            event(2, "net.exe", host="K-0002"),
            event(3, "whoami.exe", user="WARD\\inventory"),
            event(30, "whoami.exe", host="K-0003"),
            event(31, "calc.exe"),
        ]
        origin = Origin("import", "windows_json", zone="lgwan")
        opened.journal.append([NewBatch("dc", START + timedelta(hours=40), origin, records)])
    return folder


def run(folder: Path, text: str, since=START, until=START + timedelta(days=9), name="new.yml"):
    path = folder.parent / name
    path.write_text(text, encoding="utf-8")
    with open_site(folder) as opened:
        return impact_of(opened, path, Range(since, until), lambda _count: None)


def enable(folder: Path, text: str, name="own.yml"):
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / name).write_text(text, encoding="utf-8")


def test_it_says_what_the_rule_then_raises(site: Path):
    found = run(site, RULE)
    enable(site, RULE)
    with open_site(site) as opened:
        drain_alone(opened, lambda: False)
        page = opened.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope())
        hits = [hit for alert in page.alerts for hit in opened.desk.detail(alert.id, Scope(), hits=50).hits]
    assert found.new.events == {hit.event_id for hit in hits}
    assert dict(found.new.keys) == {alert.key: alert.count for alert in page.alerts}
    assert found.scanned == 6
    assert found.old is None
    assert found.new.hosts == {"K-0001": 3, "K-0003": 1}
    assert found.new.zones == {"lgwan": 4}
    assert found.new.days == {"2026-11-20": 3, "2026-11-21": 1}
    assert found.new.examples[0].matched[0].value == "C:\\Windows\\System32\\whoami.exe"


def test_nothing_is_written(site: Path):
    run(site, RULE)
    with open_site(site) as opened:
        assert opened.desk.positions() == {}
        assert opened.store.positions() == {}
        assert opened.desk.alerts(AlertFilter(), Scope()).total == 0


def test_a_changed_rule_is_compared_with_the_one_in_force(site: Path):
    enable(site, RULE)
    found = run(site, WIDER)
    assert found.old is not None
    assert (found.new.hits, found.old.hits, found.only_new, found.only_old) == (5, 4, 1, 0)


def test_exceptions_of_the_site_hold(site: Path):
    enable(site, RULE)
    enable(site, FILTER, "except.yml")
    found = run(site, WIDER)
    assert (found.new.hits, found.new.filtered) == (4, 1)


def test_an_exception_says_what_it_would_suppress(site: Path):
    enable(site, RULE)
    found = run(site, FILTER)
    assert (found.rule_id, found.title, found.kind) == (
        "22222222-2222-4222-8222-222222222222",
        "Inventory job",
        "filter",
    )
    assert found.old is not None
    assert (found.new.hits, found.new.filtered, found.old.hits, found.only_old) == (3, 1, 4, 1)
    enable(site, FILTER, "except.yml")
    wider = run(site, FILTER.replace("'WARD\\inventory'", "['WARD\\inventory', 'WARD\\tanaka']"))
    assert wider.old is not None
    assert (wider.new.hits, wider.old.hits) == (0, 3), "in place of the one in force with its id"


def test_an_exception_may_be_for_all_rules_of_a_logsource(site: Path):
    enable(site, RULE)
    enable(site, WIDER.replace("11111111-1111", "66666666-1111").replace("Whoami", "Wider"), "wider.yml")
    found = run(site, FILTER.replace("[11111111-1111-4111-8111-111111111111]", "any"))
    assert found.old is not None
    assert (found.old.hits - found.new.hits, found.new.filtered) == (2, 2)


@pytest.mark.parametrize("text", [FILTER, FILTER.replace("not selection", "nothing at all")])
def test_an_exception_that_does_not_filter_is_refused(site: Path, text: str):
    if text != FILTER:
        enable(site, RULE)
    with pytest.raises(RuleError):
        run(site, text)


def test_only_what_happened_in_the_range_counts(site: Path):
    assert run(site, RULE, since=START + timedelta(hours=20)).new.hits == 1
    assert run(site, RULE, until=START + timedelta(hours=1)).new.hits == 1


def test_a_range_behind_all_records_is_empty(site: Path):
    found = run(site, RULE, since=START + timedelta(days=5))
    assert (found.scanned, found.new.hits) == (0, 0)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (RULE.replace("selection: {", "selection: {Image|contians: x, "), RuleError),
        (RULE.replace("product: windows, category: process_creation", "product: mainframe"), RuleError),
        (RULE + "---" + RULE.replace("1111-111111111111", "1111-111111111112"), UsageError),
    ],
)
def test_a_rule_that_cannot_run_is_refused(site: Path, text, error):
    with pytest.raises(error):
        run(site, text)


def test_the_command(site: Path):
    path = site.parent / "rule.yml"
    path.write_text(WIDER, encoding="utf-8")
    enable(site, RULE)
    arguments = ["impact", str(path), "--since", "2026-11-19", "--site", str(site)]
    answer = CliRunner().invoke(rules, [*arguments, "--json"])
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.output)
    assert document["new"]["hits"] == 5
    assert document["current"]["alerts"] == 3
    assert document["only_new"] == 1
    text = CliRunner().invoke(rules, arguments).output
    assert "この版だけが検知: 1 件" in text
    assert "K-0002" in text
    path.write_text(FILTER, encoding="utf-8")
    text = CliRunner().invoke(rules, arguments).output
    assert "この例外は 1 件の検知を抑止します。" in text
