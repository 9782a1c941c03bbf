"""Whatever a record holds: nothing raises, and one record is one row, in order."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.schema import ecs
from secops.schema.frame import CORE, EXTRA
from secops.siem.normalize.reading import NORMALIZERS, frames_of, normalize
from secops.siem.ports import Origin, RecordBatch

RECEIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEADER = '"端末名","日時","操作","ファイル"'
PIECES = (
    b"date=2026-11-23 time=10:00:01 ",
    b'type="traffic" ',
    b"srcip=10.0.0.1 ",
    b"<134>",
    b"Nov 23 02:04:11 ",
    b"web01 ",
    b"sshd[1]: ",
    b"Failed password for root from 1.2.3.4 port 22 ssh2",
    b"1795395601.123  345 10.0.0.5 TCP_MISS/200 1234 GET ",
    b'{"EventID":1,"Channel":"Security"',
    b'{"Event":{"System":{"EventID":4624}',
    b'"winlog":{"event_id":1}',
    b"}}",
    b"\0",
    b"\xff",
    b"null",
    b"NaN",
    b"99999999999999999999999",
    b"\xe3\x81\x82",
    *(bytes([code]) for code in b',"\\[]:= \n'),
)
RECORDS = st.lists(
    st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join)), max_size=12
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.fixed_dictionaries(
    {"EventID": JSON},
    optional={"Channel": JSON, "Image": JSON, "Data": JSON, "UtcTime": JSON, "EventTime": JSON, "@timestamp": JSON},
)


def check(records: list[bytes], name: str, encoding: str = "utf-8", wanted: frozenset[str] = frozenset()) -> None:
    batch = RecordBatch("src", 7, RECEIVED, Origin("file", name, encoding, header=HEADER), records)
    frames = normalize(batch, "ward", wanted)
    assert sum(frame.height for frame in frames) == len(records)
    for frame in frames:
        assert frame["event.sequence"].to_list() == list(range(7, 7 + len(records)))
        assert frame["event.id"][0] == "ward.src.7"
        assert CORE.keys() <= set(frame.columns)
        assert frame["@timestamp"].null_count() == frame["event.kind"].null_count() == 0
        for column, kind in frame.schema.items():
            assert column not in ecs.COLUMNS or kind == ecs.dtype(column)
        if EXTRA in frame.columns:
            assert all(isinstance(orjson.loads(one), dict) for one in frame[EXTRA].drop_nulls())


@pytest.mark.parametrize("name", [*NORMALIZERS, "unknown"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=RECORDS, encoding=st.sampled_from(["utf-8", "cp932", "utf-16", "no such codec"]))
def test_any_bytes(name: str, records: list[bytes], encoding: str):
    check(records, name, encoding)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, max_size=5))
def test_any_values_in_an_event(events: list[dict[str, object]]):
    import json

    wanted = frozenset({"winlog.event_data.Image", "winlog.event_data.Data"})
    records = [json.dumps(event, allow_nan=True).encode() for event in events]
    for name in ("windows_json", "json"):
        check(records, name, wanted=wanted)
        frames = frames_of(records, name, wanted)
        assert sum(frame.height for frame in frames) == len(records)


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 20), name=st.sampled_from(sorted(NORMALIZERS)))
def test_batches_may_be_cut_anywhere(cut: int, name: str):
    records = [PIECES[i % len(PIECES)] + PIECES[(i * 7) % len(PIECES)] for i in range(20)]
    batch = RecordBatch("src", 1, RECEIVED, Origin("file", name, header=HEADER), records)
    whole = normalize(batch, "ward", frozenset())[0].select(sorted(CORE)).rows()
    rest = normalize(batch.after(cut), "ward", frozenset())
    assert whole[cut:] == (rest[0].select(sorted(CORE)).rows() if rest else [])
