"""Which kinds of events a store has, and with which fields."""

from __future__ import annotations

from datetime import timedelta

from secops.siem.ports import Span
from tests.contract.test_event_store import ALWAYS, NOON, frame, prefix, store  # noqa: F401 - the fixtures of all stores


def test_kinds_are_told_apart_and_counted(store):  # noqa: F811 - the fixture
    store.write(
        frame(
            {"event.code": "1", "winlog.channel": "Security", "process.name": "cmd.exe"},
            {"event.code": "1", "winlog.channel": "Security", "secops.extra": '{"winlog.event_data.A":"x"}'},
            {"event.code": "2", "winlog.channel": "Security", "source.ip": "10.0.0.1"},
        ),
        {"fw": 3},
    )
    one, two = store.seen(ALWAYS, {"winlog.event_data.A"})
    assert (one.values["winlog.channel"], one.values["event.code"], one.count) == ("Security", "1", 2)
    assert (two.values["event.code"], two.count) == ("2", 1)
    assert {"process.name", "winlog.event_data.A", "event.code"} <= one.fields
    assert "source.ip" not in one.fields
    assert "source.ip" in two.fields
    assert "process.name" not in two.fields


def test_only_what_was_received_in_the_span_counts_whatever_its_own_time(store):  # noqa: F811 - the fixture
    store.write(frame({"event.code": "1", "@timestamp": NOON - timedelta(days=900)}), {"fw": 1})
    assert store.seen(Span(until=NOON)) == []
    assert len(store.seen(Span(since=NOON), {"x"})) == 1
    assert store.seen(Span(since=NOON + timedelta(days=1))) == []


def test_an_empty_store_has_seen_nothing(store):  # noqa: F811 - the fixture
    assert store.seen(ALWAYS) == []


def test_a_field_in_one_rare_event_of_many_was_seen(store):  # noqa: F811 - the fixture
    rare = {"event.code": "1", "secops.extra": '{"winlog.event_data.M":"5","winlog.event_data.Rare":"x"}'}
    rows = [{"event.code": "1", "secops.extra": f'{{"winlog.event_data.M":"{number}"}}'} for number in range(3000)]
    store.write(frame(*rows[:1500], rare, *rows[1500:]), {"fw": 3001})
    [found] = store.seen(ALWAYS, {"winlog.event_data.Rare", "winlog.event_data.Never"})
    assert "winlog.event_data.Rare" in found.fields
    assert "winlog.event_data.Never" not in found.fields


def test_of_fields_without_a_column_only_those_that_are_asked_for_are_kept(store):  # noqa: F811 - the fixture
    """However many names a log makes up, no more are held in memory than somebody wants to know of."""
    extra = {"a": 'quote"d', "b": "日本"}
    rows = [{"event.code": "1", "secops.extra": f'{{"made.up.{number}":1}}'} for number in range(500)]
    rows.append({"event.code": "1", "secops.extra": '{"quote\\"d":1,"日本":[1]}'})
    store.write(frame(*rows), {"fw": 501})
    [found] = store.seen(ALWAYS, set(extra.values()))
    assert set(extra.values()) <= found.fields
    assert not any(name.startswith("made.up") for name in found.fields)


def test_kinds_without_some_value_keep_their_own_fields(store):  # noqa: F811 - the fixture
    store.write(
        frame({"secops.extra": '{"x.a":1}'}, {"event.code": "1", "secops.extra": '{"x.b":1}'}),
        {"fw": 2},
    )
    asked = {"x.a", "x.b"}
    assert {kind.values["event.code"]: kind.fields & asked for kind in store.seen(ALWAYS, asked)} == {
        None: {"x.a"}, "1": {"x.b"},
    }  # fmt: skip
