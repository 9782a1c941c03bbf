"""Exceptions from the policy: what may be asked, who may decide, what is out of date and still in use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import ConflictError, DeniedError, UsageError
from secops.isms.policy.exceptions import (
    Decision,
    Draft,
    Kind,
    Number,
    Phase,
    Source,
    State,
    Subject,
    Waiver,
    check_decision,
    check_draft,
    check_end,
    check_renewal,
    check_revoke,
    lapsed,
    parse_subjects,
)
from secops.org.model import Flow, Service

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
TODAY = date(2026, 11, 23)
DRAFT = Draft(
    "211",
    ("mic-2025-03-6.1-6",),
    "機器の更新まで旧版を使う",
    "隔離した区画でだけ使う",
    date(2026, 12, 1),
    date(2027, 3, 31),
)
ASKED = Waiver(Number(2026, 3), DRAFT, State.REQUESTED, "kumin", NOW)
YES = Decision(approved=True, decider="最高情報セキュリティ責任者", decided_on=TODAY)


def approved(**more: object) -> Waiver:
    return replace(ASKED, state=State.APPROVED, decision=YES, decided_by="policy", **more)  # type: ignore[arg-type]  # any field


def flow(name: str, expires: date | None) -> Flow:
    return Flow(name, "registered", "10.1.0.1", "10.2.0.1", (Service("tcp", 443, 443),), "212", "連携", expires)


def test_a_number_is_read_as_it_is_printed():
    assert str(Number.parse("例外 2026-3")) == "2026-3"
    assert Number.parse("2026-3").printed == "例外 2026-3"
    for text in ("", "2026", "2026-", "x-1", "26-1", "2026-1e5", "２０２６-１"):
        with pytest.raises(UsageError):
            Number.parse(text)


def test_all_that_is_wrong_with_a_request_is_told_at_once():
    wrong = replace(
        DRAFT, department="", clauses=("6.1", "mic-2025-03-6.1-6"), reason=" ", measure="", ends=date(2026, 11, 1)
    )
    with pytest.raises(UsageError) as caught:
        check_draft(wrong, TODAY, known=("taisaku-a12",))
    lines = str(caught.value).splitlines()
    assert len(lines) == 7
    assert "課を選んで" in lines[0]
    assert any("「6.1」は条項の番号の形ではありません" in line for line in lines)
    assert any("mic-2025-03-6.1-6" in line and "ありません" in line for line in lines)


def test_an_exception_for_ever_is_none():
    with pytest.raises(UsageError, match="3 年以内"):
        check_draft(replace(DRAFT, ends=date(2036, 3, 31)), TODAY)
    check_draft(DRAFT, TODAY)


def test_nobody_decides_on_their_own_request():
    with pytest.raises(DeniedError, match="自分が申請した"):
        check_decision(ASKED, YES, "kumin", TODAY)
    check_decision(ASKED, YES, "policy", TODAY)


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (replace(YES, decider=" "), "職名"),
        (replace(YES, decided_on=TODAY + timedelta(days=1)), "未来の日"),
        (replace(YES, approved=False), "不承認の理由"),
    ],
)
def test_a_decision_says_who_when_and_why_not(decision, said):
    with pytest.raises(UsageError, match=said):
        check_decision(ASKED, decision, "policy", TODAY)


def test_what_is_decided_is_not_decided_again():
    with pytest.raises(ConflictError, match="承認済み"):
        check_decision(approved(), YES, "policy", TODAY)
    with pytest.raises(ConflictError, match="終了日"):
        check_decision(ASKED, YES, "policy", date(2027, 4, 1))


def test_phases_follow_the_days():
    one = approved()
    assert ASKED.phase(TODAY) is Phase.REQUESTED
    assert one.phase(date(2026, 11, 30)) is Phase.COMING
    assert [one.phase(day) for day in (date(2026, 12, 1), date(2027, 3, 31))] == [Phase.IN_FORCE] * 2
    assert one.phase(date(2027, 4, 1)) is Phase.OVERDUE
    assert approved(renewed_by=Number(2026, 9)).phase(date(2027, 4, 1)) is Phase.RENEWED
    assert replace(one, state=State.ENDED).phase(date(2027, 4, 1)) is Phase.ENDED


def test_a_revoked_one_stays_in_use_until_somebody_ends_it():
    one = approved(revoked_on=date(2026, 12, 10))
    assert one.phase(date(2026, 12, 10)) is Phase.IN_FORCE
    assert one.phase(date(2026, 12, 11)) is Phase.OVERDUE
    check_end(one, date(2026, 12, 11), "機器を撤去したことを確認した", date(2026, 12, 11))
    with pytest.raises(UsageError, match="どう確かめた"):
        check_end(one, date(2026, 12, 11), " ", date(2026, 12, 11))
    with pytest.raises(ConflictError, match="取り消されています"):
        check_revoke(one, date(2026, 12, 11), "また", date(2026, 12, 11))


def test_a_renewal_goes_on_longer_in_the_same_department():
    old = approved()
    check_renewal(old, replace(DRAFT, ends=date(2028, 3, 31)))
    with pytest.raises(UsageError, match="同じ課"):
        check_renewal(old, replace(DRAFT, department="212", ends=date(2028, 3, 31)))
    with pytest.raises(UsageError, match="今の終了日"):
        check_renewal(old, DRAFT)
    with pytest.raises(ConflictError, match="更新されています"):
        check_renewal(approved(renewed_by=Number(2026, 9)), replace(DRAFT, ends=date(2028, 3, 31)))


def test_lapsed_ones_and_expired_flows_are_listed_the_longest_first():
    found = lapsed([approved(), ASKED], [flow("T-003", date(2026, 3, 31)), flow("T-004", None)], date(2027, 4, 2))
    assert [(one.source, one.id, one.department, one.days) for one in found] == [
        (Source.FLOW, "T-003", "212", 367),
        (Source.WAIVER, "2026-3", "211", 2),
    ]


def test_a_waiver_in_force_covers_the_flow_that_it_is_about():
    covering = approved()
    covering = replace(covering, draft=replace(covering.draft, subjects=(Subject(Kind.FLOW, "T-003"),)))
    expired = [flow("T-003", date(2026, 3, 31))]
    assert lapsed([covering], expired, date(2026, 12, 24)) == []
    assert [one.source for one in lapsed([covering], expired, date(2027, 4, 1))] == [Source.FLOW, Source.WAIVER]


def test_subjects_are_read_as_they_are_written():
    subjects = parse_subjects(["flow:T-003", "device: K-0213", "flow:T-003"])
    assert subjects == (Subject(Kind.FLOW, "T-003"), Subject(Kind.DEVICE, "K-0213"))
    assert parse_subjects(map(str, subjects)) == subjects
    for text in ("T-003", "room:1", "flow:"):
        with pytest.raises(UsageError):
            parse_subjects([text])


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_a_waiver_is_lapsed_exactly_after_its_last_day(day):
    assert bool(lapsed([approved()], [], day)) is (day > DRAFT.ends)
