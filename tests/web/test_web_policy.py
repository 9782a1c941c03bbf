"""Pages of the policy: documents and versions, drafts of several people, publishing, and clauses cited by alerts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from secops.access.ports import Role
from secops.isms.clauses.markdown import write_document
from secops.isms.policy.library import Files, Library, clause_digest, read_files
from secops.isms.policy.ports import Decision
from tests.web.stage import EDITIONS, HOSTILE, NOW, SAMPLE, Stage, csrf

TODAY = date(2026, 11, 23)
DECISION = Decision(date(2026, 4, 1), "情報セキュリティ委員会", date(2026, 3, 20), "国のガイドラインの改定")
AT = "/policy/documents/taisaku"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    made.person("doi", Role.POLICY_OWNER)
    made.person("mori", Role.POLICY_OWNER)
    made.person("yuri", Role.VIEWER)
    made.play()
    yield made
    made.close()


def publish(stage: Stage, name: str, decision: Decision = DECISION) -> None:
    library = stage.library
    document = library.entry(name, TODAY).working
    seen = library.save(document, seen=library.shelf.draft(name).revision, by="doi", now=NOW).revision
    library.publish(name, decision, seen=seen, by="doi", now=NOW)


def fields(page: str) -> dict[str, str]:
    """Hidden fields of the forms of a page; a later one takes the place of an earlier."""
    return dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', page))


def plain(page: str) -> str:
    """A page without its tags."""
    return re.sub(r"<[^>]*>", "", page)


def edit(browser: TestClient, clause: str, **values: str) -> dict[str, str]:
    """What somebody sends who opened the form of a clause and typed these values."""
    page = browser.get(f"{AT}/draft?clause={clause}").text
    typed = dict(re.findall(r'<input type="(?:text|date)" id="[a-z]+" name="([a-z]+)"[^>]*? value="([^"]*)"', page))
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return {**fields(page), **typed, "text": found[1], **values}


def test_the_first_page_says_what_is_in_force_and_what_is_missing(stage: Stage) -> None:
    publish(stage, "kihon")
    page = stage.client("yuri").get("/policy").text
    assert "みどり区情報セキュリティ基本方針" in page
    assert "令和8年4月1日 施行" in page
    assert "なし(見本)" in page
    assert "方針とする文書がない" in page  # 議会, 監査委員
    assert "公表した場所の記入がない" in page  # 選挙管理委員会
    assert "改正案を作る" not in page
    assert "公表を記入する" not in page


def test_the_publication_of_a_statutory_policy_is_entered(stage: Stage) -> None:
    publish(stage, "kihon")
    browser = stage.client("doi")
    form = {
        "csrf": csrf(browser),
        "document": "kihon",
        "body": "選挙管理委員会",
        "place": "区報 4月1日号",
        "day": "2026-04-01",
    }
    assert browser.post("/policy/statutory", data=form).status_code == 303
    assert "区報 4月1日号" in browser.get("/policy").text
    wrong = browser.post("/policy/statutory", data={**form, "body": "議会"})
    assert wrong.status_code == 400
    assert "「議会」がありません" in wrong.text


def test_a_document_has_an_anchor_for_each_clause_and_what_it_is_connected_with(stage: Stage) -> None:
    page = stage.client("yuri").get(AT).text
    for clause in stage.library.entry("taisaku", TODAY).working.clauses:
        assert f'id="{clause.id}"' in page
    part = page.split('id="taisaku-a60"')[0].split('id="taisaku-a56"')[1]
    assert "第56条" in part
    assert "/rules/zone-crossing" in part  # the rule that names mic-2025-03-6.1-10
    assert 'title="第14条第2項"' in page
    assert '<table class="in-text">' in page


def test_the_version_in_force_is_shown_and_others_can_be_chosen(stage: Stage) -> None:
    publish(stage, "taisaku")
    library = stage.library
    document = library.entry("taisaku", TODAY).working
    clauses = tuple(replace(one, text="改めた目的") if one.id == "taisaku-a1" else one for one in document.clauses)
    seen = library.save(replace(document, clauses=clauses), seen=2, by="doi", now=NOW).revision
    library.publish("taisaku", replace(DECISION, effective_on=date(2027, 4, 1)), seen=seen, by="doi", now=NOW)

    browser = stage.client("yuri")
    page = browser.get(AT).text
    assert "施行中(第 1 版)" in page
    assert "改めた目的" not in page
    later = browser.get(f"{AT}?version=2").text
    assert "施行前(第 2 版)" in later
    assert "改めた目的" in later
    for missing in ("3", "x", "draft", "-1"):
        assert browser.get(f"{AT}?version={missing}").status_code == 404
    assert browser.get("/policy/documents/kitei").status_code == 404


def test_a_clause_is_edited_and_the_draft_says_what_changes(stage: Stage) -> None:
    browser = stage.client("doi")
    sent = edit(
        browser, "taisaku-a14-2", text="分類を定める。\r\n\r\n# 表示も行う。", owner="総務課", review="2026-12-31"
    )
    answer = browser.post(f"{AT}/draft/clause", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{AT}/draft?done=saved#c-taisaku-a14-2")
    clause = stage.library.entry("taisaku", TODAY).working.by_id["taisaku-a14-2"]
    assert (clause.text, clause.owner, clause.review) == (
        "分類を定める。\n\n# 表示も行う。",
        "総務課",
        date(2026, 12, 31),
    )
    assert [link.guideline for link in clause.links] == ["mic-2025-03-2-2-2"]
    page = browser.get(f"{AT}/draft?done=saved").text
    assert "ファイルの文との違い 1 件" in page
    assert "第14条第2項" in page
    assert "分類を定める。" in browser.get(f"{AT}?version=draft").text
    assert "分類を定める。" not in stage.client("yuri").get("/policy").text


def test_two_people_at_one_clause_the_second_sees_what_the_first_wrote(stage: Stage) -> None:
    first, second = stage.client("doi"), stage.client("mori")
    mine, theirs = edit(first, "taisaku-a1", text="私の文"), edit(second, "taisaku-a1", text="彼の文")
    other = edit(second, "taisaku-a4", text="別の条")
    assert first.post(f"{AT}/draft/clause", data=mine).status_code == 303
    assert second.post(f"{AT}/draft/clause", data=other).status_code == 303
    refused = second.post(f"{AT}/draft/clause", data=theirs)
    assert refused.status_code == 409
    assert "私の文" in refused.text
    assert "彼の文" in refused.text
    working = stage.library.entry("taisaku", TODAY).working
    assert [working.by_id[name].text for name in ("taisaku-a1", "taisaku-a4")] == ["私の文", "別の条"]
    again = {**theirs, "was": fields(refused.text)["was"]}
    assert second.post(f"{AT}/draft/clause", data=again).status_code == 303
    assert stage.library.entry("taisaku", TODAY).working.by_id["taisaku-a1"].text == "彼の文"


def test_a_clause_with_mistakes_is_not_saved_and_keeps_what_was_typed(stage: Stage) -> None:
    browser = stage.client("doi")
    for wrong, said in (({"implements": "6.2"}, "mic-2025-03-6.1-6 のように"), ({"review": "31.12."}, "日付で入力")):
        answer = browser.post(f"{AT}/draft/clause", data=edit(browser, "taisaku-a1", text="打った文", **wrong))
        assert answer.status_code == 400
        assert said in answer.text
        assert "打った文" in answer.text
    assert not stage.library.shelf.draft("taisaku").open


def test_the_whole_text_is_checked_and_mistakes_are_named_with_their_line(stage: Stage) -> None:
    browser = stage.client("doi")
    page = browser.get(f"{AT}/draft?text=1").text
    seen = fields(page)["seen"]
    text = write_document(stage.library.entry("taisaku", TODAY).working)
    wrong = text.replace("# 第2章 組織体制 {#taisaku-c2}", "# 第2章 組織体制").replace("\n", "\r\n")
    line = text.split("\n").index("# 第2章 組織体制 {#taisaku-c2}") + 1
    form = {"csrf": csrf(browser), "seen": seen}
    answer = browser.post(f"{AT}/draft", data=form, files={"text": (None, wrong)})
    assert answer.status_code == 400
    assert f"{line} 行目" in plain(answer.text)
    assert "書いてください(文の行を # で始めるときは \\# と書きます)。# 第2章 組織体制" in plain(answer.text)
    fine = text.replace("この基準は、令和7年4月1日から", "この基準は、令和9年4月1日から")
    assert browser.post(f"{AT}/draft", data=form, files={"text": (None, fine)}).status_code == 303
    late = browser.post(f"{AT}/draft", data=form, files={"text": (None, text)})
    assert late.status_code == 409
    assert "附則" in late.text
    assert "令和9年" in stage.library.entry("taisaku", TODAY).working.clauses[-1].text


def test_a_text_of_half_a_megabyte_fits_and_a_huge_one_does_not(stage: Stage) -> None:
    browser = stage.client("doi")
    document = stage.library.entry("taisaku", TODAY).working
    long = replace(document, preamble="あ" * 190_000)
    form = {"csrf": csrf(browser), "seen": "0"}
    assert len(write_document(long).encode()) > 600_000
    assert browser.post(f"{AT}/draft", data=form, files={"text": (None, write_document(long))}).status_code == 303
    huge = browser.post(f"{AT}/draft", data=form, files={"text": (None, "あ" * 1_000_000)})
    assert huge.status_code in {400, 413}
    assert browser.post(f"{AT}/draft/clause", data={"text": "a" * 300_000, **form}).status_code == 413


def test_a_draft_is_published_after_it_was_looked_at(stage: Stage) -> None:
    browser = stage.client("doi")
    browser.post(f"{AT}/draft/clause", data=edit(browser, "taisaku-a1", text="新しい目的"))
    form = {
        **fields(browser.get(f"{AT}/publish").text),
        "effective": "2026-11-01",
        "committee": "情報セキュリティ委員会",
        "approved": "2026-10-15",
        "reason": "国のガイドラインの改定",
    }
    looked = browser.post(f"{AT}/publish", data={**form, "action": "check"})
    assert looked.status_code == 200
    assert "令和8年11月1日" in looked.text
    assert "誰にも変更も削除もできません" in looked.text
    assert stage.library.shelf.versions() == []
    sent = {**fields(looked.text), "action": "publish"}
    assert browser.post(f"{AT}/publish", data=sent).status_code == 303
    assert [one.number for one in stage.library.shelf.versions()] == [1]
    page = stage.client("yuri").get(AT).text
    assert "施行中(第 1 版)" in page
    assert "新しい目的" in page
    assert browser.post(f"{AT}/publish", data=sent).status_code == 409


def test_what_is_published_is_what_was_looked_at(stage: Stage) -> None:
    first, second = stage.client("doi"), stage.client("mori")
    first.post(f"{AT}/draft/clause", data=edit(first, "taisaku-a1", text="一"))
    form = fields(first.get(f"{AT}/publish").text)
    second.post(f"{AT}/draft/clause", data=edit(second, "taisaku-a1", text="二"))
    sent = {**form, "effective": "2026-11-01", "committee": "委員会", "approved": "2026-10-15", "reason": "改定"}
    answer = first.post(f"{AT}/publish", data={**sent, "action": "publish"})
    assert answer.status_code == 409
    assert "mori" in answer.text
    assert stage.library.shelf.versions() == []


def test_a_draft_that_names_unknown_guideline_clauses_is_not_published(stage: Stage) -> None:
    browser = stage.client("doi")
    browser.post(f"{AT}/draft/clause", data=edit(browser, "taisaku-a1", implements="mic-2025-03-99"))
    assert "mic-2025-03-99" in browser.get(f"{AT}/draft").text
    form = {**fields(browser.get(f"{AT}/publish").text), "effective": "2026-11-01", "committee": "委員会"}
    answer = browser.post(
        f"{AT}/publish", data={**form, "approved": "2026-10-15", "reason": "改定", "action": "publish"}
    )
    assert answer.status_code == 400
    assert "mic-2025-03-99" in answer.text


def test_a_draft_is_given_up_only_on_purpose(stage: Stage) -> None:
    browser = stage.client("doi")
    browser.post(f"{AT}/draft/clause", data=edit(browser, "taisaku-a1", text="一"))
    form = {"csrf": csrf(browser), "seen": "1"}
    assert browser.post(f"{AT}/draft/drop", data=form).status_code == 400
    assert browser.post(f"{AT}/draft/drop", data={**form, "seen": "0", "sure": "1"}).status_code == 409
    assert browser.post(f"{AT}/draft/drop", data={**form, "sure": "1"}).status_code == 303
    assert not stage.library.shelf.draft("taisaku").open


def test_alerts_and_rules_cite_the_clause_of_ours(stage: Stage) -> None:
    browser = stage.client("yuri")
    for address in ("/alerts/3", "/rules/zone-crossing"):
        page = browser.get(address).text
        assert 'href="/policy/documents/taisaku#taisaku-a56"' in page
        assert "対策基準 第56条" in plain(page)
        assert "ガイドライン 6.1(10)" in plain(page)


def test_text_of_a_document_is_never_markup(stage: Stage) -> None:
    browser = stage.client("doi")
    hostile = HOSTILE.replace("\x00", "").replace("\x1b", "")
    sent = edit(
        browser, "taisaku-a1", text=f"{hostile}\n\n| {hostile} |\n|---|\n| {hostile} |", title=hostile, owner=hostile
    )
    assert browser.post(f"{AT}/draft/clause", data=sent).status_code == 303
    for address in (f"{AT}?version=draft", f"{AT}/draft", f"{AT}/draft?clause=taisaku-a1", f"{AT}/draft?text=1"):
        page = browser.get(address).text
        assert "<script>alert" not in page
        assert "<svg onload" not in page


def test_files_with_mistakes_are_named_on_the_page(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    good = dict(SAMPLE().documents)
    broken = read_files([("policies/kitei.md", "# 見出しだけ\n")]).problems
    stage.library = Library(
        stage.library.shelf, lambda: Files(good, broken), lambda one: EDITIONS().clause(one) is not None
    )
    stage.person("doi", Role.POLICY_OWNER)
    page = stage.client("doi").get("/policy").text
    assert "policies/kitei.md:1" in page
    assert "みどり区情報セキュリティ基本方針" in page
    stage.close()


def test_a_mark_of_a_clause_does_not_depend_on_where_it_was_read(stage: Stage) -> None:
    clause = stage.library.entry("taisaku", TODAY).working.clauses[0]
    assert clause_digest(clause) == clause_digest(replace(clause, where="elsewhere:1"))
    assert clause_digest(clause) != clause_digest(replace(clause, title="別"))
