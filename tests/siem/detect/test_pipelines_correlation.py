"""pySigma processing pipelines on correlations: field names are mapped where pySigma maps them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.detect.correlation_fields import FieldMapper, Fields
from secops.siem.detect.pipelines import read_pipelines
from tests.siem.detect.test_correlation_rules import BASE, FAILED, MAP, PASSED, document, ruled

MAPPING = {"type": "field_name_mapping", "mapping": {"account": "User", "address": "Ip", "peer": "src"}}


def engine_of(*texts: str, pipeline: tuple[dict[str, Any], ...] = (MAPPING,)) -> SigmaDetector:
    files = [("base.yml", BASE), *((f"c{number}.yml", text) for number, text in enumerate(texts, 1))]
    piped = [("p.yml", json.dumps({"name": "p", "priority": 1, "transformations": list(pipeline)}))]
    return load_detector(files, MAP, pipelines=piped)


def reason(*texts: str, **more: Any) -> str:
    engine = engine_of(*texts, **more)
    [rule] = [rule for rule in engine.rules if rule.id == f"c{len(texts)}"]
    assert not rule.active
    assert any(problem.where.startswith(f"c{len(texts)}.yml") for problem in engine.problems)
    return rule.reason


def test_fields_to_group_by_and_to_count_are_mapped():
    text = document(group_by="[account, Ip]", type="value_count", condition="{field: address, gte: 2}")
    [found] = engine_of(text).correlations
    assert (found.group_by, found.fields) == (("User", "Ip"), ("Ip",))
    assert found.aliases == {}


def test_the_values_of_events_are_found_under_the_mapped_names():
    engine = engine_of(document(group_by="account"))
    event = {"event.module": "win", "event.code": "1", "user.name": "sato"}
    assert engine.correlated(0, event) == {"User": ("sato",)}


def test_aliases_stay_and_the_fields_behind_them_are_mapped():
    text = document(
        type="temporal",
        rules="[failed, passed]",
        aliases="{address: {failed: address, passed: peer}}",
        group_by="[address]",
        condition=None,
    )
    [found] = engine_of(text).correlations
    assert found.group_by == ("address",)
    assert found.aliases == {"address": {FAILED: "Ip", PASSED: "src"}}


def test_an_alias_that_is_counted_stays_an_alias():
    text = document(
        type="value_count",
        rules="[failed, passed]",
        aliases="{address: {failed: Ip, passed: peer}}",
        group_by=None,
        condition="{field: address, gte: 2}",
    )
    [found] = engine_of(text).correlations
    assert (found.fields, found.aliases) == (("address",), {"address": {FAILED: "Ip", PASSED: "src"}})


def test_a_field_to_group_by_may_become_several():
    several = {"type": "field_name_mapping", "mapping": {"who": ["User", "Ip"]}}
    assert engine_of(document(group_by="who"), pipeline=(several,)).correlations[0].group_by == ("User", "Ip")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "value_count", "condition": "{field: who, gte: 2}"},
        {"aliases": "{x: {failed: who}}", "group_by": "x"},
    ],
)
@pytest.mark.parametrize("target", [["User", "Ip"], []])
def test_what_must_be_one_field_may_not_become_several_or_none(fields: dict[str, Any], target: list[str]):
    several = {"type": "field_name_mapping", "mapping": {"who": target}}
    assert "who" in reason(document(**fields), pipeline=(several,))


@pytest.mark.parametrize(("product", "mapped"), [("fw", True), ("win", True), ("other", False)])
def test_a_condition_on_the_logsource_holds_if_it_does_for_one_of_the_rules(product: str, mapped: bool):
    only = {**MAPPING, "rule_conditions": [{"type": "logsource", "product": product}]}
    text = document(
        type="temporal", rules="[failed, passed]", condition=None, group_by="[x]",
        aliases="{x: {failed: address, passed: peer}}",
    )  # fmt: skip
    if mapped:
        assert engine_of(text, pipeline=(only,)).correlations[0].aliases["x"] == {FAILED: "Ip", PASSED: "src"}
    else:
        assert "address" in reason(text, pipeline=(only,))


def test_a_correlation_of_a_correlation_is_mapped_as_its_rules_are():
    only = {**MAPPING, "rule_conditions": [{"type": "logsource", "product": "win"}]}
    outer = document(2, rules="corr1", group_by="account")
    inner, found = engine_of(document(1, group_by="account"), outer, pipeline=(only,)).correlations
    assert (inner.group_by, found.group_by) == (("User",), ("User",))


def test_a_pipeline_may_refuse_correlations():
    refuse = {
        "type": "rule_failure",
        "message": "no correlations here",
        "rule_conditions": [{"type": "is_sigma_correlation_rule"}],
    }
    assert "no correlations here" in reason(document(), pipeline=(refuse,))


def test_what_pipelines_do_to_detections_leaves_correlations_alone():
    adding = {"type": "add_condition", "conditions": {"Ip": "10.*"}}
    engine = engine_of(document(), pipeline=(adding,))
    assert ruled(engine)["c1"].active
    assert engine.correlations[0].group_by == ("User",)


def test_without_pipelines_nothing_is_mapped():
    engine = load_detector([("base.yml", BASE), ("c1.yml", document(group_by="account"))], MAP)
    assert engine.correlations == []


@pytest.mark.parametrize("product", ["win", "fw", "other", ""])
@pytest.mark.parametrize(
    "transformation",
    [
        {"type": "field_name_mapping", "mapping": {"User": "user.name", "address": ["Ip", "User"], "peer": "src"}},
        {"type": "field_name_prefix", "prefix": "winlog."},
        {"type": "field_name_prefix_mapping", "mapping": {"U": "winlog.U"}},
        {"type": "field_name_suffix", "suffix": ".x", "field_name_conditions": [
            {"type": "include_fields", "fields": ["User", "Ip"]}]},
        {"type": "nest", "items": [{"type": "field_name_mapping", "mapping": {"User": "Ip"}}]},
    ],
)  # fmt: skip
def test_what_pysigma_makes_of_it_is_what_we_make_of_it(transformation: dict[str, Any], product: str):
    """The same correlation through pySigma's own collection; ours is asked before fields are looked up."""
    if product:
        transformation = {**transformation, "rule_conditions": [{"type": "logsource", "product": product}]}
    text = document(
        type="value_count", rules="[failed, passed]", group_by="[User, ip]", condition="{field: [User, Ip], gte: 2}",
        aliases="{ip: {failed: Ip, passed: peer}}",
    )  # fmt: skip
    plain = json.dumps({"name": "p", "priority": 1, "transformations": [transformation]})
    documents = "---\n".join([BASE, text.replace("id: c1", "id: 00000000-0000-4000-8000-0000000000c1")])
    collection = SigmaCollection.from_yaml(documents)
    collection.resolve_rule_references()
    pipeline = ProcessingPipeline.from_yaml(plain)
    for one in collection.rules:
        pipeline.apply(one)
    [theirs] = [one for one in collection.rules if isinstance(one, SigmaCorrelationRule)]
    condition = theirs.condition
    assert isinstance(condition, SigmaCorrelationCondition)

    mapper = FieldMapper(read_pipelines([("p.yml", plain)]))
    for number, rule in enumerate(SigmaCollection.from_yaml(BASE).rules):
        assert isinstance(rule, SigmaRule)
        mapper.pipelines.apply(rule)
        mapper.rules[number] = rule
    fields = Fields(["User", "ip"], ["User", "Ip"], {"ip": {0: "Ip", 1: "peer"}})
    ours = mapper.mapped(2, yaml.safe_load(text), [0, 1], fields)
    assert isinstance(ours, Fields), ours
    assert (ours.group_by, ours.counted) == (theirs.group_by, list(dict.fromkeys(condition.fieldref or ())))
    assert list(ours.aliases["ip"].values()) == list(theirs.aliases.aliases["ip"].mapping.values())
