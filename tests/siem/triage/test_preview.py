"""The preview of an exception says what the engine would do: each case is put before both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.schema.severity import Severity
from secops.schema.text import MASK
from secops.siem.detect import load_detector
from secops.siem.ports import Hit, KeptHit, State, Verdict
from secops.siem.triage.exemption import document
from secops.siem.triage.preview import choices, hides, preview
from secops.siem.triage.protection import alert_of_changes
from tests.examples import examples
from tests.siem.detect.cases import ANYTHING, frame

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RULE = """title: Anything
id: 11111111-1111-4111-8111-111111111111
logsource: {product: any}
detection:
  s: {Value|exists: true}
  condition: s
level: high
"""
ALERT = replace(alert_of_changes(7, NOW), rule_id="11111111-1111-4111-8111-111111111111")


def hits_of(events: list[dict[str, Any]]) -> list[Hit]:
    """What is kept of the events once the rule met them."""
    engine = load_detector([("r.yml", RULE)], ANYTHING)
    table = frame(*events)
    pairs = [(match.rule, row) for match in engine.match(table, now=NOW) for row in match.rows]
    kept = [
        Hit(ALERT.rule_id, Severity.HIGH, str(row), "s", row, NOW, NOW, "", events[row], tuple(why))
        for (_rule, row), why in zip(pairs, engine.explain(pairs, table), strict=True)
    ]
    assert len(kept) == len(events)
    return kept


def hidden_by_the_engine(events: list[dict[str, Any]], chosen: dict[str, list[str]]) -> list[bool]:
    engine = load_detector([("r.yml", RULE)], ANYTHING)
    rule = next(rule for rule in engine.rules if rule.id == ALERT.rule_id)
    _number, text = document(ALERT, rule, chosen, owner="課", reason="許可済み", expires=date(2099, 3, 31))
    engine = load_detector([("r.yml", RULE), ("f.yml", text)], ANYTHING)
    assert engine.problems == []
    [match] = engine.match(frame(*events), now=NOW)
    return [row not in match.rows for row in range(len(events))]


CASES = [
    ("powershell.exe", "PowerShell.EXE"),
    ("Ａ", "a"),
    ("Ａ", "ａ"),
    ("ß", "SS"),
    ("İ", "i"),
    ("K", "k"),  # the sign of the Kelvin
    ("c:\\a*b", "c:\\axb"),
    ("c:\\\\x", "c:\\x"),
    ("a?", "ab"),
    (["a", "b"], ["b", "c"]),
    (["a", "b"], "b"),
    (True, "true"),
    (False, True),
    (5, "5"),
    (5, 50),
    (0.5, "0.5"),
    (443, ["80", "443"]),
    (" a", "a"),
    ("a\nb", "a b"),
    ("ガ", "ガ"),
    ("x" * 400, "x" * 401),
]


@pytest.mark.parametrize(("here", "there"), CASES)
def test_the_preview_says_of_each_value_what_the_engine_does(here, there):
    events = [
        {"Value": here, "host.name": "K-1"},
        {"Value": there, "host.name": "k-1"},
        {"Value": "z", "host.name": "L"},
    ]
    hits = hits_of(events)
    chosen = choices(hits[:1], ("host.name",))
    for names in (["Value"], ["host.name"], ["Value", "host.name"]):
        some = {name: chosen[name] for name in names}
        assert [hides(hit, some) for hit in hits] == hidden_by_the_engine(events, some), some


VALUES = st.one_of(
    st.sampled_from(["a", "A", "Ａ", "ａ", "*", "?", "\\", "\\*", "ß", "SS", "ſ", "s", " ", "5"]),
    st.integers(0, 9),
    st.booleans(),
)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.one_of(VALUES, st.lists(VALUES, min_size=1, max_size=3)), min_size=2, max_size=5))
def test_the_preview_and_the_engine_agree_on_any_values(values):
    events = [{"Value": value} for value in values]
    hits = hits_of(events)
    chosen = choices(hits[:1], ())
    if not chosen:
        return
    assert [bool(hides(hit, chosen)) for hit in hits] == hidden_by_the_engine(events, chosen)


def test_of_a_hit_without_the_field_nobody_can_say():
    [hit] = hits_of([{"Value": "a"}])
    assert hides(hit, {"user.name": ["b"]}) is None
    assert hides(hit, {"user.name": ["b"], "Value": ["other"]}) is False
    found = preview([KeptHit(1, State.OPEN, None, hit)], {"user.name": ["b"]})
    assert (found.unknown, found.hidden, found.whole) == (1, 0, set())


@pytest.mark.parametrize("value", [f"no {MASK}", "x" * 2000])
def test_what_is_masked_or_cut_is_no_value_to_name(value):
    hits = hits_of([{"Value": value, "host.name": "K-1"}])
    assert choices(hits, ("host.name",)) == {"host.name": ["K-1"]}
    assert hides(hits[0], {"Value": ["a"]}) is None


def test_incidents_and_open_alerts_among_what_would_be_hidden_are_named():
    hit, other = hits_of([{"Value": "a"}, {"Value": "b"}])
    kept = [
        KeptHit(1, State.CLOSED, Verdict.TRUE_POSITIVE, hit),
        KeptHit(2, State.OPEN, None, hit),
        KeptHit(2, State.OPEN, None, other),
        KeptHit(3, State.OPEN, None, None),
    ]
    found = preview(kept, {"Value": ["a"]})
    assert (found.looked, found.hidden, found.unknown) == (4, 2, 1)
    assert (found.incidents, found.waiting, found.whole) == ({1}, {2}, {1})
