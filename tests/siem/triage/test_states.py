from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import ConflictError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import Alert, State, Verdict
from secops.siem.triage import limits, states
from secops.siem.triage.manual import CATEGORIES, check_report

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
OPEN = Alert(
    7, "k", "r", "題", "title", Severity.HIGH, State.OPEN, "lgwan", "", {}, 1, NOW, NOW, NOW, "", None, "", None, None
)


def test_the_way_of_an_alert():
    taken = states.assigned(OPEN, " tanaka ", NOW)
    assert (taken.state, taken.assignee) == (State.IN_PROGRESS, "tanaka")
    done = states.closed(taken, Verdict.FALSE_POSITIVE, " 複合機の更新 ", NOW)
    assert (done.state, done.verdict, done.closed_reason, done.closed_at) == (
        State.CLOSED,
        Verdict.FALSE_POSITIVE,
        "複合機の更新",
        NOW,
    )
    back = states.reopened(done, None)
    assert (back.state, back.verdict, back.closed_reason, back.closed_at) == (State.IN_PROGRESS, None, "", None)
    assert states.reopened(states.closed(OPEN, Verdict.TRUE_POSITIVE, "x", NOW), None).state is State.OPEN


def test_what_the_state_does_not_allow():
    done = states.closed(OPEN, Verdict.TRUE_POSITIVE, "x", NOW)
    with pytest.raises(ConflictError, match="7"):
        states.closed(done, Verdict.TRUE_POSITIVE, "x", NOW)
    with pytest.raises(ConflictError):
        states.assigned(done, "tanaka", NOW)
    with pytest.raises(ConflictError):
        states.reopened(OPEN, None)
    with pytest.raises(ConflictError, match="9"):
        states.reopened(done, 9)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 4001])
def test_a_closing_needs_a_reason(reason: str):
    with pytest.raises(UsageError):
        states.closed(OPEN, Verdict.TRUE_POSITIVE, reason, NOW)


def test_what_people_report():
    assert check_report(" 窓口で\n書類を紛失 ", "紛失") == ("窓口で 書類を紛失", "loss")
    assert {check_report("x", code)[1] for code in CATEGORIES} == set(CATEGORIES)
    with pytest.raises(UsageError, match="missent_mail"):
        check_report("x", "lost")
    with pytest.raises(UsageError):
        check_report("  ", "loss")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_fading_step_by_step_leaves_what_the_rule_says(batches: list[int]):
    kept: set[int] = set()
    count = 0
    for size in batches:
        kept -= set(limits.faded(count, count + size))
        kept |= {n for n in range(count + 1, count + size + 1) if limits.kept_in_full(n, count + size)}
        count += size
    assert kept == {n for n in range(1, count + 1) if limits.kept_in_full(n, count)}
    assert count - len(kept) == limits.suppressed(count)
