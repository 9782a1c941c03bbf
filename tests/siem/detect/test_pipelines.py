"""pySigma processing pipelines: what they change in our rules, and what they are not allowed to do."""

from __future__ import annotations

import json

import pytest

from secops.errors import RuleError
from secops.siem.detect import load_detector
from tests.siem.detect.cases import ANYTHING, frame, rule_file

RULE = {"selection": {"Image|endswith": "cmd.exe"}, "condition": "selection"}


def pipeline(*transformations, path="p.yml", **more):
    return path, json.dumps({"name": "p", "priority": 10, "transformations": list(transformations), **more})


def engine_of(detection, *pipelines, where=ANYTHING, files=(), **rule):
    return load_detector([rule_file(0, detection, **rule), *files], where, pipelines=pipelines)


def rows(engine, *events):
    return [(match.rule, list(match.rows)) for match in engine.match(frame(*events))]


EVENTS = ({"process": "x\\cmd.exe"}, {"Image": "x\\cmd.exe"}, {"other": "CMD.EXE", "Channel": "dev"})


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        ({"type": "field_name_mapping", "mapping": {"Image": "process"}}, [0]),
        ({"type": "field_name_mapping", "mapping": {"Image": ["process", "other"]}}, [0, 2]),
        ({"type": "field_name_prefix_mapping", "mapping": {"Im": "Im"}}, [1]),
        ({"type": "field_name_prefix", "prefix": "x."}, []),
        ({"type": "field_name_suffix", "suffix": "2"}, []),
        ({"type": "replace_string", "regex": "cmd", "replacement": "powershell"}, []),
        ({"type": "add_condition", "conditions": {"Channel": "dev"}}, []),
        ({"type": "add_condition", "conditions": {"Channel": "dev"}, "negated": True}, [1]),
        ({"type": "set_state", "key": "index", "val": "x"}, [1]),
        ({"type": "nest", "items": [{"type": "field_name_mapping", "mapping": {"Image": "other"}}]}, [2]),
        ({"type": "case", "method": "upper"}, [1]),
    ],
)
def test_what_it_changes(transformation, expected):
    engine = engine_of(RULE, pipeline(transformation))
    assert engine.rules[0].active, engine.rules[0].reason
    assert rows(engine, *EVENTS) == ([(0, expected)] if expected else [])


def test_conditions_choose_rules_and_fields():
    only = {"rule_conditions": [{"type": "logsource", "category": "file_event"}]}
    mapping = {"type": "field_name_mapping", "mapping": {"Image": "process"}}
    assert rows(engine_of(RULE, pipeline({**mapping, **only})), *EVENTS) == [(0, [1])]
    drop = {"type": "drop_detection_item", "field_name_conditions": [{"type": "include_fields", "fields": ["Image"]}]}
    both = {"selection": {"Image": "no", "Channel": "dev"}, "condition": "selection"}
    assert rows(engine_of(both, pipeline(drop)), *EVENTS) == [(0, [2])]


def test_what_a_pipeline_drops_is_as_if_nobody_had_written_it():
    drop = {"type": "drop_detection_item", "field_name_conditions": [{"type": "include_fields", "fields": ["gone"]}]}
    detection = {"a": {"Image|contains": "cmd"}, "filter": {"gone": "x"}, "condition": "a and not filter"}
    assert rows(engine_of(detection, pipeline(drop)), *EVENTS) == [(0, [1])]
    nothing = engine_of({"filter": {"gone": "x"}, "condition": "filter"}, pipeline(drop))
    assert not nothing.rules[0].active
    assert "取り除きました" in nothing.rules[0].reason


def test_a_changed_logsource_decides_which_events_are_meant():
    where = "logsources: [{product: any, where: {kind: a}, prefixes: ['']}, {product: other, prefixes: ['']}]"
    change = {"type": "change_logsource", "product": "other"}
    assert rows(engine_of(RULE, where=where), *EVENTS) == []
    assert rows(engine_of(RULE, pipeline(change), where=where), *EVENTS) == [(0, [1])]


def test_a_pipeline_may_refuse_a_rule_and_the_others_run():
    refuse = {
        "type": "rule_failure",
        "message": "no such field here",
        "rule_conditions": [{"type": "logsource", "service": "x"}],
    }
    other = rule_file(1, RULE, logsource={"product": "any", "service": "x"})
    engine = engine_of(RULE, pipeline(refuse), files=[other])
    assert [rule.active for rule in engine.rules] == [True, False]
    assert "no such field here" in engine.rules[1].reason
    assert engine.problems[0].where.startswith("rules/1.yml:")


def test_several_run_in_order_of_priority():
    first = pipeline({"type": "field_name_mapping", "mapping": {"Image": "middle"}}, priority=5, path="late.yml")
    second = pipeline({"type": "field_name_mapping", "mapping": {"middle": "process"}}, priority=20, path="early.yml")
    assert rows(engine_of(RULE, second, first), *EVENTS) == [(0, [0])]


