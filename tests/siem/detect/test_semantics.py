"""What Sigma rules mean, case by case: the ones other engines get wrong first."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        # wildcards inside other modifiers
        ({"Image|endswith": "1?"}, "file12", True),
        ({"Image|endswith": "1?"}, "file1", False),
        ({"Image|startswith": "a*c"}, "abc.exe", True),
        ({"Image|contains": "*"}, "", True),
        ({"Image": "*"}, "", True),
        # escapes
        ({"Image|contains": "\\\\\\\\*\\\\IPC$"}, "x\\\\server\\IPC$", True),
        ({"Image": "a\\*b"}, "a*b", True),
        ({"Image": "a\\*b"}, "axb", False),
        ({"Image": "a\\b"}, "a\\b", True),
        ({"Image": "a\\\\b"}, "a\\b", True),
        # numbers, booleans and texts
        ({"Port": 443}, "443", True),
        ({"Port": "443"}, 443, True),
        ({"Port": 443}, 443, True),
        ({"Port": 443}, "4430", False),
        ({"Port": 0}, "", False),
        ({"Flag": "true"}, True, True),
        ({"Flag": False}, "False", True),
        ({"Port|gte": 1024}, "1024", True),
        ({"Port|lt": 1024}, "many", False),
        # null, empty and missing are three things
        ({"Image": None}, "", False),
        ({"Image": ""}, "", True),
        ({"Image": ""}, None, False),
        ({"Image|exists": True}, "", True),
        # case
        ({"Image": "CMD.EXE"}, "cmd.exe", True),
        ({"Image|cased": "CMD.EXE"}, "cmd.exe", False),
        ({"Image|contains|cased": "MD"}, "xMDx", True),
        ({"Image": "STRASSE"}, "straße", True),
        ({"Image": "ＡＢＣ"}, "ａｂｃ", True),
        ({"Image": "abc"}, "ａｂｃ", False),
        ({"Image|re": "CMD"}, "cmd", False),
        ({"Image|re|i": "CMD"}, "cmd", True),
        ({"Image|re": "^b$"}, "a\nb", False),
        ({"Image|re|m": "^b$"}, "a\nb", True),
        ({"Image|re": "a.b"}, "a\nb", False),
        ({"Image|re|s": "a.b"}, "a\nb", True),
        # encodings
        ({"Image|windash|contains": " -enc"}, "x.exe /enc", True),
        ({"Image": "İ"}, "i\u0307", True),
        ({"Image": "i"}, "İ", False),
        ({"Image": "a"}, "ａ", False),
        ({"Image|cased": "ＡＢＣ"}, "ａｂｃ", False),
        ({"Image|re": "^\\w+$"}, "日本", False),
        ({"Image|re": "b$"}, "ab\n", False),
        ({"Image|re|m": "b$"}, "ab\nc", True),
        ({"Image|utf16le|base64|contains": "ab"}, "YQBiAA==", True),
        ({"Image|utf16be|base64|contains": "ab"}, "AGEAYg==", True),
        ({"Image|wide|base64": "ab"}, "YQBiAA==", True),
        ({"Ip|cidr": "10.1.2.3/8"}, "10.9.9.9", True),
        ({"Image|windash|contains": " -enc"}, "x.exe ―enc", True),
        ({"Image|base64": "secret"}, "c2VjcmV0", True),
        ({"Image|base64offset|contains": "secret"}, "eHNlY3JldHg=", True),
        ({"Image|wide|base64offset|contains": "http"}, "aAB0AHQAcAA=", True),
        ({"Image|base64offset|contains": "日本"}, "YeaXpeacrHp6", True),
        ({"Image|wide|base64offset|contains": "日本"}, "YeVlLGd6eg==", True),
        ({"Image|utf16|base64offset|contains": "http"}, "//5oAHQAdABwAA==", True),
        ({"Image|utf16be|base64offset|contains": "http"}, "AGgAdAB0AHA=", True),
        ({"Image|wide|contains": "a"}, "xa\0", True),
        ({"Image|utf16|contains": "a"}, "\ufeffa\0", True),
        # addresses
        ({"Ip|cidr": "10.9.9.9/8"}, "10.1.2.3", True),
        ({"Ip|cidr": "2001:db8::1/32"}, "2001:db8:1::2", True),
        ({"Ip|cidr": "::ffff:10.0.0.0/104"}, "10.1.2.3", True),
        ({"Ip|cidr": "10.0.0.0/8"}, "10.255.0.1", True),
        ({"Ip|cidr": "10.0.0.0/8"}, "::ffff:10.1.1.1", True),
        ({"Ip|cidr": "fe80::/10"}, "fe80::1", True),
        ({"Ip|cidr": "10.0.0.0/8"}, "10.1", False),
        # arrays: any element may do, and `all` may be met by several
        ({"Data|contains": "b"}, ["aa", "bb"], True),
        ({"Data|contains|all": ["a", "b"]}, ["aa", "bb"], True),
        ({"Data|neq": "aa"}, ["aa", "bb"], False),
        ({"Data": None}, [], True),
        # time stamps
        ({"Time|hour|gte": 22}, "2026-11-23T22:25:00Z", True),
        ({"Time|week": 1}, "2025-12-29T00:00:00Z", True),
        ({"Time|year": 2026}, "yesterday", False),
    ],
)
def test_one_value(fires, item, value, expected):
    field = next(iter(item)).split("|")[0]
    assert fires(item, {field: value}) == ([0] if expected else [])


def test_a_missing_field_is_null_and_not_filter_holds(fires):
    assert fires({"a": {"Image": None}, "condition": "a"}, {"Port": 1}) == [0]
    assert fires({"a": {"Port": 1}, "filter": {"Image": "x"}, "condition": "a and not filter"}, {"Port": 1}) == [0]
    assert fires({"Image|neq": "x"}, {"Port": 1}) == [0]


def test_a_field_name_may_have_a_space(fires):
    assert fires({"winlog.event_data.Threat Name|contains": "EICAR"}, {"winlog.event_data.Threat Name": "x EICAR"}) == [
        0
    ]


def test_keywords_are_found_in_all_text_of_an_event(fires):
    words = {"keywords": ["evil*tool", 4711], "condition": "keywords"}
    assert fires(words, {"message": "an EVIL little tool here"}, {"user.name": "evil"}, {"Port": "x4711"}) == [0, 2]
    extra = {"secops.extra": '{"a.b":"C:\\\\temp\\\\evil-tool","n":1}'}
    assert fires(words, extra, {"secops.extra": "{}"}) == [0]
    assert fires(words, {"labels.device": "evil tool"}) == []


def test_keywords_that_are_all_required_may_stand_in_different_fields(fires):
    words = {"keywords": {"|all": ["one", "two"]}, "condition": "keywords"}
    assert fires(words, {"message": "one", "user.name": "two"}, {"message": "one"}) == [0]


def test_long_messages_are_searched_like_short_ones(fires):
    filler = "x" * 500
    words = {"keywords": ["evil/tool", "ÄRGER"], "condition": "keywords"}
    events = [{"message": f"{filler} EVIL/tool"}, {"message": filler}, {"message": f"{filler} Ärger"}]
    assert fires(words, *events) == [0, 2]


def test_fieldref_compares_two_fields_of_one_event(fires):
    rule = {"a.x|fieldref": "a.y"}
    assert fires(rule, {"a.x": "A", "a.y": "a"}, {"a.x": "A"}, {"a.x": "b", "a.y": "a"}) == [0]
    assert fires({"a.x|fieldref|startswith": "a.y"}, {"a.x": "abc", "a.y": "AB"}, {"a.x": "a", "a.y": "ab"}) == [0]


def test_many_rows_and_many_values_come_out_in_order(fires):
    events = [{"n": str(number), "text": f"value {number}"} for number in range(5000)]
    assert fires({"text|endswith": "7"}, *events) == list(range(7, 5000, 10))


def test_memos_are_dropped_when_they_are_full_and_nothing_changes(detector):
    from tests.siem.detect.cases import frame

    detection = {"selection": {"Image|contains": "7"}, "condition": "selection"}
    small, large = detector(detection, memo_bytes=2000), detector(detection)
    for start in range(0, 500, 50):
        table = frame(*({"Image": f"value {number}"} for number in range(start, start + 50)))
        assert small.match(table) == large.match(table)


def test_explain_names_the_values_that_met_the_rule(detector):
    from tests.siem.detect.cases import frame

    engine = detector({
        "selection": {"Image|endswith": "\\cmd.exe", "CommandLine|contains": ["whoami", "net user"]},
        "filter": {"User": "SYSTEM"},
        "condition": "selection and not filter",
    })  # fmt: skip
    table = frame({"Image": "C:\\CMD.exe", "CommandLine": "cmd /c NET USER", "User": "tanaka"})
    [match] = engine.match(table)
    found = engine.explain([(match.rule, 0)], table)[0]
    assert [(one.selection, one.field, one.operator, one.pattern, one.value) for one in found] == [
        ("selection", "Image", "endswith", "\\cmd.exe", "C:\\CMD.exe"),
        ("selection", "CommandLine", "contains", "net user", "cmd /c NET USER"),
    ]
