"""What a query may ask for at most, in every store: what one of them could not answer is refused by all.

Elasticsearch indexes no term longer than 32,766 bytes and compiles no pattern whose automaton grows without bound; the
lake could do both, but then the same search would find different events behind the same port.
"""

from __future__ import annotations

from collections.abc import Sequence

from secops.errors import QueryError
from secops.locale import _
from secops.query.tree import Wild
from secops.schema.text import fold

MAX_VALUE = 7_500
"""Characters of one value that a search can name; stores may look at no more of a stored value (and count those)."""

MAX_NAME = 500
"""Characters of a field's name."""

MAX_PATTERN = 1_000
"""Characters of a pattern with a ``*``, and of a bare word or phrase, which is looked for inside of values."""

MAX_PAGE = 10_000
"""Rows of one answer, offset included: what a person or a report can take."""

MAX_EFFORT = 50_000
"""Size of a pattern's automaton (sum over its states of the positions they stand for); Lucene stops at twice that."""


def check_name(field: str) -> None:
    """Refuse a field name that no store can look for.

    Raises:
        QueryError: it is empty or too long, or has a quote, a backslash or a control character, which no field has.
    """
    if not field or len(field) > MAX_NAME or not field.isprintable() or any(mark in field for mark in '"\\'):
        raise QueryError(
            _("項目名「{field}」は使えません。{most} 文字までで、引用符や \\ を除いてください。").format(
                field=field[:40], most=MAX_NAME
            )
        )


def check_value(value: str) -> None:
    """Refuse a value that is longer than what is indexed.

    Raises:
        QueryError: with both lengths.
    """
    if (found := len(fold(value))) > MAX_VALUE:
        raise _too_long(found, MAX_VALUE)


def _too_long(found: int, most: int) -> QueryError:
    text = _("検索する値が長すぎます({found} 文字)。{most} 文字までにしてください。")
    return QueryError(text.format(found=found, most=most))


def check_pattern(pattern: Sequence[str | Wild]) -> None:
    """Refuse a pattern that is too long, or whose automaton is too large.

    Raises:
        QueryError: it has too many ``?`` behind a ``*``, or repeats itself over a long stretch.
    """
    marks: list[str] = []  # one character each; '' is ``?``, and ``*`` is None at `stars`
    stars: set[int] = set()
    for part in pattern:
        if isinstance(part, str):
            marks += fold(part)
        elif part.many:
            stars.add(len(marks))
        else:
            marks.append("")
    most = MAX_PATTERN if stars else MAX_VALUE
    if len(marks) > most:
        raise _too_long(len(marks), most)
    if stars and _effort(marks, frozenset(stars)) > MAX_EFFORT:
        raise QueryError(_("検索する形が複雑すぎます。* の後の ? を減らすか、同じ文字の繰り返しを短くしてください。"))


def _effort(marks: Sequence[str], stars: frozenset[int]) -> int:
    """The subset construction of the pattern, stopped when it is too large; the alphabet is what can make a step."""
    begin = frozenset({0})
    seen, waiting, effort = {begin}, [begin], 0
    while waiting and effort <= MAX_EFFORT:
        states = waiting.pop()
        effort += len(states)
        stay = {state for state in states if state in stars}
        steps = [(marks[state], state + 1) for state in states if state < len(marks)]
        for char in {char for char, _to in steps} | {""}:  # "" also stands for every character that nothing names
            found = frozenset(stay | {to for own, to in steps if own in {"", char}})
            if found and found not in seen:
                seen.add(found)
                waiting.append(found)
    return effort


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that reaches further than any store answers.

    Raises:
        QueryError: it does.
    """
    if limit < 0 or offset < 0 or limit + offset > MAX_PAGE:
        text = _("一度に見られるのは {most} 件までです。期間を短くするか、条件を加えてください。")
        raise QueryError(text.format(most=MAX_PAGE))
