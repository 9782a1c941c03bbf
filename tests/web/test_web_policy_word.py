"""A regulation from Word on the console: shown for review, nothing kept until a person says so, then a draft."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from secops.access.ports import Role
from secops.isms.clauses.markdown import read_document
from tests.cli.test_policy_word import NEW, OLD
from tests.isms.clauses.word_files import lines, p, word, zipped
from tests.web.stage import HOSTILE, Stage, csrf


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    made.person("owner", Role.POLICY_OWNER)
    yield made
    made.close()


@pytest.fixture
def owner(stage):
    return stage.client("owner")


def bring(browser, data: bytes, name: str = "基準.docx", **fields: str):
    return browser.post("/policy/import", data={"csrf": csrf(browser), **fields}, files={"file": (name, data)})


def confirm(browser, page: str):
    """Press the button of the review, as a browser sends the form."""
    (text,) = map(html.unescape, re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL))
    sent = {name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("document", "seen")}
    fields = {name: (None, value) for name, value in {**sent, "text": text.replace("\n", "\r\n")}.items()}
    return browser.post("/policy/import/draft", files={"csrf": (None, csrf(browser)), **fields})


def test_a_new_document_is_reviewed_and_becomes_a_draft(stage, owner):
    answer = bring(owner, OLD, id="kijun", kind="procedure")
    assert answer.status_code == 200
    for said in ("みどり区基準", "条項 2 件", "第1条", "ログは、1年以上保存する。", "沿革"):
        assert said in answer.text
    assert not stage.library.shelf.draft("kijun").open, "nothing is kept by looking"
    done = confirm(owner, answer.text)
    assert done.status_code == 303, done.text
    assert done.headers["location"] == "/policy/documents/kijun/draft?done=saved"
    draft = stage.library.shelf.draft("kijun")
    assert (draft.saved_by, draft.revision) == ("owner", 1)
    document = read_document("kijun", draft.text)
    assert (document.kind.value, [one.label for one in document.clauses]) == ("procedure", ["第1条", "第2条"])
    assert owner.get("/policy/documents/kijun/draft").status_code == 200


def test_into_a_document_that_exists_says_what_changed_and_keeps_its_ids(stage, owner):
    confirm(owner, bring(owner, OLD, id="kijun").text)
    before = read_document("kijun", stage.library.shelf.draft("kijun").text)
    answer = bring(owner, NEW, into="kijun")
    assert "確認が必要な箇所 1 件" in answer.text
    assert "迷子の行" in answer.text, "what was not understood is shown and kept"
    assert "番号と本文が変わった" in answer.text
    assert "入れ替わります" in answer.text, "there is a draft already"
    assert confirm(owner, answer.text).status_code == 303
    after = read_document("kijun", stage.library.shelf.draft("kijun").text)
    kept = next(one for one in before.clauses if "1年以上" in one.text)
    assert "3年以上" in after.by_id[kept.id].text


def test_who_saved_meanwhile_is_not_overwritten(stage, owner):
    first, second = (bring(owner, OLD, id="kijun").text for _time in range(2))
    assert confirm(owner, first).status_code == 303
    late = confirm(owner, second)
    assert late.status_code == 409
    assert "ほかの人が変えました" in late.text
    assert stage.library.shelf.draft("kijun").revision == 1


@pytest.mark.parametrize(
    ("data", "name", "fields", "why"),
    [
        (OLD, "kijun.doc", {"id": "kijun"}, "Word ファイル(.docx)ではありません"),
        (b"%PDF-1.7", "kijun.docx", {"id": "kijun"}, "取り込めませんでした"),
        (zipped({"word/document.xml": "<x/>"}), "kijun.docx", {"id": "kijun"}, "取り込めませんでした"),
        (lines("ただの文書", "番号のない段落"), "kijun.docx", {"id": "kijun"}, "条項の番号"),
        (OLD, "kijun.docx", {"id": "../../etc"}, "使えません"),
        (OLD, "kijun.docx", {}, "使えません"),
        (OLD, "kijun.docx", {"id": "taisaku"}, "すでにあります"),
        (OLD, "kijun.docx", {"into": "nothing"}, "選べない文書です"),
    ],
)
def test_what_cannot_be_taken_is_said_on_the_form(stage, owner, data, name, fields, why):
    answer = bring(owner, data, name, **fields)
    assert answer.status_code in {400, 409}
    assert why in answer.text
    assert 'type="file"' in answer.text
    assert not stage.library.shelf.drafts()


def test_the_form_offers_the_documents_there_are(owner):
    page = owner.get("/policy/import").text
    assert 'value="taisaku"' in page
    assert "Word から取り込む" in owner.get("/policy").text


def test_without_a_file_the_form_says_so(owner):
    answer = owner.post("/policy/import", files={"csrf": (None, csrf(owner)), "id": (None, "kijun")})
    assert answer.status_code == 400
    assert "ファイルを選んでください" in answer.text


def test_hostile_text_of_a_file_is_text_on_the_page(owner):
    body = p("第1条 &lt;script&gt;alert(1)&lt;/script&gt; \u202egpj.exe") + p("</textarea>&lt;/textarea&gt;")
    data = word(body.replace("</textarea>", "&lt;/textarea&gt;&lt;img src=x onerror=alert(3)&gt;"))
    answer = bring(owner, data, HOSTILE.replace("\x00", "") + ".docx", id="kijun")
    assert answer.status_code == 200, answer.text
    shown, hidden = answer.text.split("<textarea", 1)
    for bad in ("<script>alert(1)", "<img src=x", "\u202e", "<svg onload"):
        assert bad not in shown
    assert "<script>alert(1)" not in hidden
    assert answer.text.count("</textarea>") == 1


def test_a_text_that_was_tampered_with_is_checked_as_any_draft(stage, owner):
    fields = {"document": "kijun", "seen": "0", "text": "no document at all"}
    files = {name: (None, value) for name, value in {"csrf": csrf(owner), **fields}.items()}
    answer = owner.post("/policy/import/draft", files=files)
    assert answer.status_code == 400
    assert not stage.library.shelf.drafts()
