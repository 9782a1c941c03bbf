"""The rules' pages: every rule with its status, nothing left out in silence, hits only of what the reader may see."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from secops.errors import StoreError
from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.detect.coverage import RuleCoverage, Status
from secops.siem.ports import SeenKind, Span
from secops.web import serve
from secops.web.services import Standing
from tests.web.stage import COPY, CROSSING, FOUND, HOSTILE, LOGON, MACRO, NOW, OFF, RULES, USB, rule


def shown(html: str) -> list[str]:
    """The ids of the rules in a list, in its order."""
    return re.findall(r'class="name" href="/rules/([^"]+)"', html)


def standing_of(*pairs):
    rules = [one for one, _status in pairs]
    return Standing(NOW, rules, [RuleCoverage(at, status, "") for at, (_one, status) in enumerate(pairs)])


def with_rules(stage, *pairs):
    """A browser on a console whose rulebook is these."""
    stage.standing = standing_of(*pairs)
    return stage.client("csirt")


def test_every_rule_is_in_the_list_with_status_and_reason(stage):
    html = stage.client("csirt").get("/rules").text
    assert sorted(shown(html)) == sorted(one.id for one in RULES)
    assert "全 6 件のうち 3 件が有効です。" in html
    for _status, reason in FOUND.values():
        assert reason in html
    assert "6.1(10)" in html


def test_rules_that_fired_come_first_among_the_active(stage):
    html = stage.client("csirt").get("/rules?status=active").text
    assert shown(html)[:1] == [CROSSING.id]
    assert set(shown(html)) == {CROSSING.id, MACRO.id, LOGON.id}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("status=no_source", {USB.id}),
        ("level=critical", {CROSSING.id}),
        ("technique=T1059", {MACRO.id}),
        ("technique=t1071", {OFF.id}),
        ("tactic=execution&technique=T1059", {MACRO.id}),
        ("tactic=execution", {MACRO.id}),
        ("tactic=impact&technique=T1059", set()),
        ("tactic=exfiltration&technique=-", set()),
        ("q=夜間", {LOGON.id}),
        ("q=MIC-2025-03-4.4", {COPY.id}),
        ("fired=1&status=unsupported", set()),
    ],
)
def test_filters(stage, query, wanted):
    html = stage.client("csirt").get(f"/rules?{query}").text
    assert set(shown(html)) == wanted
    if not wanted:
        assert "条件に合うルールはありません。" in html


def test_a_wrong_address_says_what_it_does_not_use(stage):
    html = stage.client("csirt").get("/rules?status=odd&level=worst&technique=T12345&tactic=magic&start=x").text
    assert len(shown(html)) == len(RULES)
    for part in ("status=odd", "level=worst", "technique=T12345", "tactic=magic"):
        assert part in html


def test_hits_are_those_of_alerts_the_reader_may_see(stage):
    def hits(name, rule_id):
        html = stage.client(name).get("/rules").text
        row = html[html.index(f'href="/rules/{rule_id}"') :]
        return int(re.findall(r'data-label="検知">([\d,]+)<', row)[0].replace(",", ""))

    assert hits("csirt", CROSSING.id) == 5
    assert hits("lgwan-only", CROSSING.id) == 0
    assert hits("lgwan-only", LOGON.id) == 2


def test_long_lists_have_pages_and_say_how_many(stage):
    many = [(rule(f"r{at:04}", f"規則 {at}", f"Rule {at:04}", LOGON.level), Status.ACTIVE) for at in range(250)]
    browser = with_rules(stage, *many)
    seen, address = [], "/rules"
    while address:
        html = browser.get(address).text
        assert "(全 250 件)" in html
        seen += shown(html)
        found = re.search(r'href="([^"]+)" rel="next"', html)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"r{at:04}" for at in range(250)]
    assert shown(browser.get("/rules?start=99999").text)[-1] == "r0249"


def test_a_rulebook_without_rules(stage):
    browser = with_rules(stage)
    assert "ルールがありません。" in browser.get("/rules").text
    assert "ATT&amp;CK のタグ" in browser.get("/rules/coverage").text


def test_the_matrix_links_to_the_rules_of_a_technique(stage):
    html = stage.client("csirt").get("/rules/coverage").text
    assert "ATT&amp;CK の 4 手法のうち 3 手法に有効なルールがあり、3 手法で検知がありました" in html
    assert 'href="/rules?tactic=execution&amp;technique=T1059"' in html
    assert html.count("T1048 別の通信方式での持ち出し") == 2, "in the picture and in the table"
    assert "style=" not in html
    assert html.count("<svg") == 2, "the tactics, and the cells that move under them"


def test_the_list_behind_a_cell_holds_as_many_rules_as_the_cell_says(stage):
    pairs = [
        (rule("a", "A", "A", LOGON.level, tags=("attack.persistence", "attack.t1078")), Status.ACTIVE),
        (rule("b", "B", "B", LOGON.level, tags=("attack.t1078.003", "attack.t1059")), Status.ACTIVE),
        (rule("c", "C", "C", LOGON.level, tags=("attack.persistence",)), Status.ACTIVE),
        (rule("d", "D", "D", LOGON.level, tags=("attack.t9999",)), Status.ACTIVE),
    ]
    browser = with_rules(stage, *pairs)
    html = browser.get("/rules/coverage").text
    cells = re.findall(r'<a href="(/rules\?[^"]+)"><title>[^<]*\(全 (\d+) 件\)', html)
    assert len(cells) == 7
    for address, count in cells:
        assert len(shown(browser.get(address.replace("&amp;", "&")).text)) == int(count), address
    assert shown(browser.get("/rules?tactic=persistence&technique=-").text) == ["c"]
    assert shown(browser.get("/rules?tactic=-&technique=T9999").text) == ["d"]


def test_a_rule_page_shows_text_reason_alerts_and_steps(stage):
    html = stage.client("csirt").get(f"/rules/{CROSSING.id}").text
    for part in (CROSSING.title_ja, CROSSING.next_steps[0], "labels.flow_verdict: unregistered", "T1048", "/alerts/"):
        assert part in html
    assert "過去 30 日の検知 5 件" in html
    off = stage.client("csirt").get(f"/rules/{OFF.id}").text
    assert OFF.reason in off
    assert "過去 30 日のアラートはありません。" in off
    assert stage.client("csirt").get("/rules/no-such-rule").status_code == 404


def test_what_a_rule_says_is_text(stage):
    bad = rule(
        "bad", HOSTILE, HOSTILE, LOGON.level, HOSTILE, tags=("attack.t1059", HOSTILE), path=HOSTILE, text=HOSTILE
    )
    browser = with_rules(stage, (bad, Status.ACTIVE))
    for address in ("/rules", "/rules/bad", "/rules/coverage"):
        html = browser.get(address).text
        assert "<script>alert" not in html
        assert "onload=alert(2)>" not in html.replace("&gt;", "")
        assert "\u202e" not in html


class Look:
    """What `serve._Coverage` asks of a site."""

    def __init__(self, seconds: float = 600, patience: float = 20) -> None:
        self.detector = empty()
        self.time = NOW
        self.broken = False
        self.asked: list[datetime | None] = []
        self.look = serve._Coverage(lambda: self.detector, self.seen, lambda: self.time, seconds, patience)
        self.gate = threading.Event()
        self.gate.set()

    def seen(self, span: Span, _asked: Collection[str]) -> list[SeenKind]:
        self.asked.append(span.since)
        assert self.gate.wait(20)
        if self.broken:
            raise StoreError("gone")
        return []


def empty() -> SigmaDetector:
    return load_detector([], "logsources: []")


def test_the_look_at_the_store_is_kept_until_the_rules_change():
    site = Look()
    assert site.look() is site.look()
    assert site.asked == [NOW - timedelta(days=30)]
    site.detector = empty()
    site.time = NOW + timedelta(minutes=1)
    assert site.look().at == site.time
    assert len(site.asked) == 2


def test_an_old_look_is_renewed_behind_the_answer():
    site = Look(seconds=0)
    first = site.look()
    site.time = NOW + timedelta(hours=1)
    assert site.look() is first
    for _attempt in range(500):
        if site.look().at == site.time:
            break
        time.sleep(0.01)
    assert site.look().at == site.time


def test_a_page_does_not_wait_long_for_the_first_look():
    site = Look(patience=0.02)
    site.gate.clear()
    assert not site.look().complete
    assert not site.look().complete
    site.gate.set()
    for _attempt in range(500):
        if site.look().complete:
            break
        time.sleep(0.01)
    assert site.look().complete
    assert len(site.asked) == 1, "one look at a time"


def test_a_store_that_cannot_be_read_leaves_what_the_rules_alone_tell():
    site = Look()
    site.broken = True
    assert not site.look().complete
    site.broken = False
    assert site.look().complete


def test_pages_say_that_the_look_is_not_done(stage):
    stage.standing = replace(stage.standing, complete=False)
    for address in ("/rules", "/rules/coverage", f"/rules/{CROSSING.id}"):
        assert "照合がまだ終わっていません" in stage.client("csirt").get(address).text
