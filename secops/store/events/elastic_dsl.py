"""From a query tree to Elasticsearch DSL; every value is data of a JSON document, never part of a query's text.

``tests/store/events`` compares the answers with `secops.query.evaluate` over random trees and events. Conditions are
filters: nothing is scored. ``Not`` is pushed down to the leaves, so that nesting stays below Elasticsearch's limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from secops.query.evaluate import term_value
from secops.query.fields import Kind, kind, range_of
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text
from secops.schema.ecs import COLUMNS
from secops.schema.names import SEPARATOR
from secops.schema.text import fold
from secops.siem.ports import Scope, Span
from secops.store.events.elastic_fields import (
    DEPARTMENT,
    FIELDS,
    KEYS,
    MOMENTS,
    NUL,
    ORDER,
    PAIRS,
    TEXT,
    TIME,
    ZONE,
    address_place,
    column,
    micros,
    moment_place,
    number_place,
)

Dsl = dict[str, Any]
NOTHING: Dsl = {"match_none": {}}
EVERYTHING: Dsl = {"match_all": {}}
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def asked(query: Node, span: Span, scope: Scope) -> Dsl:
    """The whole condition of a search: query, span of ``@timestamp``, and what the user may see."""
    return {"bool": {"filter": [condition(query), *inside(span), *visible(scope)]}}


def inside(span: Span, field: str = TIME) -> list[Dsl]:
    """The conditions of a span; none where it is unbounded."""
    bounds = {}
    if span.since is not None:
        bounds["gte"] = micros(span.since)
    if span.until is not None:
        bounds["lt"] = micros(span.until)
    return [{"range": {field: bounds}}] if bounds else []


def visible(scope: Scope) -> list[Dsl]:
    """What the user may see; an event without a zone or department is seen only by those who see all."""
    pairs = ((ZONE, scope.zones), (DEPARTMENT, scope.departments))
    return [{"terms": {field: sorted(allowed)}} for field, allowed in pairs if allowed is not None]


def condition(node: Node, *, holds: bool = True) -> Dsl:
    """The condition that a tree is; with ``holds`` false, that it is not."""
    match node:
        case All():
            return EVERYTHING if holds else NOTHING
        case And(parts):
            return _joined([condition(part, holds=holds) for part in parts], every=holds)
        case Or(parts):
            return _joined([condition(part, holds=holds) for part in parts], every=not holds)
        case Not(part):
            return condition(part, holds=not holds)
        case _:
            leaf = _leaf(node)
            return leaf if holds else {"bool": {"must_not": [leaf]}}


def _joined(parts: Sequence[Dsl], *, every: bool) -> Dsl:
    if not parts:
        return EVERYTHING if every else NOTHING
    if len(parts) == 1:
        return parts[0]
    return {"bool": {"filter": [*parts]}} if every else {"bool": {"should": [*parts], "minimum_should_match": 1}}


def _leaf(node: Term | Like | Between | Exists | Text) -> Dsl:
    match node:
        case Exists(field):
            if field in COLUMNS:
                return {"exists": {"field": column(field)}}
            return _joined([{"exists": {"field": f"{FIELDS}.{field}"}}, {"term": {KEYS: field}}], every=False)
        case Text(value):
            return _text(fold(value))
        case Term():
            return _term(node)
        case Like(field, pattern):
            written = "".join(
                escaped(fold(part)) if isinstance(part, str) else "*" if part.many else "?" for part in pattern
            )
            if field in COLUMNS:
                return _wildcard(column(field), written)
            return _wildcard(PAIRS, escaped(field) + NUL + written)
        case Between():
            return _between(node)
        case _:
            assert_never(node)


def _text(folded: str) -> Dsl:
    if SEPARATOR in folded:
        return NOTHING
    if not folded:
        return EVERYTHING  # every event has some text
    written = f"*{escaped(folded)}*"
    return _joined([_wildcard(field, written) for field in (TEXT, FIELDS)], every=False)


def _term(node: Term) -> Dsl:
    wanted = term_value(node)
    if isinstance(wanted, bool):
        return {"term": {node.field: wanted}}
    if isinstance(wanted, str):
        if node.field in COLUMNS:
            return {"term": {column(node.field): wanted}}
        return {"term": {f"{FIELDS}.{node.field}": wanted}}
    if isinstance(wanted, datetime):
        if node.field in MOMENTS:
            return {"term": {MOMENTS[node.field]: micros(wanted)}}
        return {"term": {ORDER: f"{node.field}{NUL}{moment_place(wanted)}"}}
    return _numbers(node.field, wanted, wanted)


def _between(node: Between) -> Dsl:
    span = range_of(node)
    if span.kind == Kind.NUMBER and kind(node.field) == Kind.NUMBER:
        # The next whole number inside, since the field has no others.
        low = None if span.low is None else math.ceil(span.low)
        high = None if span.high is None else math.floor(span.high)
        low = low + 1 if low is not None and not node.low_inclusive and low == span.low else low
        high = high - 1 if high is not None and not node.high_inclusive and high == span.high else high
        return _numbers(node.field, low, high)
    if node.field in MOMENTS:
        return _range(
            MOMENTS[node.field], node, *(None if one is None else micros(one) for one in (span.low, span.high))
        )
    if span.kind == Kind.NUMBER:
        low, high = (None if one is None else number_place(one) for one in (span.low, span.high))
        first, last = "n", "n~"
    elif span.kind == Kind.IP:
        low, high = (None if one is None else address_place(span.version, one) for one in (span.low, span.high))
        first, last = f"v{span.version}", f"v{span.version}~"
    else:
        low, high = (None if one is None else moment_place(one) for one in (span.low, span.high))
        first, last = "t", "t~"
    name = node.field + NUL
    return _range(ORDER, node, name + (low or first), name + (high or last))


def _range(field: str, node: Between, low: Any, high: Any) -> Dsl:
    bounds = {}
    if low is not None:
        bounds["gte" if node.low_inclusive else "gt"] = low
    if high is not None:
        bounds["lte" if node.high_inclusive else "lt"] = high
    return {"range": {field: bounds}}


def _numbers(field: str, low: Decimal | int | None, high: Decimal | int | None) -> Dsl:
    """A numeric column between two whole numbers, both inclusive; fractions and what no column can hold are never."""
    if any(one is not None and one != int(one) for one in (low, high)):
        return NOTHING
    least = _LEAST if low is None else max(int(low), _LEAST)
    most = _MOST if high is None else min(int(high), _MOST)
    return {"range": {field: {"gte": least, "lte": most}}} if least <= most else NOTHING


def _wildcard(field: str, written: str) -> Dsl:
    return {"wildcard": {field: {"value": written}}}


def escaped(literal: str) -> str:
    """The literal as part of a wildcard query."""
    return literal.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
