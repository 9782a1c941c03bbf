"""Windows events: three spellings, one frame; what rules read is the original text."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

import orjson
import polars as pl
import pytest

from secops.schema import ecs
from secops.schema.aliases import ALIASES
from secops.schema.frame import EXTRA
from secops.siem.normalize import windows_tables
from secops.siem.normalize.reading import frames_of, normalize
from secops.siem.normalize.windows_plan import CONVERSIONS
from secops.siem.ports import Origin, RecordBatch

RECEIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHARED = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[4] / "shared")) / "data"
GOLDEN = Path(__file__).parents[2] / "golden" / "windows_json"


def frame_of(*events: dict[str, object], wanted: frozenset[str] = frozenset()) -> pl.DataFrame:
    batch = RecordBatch("pc", 1, RECEIVED, Origin("file", "windows_json"), [orjson.dumps(event) for event in events])
    return normalize(batch, "ward", wanted)[0]


def test_three_spellings_give_the_same_columns():
    wanted = frozenset({"winlog.event_data.Image", "winlog.event_data.ProcessId", "winlog.event_data.LogonType"})
    found = []
    for name in ("nested", "flat", "winlogbeat"):
        records = (GOLDEN / f"{name}.txt").read_bytes().splitlines()[:2]
        frame = frames_of(records, "windows_json", wanted, ecs=True)[0]
        differing = {EXTRA, "@timestamp", "host.ip", "agent.type", "agent.version", "ecs.version", "event.created"}
        rows = frame.drop(differing & set(frame.columns)).to_dicts()
        found.append([{key: value for key, value in row.items() if value is not None} for row in rows])
    assert found[0] == found[1] == found[2]


def test_wanted_values_are_the_original_text():
    wanted = frozenset({f"winlog.event_data.{name}" for name in ("A", "B", "C", "D", "E")})
    frame = frame_of(
        {"EventID": 1, "A": 5, "B": True, "C": ["x", 2], "D": {"k": None}, "E": "text"},
        {"EventID": 1, "A": "5", "B": None, "C": "single", "D": 1.5},
        wanted=wanted,
    )
    data = {name.removeprefix("winlog.event_data."): frame[name].to_list() for name in wanted}
    assert data["A"] == ["5", "5"]
    assert data["B"] == ["true", None]
    assert data["C"] == [["x", "2"], ["single"]]
    assert data["D"] == ['{"k":null}', "1.5"]
    assert data["E"] == ["text", None]


def test_a_column_that_no_row_has_is_not_made():
    frame = frame_of({"EventID": 1}, wanted=frozenset({"winlog.event_data.Nowhere"}))
    assert "winlog.event_data.Nowhere" not in frame.columns


def test_hunting_makes_only_what_is_wanted():
    records = (GOLDEN / "flat.txt").read_bytes().splitlines()
    (frame,) = frames_of(records, "windows_json", frozenset({"winlog.event_data.Image", "process.pid"}))
    assert EXTRA not in frame.columns
    assert "process.executable" not in frame.columns
    assert frame["process.pid"].to_list()[0] == 4120
    assert frame["event.sequence"].to_list() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # NXLog behind logstash: EventTime is local, its offset is known from the receive times.
        (
            {
                "EventTime": "2020-10-22 04:29:52",
                "EventReceivedTime": "2020-10-22 04:29:53",
                "@timestamp": "2020-10-22T08:29:53.796Z",
            },
            datetime(2020, 10, 22, 8, 29, 52, tzinfo=UTC),
        ),
        ({"EventTime": "2026-11-23 10:02:03"}, datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)),
        ({"EventTime": "2026-11-23T10:02:03+09:00"}, datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)),
        ({"@timestamp": "2026-11-23T01:02:03.5Z"}, datetime(2026, 11, 23, 1, 2, 3, 500000, tzinfo=UTC)),
        # Sysmon's UtcTime is right where @timestamp is local time marked as UTC.
        (
            {
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "UtcTime": "2022-08-08 19:29:52.437",
                "@timestamp": "2022-08-08T12:29:52.548Z",
            },
            datetime(2022, 8, 8, 19, 29, 52, 437000, tzinfo=UTC),
        ),
        ({"@timestamp": "garbage"}, RECEIVED),
        ({"@timestamp": {"a": 1}}, RECEIVED),
    ],
)
def test_time(fields: dict[str, object], expected: datetime):
    frame = frame_of({"EventID": 1, **fields})
    assert frame["@timestamp"][0] == expected
    known = frame["labels.time_source"][0] if "labels.time_source" in frame.columns else None
    assert known == ("received" if expected == RECEIVED else None)


def test_channel_in_another_case_and_no_provider():
    frame = frame_of({"EventID": 4624, "Channel": "SECURITY", "TargetUserName": "sato"})
    assert frame.select("event.dataset", "winlog.channel", "user.name").row(0) == (
        "windows.security",
        "SECURITY",
        "sato",
    )
    assert "winlog.provider_name" not in frame.columns


@pytest.mark.parametrize("channel", [True, 5, 1.5, None, ["x"], {"a": 1}])
@pytest.mark.parametrize("code", [None, True, 1.0, 1.5, 1e300, "x", ["x"], {"#text": 1}])
def test_channel_and_id_of_any_type(channel: object, code: object):
    frame = frame_of({"EventID": code, "Channel": channel})
    assert frame["event.kind"].to_list() == ["event"]


def test_an_unknown_channel_makes_no_new_dataset():
    assert frame_of({"EventID": 1, "Channel": "Made-Up/../Name"})["event.dataset"][0] == "windows.other"


def test_message_is_kept_only_where_it_says_something_of_its_own():
    repeating = {"EventID": 1, "Channel": "Security", "Message": "m", "Image": "x"}
    alone = {"EventID": 400, "Channel": "Windows PowerShell", "Message": "m"}
    assert frame_of(repeating, alone)["message"].to_list() == [None, "m"]
    assert frame_of(repeating, wanted=frozenset({"message"}))["message"].to_list() == ["m"]


def test_nothing_is_lost_between_columns_and_extra():
    event = {
        "EventID": 3,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "DestinationIp": "no ip",
        "Image": "a.exe",
    }
    row = frame_of(event).row(0, named=True)
    extra = orjson.loads(row[EXTRA])
    assert extra == {"winlog.event_data.DestinationIp": "no ip"}
    assert row["process.executable"] == "a.exe"
    assert row.get("destination.ip") is None


def test_tables_name_real_columns_and_conversions():
    specs = [spec for one in windows_tables.MEANINGS.values() for spec in one.fields.values()]
    specs += [spec for one in windows_tables.DATASET_FIELDS.values() for spec in one.values()]
    specs += windows_tables.SYSTEM_FIELDS.values()
    for part in " ".join(specs).split():
        convert, colon, column = part.partition(":")
        assert (column if colon else part) in ecs.COLUMNS
        assert not colon or convert in CONVERSIONS


@pytest.mark.skipif(not (SHARED / "otrf").exists(), reason="the OTRF recordings (shared/data/otrf) are not here")
def test_recorded_attacks_are_read_without_loss():
    wanted = frozenset({"winlog.event_data.Image", "winlog.event_data.CommandLine", "winlog.event_data.TargetObject"})
    for path in sorted((SHARED / "otrf").rglob("*.zip"))[::3]:
        with ZipFile(path) as archive:
            name = next(one for one in archive.namelist() if one.endswith(".json") and "MACOSX" not in one)
            with archive.open(name) as file:
                records = [line.rstrip() for line in islice(file, 400)]
        frame = frames_of(records, "windows_json", wanted, ecs=True)[0]
        assert frame.height == len(records)
        assert frame["event.kind"].unique().to_list() == ["event"]
        originals = [orjson.loads(record) for record in records]
        for field in ("Image", "CommandLine", "TargetObject"):
            values = [event.get(field) for event in originals]
            if any(values):
                assert frame[f"winlog.event_data.{field}"].to_list() == values
                assert_findable(frame, f"winlog.event_data.{field}", values)


def assert_findable(frame: pl.DataFrame, name: str, values: list[str | None]) -> None:
    """Each original value stands in the alias column or in EXTRA."""
    column = frame[ALIASES[name]] if ALIASES.get(name) in frame.columns else [None] * frame.height
    for value, stored, extra in zip(values, column, frame[EXTRA], strict=True):
        assert value is None or value == stored or value == orjson.loads(extra).get(name)


@pytest.mark.skipif(not (SHARED / "sigmahq").exists(), reason="the EVTX samples (shared/data/sigmahq) are not here")
def test_evtx_samples():
    evtx = pytest.importorskip("evtx")
    total = 0
    for path in sorted((SHARED / "sigmahq" / "regression_data").rglob("*.evtx")):
        records = [record["data"].encode() for record in evtx.PyEvtxParser(str(path)).records_json()]
        frame = frames_of(records, "windows_json", frozenset(), ecs=True)[0]
        assert frame["event.kind"].unique().to_list() == ["event"]
        assert "labels.time_source" not in frame.columns
        system = [orjson.loads(record)["Event"]["System"] for record in records]
        assert frame["winlog.channel"].to_list() == [one["Channel"] for one in system]
        total += frame.height
    assert total > 90


def test_a_level_that_is_zero_is_not_one_that_is_false():
    for first, second in ((0, False), (False, 0)):
        for level in (first, second):
            record = orjson.dumps({"EventID": 1, "Channel": "x", "Hostname": "h", "Level": level})
            frame = frames_of([record], "windows_json", frozenset(), ecs=True)[0]
            assert frame["log.level"].to_list() == (["information"] if level is not False else ["false"])


def test_an_event_nested_a_thousand_deep_is_an_event():
    deep = '{"a":[' * 450 + '"表",1,{}' + "]}" * 450
    record = f'{{"EventID":1,"Channel":"x","Hostname":"h","deep":{deep},"big":{1 << 70}}}'.encode()
    frame = frames_of([record], "windows_json", frozenset({"winlog.event_data.deep"}), ecs=True)[0]
    assert frame["event.kind"].to_list() == ["event"]
    assert frame["winlog.event_data.deep"][0].count("[") == 450
    assert frame["winlog.event_data.deep"][0].startswith('{"a":[{"a":[')


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 5000, "1e999", "-1e999"])
@pytest.mark.parametrize("name", ["windows_json", "json"])
def test_numbers_beyond_all_bounds_are_kept_as_texts(number, name):
    record = f'{{"EventID":1,"Channel":"x","Hostname":"h","Big":{number}}}'.encode()
    frame = frames_of([record], name, frozenset(), ecs=True)[0]
    assert frame["event.kind"].to_list() == ["event"]
    kept = [value for key, value in orjson.loads(frame["secops.extra"][0]).items() if key.endswith("Big")]
    assert kept == [number]
