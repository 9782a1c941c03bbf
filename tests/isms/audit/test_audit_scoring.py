"""Scores: the formula by examples, by its laws, and against a second one that adds up anew for every level."""

from __future__ import annotations

import dataclasses
import random
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import AuditError
from secops.isms.audit.model import VERDICT_MARKS, Catalogue, Grade, Verdict
from secops.isms.audit.scoring import CAP_LABELS, Cap, Judgement, OpenMajor, Scores, score_round
from secops.wiring.audits import open_rules
from tests.isms.audit.items import catalogue, item

RULES = open_rules()
ITEMS = catalogue(
    c1=[item("a1", weight=3, mandatory=True), item("a2", weight=1)], c2=[item("b1", weight=2), item("b2", weight=1)]
)
DIVISIONS = {"211": "210", "212": "210", "121": "120"}
MET, PARTIAL, NOT_MET = Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET
APART, MISSING = Verdict.NOT_APPLICABLE, Verdict.NOT_VERIFIED
WORTH = {MET: Fraction(1), PARTIAL: Fraction(1, 2), NOT_MET: Fraction(0)}

units = st.tuples(st.sampled_from(sorted(ITEMS.by_id)), st.sampled_from(sorted(DIVISIONS)), st.sampled_from(["", "s1"]))
rounds = st.dictionaries(units, st.sampled_from(list(Verdict)), max_size=16).map(
    lambda given: [
        Judgement(item, department, verdict, system) for (item, department, system), verdict in given.items()
    ]
)
majors = st.lists(
    st.builds(OpenMajor, st.sampled_from(sorted(DIVISIONS)), st.sampled_from(["", "a1", "b2"])), max_size=2
)


def score(judgements, majors=(), rules=RULES, items: Catalogue = ITEMS) -> Scores:
    return score_round(judgements, majors, items, rules, DIVISIONS)


def of(*verdicts: tuple[str, Verdict]):
    return [Judgement(item, "211", verdict) for item, verdict in verdicts]


def test_weights_and_values():
    ward = score(of(("a1", MET), ("a2", NOT_MET), ("b1", PARTIAL), ("b2", APART))).ward
    # (3×1 + 1×0 + 2×0.5) ÷ 6
    assert ward.achievement == Decimal("66.6")
    assert (ward.coverage, ward.grade, ward.capped) == (Decimal(100), Grade.C, ())
    assert ward.counts == {MET: 1, PARTIAL: 1, NOT_MET: 1, APART: 1, MISSING: 0}


def test_what_was_not_verified_is_no_met_and_lowers_the_coverage_alone():
    ward = score(of(("a1", MET), ("a2", MISSING), ("b1", MET), ("b2", APART))).ward
    assert (ward.achievement, ward.coverage, ward.grade) == (Decimal(100), Decimal("83.3"), Grade.A)


def test_a_mandatory_failure_caps_at_c_and_says_so():
    ward = score([Judgement("a2", "211", MET), Judgement("a1", "211", NOT_MET), *many_met()]).ward
    assert ward.achievement is not None
    assert ward.achievement >= 90
    assert (ward.grade, ward.capped, ward.mandatory_not_met) == (Grade.C, (Cap.MANDATORY,), 1)


def many_met():
    return [Judgement("b1", "211", MET, f"s{n}") for n in range(50)]


def test_an_open_major_caps_at_d_also_beside_a_mandatory_failure():
    judged = [Judgement("a1", "211", NOT_MET), *many_met()]
    assert score(judged, [OpenMajor("211", "b1")]).ward.grade is Grade.D
    assert score(judged, [OpenMajor("211", "b1")]).ward.capped == (Cap.MANDATORY, Cap.MAJOR)


def test_a_grade_that_is_low_anyway_was_not_capped():
    assert score(of(("a1", NOT_MET), ("a2", NOT_MET)), [OpenMajor("211")]).ward.capped == ()


def test_a_major_bears_on_its_own_places_only():
    judged = [Judgement(i, d, MET) for i in ITEMS.by_id for d in DIVISIONS]
    found = score(judged, [OpenMajor("211", "b1")])
    assert {key for key, one in found.departments.items() if one.grade is Grade.D} == {"211"}
    assert {key for key, one in found.divisions.items() if one.grade is Grade.D} == {"210"}
    assert {key for key, one in found.chapters.items() if one.grade is Grade.D} == {"2"}
    assert {key for key, one in found.items.items() if one.grade is Grade.D} == {"b1"}
    assert {key for key, one in found.cells.items() if one.grade is Grade.D} == {("211", "2")}


def test_a_major_is_seen_where_nothing_was_judged():
    found = score(of(("a1", MET)), [OpenMajor("121")])
    assert (found.departments["121"].grade, found.departments["121"].open_majors) == (None, 1)


def test_nothing_judged_is_no_grade():
    nothing: list[Judgement] = []
    for judged in (nothing, of(("a1", MISSING)), of(("a1", APART))):
        assert (score(judged).ward.achievement, score(judged).ward.grade) == (None, None)
    assert score(of(("a1", MISSING))).ward.coverage == 0
    assert score(of(("a1", APART))).ward.coverage is None


def test_a_ward_may_ask_for_coverage_before_it_gives_a_grade():
    rules = dataclasses.replace(RULES, needed_coverage=Decimal(80))
    assert score(of(("a1", MET), ("a2", MISSING)), rules=rules).ward.grade is None  # 75 %
    assert score(of(("a1", MET), ("a2", MET)), rules=rules).ward.grade is Grade.A


