"""The rules that come with the program: without mistakes, with samples that say what they do, all of them active."""

from __future__ import annotations

from pathlib import Path

import pytest

from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.detect.attack_tactics import TACTICS_OF
from secops.siem.detect.samples import check_own, samples_path
from secops.siem.samples import run_samples
from secops.wiring.rules import BUILTIN, read_rule_files

FILES = read_rule_files([BUILTIN])
SAMPLES = {samples_path(path): Path(samples_path(path)).read_text(encoding="utf-8") for path, _text in FILES}


@pytest.fixture(scope="module")
def detector() -> SigmaDetector:
    return load_detector(FILES, (BUILTIN / "logsources.yml").read_text(encoding="utf-8"))


def test_there_are_enough_and_all_are_active(detector: SigmaDetector):
    assert len([rule for rule in detector.rules if rule.alerts]) >= 40
    assert [(rule.path, rule.reason) for rule in detector.rules if not rule.active] == []
    assert not detector.problems


def test_they_follow_our_conventions(detector: SigmaDetector):
    assert check_own(list(detector.rules), SAMPLES) == []
    for rule in detector.rules:
        assert rule.title_ja, rule.path
        assert rule.title_ja != rule.title, rule.path
        assert rule.description_ja, rule.path
        assert len(rule.next_steps) >= 2, rule.path
        assert all(clause.startswith("mic-2025-03-") for clause in rule.clauses), rule.path
        assert rule.clauses, rule.path


def test_tags_are_those_of_the_current_attack_version(detector: SigmaDetector):
    """Each technique is in our table of ATT&CK v19, and one of the tactics it stands under is named beside it."""
    for rule in detector.rules:
        tags = [tag.removeprefix("attack.") for tag in rule.tags]
        techniques = [tag.partition(".")[0].upper() for tag in tags if tag[1:2].isdigit()]
        tactics = set(tags) - {tag for tag in tags if tag[1:2].isdigit()}
        assert "defense-evasion" not in tactics, rule.path
        assert "T1562" not in techniques, rule.path
        for technique in techniques:
            assert tactics & set(TACTICS_OF[technique]), (rule.path, technique)


def test_every_sample_fires_or_stays_silent_as_it_says(detector: SigmaDetector):
    count, problems = run_samples(detector, SAMPLES)
    assert problems == []
    assert count >= 3 * len(detector.rules)
