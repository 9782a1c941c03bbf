"""The review calendar: when something is due, what a review changes, what a file may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import PolicyError, UsageError
from secops.isms.clauses.model import Clause, Document, DocumentKind
from secops.isms.policy.calendar import (
    Due,
    Outcome,
    Recurring,
    Review,
    by_month,
    check_review,
    entries,
    next_due,
    overdue,
    owner_and_day,
    read_calendar,
)

TODAY = date(2026, 11, 23)
BCP = Recurring("ict-bcp-drill", "ICT-BCP の訓練", "情報政策課", 12, 9)
DOCUMENT = Document(
    "taisaku",
    "情報セキュリティ対策基準",
    DocumentKind.CONTROL_STANDARD,
    (
        Clause("c1", "第1章", 1, title="総則"),
        Clause("a1", "第1条", 2, "c1"),
        Clause("c6", "第6章", 1, title="技術", owner="情報政策課長", review=date(2026, 10, 1)),
        Clause("a12", "第12条", 2, "c6"),
    ),
    owner="情報セキュリティ委員会",
    review=date(2027, 5, 31),
)


def review(entry: str, done: date, next_on: date | None = None, outcome: Outcome = Outcome.UNCHANGED) -> Review:
    return Review(entry, done, outcome, "確認した", next_on, "policy", datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("done", "due"),
    [
        (date(2026, 9, 10), date(2027, 9, 30)),
        (date(2026, 8, 10), date(2027, 9, 30)),  # early
        (date(2026, 12, 10), date(2027, 9, 30)),  # late
        (None, date(2026, 9, 30)),  # nobody recorded it: due in this 年度
    ],
)
def test_a_yearly_drill_stays_in_its_month(done, due):
    assert next_due(12, 9, done, TODAY) == due


def test_without_a_month_the_next_time_is_counted_from_the_last():
    assert next_due(6, None, date(2026, 8, 31), TODAY) == date(2027, 2, 28)
    assert next_due(12, None, None, TODAY) == date(2027, 3, 31)
    assert next_due(6, 5, None, TODAY) == date(2026, 5, 31)
    assert next_due(6, 5, date(2026, 5, 20), TODAY) == date(2026, 11, 30)


@given(st.integers(1, 60), st.none() | st.integers(1, 12), st.dates(date(2000, 1, 1), date(2050, 1, 1)))
def test_the_next_time_is_later_and_in_a_month_of_the_rhythm(months, month, done):
    due = next_due(months, month, done, TODAY)
    assert due > done
    assert abs((due - done).days / 30.44 - months) <= 7
    if month and months % 12 == 0:
        assert due.month == month


def test_what_was_reviewed_is_due_later_and_what_was_not_is_overdue():
    (before,) = entries([BCP], [], [], TODAY)
    assert (before.due, before.state(TODAY), before.late(TODAY)) == (date(2026, 9, 30), Due.OVERDUE, 54)
    (after,) = entries([BCP], [], [review("ict-bcp-drill", date(2026, 10, 5))], TODAY)
    assert (after.due, after.state(TODAY), after.last) == (date(2027, 9, 30), Due.LATER, date(2026, 10, 5))
    (given_day,) = entries([BCP], [], [review("ict-bcp-drill", date(2026, 10, 5), date(2026, 12, 1))], TODAY)
    assert (given_day.due, given_day.state(TODAY)) == (date(2026, 12, 1), Due.SOON)


def test_the_newest_review_counts_whatever_the_order_of_noting():
    notes = [review("ict-bcp-drill", date(2026, 9, 5)), review("ict-bcp-drill", date(2025, 9, 5))]
    assert entries([BCP], [], notes, TODAY)[0].last == date(2026, 9, 5)


def test_documents_and_clauses_with_a_day_of_their_own_are_entries():
    found = {one.id: one for one in entries([], [DOCUMENT], [], TODAY)}
    assert set(found) == {"doc:taisaku", "clause:c6"}
    assert (found["doc:taisaku"].follows, found["doc:taisaku"].owner) == (2, "情報セキュリティ委員会")
    assert found["clause:c6"].state(TODAY) is Due.OVERDUE
    assert owner_and_day(DOCUMENT, DOCUMENT.by_id["a12"]) == ("情報政策課長", date(2026, 10, 1))
    assert owner_and_day(DOCUMENT, DOCUMENT.by_id["a1"]) == ("情報セキュリティ委員会", date(2027, 5, 31))


def test_a_reviewed_clause_is_due_a_year_later_unless_its_document_says_a_later_day():
    notes = [review("clause:c6", date(2026, 11, 1))]
    found = {one.id: one for one in entries([], [DOCUMENT], notes, TODAY)}
    assert found["clause:c6"].due == date(2027, 11, 1)
    later = replace(DOCUMENT, review=date(2028, 3, 31))
    notes = [review("doc:taisaku", date(2026, 11, 1))]
    assert {one.id: one.due for one in entries([], [later], notes, TODAY)}["doc:taisaku"] == date(2028, 3, 31)


def test_a_document_without_a_day_is_said_and_stands_before_what_is_to_come():
    found = entries([replace(BCP, last_done=date(2026, 9, 1))], [replace(DOCUMENT, review=None, clauses=())], [], TODAY)
    assert [one.state(TODAY) for one in found] == [Due.UNDATED, Due.LATER]
    assert overdue(found, TODAY) == []


def test_the_year_begins_in_april():
    months = by_month(entries([BCP], [DOCUMENT], [], TODAY), 2026)
    assert [day for day, _found in months][:1] + [day for day, _found in months][-1:] == [
        date(2026, 4, 1),
        date(2027, 3, 1),
    ]
    assert {day.month: [one.id for one in found] for day, found in months if found} == {
        9: ["ict-bcp-drill"],
        10: ["clause:c6"],
    }


def test_a_calendar_file_is_read_and_every_mistake_is_told_with_its_line():
    text = "entries:\n- id: bcp\n  title: ICT-BCP\n  owner: 情報政策課\n  months: 12\n  month: 9\n"
    text += "  last_done: 2026-09-01\n"
    (one,) = read_calendar("calendar.yml", text)
    assert (one.id, one.last_done) == ("bcp", date(2026, 9, 1))
    wrong = text + "- id: bcp\n  title: x\n  owner: x\n  months: 0\n  mnth: 3\n"
    with pytest.raises(PolicyError) as caught:
        read_calendar("calendar.yml", wrong)
    assert {problem.where for problem in caught.value.problems} == {
        "calendar.yml:11 entries[2].months",
        "calendar.yml:12 entries[2].mnth",
    }
    with pytest.raises(PolicyError, match="二度"):
        read_calendar("calendar.yml", text + "- id: bcp\n  title: x\n  owner: x\n  months: 1\n")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (review("x", date(2026, 11, 24)), "未来の日"),
        (review("x", date(2026, 11, 1), date(2026, 11, 1)), "後にして"),
        (replace(review("x", date(2026, 11, 1), outcome=Outcome.CHANGED), note=" "), "何を改めたか"),
    ],
)
def test_a_review_that_makes_no_sense_is_refused(made, said):
    (entry,) = entries([BCP], [], [], TODAY)
    with pytest.raises(UsageError, match=said):
        check_review(entry, "x", made, TODAY)
    with pytest.raises(UsageError, match="予定にありません"):
        check_review(None, "x", made, TODAY)