@pytest.mark.parametrize(("met", "grade"), [(90, Grade.A), (89, Grade.B), (75, Grade.B), (74, Grade.C), (59, Grade.D)])
def test_borders_belong_to_the_better_grade(met, grade):
    judged = [Judgement("a2", "211", MET if n < met else NOT_MET, f"s{n}") for n in range(100)]
    assert score(judged).ward.grade is grade


def test_a_score_just_below_a_border_is_not_shown_as_the_border():
    judged = [Judgement("a2", "211", MET if n < 1799 else NOT_MET, f"s{n}") for n in range(2000)]
    assert (score(judged).ward.achievement, score(judged).ward.grade) == (Decimal("89.9"), Grade.B)


def test_items_that_the_catalogue_has_not_are_named():
    found = score([Judgement("old", "211", MET), *of(("a1", MET))])
    assert found.unknown == ("old",)
    assert found.ward.counts[MET] == 1


def test_the_same_item_twice_at_one_unit_is_a_mistake():
    with pytest.raises(AuditError, match="211 a1"):
        score(of(("a1", MET), ("a1", NOT_MET)))


def test_a_result_names_what_it_was_made_with():
    assert (score([]).rules, score([]).catalogue) == (RULES.digest, ITEMS.digest)


@given(rounds, majors, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(judged, found, dice: random.Random):
    shuffled, other = judged.copy(), found.copy()
    dice.shuffle(shuffled)
    dice.shuffle(other)
    assert score(judged, found) == score(shuffled, other)


@given(rounds, majors, st.data())
def test_a_better_verdict_never_makes_a_score_worse(judged, found, data):
    worse = [n for n, one in enumerate(judged) if one.verdict in {NOT_MET, PARTIAL}]
    if not worse:
        return
    n = data.draw(st.sampled_from(worse))
    better = MET if judged[n].verdict is PARTIAL else data.draw(st.sampled_from([PARTIAL, MET]))
    raised = [dataclasses.replace(one, verdict=better) if m == n else one for m, one in enumerate(judged)]
    before, after = score(judged, found), score(raised, found)
    pairs = [(before.ward, after.ward)]
    for name in ("items", "chapters", "departments", "divisions", "cells"):
        pairs += [(one, getattr(after, name)[key]) for key, one in getattr(before, name).items()]
    for old, new in pairs:
        assert (new.achievement or 0) >= (old.achievement or 0)
        assert new.coverage == old.coverage
        assert list(Grade).index(new.grade or Grade.D) <= list(Grade).index(old.grade or Grade.D)


@given(rounds, majors)
def test_bounds_and_caps(judged, found):
    scores = score(judged, found)
    for one in [scores.ward, *scores.items.values(), *scores.departments.values(), *scores.cells.values()]:
        assert one.achievement is None or 0 <= one.achievement <= 100
        assert one.coverage is None or 0 <= one.coverage <= 100
        if one.mandatory_not_met:
            assert one.grade in {Grade.C, Grade.D}
        if one.open_majors:
            assert one.grade in {Grade.D, None}


@given(rounds)
def test_every_level_is_the_formula_over_its_own_judgements(judged):
    scores = score(judged)

    def plainly(chosen):
        known = [(ITEMS.by_id[one.item].weight, WORTH[one.verdict]) for one in chosen if one.verdict in WORTH]
        total = sum(weight for weight, _worth in known)
        return 100 * sum(weight * worth for weight, worth in known) / total if total else None

    def same(one, chosen):
        exact = plainly(chosen)
        if exact is None:
            assert one.achievement is None
        else:
            assert 0 <= exact - Fraction(one.achievement) < Fraction(1, 10)

    same(scores.ward, judged)
    for key, one in scores.items.items():
        same(one, [j for j in judged if j.item == key])
    for key, one in scores.chapters.items():
        same(one, [j for j in judged if ITEMS.by_id[j.item].chapter == key])
    for key, one in scores.departments.items():
        same(one, [j for j in judged if j.department == key])
    for key, one in scores.divisions.items():
        same(one, [j for j in judged if DIVISIONS[j.department] == key])
    for (department, chapter), one in scores.cells.items():
        same(one, [j for j in judged if (j.department, ITEMS.by_id[j.item].chapter) == (department, chapter)])
    assert {j.department for j in judged} == scores.departments.keys()


def worked_examples() -> list[str]:
    guide = (Path(__file__).parents[3] / "docs/ja/kansa.md").read_text(encoding="utf-8")
    return re.findall(r"^```採点\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", worked_examples())
def test_the_worked_examples_of_the_guide(example: str):
    *lines, result = example.strip().splitlines()
    verdicts = {mark: verdict for verdict, mark in VERDICT_MARKS.items()}
    rows = [re.fullmatch(r"重み(\d)( 必須)? (\S+)", line) for line in lines if line.startswith("重み")]
    majors = [OpenMajor("211")] * sum(int(line.split()[1]) for line in lines if line.startswith("重大な不適合"))
    assert all(rows)
    found = [match for match in rows if match]
    texts = [item(f"i{n}", weight=int(row[1]), mandatory=bool(row[2])) for n, row in enumerate(found)]
    judged = [Judgement(f"i{n}", "211", verdicts[row[3]]) for n, row in enumerate(found)]
    ward = score(judged, majors, items=catalogue(c1=texts)).ward

    def shown(number: Decimal | None) -> str:
        return "-" if number is None else f"{number:.1f}"

    capped = "、".join(CAP_LABELS[cap] for cap in ward.capped)
    said = f"→ 達成率 {shown(ward.achievement)} 網羅率 {shown(ward.coverage)} 評価 {ward.grade or '-'}"
    assert result == said + (f"({capped})" if capped else "")
    assert len(rows) + len(majors) == len(lines)


def test_the_guide_has_examples():
    assert len(worked_examples()) >= 5
