"""A ward's Word file becomes a document: every way of numbering, and what is doubtful is said."""

from __future__ import annotations

from datetime import date

import docx
import pytest

from secops.errors import PolicyError
from secops.isms.clauses.model import Numbering
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_in import import_word
from secops.isms.clauses.word_model import Beside, Remark
from secops.isms.clauses.word_review import Doubt, Reading
from tests.isms.clauses.word_files import lines, numbered, numbering, p, saved, word


def imported(data: bytes, title: str = "") -> Reading:
    return import_word(read_word("x.docx", data), id="taisaku", title=title)


def tree(reading: Reading) -> list[tuple[str, str, str, str]]:
    """Id, label, title and text of each clause, without the name of the document in the id."""
    return [(one.id.removeprefix("taisaku-"), one.label, one.title, one.text) for one in reading.document.clauses]


def told(reading: Reading) -> list[Doubt]:
    """The doubts about paragraphs; that a file has no title is one of its own."""
    return [one for one in reading.doubts if one.number]


def test_a_rule_of_articles_typed_without_any_style():
    reading = imported(
        lines(
            "みどり区情報セキュリティ対策基準",
            "平成14年8月1日 制定",
            "(令和5年4月1日一部改正)",
            "第1章 総則",
            "(目的)",
            "第1条 この基準は、必要な事項を定める。",
            "\uff12\u3000前項の規定は、次による。",
            "\uff08\uff11\uff09 情報資産",
            "ア\u3000文書",
            "(ア) 紙の文書",
            "イ\u3000記録",
            "(2) 端末",
            "第二条\uff08定義\uff09 用語は、次のとおり。",
            "一 甲",
            "二 乙",
            "附\u3000則",
            "この基準は、令和5年4月1日から施行する。",
        )
    )
    document = reading.document
    assert (document.title, document.numbering) == ("みどり区情報セキュリティ対策基準", Numbering.ARTICLES)
    assert [(one.day, one.what) for one in document.history] == [
        (date(2002, 8, 1), "制定"),
        (date(2023, 4, 1), "一部改正"),
    ]
    assert tree(reading) == [
        ("c1", "第1章", "総則", ""),
        ("a1", "第1条", "目的", "この基準は、必要な事項を定める。"),
        ("a1-2", "2", "", "前項の規定は、次による。"),
        ("a1-2-i1", "(1)", "", "情報資産"),
        ("a1-2-i1-1", "ア", "", "文書"),
        ("a1-2-i1-1-1", "(ア)", "", "紙の文書"),
        ("a1-2-i1-2", "イ", "", "記録"),
        ("a1-2-i2", "(2)", "", "端末"),
        ("a2", "第2条", "定義", "用語は、次のとおり。"),
        ("a2-i1", "一", "", "甲"),
        ("a2-i2", "二", "", "乙"),
        ("f1", "附則", "", "この基準は、令和5年4月1日から施行する。"),
    ]
    assert document.number("taisaku-a1-2-i1-1") == "第1条第2項第1号ア"
    assert reading.doubts == ()
    assert reading.counts == {"章": 1, "条": 2, "1": 1, "(1)": 2, "一": 2, "ア": 2, "(ア)": 1, "附則": 1}


def test_a_manual_numbered_1_and_brackets_and_circles():
    reading = imported(
        lines(
            "実施手順",
            "1 目的",
            "この手順は、次を目的とする。",
            "2 範囲",
            "(1) 対象",
            "① サーバ",
            "ア 物理",
            "② 端末",
            "3 その他",
        )
    )
    assert reading.numbering is Numbering.NUMBERS
    assert tree(reading) == [
        ("1", "1", "目的", "この手順は、次を目的とする。"),
        ("2", "2", "範囲", ""),
        ("2-1", "(1)", "対象", ""),
        ("2-1-1", "①", "", "サーバ"),
        ("2-1-1-1", "ア", "", "物理"),
        ("2-1-2", "②", "", "端末"),
        ("3", "3", "その他", ""),
    ]


