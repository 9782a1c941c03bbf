"""The draft of an exception is a filter that suppresses exactly these hits once a person has filled it in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.schema.severity import Severity
from secops.siem.detect import load_detector
from secops.siem.ports import Hit, MatchedValue
from secops.siem.triage.exemption import draft
from secops.siem.triage.protection import alert_of_changes

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ANYTHING = "logsources: [{product: any, prefixes: ['']}]"
RULE = """title: "It's a rule: with signs"
id: 11111111-1111-4111-8111-111111111111
logsource: {product: any}
detection:
  s: {Value|re: '(?s).*'}
  condition: s
level: high
"""
ALERT = replace(alert_of_changes(7, NOW), rule_id="11111111-1111-4111-8111-111111111111")
TEXT = st.text(
    st.one_of(st.sampled_from("\\*?'\"# :\n\t\u2028\x85\x7f{}[]&%@`|>-,"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=12,
)


def hit(value: str, **event: str) -> Hit:
    why = (MatchedValue("s", "Value", "re", "(?s).*", value),)
    return Hit(ALERT.rule_id, Severity.HIGH, "e", "s", 1, NOW, NOW, "", event, why)


def filled(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith(("  owner", "  reason", "  expires"))]
    return "\n".join([*lines, "  owner: 課", "  reason: 許可済み", "  expires: 2099-03-31", ""])


def rule_in(engine):
    return next(rule for rule in engine.rules if rule.id == ALERT.rule_id)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3, unique_by=str.casefold), TEXT)
def test_whatever_the_values_are_the_filter_means_them_and_nothing_else(values, other):
    rule = rule_in(load_detector([("r.yml", RULE)], ANYTHING))
    text = filled(draft(ALERT, rule, [hit(value) for value in values]))
    engine = load_detector([("r.yml", RULE), ("f.yml", text)], ANYTHING)
    assert engine.problems == []
    table = pl.DataFrame({"event.kind": ["event"] * (len(values) + 1), "Value": [*values, other]})
    [match] = engine.match(table, now=NOW)
    same = other.casefold() in {value.casefold() for value in values}
    gone = [row for row, _filter in match.filtered]
    assert gone == list(range(len(values) + same))


def test_it_is_narrow_and_suppresses_nothing_before_it_is_filled_in():
    rule = rule_in(load_detector([("r.yml", RULE)], ANYTHING))
    hits = [hit(f"v{number}", **{"host.name": "K-1", "user.name": "taro"}) for number in range(9)]
    text = draft(ALERT, rule, hits)
    document = yaml.safe_load(text)
    assert document["filter"]["expected"] == {"host.name": "K-1", "user.name": "taro"}, "nine values say too little"
    assert document["filter"]["condition"] == "not expected"
    engine = load_detector([("r.yml", RULE), ("f.yml", text)], ANYTHING)
    assert engine.filters[0].problem
    assert {problem.what.split()[0] for problem in engine.problems} == {
        "secops.owner",
        "secops.reason",
        "secops.expires",
    }
    assert "除外したいもの" in draft(ALERT, rule, [])
