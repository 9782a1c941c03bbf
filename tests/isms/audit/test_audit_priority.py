"""Who is audited next: the order, the reasons, and that a missing record is no zero."""

from __future__ import annotations

import dataclasses
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import AuditError
from secops.isms.audit.model import Grade
from secops.isms.audit.priority import PersonalData, UnitRecord, rank, read_risk
from secops.wiring.audits import BUILTIN, open_risk

RULES = open_risk()
CALM = UnitRecord("101", "", Grade.A, 2026, 0, 0, 0, 0, PersonalData.NONE)

counts = st.none() | st.integers(0, 30)
records = st.builds(
    UnitRecord,
    department=st.sampled_from(["101", "102", "103"]),
    system=st.sampled_from(["", "s1", "s2"]),
    last_grade=st.none() | st.sampled_from(list(Grade)),
    last_audited=st.none() | st.integers(2018, 2026),
    majors=counts,
    minors=counts,
    incidents=counts,
    alerts=counts,
    personal_data=st.none() | st.sampled_from(list(PersonalData)),
)


def texts(unit: UnitRecord) -> list[str]:
    return [reason.text for reason in rank([unit], RULES, 2026)[0].reasons]


def test_the_reasons_are_shown_with_their_points_heaviest_first():
    unit = UnitRecord("211", "s1", Grade.D, 2023, 1, 2, 1, 5, PersonalData.SPECIFIC)
    (found,) = rank([unit], RULES, 2026)
    assert [(str(reason.points), reason.text) for reason in found.reasons] == [
        ("9", "前回の評価 D"),
        ("6", "特定個人情報を取り扱う"),
        ("6", "前回の監査から 3 年"),
        ("5", "未是正の重大な不適合 1 件"),
        ("3", "前回の監査の後のインシデント 1 件"),
        ("2.5", "前回の監査の後の「高」以上のアラート 5 件"),
        ("2", "未是正の軽微な不適合 2 件"),
    ]
    assert found.points == Decimal("33.5")


def test_a_calm_unit_that_was_just_audited_has_no_reason():
    assert texts(CALM) == []


def test_no_record_is_not_taken_for_zero():
    silent = dataclasses.replace(CALM, incidents=None, alerts=None, personal_data=None, majors=None)
    assert texts(silent) == [
        "取り扱う個人情報の記録なし",
        "インシデントの記録なし(0 件とはみなさない)",
        "アラートの記録なし(0 件とはみなさない)",
        "重大な不適合の記録なし",
    ]
    assert rank([CALM, silent], RULES, 2026)[0].unit is silent


def test_a_unit_that_was_never_audited_says_so():
    assert {"前回の評価の記録なし", "監査の記録なし"} <= set(texts(UnitRecord("101")))


def test_equal_points_go_to_who_waits_longer():
    long = dataclasses.replace(CALM, department="102", last_audited=2015)
    longer = dataclasses.replace(CALM, department="103", last_audited=2010)
    found = rank([long, longer], RULES, 2026)
    assert found[0].points == found[1].points
    assert [one.unit.department for one in found] == ["103", "102"]


@given(
    st.lists(records, max_size=8, unique_by=lambda one: (one.department, one.system)), st.randoms(use_true_random=False)
)
def test_the_order_of_the_input_does_not_matter(units, dice: random.Random):
    shuffled = units.copy()
    dice.shuffle(shuffled)
    assert rank(units, RULES, 2026) == rank(shuffled, RULES, 2026)


@given(records, st.sampled_from(["majors", "minors", "incidents", "alerts"]), st.integers(1, 9))
def test_more_of_what_is_bad_never_moves_a_unit_down(unit, name, more):
    known = dataclasses.replace(unit, **{name: getattr(unit, name) or 0})
    worse = dataclasses.replace(known, **{name: getattr(known, name) + more})
    assert rank([worse], RULES, 2026)[0].points >= rank([known], RULES, 2026)[0].points


@given(records)
def test_points_are_the_sum_of_the_reasons(unit):
    (found,) = rank([unit], RULES, 2026)
    assert found.points == sum(reason.points for reason in found.reasons)


def test_mistakes_in_the_file_are_named():
    text = (BUILTIN / "risk.toml").read_text(encoding="utf-8")
    with pytest.raises(AuditError) as caught:
        read_risk("risk.toml", text.replace("specific = 6", "specific = -1").replace("[alerts]", "[alarms]"))
    assert sorted(problem.where for problem in caught.value.problems) == [
        "risk.toml: alarms",
        "risk.toml: alerts",
        "risk.toml: personal_data.specific",
    ]
