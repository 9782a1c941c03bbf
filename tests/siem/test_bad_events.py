"""Events that are barely JSON, or too much of it: what can be read of them is detected, by the hunt and in a site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.query.tree import All
from secops.siem.collect.slices import slices
from secops.siem.detect import load_detector
from secops.siem.hunt import search
from secops.siem.normalize.given import json_row, json_row_of_large
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope, Span
from secops.wiring import create_site, open_site
from secops.wiring.parts import drain_alone

LOGSOURCES = (Path(__file__).parents[2] / "rules" / "logsources.yml").read_text(encoding="utf-8")
HEAD = '"EventID":1102,"Channel":"Security","Hostname":"PC-1","@timestamp":"2026-11-23T01:02:03Z"'
RULE = """title: R{number}
id: 11111111-1111-4111-8111-11111111111{number}
level: high
logsource: {{product: windows, service: security}}
detection:
  words: {words}
  condition: words
"""
RULES = [
    ("field.yml", RULE.format(number=1, words="{EventID: 1102, X|contains: evil}")),
    ("keyword.yml", RULE.format(number=2, words="[evil]")),
]
IDS = [f"11111111-1111-4111-8111-11111111111{number}" for number in (1, 2)]


def flat(more):
    return f'{{{HEAD},"X":"an evil one",{more}}}'


def nested(more):
    system = '{"EventID":1102,"Channel":"Security","Computer":"PC-1"}'
    return f'{{"Event":{{"System":{system},"EventData":{{"X":"an evil one",{more}}}}}}}'


def deep(count, opening='{"a":', closing="}"):
    return f'"D":{opening * count}1{closing * count}'


BAD = {
    "objects 1,000 deep": deep(1000),
    "arrays 1,000 deep": deep(1000, "[", "]"),
    "a lone surrogate": r'"D":"x \ud800 y"',
    "a name that is a lone surrogate": r'"\udc00":"x"',
    "NaN": '"D":NaN,"E":[-Infinity]',
    "a number of 400 digits": f'"D":{"9" * 400}',
    "a negative number of 5,000 digits": f'"D":[-{"9" * 5000}]',
    "a number that is infinite": '"D":1e999',
    "a NUL and a control character": '"D":"a\\u0000b\x01c"',
    "a number of 80 bits": f'"D":{1 << 80}',
    "an empty name": '"":"x","#text":null',
}


@pytest.mark.parametrize("shape", [flat, nested])
@pytest.mark.parametrize("what", BAD)
def test_a_hunt_detects_it(tmp_path, what, shape):
    path = tmp_path / "events.jsonl"
    lines = [shape(BAD[what]), shape('"D":1')]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    outcome = search(slices(path), load_detector(RULES, LOGSOURCES))
    assert (outcome.events, outcome.problems) == (2, [])
    assert [(hit.rule, lines.index(hit.original)) for hit in outcome.hits] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert all(hit.event["host.name"] == "PC-1" and hit.matched for hit in outcome.hits)


def test_bytes_that_are_no_text_are_detected_around(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(flat('"D":"@@"').encode().replace(b"@@", b"\xff\xfe\xed\xa0\x80") + b"\n")
    outcome = search(slices(path), load_detector(RULES, LOGSOURCES))
    assert [hit.rule for hit in outcome.hits] == [0, 1]


def test_what_is_nested_as_deep_as_can_be_is_a_hit_or_said_to_be_unreadable(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = [flat(f'"D":{"[" * depth}1e999{"]" * depth}') for depth in [200, 400, 600, 800, *range(900, 1050)]]
    path.write_text("".join(line + "\n" for line in lines))
    outcome = search(slices(path), load_detector(RULES, LOGSOURCES))
    found = [{lines.index(hit.original) for hit in outcome.hits if hit.rule == rule} for rule in (0, 1)]
    assert found[0] == found[1] >= {0, 1, 2, 3}
    [problem] = outcome.problems
    assert problem.what.startswith(f"{len(lines) - len(found[0])} 件のレコードを読めませんでした。")


@pytest.mark.parametrize("text", ["x" * (50 << 20) + " evil", "x" * (25 << 20) + "EVIL" + "y" * (25 << 20)])
def test_a_field_of_50_megabytes_is_read_to_its_end(tmp_path, text):
    path = tmp_path / "events.jsonl"
    path.write_text(f'{{{HEAD},"X":"{text}"}}\n{flat(chr(34) + "D" + chr(34) + ":1")}\n')
    outcome = search(slices(path), load_detector(RULES, LOGSOURCES))
    assert outcome.problems == []
    assert [hit.rule for hit in outcome.hits] == [0, 1, 0, 1]


def test_a_field_of_50_megabytes_is_searched_within_the_memory_of_a_process(tmp_path):
    rules, found = tmp_path / "rules", tmp_path / "hits.jsonl"
    rules.mkdir()
    for name, text in RULES:
        (rules / name).write_text(text)
    path = tmp_path / "events.jsonl"
    path.write_text(f'{{{HEAD},"X":"an evil one","Y":"{"x" * (50 << 20)}"}}\n{flat(chr(34) + "D" + chr(34) + ":1")}\n')
    hunt = [sys.executable, "-m", "secops.cli", "hunt", path, "-r", rules, "-o", found, "--processes", "2"]
    done = subprocess.run(hunt, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(found.read_bytes().splitlines()) == 4


TEXTS = st.text(max_size=8) | st.none() | st.integers(-(2**70), 2**70) | st.floats() | st.booleans()
SURROGATES = st.just("\ud800 half")


@given(st.lists(TEXTS | SURROGATES | st.lists(TEXTS, max_size=3), max_size=4))
def test_a_large_record_is_written_as_a_small_one_is(row):
    names = tuple(f"n{number}" for number in range(len(row)))
    small, large = json_row(names, tuple(row)), json_row_of_large(names, tuple(row))
    assert orjson.loads(large) == orjson.loads(small)


def test_a_site_detects_and_keeps_all_of_it(tmp_path):
    folder = tmp_path / "site"
    create_site(folder, site_id="ward")
    (folder / "rules").mkdir(exist_ok=True)
    for name, text in RULES:
        (folder / "rules" / name).write_text(text)
    records = [shape(more).encode() for more in BAD.values() for shape in (flat, nested)]
    with open_site(folder) as site:
        site.journal.append([NewBatch("bad", site.now(), Origin("import", "windows_json", zone="lgwan"), records)])
        drain_alone(site, lambda: False)
        for rule in IDS:
            page = site.desk.alerts(AlertFilter(rule_id=rule), Scope())
            assert sum(alert.count for alert in page.alerts) == len(records), rule
        tally = site.desk.tallies()["bad"]
        assert (tally.stored, tally.rejected) == (len(records), 0)
        stored = site.store.search(All(), Span(), Scope(), limit=1000).events
        assert len([event for event in stored if event["labels.source"] == "bad"]) == len(records)
