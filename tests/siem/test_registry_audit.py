"""Registry rules over the audit of registry values (Security 4657): Sysmon's notation, all spellings, both roads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.siem.collect.slices import slices
from secops.siem.detect import load_detector
from secops.siem.hunt import search
from secops.siem.normalize.reading import frames_of
from secops.siem.normalize.windows_registry import key_path, value_data, value_path, value_type
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import create_site, open_site
from secops.wiring.parts import drain_alone
from tests.siem.test_what_others_get_wrong import SHAPES, SYSMON, rule

LOGSOURCES = (Path(__file__).parents[2] / "rules" / "logsources.yml").read_text(encoding="utf-8")
SERVICES = "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services"
USER = "\\REGISTRY\\USER\\S-1-5-21-1-2-3-1105\\SOFTWARE"


def audit(operation="%%1905", **more):
    return {
        "ObjectName": f"{SERVICES}\\EventLog", "ObjectValueName": "Start", "OperationType": operation,
        "OldValueType": "%%1876", "OldValue": "2", "NewValueType": "%%1876", "NewValue": "4",
        "ProcessName": "C:\\Tools\\x.exe", "SubjectUserName": "tanaka", **more,
    }  # fmt: skip


def category(name):
    return f"{{product: windows, category: {name}}}"


START = {
    "TargetObject|startswith": "HKLM\\System\\CurrentControlSet\\Services\\",
    "TargetObject|endswith": "\\EventLog\\Start",
    "Details": "DWORD (0x00000004)",
    "Image|endswith": "\\x.exe",
}


def found(tmp_path, one, *records):
    """Which records a rule matches, as places in the list: by the hunt and by a frame, which must agree."""
    detector = load_detector([one], LOGSOURCES)
    assert [rule.reason for rule in detector.rules] == [""]
    path = tmp_path / "events.jsonl"
    raw = [json.dumps(record).encode() for record in records]
    path.write_bytes(b"\n".join(raw) + b"\n")
    outcome = search(slices(path), detector)
    assert outcome.problems == []
    by_hunt = [raw.index(hit.original.encode()) for hit in outcome.hits]
    frames = frames_of(raw, "windows_json", detector.reads, ecs=True, origin=Origin("file", "windows_json"))
    by_frame = [row for frame in frames for match in detector.match(frame) for row in match.rows]
    assert sorted(by_hunt) == sorted(by_frame)
    return sorted(by_hunt)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["registry_set", "registry_event"])
def test_rules_about_values_read_sysmon_13_and_security_4657(tmp_path, shape, name):
    sysmon = {
        "EventType": "SetValue", "TargetObject": "HKLM\\System\\CurrentControlSet\\Services\\EventLog\\Start",
        "Details": "DWORD (0x00000004)", "Image": "C:\\Tools\\x.exe",
    }  # fmt: skip
    events = [
        shape(13, SYSMON, sysmon),
        shape(4657, "Security", audit()),
        shape(4657, "Security", audit(NewValue="3")),
        shape(4657, "Security", audit(ObjectValueName="Group")),
        shape(4663, "Security", audit()),
    ]
    assert found(tmp_path, rule(START, category(name)), *events) == [0, 1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "rows"),
    [("registry_set", [0, 1]), ("registry_delete", [2]), ("registry_event", [0, 1, 2]), ("registry_add", [])],
)
def test_the_operation_tells_the_category(tmp_path, shape, name, rows):
    events = [shape(4657, "Security", audit(f"%%{number}")) for number in (1904, 1905, 1906)]
    one = rule({"TargetObject|endswith": "\\EventLog\\Start"}, category(name))
    assert found(tmp_path, one, *events) == rows


@pytest.mark.parametrize("shape", SHAPES)
def test_a_user_s_hive_and_a_value_without_a_name(tmp_path, shape):
    one = rule(
        {
            "TargetObject|startswith": "HKU\\S-1-5-21-",
            "TargetObject|endswith": "\\Run\\(Default)",
            "Details": "C:\\a.exe",
        },
        category("registry_set"),
    )
    text = {"ObjectName": f"{USER}\\Run", "ObjectValueName": "-", "NewValueType": "%%1873", "NewValue": "C:\\a.exe"}
    without = {name: value for name, value in audit(**text).items() if name not in {"ObjectValueName", "NewValueType"}}
    assert found(tmp_path, one, shape(4657, "Security", audit(**text)), shape(4657, "Security", without)) == [0, 1]


def test_what_the_event_shows(tmp_path):
    detector = load_detector([rule(START, category("registry_set"))], LOGSOURCES)
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(SHAPES[1](4657, "Security", audit())) + "\n")
    [hit] = search(slices(path), detector).hits
    shown = {name: value for name, value in hit.event.items() if name.startswith("registry.")}
    assert shown == {
        "registry.path": "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Start",
        "registry.hive": "HKLM",
        "registry.key": "SYSTEM\\CurrentControlSet\\Services\\EventLog",
        "registry.value": "Start",
        "registry.data.strings": ["DWORD (0x00000004)"],
        "registry.data.type": "REG_DWORD",
    }
    assert hit.event["winlog.event_data.ObjectName"] == f"{SERVICES}\\EventLog"  # as it was written
    assert hit.event["winlog.event_data.NewValue"] == "4"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("\\REGISTRY\\MACHINE\\SOFTWARE\\x", "HKLM\\SOFTWARE\\x"),
        ("\\Registry\\Machine\\System\\controlset002\\Control", "HKLM\\System\\CurrentControlSet\\Control"),
        ("\\REGISTRY\\USER\\.DEFAULT\\x", "HKU\\.DEFAULT\\x"),
        ("\\REGISTRY\\MACHINE", "HKLM"),
        ("\\REGISTRY\\MACHINES\\x", "\\REGISTRY\\MACHINES\\x"),
        ("\\REGISTRY\\A\\{1}\\x", "\\REGISTRY\\A\\{1}\\x"),  # a hive of an application: it has no other name
        ("\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet0011\\x", "HKLM\\SYSTEM\\ControlSet0011\\x"),
        ("-", None),
    ],
)
def test_keys(written, expected):
    assert key_path(written) == expected


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        ("4", "%%1876", ["DWORD (0x00000004)"]),
        ("0xFFFFFFFF", "REG_DWORD", ["DWORD (0xffffffff)"]),
        (4, "%%1876", ["DWORD (0x00000004)"]),
        ("0x1D63ED21D4ADB0A", "%%1883", ["QWORD (0x01d63ed2-0x1d4adb0a)"]),
        ("4294967296", "%%1876", ["4294967296"]),
        ("-1", "%%1876", ["-1"]),
        ("many", "%%1876", ["many"]),
        ("00 01", "%%1875", ["Binary Data"]),
        ("4", "%%1873", ["4"]),
        ("4", None, ["4"]),
        ("-", "-", None),
        (None, None, None),
    ],
)
def test_data(data, kind, expected):
    assert value_data(data, kind) == expected


def test_types_and_paths():
    assert [value_type(one) for one in ("%%1879", "REG_SZ", "%%9", "-")] == ["REG_MULTI_SZ", "REG_SZ", "%%9", None]
    assert value_path("\\REGISTRY\\MACHINE\\x", "") == "HKLM\\x\\(Default)"
    assert value_path(None, "a") is None


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_value_in_sysmon_and_security_is_one_alert(tmp_path, shape):
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "own.yml").write_text(rule(START, category("registry_set"))[1])
    sysmon = {
        "EventType": "SetValue", "TargetObject": "HKLM\\System\\CurrentControlSet\\Services\\EventLog\\Start",
        "Details": "DWORD (0x00000004)", "Image": "C:\\Tools\\x.exe", "User": "WARD\\tanaka",
    }  # fmt: skip
    records = [shape(13, SYSMON, sysmon), shape(4657, "Security", audit(SubjectDomainName="WARD"))]
    with open_site(folder) as opened:
        origin = Origin("import", "windows_json", zone="lgwan")
        received = datetime(2026, 11, 23, 2, tzinfo=UTC)
        for source, record in zip(("sysmon", "security"), records, strict=True):
            opened.journal.append([NewBatch(source, received, origin, [json.dumps(record).encode()])])
        drain_alone(opened, lambda: False)
        page = opened.desk.alerts(AlertFilter(rule_id="00000000-0000-4000-8000-000000000001"), Scope())
        assert [alert.count for alert in page.alerts] == [2]
