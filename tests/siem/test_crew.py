"""Stretches worked off side by side end where one pipeline ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.errors import StoreError
from secops.siem.crew import Crew, Share, Stretch, work_off
from secops.siem.journal import DamagedError
from secops.siem.pipeline import Stages
from secops.siem.ports import AlertFilter, RecordBatch, Scope, Tally
from tests.fakes.desk import MemoryDesk
from tests.fakes.journal import MemoryJournal
from tests.siem.test_pipeline import NOW, RULE, Ward


def same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


class Crowd(Ward):
    """A ward whose journal is worked off in stretches; members are threads, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.stretches: list[Stretch] = []
        self.fails: Callable[[Stretch], bool] = lambda _stretch: False

    def member(self, stretch: Stretch) -> Share:
        if self.fails(stretch):
            raise StoreError("disk full")
        stages = Stages(self.detector, same, same, str)
        return work_off(stretch, "ward", self.journal, stages, self.store.stage, lambda: NOW)

    def together(self, length: int = 3, more: Callable[[], bool] = lambda: False, members: int = 2) -> None:
        with ThreadPoolExecutor(members) as pool:

            def submit(stretch: Stretch) -> Future[Share]:
                self.stretches.append(stretch)
                return pool.submit(self.member, stretch)

            Crew(self.journal, self.store, self.desk, submit, members, length).run_dry(more, lambda: None)


def summary(ward: Ward) -> object:
    counts = [(one.filter_id, one.rule_id, one.count) for one in ward.desk.filter_counts()]
    tallies = {source: (tally.position, tally.stored, tally.rejected) for source, tally in ward.desk.tallies().items()}
    alerts = [(alert.title, alert.count) for alert in ward.desk.alerts(AlertFilter(), Scope()).alerts]
    positions = (ward.desk.positions(), ward.desk.tally_positions(), ward.store.positions())
    return ward.ids(), alerts, counts, tallies, positions, ward.desk.correlation_clocks()


BATCHES = st.lists(
    st.tuples(
        st.sampled_from(["app", "web", "db"]), st.lists(st.sampled_from(["fine", "bad", "expected"]), max_size=7)
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=30)
@given(BATCHES, st.integers(1, 8), st.integers(1, 3))
def test_a_crew_ends_where_one_pipeline_ends(batches, length, members):
    one, crowd = Ward(), Crowd()
    for source, messages in batches:
        one.log(*messages, source=source)
        crowd.log(*messages, source=source)
    one.work()
    crowd.together(length, members=members)
    assert summary(crowd) == summary(one)
    ends = {source: [0] for source, _messages in batches}
    for stretch in crowd.stretches:
        assert stretch.after == ends[stretch.source][-1] < stretch.last
        ends[stretch.source].append(stretch.last)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_what_a_sink_has_is_not_given_to_it_again(first, second, flushed):
    crowd, one = Crowd(), Ward()
    for ward in (crowd, one):
        ward.log(*(["bad", "expected"] * first)[:first])
        pipeline = ward.pipeline()
        pipeline.step(NOW)  # the hits are there, the events only after a flush
        if flushed:
            pipeline.flush(NOW)
            pipeline.wait()
        pipeline.close()
        ward.log(*["bad"] * second)
    one.work()
    crowd.together()
    crowd.together()
    assert summary(crowd) == summary(one)


class Killed(BaseException):
    """The machine lost its power."""


class DyingDesk(MemoryDesk):
    """The program dies when it wants to count what it has stored."""

    dies = True

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        if self.dies:
            raise Killed
        super().put_tallies(tallies, now)


@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_a_crew_that_was_killed_before_it_counted_counts_and_goes_on(length):
    crowd, one = Crowd(), Ward()
    crowd.desk = desk = DyingDesk({"r1": RULE})
    for ward in (crowd, one):
        ward.log("bad", "fine", "expected", "bad")
    with pytest.raises(Killed):
        crowd.together(length=8)
    assert crowd.store.positions() == {"app": 2}
    assert desk.tally_positions() == {}
    desk.dies = False
    crowd.together(length)
    one.work()
    assert summary(crowd) == summary(one)


def test_an_error_of_a_member_ends_the_crew_and_what_came_before_it_is_kept():
    crowd = Crowd()
    crowd.log(*["bad"] * 12)
    crowd.fails = lambda stretch: stretch.after == 6
    with pytest.raises(StoreError, match="disk full"):
        crowd.together()
    assert crowd.store.positions() == {"app": 6}
    crowd.fails = lambda _stretch: False
    crowd.together()
    assert len(crowd.ids()) == len(set(crowd.ids())) == 12
    assert crowd.desk.alerts(AlertFilter(), Scope()).alerts[0].count == 12


class DamagedJournal(MemoryJournal):
    """Records 3 to 5 cannot be read back."""

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        if 2 <= after <= 4:
            raise DamagedError(Path("segment"), source, 3, 5)
        return [batch for batch in super().read(source, after, 1) if not 3 <= batch.first_seq <= 5]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
def test_damage_across_stretches_is_counted_once(length):
    crowd = Crowd()
    crowd.journal = DamagedJournal()
    for number in range(8):
        crowd.log(str(number))
    crowd.together(length)
    assert crowd.ids() == [f"ward.app.{number}" for number in (1, 2, 6, 7, 8)]
    tally = crowd.desk.tallies()["app"]
    assert (tally.stored, tally.rejected) == (5, 3)


def test_while_more_comes_only_whole_stretches_are_handed_out():
    crowd = Crowd()
    crowd.log(*["fine"] * 7)
    seen: list[list[Stretch]] = []

    def more() -> bool:
        seen.append(list(crowd.stretches))
        if len(seen) == 4:
            crowd.log(*["fine"] * 3)
        return len(seen) < 8

    crowd.together(length=5, more=more)
    assert [(one.after, one.last) for one in seen[3]] == [(0, 5)]
    assert [one.last for one in seen[7]] == [5, 10]
    assert len(crowd.ids()) == 10
