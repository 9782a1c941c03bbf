"""Elasticsearch's answers against the reference evaluator: random trees over random events, every answer the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.query.evaluate import matches
from secops.query.tree import And, Between
from secops.siem.ports import Scope, Span
from secops.store.events.rows import events
from tests import elastic
from tests.store.events.test_lake_oracle import EVENTS, TREES, _able, about, as_frame

pytestmark = elastic.needed


@pytest.fixture(scope="module")
def prefix():
    with elastic.own_prefix() as made:
        yield made


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=EVENTS, trees=st.lists(TREES, max_size=4), data=st.data())
def test_elasticsearch_answers_like_the_evaluator(prefix, made, trees, data):
    # One generation for all examples: each adds its events under new ids and looks at those only.
    store = elastic.store(prefix)
    try:
        first = store.positions().get("a", 0) + 1
        frame = as_frame(made, first)
        store.write(frame, {"a": first + len(made) - 1})
        ours = Between("event.sequence", str(first), None)
        expected = events(frame)
        near = [node for event in expected for node in about(event) if _able(node)]
        if near:
            trees = [*trees, *data.draw(st.lists(st.sampled_from(near), max_size=12))]
        for tree in trees:
            found = store.search(And((ours, tree)), Span(), Scope(), newest_first=False)
            wanted = sorted(event["event.id"] for event in expected if matches(tree, event))
            assert sorted(event["event.id"] for event in found.events) == wanted, tree
        everything = store.search(ours, Span(), Scope(), newest_first=False)
        assert sorted(everything.events, key=lambda event: event["event.sequence"]) == expected
    finally:
        store.close()
