"""What a correlation counted is on the page of its alert, and how correlations stand on the page of sources."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from secops.siem.health import CorrelationHealth
from secops.siem.ports import Contribution, MatchedValue
from tests.web.stage import HOSTILE, LOGON, NOW, Stage, hit
from tests.web.test_web_pages import words


@pytest.fixture
def counted(stage: Stage) -> int:
    """An alert of a correlation that counted 60 events and shows the newest two."""
    why = (
        MatchedValue("value_count", "TargetUserName", "gte", "10", "60"),
        MatchedValue("group-by", "source.ip", "=", "", "10.9.9.9"),
    )
    events = tuple(
        Contribution(LOGON.id, f"sumida.dc1.{n}", "dc1", n, NOW - timedelta(minutes=9 - n), zone,
                     {"event.action": "logon-failed", "user.name": user, "host.name": "dc1"})
        for n, (zone, user) in enumerate((("lgwan", "tanaka"), ("mynumber", HOSTILE)), 1)
    )  # fmt: skip
    closing = hit(LOGON, 9001, timedelta(minutes=7), "lgwan", why, source__ip="10.9.9.9")
    whole = dataclasses.replace(closing, event_id=f"{closing.event_id}+00ff00ff", contributing=events, contributed=60)
    outcome = stage.desk.put_hits([whole], {}, NOW)
    [number] = outcome.opened
    return number


def test_the_page_shows_the_events_and_links_to_them(stage: Stage, counted: int):
    text = stage.client("touban").get(f"/alerts/{counted}").text
    said = words(text)
    assert "寄与した記録" in said
    assert "条件に当てはまった記録 60 件(新しい 2 件)" in said
    assert "条件に当てはまる記録が 60 件ありました" in said
    assert 'href="/events/sumida.dc1.2"' in text
    assert 'href="/events/sumida.fw01.9001"' in text, "the event, not the group"
    assert "tanaka" in said
    assert HOSTILE not in text


def test_other_alerts_have_no_such_part(stage: Stage):
    assert "寄与した記録" not in stage.client("touban").get("/alerts/3").text


def test_sources_say_how_correlations_stand(stage: Stage):
    stage.correlation = CorrelationHealth(3, 7, 120, 0, NOW - timedelta(minutes=11), {"r1": 4}, {"r2": 5})
    text = words(stage.client("touban").get("/sources").text)
    assert "7 組(120 件)" in text
    assert "660 秒" in text
    assert "遅れて届いた記録 4 r1" in text
    assert "多すぎて忘れた記録 5 r2" in text
