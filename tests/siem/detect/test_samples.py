"""Mistakes in samples of rules are told with the file and line; none of them stops the command."""

from __future__ import annotations

import pytest

from secops.siem.detect.samples import read_samples

GOOD = "fires:\n- {event: {event.code: 1}}\nsilent:\n- "


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ("{raw: x, format: windws}", "windws"),
        ("{raw: x, format: [text]}", "format"),
        ("{raw: x, format: text, encoding: foo}", "foo"),
        ("{raw: x, format: text, encoding: [1]}", "[1]"),
        ("{raw: é, format: text, encoding: cp932}", "cp932"),
        ("{raw: x}", "format"),
        ("{raw: x, event: {a: 1}}", "event"),
        ("{event: [1]}", "event"),
        ("{foo: 1}", "event"),
        ("x", "event"),
    ],
)
def test_a_wrong_sample_has_its_line_and_what_is_wrong(sample, said):
    found, problems = read_samples("r.samples.yml", GOOD + sample)
    assert len(found) == 1
    assert [problem.where for problem in problems] == ["r.samples.yml:4"]
    assert said in problems[0].what


@pytest.mark.parametrize("text", ["", "x", "[", "fires: []\nsilent: []", "fires: 1\nsilent: 2", "other: []"])
def test_a_file_that_is_no_samples_is_told(text):
    assert read_samples("r.samples.yml", text)[1]
