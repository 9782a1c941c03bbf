"""What an alert's page says, from values alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest

from secops.query.tree import Or, Term
from secops.siem.ports import AlertDetail, Scope
from secops.web import words
from secops.web.siem import around, story
from tests.web.stage import CROSSING, HOSTILE, LOGON, NOW, RULES, Stage, night


def first(stage: Stage, rule_id: str) -> AlertDetail:
    alert = next(one for one in stage.desk.stored.values() if one.rule_id == rule_id and one.state == "open")
    return stage.desk.detail(alert.id, Scope())


def test_one_sentence_has_device_department_time_target_and_count(stage):
    detail = first(stage, CROSSING.id)
    assert story.sentence(detail.alert, detail.hits) == (
        "端末 K-0213(区民課)で、11月23日(月) 02:04:00 から 02:04:14 までの間に、"
        "203.0.113.9:443 への通信が 3 回ありました。"
    )


def test_a_logon_says_logon(stage):
    detail = first(stage, LOGON.id)
    assert "ログオンが 2 回ありました" in story.sentence(detail.alert, detail.hits)


def test_the_row_shows_who_and_where_to(stage):
    assert story.entity(first(stage, CROSSING.id).alert) == "K-0213 / t-suzuki → 203.0.113.9"


def test_the_condition_comes_from_the_rule():
    assert story.condition(CROSSING) == "selection and not registered"


def test_other_rules_of_the_clause_leave_out_the_rule_itself_and_inactive_ones():
    others = story.same_clause(RULES, CROSSING.clauses, CROSSING.id)
    assert [rule.id for rule in others["mic-2025-03-3-1"]] == ["usb-mynumber"]


def test_around_asks_for_the_host_the_user_and_the_address():
    query = around.query(around.identity({"host.name": "cleaned"}, {"host.name": HOSTILE, "user.name": "u"}))
    assert query == Or((Term("host.name", HOSTILE), Term("user.name", "u")))
    assert around.query(around.identity({}, {})) is None


def test_lines_are_made_of_the_fields_that_the_store_is_asked_for():
    class Watched(dict[str, Any]):
        def get(self, key, default=None):
            read.add(key)
            return super().get(key, default)

    read: set[str] = set()
    kinds: list[dict[str, Any]] = [
        {},
        {"event.kind": "pipeline_error"},
        *({"event.category": [one]} for one in around._CATEGORY_LANES),
    ]
    around.lines([Watched({"@timestamp": NOW, "event.id": "w.s.1", **one}) for one in kinds], [])
    assert read == around.FIELDS


def test_the_timeline_is_well_formed_and_marks_the_hits(stage):
    events = [{**one.event} for one in night()]
    lines = around.lines(events, night()[:3])
    svg = around.timeline(lines, NOW - timedelta(minutes=3))
    root = ET.fromstring(str(svg))
    assert len(root.findall(".//circle[@class='hit']")) == 3
    assert len(root.findall(".//circle")) == len(events)
    assert "script" not in {element.tag for element in root.iter()}


def test_clauses_read_as_people_cite_them():
    assert words.clause("mic-2025-03-6.1-6") == "6.1(6)"
    assert words.clause_long("mic-2025-03-3-1") == "対策基準 3(1)(2025-03 版)"
    assert words.clause("own-rule") == "own-rule"


def test_times_are_japanese_time():
    assert words.when(NOW) == "11月23日(月) 02:07:00"
    assert words.short(NOW - timedelta(hours=3), NOW) == "11/22 23:07"
    assert words.ago(NOW - timedelta(minutes=3), NOW) == "3分前"
    assert words.ago(NOW + timedelta(minutes=3), NOW) == "まもなく"


def test_sizes_have_one_unit():
    assert [words.size(n) for n in (0, 999, 1500, 301 * 10**9, 2 * 10**12)] == [
        "0 B",
        "999 B",
        "1.5 KB",
        "301 GB",
        "2.0 TB",
    ]


@pytest.mark.parametrize(
    ("operator", "word"), [("=", "="), ("contains|all", "contains"), ("re|i", "re"), ("cased|endswith", "endswith")]
)
def test_the_comparison_in_the_detectors_words(operator: str, word: str):
    assert story.comparison(operator) == word