def test_a_rule_numbered_with_long_dashes():
    reading = imported(
        lines("基準", "2 組織", "2―1 委員会", "2―1―1 委員会を置く。", "2―1―2 委員長は副区長とする。", "2―2 庶務")
    )
    assert reading.numbering is Numbering.DASHES
    assert [(one[0], one[2]) for one in tree(reading)] == [
        ("2", "組織"),
        ("2-1", "委員会"),
        ("2-1-1", ""),
        ("2-1-2", ""),
        ("2-2", "庶務"),
    ]
    assert [one.depth for one in reading.document.clauses] == [1, 2, 3, 3, 2]
    assert reading.document.number("taisaku-2-1-2") == "2―1―2"


def test_a_plan_numbered_with_ordinals():
    reading = imported(lines("計画", "第1 目的", "1 背景", "(1) 現状", "ア 件数", "第2 体制"))
    assert reading.numbering is Numbering.REPORT
    assert [one[0] for one in tree(reading)] == ["1", "1-1", "1-1-1", "1-1-1-1", "2"]


def test_automatic_numbers_are_read_as_typed_ones():
    xml = numbering(
        ("decimal", "第%1章"), ("decimalFullWidth", "第%2条"), ("decimal", "%3"), ("decimal", "(%4)"), ("aiueo", "%5")
    ).replace('<w:lvlText w:val="第%2条"/>', '<w:lvlRestart w:val="0"/><w:lvlText w:val="第%2条"/>')
    body = "".join(
        [
            numbered("総則"),
            numbered("この基準は、次による。", 1),
            numbered("号", 3),
            numbered("ア", 4),
            numbered("雑則"),
            numbered("補則は、次による。", 1),
        ]
    )
    reading = imported(word(body, {"numbering": xml}))
    assert [(one[1], one[2] or one[3]) for one in tree(reading)] == [
        ("第1章", "総則"),
        ("第1条", "この基準は、次による。"),
        ("(1)", "号"),
        ("ア", "ア"),
        ("第2章", "雑則"),
        ("第2条", "補則は、次による。"),
    ]


def test_headings_are_told_by_their_style():
    document = docx.Document()
    document.add_heading("1 目的", 1)
    document.add_paragraph("本文である。")
    document.add_heading("2 範囲", 1)
    document.add_paragraph("(1) 全ての職員")
    reading = imported(saved(document))
    assert tree(reading) == [
        ("1", "1", "目的", "本文である。"),
        ("2", "2", "範囲", ""),
        ("2-1", "(1)", "", "全ての職員"),
    ]


def test_a_table_of_an_annex_stays_in_its_text():
    document = docx.Document()
    for text in ("第1条 次の表による。", "別表第1\uff08第1条関係\uff09"):
        document.add_paragraph(text)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["区分", "内容", "一", "甲"], strict=True):
        cell.text = text
    assert tree(imported(saved(document)))[1] == (
        "t1",
        "別表第1",
        "\uff08第1条関係\uff09",
        "| 区分 | 内容 |\n|---|---|\n| 一 | 甲 |",
    )


def test_a_reference_to_an_article_at_the_start_of_a_sentence_is_text():
    reading = imported(lines("第1条 甲", "第2条 乙", "第1条の規定により行う。", "第1条 丙"))
    assert [one[1] for one in tree(reading)] == ["第1条", "第2条"]
    assert tree(reading)[1][3] == "乙\n\n第1条の規定により行う。\n\n第1条 丙"
    assert [(one.number, one.text) for one in told(reading)] == [(4, "第1条 丙")]


def test_a_number_that_does_not_follow_is_no_provision_and_is_told():
    reading = imported(lines("第1条 甲", "2 乙", "7 丙丁", "3 戊"))
    assert [one[1] for one in tree(reading)] == ["第1条", "2", "3"]
    assert tree(reading)[1][3] == "乙\n\n7 丙丁"
    assert [one.number for one in told(reading)] == [3]


def test_a_gap_between_articles_is_told_but_read():
    reading = imported(lines("第1条 甲", "第3条 乙", "第3条の2 丙", "第4条 丁"))
    assert [one[0] for one in tree(reading)] == ["a1", "a3", "a3.2", "a4"]
    assert [one.number for one in told(reading)] == [2]


