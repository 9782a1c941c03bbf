"""The guideline's pages: clause by clause with what names it; a revision, its work list, and who may change it."""

from __future__ import annotations

import re

import pytest

from tests.web.stage import csrf

EDITIONS = {"from": "2024-10", "to": "2025-03"}


def make(stage, who="policy_owner", **more):
    browser = stage.client(who)
    form = {"csrf": csrf(browser), "older": "2024-10", "newer": "2025-03", **more}
    return browser, browser.post("/policy/impact/make", data=form)


def change(browser, **form):
    return browser.post("/policy/impact/work", data={"csrf": csrf(browser), "list_id": 1, **form})


def test_an_edition_shows_its_clauses_and_that_they_are_no_official_text(stage):
    html = stage.client("viewer").get("/policy/guideline").text
    assert 'id="mic-2025-03-6.1-6"' in html
    assert "公式の文ではありません" in html
    assert html.count('class="clause ') == 187


def test_a_clause_tells_which_items_rules_and_clauses_of_ours_name_it(stage):
    html = stage.client("policy_owner").get("/policy/guideline?edition=2025-03").text
    clause = html[html.index('id="mic-2025-03-6.1-10"') :][:4000]
    assert "/rules/zone-crossing" in clause
    assert "/audit/items/" in clause
    assert "/policy/documents/taisaku#" in clause


def test_an_older_edition_is_reached_through_the_map(stage):
    html = stage.client("policy_owner").get("/policy/guideline?edition=2018-09").text
    assert "/rules/zone-crossing" in html[html.index('id="mic-2018-09-6.1-10"') :][:4000]
    assert "収めている最も古い版です。" in html


def test_only_changed_clauses_and_an_unknown_edition(stage):
    browser = stage.client("staff")
    changed = browser.get("/policy/guideline?edition=2025-03&changed=1").text
    assert 'id="mic-2025-03-6.1-13"' in changed
    assert 'id="mic-2025-03-6.1-14"' not in changed
    assert "1999-01" in browser.get("/policy/guideline?edition=1999-01").text


def test_rules_are_no_links_for_who_may_not_see_them(stage):
    assert "/rules/" not in stage.client("staff").get("/policy/guideline").text


def test_a_revision_lists_what_it_touches_and_what_does_not_exist_yet(stage):
    html = stage.client("viewer").get("/policy/impact", params=EDITIONS).text
    assert "無線LANを使うときの条件" in html
    assert "確認テストの問題: このプログラムにはまだありません" in html
    assert "自己点検票(課)" in html
    assert "/policy/impact/make" not in html


@pytest.mark.parametrize(("older", "newer"), [("2025-03", "2024-10"), ("2025-03", "/etc/passwd"), ("x", "y")])
def test_what_cannot_be_compared_is_told(stage, older, newer):
    answer = stage.client("policy_owner").get("/policy/impact", params={"from": older, "to": newer})
    assert answer.status_code == 200
    assert "notice warn" in answer.text


def test_the_owner_makes_a_list_assigns_it_and_ticks_it_off(stage):
    browser, answer = make(stage, due="2026-11-01")
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    ids = re.findall(r'name="ids" value="(\d+)"', page)
    assert len(ids) > 20
    assert "期限超過(0)" not in page
    assert "⚠ 令和8年11月1日" in page
    assert change(browser, ids=ids[:2], action="assign", owner="監査担当", due="2027-03-31").status_code == 303
    assert change(browser, ids=ids[:1], action="done", note="直した").status_code == 303
    done = browser.get("/policy/impact?list=1&show=done").text
    assert "直した" in done
    assert re.findall(r'name="ids" value="(\d+)"', done) == ids[:1]
    late = browser.get("/policy/impact?list=1&show=overdue").text
    assert len(re.findall(r'name="ids"', late)) == len(ids) - 2
    assert change(browser, ids=ids[:1], action="reopen").status_code == 303
    assert len(stage.review_work.items(open_only=True)) == len(ids)


def test_the_same_list_is_only_added_to(stage):
    make(stage)
    _browser, answer = make(stage)
    assert "list=1" in answer.headers["location"]
    assert len(stage.review_work.lists()) == 1


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "done"}, 400),
        ({"ids": [1], "action": "x"}, 400),
        ({"ids": [1], "action": "assign"}, 400),
        ({"ids": [1], "action": "assign", "due": "3月"}, 400),
        ({"ids": [999], "action": "done"}, 404),
        ({"ids": [1], "action": "done", "list_id": 2}, 404),
        ({"ids": [10**30], "action": "done"}, 400),
        ({"ids": [1], "action": "reopen"}, 409),
    ],
)
def test_wrong_forms_change_nothing(stage, form, status):
    browser, _answer = make(stage)
    assert change(browser, **form).status_code == status
    assert len(stage.review_work.items(open_only=True)) == len(stage.review_work.items())


def test_only_who_may_edit_the_policy_changes_lists(stage):
    make(stage)
    for who in ("viewer", "auditor", "admin", "csirt"):
        browser, answer = make(stage, who)
        assert answer.status_code == 403
        assert change(browser, ids=[1], action="done").status_code == 403
        assert 'name="ids"' not in browser.get("/policy/impact").text


def test_titles_of_rules_are_english_where_the_screen_is(stage):
    """In what a revision touches, in the work list that was made in Japanese, and beside the clauses."""
    make(stage)
    browser = stage.client("policy_owner")
    browser.cookies.set("secops_lang", "en")
    for path in ("/policy/impact?from=2024-10&to=2025-03", "/policy/guideline"):
        html = browser.get(path).text
        assert "Traffic from the mynumber zone to the internet zone" in html
        assert "マイナンバー利用事務系からインターネット接続系への通信" not in html
    browser.cookies.set("secops_lang", "ja")
    assert "マイナンバー利用事務系からインターネット接続系への通信" in browser.get("/policy/impact").text


@pytest.mark.parametrize("path", ["/findings", "/horizontal", "/audit/plans", "/policy/import"])
def test_the_navigation_shows_where_one_is(stage, path):
    who = "policy_owner" if path.startswith("/policy") else "audit_lead"
    nav = re.search(r'<nav class="nav".*?</nav>', stage.client(who).get(path).text, re.DOTALL)
    assert nav
    marked = re.findall(r'href="([^"]+)"[^>]*aria-current', nav[0])
    assert marked == ["/policy" if path.startswith("/policy") else "/audit"]