def test_variables_are_values_of_placeholders():
    values = pipeline({"type": "value_placeholders"}, vars={"tools": ["cmd.exe", "p*.exe"], "one": "x"})
    detection = {"selection": {"Image|endswith|expand": "%tools%"}, "condition": "selection"}
    assert rows(engine_of(detection, values), *EVENTS) == [(0, [1])]
    site = load_detector([rule_file(0, detection)], ANYTHING, pipelines=[values], placeholders={"tools": ["no"]})
    assert rows(site, *EVENTS) == [], "the site's own values go first"
    some = pipeline({"type": "value_placeholders", "exclude": ["tools"]}, vars={"tools": ["cmd.exe"]})
    assert not engine_of(detection, some).rules[0].active
    wild = pipeline({"type": "wildcard_placeholders"})
    assert rows(engine_of(detection, wild), *EVENTS) == [(0, [1])]
    conditional = {"type": "value_placeholders", "rule_conditions": [{"type": "logsource", "product": "x"}]}
    with pytest.raises(RuleError, match="条件"):
        engine_of(detection, pipeline(conditional))


def test_filters_are_changed_like_rules():
    exception = {
        "title": "F",
        "logsource": {"product": "any"},
        "filter": {"rules": "any", "s": {"User": "svc"}, "condition": "not s"},
        "secops": {"owner": "課", "reason": "理由", "expires": "2099-03-31"},
    }
    mapping = {"type": "field_name_mapping", "mapping": {"Image": "process", "User": "who"}}
    engine = engine_of(RULE, pipeline(mapping), files=[("f.yml", json.dumps(exception))])
    from datetime import UTC, datetime

    table = frame({"process": "cmd.exe", "who": "svc"}, {"process": "cmd.exe", "User": "svc"})
    [match] = engine.match(table, now=datetime(2026, 11, 23, tzinfo=UTC))
    assert (list(match.rows), list(match.filtered)) == ([1], [(0, 0)])


TEXT = """name: bad
priority: 10
finalizers:
  - type: template
    template: "{{ cycler.__init__.__globals__.os.system('touch /tmp/filt-pwned') }}"
transformations:
  - type: field_name_mapping
    mapping: {Image: process}
  - type: command_placeholders
    command: "touch /tmp/filt-pwned"
  - type: http_placeholders
    url: http://192.0.2.1/x
  - type: file_placeholders
    path: /etc/passwd
  - type: query_expression_placeholders
    expression: "{field} in {id}"
  - type: nest
    items:
      - type: regex
        method: plain
postprocessing: []
colour: red
"""


def test_whatever_reaches_out_or_is_about_queries_is_refused_by_name_with_the_line():
    with pytest.raises(RuleError) as caught:
        engine_of(RULE, ("p.yml", TEXT))
    said = {problem.where: problem.what for problem in caught.value.problems}
    expected = {
        3: "finalizers", 9: "command_placeholders", 11: "http_placeholders", 13: "file_placeholders",
        15: "query_expression_placeholders", 19: "regex", 21: "postprocessing", 22: "colour",
    }  # fmt: skip
    assert dict.fromkeys(said, True) == {f"p.yml:{line}": True for line in expected}
    for line, word in expected.items():
        assert word in said[f"p.yml:{line}"]
    assert "field_name_mapping" in said["p.yml:19"], "what can be used instead is named"


@pytest.mark.parametrize(
    "text",
    [
        "transformations: [",
        "- a\n",
        "transformations: nothing\n",
        "transformations: [x]\n",
        "transformations: [{type: field_name_mapping}]\n",
        "transformations: [{type: field_name_mapping, mapping: {a: b}, rule_conditions: [{type: nosuch}]}]\n",
        "transformations: [{type: replace_string, regex: '(', replacement: x}]\n",
        "transformations: [{type: nest, items: {a: b}}]\n",
        "a: " + "{b: " * 100_000,
    ],
)
def test_broken_pipelines_are_said_with_their_file(text):
    with pytest.raises(RuleError) as caught:
        engine_of(RULE, ("folder/p.yml", text))
    assert caught.value.problems[0].where.startswith("folder/p.yml")


def test_pipelines_are_part_of_the_cache(tmp_path):
    for target, expected in (("process", [0]), ("Image", [1]), ("process", [0])):
        mapping = pipeline({"type": "field_name_mapping", "mapping": {"Image": target}})
        engine = load_detector([rule_file(0, RULE)], ANYTHING, tmp_path, pipelines=[mapping])
        assert rows(engine, *EVENTS) == [(0, expected)]
    assert len(list(tmp_path.iterdir())) == 2
