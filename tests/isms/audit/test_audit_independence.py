"""Who may not audit whom: over all posts of the period, along the line, and over the systems."""

from __future__ import annotations

from datetime import date

import pytest

from secops.errors import ConflictError
from secops.isms.audit.independence import (
    AuditedSystem,
    Engagement,
    Organisation,
    Post,
    SystemDuty,
    judge,
    require_independent,
)

ORG = Organisation(
    parents={"211": "210", "212": "210", "2111": "211", "121": "120"},
    names={"210": "区民部", "211": "区民課", "2111": "記録係", "212": "税務課", "121": "区民情報課", "113": "財政課"},
)
TAX = AuditedSystem("zei", "税務システム", department="212", operators=("121",))
FROM, TO = date(2025, 4, 1), date(2026, 11, 30)
UNIT = Engagement("211", (), FROM, TO)
UNIT_AND_SYSTEM = Engagement("211", (TAX,), FROM, TO)
LONG_AGO = date(2015, 4, 1)


def post(department: str, begins: date = LONG_AGO, ends: date | None = None, *, concurrent: bool = False) -> Post:
    return Post("1001", department, begins, ends, concurrent)


def conflicts(engagement: Engagement, *posts: Post, duties: tuple[SystemDuty, ...] = ()) -> list[str]:
    return list(judge("1001", engagement, posts, duties, ORG).conflicts)


def test_who_sits_elsewhere_is_independent():
    assert judge("1001", UNIT_AND_SYSTEM, [post("113")], [], ORG) == judge("1001", UNIT, [post("113")], [], ORG)
    assert require_independent("1001", UNIT_AND_SYSTEM, [post("113")], [], ORG) == ()


def test_who_sits_in_the_unit_is_refused_with_the_reason():
    assert conflicts(UNIT, post("211")) == ["監査を受ける部署に在籍: 区民課、平成27年4月1日から現在まで"]


def test_a_concurrent_post_counts_like_the_main_one():
    assert conflicts(UNIT, post("113"), post("211", date(2026, 4, 1), concurrent=True)) == [
        "監査を受ける部署に在籍: 区民課(兼務)、令和8年4月1日から現在まで"
    ]


@pytest.mark.parametrize(
    ("left", "refused"), [(date(2025, 3, 31), False), (date(2025, 4, 1), True), (date(2025, 9, 30), True)]
)
def test_a_post_that_was_left_within_the_period_counts(left, refused):
    assert bool(conflicts(UNIT, post("211", ends=left), post("113", date(2025, 4, 1)))) is refused


@pytest.mark.parametrize(("begins", "refused"), [(date(2026, 11, 30), True), (date(2026, 12, 1), False)])
def test_a_post_that_begins_after_the_last_day_does_not(begins, refused):
    assert bool(conflicts(UNIT, post("113"), post("211", begins))) is refused


@pytest.mark.parametrize("department", ["210", "2111"])
def test_above_and_below_the_unit_is_its_line(department):
    (found,) = conflicts(UNIT, post(department))
    assert "上位又は下位" in found


def test_a_neighbour_in_the_same_bu_is_independent():
    assert conflicts(UNIT, post("212")) == []


def test_who_owns_or_runs_an_audited_system_is_refused():
    assert conflicts(UNIT_AND_SYSTEM, post("212")) == [
        "監査を受けるシステム(税務システム)の主管課又はその上位・下位の部署に在籍: 税務課、平成27年4月1日から現在まで"
    ]
    # The office that owns policy and systems: it runs the system for others.
    assert conflicts(UNIT_AND_SYSTEM, post("121")) == [
        "監査を受けるシステム(税務システム)を運用する部署に在籍: 区民情報課、平成27年4月1日から現在まで"
    ]
    assert conflicts(UNIT, post("121")) == []


def test_a_duty_for_the_system_counts_whatever_the_post():
    duty = SystemDuty("1001", "zei", "開発の担当", date(2024, 4, 1), date(2025, 4, 1))
    assert conflicts(UNIT_AND_SYSTEM, post("113"), duties=(duty,)) == [
        "監査を受けるシステム(税務システム)の担当(開発の担当): 令和6年4月1日から令和7年4月1日まで"
    ]
    assert conflicts(UNIT, post("113"), duties=(duty,)) == []


def test_every_reason_is_named_once():
    found = conflicts(UNIT_AND_SYSTEM, post("211"), post("211"), post("212"))
    assert len(found) == 2


def test_posts_of_others_do_not_count():
    assert conflicts(UNIT, Post("2002", "211", LONG_AGO), post("113")) == []


def test_without_any_record_nobody_is_independent():
    (found,) = conflicts(UNIT, Post("2002", "113", LONG_AGO))
    assert "記録がなく" in found


def test_gaps_in_the_record_are_notes():
    held = [post("113", date(2025, 6, 1), date(2025, 12, 31)), post("122", date(2026, 4, 1), date(2026, 9, 30))]
    assert [note[: note.index("の所属")] for note in judge("1001", UNIT, held, [], ORG).notes] == [
        "令和7年4月1日から令和7年5月31日まで",
        "令和8年1月1日から令和8年3月31日まで",
        "令和8年10月1日から令和8年11月30日まで",
    ]


def test_overlapping_posts_leave_no_gap():
    held = [post("113", LONG_AGO, date(2026, 12, 31)), post("122", date(2025, 6, 1), date(2025, 7, 1), concurrent=True)]
    assert judge("1001", UNIT, held, [], ORG).notes == ()


def test_the_refusal_carries_all_reasons():
    with pytest.raises(ConflictError, match="1001 は 区民課 の監査人になれません。") as caught:
        require_independent("1001", UNIT_AND_SYSTEM, [post("211"), post("121", concurrent=True)], [], ORG)
    assert len(str(caught.value).splitlines()) == 3


def test_a_circle_in_the_tree_ends():
    circle = Organisation(parents={"a": "b", "b": "a"}, names={})
    assert judge("1001", Engagement("a", (), FROM, TO), [post("b")], [], circle).conflicts != ()
