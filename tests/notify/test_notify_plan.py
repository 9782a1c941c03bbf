"""What is sent to whom next: escalation, storms, quiet, retries; and that no message holds anything of an event."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secops.notify import message, plan
from secops.schema.severity import Severity
from secops.settings import Settings
from secops.siem.ports import Batch, Cause, LastPaged, Notice, NoticeState

NOW = datetime(2026, 11, 22, 17, 4, 11, tzinfo=UTC)
SITE = Settings.model_validate(
    {
        "site": {"id": "midori", "name": "緑区"},
        "zones": {"lgwan": {"label": "LGWAN接続系"}, "mynumber": {"label": "マイナンバー利用事務系"}},
        "notify": {
            "url": "https://secops.example.lg.jp",
            "channels": [
                {"id": "mail", "kind": "mail", "host": "mail", "sender": "secops@example.lg.jp"},
                {"id": "lamp", "kind": "command", "argv": ["lamp"]},
            ],
            "people": [
                {"id": "a", "name": "当番一", "contacts": {"mail": "a@example.lg.jp", "lamp": "1"}},
                {"id": "b", "name": "当番二", "contacts": {"mail": "b@example.lg.jp"}},
                {"id": "boss", "name": "課長", "contacts": {"mail": "boss@example.lg.jp"}},
            ],
            "rota": ["a", "b"],
        },
    }
)
PLANNER = plan.Planner(SITE)


def notice(number: int, severity: Severity = Severity.HIGH, **more: Any) -> Notice:
    values = {"cause": Cause.OPENED, "zone": "lgwan", "at": NOW, "alert_id": 100 + number, **more}
    return Notice(id=number, severity=severity, **values)


def receivers(batch: Batch) -> list[tuple[str, str]]:
    return [(one.person, one.channel) for one in batch.pages]


def said(batch: Batch) -> message.Message:
    return message.from_plain(json.loads(json.dumps(batch.pages[0].content)))


def test_the_person_on_duty_gets_it_over_all_channels_at_once():
    (batch,) = PLANNER.decide([notice(1, Severity.CRITICAL)], None, NOW)
    assert receivers(batch) == [("a", "mail"), ("a", "lamp")]
    assert (batch.state, batch.step, batch.next_at) == (NoticeState.PAGED, 1, NOW + timedelta(minutes=15))
    told = said(batch)
    assert message.subject(told) == "[secops 緑区] ◆ 重大 アラート 1 件"
    text = message.text(told)
    for part in ("LGWAN接続系", "11月23日(月) 02:04:11 (JST)", "番号: 101", "https://secops.example.lg.jp/alerts/101"):
        assert part in text, part


def test_without_an_answer_the_next_then_everybody_then_nobody_more():
    people, steps, moment = [], [], NOW
    one = notice(1)
    while one.state is not NoticeState.EXHAUSTED:
        (batch,) = PLANNER.decide([one], None, moment)
        people.append(list(dict.fromkeys(page.person for page in batch.pages)))
        steps.append(batch.told)
        one = replace(one, state=batch.state, step=batch.step, next_at=batch.next_at)
        moment = batch.next_at or moment
    assert people == [["a"], ["b"], ["a", "b", "boss"], []]
    assert steps == ["当番一", "当番二", "全員", "全員に通知しましたが、応答なし"]
    assert moment == NOW + timedelta(minutes=45)


def test_a_storm_is_one_message_with_its_count_and_loses_nothing():
    last = LastPaged(NOW - timedelta(seconds=20), Severity.HIGH)
    storm = [notice(number) for number in range(1, 401)]
    assert PLANNER.decide(storm, last, NOW) == []
    (batch,) = PLANNER.decide(storm, last, NOW + timedelta(seconds=40))
    assert len(batch.notices) == 400
    told = said(batch)
    assert (told.count, len(told.numbers)) == (400, message.SHOWN)
    assert "ほか 390 件" in message.text(told)
    assert told.url == "https://secops.example.lg.jp/alerts"


def test_something_graver_does_not_wait_for_the_storm():
    last = LastPaged(NOW - timedelta(seconds=1), Severity.HIGH)
    (batch,) = PLANNER.decide([notice(1), notice(2, Severity.CRITICAL, zone="mynumber")], last, NOW)
    assert list(batch.notices) == [1, 2]
    assert said(batch).level == "critical"
    assert said(batch).zones == ("LGWAN接続系", "マイナンバー利用事務系")


def test_those_whose_turn_it_is_do_not_wait_for_the_storm():
    turn = notice(1, state=NoticeState.PAGED, step=1, next_at=NOW)
    (batch,) = PLANNER.decide([turn, notice(2)], LastPaged(NOW, Severity.HIGH), NOW)
    assert (list(batch.notices), batch.step) == ([1], 2)


def test_trouble_with_the_program_is_a_message_of_its_own_and_its_end_goes_to_as_many():
    began = notice(1, alert_id=None, condition_id=7, cause=Cause.BEGAN, condition="disk_low", zone="")
    alerts, trouble = PLANNER.decide([notice(2), began], None, NOW)
    assert said(trouble).topics == ("disk_low",)
    assert "ディスクの空き不足" in message.text(said(trouble))
    assert said(trouble).url.endswith("/notify")
    assert said(alerts).topics == ()
    over = replace(began, id=3, cause=Cause.OVER, step=2)
    (end,) = PLANNER.decide([over], LastPaged(NOW, Severity.CRITICAL), NOW)
    assert [one[0] for one in receivers(end)] == ["a", "a", "b"]
    assert end.state is NoticeState.ENDED
    assert "復旧" in message.subject(said(end))
    assert [one.person for one in PLANNER.decide([replace(over, step=3)], None, NOW)[0].pages][-1] == "boss"


def test_a_retry_comes_later_each_time_up_to_a_quarter_of_an_hour():
    waits = [(plan.next_try(attempts, NOW) - NOW).total_seconds() for attempts in range(1, 9)]
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert plan.next_try(10_000, NOW) == NOW + timedelta(minutes=15)


ANYTHING = st.text(min_size=1, max_size=30)


@given(
    zone=ANYTHING,
    condition=ANYTHING,
    number=st.integers(1, 10**9),
    severity=st.sampled_from(Severity),
    cause=st.sampled_from([Cause.OPENED, Cause.RISEN, Cause.REOPENED]),
)
@settings(max_examples=25)
def test_a_message_holds_nothing_that_came_from_a_log(zone, condition, number, severity, cause):
    """A notice has no other field that a log can reach: its zone, and whatever its condition might be called."""
    hostile = notice(1, severity, alert_id=number, zone=zone, condition=condition, cause=cause)
    plain = notice(1, severity, alert_id=number, zone="", condition="", cause=cause)
    if zone in SITE.zones or condition in message.CONDITIONS:
        return
    (found,), (expected,) = PLANNER.decide([hostile], None, NOW), PLANNER.decide([plain], None, NOW)
    assert found == expected


def test_labels_of_the_settings_cannot_break_a_line():
    odd = message.Message("alert", "緑区\r\nBcc: x@example.com", NOW, "high", zones=("a\nb",), numbers=(1,))
    assert "\n" not in message.subject(odd)
    assert "\r" not in message.text(odd)
    assert "系統: a b" in message.text(odd)
