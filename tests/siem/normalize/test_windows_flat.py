"""Reading only the wanted fields of flat events gives what reading the whole record gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secops.siem.normalize.given import Input, Want
from secops.siem.normalize.windows_flat import read_flat
from secops.siem.normalize.windows_parts import grouped, parts_of, whole_parts_of
from secops.siem.ports import Origin

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ORIGIN = Origin("file", "windows_json")
WANTED = frozenset({
    "winlog.channel", "event.code", "winlog.provider_name", "host.name", "winlog.event_data.Image",
    "winlog.event_data.CommandLine", "winlog.event_data.ProcessId", "winlog.event_data.EventType", "process.executable",
    "winlog.user.name", "message", "log.level", "@timestamp",
})  # fmt: skip
NAMES = (
    "Image", "CommandLine", "ProcessId", "EventType", "EventTypeOrignal", "SourceName", "Hostname", "AccountName",
    "Message", "UtcTime", "@timestamp", "Severity", "Other", "winlog", "a.b",
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.text(max_size=5), st.floats(allow_nan=False),
    st.sampled_from(["2026-11-26T01:02:03.000Z", "-", 'a"Channel":"x"', "\\", "日本", "C:\\Windows"]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.sampled_from(["Channel", "EventID"]), st.text()),
)  # fmt: skip
EVENT = st.tuples(
    st.sampled_from(["Security", "security", "Microsoft-Windows-Sysmon/Operational", "System", None, 'Se"c', "日本"]),
    st.sampled_from([1, 13, 4688, 7045, "4688", 4688.0, True, None, 123456789, -1, {"#text": 1}]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8),
    st.integers(0, 3),
)


def wanted_for(_channel, _code):
    return WANTED


def record(event):
    channel, code, others, place = event
    pairs = list(others.items())
    pairs[place:place] = [("Channel", channel), ("EventID", code)]
    separators = (",", ":") if place % 2 else (", ", ": ")  # both spellings that writers use
    return json.dumps(dict(pairs), ensure_ascii=bool(place), separators=separators).encode()


def events(parts):
    """Row → column → value of some parts, without what is missing."""
    found = {}
    for part in parts:
        for index, row in enumerate(part.rows):
            own = {name: column[index] for name, column in part.columns.items() if column[index] is not None}
            shared = {name: value for name, value in part.constants.items() if value is not None}
            assert row not in found
            found[row] = {**own, **shared}
    return found


def whole(records):
    """The same by the reader of whole records alone."""
    spelled = [b" " + one.replace(b'"Channel":', b'"Channel" :') for one in records]  # not as `read_flat` looks for it
    parts, wrong = parts_of(spelled, wanted_for, ORIGIN)
    assert read_flat(spelled, range(len(spelled)), wanted_for, None)[0] == []
    return events(parts), wrong


@given(st.lists(EVENT, min_size=1, max_size=8))
@example([("Security", 1, {"Image": 2**64 + 1}, 1)])
@example([("Security", 1, {"Image": -(2**63) - 1}, 1), ("Security", 1, {"Image": 2**64 - 1, "Message": 10**400}, 1)])
@example([("Security", 1, {"Image": [2**70], "Message": {"a": [-(2**70)]}}, 1)])
def test_both_readers_agree(given_events):
    records = [record(event) for event in given_events]
    parts, wrong = parts_of(records, wanted_for, ORIGIN)
    found, others_wrong = whole(records)
    assert wrong == others_wrong
    assert events(parts) == found


def test_the_usual_spelling_is_read_field_by_field():
    records = [b'{"EventID":1,"Channel":"Security","Image":"a","Message":"' + b"x" * 2000 + b'"}'] * 3
    read, rest = read_flat(records, range(len(records)), wanted_for, None)
    assert rest == []
    assert [list(one.rows) for one in read] == [[0, 1, 2]]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":{"Channel":"Security","EventID":1},"Channel":"System","EventID":7045}',  # a decoy before the real ones
        '{"Channel":"Security","EventID":1,"Channel":"System"}',  # the last of two counts
        '{"Channel":"Security","EventID":1',  # cut off
        '{"Channel":"Security","EventID":1,"Image":NaN}',
        '{"Channel":"Security","EventID":1,"Image":"\\ud800"}',
        '{"Channel":"Sec\\u0075rity","EventID":1}',
        '{"Event":{"System":{"Channel":"Security","EventID":1}}}',
        '[{"Channel":"Security","EventID":1}]',
    ],
)
def test_surprises_are_left_to_the_reader_of_whole_records(text):
    parts, wrong = parts_of([text.encode()], wanted_for, ORIGIN)
    found, others_wrong = whole([text.encode()])
    assert events(parts) == found
    assert wrong.keys() == others_wrong.keys()
    assert bool(found) != bool(wrong)


def test_invalid_utf8_in_a_field_that_no_rule_reads_does_not_hide_the_event():
    record = b'{"Channel":"Security","EventID":1,"Image":"cmd.exe","Other":"\xff"}'
    [part] = parts_of([record], wanted_for, ORIGIN)[0]
    assert part.columns["winlog.event_data.Image"] == ["cmd.exe"]
    [group] = grouped([record], Input(ORIGIN, NOW), lambda _key: Want(WANTED)).groups
    assert group.indexes == [0]


DEEP = [(b"[" * 600, b"]" * 600), (b'{"a":' * 600, b"}" * 600), (b'[{"a":' * 300, b"}]" * 300)]
PIECES = st.sampled_from([
    rb"\ud800", rb"\ude00\ud83d", rb"\x", rb"\u12", b"\\", b'"', b"\xff", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xef\xbb\xbf", b"\0", b"\x01", b"\xc2\x85", b"}", b"{", b"]", b"[", b",", b":", b"x", b"01", b"-", b"-0",
    b"1.", b"1e999", b"9" * 400, b"NaN", b"-Infinity", b"nul", b"/**/", b'"a" "b"', b"'a'", b',"Image":"b"',
    b',"Channel":"System"', b',"EventID":2', *(opening + b"1e999" + closing for opening, closing in DEEP),
])  # fmt: skip
MORE = st.sampled_from([
    b'"Other":"b"', b'"winlog.channel":"x"', b'"winlog":{"channel":"x"}', b'"Event":{"System":{"EventID":3}}',
    b'"_source":{"EventID":3,"Channel":"X"}', *(b'"D":' + opening + b'"\xff"' + closing for opening, closing in DEEP),
])  # fmt: skip


@given(
    st.permutations([b'"Channel":"Security"', b'"EventID":1', b'"Image":"a"']),
    st.lists(MORE, max_size=2),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3), PIECES), max_size=3),
)
@example([b'"Channel":"Security"', b'"EventID":1'], [b'"winlog":{}', b'"Other":"\xff"'], [])
def test_what_is_read_field_by_field_can_be_read_as_a_whole(pairs, more, changes):
    damaged = b"{" + b",".join(pairs + more) + b"}"
    for at, size, piece in changes:
        damaged = damaged[:at] + piece + damaged[at + size :]
    parts, wrong = parts_of([damaged], wanted_for, ORIGIN)
    whole_parts, refused = whole_parts_of([damaged], wanted_for, ORIGIN)
    assert wrong.keys() == refused.keys()
    assert {name: value for row in events(parts).values() for name, value in row.items() if name in WANTED} == {
        name: value for row in events(whole_parts).values() for name, value in row.items() if name in WANTED
    }
