"""`expand`: values of the site in place of %names%, in texts, patterns and regular expressions."""

from __future__ import annotations

import pytest

from secops.siem.detect import load_detector
from tests.siem.detect.cases import ANYTHING, frame, rule_file

SITE = {
    "admins": ["taro", "adm_*"],
    "hosts": ["SV-01", "SV.02"],
    "odd": ["a.b*c?", r"C:\x\\\*"],
    "networks": ["10.0.0.0/8", "192.168.1.0/24"],
    "100": ["full"],
}


def found(detection, *events, placeholders=SITE, files=()):
    if "condition" not in detection:
        detection = {"selection": detection, "condition": "selection"}
    engine = load_detector([*files, rule_file(0, detection)], ANYTHING, placeholders=placeholders)
    assert engine.rules[0].active, engine.rules[0].reason
    matches = engine.match(frame(*events))
    return list(matches[0].rows) if matches else []


def test_a_placeholder_stands_for_each_of_its_values():
    events = [{"User": "TARO"}, {"User": "adm_suzuki"}, {"User": "%admins%"}, {"User": "hanako"}]
    assert found({"User|expand": "%admins%"}, *events) == [0, 1]
    assert found({"User": "%admins%"}, *events) == [2], "without the modifier it is a text"
    assert found({"User|expand": ["%admins%", "hanako"]}, *events) == [0, 1, 3]


def test_a_placeholder_within_a_text_and_two_of_them():
    events = [{"C": "net use \\\\sv-01\\c$"}, {"C": "SV-01 by taro"}, {"C": "sv.02 by adm_x"}, {"C": "by taro"}]
    assert found({"C|contains|expand": "\\\\%hosts%\\c$"}, *events) == [0]
    assert found({"C|expand|startswith": "%hosts% by %admins%"}, *events) == [1, 2]
    assert found({"C|expand": ["%admins%"]}, {"C": "100%"}, {"C": "x"}) == []


def test_all_asks_for_all_values():
    assert found({"C|contains|all|expand": "%hosts%"}, {"C": "sv-01 sv.02"}, {"C": "sv-01"}) == [0]


def test_a_value_means_the_same_within_a_regular_expression():
    events = [{"C": "x=a.bZZcQ;"}, {"C": "x=aXbZZcQ;"}, {"C": "x=C:\\x\\*;"}, {"C": "x=C:\\x\\y;"}]
    assert found({"C|re|expand": "^x=%odd%;$"}, *events) == [0, 2]
    assert found({"C|re|i|expand": "HOST=%hosts%$"}, {"C": "host=sv.02"}, {"C": "host=svx02"}) == [0]


def test_networks_encodings_dashes_and_keywords():
    events = [{"Ip": "10.1.2.3", "C": "dGFybw=="}, {"Ip": "172.16.0.1", "C": "/c taro"}]
    assert found({"Ip|cidr|expand": "%networks%"}, *events) == [0]
    one = {"who": ["taro"], "flag": ["-c taro"]}
    assert found({"C|expand|base64": "%who%"}, *events, placeholders=one) == [0]
    assert found({"C|windash|expand": "%flag%"}, *events, placeholders=one) == [1]
    assert found({"k": {"|expand": ["%flag%", "%who%="]}, "condition": "k"}, *events, placeholders=one) == []
    assert found({"k": {"|expand": ["c %who%"]}, "condition": "k"}, *events, placeholders=one) == [1]


def test_percent_signs_that_are_none():
    assert found({"C|expand": r"50\% of %100%"}, {"C": "50% of full"}, {"C": r"50\% of full"}) == [0]
    assert found({"C|expand": "50% of a % b"}, {"C": "50% of a % b"}) == [0]
    assert found({"C|expand": "%%"}, {"C": "%%"}) == [0]


def test_files_of_rule_folders_give_values_and_settings_go_first():
    files = [
        ("base/placeholders.yml", "admins: [root]\nports: [22, 3389]\n"),
        ("site/rules/placeholders.yml", "admins:\n  - hanako\n"),
    ]
    detection = {"a": {"User|expand": "%admins%"}, "b": {"Port|expand": "%ports%"}, "condition": "a or b"}
    events = [{"User": "root"}, {"User": "hanako"}, {"User": "taro"}, {"Port": 3389}]
    assert found(detection, *events, placeholders={}, files=files) == [1, 3]
    assert found(detection, *events, placeholders={"admins": ["taro"]}, files=files) == [2, 3]


def test_an_unknown_name_makes_the_rule_inactive_and_says_where_to_write_it():
    head = "title: R\nlogsource: {product: any}\ndetection:\n  s:\n"
    text = head + "    A|expand:\n      - fine\n      - '%nobody%'\n  condition: s\n"
    engine = load_detector([("r.yml", text), rule_file(1, {"s": {"A": "x"}, "condition": "s"})], ANYTHING)
    assert [rule.active for rule in engine.rules] == [False, True]
    for part in ("%nobody%", "placeholders.yml", "rules.placeholders"):
        assert part in engine.rules[0].reason
    assert [problem.where for problem in engine.problems] == ["r.yml:7"]
    regex = load_detector([rule_file(0, {"s": {"A|re|expand": "^%nobody%$"}, "condition": "s"})], ANYTHING)
    assert "%nobody%" in regex.rules[0].reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- a\n", 1),
        ("ok: [x]\nbad name: [x]\n", 2),
        ("ok: [x]\nempty: []\n", 2),
        ("ok: [x]\nmap: {a: b}\n", 2),
        ("ok: [x]\nlist: [[x]]\n", 2),
        ("ok: [x\n", 1),
        ("a: " + "[" * 100_000, 1),
    ],
)
def test_mistakes_in_the_file_are_said_and_the_rest_of_it_holds(text, line):
    files = [("p/placeholders.yml", text), rule_file(0, {"s": {"A|expand": "%ok%"}, "condition": "s"})]
    engine = load_detector(files, ANYTHING)
    assert engine.problems[0].where == f"p/placeholders.yml:{line}"
    assert engine.rules[0].active == (text.startswith("ok") and not text.endswith("[x\n"))
    assert len(engine.rules) == 1, "it is no rule"


def test_combinations_are_bounded():
    wide = {"w": [f"value{number}" for number in range(300)]}
    engine = load_detector(
        [
            rule_file(0, {"s": {"A|expand": "%w%-%w%"}, "condition": "s"}),
            rule_file(1, {"s": {"A|expand": "%w%"}, "condition": "s"}),
        ],
        ANYTHING,
        placeholders=wide,
    )
    assert [rule.active for rule in engine.rules] == [False, True]
    assert "90,000" in engine.rules[0].reason
    huge = load_detector([rule_file(0, {"s": {"A|expand": "%w%" * 40}, "condition": "s"})], ANYTHING, placeholders=wide)
    assert not huge.rules[0].active


def test_values_are_part_of_the_cache(tmp_path):
    files = [rule_file(0, {"s": {"A|expand": "%x%"}, "condition": "s"})]
    for value in ("one", "two", "one"):
        engine = load_detector(files, ANYTHING, tmp_path, placeholders={"x": [value]})
        assert [list(match.rows) for match in engine.match(frame({"A": "one"}, {"A": "two"}))] == [[value == "two"]]
    assert len(list(tmp_path.iterdir())) == 2
