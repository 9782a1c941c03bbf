"""Rules that cannot run are kept, with the reason and the line; the others run."""

from __future__ import annotations

import pytest

from secops.errors import RuleError
from secops.siem.detect import load_detector
from secops.siem.detect.specs import required_literals
from tests.siem.detect.cases import ANYTHING, rule_file

GOOD = {"selection": {"Image": "x"}, "condition": "selection"}


def test_broken_rules_are_listed_and_the_others_run():
    files = [
        rule_file(0, GOOD),
        ("rules/yaml.yml", "title: x\n  bad: [\n"),
        rule_file(2, {"selection": {"Image|re": "(?=look)ahead"}, "condition": "selection"}),
        rule_file(3, {"selection": {"Image|re": "("}, "condition": "selection"}),
        rule_file(4, {"selection": {"Image|nosuch": "x"}, "condition": "selection"}),
        rule_file(5, {"selection": {"Image|expand": "%admins%"}, "condition": "selection"}),
        rule_file(6, {"selection": {"Image": "x"}, "condition": "1 of other_*"}),
        rule_file(7, GOOD, logsource={"product": "toaster"}),
        ("rules/again.yml", rule_file(0, GOOD)[1]),
        ("rules/list.yml", "- a\n- b\n"),
        ("rules/corr.yml", "title: c\ncorrelation: {type: event_count}\n"),
    ]
    engine = load_detector(files, ANYTHING)
    assert [rule.active for rule in engine.rules] == [True] + [False] * 10
    assert all(rule.reason for rule in engine.rules if not rule.active)
    where = {problem.where.split(":")[0] for problem in engine.problems}
    assert {"rules/yaml.yml", "rules/2.yml", "rules/3.yml", "rules/4.yml", "rules/again.yml"} <= where


def test_a_problem_names_the_line():
    text = """title: Line
id: 00000000-0000-4000-8000-000000000001
level: tall
logsource: {product: any}
detection:
  selection:
    Image|endswith: x
    CommandLine|nosuch: y
  condition: selection
"""
    engine = load_detector([("r.yml", text)], ANYTHING)
    assert {problem.where for problem in engine.problems} == {"r.yml:3", "r.yml:8"}


def test_own_fields_reach_the_rule():
    more = {
        "secops": {
            "title_ja": "題",
            "clauses": ["mic-2025-03-6.1-6"],
            "next_steps": ["見る"],
            "group_by": ["host.name"],
        }
    }
    [rule] = load_detector([rule_file(0, GOOD, **more)], ANYTHING).rules
    assert (rule.title_ja, rule.clauses, rule.next_steps, rule.group_by) == (
        "題",
        ("mic-2025-03-6.1-6",),
        ("見る",),
        ("host.name",),
    )
    [wrong] = load_detector([rule_file(0, GOOD, secops={"titel": "x"})], ANYTHING).problems
    assert "titel" in wrong.what


def test_a_disabled_rule_says_why_and_does_not_fire(detector):
    engine = detector(GOOD, disabled={"00000000-0000-4000-8000-000000000000": "誤検知が多い"})
    assert (engine.rules[0].active, engine.rules[0].reason) == (False, "誤検知が多い")


def test_the_cache_gives_the_same_rulebook(tmp_path):
    files = [rule_file(0, GOOD), rule_file(1, {"keywords": ["a*b"], "condition": "keywords"})]
    first = load_detector(files, ANYTHING, tmp_path)
    [cached] = tmp_path.iterdir()
    second = load_detector(files, ANYTHING, tmp_path)
    assert list(first.rules) == list(second.rules)
    assert first.wanted == second.wanted
    cached.write_text("{broken")
    assert list(load_detector(files, ANYTHING, tmp_path).rules) == list(first.rules)


def test_a_wrong_logsource_map_is_refused_with_all_mistakes():
    with pytest.raises(RuleError) as caught:
        load_detector([], "logsources: [{prodct: x}, {category: y, were: {}}]")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("abc+def", ("abc",)),
        ("^cmd\\.exe$", ("cmd.exe",)),
        ("(?:foo|barbar)", ("barbar", "foo")),
        ("(?:foo|.)", ()),
        ("x?yes", ("yes",)),
        ("(abc)?def", ("def",)),
        ("[abc]{3}", ()),
        ("a{0,1}bcd", ("bcd",)),
        ("\\w+\\s*=\\s*POWER", ("power",)),
        ("abc|d", ("abc", "d")),
        ("abc|", ()),
        ("\\s-c\\s", ("-c",)),
        ("`.*`", ("`",)),
        ("\\Qab|c\\E", ()),
    ],
)
def test_literals_that_a_pattern_cannot_do_without(pattern, literals):
    assert required_literals(pattern) == literals


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("level", "hgh"), ("status", "foo"), ("id", "x"), ("date", "soon"), ("modified", "x"), ("tags", "x"),
        ("author", 3), ("references", "x"), ("falsepositives", "x"), ("related", "x"), ("license", 5), ("fields", "x"),
        ("title", 3), ("description", 3), ("name", 3), ("logsource", {}), ("scope", "x"), ("taxonomy", 3),
    ],
)  # fmt: skip
def test_mistakes_beside_the_detection_are_told_in_the_reader_s_words(key, value):
    path, text = rule_file(0, GOOD, **{key: value})
    told = [problem.what for problem in load_detector([(path, text)], ANYTHING).problems]
    assert any(key in what for what in told), told
    assert not [what for what in told if "Sigma" in what or "must" in what or "invalid" in what]
