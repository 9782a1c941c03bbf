"""Several questions about the events of a lake in one reading of its files.

Opening some hundred files costs more than counting what is in them, so what is asked about the same events is asked
together: one pass for all counts, and one for the values of those that found anything. Nothing is held but the counts,
so it takes no more memory than the questions one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from secops.errors import QueryError
from secops.locale import _
from secops.query.evaluate import check
from secops.query.fields import COUNTED, is_list, kind
from secops.query.tree import And, Node, Or, Term
from secops.schema.ecs import COLUMNS
from secops.schema.text import fold
from secops.siem.ports import Answer, EventStore, Question, Scope, Span
from secops.store.events.sql import Condition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Rows = Callable[[Condition, str, str, str], pl.DataFrame]
"""Runs ``SELECT first FROM (SELECT inner FROM the events) tail``; without ``inner`` the first is of the events."""


def check_counted(fields: Sequence[str]) -> None:
    """Whether events can be counted by the values of these columns.

    Raises:
        QueryError: one is no column of text or addresses.
    """
    if any(kind(field) not in COUNTED or is_list(field) or field not in COLUMNS for field in fields):
        text = _("件数を項目ごとに数えられるのは、文字列とアドレスの列だけです: {names}")
        raise QueryError(text.format(names=", ".join(fields)))


def one_by_one(
    store: EventStore,
    common: Node,
    questions: Sequence[Question],
    span: Span,
    scope: Scope,
    known: int | None = None,
) -> Iterator[Answer]:
    """The answers of a store that is asked one thing after the other; ``known`` is a count that it gave already."""
    for one in questions:
        query = And((one.query, common))
        part = Span(max(filter(None, (one.since, span.since)), default=None), span.until)
        count = store.count(query, part, scope) if known is None else known
        buckets = store.histogram(query, part, scope, one.seconds) if one.seconds and count else ()
        groups = store.tally(query, part, scope, one.fields, one.limit) if one.fields and count else ()
        yield Answer(count, buckets, groups)


def together(common: Node, questions: Sequence[Question], rows: Rows) -> list[Answer]:
    """The answers, with one pass for the counts and one for the values."""
    for one in questions:
        check(one.query)
    counts: dict[int, list[tuple[int, int]]] = {at: [] for at in range(len(questions))}
    for seconds, numbers in _by_width(questions).items():
        for bucket, *found in _counted(common, seconds, [questions[at] for at in numbers], rows):
            for at, count in zip(numbers, found, strict=True):
                if count:
                    counts[at].append((bucket, count))
    totals = {at: sum(count for _bucket, count in found) for at, found in counts.items()}
    asked = {at: one for at, one in enumerate(questions) if one.fields and totals[at]}
    groups = _grouped(common, asked, rows) if asked else {}
    return [
        Answer(totals[at], _buckets(counts[at], one.seconds), groups.get(at, ())) for at, one in enumerate(questions)
    ]


def _buckets(counts: Sequence[tuple[int, int]], seconds: int) -> Sequence[tuple[datetime, int]]:
    if not seconds or not counts:
        return ()
    return [(_EPOCH + timedelta(seconds=bucket * seconds), count) for bucket, count in counts]


def _by_width(questions: Sequence[Question]) -> dict[int, list[int]]:
    """The numbers of the questions by the width of their buckets; who wants none goes along with any."""
    widths = sorted({one.seconds for one in questions if one.seconds}) or [0]
    found: dict[int, list[int]] = {width: [] for width in widths}
    for at, one in enumerate(questions):
        found[one.seconds or widths[0]].append(at)
    return found


def _counted(common: Node, seconds: int, questions: Sequence[Question], rows: Rows) -> Iterable[tuple[int, ...]]:
    """A row a bucket: its number, then the count of each question."""
    condition = Condition(common)
    bucket = f"""epoch_us("@timestamp") // {int(seconds) * 1_000_000}""" if seconds else "0"
    tests = (f"count(*) FILTER ({_test(condition, one)})" for one in questions)
    picked = ", ".join(f"{test} AS c{at}" for at, test in enumerate(tests))
    return rows(condition, f"{bucket} AS bucket, {picked}", "", "GROUP BY bucket ORDER BY bucket").iter_rows()


def _grouped(
    common: Node, questions: Mapping[int, Question], rows: Rows
) -> dict[int, list[tuple[tuple[str | None, ...], int]]]:
    """The values of each question's columns: an event is a row for each question that it answers."""
    width = max(len(one.fields) for one in questions.values())
    condition = Condition(common)
    cases = []
    for at, one in questions.items():
        keys = [*(f'"{field}"::VARCHAR' for field in one.fields), *["NULL::VARCHAR"] * (width - len(one.fields))]
        struct = ", ".join(f"'k{place}': {key}" for place, key in enumerate(keys))
        cases.append(f"CASE WHEN {_test(condition, one)} THEN {{'q': {at}, {struct}}} END")
    inner = f"unnest(list_filter([{', '.join(cases)}], lambda x: x IS NOT NULL)) AS one"
    names = ", ".join(f"one.k{place} AS k{place}" for place in range(width))
    found: dict[int, list[tuple[tuple[str | None, ...], int]]] = {}
    for at, *values, count in rows(condition, f"one.q AS q, {names}, count(*) AS n", inner, "GROUP BY ALL").iter_rows():
        found.setdefault(at, []).append((tuple(values[: len(questions[at].fields)]), count))
    for at, groups in found.items():
        groups.sort(key=lambda one: (-one[1], [(part is None, part or "") for part in one[0]]))
        del groups[questions[at].limit :]
    return found


def _test(condition: Condition, one: Question) -> str:
    sql = condition.also(one.query)
    if one.since is None:
        return sql
    return f"""({sql}) AND "@timestamp" >= {condition.bind(one.since.isoformat())}::TIMESTAMPTZ"""


def datasets(node: Node) -> frozenset[str] | None:
    """The datasets (folded) of which an event that matches must be, None where it can be of any."""
    match node:
        case Term(field="event.dataset", value=value):
            return frozenset({fold(value)})
        case And(parts):
            known = [found for found in map(datasets, parts) if found is not None]
            return frozenset.intersection(*known) if known else None
        case Or(parts) if parts:
            each = list(map(datasets, parts))
            known = [found for found in each if found is not None]
            return frozenset[Any].union(*known) if len(known) == len(each) else None
        case _:
            return None
