"""Why a rule does not work in a site, and what of ATT&CK the rulebook covers."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pytest

from secops.report.attack_map import page, scrolling, svg, title_of
from secops.siem.detect import load_detector
from secops.siem.detect.attack import NAMES, TACTICS, matrix, navigator, techniques_of
from secops.siem.detect.attack_ja import NAMES_JA
from secops.siem.detect.attack_tactics import TACTICS_OF
from secops.siem.detect.coverage import SourceKinds, Status, counts, coverage
from secops.siem.normalize.kinds import KINDS
from secops.siem.ports import KIND_COLUMNS, SeenKind
from secops.wiring.rules import BUILTIN

LOGSOURCES = (BUILTIN / "logsources.yml").read_text(encoding="utf-8")
RULES_FOLDER = Path(__file__).parents[3] / "rules"
SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(number, logsource, detection, **more):
    document = {
        "title": f"Rule {number}", "id": f"00000000-0000-4000-8000-{number:012}", "logsource": logsource,
        "level": "high", "detection": detection, **more,
    }  # fmt: skip
    return f"rules/{number}.yml", json.dumps(document)


PROCESS = {"product": "windows", "category": "process_creation"}
IMAGE = {"selection": {"Image|endswith": "x.exe"}, "condition": "selection"}


def sigmahq():
    """The rules of SigmaHQ on this machine."""
    base = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[4] / "shared" / "data")) / "sigmahq"
    if not base.exists():
        pytest.skip("needs shared/data/sigmahq")
    return base


def kind(*fields, channel=SYSMON, code="1", module="windows", dataset="windows.sysmon"):
    values = dict(zip(KIND_COLUMNS, (module, dataset, channel, code), strict=True))
    return SeenKind(values, 10, frozenset(fields))


WINDOWS = SourceKinds("win", KINDS["windows_json"])
FIREWALL = SourceKinds("fw01", KINDS["fortigate"])


def status(files, seen, sources=(), **options):
    return [one.status for one in coverage(load_detector(files, LOGSOURCES, **options), seen, sources)]


def test_a_rule_whose_log_and_fields_were_seen_is_active():
    assert status([rule(1, PROCESS, IMAGE)], [kind("winlog.event_data.Image")]) == [Status.ACTIVE]


def test_a_field_that_is_stored_under_its_ecs_name_was_seen():
    assert status([rule(1, PROCESS, IMAGE)], [kind("process.executable")]) == [Status.ACTIVE]


def test_without_such_a_log_there_is_no_source():
    [one] = coverage(load_detector([rule(1, PROCESS, IMAGE)], LOGSOURCES), [kind("source.ip", code="3")], [FIREWALL])
    assert one.status is Status.NO_SOURCE
    assert "process_creation" in one.reason
    assert "収集元が設定されていません" in one.reason


def test_a_source_that_may_bring_such_logs_but_did_not_is_silent():
    detector = load_detector([rule(1, PROCESS, IMAGE)], LOGSOURCES)
    [one] = coverage(detector, [kind("source.ip", code="3")], [FIREWALL, WINDOWS])
    assert one.status is Status.SILENT
    assert "収集元(win)" in one.reason
    assert "fw01" not in one.reason


def test_a_source_whose_format_is_told_by_content_may_bring_anything_and_says_so():
    every = SourceKinds("drop", [one for kinds in KINDS.values() for one in kinds], guessed=True)
    [one] = coverage(load_detector([rule(1, PROCESS, IMAGE)], LOGSOURCES), [], [every])
    assert one.status is Status.SILENT
    assert "drop: 形式は自動判定" in one.reason


@pytest.mark.parametrize(
    ("logsource", "brings"),
    [
        ({"category": "firewall"}, "fortigate"),
        ({"category": "proxy"}, "squid"),
        ({"category": "antivirus"}, "windows_json"),
        ({"product": "linux", "service": "sshd"}, "syslog"),
        ({"product": "windows", "service": "security"}, "windows_json"),
    ],
)
def test_which_formats_may_bring_a_logsource(logsource, brings):
    files = [rule(1, logsource, {"selection": {"event.action": "x"}, "condition": "selection"})]
    silent = {name for name, kinds in KINDS.items() if status(files, [], [SourceKinds(name, kinds)]) == [Status.SILENT]}
    assert silent - {"fortigate"} == {brings} - {"fortigate"}
    assert brings in silent


def test_a_field_the_rule_cannot_do_without_must_have_a_value():
    [one] = coverage(load_detector([rule(1, PROCESS, IMAGE)], LOGSOURCES), [kind("winlog.event_data.User")])
    assert one.status is Status.NO_FIELD
    assert "Image" in one.reason


def test_a_field_the_rule_can_do_without_need_not():
    either = {"a": {"Image|endswith": "x.exe"}, "b": {"CommandLine|contains": "x"}, "condition": "a or b"}
    without = {"a": {"Image|endswith": "x.exe"}, "f": {"User": "y"}, "condition": "a and not f"}
    files = [rule(1, PROCESS, either), rule(2, PROCESS, without)]
    assert status(files, [kind("winlog.event_data.Image")]) == [Status.ACTIVE] * 2


def test_one_of_two_logs_is_enough():
    audit = kind("winlog.event_data.NewProcessName", channel="Security", code="4688", dataset="windows.security")
    assert status([rule(1, PROCESS, IMAGE)], [audit]) == [Status.ACTIVE]


def test_what_cannot_run_is_unsupported_broken_or_disabled():
    files = [
        rule(1, {"product": "aws"}, IMAGE),
        rule(2, PROCESS, {"selection": {"Image|contians": "x"}, "condition": "selection"}),
        rule(3, PROCESS, IMAGE),
    ]
    off = {"00000000-0000-4000-8000-000000000003": "誤検知が多い"}
    for seen in (None, [kind("winlog.event_data.Image")]):
        assert status(files, seen, disabled=off) == [Status.UNSUPPORTED, Status.BROKEN, Status.DISABLED]


def correlation(number, kind, refs, **more):
    document = {
        "title": f"Rule {number}", "id": f"00000000-0000-4000-8000-{number:012}", "level": "high",
        "correlation": {
            "type": kind, "rules": [f"00000000-0000-4000-8000-{ref:012}" for ref in refs], "group-by": ["User"],
            "timespan": "5m", **more,
        },
    }  # fmt: skip
    return f"rules/{number}.yml", json.dumps(document)


def test_a_correlation_works_as_far_as_the_rules_it_is_about():
    network = {"product": "windows", "category": "network_connection"}
    files = [
        rule(1, PROCESS, IMAGE),
        rule(2, network, IMAGE),
        correlation(3, "event_count", [1, 2], condition={"gte": 3}),
        correlation(4, "temporal", [1, 2]),
        correlation(5, "event_count", [2], condition={"gte": 3}),
        correlation(6, "event_count", [5], condition={"gte": 2}),
    ]
    seen = [kind("winlog.event_data.Image", "winlog.event_data.User")]
    found = coverage(load_detector(files, LOGSOURCES), seen)
    active, idle = Status.ACTIVE, Status.NO_SOURCE
    assert [one.status for one in found] == [active, idle, active, idle, idle, idle]
    assert "Rule 2" in found[3].reason
    assert "Rule 5" in found[5].reason


SECURITY = {"product": "windows", "service": "security"}


def audit(code, *fields):
    return kind(*fields, channel="Security", code=code, dataset="windows.security")


def test_an_event_id_that_never_came_is_silent():
    files = [rule(1, SECURITY, {"selection": {"EventID": [4719, 4720]}, "condition": "selection"})]
    [one] = coverage(load_detector(files, LOGSOURCES), [audit("4688")])
    assert one.status is Status.SILENT
    assert "EventID 4719" in one.reason
    assert status(files, [audit("4688"), audit("4720")]) == [Status.ACTIVE]


def test_a_field_must_be_in_the_events_that_the_rule_looks_at():
    files = [rule(1, SECURITY, {"selection": {"EventID": 4688, "Odd": "x"}, "condition": "selection"})]
    assert status(files, [audit("4688"), audit("4624", "winlog.event_data.Odd")]) == [Status.NO_FIELD]
    assert status(files, [audit("4688", "winlog.event_data.Odd")]) == [Status.ACTIVE]


def test_of_fields_the_one_that_is_always_needed_is_named():
    detection = {"a": {"Image": "x", "Company": "y"}, "b": {"Product": "z"}, "condition": "a and not b"}
    [one] = coverage(load_detector([rule(1, PROCESS, detection)], LOGSOURCES), [kind("winlog.event_data.Company")])
    assert "(Image)" in one.reason


@pytest.mark.parametrize(
    "detection",
    [
        {"selection": {"Image": None}, "condition": "selection"},
        {"selection": {"Image|exists": False}, "condition": "selection"},
        {"keywords": ["word"], "condition": "keywords"},
        {"selection": {"Message|contains": "x"}, "condition": "selection"},
    ],
)
def test_what_holds_without_a_stored_value_is_not_called_blind(detection):
    assert status([rule(1, PROCESS, detection)], [kind("winlog.event_data.Company")]) == [Status.ACTIVE]


def test_a_harmless_mistake_does_not_make_an_unmapped_rule_broken():
    assert status([rule(1, {"product": "aws"}, IMAGE, date="yesterday")], None) == [Status.UNSUPPORTED]


def test_a_correlation_that_needs_one_of_its_rules_works_with_one():
    network = {"product": "windows", "category": "network_connection"}
    files = [rule(1, PROCESS, IMAGE), rule(2, network, IMAGE), correlation(3, "temporal", [1, 2], condition={"gte": 1})]
    seen = [kind("winlog.event_data.Image", "winlog.event_data.User")]
    assert status(files, seen)[-1] is Status.ACTIVE
    assert status(files, [])[-1] is Status.NO_SOURCE


def test_every_rule_is_counted_once():
    files = [rule(1, PROCESS, IMAGE), rule(2, {"product": "aws"}, IMAGE)]
    found = coverage(load_detector(files, LOGSOURCES), [])
    assert sum(counts(found).values()) == 2


# ------------------------------------------------------------------------------------------------------------- ATT&CK

RULES = [
    (("attack.execution", "attack.t1059.001", "attack.t1059"), True, 3),
    (("attack.execution", "attack.t1059.003"), False, 0),
    (("attack.persistence", "attack.privilege-escalation", "attack.t1547"), True, 0),
    (("attack.t9999",), True, 0),
    (("cve.2026-1",), True, 1),
]


def test_sub_techniques_count_for_their_technique():
    found = matrix(RULES)
    cell = found.cells["T1059"]
    assert (cell.active, cell.rules, cell.hits, cell.name) == (1, 2, 3, "Command and Scripting Interpreter")
    assert found.untagged == 1


def columns(rules):
    return {one.tactic: {cell.id: cell.rules for cell in one.cells} for one in matrix(rules).columns}


def tagged(*tags):
    return tuple(f"attack.{tag}" for tag in tags), True, 1


def test_columns_are_the_tactics_of_the_techniques_in_their_order():
    assert list(columns(RULES).items()) == [
        ("execution", {"T1059": 2}), ("persistence", {"T1547": 1}), ("privilege-escalation", {"T1547": 1}),
        ("", {"T9999": 1}),
    ]  # fmt: skip


def test_a_technique_does_not_stand_under_tactics_that_are_not_its_own():
    both = tagged("initial-access", "execution", "lateral-movement", "t1566.001", "t1059.001", "t1021")
    assert columns([both]) == {
        "initial-access": {"T1566": 1}, "execution": {"T1059": 1}, "lateral-movement": {"T1021": 1},
    }  # fmt: skip


def test_of_the_tactics_of_a_technique_those_count_that_the_rule_names():
    rules = [tagged("persistence", "t1078"), tagged("t1078"), tagged("impact", "t1078.004")]
    assert columns(rules) == {
        "initial-access": {"T1078": 2}, "persistence": {"T1078": 3}, "privilege-escalation": {"T1078": 2},
        "stealth": {"T1078": 2},
    }  # fmt: skip
    assert matrix(rules).cells["T1078"].rules == 3, "as a technique each rule once"


def test_a_tactic_of_older_versions_does_not_hide_where_a_technique_stands_now():
    assert columns([tagged("defense-evasion", "t1562.001")]) == {"defense-impairment": {"T1562": 1}}


def test_an_unknown_technique_stands_under_what_the_rule_names():
    assert columns([tagged("impact", "discovery", "t9999")]) == {"discovery": {"T9999": 1}, "impact": {"T9999": 1}}


def test_a_rule_that_only_names_a_tactic_is_counted_under_it():
    found = matrix([tagged("impact"), tagged("impact", "t1486"), tagged("cve-1")])
    [impact] = found.columns
    assert impact.alone is not None
    assert (impact.alone.rules, impact.alone.active, impact.alone.hits) == (1, 1, 1)
    assert [cell.id for cell in impact.cells] == ["T1486"]
    assert list(found.cells) == ["T1486"]
    assert found.untagged == 1
    for text in (svg(found), page(found, datetime(2026, 11, 26, tzinfo=UTC), [])):
        assert "戦術だけのルール" in text
    assert {"name": "rules that only name a tactic", "value": "1"} in navigator(found, "x")["metadata"]


def test_a_rule_counts_once_for_a_tactic_however_many_of_its_techniques_it_names():
    [column] = matrix([tagged("execution", "t1059", "t1204", "t1047"), tagged("execution")]).columns
    assert (column.rules, column.active, column.hits) == (2, 2, 2)


def test_a_technique_that_nobody_knows_is_shown_by_its_id():
    assert matrix(RULES).cells["T9999"].name == "T9999"


def test_the_layer_is_one_that_the_navigator_reads():
    layer = navigator(matrix(RULES), "x")
    assert layer["domain"] == "enterprise-attack"
    assert layer["versions"]["layer"] == "4.5"
    assert [(one["techniqueID"], one["score"]) for one in layer["techniques"]] == [
        ("T1059", 1), ("T1547", 1), ("T9999", 1),
    ]  # fmt: skip


def test_the_picture_says_in_numbers_what_it_says_in_shades():
    found = matrix(RULES)
    drawing = scrolling(found, lambda tactic, cell: f"/rules?tag={tactic}.{cell.id}&x=<")
    assert "T1059  1/2" in drawing
    assert "◆ 3" in drawing
    assert "&lt;" in drawing
    assert "<script" not in drawing
    assert "style=" not in drawing  # the console's policy forbids it
    assert "2 手法" not in title_of(found)
    whole = page(found, datetime(2026, 11, 26, tzinfo=UTC), [("有効", 3)])
    assert escape(title_of(found)) in whole
    assert whole.count("<tr>") == 1 + 4


def test_cells_have_japanese_names_that_fit():
    drawing = svg(matrix(RULES))
    assert ">コマンド・スクリプトの…</text>" in drawing, "two places for a full-width letter"
    assert "T1059 コマンド・スクリプトの実行:" in drawing, "the whole name in the title"
    assert "コマンド・スクリプトの実行" in page(matrix(RULES), datetime(2026, 11, 26, tzinfo=UTC), [])


def techniques_in(*folders):
    text = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.yml"))
    return {found.upper() for found in re.findall(r"\battack\.(t\d{4})", text)}


def test_where_every_technique_of_our_rules_stands_is_known():
    assert techniques_in(RULES_FOLDER) - set(TACTICS_OF) == set()


def test_where_every_technique_of_sigmahq_stands_is_known():
    assert techniques_in(sigmahq()) - set(TACTICS_OF) == set()


def test_every_technique_of_our_rules_has_a_name():
    named = techniques_in(RULES_FOLDER)
    assert named - set(NAMES) == set()
    assert named - set(NAMES_JA) == set()


def test_every_technique_of_sigmahq_has_a_name():
    named = techniques_in(sigmahq())
    assert named - set(NAMES) == set()
    assert named - set(NAMES_JA) == set()


def test_every_technique_whose_tactics_are_known_has_a_name_in_both_languages():
    assert set(TACTICS_OF) == set(NAMES) == set(NAMES_JA)


def test_names_and_tactics_are_well_formed():
    assert set(NAMES_JA) <= set(NAMES)
    assert all(len(key) == 5 and key[1:].isdecimal() and name for key, name in NAMES.items())
    assert len(NAMES) > 150
    assert all(tactics and set(tactics) <= set(TACTICS) for tactics in TACTICS_OF.values())
    assert all(japanese and english for japanese, english in TACTICS.values())


@pytest.mark.parametrize(
    ("tags", "found"), [(("attack.t1059.001", "attack.T1059"), ["T1059"]), (("attack.g0001",), [])]
)
def test_techniques_of_tags(tags, found):
    assert techniques_of([tag.lower() for tag in tags]) == found
