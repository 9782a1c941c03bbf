"""Exceptions and reviews in the records: numbers, scope, the trail, who was first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from secops.errors import ConflictError, DeniedError, NotFoundError
from secops.isms.policy.calendar import Outcome, Review
from secops.isms.policy.exceptions import Decision, Draft, Kind, Number, Phase, State, Subject
from secops.store.records import open_records
from secops.store.records.records import Records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
TODAY = date(2026, 11, 23)
YES = Decision(approved=True, decider="最高情報セキュリティ責任者", decided_on=TODAY, conditions="月に一度点検する")
KUMIN, ZEIMU = frozenset({"211"}), frozenset({"212"})


def draft(department: str = "211", **more) -> Draft:
    values = {
        "department": department, "clauses": ("mic-2025-03-6.1-6", "taisaku-a12"), "reason": "更新まで旧版を使う",
        "measure": "隔離", "begins": TODAY, "ends": date(2027, 3, 31), "subjects": (Subject(Kind.DEVICE, "K-0213"),),
    }  # fmt: skip
    return Draft(**{**values, **more})


@pytest.fixture
def records(records_place) -> Iterator[Records]:
    made = open_records(records_place)
    yield made
    made.dispose()


def test_a_waiver_from_its_request_to_its_end_with_its_history(records):
    asked = records.waivers.request(draft(), actor="kumin", codes=KUMIN, now=NOW)
    assert asked.number == Number(2026, 1)
    assert records.waivers.waiver(asked.number, KUMIN) == asked
    done = records.waivers.decide(asked.number, YES, actor="policy", codes=None, now=NOW)
    assert done.phase(TODAY) is Phase.IN_FORCE
    records.waivers.end(asked.number, TODAY, "撤去を確認", actor="kumin", codes=KUMIN, now=NOW)
    ended = records.waivers.waiver(asked.number, None)
    assert (ended.state, ended.ended_by, ended.decision) == (State.ENDED, "kumin", YES)
    steps = records.waivers.history(asked.number, KUMIN)
    assert [(one.action, one.actor) for one in steps] == [
        ("exception.requested", "kumin"),
        ("exception.approved", "policy"),
        ("exception.ended", "kumin"),
    ]
    assert steps[1].detail["conditions"] == "月に一度点検する"
    assert records.trail.verify().number is None


def test_numbers_run_on_within_a_fiscal_year(records):
    first = records.waivers.request(draft(), actor="a", codes=None, now=NOW)
    second = records.waivers.request(draft(), actor="a", codes=None, now=NOW)
    april = datetime(2027, 3, 31, 15, 0, tzinfo=UTC)  # 1 April in Japan
    third = records.waivers.request(draft(ends=date(2027, 9, 30)), actor="a", codes=None, now=april)
    assert [str(one.number) for one in (first, second, third)] == ["2026-1", "2026-2", "2027-1"]
    assert [str(one.number) for one in records.waivers.waivers(None)] == ["2027-1", "2026-2", "2026-1"]


def test_another_department_s_waiver_does_not_exist(records):
    asked = records.waivers.request(draft(), actor="kumin", codes=KUMIN, now=NOW)
    assert records.waivers.waivers(ZEIMU) == []
    for ask in (
        lambda: records.waivers.waiver(asked.number, ZEIMU),
        lambda: records.waivers.history(asked.number, ZEIMU),
        lambda: records.waivers.decide(asked.number, YES, actor="x", codes=ZEIMU, now=NOW),
        lambda: records.waivers.withdraw(asked.number, "", actor="x", codes=ZEIMU, now=NOW),
        lambda: records.waivers.end(asked.number, TODAY, "x", actor="x", codes=ZEIMU, now=NOW),
        lambda: records.waivers.revoke(asked.number, TODAY, "x", actor="x", codes=frozenset(), now=NOW),
    ):
        with pytest.raises(NotFoundError):
            ask()
    with pytest.raises(DeniedError):
        records.waivers.request(draft("212"), actor="kumin", codes=KUMIN, now=NOW)
    assert len(records.waivers.history(asked.number, None)) == 1


def test_a_refused_decision_leaves_no_trace(records):
    asked = records.waivers.request(draft(), actor="policy", codes=None, now=NOW)
    with pytest.raises(DeniedError):
        records.waivers.decide(asked.number, YES, actor="policy", codes=None, now=NOW)
    assert records.waivers.waiver(asked.number, None) == asked
    assert len(records.trail.entries()) == 1


def test_the_second_of_two_who_decide_is_told(records):
    asked = records.waivers.request(draft(), actor="kumin", codes=None, now=NOW)
    no = replace(YES, approved=False, conditions="代替策が足りない")
    records.waivers.decide(asked.number, no, actor="policy", codes=None, now=NOW)
    with pytest.raises(ConflictError, match="不承認"):
        records.waivers.decide(asked.number, YES, actor="policy2", codes=None, now=NOW)
    assert records.waivers.waiver(asked.number, None).decision == no


def test_an_approved_renewal_takes_the_place_of_the_one_before(records):
    old = records.waivers.request(draft(), actor="kumin", codes=KUMIN, now=NOW)
    records.waivers.decide(old.number, YES, actor="policy", codes=None, now=NOW)
    again = draft(ends=date(2028, 3, 31), renews=old.number)
    new = records.waivers.request(again, actor="kumin", codes=KUMIN, now=NOW)
    assert records.waivers.waiver(old.number, None).phase(date(2027, 4, 1)) is Phase.OVERDUE
    records.waivers.decide(new.number, YES, actor="policy", codes=None, now=NOW)
    found = records.waivers.waiver(old.number, None)
    assert (found.renewed_by, found.phase(date(2027, 4, 1))) == (new.number, Phase.RENEWED)
    assert [one.action for one in records.waivers.history(old.number, None)][-1] == "exception.renewed"


def test_a_withdrawn_or_revoked_one_is_told_apart(records):
    first = records.waivers.request(draft(), actor="kumin", codes=None, now=NOW)
    records.waivers.withdraw(first.number, "不要になった", actor="kumin", codes=None, now=NOW)
    second = records.waivers.request(draft(), actor="kumin", codes=None, now=NOW)
    records.waivers.decide(second.number, YES, actor="policy", codes=None, now=NOW)
    records.waivers.revoke(second.number, TODAY, "事故があった", actor="policy", codes=None, now=NOW)
    phases = [records.waivers.waiver(one.number, None).phase(date(2026, 11, 24)) for one in (first, second)]
    assert phases == [Phase.WITHDRAWN, Phase.OVERDUE]


def test_reviews_grow_and_are_in_the_trail(records):
    made = Review("ict-bcp", TODAY, Outcome.CHANGED, "連絡先を改めた", date(2027, 9, 30), "policy", NOW)
    records.reviews.add(made)
    records.reviews.add(replace(made, next_on=None))
    assert records.reviews.reviews() == [made, replace(made, next_on=None)]
    assert [one.action for one in records.trail.entries(target="review ict-bcp")] == ["review.done"] * 2
