"""Nested events are read in three ways, each left with what the quicker one before it does not take: all must agree."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secops.siem.normalize.windows_nested import read_nested
from secops.siem.normalize.windows_parts import parts_of
from secops.siem.normalize.windows_shapes import plain_nested, shape
from secops.siem.ports import Origin

ORIGIN = Origin("file", "windows_json")
WANTED = frozenset({
    "winlog.channel", "event.code", "winlog.provider_name", "winlog.provider_guid", "host.name", "log.level",
    "winlog.event_data.Image", "winlog.event_data.CommandLine", "winlog.event_data.ProcessId", "process.executable",
    "winlog.user.name", "winlog.user.identifier", "message", "@timestamp", "event.outcome", "winlog.event_data.a b",
    "winlog.process.pid", "winlog.event_data.Xml.Inner",
})  # fmt: skip
SINGLE = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.text(max_size=5), st.floats(allow_nan=False),
    st.sampled_from(["0x8020000000000000", "2026-11-26T01:02:03.000Z", "-", 'a"Channel":"x"', "\\", "日本"]),
)  # fmt: skip
ANY = st.one_of(
    SINGLE, st.lists(SINGLE, max_size=2), st.builds(lambda one: {"#text": one, "#attributes": {"Name": "n"}}, SINGLE),
    st.dictionaries(st.sampled_from(["Name", "#attributes", "Inner", "UserID", "SystemTime"]), SINGLE, max_size=2),
)  # fmt: skip
ATTRIBUTES = st.one_of(
    ANY,
    st.builds(
        lambda found: {"#attributes": found},
        st.dictionaries(
            st.sampled_from(["Name", "Guid", "EventSourceName", "SystemTime", "ProcessID", "ThreadID", "UserID"]),
            ANY,
            max_size=3,
        ),
    ),
)
SYSMON = "Microsoft-Windows-Sysmon/Operational"
QUALIFIED = {"#text": 1, "#attributes": {"Qualifiers": 0}}
SYSTEM = st.fixed_dictionaries(
    {
        "Channel": st.sampled_from(["Security", "security", SYSMON, None, 'Se"c', "日本"]),
        "EventID": st.sampled_from([1, 13, 4688, "4688", 4688.0, True, None, -1, QUALIFIED]),
    },
    optional={
        **dict.fromkeys(("Provider", "Execution", "Correlation", "TimeCreated", "Security"), ATTRIBUTES),
        **dict.fromkeys(("Provider_attributes", "TimeCreated_attributes", "Other"), ATTRIBUTES),
        **dict.fromkeys(("Version", "Level", "Keywords", "Computer", "EventRecordID"), ANY),
    },
)  # fmt: skip
NAMES = st.sampled_from([
    "Image", "CommandLine", "ProcessId", "UtcTime", "a b", "Xml", "#text", "#attributes", "Data_attributes", "Channel",
    "EventID", "SubjectUserName", "TargetUserName", "User",
])  # fmt: skip
EVENT = st.fixed_dictionaries(
    {"System": st.one_of(SYSTEM, ANY)},
    optional={
        "EventData": st.one_of(
            st.dictionaries(NAMES, SINGLE, max_size=6), st.dictionaries(NAMES, ANY, max_size=6), ANY
        ),
        "UserData": ANY,
        "#attributes": ANY,
    },
)  # fmt: skip
BESIDE = st.dictionaries(st.sampled_from(["Channel", "EventID", "_source", "x"]), ANY)
RECORD = st.tuples(EVENT, st.one_of(st.just({}), BESIDE), st.booleans())


def wanted_for(_channel, _code):
    return WANTED


def text_of(found):
    event, others, compact = found
    return json.dumps({"Event": event, **others}, separators=(",", ":") if compact else (", ", ": ")).encode()


def events(parts):
    """Row → column → value of some parts, without what is missing."""
    found = {}
    for part in parts:
        for index, row in enumerate(part.rows):
            own = {name: column[index] for name, column in part.columns.items() if column[index] is not None}
            assert row not in found
            found[row] = {**own, **{name: value for name, value in part.constants.items() if value is not None}}
    return found


@given(st.lists(RECORD, min_size=1, max_size=6))
@example([({"System": {"Channel": "S", "EventID": 1}, "EventData": {"Image": 2**64 + 1}}, {}, True)])
@example(
    [({"System": {"Channel": "S", "EventID": 1, "Provider": {"Name": "n"}}, "EventData": {"Image": "a"}}, {}, True)]
)
def test_all_readers_agree(found):
    records = list(map(text_of, found))
    parts, wrong = parts_of(records, wanted_for, ORIGIN)
    whole, whole_wrong = parts_of([b" " + one for one in records], wanted_for, ORIGIN)  # not as `read_nested` wants it
    assert wrong == whole_wrong
    assert events(parts) == events(whole)


@given(RECORD)
def test_the_usual_shape_is_that_of_all(found):
    record = json.loads(text_of(found))
    assert plain_nested(record) in (None, shape(record))


def test_the_usual_spelling_is_read_field_by_field():
    event = {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
            "EventID": 1,
            "TimeCreated": {"#attributes": {"SystemTime": "2026-11-26T01:02:03.000Z"}},
            "Correlation": None,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
        },
        "EventData": {"Image": "a", "Other": {"b": [1]}},
    }
    records = [text_of((event, {}, True))] * 3
    read, rest = read_nested(records, range(3), wanted_for, None)
    assert rest == []
    assert [list(one.rows) for one in read] == [[0, 1, 2]]
    assert plain_nested({"Event": {**event, "EventData": {"Image": "a"}}}) is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"Event":{"System":{"Channel":"Security","EventID":1,"Channel":"System"},"EventData":{}}}',  # the last counts
        '{"Event":{"System":{"Channel":"Security","EventID":1},"EventData":{}}',  # cut off
        '{"Event":{"System":{"Channel":"Security","EventID":1},"EventData":{"Image":NaN}}}',
        '{"Event":{"System":{"Channel":"Security","EventID":1},"EventData":{"Image":"\\ud800"}}}',
        '{"Event":{"System":{"Channel":"Security","EventID":1},"EventData":{}},"Channel":"System","EventID":7045}',
        '{"Event":{"System":{"Channel":"Security","EventID":1}}}',
        '{"Event":{"System":{"Channel":"Security","EventID":1},"EventData":null,"UserData":{"A":{"Image":"x"}}}}',
        '{"Event":{"System":[],"EventData":{"Image":"x"}}}',
        '{"Event":1}',
    ],
)
def test_surprises_are_left_to_the_reader_of_whole_records(text):
    parts, wrong = parts_of([text.encode()], wanted_for, ORIGIN)
    whole, whole_wrong = parts_of([b" " + text.encode()], wanted_for, ORIGIN)
    assert events(parts) == events(whole)
    assert wrong.keys() == whole_wrong.keys()
