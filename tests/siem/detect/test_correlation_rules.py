"""Correlation documents: what they resolve to, and every mistake with its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.ports import Correlation, Rule

MAP = """
logsources:
  - {product: win, where: {event.module: win, event.code: '1'}, fields: {User: user.name, Ip: source.ip}}
  - {product: win, where: {event.module: win, event.code: '2'}, fields: {User: [user.id, user.name], Ip: source.ip}}
  - {product: fw, where: {event.module: fw}, fields: {src: source.ip}}
"""
BASE = """title: Failed
id: 00000000-0000-4000-8000-00000000000a
name: failed
logsource: {product: win}
detection: {s: {User: '*'}, condition: s}
---
title: Passed
id: 00000000-0000-4000-8000-00000000000b
name: passed
logsource: {product: fw}
detection: {s: {src: '*'}, condition: s}
"""
FAILED, PASSED = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def document(number: int = 1, **fields: Any) -> str:
    parts: dict[str, str | None] = {
        "type": "event_count",
        "rules": "failed",
        "group-by": "User",
        "timespan": "10m",
        "condition": "{gte: 5}",
    }
    parts |= {name.replace("_", "-"): text for name, text in fields.items()}
    inner = "\n".join(f"  {name}: {text}" for name, text in parts.items() if text is not None)
    return f"title: C{number}\nid: c{number}\nname: corr{number}\nlevel: high\ncorrelation:\n{inner}\n"


def book(*documents: str, disabled: dict[str, str] | None = None) -> SigmaDetector:
    files = [("base.yml", BASE), *((f"c{number}.yml", text) for number, text in enumerate(documents, 1))]
    return load_detector(files, MAP, disabled=disabled)


def ruled(engine: SigmaDetector) -> dict[str, Rule]:
    return {rule.id: rule for rule in engine.rules}


def only(*documents: str) -> Correlation:
    engine = book(*documents)
    assert list(engine.problems) == []
    return engine.correlations[-1]


def test_references_by_name_and_by_id():
    for ref in ("failed", FAILED, FAILED.upper()):
        found = only(document(rules=f"[{ref}]"))
        assert (found.refs, found.group_by, found.timespan) == ((FAILED,), ("User",), timedelta(minutes=10))
    assert only(document()).conditions == (("gte", "5"),)


def test_several_documents_in_one_file_may_come_in_any_order():
    engine = load_detector([("all.yml", document() + "---\n" + BASE)], MAP)
    assert [rule.active for rule in engine.rules] == [True, True, True]
    assert engine.correlations[0].refs == (FAILED,)


def test_a_base_rule_is_silent_unless_generate_says_otherwise():
    quiet, loud = ruled(book(document())), ruled(book(document(generate="true")))
    assert (quiet[FAILED].alerts, quiet[PASSED].alerts, loud[FAILED].alerts) == (False, True, True)
    assert (quiet["c1"].kind, quiet["c1"].group_by) == ("correlation", ("User",))
    off = ruled(book(document(), disabled={"c1": "うるさい"}))
    assert off[FAILED].alerts, "a correlation that is switched off silences nobody"


def test_a_correlation_of_a_rule_that_is_off_is_off_and_says_so():
    rules = ruled(book(document(), document(2, rules="[corr1]"), disabled={FAILED: "x"}))
    assert not rules["c1"].active
    assert not rules["c2"].active
    assert "Failed" in rules["c1"].reason


def test_values_are_those_of_the_logsource_the_event_is_of():
    engine = book(document(rules="[failed]", type="value_count", condition="{field: Ip, gte: 3}"))
    one = {"event.module": "win", "event.code": "1", "user.name": "u", "user.id": "7", "source.ip": ["a", "b"]}
    assert engine.correlated(0, one) == {"User": ("u",), "Ip": ("a", "b")}
    assert engine.correlated(0, {**one, "event.code": "2"}) == {"User": ("7",), "Ip": ("a", "b")}
    assert engine.correlated(0, {"event.module": "win", "event.code": "1"}) == {}
    assert engine.correlated(1, one) is None
    assert {"source.ip", "user.id", "user.name"} <= engine.reads


def test_fields_are_asked_for_through_correlations_and_aliases():
    aliases = "{ip: {corr1: User, passed: src}}"
    outer = document(2, type="temporal", rules="[corr1, passed]", group_by="ip", aliases=aliases, condition=None)
    engine = book(document(group_by="[User]"), outer)
    assert list(engine.problems) == []
    assert engine.correlations[1].aliases == {"ip": {"c1": "User", PASSED: "src"}}
    assert engine.correlations[1].conditions == (("gte", "2"),)
    assert engine.correlated(1, {"event.module": "fw", "source.ip": "x"}) == {"src": ("x",)}


def test_conditions_over_rules():
    both: dict[str, Any] = {"group_by": None, "rules": "[failed, passed]", "type": "temporal"}
    assert only(document(condition="failed AND NOT passed", **both)).tree == ["and", 0, ["not", 1]]
    assert only(document(condition="passed or failed", **{**both, "rules": None})).refs == (PASSED, FAILED)
    ordered = only(document(condition="passed and failed", **{**both, "type": "temporal_ordered"}))
    assert (ordered.refs, ordered.tree, ordered.conditions) == ((PASSED, FAILED), None, (("gte", "2"),))


def test_ranges_and_units():
    found = only(document(condition="{gt: 1, lte: 2.5}", timespan="2w"))
    assert (found.conditions, found.timespan) == ((("gt", "1"), ("lte", "2.5")), timedelta(weeks=2))


@pytest.mark.parametrize(
    ("fields", "line", "word"),
    [
        ({"type": "event_sum"}, 6, "event_sum"),
        ({"rules": "[nobody]"}, 7, "nobody"),
        ({"rules": "[failed, failed]"}, 7, "2 回"),
        ({"rules": "[]"}, 7, "rules"),
        ({"group_by": "{a: b}"}, 8, "group-by"),
        ({"group_by": "Unknown"}, 8, "Unknown"),
        ({"timespan": "10 minutes"}, 9, "10 minutes"),
        ({"timespan": "0m"}, 9, "0m"),
        ({"condition": None}, 5, "condition"),
        ({"condition": "{gte: many}"}, 10, "gte"),
        ({"condition": "{gte: 1, max: 3}"}, 10, "max"),
        ({"condition": "{field: User}"}, 10, "gte"),
        ({"condition": "failed and"}, 10, "condition"),
        ({"type": "value_count"}, 10, "field"),
        ({"type": "value_sum", "condition": "{field: [a, b], gte: 1}"}, 10, "1 つ"),
        ({"type": "value_percentile", "condition": "{field: Ip, gte: 1}"}, 10, "percentile"),
        ({"type": "temporal", "condition": "failed and (passed"}, 10, "condition"),
        ({"type": "temporal", "condition": "failed and passed"}, 10, "passed"),
        ({"type": "temporal_ordered", "rules": "[failed, passed]", "condition": "failed or passed"}, 10, "and"),
        ({"generate": "maybe"}, 11, "generate"),
        ({"aliases": "{x: y}"}, 11, "aliases"),
        ({"aliases": "{x: {passed: src}}"}, 11, "passed"),
        ({"group_bye": "x"}, 11, "group-bye"),
    ],
)
def test_mistakes_have_a_line(fields: dict[str, Any], line: int, word: str):
    engine = book(document(**fields))
    assert not ruled(engine)["c1"].active
    assert (f"c1.yml:{line}", True) in {(problem.where, word in problem.what) for problem in engine.problems}
    assert [rule.active for rule in engine.rules[:2]] == [True, True]


def test_a_circle_is_told_for_each_of_its_rules():
    engine = book(document(1, rules="[corr2]"), document(2, rules="[corr1]"))
    assert {problem.where for problem in engine.problems} == {"c1.yml:7", "c2.yml:7"}
    assert list(engine.correlations) == []


def test_a_name_that_two_rules_have_must_be_an_id():
    engine = load_detector([("a.yml", BASE), ("b.yml", BASE.replace("0000a", "0000c").replace("0000b", "0000d")),
                            ("c.yml", document())], MAP)  # fmt: skip
    [problem] = engine.problems
    assert (problem.where, "2" in problem.what) == ("c.yml:7", True)


def test_not_even_a_map():
    engine = load_detector([("c.yml", "title: x\ncorrelation: yes\n")], MAP)
    assert [problem.where for problem in engine.problems][:1] == ["c.yml:2"]


def test_the_cache_keeps_them(tmp_path: Path):
    files = [("base.yml", BASE), ("c.yml", document())]
    first, second = (load_detector(files, MAP, tmp_path) for _ in range(2))
    assert first.correlations == second.correlations
    assert list(first.rules) == list(second.rules)
