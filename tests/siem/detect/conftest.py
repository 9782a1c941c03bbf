"""A detector of a few detections, and what it finds."""

from __future__ import annotations

import pytest

from secops.siem.detect import load_detector
from tests.siem.detect.cases import ANYTHING, frame, rule_file


@pytest.fixture
def detector():
    """Make a detector of detections: ``detector({"selection": {...}, "condition": "selection"}, …)``."""

    def make(*detections, **options):
        return load_detector(
            [rule_file(number, detection) for number, detection in enumerate(detections)], ANYTHING, **options
        )

    return make


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
