"""An event that holds a keyword meets the rules about its fields all the same, in a site as in a hunt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secops.siem.collect.slices import slices
from secops.siem.detect import load_detector
from secops.siem.hunt import search
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import create_site, open_site
from secops.wiring.parts import drain_alone

LOGSOURCES = (Path(__file__).parents[2] / "rules" / "logsources.yml").read_text(encoding="utf-8")
RULE = """title: R{number}
id: 00000000-0000-4000-8000-00000000000{number}
level: high
logsource: {{product: windows, service: sysmon}}
detection:
  sought: {sought}
  condition: sought
"""
RULES = [
    RULE.format(number=1, sought='{EventID: 1, CommandLine|contains: "sekurlsa", Image|endswith: "x.exe"}'),
    RULE.format(number=2, sought="[sekurlsa, mimikatz]"),
    RULE.format(number=3, sought='{ParentImage|contains: "no such"}'),
]
HEAD = {"Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "PC-1", "@timestamp": "2026-11-23T01:02:03Z"}
EVENTS = [
    {"EventID": 1, "Image": "C:\\x.exe", "CommandLine": "x sekurlsa::logonpasswords", **HEAD},
    {"EventID": 1, "Image": "C:\\y.exe", "CommandLine": "mimikatz", **HEAD},
    {"EventID": 1, "Image": "C:\\x.exe", "CommandLine": "x", **HEAD},
]
EXPECTED = {
    (1, 1, ("CommandLine", "EventID", "Image")),
    (2, 1, ("",)),
    (2, 2, ("",)),
}


def nested(event):
    system = {"EventID": event["EventID"], "Channel": event["Channel"], "Computer": "PC-1"}
    data = {name: value for name, value in event.items() if name not in {"EventID", *HEAD}}
    return {"Event": {"System": system, "EventData": data}}


@pytest.mark.parametrize("shape", [dict, nested])
def test_fields_and_keywords_of_one_event(tmp_path, shape):
    lines = [json.dumps(shape(event)) for event in EVENTS]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    detector = load_detector([(f"{number}.yml", text) for number, text in enumerate(RULES)], LOGSOURCES)
    hunted = {
        (hit.rule + 1, lines.index(hit.original) + 1, fields(hit.matched))
        for hit in search(slices(path), detector).hits
    }
    assert hunted == EXPECTED
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    (folder / "rules").mkdir(exist_ok=True)
    for number, text in enumerate(RULES):
        (folder / "rules" / f"{number}.yml").write_text(text)
    with open_site(folder) as site:
        origin = Origin("import", "windows_json", zone="lgwan")
        site.journal.append([NewBatch("pc", site.now(), origin, [line.encode() for line in lines])])
        drain_alone(site, lambda: False)
        alerts = site.desk.alerts(AlertFilter(), Scope(), limit=100).alerts
        hits = [hit for alert in alerts for hit in site.desk.detail(alert.id, Scope(), hits=9).hits]
    found = {(int(hit.rule_id[-1]), hit.seq, fields(hit.matched)) for hit in hits if hit.rule_id.startswith("0000")}
    assert found == EXPECTED


def fields(matched):
    return tuple(sorted({one.field for one in matched}))
