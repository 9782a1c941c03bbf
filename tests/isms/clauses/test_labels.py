"""The label a line begins with."""

from __future__ import annotations

import pytest

from secops.isms.clauses.labels import Kind, label_of


@pytest.mark.parametrize(
    ("line", "kind", "text", "rest"),
    [
        ("第1章 総則", Kind.CHAPTER, "第1章", "総則"),
        ("\u3000第\uff11章\u3000総則", Kind.CHAPTER, "第1章", "総則"),
        ("第二節 組織", Kind.SECTION, "第2節", "組織"),
        ("第十二条の二\u3000次のとおり", Kind.ARTICLE, "第12条の2", "次のとおり"),
        ("第12条\uff08目的\uff09 この", Kind.ARTICLE, "第12条", "\uff08目的\uff09 この"),
        ("第5条から第7条まで 削除", Kind.ARTICLE, "第5条から第7条まで", "削除"),
        ("\uff12\u3000前項の", Kind.NUMBER, "2", "前項の"),
        ("1. 目的", Kind.NUMBER, "1", "目的"),
        ("\uff08\uff11\uff09 対象", Kind.ITEM, "(1)", "対象"),
        ("(1の2) 対象", Kind.ITEM, "(1の2)", "対象"),
        ("\u2474対象", Kind.ITEM, "(1)", "対象"),
        ("①対象", Kind.CIRCLED, "①", "対象"),
        ("一\u3000対象", Kind.KANJI, "一", "対象"),
        ("ア\u3000対象", Kind.KANA, "ア", "対象"),
        ("\uff71 対象", Kind.KANA, "ア", "対象"),
        ("(ア) 対象", Kind.KANA_BRACKETS, "(ア)", "対象"),
        ("a 対象", Kind.LETTER, "a", "対象"),
        ("(a) 対象", Kind.LETTER_BRACKETS, "(a)", "対象"),
        ("1) 対象", Kind.CLOSED, "1)", "対象"),
        ("2―6―1 目的", Kind.DASHES, "2―6―1", "目的"),
        ("\uff12\uff0d\uff16 目的", Kind.DASHES, "2―6", "目的"),
        ("6.1.2 目的", Kind.DOTS, "6.1.2", "目的"),
        ("第1 総則", Kind.ORDINAL, "第1", "総則"),
        ("第1 目的", Kind.ORDINAL, "第1", "目的"),
        ("附\u3000則", Kind.SUPPLEMENT, "附則", ""),
        ("附則(令和5年4月1日)", Kind.SUPPLEMENT, "附則", "(令和5年4月1日)"),
        ("別表第1(第5条関係)", Kind.ANNEX, "別表第1", "(第5条関係)"),
        ("様式第3号の2(第4条関係)", Kind.ANNEX, "様式第3号の2", "(第4条関係)"),
    ],
)
def test_labels_are_read_in_every_way_papers_write_them(line, kind, text, rest):
    found = label_of(line)
    assert found is not None
    assert (found.kind, found.text, found.rest) == (kind, text, rest)


@pytest.mark.parametrize(
    "line",
    [
        "10日以内に報告する。",
        "令和5年4月1日",
        "2 年以内",
        "アクセス制御",
        "一般に",
        "A社は",
        "別表第1のとおり",
        "附則第2項",
        "総則",
        "",
        "\u3000",
    ],
)
def test_words_that_only_look_like_labels_are_text(line):
    assert label_of(line) is None


@pytest.mark.parametrize("line", ["第3条の規定により", "第12条第2項の規定は"])
def test_a_reference_at_the_start_of_a_sentence_is_no_sure_label(line):
    found = label_of(line)
    assert found is not None
    assert not found.sure
