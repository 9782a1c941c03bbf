"""Rules and events as short as a test can write them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from secops.siem.detect.load import load_detector

ANYTHING = "logsources: [{product: any}]"


@pytest.fixture
def detector():
    """Make a detector of detections: ``detector({"selection": {...}, "condition": "selection"}, …)``."""

    def make(*detections, **options):
        return load_detector(
            [rule_file(number, detection) for number, detection in enumerate(detections)], ANYTHING, **options
        )

    return make


def rule_file(number, detection, **more):
    rule = {
        "title": f"Rule {number}",
        "id": f"00000000-0000-4000-8000-{number:012}",
        "logsource": {"product": "any"},
        "level": "high",
        "detection": detection,
        **more,
    }
    return f"rules/{number}.yml", json.dumps(rule, ensure_ascii=False)


def frame(*events):
    """Events as a frame: texts, numbers and booleans as they are, lists as List(String)."""
    names = dict.fromkeys(name for event in events for name in event)
    columns = [pl.Series("event.kind", ["event"] * len(events))]
    for name in names:
        values = [event.get(name) for event in events]
        if any(isinstance(value, list) for value in values):
            lists = [None if v is None else [str(part) for part in (v if isinstance(v, list) else [v])] for v in values]
            columns.append(pl.Series(name, lists, dtype=pl.List(pl.String)))
        else:
            kinds = {type(value) for value in values if value is not None}
            same = len(kinds) <= 1
            texts = [v if v is None or same else str(v).lower() if isinstance(v, bool) else str(v) for v in values]
            columns.append(pl.Series(name, texts) if kinds else pl.Series(name, texts, dtype=pl.String))
    return pl.DataFrame(columns)


@pytest.fixture
def fires(detector):
    """Which of the events a detection matches, as a list of row numbers."""

    def run(detection, *events):
        if "condition" not in detection:
            detection = {"selection": detection, "condition": "selection"}
        engine = detector(detection)
        assert engine.rules[0].active, engine.rules[0].reason
        found = engine.match(frame(*events))
        return list(found[0].rows) if found else []

    return run


@pytest.fixture
def shared():
    """The folder with real rules and logs, or a skip."""
    folder = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[3].parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder
