"""The review calendar: what has to be looked at again, by whom and by which day, and what was done.

Entries come from two places: documents and clauses of the policy, each with its own day, and ``calendar.yml``, which
has what recurs in a ward (plans, drills, registers).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import gcd
from typing import Annotated

from pydantic import Field, ValidationError

from secops.errors import PolicyError, Problem, UsageError
from secops.isms.clauses.model import Clause, Document
from secops.isms.edge import Line, Name, Strict, problems
from secops.isms.places import Document as Yaml
from secops.isms.places import Unreadable
from secops.locale import _
from secops.schema.dates import fiscal_year

SOON_DAYS = 60
DOCUMENT_MONTHS = 12  # until the next review of a document whose head says no other day
LONGEST = 4_000


class Outcome(StrEnum):
    """What a review came to."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    TO_CHANGE = "to_change"


OUTCOME_LABELS = {
    Outcome.UNCHANGED: "見直しの結果、変更なし",
    Outcome.CHANGED: "改めた",
    Outcome.TO_CHANGE: "改める必要がある",
}


class Due(StrEnum):
    """How an entry stands on a day, the most urgent first."""

    OVERDUE = "overdue"
    UNDATED = "undated"  # nobody said by when
    SOON = "soon"
    LATER = "later"


DUE_LABELS = {
    Due.OVERDUE: "期限超過",
    Due.UNDATED: "期日なし",
    Due.SOON: "まもなく",
    Due.LATER: "予定",
}


class What(StrEnum):
    """What an entry is about."""

    RECURRING = "recurring"
    DOCUMENT = "document"
    CLAUSE = "clause"


@dataclass(frozen=True, slots=True)
class Recurring:
    """An entry of ``calendar.yml``: every ``months`` months, in ``month`` where that is set.

    ``owner`` is a post or a section in the ward's words, ``clauses`` what asks for it, ``confirm`` from general
    knowledge, to be set right by the ward (要確認).
    """

    id: str
    title: str
    owner: str
    months: int
    month: int | None = None
    last_done: date | None = None
    note: str = ""
    clauses: tuple[str, ...] = ()
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Somebody looked at an entry (``entry`` is its id), with what result; ``next_on`` where they set the next day."""

    entry: str
    done_on: date
    outcome: Outcome
    note: str
    next_on: date | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the calendar: by when, and when it was done last.

    ``follows`` is how many clauses of a document have no day of their own and go with it.
    """

    id: str
    what: What
    title: str
    owner: str
    due: date | None
    last: date | None = None
    outcome: Outcome | None = None
    note: str = ""
    clauses: tuple[str, ...] = ()
    follows: int = 0
    months: int = DOCUMENT_MONTHS
    confirm: bool = False

    def state(self, today: date) -> Due:
        """How it stands on a day."""
        if self.due is None:
            return Due.UNDATED
        if self.due < today:
            return Due.OVERDUE
        return Due.SOON if self.due <= today + timedelta(days=SOON_DAYS) else Due.LATER

    def late(self, today: date) -> int:
        """For how many days it is overdue."""
        return max(0, (today - self.due).days) if self.due else 0


class _Row(Strict):
    id: Name
    title: Line
    owner: Line
    months: Annotated[int, Field(ge=1, le=120)]
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    last_done: date | None = None
    note: str = ""
    clauses: list[Line] = Field(default_factory=list)
    confirm: bool = False


class _File(Strict):
    entries: list[_Row]


def read_calendar(path: str, text: str) -> tuple[Recurring, ...]:
    """The entries of a ``calendar.yml``.

    Raises:
        PolicyError: every mistake, with its line.
    """
    try:
        yml = Yaml(path, text)
    except Unreadable as error:
        raise PolicyError(error.problems) from None
    try:
        found = _File.model_validate(yml.value if yml.value is not None else {})
    except ValidationError as error:
        raise PolicyError(problems([dict(one) for one in error.errors()], yml.where)) from None
    seen: set[str] = set()
    wrong = []
    for at, row in enumerate(found.entries):
        if row.id in seen:
            wrong.append(Problem(yml.where(("entries", at, "id")), _("id「{id}」が二度あります。").format(id=row.id)))
        seen.add(row.id)
    if wrong:
        raise PolicyError(wrong)
    return tuple(Recurring(**{**row.model_dump(), "clauses": tuple(row.clauses)}) for row in found.entries)


def entries(
    recurring: Iterable[Recurring], documents: Iterable[Document], reviews: Iterable[Review], today: date
) -> list[Entry]:
    """The whole calendar, the most urgent first."""
    last: dict[str, Review] = {}
    for review in reviews:  # the oldest first; of one day the one noted last
        if review.entry not in last or review.done_on >= last[review.entry].done_on:
            last[review.entry] = review
    found = [_recurring(one, last.get(one.id), today) for one in recurring]
    for document in documents:
        found += _document(document, last)
    order = list(Due)
    return sorted(found, key=lambda one: (order.index(one.state(today)), one.due or date.min, one.id))


