from __future__ import annotations

from pathlib import Path

from secops.siem.detect import load_detector
from secops.siem.detect.compiled import KEPT

LOGSOURCES = "logsources:\n  - {product: windows}\n"
RULE = "title: R\nid: 3b1f3d2e-8f0b-4f7c-9a53-{:012}\nlogsource: {{product: windows}}\ndetection: {{a: {{event.code: '{}'}}, condition: a}}\nlevel: low\n"  # noqa: E501 - one rule a line


def test_a_cache_folder_does_not_grow_without_end(tmp_path: Path):
    for number in range(KEPT + 3):
        load_detector([("r.yml", RULE.format(number, number))], LOGSOURCES, tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT


def test_the_cache_gives_the_same_rules(tmp_path: Path):
    files = [("r.yml", RULE.format(1, 1))]
    first, second = (load_detector(files, LOGSOURCES, tmp_path) for _ in range(2))
    assert first.rules == second.rules
    assert first.wanted == second.wanted


def test_a_broken_cache_is_done_without(tmp_path: Path):
    files = [("r.yml", RULE.format(1, 1))]
    load_detector(files, LOGSOURCES, tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"{")
    assert load_detector(files, LOGSOURCES, tmp_path).rules[0].active
