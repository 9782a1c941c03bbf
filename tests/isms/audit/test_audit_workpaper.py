"""Workpapers: two values apart, the gap between them, and what a report may not rest on."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.audit.model import VERDICT_MARKS, Answerer, Grade, Verdict
from secops.isms.audit.scoring import score_round
from secops.isms.audit.workpaper import (
    Evidence,
    Gap,
    Workpaper,
    confirmed_values,
    declared_values,
    gap,
    gaps,
    open_papers,
    unfinished,
    ward_papers,
)
from secops.wiring.audits import open_catalogue, open_rules
from tests.isms.audit.items import catalogue, item

MARKS = {mark: verdict for verdict, mark in VERDICT_MARKS.items()}
verdicts = st.sampled_from(list(Verdict))


def paper(declared: str = "○", confirmed: str = "○", **more) -> Workpaper:
    plain = Workpaper(
        "a1",
        "211",
        declared=MARKS[declared],
        confirmed=MARKS[confirmed],
        result="台帳と現物が一致した。",
        evidence=(Evidence("台帳の写し"),),
        preparer="1001",
        reviewer="1002",
    )
    return dataclasses.replace(plain, **more)


@pytest.mark.parametrize(
    ("declared", "confirmed", "expected"),
    [
        ("○", "○", Gap.NONE),
        ("対象外", "対象外", Gap.NONE),
        ("○", "△", Gap.OVERSTATED),
        ("△", "×", Gap.OVERSTATED),
        ("×", "○", Gap.UNDERSTATED),
        ("対象外", "×", Gap.SCOPE),
        ("○", "対象外", Gap.SCOPE),
        ("○", "未確認", Gap.OPEN),
        ("未確認", "○", Gap.OPEN),
        ("未確認", "未確認", Gap.OPEN),
    ],
)
def test_the_gap_between_the_two_values(declared, confirmed, expected):
    assert paper(declared, confirmed).gap is expected


@given(verdicts, verdicts)
def test_the_gap_seen_from_the_other_side(declared, confirmed):
    other = {Gap.OVERSTATED: Gap.UNDERSTATED, Gap.UNDERSTATED: Gap.OVERSTATED}
    found = gap(declared, confirmed)
    assert gap(confirmed, declared) is other.get(found, found)


def test_gaps_by_department_name_every_kind():
    found = gaps([paper("○", "×"), paper("○", "○"), paper("○", "未確認", department="212")])
    assert found["211"] == {Gap.NONE: 1, Gap.OVERSTATED: 1, Gap.UNDERSTATED: 0, Gap.SCOPE: 0, Gap.OPEN: 0}
    assert found["212"][Gap.OPEN] == 1


def test_a_unit_is_asked_its_own_items_of_the_stage():
    read = open_catalogue()
    department = {one.item for one in open_papers(read, 1, "211")}
    system = {one.item for one in open_papers(read, 1, "212", "zei")}
    ward = {one.item for one in ward_papers(read, 1, "121")}
    answered = {name: read.by_id[name].answers for name in department | system | ward}
    assert {answered[name] for name in department} == {Answerer.DEPARTMENT, Answerer.STAFF}
    assert {answered[name] for name in system} == {Answerer.SYSTEM}
    assert {answered[name] for name in ward} == {Answerer.WARD}
    assert department | system | ward == {one.id for one in read.applicable(1)}
    assert len(open_papers(read, 3, "211")) > len(department)


def test_what_nobody_answered_is_in_the_coverage():
    read = catalogue(c6=[item("a1"), item("a2"), item("a3", stage=2)])
    papers = open_papers(read, 1, "212", "zei")
    papers[0] = dataclasses.replace(papers[0], declared=Verdict.MET)
    rules = open_rules()
    assert score_round(declared_values(papers), [], read, rules, {}).ward.coverage == 50
    assert score_round(confirmed_values(papers), [], read, rules, {}).ward.coverage == 0


def test_the_score_of_the_audit_is_of_confirmed_values():
    read = catalogue(c6=[item("a1", mandatory=True), item("a2")])
    papers = [
        dataclasses.replace(one, declared=Verdict.MET, confirmed=value)
        for one, value in zip(open_papers(read, 1, "212", "zei"), [Verdict.NOT_MET, Verdict.MET], strict=True)
    ]
    rules = open_rules()
    assert score_round(declared_values(papers), [], read, rules, {}).ward.grade is Grade.A
    assert score_round(confirmed_values(papers), [], read, rules, {}).ward.grade is Grade.D


@pytest.mark.parametrize(
    ("wrong", "count"),
    [
        ({}, 0),
        ({"result": " "}, 1),
        ({"evidence": ()}, 1),
        ({"reviewer": ""}, 1),
        ({"reviewer": "1001"}, 1),
        ({"result": "", "evidence": (), "preparer": ""}, 3),
        ({"evidence": (), "confirmed": "対象外"}, 0),
        ({"result": "", "confirmed": "対象外"}, 1),
        ({"result": "", "evidence": (), "reviewer": "", "confirmed": "未確認"}, 0),
    ],
)
def test_what_a_report_may_not_rest_on(wrong, count):
    found = unfinished([paper(**wrong), paper()])
    assert len(found) == count
    assert {problem.where for problem in found} <= {"211 a1"}
