"""The pages of gaps and of comparison: what they say, and what can be decided there."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date

import docx

from secops.access.ports import Role
from secops.isms.policy.ports import Decision
from tests.web.stage import NOW, Stage, csrf

DAY = date(2026, 11, 23)
CLOUD = "mic-2025-03-8.4-2"


def publish(stage: Stage, effective: date, change=None) -> None:
    """A version of the sample's standard, with a clause changed where told."""
    library = stage.links.library
    document = library.entry("taisaku", DAY).working
    if change:
        document = replace(document, clauses=tuple(map(change, document.clauses)))
    seen = library.save(document, seen=library.shelf.draft("taisaku").revision, by="owner", now=NOW).revision
    decision = Decision(effective, "情報セキュリティ委員会", date(2025, 3, 1), "ガイドラインの改定")
    library.publish("taisaku", decision, seen=seen, by="owner", now=NOW)


def reworded(one):
    return replace(one, text=one.text.replace("職員等は", "職員等及び委託事業者は")) if one.id == "taisaku-a37" else one


def decide(browser, verdict: str, reason: str = "", clause: str = "taisaku-a98", guideline: str = CLOUD):
    values = {"csrf": csrf(browser), "clause": clause, "guideline": guideline, "verdict": verdict, "reason": reason}
    return browser.post("/policy/gap/link?status=missing", data=values)


def statuses(text: str) -> dict[str, str]:
    """Clause → the word of its status, as the page says."""
    parts = re.findall(r'<article class="card clause" id="([^"]+)">.*?class="standing s-(\w+)"', text, re.DOTALL)
    return dict(parts)


def test_the_page_counts_clauses_by_status_and_filters_by_status_and_chapter(stage):
    browser = stage.client("viewer")
    assert len(statuses(browser.get("/policy/gap").text)) == 151
    missing = statuses(browser.get("/policy/gap?status=missing").text)
    assert missing
    assert set(missing.values()) == {"missing"}
    only = statuses(browser.get("/policy/gap?status=missing&chapter=mic-2025-03-8").text)
    assert set(only) == {CLOUD}


def test_a_suggestion_shows_its_score_and_the_words_that_matched(stage):
    text = stage.client("policy_owner").get("/policy/gap?status=missing").text
    assert "機密性2以上の情報を扱わないクラウドサービスの利用" in text
    assert re.search(r"近さ 0\.\d\d", text)
    assert "クラウドサービスの利用" in text


def test_only_who_edits_the_policy_sees_the_buttons(stage):
    assert "不採用にする" in stage.client("policy_owner").get("/policy/gap").text
    assert "不採用にする" not in stage.client("viewer").get("/policy/gap").text
    assert decide(stage.client("viewer"), "confirm").status_code == 403


def test_a_confirmed_suggestion_counts_as_a_link(stage):
    browser = stage.client("policy_owner")
    answer = decide(browser, "confirm")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/policy/gap?status=missing&done=confirm#{CLOUD}"
    text = browser.get("/policy/gap").text
    assert statuses(text)[CLOUD] == "covered"
    assert "候補から採用" in text
    assert decide(browser, "withdraw").status_code == 303
    assert statuses(browser.get("/policy/gap").text)[CLOUD] == "missing"


def test_a_refusal_needs_a_reason_and_is_shown_with_who_when_and_why(stage):
    browser = stage.client("policy_owner")
    answer = decide(browser, "refuse")
    assert answer.status_code == 400
    assert "採用しない理由を入力してください" in answer.text
    assert decide(browser, "refuse", "申請だけの規定").status_code == 303
    text = browser.get("/policy/gap?status=missing").text
    assert "申請だけの規定" in text
    assert "候補 </span>" not in text
    assert (
        'value="taisaku-a98"><input type="hidden" name="guideline" value="mic-2025-03-8.4-2"><button class="quiet'
        in text
    )


def test_what_does_not_exist_is_refused(stage):
    browser = stage.client("policy_owner")
    assert decide(browser, "confirm", clause="nowhere").status_code == 404
    assert decide(browser, "confirm", guideline="mic-2025-03-99").status_code == 404
    assert decide(browser, "maybe").status_code == 400
    assert browser.get("/policy/gap?edition=1999-01").status_code == 404


def test_a_link_in_the_text_cannot_be_refused_away(stage):
    answer = decide(stage.client("policy_owner"), "refuse", "x", "taisaku-a48", "mic-2025-03-6.1-2")
    assert answer.status_code == 409


def test_a_confirmation_is_written_into_an_open_draft(stage):
    library = stage.links.library
    library.save(library.entry("taisaku", DAY).working, seen=0, by="owner", now=NOW)
    decide(stage.client("policy_owner"), "partly")
    links = library.entry("taisaku", DAY).working.by_id["taisaku-a98"].links
    assert (CLOUD, "partly") in [(one.guideline, one.kind.value) for one in links]


def test_with_one_version_there_is_nothing_to_compare_yet(stage):
    browser = stage.client("viewer")
    assert "比べられる版がまだ二つありません" in browser.get("/policy/compare").text
    assert browser.get("/policy/compare/docx?document=taisaku").status_code == 404


def test_two_versions_stand_side_by_side_with_what_changed_underlined(stage):
    publish(stage, date(2025, 4, 1))
    publish(stage, date(2027, 4, 1), reworded)
    text = stage.client("viewer").get("/policy/compare").text
    assert re.findall(r"<th scope=\"col\">(.*?)</th>", text) == ["改正後", "改正前"]
    assert "<u><bdi>及び委託事業者</bdi></u>" in text
    assert "この対策基準は、令和9年4月1日から施行する。" in text
    assert "ガイドラインの改定" in text


def test_the_same_can_be_taken_away_as_a_word_file(stage):
    publish(stage, date(2025, 4, 1))
    publish(stage, date(2027, 4, 1), reworded)
    answer = stage.client("viewer").get("/policy/compare/docx?document=taisaku&old=1&new=2")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    found = docx.Document(io.BytesIO(answer.content))
    assert found.paragraphs[0].text == "みどり区情報セキュリティ対策基準の改正理由"


def test_a_draft_is_compared_only_for_who_works_on_drafts(stage):
    publish(stage, date(2025, 4, 1))
    library = stage.links.library
    document = library.entry("taisaku", DAY).working
    changed = replace(document, clauses=tuple(map(reworded, document.clauses)))
    library.save(changed, seen=library.shelf.draft("taisaku").revision, by="owner", now=NOW)
    assert "改正案(保存" in stage.client("policy_owner").get("/policy/compare").text
    for role in (Role.VIEWER, Role.AUDITOR):
        text = stage.client(role.value).get("/policy/compare?document=taisaku&old=1&new=draft").text
        assert "及び委託事業者" not in text
        assert "比べられる版がまだ二つありません" in text


def test_a_document_that_does_not_exist_is_not_found(stage):
    assert stage.client("viewer").get("/policy/compare?document=nothing").status_code == 404
