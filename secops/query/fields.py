"""What a field can be asked: its kind, the text and number forms of a value, and the order of ranges.

The evaluator and every store use these definitions, so that they cannot drift apart:

* ``kind``: a typed column is what `secops.schema.ecs` says; every other name is ``text``.
* ``text_of``: what is compared by ``Term``, ``Like`` and ``Text``. A number is its decimal text, a boolean ``true`` or
  ``false``; a moment, an object and a number that JSON would write with an exponent have no text.
* A range on a text field is read by its bounds: numbers order values whose folded text reads as a number, addresses
  those that read as an address. Text itself has no order (it would differ between stores).

Events are not the only thing that can be searched: a `Vocabulary` says which fields something has. `EVENTS` is theirs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from secops.errors import QueryError
from secops.locale import _
from secops.query.tree import Between
from secops.schema.aliases import ALIASES
from secops.schema.ecs import COLUMNS

NUMBER = r"-?[0-9]{1,18}(\.[0-9]{1,18})?"
"""What reads as a number in a text value (RE2 and Python alike); exact as DECIMAL(38, 18)."""

V4 = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}"
"""What reads as an IPv4 address."""

NOT_SEARCHED = frozenset({"event.id", "event.sequence", "winlog.record_id"})
"""Counters, whose digits a bare word would only meet by accident: ``Text`` does not look into them."""

_number = re.compile(NUMBER)
_v4 = re.compile(V4)
_v6 = re.compile(r"[0-9A-Fa-f:]{2,39}")


class Kind(StrEnum):
    """How a field's values are compared."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    IP = "ip"
    NAME = "name"  # text without any order, not even that of numbers
    CODE = "code"  # one of a few known words: no wildcards either


_KINDS = {"long": Kind.NUMBER, "float": Kind.NUMBER, "boolean": Kind.BOOLEAN, "date": Kind.DATE, "ip": Kind.IP}


COUNTED = frozenset({Kind.TEXT, Kind.IP})
"""Kinds of columns by whose values any store can count events."""


def kind(field: str) -> Kind:
    """The kind of a field; names without a column are text."""
    return _KINDS.get(COLUMNS.get(field, "").removesuffix("[]"), Kind.TEXT)


def is_list(field: str) -> bool:
    """Whether the field's column is an array."""
    return COLUMNS.get(field, "").endswith("[]")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What can be asked about one kind of thing.

    ``kind`` is that of a field; ``fields`` are those that a typed name stands for (none: ``unknown`` says why, and
    which there are); ``value`` is what a typed value means on a field (QueryError: nothing); ``searched`` says whether
    a bare word is looked for in a field. A query may have so many ``characters`` and ``conditions``.
    """

    kind: Callable[[str], Kind]
    fields: Callable[[str], tuple[str, ...]]
    value: Callable[[str, str], str]
    searched: Callable[[str], bool]
    characters: int
    conditions: int
    unknown: Callable[[str], str] = lambda _name: ""


EVENTS = Vocabulary(
    kind=kind,
    fields=lambda name: (ALIASES[name], name) if name in ALIASES else (name,),
    value=lambda _field, text: text,
    searched=lambda field: field not in NOT_SEARCHED,
    characters=10_000,
    conditions=500,
)
"""Stored events: ECS names, and what a field was called in its log."""


def values(event: Mapping[str, Any], field: str) -> Iterator[Any]:
    """The values of a field that are not null; a list gives its items."""
    value = event.get(field)
    for one in value if isinstance(value, list) else (value,):
        if one is not None:
            yield one


def text_of(value: Any) -> str | None:
    """The text of a value, or None where it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and (value == 0 or 1e-4 <= abs(value) < 1e15):
        return repr(value)
    return None


def number(text: str) -> Decimal | None:
    """The number that a text reads as, or None."""
    return Decimal(text) if _number.fullmatch(text) else None


def address(text: str) -> tuple[int, int] | None:
    """The version and number of the IP address that a text reads as, or None.

    An IPv6 address with a zone index (``%eth0``) or a dotted tail is not one: stores cannot order those alike.
    """
    if ":" not in text:
        return (4, int(ipaddress.IPv4Address(text))) if _v4.fullmatch(text) else None
    try:
        return (6, int(ipaddress.IPv6Address(text))) if _v6.fullmatch(text) else None
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """The moment of an ISO 8601 text with offset, in UTC, or None; the parser writes bounds so."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else None


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds of a ``Between`` as values of its order: Decimal, datetime or the number of an address."""

    kind: Kind
    low: Any
    high: Any
    version: int = 0  # of addresses: 4 or 6


def range_of(node: Between, words: Vocabulary = EVENTS) -> Range:
    """Read the bounds by the field's kind.

    Raises:
        QueryError: a bound does not fit the field, or the field has no order.
    """
    given = [bound for bound in (node.low, node.high) if bound is not None]
    readers = {Kind.NUMBER: number, Kind.DATE: moment, Kind.IP: address}
    own = words.kind(node.field)
    for order in (own,) if own in readers else (Kind.NUMBER, Kind.IP) if own == Kind.TEXT else ():
        read = [readers[order](bound) for bound in given]
        if given and all(one is not None for one in read):
            return _range(node, order, dict(zip(given, read, strict=True)))
    raise QueryError(
        _("「{field}」の範囲に「{found}」は使えません。使えるもの: {expected}").format(
            field=node.field,
            found=" TO ".join(bound or "*" for bound in (node.low, node.high)),
            expected=_WANTED[own](),
        )
    )


_WANTED = {
    Kind.NUMBER: lambda: _("数値"),
    Kind.DATE: lambda: _("日時(2026-11-23、2026-11-23T02:04、24h など)"),
    Kind.IP: lambda: _("IP アドレス"),
    Kind.TEXT: lambda: _("数値どうし、または IP アドレスどうし(文字列には大小がありません)"),
    Kind.BOOLEAN: lambda: _("なし(true か false で検索してください)"),
    Kind.NAME: lambda: _("なし(文字列には大小がありません)"),
    Kind.CODE: lambda: _("なし(文字列には大小がありません)"),
}


def _range(node: Between, order: Kind, read: Mapping[str, Any]) -> Range:
    low = None if node.low is None else read[node.low]
    high = None if node.high is None else read[node.high]
    if order != Kind.IP:
        return Range(order, low, high)
    versions = {bound[0] for bound in (low, high) if bound}
    if len(versions) > 1:
        raise QueryError(
            _("「{field}」の範囲に IPv4 と IPv6 を混ぜることはできません。どちらかにそろえてください。").format(
                field=node.field
            )
        )
    return Range(order, low and low[1], high and high[1], versions.pop())
