"""Hits as rows of files: nothing is lost, nothing acts, and a reader of the format gets the values back."""

from __future__ import annotations

import ast
import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.report.hits import ExcelCsv, JsonLines, TimesketchCsv, safe_cell
from secops.report.text import plain
from secops.schema.severity import Severity
from secops.siem.hunt import Found
from secops.siem.ports import MatchedValue, Rule

AT = datetime(2026, 11, 23, 1, 2, 3, 456000, tzinfo=UTC)


def rule(**changed) -> Rule:
    values = {
        "id": "11111111-1111-4111-8111-111111111111", "name": "r", "title": "Log cleared", "title_ja": "ログの消去",
        "description": "Somebody cleared the log.", "description_ja": "", "level": Severity.HIGH,
        "tags": ("attack.defense-evasion", "attack.t1070.001"), "clauses": ("mic-2025-03-6.1-6",), "next_steps": (),
        "false_positives": (), "group_by": (), "logsource": {}, "path": "r.yml", "text": "",
    }  # fmt: skip
    return Rule(**{**values, **changed})


def hit(**changed) -> Found:
    values = {
        "rule": 0, "timestamp": AT, "path": "logs/a.evtx", "host": "PC-1", "original": '{"EventID":1102}',
        "matched": (MatchedValue("selection", "EventID", "equals", "1102", "1102"),),
        "event": {"event.code": "1102", "user.name": "tanaka", "event.kind": "event", "@timestamp": "2026"},
    }  # fmt: skip
    return Found(**{**values, **changed})


def rows(writer, *hits) -> list[list[str]]:
    data = writer.head + b"".join(writer.row(one) for one in hits)
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_json_line_has_the_event_and_what_the_rule_says():
    line = json.loads(JsonLines([rule()]).row(hit()))
    assert line == {
        "event.code": "1102",
        "user.name": "tanaka",
        "event.kind": "signal",
        "rule.id": "11111111-1111-4111-8111-111111111111",
        "rule.name": "Log cleared",
        "rule.level": "high",
        "rule.description": "Somebody cleared the log.",
        "tags": ["attack.defense-evasion", "attack.t1070.001"],
        "threat.framework": "MITRE ATT&CK",
        "threat.technique.id": ["T1070.001"],
        "secops.clauses": ["mic-2025-03-6.1-6"],
        "@timestamp": "2026-11-23T01:02:03.456000Z",
        "log.file.path": "logs/a.evtx",
        "event.original": '{"EventID":1102}',
        "secops.matched": [
            {"selection": "selection", "field": "EventID", "operator": "equals", "pattern": "1102", "value": "1102"}
        ],
        "host.name": "PC-1",
    }


def test_a_json_line_survives_lone_surrogates_and_huge_numbers():
    odd = hit(host="a\ud800b", event={"x\udfff": 1 << 90, "y": [1, None, "\ud800"], "z": -(1 << 63)})
    line = json.loads(JsonLines([rule()]).row(odd))
    assert line["host.name"] == "a\ufffdb"
    assert line["x\ufffd"] == str(1 << 90)
    assert line["y"] == [1, None, "\ufffd"]
    assert line["z"] == -(1 << 63)


def test_the_excel_file_is_what_excel_needs():
    writer = ExcelCsv([rule()])
    assert writer.head.startswith(b"\xef\xbb\xbf")
    assert writer.head.endswith(b"\r\n")
    assert writer.row(hit()).decode() == (
        "2026-11-23 10:02:03,2026-11-23 01:02:03,高,ログの消去,PC-1,tanaka,EventID = 1102,T1070.001,mic-2025-03-6.1-6,"
        '11111111-1111-4111-8111-111111111111,logs/a.evtx,"{""EventID"":1102}"\r\n'
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "=cmd|' /C calc'!A0", "－1"]
)
def test_what_would_be_a_formula_is_text(text):
    assert safe_cell(text).startswith("'")


def test_what_hides_or_turns_is_seen():
    assert safe_cell("a\u202eexe.\x00\x1b") == "a<U+202E>exe.<U+0000><U+001B>"


def test_a_cell_never_holds_more_than_excel_does_and_says_so():
    cell = safe_cell("あ" * 100_000)
    assert len(cell) < 32_767
    assert "全 100,000 文字" in cell


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_every_cell_comes_back_through_a_csv_reader(host, value, original):
    one = hit(host=host, original=original, matched=(MatchedValue("s", "f", "equals", "*", value),))
    _head, row = rows(ExcelCsv([rule()]), one)
    assert row[4].removeprefix("'") == plain(host).removeprefix("'")
    assert row[6] == plain(f"f = {value}")
    assert row[11].removeprefix("'") == plain(original).removeprefix("'")
    for cell in row:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(max_size=60), st.text(max_size=60))
def test_timesketch_rows_are_one_line_each_with_the_columns_it_asks_for(host, value):
    writer = TimesketchCsv([rule()])
    one = hit(host=host, matched=(MatchedValue("s", "f", "equals", "*", value),))
    data = writer.head + writer.row(one)
    assert data.decode().count("\n") == 2
    (row,) = csv.DictReader(io.StringIO(data.decode(), newline=""))
    assert row["message"].startswith("[high] Log cleared: f = ")
    assert datetime.fromisoformat(row["datetime"]) == AT
    assert row["timestamp_desc"] == "Event Logged"
    assert ast.literal_eval(row["tag"]) == ["sigma_high", "attack.defense-evasion", "attack.t1070.001"]
    assert row["hostname"] == plain(host).replace("\n", " ")


def test_an_event_without_a_time_is_in_no_time_line_but_counted():
    writer = TimesketchCsv([rule()])
    assert writer.row(hit(timestamp=None)) == b""
    assert writer.left_out == 1
    assert rows(ExcelCsv([rule()]), hit(timestamp=None))[1][:2] == ["", ""]


def test_what_is_nested_too_deeply_for_a_json_writer_is_left_to_the_original():
    deep: object = 1
    for _level in range(900):
        deep = {"a": [deep]}
    line = json.loads(JsonLines([rule()]).row(hit(event={"deep": deep, "user.name": "x"})))
    assert "event.original" in json.dumps(line["deep"], ensure_ascii=False)
    assert line["user.name"] == "x"
    assert "入れ子が深すぎる" in rows(ExcelCsv([rule()]), hit(event={"user.name": deep}))[1][5]
