"""What every event store does, by `secops.siem.ports.EventStore`; the one in memory shows the meaning."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from secops.errors import QueryError, StoreError
from secops.query.tree import All, And, Between, Exists, Like, Not, Or, Term, Text, Wild
from secops.schema.ecs import dtype
from secops.schema.frame import EXTRA
from secops.siem.ports import Answer, EventStore, Nearby, Place, Question, Scope, Span
from secops.store.events.elastic import ElasticStore
from secops.store.events.lake import Lake
from tests import elastic

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
EVERYONE = Scope()
ALWAYS = Span()
ANY = Wild(many=True)
ONE = Wild(many=False)
GENERATIONS = count(1)


def memory_store() -> EventStore:
    path = Path(__file__).parent.parent / "fakes" / "event_store.py"
    spec = importlib.util.spec_from_file_location("fake_event_store", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: EventStore = module.MemoryEventStore()
    return made


@pytest.fixture(scope="module")
def prefix():
    with elastic.own_prefix() as made:
        yield made


@pytest.fixture(params=["memory", "lake", pytest.param("elastic", marks=elastic.needed)])
def store(request, tmp_path):
    if request.param == "elastic":
        # A generation a test: its indices are made anew, the template and the prefix are those of the module.
        made: EventStore = elastic.store(request.getfixturevalue("prefix"), f"g{next(GENERATIONS)}")
    else:
        made = memory_store() if request.param == "memory" else Lake(tmp_path / "lake", threads=1)
    yield made
    if isinstance(made, ElasticStore):
        made.drop()
    made.close()


def frame(*events: dict[str, Any], source: str = "fw", first: int = 1) -> pl.DataFrame:
    """Events one minute apart; what a test does not say is ordinary."""
    rows = []
    for at, event in enumerate(events):
        seq = first + at
        moment = NOON + timedelta(minutes=seq)
        rows.append(
            {
                "@timestamp": moment,
                "event.id": f"ward.{source}.{seq}",
                "event.sequence": seq,
                "event.ingested": moment + timedelta(seconds=2),
                "event.kind": "event",
                "event.module": "test",
                "event.dataset": "test.log",
                "labels.source": source,
                **event,
            }
        )
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names},
        schema={name: dtype(name) for name in names},
    )


def ids(store: EventStore, query, span=ALWAYS, scope=EVERYONE) -> list[int]:
    found = store.search(query, span, scope, newest_first=False)
    assert store.count(query, span, scope) == found.total
    return [event["event.sequence"] for event in found.events]


def test_what_is_staged_is_there_when_it_is_taken_and_only_once(store):
    rows = frame({"message": "one"}, {"message": "two"}, {"message": "three"})
    store.write(rows.head(1), {"fw": 1})
    staged = store.stage(rows, {"fw": 1})
    assert ids(store, All()) == [1]
    store.take(staged, {"fw": 3})
    assert ids(store, All()) == [1, 2, 3]
    assert store.positions() == {"fw": 3}
    with pytest.raises(StoreError):
        store.take(staged, {"fw": 3})
    store.take([], {"mail": 7})
    assert store.write(rows, {"fw": 3}) == 0
    assert ids(store, All()) == [1, 2, 3]
    assert store.positions() == {"fw": 3, "mail": 7}


def test_rows_come_back_as_they_went_in(store):
    event = {
        "process.name": "C:\\業務\\Ｊｕｋｉ.exe",
        "host.ip": ["10.0.0.1", "fe80::1"],
        "source.port": 5,
        EXTRA: '{"winlog.event_data.Keys":["a",1],"x":null,"n":1.5,"t":true}',
        "other.column": "dropped",
    }
    assert store.write(frame(event), {"fw": 1}) == 1
    (found,) = store.search(All(), ALWAYS, EVERYONE).events
    assert found == {
        "@timestamp": NOON + timedelta(minutes=1),
        "event.id": "ward.fw.1",
        "event.sequence": 1,
        "event.ingested": NOON + timedelta(minutes=1, seconds=2),
        "event.kind": "event",
        "event.module": "test",
        "event.dataset": "test.log",
        "labels.source": "fw",
        "process.name": "C:\\業務\\Ｊｕｋｉ.exe",
        "host.ip": ["10.0.0.1", "fe80::1"],
        "source.port": 5,
        "winlog.event_data.Keys": ["a", 1],
        "n": 1.5,
        "t": True,
    }
    assert store.get("ward.fw.1", EVERYONE) == found


def test_a_repeated_write_changes_nothing(store):
    rows = frame({}, {}, {})
    assert store.write(rows, {"fw": 3}) == 3
    assert store.write(rows, {"fw": 3}) == 0
    assert store.write(frame({}, {}, first=3), {"fw": 4}) == 1
    assert ids(store, All()) == [1, 2, 3, 4]
    assert store.positions() == {"fw": 4}


def test_a_position_is_never_lowered(store):
    store.write(frame({}, {}), {"fw": 2})
    assert store.write(frame({}), {"fw": 1}) == 0
    assert store.positions() == {"fw": 2}


def test_a_position_moves_without_rows(store):
    store.write(frame({}).clear(), {"fw": 9, "dns": 3})
    assert store.positions() == {"fw": 9, "dns": 3}


def test_sources_do_not_disturb_each_other(store):
    store.write(pl.concat([frame({}), frame({}, source="dns")]), {"fw": 1, "dns": 1})
    store.write(pl.concat([frame({}, {}), frame({}, source="dns")]), {"fw": 2, "dns": 1})
    assert sorted(event["event.id"] for event in store.search(All(), ALWAYS, EVERYONE).events) == [
        "ward.dns.1",
        "ward.fw.1",
        "ward.fw.2",
    ]


def test_order_limit_and_offset(store):
    store.write(frame(*[{}] * 10), {"fw": 10})
    newest = store.search(All(), ALWAYS, EVERYONE, limit=3)
    assert [event["event.sequence"] for event in newest.events] == [10, 9, 8]
    assert newest.total == 10
    page = store.search(All(), ALWAYS, EVERYONE, limit=3, offset=8, newest_first=False)
    assert [event["event.sequence"] for event in page.events] == [9, 10]
    assert store.search(All(), ALWAYS, EVERYONE, limit=0).total == 10


def test_events_of_one_moment_are_ordered_by_id(store):
    store.write(frame(*[{"@timestamp": NOON}] * 3), {"fw": 3})
    assert ids(store, All()) == [1, 2, 3]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_by_their_last_row_hold_every_event_once(store, newest_first):
    store.write(frame(*[{"@timestamp": NOON + timedelta(seconds=at // 4)} for at in range(11)]), {"fw": 11})
    seen: list[tuple[datetime, str]] = []
    after = None
    while found := store.search(All(), ALWAYS, EVERYONE, limit=3, newest_first=newest_first, after=after).events:
        if not seen:  # what comes meanwhile moves nothing: it stands ahead of all, or last
            store.write(frame({"@timestamp": NOON + timedelta(seconds=9)}, first=12), {"fw": 12})
        seen += [(event["@timestamp"], event["event.id"]) for event in found]
        after = Place(*seen[-1])
    assert seen == sorted(seen, reverse=newest_first)
    assert len(set(seen)) == len(seen) == (11 if newest_first else 12)
    assert store.search(All(), ALWAYS, EVERYONE, after=after).total == 12


HOST_OR_USER = Or((Term("host.name", "sv"), Term("user.name", "u")))


def around_noon(store: EventStore, limit: int, scope: Scope = EVERYONE, span: Span = ALWAYS):
    """Ten events before and ten from 03:11 on, every other one of the host, every fifth of the user."""
    rows = [
        {
            "host.name": "sv" if at % 2 else "pc",
            "user.name": "u" if at % 5 == 0 else "v",
            "labels.zone": "lgwan" if at < 15 else "internet",
            "message": "left out",
        }
        for at in range(1, 21)
    ]
    store.write(frame(*rows), {"fw": 20})
    terms = HOST_OR_USER.parts
    fields = {"@timestamp", "event.id", "event.sequence", "host.name", "url.full"}
    centre = NOON + timedelta(minutes=11)
    found = store.nearby(HOST_OR_USER, terms, centre, span, scope, limit=limit, fields=fields)
    return [one["event.sequence"] for one in found.events], found


def test_what_is_near_a_moment_is_all_where_it_fits(store):
    near, found = around_noon(store, 20)
    assert near == [1, 3, 5, 7, 9, 10, 11, 13, 15, 17, 19, 20]
    assert (found.total, list(found.counts)) == (12, [10, 4])
    assert set(found.events[0]) == {"@timestamp", "event.id", "event.sequence", "host.name"}


def test_of_more_than_fits_the_nearest_of_both_sides_are_shown_and_all_are_counted(store):
    near, found = around_noon(store, 5)
    assert near == [9, 10, 11, 13, 15]
    assert (found.total, list(found.counts)) == (12, [10, 4])


def test_what_one_side_of_a_moment_lacks_the_other_gives(store):
    near, found = around_noon(store, 8, span=Span(None, NOON + timedelta(minutes=14)))
    assert near == [1, 3, 5, 7, 9, 10, 11, 13]
    near, found = around_noon(store, 6, span=Span(None, NOON + timedelta(minutes=14)))
    assert near == [5, 7, 9, 10, 11, 13]
    assert (found.total, list(found.counts)) == (8, [7, 2])


def test_what_is_near_is_counted_and_shown_within_the_scope(store):
    near, found = around_noon(store, 20, Scope(frozenset({"internet"})))
    assert near == [15, 17, 19, 20]
    assert (found.total, list(found.counts)) == (4, [3, 2])


def test_what_is_near_where_nothing_is(store):
    assert around_noon(store, 20, Scope(frozenset({"mynumber"})))[1] == Nearby([], 0, [0, 0])


def test_tallies_are_exact_and_the_largest_first(store):
    flows = ["a>b", "a>b", None, "c>d", "a>b", "b>a"]
    store.write(
        frame(*[{"labels.flow": flow, "labels.flow_verdict": "allowed", "labels.zone": "lgwan"} for flow in flows]),
        {"fw": 6},
    )
    fields = ("labels.flow", "labels.flow_verdict")
    assert store.tally(All(), ALWAYS, EVERYONE, fields) == [
        (("a>b", "allowed"), 3),
        (("b>a", "allowed"), 1),
        (("c>d", "allowed"), 1),
        ((None, "allowed"), 1),
    ]
    assert store.tally(Exists("labels.flow"), ALWAYS, EVERYONE, fields[:1], limit=1) == [(("a>b",), 3)]
    assert store.tally(All(), ALWAYS, Scope(zones=frozenset({"internet"})), fields) == []
    ips = [{"source.ip": ip} for ip in ("10.0.0.1", "10.0.0.1", "2001:db8::1", None)]
    store.write(frame(*ips, source="net"), {"net": 4})
    assert store.tally(Exists("source.ip"), ALWAYS, EVERYONE, ["source.ip"]) == [
        (("10.0.0.1",), 2),
        (("2001:db8::1",), 1),
    ]
    for field in ("source.port", "host.ip", "winlog.event_data.Image"):
        with pytest.raises(QueryError):
            store.tally(All(), ALWAYS, EVERYONE, [field])


def test_several_questions_get_the_answers_that_each_would_get(store):
    store.write(
        frame(
            {"host.name": "a", "user.name": "x", "labels.zone": "lgwan"},
            {"host.name": "a", "user.name": "y", "event.dataset": "Other.Log"},
            {"host.name": "b", EXTRA: '{"winlog.event_data.LogonType":"2"}'},
            {"host.name": "c", "labels.zone": "internet"},
        ),
        {"fw": 4},
    )
    minute = timedelta(minutes=1)
    asked = [
        Question(All()),
        Question(Term("event.dataset", "OTHER.log"), seconds=60),
        Question(Or((Term("host.name", "A"), Term("host.name", "b"))), fields=("host.name", "user.name"), limit=2),
        Question(Term("winlog.event_data.LogonType", "2"), seconds=3600, since=NOON + 3 * minute),
        Question(All(), since=NOON + 4 * minute, fields=("labels.zone",)),
        Question(Term("host.name", "nobody"), seconds=60, fields=("host.name",)),
    ]
    common = Not(Term("host.name", "c"))
    assert list(store.several(common, asked, ALWAYS, EVERYONE)) == [
        Answer(3),
        Answer(1, [(NOON + 2 * minute, 1)]),
        Answer(3, (), [(("a", "x"), 1), (("a", "y"), 1)]),
        Answer(1, [(NOON, 1)]),
        Answer(0),
        Answer(0),
    ]
    seen = store.several(common, asked[:1], Span(NOON + minute), Scope(zones=frozenset({"lgwan", "internet"})))
    assert [one.count for one in seen] == [1]
    assert list(store.several(All(), [], ALWAYS, EVERYONE)) == []
    with pytest.raises(QueryError):
        store.several(All(), [Question(All(), fields=("source.port",))], ALWAYS, EVERYONE)
    with pytest.raises(QueryError):
        store.several(All(), [Question(Like("source.port", (ANY,)))], ALWAYS, EVERYONE)


def test_arrivals_count_by_source_and_time_of_receipt(store):
    store.write(frame(*[{"@timestamp": NOON - timedelta(days=9), "labels.zone": "lgwan"}] * 3), {"fw": 3})
    store.write(frame({}, source="web"), {"web": 1})
    minute = timedelta(minutes=1)
    assert store.arrivals(Span(NOON), EVERYONE, 120) == {
        "fw": [(NOON, 1), (NOON + 2 * minute, 2)],
        "web": [(NOON, 1)],
    }
    assert store.arrivals(Span(NOON + 3 * minute), EVERYONE, 60) == {"fw": [(NOON + 3 * minute, 1)]}
    assert list(store.arrivals(Span(NOON), Scope(zones=frozenset({"lgwan"})), 60)) == ["fw"]


def test_a_span_is_half_open(store):
    store.write(frame({}, {}, {}), {"fw": 3})
    first = NOON + timedelta(minutes=1)
    assert ids(store, All(), Span(first, first + timedelta(minutes=1))) == [1]
    assert ids(store, All(), Span(since=first + timedelta(minutes=2))) == [3]
    assert ids(store, All(), Span(until=first)) == []


QUERIES = [
    (Term("process.name", "powershell.exe"), [1, 2]),
    (Term("process.name", "ＰＯＷＥＲＳＨＥＬＬ.EXE"), [1, 2]),
    (Term("process.name", "power"), []),
    (Term("host.ip", "10.1.2.3"), [3]),
    (Term("destination.port", "443"), [3]),
    (Term("labels.off_hours", "true"), [1]),
    (Term("winlog.event_data.LogonType", "3"), [1, 2]),
    (Term("winlog.event_data.Keys", "監査"), [1]),
    (Term("winlog.event_data.Keys", "ß"), []),
    (Term("nowhere", "3"), []),
    (Like("process.command_line", (ANY, "100%_", ANY)), [2]),
    (Like("process.command_line", ("a", ONE, "c")), [1]),
    (Like("winlog.event_data.Target", (ANY, "\\services\\", ANY)), [1]),
    (Between("destination.port", "1", "443"), [3]),
    (Between("destination.port", "443", None, low_inclusive=False), []),
    (Between("event.code", "4000", "5000"), [1]),
    (Between("source.ip", "10.0.0.0", "10.255.255.255"), [3]),
    (Between("host.ip", "fe80::", "fe80::ffff"), [3]),
    (Between("winlog.event_data.LogonType", "2", "3"), [1, 2]),
    (Between("event.ingested", "2026-11-23T03:02:00+00:00", None), [2, 3]),
    (Exists("process.name"), [1, 2]),
    (Exists("winlog.event_data.LogonType"), [1, 2]),
    (Exists("winlog.event_data.Empty"), []),
    (Not(Exists("process.name")), [3]),
    (Not(Term("process.name", "powershell.exe")), [3]),
    (And((Exists("process.name"), Not(Term("labels.off_hours", "true")))), [2]),
    (Or((Term("destination.port", "443"), Term("event.code", "4624"))), [1, 3]),
    (And(()), [1, 2, 3]),
    (Or(()), []),
    (Text("ﾊﾝｺｰﾄﾞ"), [2]),
    (Text("POWERSHELL"), [1, 2]),
    (Text("services\\bam"), [1]),
    (Text("LogonType"), []),
    (Text("443"), [3]),
    (Text('say "hi"'), [2]),
    (Text("a\x1fb"), []),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=str)
def test_queries(store, query, expected):
    store.write(
        frame(
            {
                "process.name": "PowerShell.exe",
                "process.command_line": "aＢc",
                "event.code": "4624",
                "labels.off_hours": True,
                EXTRA: r'{"winlog.event_data.LogonType":"3","winlog.event_data.Keys":["監査","x"],'
                r'"winlog.event_data.Target":"HKLM\\Services\\bam","winlog.event_data.Empty":[]}',
            },
            {
                "process.name": "ＰｏｗｅｒShell.exe",
                "process.command_line": 'say "hi" 100%_ ハンコード',
                EXTRA: '{"winlog.event_data.LogonType":3,"winlog.event_data.Empty":null}',
            },
            {"source.ip": "10.1.2.3", "host.ip": ["10.1.2.3", "fe80::1"], "destination.port": 443},
        ),
        {"fw": 3},
    )
    assert ids(store, query) == expected


@pytest.mark.parametrize(
    "query",
    [Term("destination.port", "https"), Like("destination.port", ("4", ANY)), Between("process.name", "a", "b")],
    ids=str,
)
def test_what_no_store_can_answer_is_refused(store, query):
    with pytest.raises(QueryError):
        store.count(query, ALWAYS, EVERYONE)


def test_scope_holds_for_every_read(store):
    store.write(
        frame({"labels.zone": "lgwan", "labels.department": "税務課"}, {"labels.zone": "internet"}, {}), {"fw": 3}
    )
    lgwan = Scope(zones=frozenset({"lgwan"}))
    assert ids(store, All(), scope=lgwan) == [1]
    assert ids(store, Not(Term("labels.zone", "lgwan")), scope=lgwan) == []
    assert ids(store, All(), scope=Scope(departments=frozenset({"税務課"}))) == [1]
    assert ids(store, All(), scope=Scope(zones=frozenset())) == []
    assert [n for _bucket, n in store.histogram(All(), ALWAYS, lgwan, 60)] == [1]
    assert store.get("ward.fw.1", lgwan) is not None
    assert store.get("ward.fw.2", lgwan) is None
    assert store.get("ward.fw.3", lgwan) is None


def test_get_finds_only_what_exists(store):
    store.write(frame({}), {"fw": 1})
    for event_id in ("ward.fw.2", "ward.x.1", "fw.1", "", "a.b.c", "ward.fw.1'"):
        assert store.get(event_id, EVERYONE) is None


def test_histogram_counts_by_bucket(store):
    store.write(frame(*[{}] * 5), {"fw": 5})
    assert store.histogram(All(), ALWAYS, EVERYONE, 120) == [
        (NOON, 1),
        (NOON + timedelta(minutes=2), 2),
        (NOON + timedelta(minutes=4), 2),
    ]


def test_stats(store):
    assert store.stats().rows == 0
    assert store.stats().oldest is None
    store.write(frame({}, {}), {"fw": 2})
    stats = store.stats()
    assert (stats.rows, stats.oldest, stats.newest) == (2, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2))


def test_retention_removes_by_receive_time(store):
    store.write(frame({}, {}, {}), {"fw": 3})
    store.write(frame({}, first=4), {"fw": 4})
    assert store.retain(NOON) == 0
    assert store.retain(NOON + timedelta(minutes=2)) == 1
    assert ids(store, All()) == [2, 3, 4]
    assert store.retain(NOON + timedelta(days=1)) == 3
    assert ids(store, All()) == []
    assert store.positions() == {"fw": 4}


def test_compaction_changes_no_answer(store):
    for at in range(1, 9):
        store.write(
            frame({"process.name": f"p{at}" if at % 2 else None, EXTRA: f'{{"x{at}":1}}'}, first=at), {"fw": at}
        )
    before = store.search(All(), ALWAYS, EVERYONE).events
    store.compact()
    assert store.search(All(), ALWAYS, EVERYONE).events == before
    assert ids(store, Exists("x3")) == [3]
    assert store.positions() == {"fw": 8}


def test_an_empty_store_answers(store):
    assert store.search(Text("x"), ALWAYS, EVERYONE).total == 0
    assert store.get("ward.fw.1", EVERYONE) is None
    assert store.histogram(All(), ALWAYS, EVERYONE, 60) == []
    assert store.retain(NOON) == 0
