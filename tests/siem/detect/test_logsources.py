"""The logsource map: complete for SigmaHQ's rules, and Windows' own audit where it says what Sysmon would."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from secops.siem.detect import load_detector
from secops.siem.detect.read_logsources import read_logsources
from tests.siem.detect.cases import frame, rule_file

ROOT = Path(__file__).parents[3]
SIGMAHQ = Path(os.environ.get("SECOPS_SHARED", ROOT.parent / "shared")) / "data" / "sigmahq"
MAP = (ROOT / "rules" / "logsources.yml").read_text(encoding="utf-8")
FOREIGN = {("", "logfile", ""), ("", "appliance", "")}  # of the scanner THOR alone: any file that is called *.log
needs_sigmahq = pytest.mark.skipif(not SIGMAHQ.exists(), reason=f"SigmaHQ's rules ({SIGMAHQ}) are not here")


@pytest.fixture(scope="module")
def entries():
    found: dict[tuple[str, ...], list[Any]] = {}
    for entry in read_logsources(MAP).entries:
        found.setdefault(entry.key, []).append(entry)
    return found


def _key(source):
    return tuple(source.get(part) or "" for part in ("product", "category", "service"))


@needs_sigmahq
def test_every_logsource_of_sigmahqs_rules_is_in_the_map(entries):
    wanted: dict[tuple[str, ...], str] = {}
    for path in SIGMAHQ.glob("rules*/**/*.yml"):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), yaml.CSafeLoader):
            if document and "logsource" in document:
                wanted.setdefault(_key(document["logsource"]), path.name)
    assert len(wanted) > 100
    assert {key: name for key, name in wanted.items() if key not in entries} == {}


@needs_sigmahq
def test_channels_and_event_ids_are_those_that_sigmahq_names(entries):
    document = yaml.load((SIGMAHQ / "tests" / "thor.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    checked = 0
    for source in document["logsources"].values():
        key = _key(source)
        if key in FOREIGN:
            continue
        for channel in (one[12:] for one in source.get("sources", ()) if one.startswith("WinEventLog:")):
            codes = (source.get("conditions") or {}).get("EventID", "1")
            for code in codes if isinstance(codes, list) else [codes]:
                place = {"winlog.channel": channel}
                place |= {"event.code": str(code)} if "conditions" in source else {}
                assert any(not one.unmapped and one.may_be(place) for one in entries[key]), (key, place)
                checked += 1
    assert checked > 50


@needs_sigmahq
def test_fields_are_known_where_sigmahq_lists_them(entries):
    document = json.loads((SIGMAHQ / "tests" / "logsource.json").read_text(encoding="utf-8"))
    unknown = []
    for product, listed in [pair for part in ("legit", "addon") for pair in document[part].items()]:
        named = [((product, name, ""), fields) for name, fields in listed.get("category", {}).items()]
        named += [((product, "", name), fields) for name, fields in listed.get("service", {}).items()]
        for key, fields in named:
            found = entries.get(key) or entries.get(("", *key[1:]))
            assert found, key
            if not any(one.unmapped for one in found):
                unknown += [(key, name) for name in fields if not any(one.columns(name) for one in found)]
    # A proxy's cookies and protocol version are not in Squid's log format.
    assert unknown == [(("empty", "proxy", ""), "cs-cookie"), (("empty", "proxy", ""), "cs-version")]


def test_what_is_not_mapped_has_a_reason_in_japanese_and_no_condition(entries):
    unmapped = [one for found in entries.values() for one in found if one.unmapped]
    assert unmapped
    for one in unmapped:
        assert any("ぁ" <= letter <= "ん" for letter in one.unmapped), one
        assert not one.bounds
        assert len(entries[one.key]) == 1, f"{one.key} is both mapped and not"


def _audit(access, **more):
    return {
        "winlog.channel": "Security",
        "event.code": "4663",
        "winlog.event_data.ObjectType": "File",
        "winlog.event_data.AccessList": access,
        "winlog.event_data.ObjectName": "C:\\Users\\a\\secret.kdbx",
        "winlog.event_data.ProcessName": "C:\\Tools\\x.exe",
        **more,
    }


@pytest.mark.parametrize(
    ("category", "name", "rows"),
    [
        ("file_access", "FileName", [0, 1]),
        ("file_event", "TargetFilename", [1]),
        ("file_delete", "TargetFilename", [2]),
    ],
)
def test_file_rules_read_the_audit_of_object_access(category, name, rows):
    selection = {f"{name}|endswith": ".KDBX", "Image|endswith": "\\x.exe"}
    detection = {"selection": selection, "condition": "selection"}
    source = {"product": "windows", "category": category}
    detector = load_detector([rule_file(1, detection, logsource=source)], MAP)
    found = detector.match(
        frame(
            _audit("%%4416\n\t\t\t\t"),
            _audit("%%4416\n\t\t\t\t%%4417\n\t\t\t\t"),
            _audit("%%1537\n\t\t\t\t"),
            _audit("%%4416 %%4417 %%1537", **{"winlog.event_data.ObjectType": "Key"}),
        )
    )
    assert [list(one.rows) for one in found] == [rows]


def test_a_rule_with_fields_of_sysmon_alone_is_not_held_against_the_audit():
    selection = {"TargetFilename|endswith": ".kdbx", "CreationUtcTime|contains": "2026"}
    source = {"product": "windows", "category": "file_event"}
    detection = {"selection": selection, "condition": "selection"}
    detector = load_detector([rule_file(1, detection, logsource=source)], MAP)
    assert detector.rules[0].active
    event = {
        "winlog.event_data.TargetFilename": "a.kdbx",
        "winlog.event_data.CreationUtcTime": "2026-11-26 00:00:00",
        "winlog.channel": "Microsoft-Windows-Sysmon/Operational",
        "event.code": "11",
    }
    assert [list(one.rows) for one in detector.match(frame(event, _audit("%%4417")))] == [[0]]
