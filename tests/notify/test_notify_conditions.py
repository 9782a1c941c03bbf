"""What the program pages about itself: each trouble begins once, lasts, and is over once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from secops.notify.conditions import SETTLE, Key, Measures, Watch, judge
from secops.settings_notify import NotifySettings
from secops.siem.ports import Condition, SourceStatus

NOW = datetime(2026, 11, 22, 17, 4, tzinfo=UTC)
LIMITS = NotifySettings()
FW = SourceStatus("fw01", "境界", "lgwan", "file", "auto", 9, 9, 0, {}, 0, NOW, NOW, silent=False)


def kinds(measures: Measures, *open_: Key) -> list[Key]:
    return sorted(judge(measures, LIMITS, open_))


def test_all_is_well():
    assert kinds(Measures(NOW, [FW], parts={"web": "running", "keeper": "stopped"})) == []


def test_each_trouble_is_found_by_its_own_limit():
    found = judge(
        Measures(
            at=NOW,
            sources=[replace(FW, lag_s=901.0), replace(FW, id="pc", silent=True)],
            free=0.09,
            chain="区間 3",
            ends={"worker-0": 3, "web": 2},
            parts={"keeper": "missing"},
            stuck=["web"],
            certificate=NOW + timedelta(days=29),
            failing={"mail": NOW - timedelta(minutes=11), "lamp": NOW - timedelta(minutes=9)},
        ),
        LIMITS,
        [],
    )
    assert sorted(found) == [
        ("certificate_ending", ""),
        ("chain_broken", ""),
        ("channel_failing", "mail"),
        ("disk_low", ""),
        ("part_failing", "keeper"),
        ("part_failing", "web"),
        ("part_failing", "worker-0"),
        ("source_silent", "pc"),
        ("stalled", ""),
    ]
    assert found["source_silent", "pc"].zone == "lgwan"
    assert found["chain_broken", ""].severity.code == "critical"


def test_what_has_begun_is_over_only_when_it_is_clearly_better():
    disk, lag = ("disk_low", ""), ("stalled", "")
    assert kinds(Measures(NOW, free=0.11), disk) == [disk]
    assert kinds(Measures(NOW, free=0.13), disk) == []
    assert kinds(Measures(NOW, [replace(FW, lag_s=500.0)]), lag) == [lag]
    assert kinds(Measures(NOW, [replace(FW, lag_s=400.0)]), lag) == []


def test_what_could_not_be_looked_at_stays_as_it_is():
    known = [("source_silent", "pc"), ("stalled", ""), ("disk_low", "")]
    assert kinds(Measures(NOW, None, chain="unreadable"), *known) == [
        ("chain_broken", ""),
        ("source_silent", "pc"),
        ("stalled", ""),
    ]


def test_only_what_lasts_begins_and_only_what_lasts_is_over():
    watch, going = Watch(), list[Condition]()
    low, well, told = Measures(NOW, free=0.01), Measures(NOW), []
    story = [(0, low), (50, well), (60, low), (90, low), (120, low), (130, low), (200, well), (230, low), (240, well)]
    for seconds, measures in [*story, (310, well), (320, well)]:
        now = NOW + timedelta(seconds=seconds)
        begun, ended = watch.changes(judge(measures, LIMITS, [(c.kind, c.subject) for c in going]), going, now)
        told += [("began", seconds, one.began) for one in begun] + [("over", seconds, one.began) for one in ended]
        going = [one for one in [*going, *begun] if one not in ended]
    began = NOW + timedelta(seconds=60)
    assert told == [("began", 120, began), ("over", 310, began)]
    assert timedelta(seconds=60) == SETTLE
