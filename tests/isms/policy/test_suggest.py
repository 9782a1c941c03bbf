"""Which of our clauses may answer a clause of the guideline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.clauses.model import DocumentKind, Edition, GuidelineClause, LinkKind
from secops.isms.policy.similarity import Index, fold
from secops.isms.policy.suggest import Pair, Ruling, digest_of, suggest
from tests.isms.policy.documents import clause, document

BACKUP = GuidelineClause(
    "mic-2025-03-6.1-2", "6.1 (2)", "バックアップの実施", "mic-2025-03-6.1", "情報の写しを定期に取る。"
)
LOGS = GuidelineClause("mic-2025-03-6.1-6", "6.1 (6)", "ログの取得等", "mic-2025-03-6.1", "ログを保存し、点検する。")
SECTION = GuidelineClause("mic-2025-03-6.1", "6.1", "コンピュータ及びネットワークの管理")
EDITION = Edition("mic-2025-03", "令和7年3月版", "2025-03", (SECTION, BACKUP, LOGS))
OURS = document(
    clause("t", "第6章", "コンピュータの管理"),
    clause("t-1", "第48条", "バックアップ", "業務システムの情報の写しを、毎日取得する。", parent="t"),
    clause("t-1-2", "2", "", "媒体は、耐火の金庫に納める。", parent="t-1"),
    clause("t-2", "第52条", "ログ", "ログを取得し、1年以上保存し、点検する。", parent="t"),
    clause("t-3", "第60条", "懲戒", "違反した者は、処分の対象となる。", parent="t"),
)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def told(documents=(OURS,), rulings=(), edition=EDITION, **more) -> dict[str, list[str]]:
    found = suggest(documents, edition, rulings, **more)
    return {name[12:]: [one.pair.clause for one in some] for name, some in found.items()}


def refusal(guideline: GuidelineClause = BACKUP) -> Ruling:
    ours = OURS.by_id["t-1"]
    pair = Pair("taisaku", "t-1", guideline.id)
    return Ruling(
        pair, confirmed=False, kind=LinkKind.IMPLEMENTS, reason="x", actor="a", at=NOW,
        clause_digest=digest_of(ours), guideline_digest=digest_of(guideline),
    )  # fmt: skip


def test_the_likest_clause_comes_first_with_its_score_and_the_words_that_matched():
    (first, *_more) = suggest([OURS], EDITION)[BACKUP.id]
    assert (first.pair.clause, first.number, first.title) == ("t-1", "第48条", "バックアップ")
    assert 0.1 < first.score <= 1
    assert "バックアップ" in first.words


def test_of_an_article_and_its_paragraph_one_is_suggested():
    assert told() == {"6.1-2": ["t-1"], "6.1-6": ["t-2"]}


def test_what_is_linked_already_is_not_suggested():
    linked = document(
        *(replace(one, links=()) for one in OURS.clauses[:-1]),
        clause("x", "1", "ログ", "ログを保存する。", links=LOGS.id),
    )
    assert "x" not in told([linked])["6.1-6"]


def test_a_refusal_is_remembered_until_one_of_the_texts_changes():
    assert "t-1" not in told(rulings=[refusal()])["6.1-2"]
    changed = replace(
        OURS,
        clauses=tuple(
            replace(one, text=one.text.replace("毎日", "毎週")) if one.id == "t-1" else one for one in OURS.clauses
        ),
    )
    assert told([changed], [refusal()])["6.1-2"] == ["t-1"]
    other = replace(EDITION, clauses=(SECTION, replace(BACKUP, summary="情報の写しを毎日取る。"), LOGS))
    assert "t-1" in told(rulings=[refusal()], edition=other)["6.1-2"]


def test_a_new_number_or_place_is_no_change_of_the_text():
    moved = replace(
        OURS, clauses=tuple(replace(one, label="第99条") if one.id == "t-1" else one for one in OURS.clauses)
    )
    assert "t-1" not in told([moved], [refusal()])["6.1-2"]


def test_a_confirmed_pair_is_not_suggested_again_whatever_changes():
    confirmed = replace(refusal(), confirmed=True, clause_digest="0" * 64)
    assert "t-1" not in told(rulings=[confirmed])["6.1-2"]


def test_a_basic_policy_is_looked_at_only_where_there_is_nothing_else():
    basic = replace(OURS, id="kihon", kind=DocumentKind.BASIC_POLICY)
    found = suggest([basic, OURS], EDITION)
    assert {one.pair.document for some in found.values() for one in some} == {"taisaku"}
    assert told([basic]) == told()


def test_some_clauses_alone_can_be_asked_for():
    assert set(told(only=[LOGS.id])) == {"6.1-6"}


@pytest.mark.parametrize(("one", "other"), [("ﾊﾞｯｸｱｯﾌﾟ", "バックアップ"), ("ＬＧＷＡＮ", "lgwan"), ("１２", "12")])
def test_widths_and_case_do_not_matter(one, other):
    assert fold(one) == fold(other)


TEXTS = st.text(alphabet="情報資産のをログバックアップ取得する。12ab ", max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=6), TEXTS)
def test_likeness_is_a_share_and_a_text_is_most_like_itself(texts, asked):
    index = Index({str(at): [(text, 1.0)] for at, text in enumerate([*texts, asked])}, {"q": [(asked, 1.0)]})
    scores = index.alike("q")
    assert all(0 <= one <= 1 + 1e-9 for one in scores.values())
    if scores:
        assert scores[str(len(texts))] >= max(scores.values()) - 1e-9


@given(TEXTS, TEXTS)
def test_words_that_matched_stand_in_both_texts(one, other):
    index = Index({"a": [(one, 1.0)]}, {"b": [(other, 1.0)]})
    assert all(word in fold(one) and word in fold(other) for word in index.words(one, other))
