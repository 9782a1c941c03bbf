"""The correlator finds what a full scan of the sorted whole finds, however its inputs come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.siem.detect.correlate import SHOWN, Correlator
from secops.siem.ports import Correlation, CorrelationInput, CorrelationLimits, CorrelationState, Hit, Watermark
from tests.siem.detect.correlation_reference import evaluate

T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LATENESS = timedelta(seconds=20)
SPAN = timedelta(seconds=10)
ALL = Watermark(T0 + timedelta(days=1))
NOTHING = Watermark(T0 - timedelta(days=1))


def item(seq: int, rule: str = "a", at: float = 0, source: str = "s", **values: Any) -> CorrelationInput:
    moment = T0 + timedelta(seconds=at)
    fields = {name: tuple(map(str, v if isinstance(v, list) else [v])) for name, v in values.items() if v is not None}
    return CorrelationInput(rule, f"w.{source}.{seq}", source, seq, moment, moment, "lgwan", fields)


def rule(kind: str = "event_count", *refs: str, **more: Any) -> Correlation:
    options: dict[str, Any] = {"group_by": ("host",), "timespan": SPAN, "conditions": (("gte", "3"),), **more}
    return Correlation("c", kind, refs or ("a",), **options)


def found(step: Any) -> set[tuple[str, str, int]]:
    return {(hit.rule_id, hit.event_id, hit.contributed) for hit in step.hits}


def closing(rules: Correlation | Sequence[Correlation], *inputs: CorrelationInput) -> list[int]:
    """Sequence numbers of the closing events, all at once and settled."""
    each = [rules] if isinstance(rules, Correlation) else rules
    step = Correlator(each).take(inputs, ALL)
    return sorted(hit.seq for hit in step.hits if hit.rule_id == each[-1].rule_id)


# ------------------------------------------------------------------------------------------------------ by example


def test_a_window_ends_at_an_event_and_is_open_at_its_beginning():
    events = [item(n, at=at, host="x") for n, at in enumerate((0, 5, 9.9, 10, 19.9), 1)]
    assert closing(rule(), *events) == [3, 4]
    assert closing(rule(), *(replace(one, time=one.time + one.seq * timedelta(seconds=0.1)) for one in events)) == [4]


def test_groups_are_apart_and_compare_without_case():
    events = [item(1, host="K-1"), item(2, host="k-1"), item(3, host="K-2"), item(4, host="K-1")]
    assert closing(rule(), *events) == [4]


def test_what_lacks_a_group_field_is_counted_and_left_out():
    step = Correlator([rule()]).take([item(1), item(2, host="x"), item(3, host="x"), item(4, host=None)], ALL)
    assert (step.hits, step.state.counts.ungrouped) == ([], {"c": 2})


def test_without_group_by_all_events_are_one_group():
    assert closing(rule(group_by=()), item(1), item(2, host="x"), item(3)) == [3]


def test_an_event_under_two_rules_counts_once():
    both = rule("event_count", "a", "b")
    assert closing(both, item(1, host="x"), item(1, "b", host="x"), item(2, host="x")) == []
    assert closing(
        rule("temporal", "a", "b", conditions=(("gte", "2"),)), item(1, host="x"), item(1, "b", host="x")
    ) == [1]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((("gt", "2"),), [3, 4]),
        ((("gte", "2"), ("lte", "3")), [2, 3]),
        ((("eq", "2"),), [2]),
        ((("neq", "2"),), [1, 3, 4]),
        ((("lt", "2"),), [1]),
        ((("lte", "2"),), [1, 2]),
    ],
)
def test_operators_and_ranges(conditions: Any, expected: list[int]):
    assert closing(rule(conditions=conditions), *(item(n, at=n, host="x") for n in range(1, 5))) == expected


def test_distinct_values_of_one_field_and_of_several():
    events = [item(1, host="x", user="A"), item(2, host="x", user="a"), item(3, host="x", user="b"), item(4, host="x")]
    assert closing(rule("value_count", fields=("user",), conditions=(("gte", "2"),)), *events) == [3, 4]
    pairs = [item(1, host="x", u="a", d="1"), item(2, host="x", u="a", d="2"), item(3, host="x", u="b")]
    assert closing(rule("value_count", fields=("u", "d"), conditions=(("gte", "2"),)), *pairs) == [2, 3]


@pytest.mark.parametrize(
    ("kind", "percentile", "value"),
    [
        ("value_sum", 0, "110.5"),
        ("value_avg", 0, "22.1"),
        ("value_min", 0, "0.5"),
        ("value_max", 0, "100"),
        ("value_median", 0, "3"),
        ("value_percentile", 50, "3"),
        ("value_percentile", 80, "5"),
        ("value_percentile", 81, "100"),
        ("value_percentile", 100, "100"),
    ],
)
def test_numbers(kind: str, percentile: int, value: str):
    events = [item(n, host="x", bytes=v) for n, v in enumerate((0.5, 2, 3, 5, 100, "many"), 1)]
    exact = rule(kind, fields=("bytes",), percentile=percentile, conditions=(("eq", value),))
    assert 6 in closing(exact, *events)


def test_rules_in_any_order_and_in_theirs():
    events = [
        item(1, "b", 1, host="x"),
        item(2, "a", 2, host="x"),
        item(3, "b", 3, host="x"),
        item(4, "b", 13, host="x"),
    ]
    two = (("gte", "2"),)
    assert closing(rule("temporal", "a", "b", conditions=two), *events) == [2, 3]
    assert closing(rule("temporal_ordered", "a", "b", conditions=two), *events) == [3]


def test_order_at_one_time_is_that_of_the_log_and_free_between_sources():
    two = rule("temporal_ordered", "a", "b", conditions=(("gte", "2"),))
    assert closing(two, item(1, "a", host="x"), item(2, "b", host="x")) == [2]
    assert closing(two, item(2, "a", host="x"), item(1, "b", host="x")) == []
    assert closing(two, item(2, "a", host="x"), item(1, "b", source="t", host="x")) == [1]
    assert closing(two, item(1, "a", host="x"), item(1, "b", host="x")) == [], "one event does not follow itself"


def test_a_condition_over_rules():
    tree = ["and", 0, ["not", 1]]
    events = [
        item(1, "a", 1, host="x"),
        item(2, "b", 5, host="x"),
        item(3, "a", 8, host="x"),
        item(4, "a", 16, host="x"),
    ]
    assert closing(rule("temporal", "a", "b", tree=tree, conditions=()), *events) == [1, 4]


def test_aliases_name_the_same_thing_in_different_fields():
    aliases = {"ip": {"a": "src", "b": "dst"}}
    joined = rule("temporal", "a", "b", conditions=(("gte", "2"),), aliases=aliases, group_by=("ip",))
    step = Correlator([joined]).take(
        [item(1, "a", src="10.1.1.1"), item(2, "b", 1, dst="10.1.1.1", src="10.9.9.9")], ALL
    )
    [hit] = step.hits
    assert (hit.record_id, hit.event_id[:6], hit.event["ip"]) == ("w.s.2", "w.s.2+", "10.1.1.1")


def test_a_correlation_of_a_correlation():
    inner = Correlation("many", "event_count", ("a",), ("user",), SPAN, (("gte", "2"),))
    outer = Correlation("then", "temporal_ordered", ("many", "b"), ("user",), SPAN, (("gte", "2"),))
    events = [
        item(1, "a", 1, user="u"),
        item(2, "a", 2, user="u"),
        item(3, "b", 3, user="u"),
        item(4, "b", 3, user="v"),
    ]
    assert closing([inner, outer], *events) == [3]
    assert (
        closing(
            [
                outer,
                inner,
            ][::-1],
            *events[2:],
        )
        == []
    )


def test_the_hit_says_why_and_shows_the_newest_events():
    events = [item(n, at=n / 100, host="X") for n in range(1, SHOWN + 11)]
    hit = Correlator([rule()]).take(events, ALL).hits[-1]
    assert (hit.contributed, len(hit.contributing), hit.contributing[-1].seq) == (SHOWN + 10, SHOWN, SHOWN + 10)
    why = [(m.selection, m.field, m.operator, m.pattern, m.value) for m in hit.matched]
    assert why == [("event_count", "event_count", "gte", "3", str(SHOWN + 10)), ("group-by", "host", "=", "", "X")]


# -------------------------------------------------------------------------------------------- watermark and limits


def test_what_only_grows_is_told_at_once_and_the_rest_when_nothing_can_change_it():
    few = rule(conditions=(("lt", "3"),))
    events = [item(n, at=n, host="x") for n in range(1, 4)]
    assert found(Correlator([rule()]).take(events, NOTHING)) == {("c", "w.s.3", 3)}
    correlator = Correlator([few])
    assert found(correlator.take(events, NOTHING)) == set()
    assert found(correlator.take([], Watermark(T0 + timedelta(seconds=2)))) == {("c", "w.s.1", 1)}
    assert found(correlator.take([], ALL)) == {("c", "w.s.2", 2)}


def test_a_late_event_completes_the_windows_behind_it():
    correlator = Correlator([rule()])
    correlator.take([item(1, at=1, host="x"), item(3, at=3, host="x")], NOTHING)
    assert found(correlator.take([item(2, at=2, host="x")], NOTHING)) == {("c", "w.s.3", 3)}


def test_a_source_that_is_days_late_correlates_with_itself_and_waits_for_itself():
    few = rule(conditions=(("lt", "3"),))
    correlator = Correlator([few])
    mark = Watermark(T0 + timedelta(days=3), {"bundle": T0 - timedelta(seconds=1)})
    assert found(correlator.take([item(1, at=1, source="bundle", host="x")], mark)) == set()
    assert correlator.inputs, "its own watermark has not passed it"
    mark = Watermark(T0 + timedelta(days=3), {"bundle": T0 + timedelta(seconds=60)})
    assert found(correlator.take([], mark)) == {("c", "w.bundle.1", 1)}
    assert not correlator.inputs


def test_late_inputs_are_counted_and_still_used():
    correlator = Correlator([rule()])
    correlator.take([], Watermark(T0 + timedelta(seconds=100)))
    step = correlator.take([item(n, at=n, host="x") for n in range(1, 4)], Watermark(T0 + timedelta(seconds=100)))
    assert step.state.counts.late == {"a": 3}
    assert len(step.hits) == 1


def test_state_is_bounded_and_what_leaves_is_counted():
    limits = CorrelationLimits(inputs=100, group=20)
    correlator = Correlator([rule(timespan=timedelta(hours=1))], limits)
    step = correlator.take([item(n, at=n, host="x") for n in range(60)], NOTHING)
    assert len(correlator.inputs) <= 20
    assert step.state.counts.evicted["a"] + len(correlator.inputs) == 60
    correlator.take([item(1000 + n, at=n, host=f"h{n}") for n in range(300)], NOTHING)
    assert len(correlator.inputs) <= 100
    assert correlator.state.counts.evicted["a"] + len(correlator.inputs) == 360


def test_what_was_received_lately_is_kept_whatever_its_time():
    correlator = Correlator([rule()])
    old = replace(item(1, host="x"), received=T0 + timedelta(days=2))
    correlator.take([old], Watermark(T0 + timedelta(days=1), grace=T0 + timedelta(days=2, seconds=-1)))
    assert correlator.inputs
    correlator.take([], Watermark(T0 + timedelta(days=1), grace=T0 + timedelta(days=2)))
    assert not correlator.inputs


# --------------------------------------------------------------------------------------------------- by property

KINDS = st.sampled_from(
    ["event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile",
     "value_median", "value_min", "value_max"]
)  # fmt: skip
CONDITIONS = st.lists(
    st.tuples(st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), st.integers(0, 4).map(str)),
    min_size=1,
    max_size=2,
).map(tuple)


@st.composite
def rulebooks(draw: st.DrawFn) -> list[Correlation]:
    def one(rule_id: str, *refs: str) -> Correlation:
        kind = draw(KINDS)
        tree = draw(st.sampled_from([None, ["or", 0, 1], ["and", 0, ["not", 1]]])) if kind == "temporal" else None
        return Correlation(
            rule_id,
            kind,
            refs,
            draw(st.sampled_from([(), ("g",), ("g", "v")])),
            timedelta(seconds=draw(st.integers(1, 12))),
            draw(CONDITIONS),
            fields=draw(st.sampled_from([("v",), ("v", "g")])) if kind == "value_count" else ("v",),
            percentile=draw(st.integers(1, 100)),
            tree=tree,
        )

    return [one("c1", "a", "b"), one("c2", "c1", "b"), one("c3", "a", "c2")]


@st.composite
def traffic(draw: st.DrawFn) -> list[CorrelationInput]:
    """Inputs of two sources as they come: none older than the newest of its source by the lateness."""
    inputs: list[CorrelationInput] = []
    newest = {"s": 0, "t": 0}
    for seq in range(draw(st.integers(0, 25))):
        source = draw(st.sampled_from(["s", "t"]))
        at = newest[source] + draw(st.integers(-int(LATENESS.total_seconds()), 6))
        newest[source] = max(newest[source], at)
        values = {
            "g": draw(st.sampled_from([None, "x", "y"])),
            "v": draw(st.sampled_from([None, "1", "2", ["3", "z"]])),
        }
        under = draw(st.sampled_from([("a",), ("b",), ("a", "b")]))
        inputs += [item(seq, rule_id, at, source, **values) for rule_id in under]
    return inputs


def restarted(correlator: Correlator, rules: list[Correlation]) -> Correlator:
    """The same, from what it kept, in another order."""
    kept = list(correlator.inputs.values())[::-1]
    return Correlator(rules, kept=kept, state=correlator.state)


@settings(max_examples=300, deadline=None)
@given(rulebooks(), traffic(), st.data())
def test_any_batches_any_order_within_the_lateness_and_any_restart_find_the_same(
    rules: list[Correlation], inputs: list[CorrelationInput], data: st.DataObject
):
    correlator = Correlator(rules)
    newest = {"s": T0, "t": T0}
    hits: dict[tuple[str, str], Hit] = {}
    left = list(inputs)
    while left:
        size = data.draw(st.integers(1, len(left)))
        batch, left = left[:size], left[size:]
        for one in batch:
            newest[one.source] = max(newest[one.source], one.time)
        own = {source: moment - LATENESS for source, moment in newest.items()}
        step = correlator.take(batch, Watermark(min(own.values()), own))
        assert not step.state.counts.late
        hits.update({(hit.rule_id, hit.event_id): hit for hit in step.hits})
        if data.draw(st.booleans()):
            correlator = restarted(correlator, rules)
    hits.update({(hit.rule_id, hit.event_id): hit for hit in correlator.take([], ALL).hits})
    assert {(hit.rule_id, hit.event_id, hit.contributed) for hit in hits.values()} == evaluate(rules, inputs)
    assert not correlator.inputs, "nothing is kept for ever"


def test_the_state_it_puts_away_is_the_state_it_takes_up():
    step = Correlator([rule()], state=CorrelationState(watermark=T0)).take([item(1, at=-5, host="x")], NOTHING, 7)
    assert (step.state.cursor, step.state.watermark, step.state.counts.late) == (7, T0, {"a": 1})
