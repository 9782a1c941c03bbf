"""What other Sigma engines get wrong, by name, from the bytes of a record to the hit.

Each event is written as EVTX readers write it (nested), as the OTRF recordings are (flat) and as Winlogbeat sends it;
each goes the hunt's way (parts) and the site's (a frame). All must say the same.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secops.siem.collect.slices import slices
from secops.siem.detect import load_detector
from secops.siem.hunt import search
from secops.siem.normalize.reading import frames_of
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import create_site, open_site
from secops.wiring.parts import drain_alone

LOGSOURCES = (Path(__file__).parents[2] / "rules" / "logsources.yml").read_text(encoding="utf-8")
SYSMON = "Microsoft-Windows-Sysmon/Operational"
TIME = "2026-11-23T01:02:03.000Z"


def nested(code, channel, data, provider="Provider"):
    system = {"EventID": code, "Computer": "PC-1", "TimeCreated": {"#attributes": {"SystemTime": TIME}}}
    system |= {"Channel": channel} if channel else {}
    system |= {"Provider": {"#attributes": {"Name": provider}}} if provider else {}
    return {"Event": {"#attributes": {"xmlns": "http://x"}, "System": system, "EventData": data}}


def flat(code, channel, data, provider="Provider"):
    head = {"EventID": code, "Channel": channel, "Hostname": "PC-1", "@timestamp": TIME}
    return head | ({"SourceName": provider} if provider else {}) | data


def beats(code, channel, data, provider="Provider"):
    winlog = {"event_id": code, "channel": channel, "computer_name": "PC-1", "event_data": data}
    return {"@timestamp": TIME, "winlog": winlog | ({"provider_name": provider} if provider else {})}


SHAPES = [nested, flat, beats]


def rule(detection, logsource="{product: windows, service: sysmon}", number=1):
    if "condition" not in detection:
        detection = {"selection": detection, "condition": "selection"}
    head = f"title: R{number}\nid: 00000000-0000-4000-8000-{number:012}\nlevel: high\nlogsource: {logsource}\n"
    return f"{number}.yml", f"{head}detection: {json.dumps(detection)}\n"


@pytest.fixture
def hits(tmp_path):
    """Which records a rule matches, as places in the list: by the hunt and by a frame, which must agree."""

    def run(one, *records):
        detector = load_detector([one], LOGSOURCES)
        assert detector.rules[0].active, detector.rules[0].reason
        path = tmp_path / "events.jsonl"
        lines = [json.dumps(record) for record in records]
        path.write_text("".join(line + "\n" for line in lines))
        [whole] = slices(path)
        outcome = search([whole], detector)
        assert (outcome.events, outcome.problems) == (len(records), [])
        hunted = [lines.index(found.original) for found in outcome.hits]
        raw = [line.encode() for line in lines]
        framed = [
            row
            for frame in frames_of(raw, "windows_json", detector.reads, ecs=True, origin=Origin("file", "windows_json"))
            for match in detector.match(frame)
            for row in match.rows
        ]
        assert hunted == framed
        return hunted

    return run


def in_every_shape(hits, detection, *data, code=1, channel=SYSMON, **more):
    """The hits of events with the given data, the same whatever shape they are written in."""
    found = [hits(rule(detection, **more), *(shape(code, channel, one) for one in data)) for shape in SHAPES]
    assert found[0] == found[1] == found[2], dict(zip(("nested", "flat", "beats"), found, strict=True))
    return found[0]


def test_wildcards_inside_startswith_and_endswith(hits):
    data = [{"TargetObject": text} for text in ("Run12", "Run1", "Run1?", "R1x", "xRun12")]
    assert in_every_shape(hits, {"TargetObject|endswith": "1?"}, *data) == [0, 2, 3, 4]
    assert in_every_shape(hits, {"TargetObject|startswith": "R*1"}, *data) == [0, 1, 2, 3]
    assert in_every_shape(hits, {"TargetObject|contains": "n?2"}, *data) == [0, 4]


def test_escapes_before_a_share_name(hits):
    data = [{"ShareName": text} for text in (r"\\*\IPC$", r"\\server\IPC$", r"\*\IPC$", r"\\*\ADMIN$")]
    security = {"code": 5145, "channel": "Security", "logsource": "{product: windows, service: security}"}
    # as SigmaHQ writes it: \\\\ is two backslashes, \* an asterisk, \\ a backslash
    assert in_every_shape(hits, {"ShareName": r"\\\\\*\\IPC$"}, *data, **security) == [0]
    assert in_every_shape(hits, {"ShareName": r"\\\\*\\IPC$"}, *data, **security) == [0, 1]
    assert in_every_shape(hits, {"ShareName|endswith": r"\IPC$"}, *data, **security) == [0, 1, 2]


def test_contains_an_asterisk_means_the_field_is_there(hits):
    data = [{"ImagePath": "x"}, {"ImagePath": ""}, {"Other": "x"}, {"ImagePath": "*"}]
    assert in_every_shape(hits, {"ImagePath|contains": "*"}, *data) == [0, 1, 3]
    assert in_every_shape(hits, {"ImagePath|contains": "\\*"}, *data) == [3]


def test_a_field_name_with_a_space(hits):
    data = [{"Threat Name": "HackTool:Mimikatz"}, {"ThreatName": "HackTool:Mimikatz"}]
    assert in_every_shape(hits, {"Threat Name|startswith": "hacktool"}, *data) == [0]


def test_ports_and_ids_as_texts_against_numbers(hits):
    data = [{"DestinationPort": port} for port in (443, "443", "0443", 4430, "https", 443.0)]
    more = {"code": 3, "logsource": "{product: windows, category: network_connection}"}
    assert in_every_shape(hits, {"DestinationPort": 443}, *data, **more) == [0, 1, 2, 5]
    assert in_every_shape(hits, {"DestinationPort|gte": 444}, *data, **more) == [3]
    for code in (3, "3"):
        assert in_every_shape(hits, {"DestinationPort": "443"}, *data[:2], **(more | {"code": code})) == [0, 1]
        assert in_every_shape(hits, {"EventID": 3}, {}, code=code) == [0]
        assert in_every_shape(hits, {"EventID": "3"}, {}, code=code) == [0]


def test_json_booleans_against_the_text_true(hits):
    data = [{"Initiated": value} for value in (True, "true", "True", False, 1)]
    more = {"code": 3, "logsource": "{product: windows, category: network_connection}"}
    assert in_every_shape(hits, {"Initiated": "true"}, *data, **more) == [0, 1, 2]
    assert in_every_shape(hits, {"Initiated": True}, *data, **more) == [0, 1, 2]
    assert in_every_shape(hits, {"Initiated": "false"}, *data, **more) == [3]


def test_arrays_of_data(hits):
    data = [{"Data": value} for value in (["a evil", "b"], ["a"], "evil", [])]
    application = {"code": 11707, "channel": "Application", "logsource": "{product: windows, service: application}"}
    assert in_every_shape(hits, {"Data|contains": "EVIL"}, *data, **application) == [0, 2]
    assert in_every_shape(hits, {"Data|contains|all": ["evil", "b"]}, *data, **application) == [0]


def test_data_with_text_of_its_own(hits):
    one = rule({"Data|contains": "evil"}, "{product: windows, service: application}")
    texts = [{"Data": {"#text": ["an evil", "b"]}}, {"Data": {"#text": "evil"}}, {"Data": {"#text": ["a", "b"]}}]
    assert hits(one, *(nested(11707, "Application", data) for data in texts)) == [0, 1]


def test_event_ids_with_qualifiers(hits):
    code = {"#attributes": {"Qualifiers": 16384}, "#text": 7045}
    one = rule({"EventID": 7045}, "{product: windows, service: system}")
    assert hits(one, nested(code, "System", {"ServiceName": "x"})) == [0]


@pytest.mark.parametrize("shape", SHAPES)
def test_channels_in_any_case(hits, shape):
    one = rule({"EventID": 1102}, "{product: windows, service: security}")
    channels = ("security", "Security", "SECURITY", "System")
    assert hits(one, *(shape(1102, channel, {}) for channel in channels)) == [0, 1, 2]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_provider(hits, shape):
    created = rule({"Image|endswith": "\\x.exe"}, "{product: windows, category: process_creation}")
    record = shape(1, SYSMON, {"Image": "C:\\x.exe"}, provider=None)
    assert hits(created, record) == [0]
    named = rule({"Provider_Name": "Microsoft-Windows-Sysmon"})
    assert hits(named, record, shape(1, SYSMON, {}, provider="Microsoft-Windows-Sysmon")) == [1]


def test_null_is_a_missing_field_and_not_an_empty_one(hits):
    data = [{"ParentImage": "x"}, {"ParentImage": ""}, {"Image": "x"}, {"ParentImage": None}]
    assert in_every_shape(hits, {"ParentImage": None}, *data) == [2, 3]
    assert in_every_shape(hits, {"ParentImage": ""}, *data) == [1]
    assert in_every_shape(hits, {"ParentImage|exists": False}, *data) == [2, 3]
    unless = {"all": {"EventID": 1}, "filter": {"ParentImage|startswith": "x"}, "condition": "all and not filter"}
    assert in_every_shape(hits, unless, *data) == [1, 2, 3]


def test_keyword_rules(hits):
    words = {"keywords": ["mimi*katz", "sekurlsa::"], "condition": "keywords"}
    data = [
        {"Any": "a MIMI-Katz b"},
        {"Other": ["x", "SEKURLSA::logonpasswords"]},
        {"Any": "mimi"},
        {"sekurlsa::": "x"},
    ]
    assert in_every_shape(hits, words, *data) == [0, 1]
    words = {"keywords": ['不正な"侵入"', "C:\\\\evil"], "condition": "keywords"}
    data = [{"Any": 'これは不正な"侵入"です'}, {"Any": "x c:\\EVIL y"}, {"Any": "侵入"}]
    assert in_every_shape(hits, words, *data) == [0, 1]
    both = {"keywords": {"|all": ["one", "two"]}, "condition": "keywords"}
    assert in_every_shape(hits, both, {"A": "one", "B": "TWO"}, {"A": "one one"}) == [0]


def test_an_invalid_regular_expression_stops_its_own_rule_only():
    good, bad = rule({"Image|re": "cmd"}), rule({"Image|re": "(?<=a)b"}, number=2)
    detector = load_detector([bad, good], LOGSOURCES)
    [refused] = [one for one in detector.rules if not one.active]
    assert refused.path == "2.yml"
    assert "(?<=" in refused.reason
    assert fired(detector, flat(1, SYSMON, {"Image": "cmd"})) == ["1.yml"]


def test_a_placeholder_without_values_is_reported_and_the_others_run():
    good, bad = rule({"User": "x"}), rule({"User|expand": "%admins%"}, number=2)
    detector = load_detector([bad, good], LOGSOURCES)
    [refused] = [one for one in detector.rules if not one.active]
    assert refused.path == "2.yml"
    assert "admins" in refused.reason
    assert fired(detector, flat(1, SYSMON, {"User": "x"}), flat(1, SYSMON, {"User": "%admins%"})) == ["1.yml"]


def fired(detector, *records):
    raw = [json.dumps(record).encode() for record in records]
    frames = frames_of(raw, "windows_json", detector.reads, ecs=True, origin=Origin("file", "windows_json"))
    return [detector.rules[match.rule].path for frame in frames for match in detector.match(frame)]


CREATION = rule({"Image|endswith": "\\whoami.exe"}, "{product: windows, category: process_creation}")
STARTED = {
    "Image": "C:\\Windows\\System32\\whoami.exe",
    "User": "WARD\\tanaka",
    "ProcessId": 4660,
    "CommandLine": "whoami",
}
AUDITED = {
    "NewProcessName": "C:\\Windows\\System32\\whoami.exe", "SubjectUserName": "tanaka", "SubjectDomainName": "WARD",
    "SubjectUserSid": "S-1-5-21-1-2-3-1105", "NewProcessId": "0x1234", "CommandLine": "whoami",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_process_rules_read_sysmon_1_and_security_4688_and_hunt_shows_both(hits, shape):
    other = shape(4689, "Security", AUDITED)
    assert hits(CREATION, shape(1, SYSMON, STARTED), other, shape(4688, "Security", AUDITED)) == [0, 2]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("user", ["WARD\\tanaka", "WARD\\Tanaka"])
def test_the_same_start_in_sysmon_and_security_is_one_alert(tmp_path, shape, user):
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "own.yml").write_text(CREATION[1])
    records = [shape(1, SYSMON, STARTED | {"User": user}), shape(4688, "Security", AUDITED)]
    with open_site(folder) as opened:
        origin = Origin("import", "windows_json", zone="lgwan")
        received = datetime(2026, 11, 23, 2, tzinfo=UTC)
        lines = [json.dumps(record).encode() for record in records]
        opened.journal.append([NewBatch("sysmon", received, origin, lines[:1])])
        opened.journal.append([NewBatch("security", received + timedelta(minutes=1), origin, lines[1:])])
        drain_alone(opened, lambda: False)
        page = opened.desk.alerts(AlertFilter(rule_id="00000000-0000-4000-8000-000000000001"), Scope())
        assert [(alert.count, alert.key) for alert in page.alerts] == [(2, page.alerts[0].key)]
        codes = {hit.event["event.code"] for hit in opened.desk.detail(page.alerts[0].id, Scope(), hits=9).hits}
    assert codes == {"1", "4688"}
