"""Which kinds of events a store has, and with which fields."""

from __future__ import annotations

from datetime import timedelta

from secops.siem.ports import Span
from tests.contract.test_event_store import ALWAYS, NOON, frame, store  # noqa: F401 - the fixture of both stores


def test_kinds_are_told_apart_and_counted(store):  # noqa: F811 - the fixture
    store.write(
        frame(
            {"event.code": "1", "winlog.channel": "Security", "process.name": "cmd.exe"},
            {"event.code": "1", "winlog.channel": "Security", "secops.extra": '{"winlog.event_data.A":"x"}'},
            {"event.code": "2", "winlog.channel": "Security", "source.ip": "10.0.0.1"},
        ),
        {"fw": 3},
    )
    one, two = store.seen(ALWAYS)
    assert (one.values["winlog.channel"], one.values["event.code"], one.count) == ("Security", "1", 2)
    assert (two.values["event.code"], two.count) == ("2", 1)
    assert {"process.name", "winlog.event_data.A", "event.code"} <= one.fields
    assert "source.ip" not in one.fields
    assert "source.ip" in two.fields
    assert "process.name" not in two.fields


def test_only_what_was_received_in_the_span_counts_whatever_its_own_time(store):  # noqa: F811 - the fixture
    store.write(frame({"event.code": "1", "@timestamp": NOON - timedelta(days=900)}), {"fw": 1})
    assert store.seen(Span(until=NOON)) == []
    assert len(store.seen(Span(since=NOON))) == 1
    assert store.seen(Span(since=NOON + timedelta(days=1))) == []


def test_an_empty_store_has_seen_nothing(store):  # noqa: F811 - the fixture
    assert store.seen(ALWAYS) == []
