"""Verdicts from CSV: by headings, with every mistake named."""

from __future__ import annotations

import pytest

from secops.errors import AuditError
from secops.isms.audit.answers import read_answers, read_majors
from secops.isms.audit.model import Verdict
from secops.isms.audit.scoring import OpenMajor
from secops.isms.audit.workpaper import Workpaper, with_unanswered
from tests.isms.audit.items import catalogue, item

ITEMS = catalogue(c6=[item("a1"), item("a2"), item("a3", stage=2)])
HEAD = "部署コード,システムコード,番号,自己点検,監査人確認\n"


def wrong(text: str) -> list[str]:
    with pytest.raises(AuditError) as caught:
        read_answers("a.csv", text, ITEMS)
    return [str(problem) for problem in caught.value.problems]


def test_columns_are_found_by_their_headings_in_any_order():
    text = '番号,備考,自己点検,部署コード\na1,"改行\nあり",○,211\n\na2,,△,211\n'
    assert read_answers("a.csv", text, ITEMS) == [
        Workpaper("a1", "211", declared=Verdict.MET),
        Workpaper("a2", "211", declared=Verdict.PARTIAL),
    ]


@pytest.mark.parametrize(
    ("typed", "verdict"),
    [
        ("○", Verdict.MET),
        ("〇", Verdict.MET),
        ("◯", Verdict.MET),
        ("Ｏ", Verdict.MET),
        ("△", Verdict.PARTIAL),
        ("×", Verdict.NOT_MET),
        ("✕", Verdict.NOT_MET),
        ("Ｘ", Verdict.NOT_MET),
        ("対象外", Verdict.NOT_APPLICABLE),
        ("未確認", Verdict.NOT_VERIFIED),
        ("", Verdict.NOT_VERIFIED),
        ("not_met", Verdict.NOT_MET),
    ],
)
def test_verdicts_as_people_type_them(typed, verdict):
    (paper,) = read_answers("a.csv", f"{HEAD}211,zei,a1,{typed},\n", ITEMS)
    assert (paper.declared, paper.confirmed, paper.system) == (verdict, Verdict.NOT_VERIFIED, "zei")


def test_all_mistakes_at_once():
    text = f"{HEAD}211,,a1,○,良\n211,,a9,,\n,,a1,,\n211,,a1,×,\n211,,a2,=1+1,○\n"
    assert wrong(text) == [
        "a.csv:2 監査人確認: 「良」は使えません。使えるもの: ○ △ × 対象外 未確認",
        "a.csv:3 番号: 「a9」という監査項目はありません。",
        "a.csv:4 部署コード: 空です。値を入れてください。",
        "a.csv:5 番号: a.csv:2 と同じ部署・システム・番号です。",
        "a.csv:6 自己点検: 「=1+1」は使えません。使えるもの: ○ △ × 対象外 未確認",
    ]


@pytest.mark.parametrize("text", ["", "課,番号\n211,a1\n", HEAD + '211,"a1\n'])
def test_what_cannot_be_read(text):
    assert wrong(text)[0].startswith("a.csv:")


def test_open_majors_with_and_without_an_item():
    assert read_majors("m.csv", "課コード,番号\n211,a1\n212,\n", ITEMS) == [OpenMajor("211", "a1"), OpenMajor("212")]
    with pytest.raises(AuditError, match=r"m\.csv:2 番号"):
        read_majors("m.csv", "課コード,番号\n211,a9\n", ITEMS)


def test_what_is_asked_and_not_in_the_file_is_not_verified():
    papers = read_answers("a.csv", f"{HEAD}211,zei,a1,○,○\n", ITEMS)
    assert [one.item for one in with_unanswered(papers, ITEMS, 1)] == ["a1", "a2"]
    assert [one.item for one in with_unanswered(papers, ITEMS, 2)] == ["a1", "a2", "a3"]
    assert with_unanswered(papers, ITEMS, 1)[1].confirmed is Verdict.NOT_VERIFIED
