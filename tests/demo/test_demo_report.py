from datetime import UTC, datetime, timedelta

import pytest

from secops.demo.player import State
from secops.demo.report import make_report
from secops.demo.stories import STORIES
from secops.schema.severity import Severity
from secops.siem.ports import Hit, Rule
from tests.fakes.desk import MemoryDesk

BUILT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
STATE = State(7, BUILT, 5, 5514, 5515, ((BUILT, BUILT + timedelta(minutes=24)),))


def rule(name, theme):
    return Rule(
        name, name, name, name, "", "", Severity.HIGH, (), (), (), (), ("source.ip", "host.name"),
        {"category": "x"}, f"rules/{theme}/{name}.yml", "",
    )  # fmt: skip


RULES = [rule("forbidden", "flow"), rule("office", "malware"), rule("hunting", "other")]


@pytest.fixture
def desk():
    return MemoryDesk({one.id: one for one in RULES})


def put(desk, rule_id, at, received, number, **event):
    fields = {name.replace("__", "."): value for name, value in event.items()}
    hit = Hit(rule_id, Severity.HIGH, f"midori.x.{number}", "x", number, at, received, "mynumber", fields)
    desk.put_hits([hit], {"x": number}, received + timedelta(seconds=2))


def scene(story):
    return next(one for one in STATE.plan.history() if one.story == story)


def result(report, story):
    return next(one for one in report.stories if one.id == story)


def test_nothing_on_the_desk_is_nothing_detected(desk):
    report = make_report(STATE, desk, RULES)
    assert len(report.stories) == len(STORIES) >= 8
    assert not any(story.detected for story in report.stories)
    assert (report.false_alerts, report.alerts) == (0, 0)


def test_a_past_story_is_found_by_address_and_time_and_its_delay_counts_from_receipt(desk):
    past = scene("mynumber-to-internet")
    address = next(marker for marker in past.markers if marker.startswith("10."))
    put(desk, "forbidden", past.start + timedelta(seconds=1), BUILT, 1, source__ip=address)
    found = result(make_report(STATE, desk, RULES), "mynumber-to-internet")
    assert found.detected
    assert (found.rules, found.delay_s, found.alerts) == (("forbidden",), 2.0, (1,))


def test_a_live_story_s_delay_counts_from_its_first_line(desk):
    live = next(one for one in STATE.plan.live(BUILT, BUILT + timedelta(minutes=24)) if one.story == "mail-chain")
    name = next(marker for marker in live.markers if marker.startswith("I-"))
    at = live.start + timedelta(seconds=6)
    put(desk, "office", at, at, 1, host__name=f"{name}.soto.city.midori.example")
    found = result(make_report(STATE, desk, RULES), "mail-chain")
    assert (found.delay_s, found.detected_times) == (8.0, 1)
    assert found.times >= 2


def test_a_rule_of_another_theme_belongs_to_the_story_but_does_not_detect_it(desk):
    past = scene("mail-chain")
    name = next(marker for marker in past.markers if marker.startswith("I-"))
    put(desk, "hunting", past.start, BUILT, 1, host__name=name)
    report = make_report(STATE, desk, RULES)
    assert not result(report, "mail-chain").detected
    assert result(report, "mail-chain").rules == ("hunting",)
    assert report.false_alerts == 0


def test_what_no_story_explains_is_a_false_alert(desk):
    past = scene("mail-chain")
    put(desk, "office", past.start, BUILT, 1, host__name="I-9999")
    put(desk, "office", past.start - timedelta(hours=3), BUILT, 2, host__name=next(iter(past.markers)))
    report = make_report(STATE, desk, RULES)
    assert (report.false_alerts, report.false_by_rule) == (2, {"office": 2})


def test_a_repeated_story_that_raised_an_alert_counts_as_detected_without_a_delay(desk):
    past = scene("mynumber-to-internet")
    address = next(marker for marker in past.markers if marker.startswith("10."))
    early = past.start - timedelta(days=2)
    put(desk, "forbidden", early, early, 1, source__ip=address)
    put(desk, "forbidden", past.start, past.start, 2, source__ip=address)
    found = result(make_report(STATE, desk, RULES), "mynumber-to-internet")
    assert (found.detected, found.delay_s) == (True, None)
