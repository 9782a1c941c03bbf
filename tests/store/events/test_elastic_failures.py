"""Elasticsearch slow, full, gone, or with a mapping that somebody else made: nothing is lost and nothing is twice."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from secops.errors import AwayError, ConflictError, StoreError
from secops.query.tree import All, Exists, Like, Term, Text, Wild
from secops.schema.frame import EXTRA, PIPELINE_ERROR
from secops.siem.ports import Scope, Span
from secops.store.events.elastic_server import Server
from tests import elastic
from tests.contract.test_event_store import ALWAYS, EVERYONE, NOON, frame

needed = elastic.needed
DAY = (NOON + timedelta(minutes=1)).strftime("%Y-%m-%d")


@pytest.fixture(scope="module")
def server():
    made = Server(elastic.access())
    yield made
    made.close()


@pytest.fixture
def prefix():
    with elastic.own_prefix() as made:
        yield made


@needed
def test_one_bad_document_takes_no_other_with_it_and_is_kept_in_a_reduced_form(server, prefix):
    """An index that was there before ours has its own idea of a field: the event is kept as text, with the reason."""
    server.ask(
        "PUT",
        f"/{prefix}-test.log-none-{DAY}-g1",
        {"mappings": {"properties": {"process.name": {"type": "long"}, "event.id": {"type": "keyword"}}}},
    )
    store = elastic.store(prefix)
    store.positions()
    assert (
        store.write(frame({"process.name": "4"}, {"process.name": "cmd.exe", EXTRA: '{"a":"ß"}'}, {}), {"fw": 3}) == 3
    )
    stats = store.stats()
    assert (stats.rows, stats.refused) == (3, 1)
    event = store.get("ward.fw.2", EVERYONE)
    assert event
    assert event["event.kind"] == PIPELINE_ERROR
    assert "process.name" in event["error.message"]
    assert json.loads(event["event.original"])["process.name"] == "cmd.exe"
    assert json.loads(event["event.original"])["a"] == "ß"
    assert store.positions() == {"fw": 3}
    store.close()


@needed
def test_what_its_index_refuses_in_every_form_is_parked_and_found(server, prefix):
    server.ask(
        "PUT", f"/{prefix}-test.log-none-{DAY}-g1", {"mappings": {"properties": {"labels.source": {"type": "long"}}}}
    )
    store = elastic.store(prefix)
    store.write(frame({"message": "hello"}, {}), {"fw": 2})
    assert store.stats().refused == 2
    found = store.search(All(), ALWAYS, EVERYONE, newest_first=False)
    assert [event["labels.source"] for event in found.events] == ["fw", "fw"]
    assert '"message":"hello"' in found.events[0]["event.original"]
    with pytest.raises(StoreError, match=f"{prefix}-test.log"):  # half an answer is none, and says whose fault it is
        store.count(Term("labels.source", "fw"), ALWAYS, EVERYONE)
    store.close()


@needed
def test_a_read_only_index_is_waited_for_and_nothing_is_committed_meanwhile(server, prefix):
    store = elastic.store(prefix, patience=0.3)
    store.write(frame({}), {"fw": 1})
    index = f"/{prefix}-test.log-none-{DAY}-g1/_settings"
    server.ask("PUT", index, {"index.blocks.read_only_allow_delete": True})
    with pytest.raises(AwayError, match="書き込みを受け付けません"):
        store.write(frame({}, {}), {"fw": 2})
    assert store.positions() == {"fw": 1}
    assert store.count(All(), ALWAYS, EVERYONE) == 1
    server.ask("PUT", index, {"index.blocks.read_only_allow_delete": None})
    assert store.write(frame({}, {}), {"fw": 2}) == 1
    assert store.count(All(), ALWAYS, EVERYONE) == 2
    store.close()


@needed
def test_long_values_are_cut_counted_and_whole_for_the_reader(prefix):
    long = "C:\\" + "Ａ" * 9_000 + ".exe"
    store = elastic.store(prefix)
    store.write(frame({"process.name": long, EXTRA: json.dumps({"k": "x" * 9_000, "n" * 600: "odd"})}, {}), {"fw": 2})
    assert store.stats().cut == 1
    found = store.search(Like("process.name", ("c:\\aa", Wild(many=True))), ALWAYS, EVERYONE)
    assert [event["process.name"] for event in found.events] == [long]
    assert found.events[0]["k"] == "x" * 9_000
    assert store.count(Term("process.name", "c:\\" + "a" * 7_497), ALWAYS, EVERYONE) == 0
    assert store.count(Like("k", ("x", Wild(many=True))), ALWAYS, EVERYONE) == 1
    assert store.count(Text("odd"), ALWAYS, EVERYONE) == 1
    assert store.count(Exists("k"), ALWAYS, EVERYONE) == 1
    store.close()


@needed
def test_another_site_is_refused_the_prefix(prefix):
    ours = elastic.store(prefix)
    ours.write(frame({}), {"fw": 1})
    other = elastic.store(prefix, site="other")
    with pytest.raises(ConflictError, match="ward"):
        other.write(frame({}), {"fw": 1})
    ours.close()
    other.close()


@needed
def test_generations_do_not_see_each_other_and_one_is_removed_alone(prefix):
    one, two = elastic.store(prefix, "g1"), elastic.store(prefix, "g11")
    one.write(frame({}), {"fw": 1})
    two.write(frame({}, {}), {"fw": 2})
    assert (one.stats().rows, two.stats().rows) == (1, 2)
    one.drop()
    assert (one.positions(), two.positions()) == ({}, {"fw": 2})
    assert two.count(All(), Span(), Scope()) == 2
    [copied] = two.frames()
    assert copied["event.id"].to_list() == ["ward.fw.1", "ward.fw.2"]
    one.close()
    two.close()


@needed
def test_the_largest_patterns_that_are_let_through_are_answered(prefix):
    store = elastic.store(prefix)
    store.write(frame({"process.name": "a" * 300 + "b"}), {"fw": 1})
    many = Wild(many=True)
    for query in (
        Text("a" * 200),
        Like("process.name", (many, "a" * 200, many)),
        Like("process.name", (many, "a", *[Wild(many=False)] * 8, "b")),
        Text("".join(chr(0x4E00 + at) for at in range(998))),
        Like("x", tuple(part for at in range(10) for part in (many, f"part{at}" * 4))),
    ):
        store.count(query, ALWAYS, EVERYONE)
    store.close()


@needed
def test_nested_conditions_and_many_words_are_answered(prefix):
    from secops.query.fields import EVENTS
    from secops.query.parse import MAX_DEPTH, parse

    store = elastic.store(prefix)
    store.write(frame({"process.name": "a"}), {"fw": 1})
    nested = "Image:10.0.0.0/8"
    for level in range(MAX_DEPTH // 2 - 2):
        nested = f"({nested} {'AND' if level % 2 else 'OR'} NOT process.name:x{level})"
    for text in (nested, " OR ".join(f"word{at}" for at in range(EVENTS.conditions // 5))):
        store.count(parse(text, NOON), ALWAYS, EVERYONE)
    store.close()


class _Busy(BaseHTTPRequestHandler):
    """A server that says 429 for a while, then does what an empty Elasticsearch does."""

    protocol_version = "HTTP/1.1"
    refusals = 0

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        cls = type(self)
        busy = cls.refusals > 0
        cls.refusals -= busy
        body = json.dumps(
            {"error": {"type": "es_rejected", "reason": "queue full"}} if busy else {"_source": {}}
        ).encode()
        self.send_response(429 if busy else 200)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 - the names of the base class

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def busy():
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Busy)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


def test_a_full_queue_is_waited_for_and_then_said(busy):
    server = Server(elastic.access(busy, patience=5))
    _Busy.refusals = 3
    assert server.patiently(lambda: server.ask("GET", "/x/_doc/y")) == {"_source": {}}
    _Busy.refusals = 1
    with pytest.raises(AwayError, match="queue full"):
        server.ask("GET", "/x")
    server.close()


def test_where_nobody_listens_it_is_away_not_broken():
    store = elastic.store("t", url="http://127.0.0.1:9", patience=0.2)
    for call in (store.positions, store.stats, store.probe, lambda: store.write(frame({}), {"fw": 1})):
        with pytest.raises(AwayError, match=r"127\.0\.0\.1:9"):
            call()
    with pytest.raises(StoreError):
        store.search(All(), ALWAYS, EVERYONE)
    store.close()
