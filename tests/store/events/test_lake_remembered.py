"""What the lake remembers: never other than what it would find, never for other eyes, never longer than its files."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from secops.query.tree import All, Node, Or, Term, Text
from secops.schema.ecs import dtype
from secops.siem.ports import Place, Scope, Span
from secops.store.events import lake_reading
from secops.store.events.engine import Engine
from secops.store.events.lake import Lake
from secops.store.events.remembered import Remembered, key_of

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
EVERYONE = Scope()
LGWAN, INTERNET = Scope(frozenset({"lgwan"})), Scope(frozenset({"internet"}))
HOST = Term("host.name", "pc-1")


def batch(first: int, minutes: Sequence[float], **columns: Sequence[str | None]) -> pl.DataFrame:
    """Events at minutes after noon."""
    count = len(minutes)
    at = [NOON + timedelta(minutes=one) for one in minutes]
    values = {
        "@timestamp": at,
        "event.id": [f"s.fw.{first + nth}" for nth in range(count)],
        "event.sequence": list(range(first, first + count)),
        "event.ingested": at,
        "event.kind": ["event"] * count,
        "event.module": ["m"] * count,
        "event.dataset": ["test.log"] * count,
        "labels.source": ["fw"] * count,
        "labels.zone": ["lgwan" if nth % 2 else "internet" for nth in range(count)],
        "host.name": [f"pc-{nth % 3}" for nth in range(count)],
        **columns,
    }
    return pl.DataFrame(values, schema={name: dtype(name) for name in values})


class Counting:
    """Stands between a lake and DuckDB and counts what is asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asked: list[tuple[str, Any]] = []

    def ask(self, sql, params):
        self.asked.append((sql, params))
        return self.engine.ask(sql, params)

    def close(self):
        self.engine.close()


@pytest.fixture
def lake(tmp_path):
    made = Lake(tmp_path / "lake", threads=1)
    made.write(batch(1, range(10)), {"fw": 10})
    made.write(batch(11, range(10, 20)), {"fw": 20})
    made._engine = Counting(made._asked())  # type: ignore[assignment]  # stands in its place
    yield made
    made.close()


def everything(lake: Lake, query: Node, scope: Scope, span: Span = Span()):
    """All that the pages ask."""
    near = lake.nearby(query, [HOST], NOON + timedelta(minutes=9), span, scope, limit=6, fields={"event.id"})
    return (
        lake.search(query, span, scope, limit=5),
        lake.search(query, span, scope, limit=5, newest_first=False),
        near,
        lake.count(query, span, scope),
        lake.histogram(query, span, scope, 300),
        lake.tally(query, span, scope, ["host.name"]),
        lake.arrivals(span, scope, 300),
    )


def test_what_was_asked_before_is_answered_without_asking_again(lake):
    first = everything(lake, HOST, EVERYONE)
    asked = len(lake._engine.asked)
    assert asked > 5
    assert everything(lake, HOST, EVERYONE) == first
    assert len(lake._engine.asked) == asked


def test_one_engine_is_started_however_many_ask_first(tmp_path):
    lake = Lake(tmp_path / "fresh", threads=1)
    together = threading.Barrier(6)

    def ask(_nth: int) -> Engine:
        together.wait()
        return lake._asked()

    with ThreadPoolExecutor(6) as pool:
        assert len({id(engine) for engine in pool.map(ask, range(6))}) == 1
    lake.close()


def test_what_was_written_since_is_found(lake):
    before = everything(lake, HOST, EVERYONE)
    lake.write(batch(21, [4.5, 9.5, 19.5], **{"host.name": ["pc-1"] * 3}), {"fw": 23})
    after = everything(lake, HOST, EVERYONE)
    assert after[0].total == before[0].total + 3
    assert after[0].events[0]["event.id"] == "s.fw.23"
    assert [after[2].total, after[2].counts, after[3]] == [
        before[2].total + 3,
        [before[2].counts[0] + 3],
        before[3] + 3,
    ]
    assert sum(n for _at, n in after[4]) == sum(n for _at, n in before[4]) + 3
    assert after == everything(Lake(lake._table.folder.parent, threads=1), HOST, EVERYONE)


def test_what_is_found_for_one_reader_is_not_found_for_another(lake):
    whole = everything(lake, HOST, EVERYONE)
    inside, outside = everything(lake, HOST, LGWAN), everything(lake, HOST, INTERNET)
    assert inside[0].total + outside[0].total == whole[0].total
    assert inside[3] + outside[3] == whole[3]
    assert {one["labels.zone"] for one in inside[0].events} == {"lgwan"}
    assert everything(lake, HOST, Scope(frozenset()))[0] == lake.search(HOST, Span(), Scope(frozenset()))
    assert everything(lake, HOST, Scope(frozenset()))[3] == 0


def test_only_files_that_are_new_are_counted_again(lake):
    lake.count(HOST, Span(), EVERYONE)
    lake.write(batch(21, [30, 31]), {"fw": 22})
    lake._engine.asked.clear()
    assert lake.count(HOST, Span(NOON, NOON + timedelta(hours=1)), EVERYONE) == 7
    assert [len(params["files"]) for _sql, params in lake._engine.asked] == [1]


