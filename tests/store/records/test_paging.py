"""Notices in the transaction of their alert, and the outbox: nothing is lost, nothing is told twice without need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secops.errors import NotFoundError
from secops.schema.severity import Severity
from secops.siem.ports import (
    Batch,
    Condition,
    Hit,
    LastPaged,
    Notice,
    NoticeState,
    OutgoingState,
    Page,
    Rule,
    Scope,
    Verdict,
)
from secops.store.records import open_records
from secops.store.records.records import Records
from tests.databases import new_records

NOW = datetime(2026, 11, 22, 17, 4, tzinfo=UTC)
ALL = Scope()
MINUTE = timedelta(minutes=1)


def rule(name: str, level: Severity) -> Rule:
    values: dict[str, Any] = dict.fromkeys(
        ["title", "title_ja", "description", "description_ja", "path", "text"], "x"
    ) | dict.fromkeys(["tags", "clauses", "next_steps", "false_positives"], ())
    return Rule(id=name, name=name, level=level, group_by=("host.name",), logsource={}, **values)


RULES = [rule("high", Severity.HIGH), rule("low", Severity.LOW)]


def hit(name: str, seq: int, host: str = "K-0213", zone: str = "lgwan", level: Severity = Severity.HIGH) -> Hit:
    event = {"host.name": host, "labels.zone": zone}
    return Hit(name, level, f"midori.fw.{seq}", "fw", seq, NOW, NOW, zone, event)


@pytest.fixture
def records(records_place: Path | str) -> Iterator[Records]:
    opened = open_records(records_place, RULES, page_from=Severity.HIGH)
    yield opened
    opened.dispose()


class Clerk:
    """Decides as it is told and remembers what it was asked."""

    def __init__(self, state: NoticeState = NoticeState.PAGED, channel: str = "mail") -> None:
        self.asked: list[Notice] = []
        self.last: LastPaged | None = None
        self.state, self.channel = state, channel

    def __call__(self, notices: Any, last: LastPaged | None) -> list[Batch]:
        self.asked, self.last = list(notices), last
        page = Page("a", self.channel, "a@example.lg.jp", {"kind": "alert", "count": len(notices)})
        ids = [one.id for one in notices]
        return [Batch(ids, self.state, notices[0].step + 1, NOW + 15 * MINUTE, [page], "当番一")]


def asked(records: Records, now: datetime = NOW) -> list[tuple[str, int | None]]:
    clerk = Clerk()
    records.paging.advance(clerk, now)
    return [(one.cause.value, one.alert_id) for one in clerk.asked]


def test_an_alert_of_the_level_is_noticed_once_however_often_it_hits(records):
    records.put_hits([hit("high", 1), hit("low", 2, level=Severity.LOW)], {"fw": 2}, NOW)
    records.put_hits([hit("high", 3), hit("high", 4)], {"fw": 4}, NOW)
    assert asked(records) == [("opened", 1)]
    records.put_hits([hit("high", 5)], {"fw": 5}, NOW)
    assert asked(records) == []


def test_one_that_has_risen_is_noticed_again(records):
    records.put_hits([hit("low", 1, level=Severity.LOW)], {"fw": 1}, NOW)
    assert asked(records) == []
    records.put_hits([hit("low", 2, level=Severity.CRITICAL)], {"fw": 2}, NOW)
    assert asked(records) == [("risen", 1)]


def test_one_that_is_opened_again_or_by_hand_is_noticed(records):
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    asked(records)
    records.close([1], Verdict.FALSE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    records.reopen([1], actor="a", scope=ALL, now=NOW)
    case = {"title": "USB の紛失", "category": "loss", "zone": "lgwan", "department": "", "text": "", "actor": "a"}
    records.open_manual(**case, severity=Severity.HIGH, now=NOW)
    assert asked(records) == [("reopened", 1), ("opened", 2)]


def test_a_transaction_that_fails_leaves_no_notice(records):
    """Both or none: the alert and its notice are one transaction."""
    with pytest.raises(AttributeError):  # behind the alert, within its transaction
        records.put_hits([hit("high", 1)], {"fw": 1}, NOW, feed=object())
    assert asked(records) == []
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    assert asked(records) == [("opened", 1)]


@pytest.mark.parametrize("how", ["assign", "close", "confirm"])
def test_an_answer_ends_the_calling_and_what_waits_is_not_sent(records, how):
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    records.paging.advance(Clerk(), NOW)
    assert records.paging.waits(1)
    if how == "assign":
        records.assign([1], "toban", actor="toban", scope=ALL, now=NOW)
    elif how == "close":
        records.close([1], Verdict.FALSE_POSITIVE, "x", actor="toban", scope=ALL, now=NOW)
    else:
        assert records.paging.confirm_alert(1, actor="toban", scope=ALL, now=NOW)
        assert not records.paging.confirm_alert(1, actor="toban", scope=ALL, now=NOW)
        assert records.detail(1, ALL).alert.state == "open"
    assert not records.paging.waits(1)
    assert asked(records, NOW + 60 * MINUTE) == []
    records.paging.sweep(NOW, NOW - 60 * MINUTE)
    assert records.paging.counts().states == {"superseded": 1}
    actions = [entry.action for entry in records.detail(1, ALL).history]
    assert actions[:2] == ["detected", "notified"]
    assert ("confirmed" in actions) == (how == "confirm")


def test_its_turn_comes_again_after_the_time(records):
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    records.paging.advance(Clerk(), NOW)
    assert asked(records, NOW + 14 * MINUTE) == []
    clerk = Clerk(NoticeState.EXHAUSTED)
    assert records.paging.advance(clerk, NOW + 15 * MINUTE) == 1
    assert clerk.asked[0].step == 1
    assert clerk.last == LastPaged(NOW, Severity.HIGH)
    assert records.paging.counts().unanswered == records.paging.unanswered() == 1
    assert (records.paging.counts().unanswered_alerts, records.paging.counts().unanswered_conditions) == ([1], [])
    records.assign([1], "toban", actor="toban", scope=ALL, now=NOW)
    assert records.paging.counts().unanswered == 0


def test_tries_are_counted_and_given_up_after_a_day_until_somebody_has_seen_it(records):
    desk = records.paging
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    desk.advance(Clerk(), NOW)
    (one,) = desk.due("mail", NOW, 10)
    desk.attempted(one, ok=False, text="450 " + "later " * 200, next_at=NOW + MINUTE, now=NOW)
    assert desk.due("mail", NOW, 10) == []
    assert desk.counts().failing == {"mail": NOW}
    (again,) = desk.due("mail", NOW + MINUTE, 10)
    assert (again.id, again.state, again.attempts, len(again.reason)) == (one.id, OutgoingState.FAILED, 1, 500)
    day = NOW + timedelta(days=1, minutes=1)
    assert desk.sweep(day, day - timedelta(days=1)) == 1
    assert desk.due("mail", day, 10) == []
    assert (desk.counts().states, desk.counts().given_up, desk.counts().failing) == ({"given_up": 1}, 1, {})
    assert desk.confirm_given_up(actor="kanri", peer="cli", now=day) == 1
    assert (desk.counts().states, desk.counts().given_up) == ({"given_up": 1}, 0)
    assert records.accounts.audit_log(action="notify.given_up_seen")[0].actor == "kanri"
    found, tries = desk.outgoing(one.id, ALL)
    assert (found.state, len(tries), tries[0].ok) == (OutgoingState.GIVEN_UP, 1, False)


def test_what_was_sent_after_all_counts_as_sent(records):
    """A try that went on while the message was given up: it arrived."""
    desk = records.paging
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    desk.advance(Clerk(), NOW)
    (one,) = desk.due("mail", NOW, 10)
    desk.sweep(NOW + 2 * MINUTE, NOW + MINUTE)
    desk.attempted(one, ok=False, text="late", next_at=NOW, now=NOW)
    assert desk.counts().states == {"given_up": 1}
    desk.attempted(one, ok=True, text="ok", next_at=None, now=NOW)
    assert desk.counts().states == {"sent": 1}


def test_an_alert_that_a_replay_removed_calls_nobody(records):
    records.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    records.paging.advance(Clerk(), NOW)
    records.replay_sink().put_hits([], {"fw": 1}, NOW)
    assert records.swap_replay(NOW).removed == 1
    assert asked(records, NOW + 15 * MINUTE) == []
    assert records.paging.counts().pending == 0


def test_what_a_replay_opens_is_noticed(records):
    records.put_hits([], {"fw": 1}, NOW)
    records.replay_sink().put_hits([hit("high", 1)], {"fw": 1}, NOW)
    records.swap_replay(NOW)
    assert [cause for cause, _alert in asked(records)] == ["opened"]


def test_a_condition_begins_and_is_over_once_each(records):
    desk = records.paging
    low = Condition("disk_low", "", "", Severity.HIGH, NOW)
    desk.settle([low], [], NOW)
    desk.settle([low], [], NOW)
    (going,) = desk.conditions(ALL, open_only=True)
    clerk = Clerk()
    desk.advance(clerk, NOW)
    assert [(one.cause.value, one.condition) for one in clerk.asked] == [("began", "disk_low")]
    desk.settle([], [going], NOW + MINUTE)
    desk.settle([], [going], NOW + MINUTE)
    clerk = Clerk(NoticeState.ENDED)
    desk.advance(clerk, NOW + MINUTE)
    assert [(one.cause.value, one.step) for one in clerk.asked] == [("over", 1)]
    desk.sweep(NOW + MINUTE, NOW - MINUTE)
    assert desk.counts().states == {
        "superseded": 1,
        "waiting": 1,
    }  # that it began was not sent yet: its end says it all
    assert desk.conditions(ALL)[0].ended == NOW + MINUTE
    desk.settle([replace(low, began=NOW + 2 * MINUTE)], [], NOW + 2 * MINUTE)
    assert len(desk.conditions(ALL)) == 2


def test_a_confirmed_condition_calls_nobody_else_and_goes_on(records):
    desk = records.paging
    desk.settle([Condition("stalled", "", "", Severity.HIGH, NOW)], [], NOW)
    desk.advance(Clerk(), NOW)
    desk.confirm_condition(1, actor="kanri", peer="127.0.0.1", scope=ALL, now=NOW)
    assert asked(records, NOW + 60 * MINUTE) == []
    assert desk.conditions(ALL, open_only=True)[0].confirmed_by == "kanri"
    with pytest.raises(NotFoundError, match="稼働の異常 9"):
        desk.confirm_condition(9, actor="kanri", peer="", scope=ALL, now=NOW)


def test_who_sees_some_zones_sees_the_messages_about_their_alerts_only(records):
    desk = records.paging
    records.put_hits([hit("high", 1), hit("high", 2, "M-0001", "mynumber")], {"fw": 2}, NOW)
    desk.advance(lambda notices, last: [Clerk()([one], last)[0] for one in notices], NOW)
    for one in desk.due("mail", NOW, 10):
        desk.attempted(one, ok=True, text="ok", next_at=None, now=NOW)
    few = Scope(zones=frozenset({"lgwan"}))
    assert (desk.outbox(ALL)[1], desk.outbox(few)[1]) == (2, 1)
    assert (len(desk.attempts(ALL)), len(desk.attempts(few))) == (2, 1)
    hidden = ({one.id for one in desk.outbox(ALL)[0]} - {one.id for one in desk.outbox(few)[0]}).pop()
    with pytest.raises(NotFoundError):
        desk.outgoing(hidden, few)
    quiet = [Condition("source_silent", zone, zone, Severity.HIGH, NOW) for zone in ("", "lgwan", "mynumber")]
    desk.settle(quiet, [], NOW)
    assert {one.zone for one in desk.conditions(few)} == {"", "lgwan"}
    other = next(one.id for one in desk.conditions(ALL) if one.zone == "mynumber")
    with pytest.raises(NotFoundError):
        desk.confirm_condition(other, actor="x", peer="", scope=few, now=NOW)
    with pytest.raises(NotFoundError):
        desk.confirm_alert(2, actor="x", scope=few, now=NOW)


def test_where_nobody_can_be_paged_nothing_is_noticed_and_conditions_are_kept(tmp_path):
    quiet = open_records(new_records(tmp_path / "records.db"), RULES)
    quiet.put_hits([hit("high", 1)], {"fw": 1}, NOW)
    quiet.paging.settle([Condition("stalled", "", "", Severity.HIGH, NOW)], [], NOW)
    assert asked(quiet) == []
    assert (quiet.paging.counts().enabled, quiet.paging.counts().conditions) == (False, 1)
    quiet.dispose()
