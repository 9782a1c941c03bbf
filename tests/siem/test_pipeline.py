from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from secops.errors import StoreError
from secops.query.tree import All
from secops.schema.frame import concat
from secops.schema.severity import Severity
from secops.siem.journal import DamagedError
from secops.siem.normalize.reading import normalize
from secops.siem.pipeline import Pipeline, Stages, stored
from secops.siem.ports import (
    AlertFilter,
    Correlation,
    MatchedValue,
    NewBatch,
    Origin,
    Part,
    RecordBatch,
    RowMatch,
    Rule,
    RuleFilter,
    Scope,
    Span,
)
from tests.fakes.desk import MemoryDesk
from tests.fakes.event_store import MemoryEventStore
from tests.fakes.journal import MemoryJournal

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
JSON = Origin("file", "json", path="/var/log/app.json")
EVERYTHING = (All(), Span(), Scope())

RULE = Rule(
    id="r1",
    name="bad",
    title="Bad",
    title_ja="悪い",
    description="",
    description_ja="",
    level=Severity.HIGH,
    tags=(),
    clauses=(),
    next_steps=(),
    false_positives=(),
    group_by=(),
    logsource={},
    path="r1.yml",
    text="",
)


FILTER = RuleFilter(
    id="f1",
    title="Expected",
    title_ja="想定内",
    description="",
    owner="情報政策課",
    grounds="点検",
    until=NOW + timedelta(hours=1),
    rules=("r1",),
    every=False,
    keeps_only=False,
    logsource={},
    path="f1.yml",
    text="",
)


class BadMessages:
    """A detector with one rule (the message is 'bad', or 'expected') and one filter ('expected' before it ends)."""

    rules: Sequence[Rule] = (RULE,)
    filters: Sequence[RuleFilter] = (FILTER,)
    correlations: Sequence[Correlation] = ()
    wanted: frozenset[str] = frozenset()

    def correlated(self, rule: int, event: Mapping[str, Any]) -> Mapping[str, Sequence[str]] | None:
        return {"message": (event["message"],)} if self.correlations else None

    def match(
        self,
        frame: pl.DataFrame | None,
        parts: Sequence[Part] = (),
        apart: Sequence[int] = (),
        *,
        now: datetime | None = None,
    ) -> list[RowMatch]:
        if frame is None or "message" not in frame.columns:
            return []
        held = [
            (row, 0)
            for row, (text, at) in enumerate(frame.select("message", "event.ingested").iter_rows())
            if text == "expected" and now is not None and FILTER.in_force(at)
        ]
        texts = enumerate(frame["message"])
        rows = [row for row, text in texts if text in {"bad", "expected"} and (row, 0) not in held]
        return [RowMatch(0, rows, held)] if rows or held else []

    def explain(
        self, pairs: Sequence[tuple[int, int]], frame: pl.DataFrame | None, parts: Sequence[Part] = ()
    ) -> list[tuple[MatchedValue, ...]]:
        assert frame is not None
        return [(MatchedValue("selection", "message", "equals", "bad", frame["message"][row]),) for _, row in pairs]

    def likely(self, records: Sequence[bytes], parts: Sequence[Part], product: str) -> list[int]:
        return []


class Ward:
    """Journal, sinks and a pipeline that can be killed and made anew."""

    def __init__(self) -> None:
        self.detector = BadMessages()
        self.journal, self.store, self.desk = MemoryJournal(), MemoryEventStore(), MemoryDesk({"r1": RULE})

    def log(self, *messages: str, source: str = "app", at: datetime = NOW) -> None:
        records = [json.dumps({"@timestamp": "2026-11-23T01:59:00Z", "message": text}).encode() for text in messages]
        self.journal.append([NewBatch(source, at, JSON, records)])

    def pipeline(self) -> Pipeline:
        def same(frame: pl.DataFrame) -> pl.DataFrame:
            return frame

        stages = Stages(self.detector, same, same, str)
        return Pipeline("ward", self.journal, stages, self.store, self.desk)

    def work(self) -> None:
        pipeline = self.pipeline()
        pipeline.run_dry(lambda: NOW)
        pipeline.close()

    def ids(self) -> list[str]:
        return sorted(str(event["event.id"]) for event in self.store.search(*EVERYTHING, limit=1000).events)


def test_a_line_becomes_an_event_and_an_alert():
    ward = Ward()
    ward.log("fine", "bad")
    ward.work()
    assert ward.ids() == ["ward.app.1", "ward.app.2"]
    alert = ward.desk.alerts(AlertFilter(), Scope()).alerts[0]
    assert (alert.title, alert.count) == ("悪い", 1)
    hit = ward.desk.detail(alert.id, Scope()).hits[0]
    assert (hit.event_id, hit.source, hit.seq) == ("ward.app.2", "app", 2)
    assert hit.matched[0].value == "bad"


def test_hits_are_there_before_the_store_is_flushed():
    ward = Ward()
    ward.log("bad")
    ward.pipeline().step(NOW)
    assert ward.desk.alerts(AlertFilter(), Scope()).total == 1
    assert ward.ids() == []


def test_a_restart_after_the_hits_and_before_the_store_stores_once_and_counts_once():
    ward = Ward()
    ward.log("bad", "fine")
    ward.pipeline().step(NOW)
    ward.work()
    ward.work()
    assert ward.ids() == ["ward.app.1", "ward.app.2"]
    assert ward.desk.alerts(AlertFilter(), Scope()).alerts[0].count == 1