def test_deleted_articles_hold_their_place():
    reading = imported(lines("第1条 甲", "第2条から第4条まで 削除", "第5条 乙", "第6条 削除"))
    assert [(one[1], one[3]) for one in tree(reading)] == [
        ("第1条", "甲"),
        ("第2条から第4条まで", "削除"),
        ("第5条", "乙"),
        ("第6条", "削除"),
    ]


def test_a_typed_table_of_contents_is_left_out_and_listed():
    reading = imported(
        lines(
            "基準",
            "目\u3000次",
            "第1章 総則\uff08第1条\uff09",
            "第2章 雑則",
            "附則",
            "第1章 総則",
            "第1条 甲",
            "第2章 雑則",
            "附則",
            "乙",
        )
    )
    assert [one[1] for one in tree(reading)] == ["第1章", "第1条", "第2章", "附則"]
    assert [one.number for one in reading.kept if isinstance(one, Remark) and one.kind is Beside.CONTENTS] == [
        2,
        3,
        4,
        5,
    ]


def test_several_supplements_count_their_articles_apart():
    reading = imported(
        lines(
            "第1条 甲", "附則", "第1条 乙", "第2条 丙", "附則(令和5年訓令第3号)", "この訓令は、公布の日から施行する。"
        )
    )
    assert [one[0] for one in tree(reading)] == ["a1", "f1", "f1-a1", "f1-a2", "f2"]
    assert told(reading) == []


def test_a_chapter_whose_title_stands_on_the_next_line():
    assert tree(imported(lines("第1章", "総則", "第1条 甲")))[0] == ("c1", "第1章", "総則", "")


def test_breaks_within_a_paragraph_part_provisions():
    reading = imported(lines("第1条 甲\n2 乙\n(1) 丙"))
    assert [one[1] for one in tree(reading)] == ["第1条", "2", "(1)"]
    assert set(reading.places.values()) == {1}


def test_text_without_a_number_is_kept_with_what_is_before_it_and_listed():
    reading = imported(lines("前文である。", "第1条 甲。", "ただし、乙", "(見出しのような行)"))
    assert reading.document.preamble == "前文である。"
    assert tree(reading)[0][3] == "甲。\n\nただし、乙\n\n(見出しのような行)"
    assert [one.number for one in reading.kept if isinstance(one, Doubt)] == [3, 4]


def test_an_automatic_number_that_is_no_label_of_a_provision_is_kept_as_text():
    reading = imported(
        word(p("第1条 甲。") + numbered("乙"), {"numbering": numbering(("ideographTraditional", "%1種"))})
    )
    assert tree(reading)[0][3] == "甲。\n\n甲種 乙"
    assert [one.number for one in told(reading)] == [2]


def test_bullets_are_text():
    reading = imported(word(p("1 甲") + numbered("乙"), {"numbering": numbering(("bullet", "\uf0b7"))}))
    assert tree(reading)[0][3] == "・乙"


def test_a_file_without_any_number_is_refused():
    with pytest.raises(PolicyError, match="条項の番号"):
        imported(lines("ただの文章。", "続き。"))


def test_the_title_may_be_given():
    assert imported(lines("第1条 甲"), title="基準").document.title == "基準"
    assert [one.number for one in imported(lines("第1条 甲")).doubts] == [0]


def test_nothing_of_the_text_is_lost():
    texts = """要綱 前文 (甲) 第1章_総則 (目的) 第1条_本則 続き 2_項 9_迷子 (3)_号 ア_細目 (迷う見出し) 一_漢字
    第9条のとおり 別表 表の文 様式第1号 2―1_棒""".replace("_", "\u3000").split(" ")
    texts = [text.strip() for part in texts for text in part.split("\n")]
    document = imported(lines(*texts)).document
    said = "".join(
        [document.title, document.preamble, *(f"{one.label}{one.title}{one.text}" for one in document.clauses)]
    )
    for text in texts:
        for word_ in text.replace("(目的)", "目的").split():
            assert word_ in said, word_