def _recurring(one: Recurring, review: Review | None, today: date) -> Entry:
    done = review.done_on if review else one.last_done
    due = review.next_on if review and review.next_on else next_due(one.months, one.month, done, today)
    return Entry(
        one.id, What.RECURRING, one.title, one.owner, due, done, review.outcome if review else None,
        one.note, one.clauses, months=one.months, confirm=one.confirm,
    )  # fmt: skip


def next_due(months: int, month: int | None, done: date | None, today: date) -> date:
    """By when something that recurs is due next: the end of a month.

    Of something with a set month it is the one nearest to ``months`` after it was last done, so that doing it a little
    early or late does not shift it. What nobody recorded is due in the 年度 of ``today``.
    """
    if done is None:
        start = date(fiscal_year(today), 4, 1)
        candidate = start if month else _month_end(start, months - 1)
        return _month_end(candidate, (month - candidate.month) % gcd(months, 12)) if month else candidate
    candidate = _add_months(done, months)
    if month is None:
        return candidate
    step = gcd(months, 12)
    ahead = (month - candidate.month) % step
    near = [_month_end(candidate, ahead), _month_end(candidate, ahead - step)]
    return min((one for one in near if one > done), key=lambda one: abs((one - candidate).days))


def _add_months(day: date, months: int) -> date:
    """The same day of a later month, or the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _month_end(day: date, months: int) -> date:
    return _add_months(day.replace(day=1), months + 1) - timedelta(days=1)


def owner_and_day(document: Document, clause: Clause) -> tuple[str, date | None]:
    """Who answers for a clause and when it is reviewed: its own, else those of what it stands in, else the head's."""
    line = [*reversed(document.line(clause.id))]
    owner = next((one.owner for one in line if one.owner), document.owner)
    return owner, next((one.review for one in line if one.review), document.review)


def _document(document: Document, last: Mapping[str, Review]) -> list[Entry]:
    """The document itself, and each clause that has a day of its own."""
    own = [one for one in document.clauses if one.review]
    head = _read(
        Entry(document_entry(document.id), What.DOCUMENT, document.title, document.owner, document.review), last
    )
    found = [replace(head, follows=_following(document))]
    for clause in own:
        owner, day = owner_and_day(document, clause)
        title = " ".join(filter(None, [document.title, document.number(clause.id), clause.title]))
        entry = Entry(clause_entry(clause.id), What.CLAUSE, title, owner, day, clauses=(clause.id,))
        found.append(_read(entry, last))
    return found


def _following(document: Document) -> int:
    return sum(not any(above.review for above in document.line(one.id)) for one in document.clauses)


def document_entry(document: str) -> str:
    """The id of a document in the calendar."""
    return f"doc:{document}"


def clause_entry(clause: str) -> str:
    """The id of a clause in the calendar."""
    return f"clause:{clause}"


def _read(entry: Entry, last: Mapping[str, Review]) -> Entry:
    """A document's day, or the one that its last review set, whichever is later."""
    review = last.get(entry.id)
    if review is None:
        return entry
    after = review.next_on or _add_months(review.done_on, entry.months)
    due = max(after, entry.due) if entry.due else after
    return replace(entry, due=due, last=review.done_on, outcome=review.outcome)


def check_review(entry: Entry | None, name: str, review: Review, today: date) -> None:
    """Refuse a review of what there is not, of a day to come, or with a next day that has passed.

    Raises:
        UsageError: says what.
    """
    if entry is None:
        text = _("「{id}」は見直しの予定にありません。secops policy calendar で確かめてください。")
        raise UsageError(text.format(id=name[:80]))
    if review.done_on > today:
        raise UsageError(_("{day} は未来の日です。").format(day=review.done_on))
    if review.next_on and review.next_on <= review.done_on:
        raise UsageError(_("次の期日を、実施した日より後にしてください。"))
    if len(review.note) > LONGEST:
        raise UsageError(_("結果が長すぎます。{most} 字以内にしてください。").format(most=LONGEST))
    if review.outcome is not Outcome.UNCHANGED and not review.note.strip():
        raise UsageError(_("何を改めたか、または改めるかを書いてください。"))


def by_month(found: Iterable[Entry], year: int) -> list[tuple[date, list[Entry]]]:
    """The twelve months of a 年度 (their first days), each with what is due in it."""
    months = [date(year + (month < 4), month, 1) for month in (*range(4, 13), *range(1, 4))]
    due: dict[tuple[int, int], list[Entry]] = {}
    for one in found:
        if one.due:
            due.setdefault((one.due.year, one.due.month), []).append(one)
    return [(day, sorted(due.get((day.year, day.month), []), key=lambda one: (one.due, one.id))) for day in months]


def done_in(found: Iterable[Entry], month: date) -> list[Entry]:
    """What was done last in a month (its first day), in the order of the days."""
    done = [one for one in found if one.last and (one.last.year, one.last.month) == (month.year, month.month)]
    return sorted(done, key=lambda one: (one.last or month, one.id))


def overdue(found: Sequence[Entry], today: date) -> list[Entry]:
    """What should have been done by now."""
    return [one for one in found if one.state(today) is Due.OVERDUE]
