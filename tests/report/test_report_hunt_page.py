"""The sums of a hunt, and the page that shows them: counts are exact, memory is bounded, log content does nothing."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from secops.errors import Problem
from secops.report.gathering import Gathering, Histogram
from secops.report.hunt_page import EXAMPLES, Hunted, page
from secops.schema.severity import Severity
from secops.siem.hunt import Found
from secops.siem.ports import MatchedValue, Rule

AT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e{{7*7}}"


def rule(number: int, level: Severity = Severity.HIGH, **changed) -> Rule:
    values = {
        "id": f"id-{number}", "name": f"r{number}", "title": f"Rule {number}", "title_ja": f"ルール{number}",
        "description": "", "description_ja": "説明", "level": level,
        "tags": ("attack.defense-evasion", "attack.t1070.001", "attack.t1059"),
        "clauses": ("mic-2025-03-6.1-6",), "next_steps": ("LAN ケーブルを抜く",), "false_positives": ("保守",),
        "group_by": (), "logsource": {}, "path": f"r{number}.yml", "text": "",
    }  # fmt: skip
    return Rule(**{**values, **changed})


def hit(number: int = 0, value: str = "1102", when: datetime | None = AT, host: str = "PC-1") -> Found:
    matched = (MatchedValue("selection", "EventID", "equals", "1102", value),)
    return Found(number, when, "logs/a.evtx", host, f'{{"v":"{value}"}}', matched, {"event.code": value})


def hunted(**changed) -> Hunted:
    values = {
        "made": AT, "files": 3, "events": 1000, "asked": (), "paths": ("logs",), "problems": (), "active": 5,
        "inactive": {}, "suppressed": (),
    }  # fmt: skip
    return Hunted(**{**values, **changed})


def made(hits, rules, **changed) -> str:
    found = Gathering(rules, examples=EXAMPLES)
    for one in hits:
        found.add(one)
    return page(found, hunted(**changed))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.names[tag] += 1
        self.attributes |= {name for name, _value in attrs}
        for name, value in attrs:
            if name in {"href", "src"}:
                assert value.startswith("#"), value


def test_the_page_needs_nothing_and_runs_nothing():
    hostile = rule(0, title_ja=HOSTILE, description_ja=HOSTILE, next_steps=(HOSTILE,), false_positives=(HOSTILE,))
    text = made(
        [hit(0, HOSTILE, host=HOSTILE)], [hostile], problems=[Problem(HOSTILE, HOSTILE)], inactive={HOSTILE: 2},
        paths=[HOSTILE], asked=[("--tag", HOSTILE)], suppressed=[(HOSTILE, 2)],
    )  # fmt: skip
    tags = Tags()
    tags.feed(text)
    assert "default-src 'none'" in text
    assert not tags.names.keys() & {"script", "img", "link", "iframe", "object", "form"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert "\u202e" not in text
    assert "49" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)
    assert "http" not in text.replace('http-equiv="Content', "")


def test_the_page_says_what_was_found_and_what_not():
    rules = [rule(0), rule(1, Severity.CRITICAL)]
    hits = [hit(0), hit(0, when=AT + timedelta(hours=2), host="PC-2"), hit(1, "x", when=None)]
    text = made(hits, rules, problems=[Problem("b.zip", "壊れています")], inactive={"割り当てなし": 7})
    assert "端末 2 台、2 ルールで 3 件を検知(重大 1・高 2)" in text
    assert "時刻のない 1 件は含みません" in text
    assert text.index("ルール1") < text.index("ルール0")  # the graver one first
    for shown in (
        "PC-2",
        "T1070.001",
        "潜伏",
        "痕跡の消去",
        "LAN ケーブルを抜く",
        "保守",
        "mic-2025-03-6.1-6",
        "b.zip",
        "割り当てなし",
    ):
        assert shown in text
    assert "<mark>1102</mark>" in text
    assert "2026-11-23 10:02:03 〜 2026-11-23 12:02:03" in text


def test_an_empty_page_says_whether_that_is_good():
    assert "検知はありませんでした" in made([], [])
    assert "使ったルールに当てはまる記録はありませんでした" in made([], [])
    unread = made([], [], problems=[Problem("a", "b")])
    assert "「検知なし」とは言い切れません" in unread
    assert "使ったルールに当てはまる記録はありませんでした" not in unread


def test_what_is_not_shown_is_counted():
    text = made([hit(0, str(number)) for number in range(500)], [rule(0)])
    assert f"一致した値({EXAMPLES} とおり)" in text
    assert f"一致した値が異なる {500 - EXAMPLES} 件はここには示していません" in text
    assert text.count("<pre>") == 5


def test_many_hits_make_a_page_of_bounded_size():
    hits = [hit(n % 50, f"value {n % 997}", AT + timedelta(minutes=n), f"PC-{n % 300}") for n in range(20_000)]
    text = made(hits, [rule(n) for n in range(50)])
    assert len(text) < 5_000_000
    assert "20,000 件を検知" in text
    assert "全 300 台" in text


@given(st.lists(st.tuples(st.integers(-(10**9), 10**10), st.sampled_from(Severity)), max_size=40), st.integers(1, 80))
def test_no_hit_is_lost_in_the_time_line(given_hits, most):
    histogram = Histogram()
    for seconds, level in given_hits:
        histogram.add(datetime.fromtimestamp(seconds, UTC) if seconds >= 0 else AT, level)
    bins = histogram.bins(most)
    assert len(bins) <= most
    assert sum(sum(counts.values()) for _begin, counts in bins) == len(given_hits)
    assert all(later - begin == timedelta(seconds=histogram.step) for (begin, _a), (later, _b) in pairwise(bins))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 100)), max_size=60))
def test_counts_are_those_of_all_hits(given_hits):
    found = Gathering([rule(n) for n in range(4)], examples=2, newest=5)
    hits = [hit(number, str(value), AT + timedelta(seconds=when)) for number, value, when in given_hits]
    for one in hits:
        found.add(one)
    assert found.count == len(hits)
    for of_rule in found.ordered():
        assert of_rule.count == sum(one.rule == of_rule.number for one in hits)
        assert sum(one.count for one in of_rule.examples.values()) + of_rule.unlisted == of_rule.count
        assert len(of_rule.examples) <= 2
    newest = sorted((one.timestamp for one in hits if one.timestamp), reverse=True)[:5]
    assert [one.timestamp for one in found.newest()] == newest


def test_techniques_stand_under_their_own_tactics():
    tags = ("attack.initial-access", "attack.execution", "attack.t1059")
    html = made([hit(), hit(1)], [rule(0, tags=tags), rule(1, tags=("attack.impact",))])
    assert re.findall(r"<h3>(実行|初期侵入|影響)</h3>", html) == ["実行", "影響"]
    assert "戦術だけのルール" in html