def test_what_filters_suppress_is_counted_once_whatever_restarts():
    ward = Ward()
    ward.log("bad", "expected", "fine", "expected")
    ward.pipeline().step(NOW)
    ward.work()
    ward.log("expected", at=NOW + timedelta(hours=2))
    ward.work()
    ward.work()
    [count] = ward.desk.filter_counts()
    assert (count.filter_id, count.rule_id, count.count, count.first, count.last) == ("f1", "r1", 2, NOW, NOW)
    alert = ward.desk.alerts(AlertFilter(), Scope()).alerts[0]
    assert alert.count == 2, "the bad one, and the one that came when the filter had ended"


class FullStore(MemoryEventStore):
    full = True

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        if self.full:
            raise StoreError("disk full")
        return super().write(frame, positions)


def test_a_full_store_is_an_error_and_nothing_is_lost():
    ward = Ward()
    ward.store = store = FullStore()
    ward.log("bad", "fine")
    with pytest.raises(StoreError):
        ward.work()
    store.full = False
    ward.log("more")
    ward.work()
    assert ward.ids() == ["ward.app.1", "ward.app.2", "ward.app.3"]
    assert ward.desk.alerts(AlertFilter(), Scope()).alerts[0].count == 1


def test_a_write_that_failed_is_told_though_no_more_records_come():
    ward = Ward()
    ward.store = FullStore()
    ward.log("bad")
    pipeline = ward.pipeline()
    pipeline.step(NOW)
    pipeline.flush(NOW)
    pipeline._writer.shutdown(wait=True)  # the write has come to its end
    with pytest.raises(StoreError):
        pipeline.step(NOW)
    pipeline.close()


def test_received_is_stored_and_rejected():
    ward = Ward()
    ward.log("fine")
    ward.journal.append([NewBatch("app", NOW, JSON, [b"{broken"])])
    ward.work()
    ward.work()
    assert ward.journal.heads() == {"app": 2}
    assert ward.desk.tally_positions() == {"app": 2}
    tally = ward.desk.tallies()["app"]
    assert (tally.stored, tally.rejected) == (1, 1)
    assert sum(tally.rejected_reasons.values()) == 1


def test_batches_parsed_together_keep_their_receive_times():
    ward = Ward()
    for second in range(5):
        ward.log("fine", "fine", at=NOW + timedelta(seconds=second))
    ward.work()
    events = ward.store.search(*EVERYTHING, limit=100).events
    times = {event["event.id"]: event["event.ingested"] for event in events}
    assert times["ward.app.1"] == times["ward.app.2"] == NOW
    assert times["ward.app.9"] == NOW + timedelta(seconds=4)


def test_a_worker_takes_only_its_own_sources():
    ward = Ward()
    ward.log("fine", source="one")
    ward.log("fine", source="two")
    pipeline = ward.pipeline()
    pipeline._owns = lambda source: source == "two"
    pipeline.run_dry(lambda: NOW)
    assert ward.ids() == ["ward.two.1"]


class DamagedJournal(MemoryJournal):
    """Records 2 and 3 cannot be read back."""

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        if after in {1, 2}:
            raise DamagedError(Path("segment"), source, 2, 3)
        return [batch for batch in super().read(source, after, 1) if batch.first_seq not in {2, 3}]


def test_damaged_records_are_counted_and_passed_by():
    ward = Ward()
    ward.journal = DamagedJournal()
    for message in ("one", "two", "three", "four"):
        ward.log(message)
    ward.work()
    assert ward.ids() == ["ward.app.1", "ward.app.4"]
    tally = ward.desk.tallies()["app"]
    assert (tally.stored, tally.rejected) == (2, 2)


def test_a_rendered_message_that_repeats_the_fields_is_read_by_rules_and_not_stored():
    flat = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventTime": "2026-11-23 11:00:00"}
    full = {**flat, "CommandLine": "calc", "IntegrityLevel": "High", "Message": "bad"}
    bare = {**flat, "Channel": "Application", "Message": "bad"}
    wanted = frozenset({"message", "winlog.event_data.CommandLine"})
    records = [json.dumps(event).encode() for event in (full, bare)]
    batch = RecordBatch("dc", 1, NOW, Origin("file", "windows_json"), records)
    frame = concat(normalize(batch, "ward", wanted))
    assert frame["message"].to_list() == ["bad", "bad"]
    kept = stored(frame)
    assert kept["message"].to_list() == [None, "bad"]
    assert "winlog.event_data.CommandLine" not in kept.columns
    assert [json.loads(text)["winlog.event_data.IntegrityLevel"] for text in kept["secops.extra"].head(1)] == ["High"]


def test_how_far_a_source_is_says_its_events_and_not_what_could_not_be_read():
    ward = Ward()
    ward.log("fine")
    ward.journal.append([NewBatch("app", NOW, JSON, [b"{broken"])])
    ward.journal.append([NewBatch("broken", NOW, JSON, [b"{broken"])])
    future = json.dumps({"@timestamp": "2030-01-01T00:00:00Z", "message": "x"}).encode()
    ward.journal.append([NewBatch("future", NOW, JSON, [future])])
    ward.work()
    clocks = ward.desk.correlation_clocks()
    assert {source: clock.time for source, clock in clocks.items()} == {
        "app": datetime(2026, 11, 23, 1, 59, tzinfo=UTC),
        "future": NOW,
    }
    assert clocks["app"].received == NOW


def test_what_correlations_get_of_an_event():
    ward = Ward()
    ward.log("fine", "bad")
    ward.detector.correlations = (Correlation("c", "event_count", ("r1",), ("message",), timedelta(minutes=1)),)
    ward.work()
    [found] = ward.desk.correlation_inputs(0, 10)
    assert (found.rule_id, found.event_id, found.source, found.seq) == ("r1", "ward.app.2", "app", 2)
    assert found.values == {"message": ("bad",)}
    assert found.event["message"] == "bad"
