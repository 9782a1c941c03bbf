"""The lake's SQL against the reference evaluator: random trees over random events, every answer the same."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.errors import QueryError
from secops.query.evaluate import check, matches
from secops.query.fields import Kind, kind, text_of, values
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text, Wild
from secops.schema.ecs import COLUMNS, dtype
from secops.schema.frame import EXTRA
from secops.schema.text import fold
from secops.siem.ports import Question, Scope, Span
from secops.store.events.lake import Lake
from secops.store.events.rows import events
from secops.store.events.several import one_by_one

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WORDS = st.one_of(
    st.sampled_from(
        ["", "a", "A", "Ａ", "ab", "aB", "a%b", "a_b", "\\", "\\\\", '"', "'", "[1]", "{}", "ß", "SS", "ﬁ", "ｶﾞ", "ガ"]
    ),
    st.sampled_from(
        ["İ", "Ꭰ", "ς", "①", "1", "１", "12", "1.5", "-3", "true", "\x00", "\n", "\x1f", "\\u0041", "/", "null"]
    ),
    st.sampled_from(["10.0.0.1", "10.0.0.01", "::1", "FE80::1", "1::2::3", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4"]),
    st.sampled_from(["が", "9999999999999999999"]),
    st.text(max_size=6),
)
NUMBERS = st.one_of(st.integers(-5, 20), st.integers(-(2**63), 2**63 - 1))
SCALARS = st.one_of(
    WORDS, NUMBERS, st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False), st.just(0.5)
)
TYPED: dict[str, st.SearchStrategy[Any]] = {
    "process.name": WORDS,
    "event.code": WORDS,
    "host.ip": st.lists(WORDS, max_size=3),
    "related.user": st.lists(st.one_of(WORDS, st.none()), max_size=3),
    "source.ip": WORDS,
    "source.port": NUMBERS,
    "labels.off_hours": st.booleans(),
    "event.created": st.integers(0, 5).map(lambda n: NOON + timedelta(minutes=n)),
}
OTHER = ["x", "a.b", "a b", "項目", "it's", "é/ü"]
EXTRAS = st.dictionaries(st.sampled_from(OTHER), st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.just({"k": "a"})))
EVENTS = st.lists(
    st.fixed_dictionaries({}, optional={**TYPED, EXTRA: EXTRAS.map(lambda fields: orjson.dumps(fields).decode())}),
    min_size=1,
    max_size=12,
)
FIELDS = st.sampled_from([*TYPED, *OTHER, "missing"])
MOMENTS = st.integers(-1, 6).map(lambda n: (NOON + timedelta(minutes=n)).isoformat())
BOUNDS = st.one_of(NUMBERS.map(str), st.sampled_from(["1.5", "10.0.0.0", "10.0.0.255", "::", "fe80::ffff"]), MOMENTS)
LEAVES = st.one_of(
    st.builds(Term, FIELDS, st.one_of(WORDS, MOMENTS, NUMBERS.map(str))),
    st.builds(
        Like, FIELDS, st.lists(st.one_of(WORDS, st.builds(Wild, st.booleans())), min_size=1, max_size=4).map(tuple)
    ),
    st.builds(Between, FIELDS, st.one_of(BOUNDS, st.none()), BOUNDS, st.booleans(), st.booleans()),
    st.builds(Between, FIELDS, BOUNDS, st.none(), st.booleans()),
    st.builds(Exists, FIELDS),
    st.builds(Term, st.just("event.dataset"), st.sampled_from(["d0", "Ｄ1", "d2"])),  # by which files are left out
    st.builds(Text, WORDS),
    st.builds(All),
)


def _able(node: Node) -> bool:
    try:
        check(node)
    except QueryError:
        return False
    return True


TREES = st.recursive(
    LEAVES.filter(_able),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


COLUMNS_ASKED = ("process.name", "source.ip")


def as_frame(made: list[dict[str, Any]], first: int) -> pl.DataFrame:
    rows = [
        {
            "@timestamp": NOON,
            "event.id": f"s.a.{first + at}",
            "event.sequence": first + at,
            "event.ingested": NOON,
            "event.kind": "event",
            "event.module": "m",
            "event.dataset": f"d{at % 2}",
            "labels.source": "a",
            **event,
        }
        for at, event in enumerate(made)
    ]
    names = dict.fromkeys([*rows[0], *TYPED, EXTRA])
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema={name: dtype(name) for name in names}
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def about(event: dict[str, Any]) -> Iterator[Node]:
    """Queries that are likely to find the event, or nearly so: a random tree seldom does."""
    for field in event.keys() & {*TYPED, *OTHER}:
        yield Exists(field)
        for value in values(event, field):
            text = text_of(value)
            if text is None:
                continue
            for form in (text, text.swapcase(), fold(text), unicodedata.normalize("NFD", text)):
                yield Term(field, form)
                yield Text(form)
                yield Like(field, (form[:1], Wild(many=True), form[-1:]))
                yield Like(field, (Wild(many=False), form[1:]))
            yield Between(field, text, None)
            yield Between(field, None, text, high_inclusive=False)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(made=EVENTS, trees=st.lists(TREES, max_size=4), data=st.data())
def test_the_lake_answers_like_the_evaluator(folder, made, trees, data):
    # One lake for all examples: each adds its events under new ids and looks at those only.
    lake = Lake(folder, threads=1)
    try:
        first = lake.positions().get("a", 0) + 1
        frame = as_frame(made, first)
        lake.write(frame, {"a": first + len(made) - 1})
        ours = Between("event.sequence", str(first), None)
        expected = events(frame)
        near = [node for event in expected for node in about(event) if _able(node)]
        if near:
            trees = [*trees, *data.draw(st.lists(st.sampled_from(near), max_size=12))]
        for tree in trees:
            found = lake.search(And((ours, tree)), Span(), Scope(), newest_first=False)
            wanted = sorted(event["event.id"] for event in expected if matches(tree, event))
            assert sorted(event["event.id"] for event in found.events) == wanted, tree
        asked = [
            Question(
                tree, seconds=60 * (at % 3), fields=COLUMNS_ASKED[: at % 3], limit=1 + at, since=(NOON, None)[at % 2]
            )
            for at, tree in enumerate(trees)
        ]
        assert lake.several(ours, asked, Span(), Scope()) == list(one_by_one(lake, ours, asked, Span(), Scope()))
        everything = lake.search(ours, Span(), Scope(), newest_first=False)
        assert sorted(everything.events, key=lambda event: event["event.sequence"]) == expected
    finally:
        lake.close()


def test_kinds_are_all_drawn():
    assert {kind(field) for field in TYPED} == {kind(column) for column in COLUMNS}
    assert {Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.IP} == {kind(column) for column in COLUMNS}
