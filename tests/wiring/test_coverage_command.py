"""``secops rules coverage`` over a real site: what came in makes rules active, and the files it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import UsageError
from secops.wiring import create_site

EVENT = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Hostname": "PC1",
    "@timestamp": "2020-01-01T00:00:00Z",  # long ago: what counts is that it came now
    "Image": "C:\\Windows\\System32\\cmd.exe",
    "CommandLine": "cmd.exe /c dir",
}
RULE = """title: {title}
id: 00000000-0000-4000-8000-00000000000{number}
level: {level}
logsource: {{product: windows, category: process_creation}}
tags: [attack.execution, {tag}]
detection:
  selection:
    {field}|contains: x
  condition: selection
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    ward = tmp_path_factory.mktemp("coverage") / "ward"
    create_site(ward, site_id="ward")
    wanted = [("Seen", "Image", "attack.t1059.003", "high"), ("Unseen", "OriginalFileName", "attack.t1105", "low")]
    for number, (title, field, tag, level) in enumerate(wanted, 1):
        text = RULE.format(title=title, number=number, field=field, tag=tag, level=level)
        (ward / "rules" / f"{number}.yml").write_text(text, encoding="utf-8")
    log = ward.parent / "events.json"
    log.write_text(json.dumps(EVENT) + "\n", encoding="utf-8")
    done = CliRunner().invoke(secops, ["ingest", str(log), "--zone", "lgwan", "--site", str(ward)])
    assert done.exit_code == 0, done.output
    return ward


def run(site: Path, *options: str):
    return CliRunner().invoke(secops, ["rules", "coverage", "--site", str(site), *options])


def listed(site: Path, *options: str):
    done = run(site, "--json", *options)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    return found["counts"], {one["title"]: (one["status"], one["reason"]) for one in found["rules"]}


def test_every_rule_has_a_status_and_a_reason_where_it_does_not_work(site):
    counts, rules = listed(site)
    assert sum(counts.values()) == len(rules)
    assert rules["Seen"] == ("active", "")
    status, reason = rules["Unseen"]
    assert status == "no_field"
    assert "OriginalFileName" in reason
    assert all(reason for status, reason in rules.values() if status != "active")


def test_a_source_that_brought_nothing_is_told_from_one_that_is_not_there(site, tmp_path):
    ward = tmp_path / "ward"
    create_site(ward, site_id="ward")
    toml = (ward / "secops.toml").read_text(encoding="utf-8")
    assert {status for title, (status, _reason) in listed(ward)[1].items()} <= {"no_source", "unsupported"}
    toml += '[[sources]]\nid = "pcs"\nkind = "file"\npath = "pcs.json"\nzone = "lgwan"\nformat = "windows_json"\n'
    (ward / "secops.toml").write_text(toml, encoding="utf-8")
    rule = RULE.format(title="Windows", number=1, field="Image", tag="attack.t1059", level="high")
    (ward / "rules" / "1.yml").write_text(rule, encoding="utf-8")
    (ward / "rules" / "2.yml").write_text(
        rule.replace("product: windows, category: process_creation", "category: firewall")
        .replace("title: Windows", "title: Firewall").replace("000001", "000002").replace("Image", "src_ip"),
        encoding="utf-8",
    )  # fmt: skip
    rules = listed(ward)[1]
    assert (rules["Windows"][0], rules["Firewall"][0]) == ("silent", "no_source")
    assert "収集元(pcs)" in rules["Windows"][1]


def test_the_list_is_narrowed_by_status_level_and_tag(site):
    assert "Unseen" in listed(site, "--status", "no_field")[1]
    assert "Seen" not in listed(site, "--status", "no_field")[1]
    assert "Unseen" not in listed(site, "--level", "high")[1]
    of_tag = listed(site, "--tag", "attack.t1059")[1]
    assert "Seen" in of_tag
    assert "Unseen" not in of_tag


@pytest.mark.parametrize("ending", ["svg", "html", "json"])
def test_the_matrix_is_written_in_the_form_that_the_name_says(site, tmp_path, ending):
    target = tmp_path / f"out.{ending}"
    assert run(site, "--attack", str(target)).exit_code == 0
    text = target.read_text(encoding="utf-8")
    assert "T1059" in text
    if ending == "json":
        assert json.loads(text)["versions"]["layer"] == "4.5"


def test_another_ending_is_wrong_usage(site, tmp_path):
    assert isinstance(run(site, "--attack", str(tmp_path / "out.pdf")).exception, UsageError)
    assert not (tmp_path / "out.pdf").exists()
