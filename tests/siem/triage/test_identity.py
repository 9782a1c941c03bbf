from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.schema.severity import Severity
from secops.siem.ports import Hit, Rule
from secops.siem.triage.grouping import group, milestone
from secops.siem.triage.identity import STEP_UP, Assets, identify

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
PLAIN = Assets(zones=frozenset())


def rule(category: str = "process_creation", group_by: tuple[str, ...] = ()) -> Rule:
    return Rule(
        "r1", "rule", "Rule", "ルール", "", "", Severity.HIGH, (), (), (), (), group_by, {"category": category}, "", ""
    )


def hit(zone: str = "lgwan", level: Severity = Severity.HIGH, **event: Any) -> Hit:
    fields = {name.replace("__", "."): value for name, value in event.items()}
    return Hit("r1", level, "ward.win.1", "win", 1, NOW, NOW, zone, fields)


def key(found: Hit, by: Rule | None = None) -> str:
    return identify(found, by or rule(), PLAIN).key


def test_the_same_again_is_the_same_alert_whatever_the_spelling():
    first = hit(host__name="K-0213", user__name="Yamada", process__pid=1)
    again = hit(host__name="ｋ-0213", user__name="yamada", process__pid=2)
    assert key(first) == key(again) == "r1|lgwan|host.name=k-0213|user.name=yamada"


@pytest.mark.parametrize("other", [{"host__name": "K-2"}, {"user__name": "sato"}, {"zone": "internet"}])
def test_another_victim_is_another_alert(other: dict[str, Any]):
    one: dict[str, Any] = {"host__name": "K-1", "user__name": "yamada"}
    assert key(hit(**one)) != key(hit(**{**one, **other}))


def test_one_device_under_two_names_is_one_alert():
    by_name = hit(labels__device="K-1", host__name="k-1.ward.local")
    by_address = hit(labels__device="K-1", source__ip="10.1.0.5")
    assert key(by_name) == key(by_address)
    assert identify(by_name, rule(), PLAIN).entities == {"labels.device": "K-1", "host.name": "k-1.ward.local"}


def test_a_flow_is_who_called_whom():
    flow = rule("firewall")
    one = hit(host__name="fw01", source__ip="10.1.0.5", destination__ip="203.0.113.9", user__name="a")
    assert key(one, flow) == "r1|lgwan|source.ip=10.1.0.5|destination.ip=203.0.113.9"


def test_a_rule_says_what_groups_its_hits():
    spray = rule(group_by=("source.ip",))
    hits = [hit(host__name="dc", user__name=name, source__ip="10.1.0.5") for name in ("a", "b", "c")]
    assert len(group(hits, {"r1": spray}, PLAIN)) == 1
    assert len(group(hits, {"r1": rule()}, PLAIN)) == 3


def test_a_rule_whose_group_fields_are_missing_falls_back_to_the_default():
    by_url = rule(group_by=("url.domain",))
    assert key(hit(host__name="a"), by_url) != key(hit(host__name="b"), by_url)


def test_an_event_that_names_nobody_is_grouped_by_its_source():
    found = identify(hit(), None, PLAIN)
    assert found.key == "r1|lgwan|labels.source=win"
    assert found.entities == {"labels.source": "win"}


def test_important_assets_raise_severity_one_step():
    table = Assets(devices=frozenset({"DC-1"}), systems=frozenset({"juki"}))
    assert identify(hit("mynumber"), rule(), table).severity is Severity.CRITICAL
    assert identify(hit(labels__device="DC-1"), rule(), table).severity is Severity.CRITICAL
    assert identify(hit(labels__system="juki", level=Severity.LOW), rule(), table).severity is Severity.MEDIUM
    assert identify(hit(), rule(), table).severity is Severity.HIGH
    assert STEP_UP[Severity.CRITICAL] is Severity.CRITICAL


hostile = st.text(max_size=300) | st.lists(st.text(max_size=5), max_size=3) | st.integers() | st.none() | st.booleans()


@given(hostile, hostile, hostile)
def test_any_value_makes_a_key_that_can_be_kept(host: Any, user: Any, address: Any):
    found = identify(hit(host__name=host, user__name=user, source__ip=address), rule(), PLAIN)
    found.key.encode()
    assert len(found.key) <= 800
    assert all(value and len(value) <= 200 and "\0" not in value for value in found.entities.values())


@given(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9))
def test_separators_in_values_do_not_merge_keys(host: str, user: str):
    one = hit(host__name=f"{host}|user.name={user}")
    two = hit(host__name=host, user__name=user)
    assert key(one) != key(two)


def test_a_group_has_the_span_and_the_gravest_severity_of_its_hits():
    later = replace(hit(host__name="a", level=Severity.CRITICAL), event_id="2", timestamp=NOW.replace(hour=5))
    found = group([hit(host__name="a", level=Severity.LOW), later], {}, PLAIN)
    (only,) = found.values()
    assert (only.severity, only.first_seen, only.last_seen) == (Severity.CRITICAL, NOW, NOW.replace(hour=5))


def test_history_tells_powers_of_ten():
    assert [milestone(*pair) for pair in ((1, 2), (2, 9), (9, 10), (10, 99), (50, 1200), (1, 1))] == [
        2,
        0,
        10,
        0,
        1000,
        0,
    ]
