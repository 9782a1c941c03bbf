"""What an operator typed after a field name, as a condition on that field: numbers, dates, addresses, text."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from secops.errors import QueryError
from secops.locale import _
from secops.query.evaluate import check
from secops.query.fields import EVENTS, Kind, Vocabulary, range_of
from secops.query.tree import Between, Like, Node, Or, Term, Wild
from secops.schema.dates import parse_moment
from secops.schema.text import fold

MAX_STARS = 10

_OCTETS = re.compile(r"(?:[0-9]{1,3}\.){1,3}")
_PRECISION = (
    (re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"), timedelta(days=1)),
    (re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})?"), timedelta(minutes=1)),
    (re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})?"), timedelta(seconds=1)),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range as typed."""

    text: str
    inclusive: bool


def equal(field: str, text: str, now: datetime, words: Vocabulary = EVENTS) -> Node:
    """The field has this value; a date means its whole day, a network any address in it.

    Raises:
        QueryError: the text does not fit the field's type.
    """
    own, text = words.kind(field), words.value(field, text)
    if own == Kind.DATE:
        begin, length = _moment(field, text, now)
        return Between(field, begin.isoformat(), (begin + length).isoformat(), high_inclusive=not length)
    if own == Kind.NUMBER:
        text = fold(text)
    network = _network(text)
    if own == Kind.IP:
        if network is None:
            raise _unfit(field, text, _("IP アドレスかネットワーク(例: 10.1.2.3、10.0.0.0/8)"))
        return network_range(field, network) if "/" in text else Term(field, str(network.network_address))
    if own == Kind.NAME and network is not None and "/" in text:
        raise _unfit(field, text, _("値そのものか、10.1.* の形(ネットワークの範囲では探せません)"))
    node: Node = Term(field, text)
    check(node, words)
    return Or((node, network_range(field, network))) if network and "/" in text and own == Kind.TEXT else node


def network_range(field: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Node:
    """The field is an address in the network."""
    return Between(field, str(network.network_address), str(network.broadcast_address))


def pattern(field: str, marks: tuple[str | Wild, ...], words: Vocabulary = EVENTS) -> Node:
    """The field matches a wildcard pattern; on addresses only ``10.1.*``.

    Raises:
        QueryError: the field's type has no wildcards, or there are too many.
    """
    if sum(isinstance(mark, Wild) and mark.many for mark in marks) > MAX_STARS:
        raise QueryError(_("「{field}」の * は {most} 個までです。").format(field=field, most=MAX_STARS))
    if words.kind(field) == Kind.IP:
        match marks:
            case (str(start), Wild(many=True)) if _OCTETS.fullmatch(start):
                parts = start.rstrip(".").split(".")
                network = _network(".".join(parts + ["0"] * (4 - len(parts))) + f"/{8 * len(parts)}")
                if network is not None:
                    return network_range(field, network)
        raise QueryError(
            _("「{field}」のワイルドカードは 10.1.* の形だけです。10.1.0.0/16 の形も使えます。").format(field=field)
        )
    node = Like(field, marks)
    check(node, words)
    return node


def ranged(field: str, low: Bound | None, high: Bound | None, now: datetime, words: Vocabulary = EVENTS) -> Node:
    """The field lies between two bounds; a date as a bound stands for its whole day, minute or second.

    Raises:
        QueryError: a bound does not fit the field's type.
    """
    if low is None and high is None:
        raise QueryError(
            _("「{field}」の範囲の両端が * です。値があるかどうかは {field}:* で検索してください。").format(field=field)
        )
    low, high = (bound and Bound(words.value(field, bound.text), bound.inclusive) for bound in (low, high))
    if words.kind(field) == Kind.DATE:
        low, high = _date_low(field, low, now), _date_high(field, high, now)
    node = Between(
        field,
        low.text if low else None,
        high.text if high else None,
        low_inclusive=low.inclusive if low else True,
        high_inclusive=high.inclusive if high else True,
    )
    range_of(node, words)
    return node


def compared(field: str, text: str, now: datetime, words: Vocabulary = EVENTS) -> Node:
    """``>=5`` and the like where they reach us as one word."""
    sign = text[:2] if text[1:2] == "=" else text[:1]
    bound = Bound(text[len(sign) :], inclusive=sign.endswith("="))
    low, high = (bound, None) if sign[0] == ">" else (None, bound)
    return ranged(field, low, high, now, words)


def _date_low(field: str, bound: Bound | None, now: datetime) -> Bound | None:
    if bound is None:
        return None
    begin, length = _moment(field, bound.text, now)
    if bound.inclusive or not length:
        return Bound(begin.isoformat(), bound.inclusive)
    return Bound((begin + length).isoformat(), inclusive=True)


def _date_high(field: str, bound: Bound | None, now: datetime) -> Bound | None:
    if bound is None:
        return None
    begin, length = _moment(field, bound.text, now)
    if not length:
        return Bound(begin.isoformat(), bound.inclusive)
    return Bound((begin + length if bound.inclusive else begin).isoformat(), inclusive=False)


def _moment(field: str, text: str, now: datetime) -> tuple[datetime, timedelta]:
    """The moment a text names and how long it lasts (0 for an exact one)."""
    folded = fold(text).upper() if "t" in fold(text) else fold(text)
    try:
        begin = parse_moment(folded.lower().removeprefix("now-") if folded[:1].lower() == "n" else folded, now)
    except (ValueError, OverflowError):
        raise _unfit(field, text, _("日時(2026-11-23、2026-11-23T02:04、24h など)")) from None
    length = next((size for form, size in _PRECISION if form.fullmatch(folded)), timedelta(0))
    return begin, length


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(fold(text), strict=False)
    except ValueError:
        return None


def _unfit(field: str, found: str, expected: str) -> QueryError:
    return QueryError(
        _("「{field}」に「{found}」は使えません。使えるもの: {expected}").format(
            field=field, found=found, expected=expected
        )
    )
