"""Reminders on the console: shown before they are sent, once a day, nothing of a person in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from secops.access.ports import Role
from secops.notify import message
from secops.settings_notify import NotifySettings
from secops.siem.ports import OutgoingState, Scope
from secops.store.records.trail import SqlTrail
from tests.rounds import begin
from tests.web.stage import Stage, csrf


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    made.person("lead", Role.AUDIT_LEAD)
    begin(made.rounds)
    yield made
    made.close()


def send(browser, *departments: str, of: str = "2026"):
    return browser.post("/audit/remind", data={"csrf": csrf(browser), "round": of, "departments": departments})


def outbox(stage: Stage):
    return stage.paging.outbox(Scope())[0]


def test_the_preview_names_who_gets_one_and_who_has_no_address(stage):
    lead = stage.client("lead")
    assert "/audit/remind?round=2026" in lead.get("/audit/progress").text
    page = lead.get("/audit/remind").text
    assert "うちメールアドレスのある課 2、ない課 1" in page
    assert "zeimu@example.lg.jp" in page
    assert "メールアドレスのない課(1)" in page
    assert "区民課 情報セキュリティ管理者 様" in page, "the text to copy"
    assert "【期限超過】情報セキュリティ自己点検のお願い" in page
    assert not outbox(stage), "nothing goes out by looking"


def test_what_is_sent_holds_counts_and_an_address_and_no_more(stage):
    done = send(stage.client("lead"), "zeimu", "kumin")
    assert done.headers["location"] == "/audit/remind?round=2026&sent=1&already=0"
    (one,) = outbox(stage)
    assert (one.kind, one.person, one.channel, one.address) == ("reminder", "zeimu", "mail", "zeimu@example.lg.jp")
    said = message.from_plain(one.content)
    assert said.round == "2026"
    text = message.subject(said) + message.text(said)
    for fact in ("〇〇区", "2026", "1 枚", "3 項目", "令和8年7月31日", "http://127.0.0.1/inspection"):
        assert fact in text
    assert "税務課" not in json.dumps(one.content, ensure_ascii=False)
    trail = SqlTrail(stage.database).entries(target="plan 2026")
    assert (trail[0].action, trail[0].detail["departments"]) == ("reminders.sent", ["zeimu"])


def test_a_department_gets_one_a_day_at_most(stage):
    lead = stage.client("lead")
    send(lead, "zeimu", "joho")
    assert send(lead, "zeimu", "joho").headers["location"].endswith("sent=0&already=2")
    assert len(outbox(stage)) == 2
    stage.clock += timedelta(days=1)
    assert send(stage.client("lead"), "zeimu").headers["location"].endswith("sent=1&already=0")


def test_a_reminder_is_tried_again_and_given_up_like_every_message(stage):
    send(stage.client("lead"), "zeimu")
    (one,) = stage.paging.due("mail", stage.clock, 10)
    stage.paging.attempted(one, ok=False, text="断られました", next_at=stage.clock, now=stage.clock)
    page = stage.client("lead").get("/audit/remind").text
    assert "断られました" in page
    assert stage.paging.sweep(stage.clock, stage.clock - timedelta(hours=1)) == 0, "no alert is behind it: it stays"
    assert stage.paging.sweep(stage.clock, stage.clock + timedelta(seconds=1)) == 1
    assert outbox(stage)[0].state is OutgoingState.GIVEN_UP
    stage.person("admin", Role.ADMIN)
    assert "情報セキュリティ自己点検のお願い" in stage.client("admin").get("/notify").text


@pytest.mark.parametrize(
    ("departments", "of", "why"),
    [
        ((), "2026", "送る相手がいません"),
        (("kumin", "../x"), "2026", "送る相手がいません"),
        (("zeimu",), "1999", "選ばれていません"),
    ],
)
def test_nobody_to_write_to_is_said(stage, departments, of, why):
    done = send(stage.client("lead"), *departments, of=of)
    assert done.status_code == 400
    assert why in done.text
    assert not outbox(stage)


def test_without_a_mail_server_the_page_says_what_to_set_up(stage):
    stage.settings = stage.settings.model_copy(update={"notify": NotifySettings()})
    stage.__dict__.pop("app", None)
    lead = stage.client("lead")
    page = lead.get("/audit/remind").text
    assert "メールの通知手段がないため送れません" in page
    assert "選んだ課に送る" not in page
    assert send(lead, "zeimu").status_code == 409
