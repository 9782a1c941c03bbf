"""How events lie in Elasticsearch: the mapping, the names of our own fields, and terms that keep an order.

Every ECS column is a field of its ECS type, so that other tools find what they expect. What the query tree means
cannot be had from those types alone (a flattened field has no wildcards, a date only milliseconds, an ``ip`` refuses
what is no address), so a document has a few fields of ours beside them:

=================== =================================================================================================
``secops.fields``   the fields without an ECS name: ``flattened``, folded texts
``secops.pairs``    the same as ``name NUL text``: wildcards on one of them, which a flattened field does not have
``secops.keys``     the names of those that have a value without a text (an object): ``Exists``
``secops.text``     all values of ECS columns (``copy_to``): a bare word is a wildcard on it and on ``secops.fields``
``secops.order``    ``name NUL place`` of values that read as a number, an address or a moment: ranges
``secops.time``     ``@timestamp`` in microseconds (``secops.received``: ``event.ingested``): spans, order, histograms
``secops.zone``     zone and ``secops.department`` as they are, for the scope of a user
``secops.kind``     what tells kinds of events apart, as they are
``secops.odd``      the columns that hold folded text; ``<column>.raw`` has the values of the others, to group by
``secops.cut``      the names of fields of which only the first `MAX_VALUE` characters are indexed
``secops.rejected`` why Elasticsearch refused the event as it was
``secops.extra``    not indexed: the fields without an ECS name as JSON; ``secops.original``: values as they were
=================== =================================================================================================

Text is folded here, not there: Elasticsearch has no NFKC without a plug-in. A column keeps its value where the lower
case that the ``lowercase`` normalizer makes is its folded text, which is nearly always; else it holds the folded text,
and ``secops.original`` what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from secops.query.fields import NOT_SEARCHED, Kind, address, number
from secops.query.fields import kind as kind_of
from secops.query.limits import MAX_VALUE
from secops.schema.ecs import COLUMNS

NUL = "\x00"
FIELDS, PAIRS, KEYS, TEXT, ORDER = "secops.fields", "secops.pairs", "secops.keys", "secops.text", "secops.order"
TIME, RECEIVED, ZONE, DEPARTMENT = "secops.time", "secops.received", "secops.zone", "secops.department"
KIND, ODD, CUT, REJECTED = "secops.kind", "secops.odd", "secops.cut", "secops.rejected"
EXTRA_JSON, ORIGINAL = "secops.extra", "secops.original"
MOMENTS = {"@timestamp": TIME, "event.ingested": RECEIVED}  # dates with a field of their own in microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG = frozenset({"wildcard", "match_only_text"})  # nobody groups by these: no column on disk
_ONCE = frozenset({"event.id", "event.original", "error.message", "message"})
_FROM = 1 << 62


def mapping() -> dict[str, Any]:
    """The mapping of an index of events; fields that it does not name are kept and not indexed."""
    term = {"type": "keyword", "doc_values": False}
    own = {
        FIELDS: {"type": "flattened", "ignore_above": MAX_VALUE + 1, "doc_values": False},
        PAIRS: term,
        KEYS: term,
        TEXT: {**term, "normalizer": "lowercase"},
        ORDER: term,
        TIME: {"type": "long"},
        RECEIVED: {"type": "long"},
        ZONE: term,
        DEPARTMENT: term,
        KIND: {"type": "keyword"},
        ODD: term,
        CUT: term,
        REJECTED: term,
    }
    columns = {name: _column(name, kind.removesuffix("[]")) for name, kind in COLUMNS.items()}
    return {"dynamic": False, "properties": {**columns, **own}}


def _column(name: str, kind: str) -> dict[str, Any]:
    found = {} if name in NOT_SEARCHED or kind == "date" else {"copy_to": TEXT}
    if kind in {"long", "boolean", "date"}:
        return {"type": kind, **found}
    text = {"type": "keyword", "normalizer": "lowercase", "doc_values": False}
    if kind == "ip":
        return {"type": "ip", "ignore_malformed": True, "fields": {"text": text}, **found}
    if name == "event.id":
        return {**text, "doc_values": True}  # the order of events of one moment
    raw = {"fields": {"raw": {"type": "keyword", "index": False}}} if grouped(name) else {}
    return {**text, **raw, **found}


def grouped(name: str) -> bool:
    """Whether events can be grouped by a column of text: the long ones would take too much disk."""
    return COLUMNS[name] not in _LONG and name not in _ONCE and kind_of(name) == Kind.TEXT


def column(name: str) -> str:
    """Where the text of an ECS column is indexed."""
    return f"{name}.text" if kind_of(name) == Kind.IP else name


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(microseconds: float) -> datetime:
    """The moment so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


@lru_cache(maxsize=100_000)
def place_of(folded: str) -> str:
    """The place of a text that reads as a number or an address among its like, as a text; '' if it is neither."""
    first = folded[:1]
    if first not in "-0123456789abcdef:" or len(folded) > 39:
        return ""
    if (value := number(folded)) is not None:
        return number_place(value)
    found = address(folded)
    return address_place(*found) if found else ""


def number_place(value: Decimal) -> str:
    """Texts of this form order as the numbers do; exact for 18 digits on each side of the point."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    whole = int("".join(map(str, digits))) * 10 ** (18 + exponent)  # arithmetic of Decimal would round to 28 digits
    written = f"{whole:036d}"
    return "n0" + written.translate(_NINES) if sign and whole else "n1" + written


def address_place(version: int, value: int) -> str:
    """Texts of this form order as addresses of one version do."""
    return f"v4{value:08x}" if version == 4 else f"v6{value:032x}"


def moment_place(moment: datetime) -> str:
    """Texts of this form order as moments do."""
    return f"t{micros(moment) + _FROM:020d}"


_NINES = str.maketrans("0123456789", "9876543210")


def own_names(source: Mapping[str, Any]) -> set[str]:
    """The names of a document that are ours, not the event's."""
    return {name for name in source if name.startswith("secops.")}
