"""What a query tree means, in plain Python over one event: the reference that every store is tested against."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from secops.errors import QueryError
from secops.locale import _
from secops.query.fields import (
    EVENTS,
    Kind,
    Vocabulary,
    address,
    moment,
    number,
    range_of,
    text_of,
    values,
)
from secops.query.limits import check_name, check_pattern, check_value
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text, Wild
from secops.schema.names import SEPARATOR
from secops.schema.text import fold


def matches(node: Node, event: Mapping[str, Any], words: Vocabulary = EVENTS) -> bool:
    """Whether an event (flat names → values, lists as lists, aware datetimes) is found by a query.

    Raises:
        QueryError: the tree asks for what no store can answer (see `check`).
    """
    match node:
        case All():
            return True
        case And(parts):
            return all(matches(part, event, words) for part in parts)
        case Or(parts):
            return any(matches(part, event, words) for part in parts)
        case Not(part):
            return not matches(part, event, words)
        case Exists(field):
            return any(True for _value in values(event, field))
        case Text(value):
            return _has_text(event, value, words)
        case Term():
            return _term(node, event, words)
        case Like(field, pattern):
            check(node, words)
            texts = (text_of(value) for value in values(event, field))
            return any(like(pattern, text) for text in texts if text is not None)
        case Between():
            return _between(node, event, words)
        case _:
            assert_never(node)


def check(node: Node, words: Vocabulary = EVENTS) -> None:
    """Refuse a tree that asks for what no store can answer.

    Raises:
        QueryError: a wildcard on a number, date, boolean or address; a term or bound that does not fit its field; a
            name, value or pattern beyond `secops.query.limits`.
    """
    if isinstance(node, (Term, Like, Between, Exists)):
        check_name(node.field)
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                check(part, words)
        case Not(part):
            check(part, words)
        case Like(field, _pattern) if words.kind(field) not in {Kind.TEXT, Kind.NAME}:
            raise QueryError(_("「{field}」にワイルドカードは使えません(文字列の項目だけ)。").format(field=field))
        case Like(_field, pattern):
            check_pattern(pattern)
        case Text(value):
            check_pattern((Wild(many=True), value, Wild(many=True)))
        case Term():
            check_value(node.value)
            term_value(node, words)
        case Between():
            range_of(node, words)
        case _:
            pass


def term_value(node: Term, words: Vocabulary = EVENTS) -> Any:
    """The value a term stands for on its field: folded text, Decimal, bool or datetime.

    Raises:
        QueryError: the term does not fit the field.
    """
    own = words.kind(node.field)
    if own in {Kind.TEXT, Kind.IP, Kind.NAME, Kind.CODE}:
        return fold(node.value)
    value: Any = None
    if own == Kind.NUMBER:
        value, expected = number(node.value), _("数値")
    elif own == Kind.BOOLEAN:
        value, expected = {"true": True, "false": False}.get(fold(node.value)), _("true か false")
    else:
        value, expected = moment(node.value), _("日時(2026-11-23、2026-11-23T02:04 など)")
    if value is None:
        raise QueryError(
            _("「{field}」に「{found}」は使えません。使えるもの: {expected}").format(
                field=node.field, found=node.value, expected=expected
            )
        )
    return value


def _term(node: Term, event: Mapping[str, Any], words: Vocabulary) -> bool:
    wanted = term_value(node, words)
    if isinstance(wanted, str):
        texts = (text_of(value) for value in values(event, node.field))
        return any(fold(text) == wanted for text in texts if text is not None)
    return any(value == wanted for value in values(event, node.field))


def _between(node: Between, event: Mapping[str, Any], words: Vocabulary) -> bool:
    span = range_of(node, words)
    for value in values(event, node.field):
        place: Any = None
        if isinstance(value, datetime):
            place = value.astimezone(UTC) if span.kind == Kind.DATE else None
        elif (text := text_of(value)) is not None:
            if span.kind == Kind.NUMBER:
                # A number in a column of numbers is one whatever its size; a text only reads as one up to a length.
                place = value if words.kind(node.field) == Kind.NUMBER else number(fold(text))
            elif span.kind == Kind.IP and (found := address(fold(text))) and found[0] == span.version:
                place = found[1]
        if place is None:
            continue
        above = span.low is None or (place >= span.low if node.low_inclusive else place > span.low)
        below = span.high is None or (place <= span.high if node.high_inclusive else place < span.high)
        if above and below:
            return True
    return False


def _has_text(event: Mapping[str, Any], wanted: str, words: Vocabulary) -> bool:
    if SEPARATOR in wanted:
        return False
    folded = fold(wanted)
    for field in filter(words.searched, event):
        for value in values(event, field):
            text = text_of(value)
            if text is not None and folded in fold(text):
                return True
    return False


def like(pattern: Sequence[str | Wild], text: str) -> bool:
    """Whether the whole text matches a pattern, both folded. Linear in the text for each ``*``."""
    segments: list[str] = [""]
    for part in pattern:
        if isinstance(part, str):
            segments[-1] += re.escape(fold(part))
        elif part.many:
            segments.append("")
        else:
            segments[-1] += "."
    folded = fold(text)
    if len(segments) == 1:
        return re.fullmatch(segments[0], folded, re.DOTALL) is not None
    first, *middle, last = (re.compile(segment, re.DOTALL) for segment in segments)
    begin = first.match(folded)
    if not begin:
        return False
    position = begin.end()
    for segment in middle:
        found = segment.search(folded, position)
        if not found:
            return False
        position = found.end()
    # The last segment has a fixed length: it must fit behind what is taken.
    ends = re.compile(f"(?:{last.pattern})\\Z", re.DOTALL).search(folded, position)
    return ends is not None