def test_a_file_that_the_span_cuts_is_counted_each_time(lake):
    assert lake.count(All(), Span(), EVERYONE) == 20
    assert lake.count(All(), Span(NOON + timedelta(minutes=5), NOON + timedelta(minutes=15)), EVERYONE) == 10
    assert lake.count(All(), Span(NOON, NOON + timedelta(minutes=19)), EVERYONE) == 19  # the end is outside
    assert lake.count(All(), Span(NOON + timedelta(microseconds=1)), EVERYONE) == 19


def test_answers_go_with_their_files(lake):
    everything(lake, HOST, EVERYONE)
    assert lake.retain(NOON + timedelta(minutes=10)) == 10
    assert lake.count(HOST, Span(), EVERYONE) == 3
    live = {file.path for file in lake._table.files()}
    assert all(files <= live for _answer, files, _size in lake._remembered._kept.values())
    assert everything(lake, HOST, EVERYONE) == everything(Lake(lake._table.folder.parent, threads=1), HOST, EVERYONE)


def test_merged_files_give_the_same_answers(lake):
    for first in range(21, 61, 10):
        lake.write(batch(first, range(first, first + 10)), {"fw": first + 9})
    before = everything(lake, HOST, EVERYONE)
    assert lake.compact()["merged"] > 1
    assert everything(lake, HOST, EVERYONE) == before


def test_a_column_that_no_file_has_is_an_absent_value(lake):
    assert lake.count(Term("url.full", "x"), Span(), EVERYONE) == 0
    assert lake.tally(All(), Span(), EVERYONE, ["url.domain"]) == [((None,), 20)]
    lake.write(batch(21, [1], **{"url.full": ["x"]}), {"fw": 21})
    assert lake.search(Term("url.full", "x"), Span(), EVERYONE).total == 1
    assert lake.search(Or((Term("url.full", "x"), HOST)), Span(), EVERYONE).total == 7


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_where_rows_are_many_the_page_is_the_same(tmp_path, monkeypatch, newest_first, seed):
    dice = random.Random(seed)
    lake = Lake(tmp_path / "lake", threads=1)
    first = 1
    for _file in range(8):  # files whose times overlap, touch and lie apart
        begin, count = dice.choice([0, 5, 20, 40]), dice.randrange(1, 9)
        minutes = [begin + dice.randrange(6) for _ in range(count)]
        lake.write(batch(first, minutes, message=[dice.choice(["a", "b"]) for _ in minutes]), {"fw": first + count})
        first += count
    ask: list[tuple[Node, Span, dict[str, Any]]] = [
        (query, span, {"limit": limit, "offset": offset})
        for query in (All(), HOST, Text("a"), Term("host.name", "nobody"))
        for span in (Span(), Span(NOON + timedelta(minutes=3), NOON + timedelta(minutes=22)))
        for limit, offset in ((0, 0), (1, 0), (3, 2), (50, 0))
    ]

    def pages() -> list[list[str]]:
        """Each query's rows by turning pages of two, and their total."""
        told = []
        for query, span, _page in ask[::4]:
            after, seen = None, []
            while True:
                found = lake.search(query, span, EVERYONE, limit=2, newest_first=newest_first, after=after)
                if not found.events:
                    break
                seen += [one["event.id"] for one in found.events]
                after = Place(found.events[-1]["@timestamp"], seen[-1])
            told.append([*seen, str(found.total)])
        return told

    def answers():
        return [lake.search(query, span, EVERYONE, newest_first=newest_first, **page) for query, span, page in ask]

    plain = answers(), pages()
    monkeypatch.setattr(lake_reading, "MANY_ROWS", 0)
    lake._remembered.only_of([])
    assert (answers(), pages()) == plain
    assert (answers(), pages()) == plain  # and from what is remembered
    assert any(len(one) > 3 for one in plain[1])
    lake.close()


def test_what_is_used_least_lately_is_given_up_first():
    kept = Remembered(most=100, largest=60)
    keys = [key_of(nth) for nth in range(4)]
    kept.put(keys[0], "a", ["f"], 50)
    kept.put(keys[1], "b", ["f"], 50)
    assert kept.get(keys[0]) == "a"
    kept.put(keys[2], "c", ["g"], 50)
    assert [kept.get(key) for key in keys] == ["a", None, "c", None]
    kept.put(keys[3], "too large", ["f"], 61)
    assert kept.get(keys[3]) is None
    kept.only_of(["g"])
    assert [kept.get(key) for key in keys] == [None, None, "c", None]
    kept.put(keys[2], "d", ["g"], 20)
    assert (kept.get(keys[2]), len(kept)) == ("d", 1)


def test_keys_tell_apart_what_is_not_the_same():
    parts = [("a", 1), ("a", "1"), ("a", True), ("a1",), ("a", None), (("a",), 1)]
    assert all(one != two for one, two in pairwise(sorted(key_of(*part) for part in parts)))
