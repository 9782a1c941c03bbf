"""From a query tree to a DuckDB condition. Every value and JSON path is a bound parameter; columns are our own names.

A field's texts come from three places (see `secops.store.events.searchable`): the column, ``EXTRA``, and ``FOLDED`` for
the few values whose folded text SQL cannot make itself. ``tests/store/events`` compares the answers with
`secops.query.evaluate` over random trees and events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

import orjson

from secops.errors import QueryError
from secops.locale import _
from secops.query.evaluate import term_value
from secops.query.fields import NUMBER, V4, Kind, Range, is_list, kind, range_of
from secops.query.limits import check_name
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text, Wild
from secops.schema.ecs import COLUMNS
from secops.schema.frame import EXTRA
from secops.schema.names import SEPARATOR
from secops.schema.text import fold
from secops.store.events.searchable import FOLDED, TEXT

PREFILTER_FROM = 4  # characters a literal needs before looking for it in TEXT first pays
LISTED_FROM = 2  # terms on one field that are looked up in a list

# IPv6 as 32 hexadecimal digits, which order like the addresses; null for what does not read as one.
_LEFT, _RIGHT = "v6_parts(split_part(v, '::', 1))", "v6_parts(split_part(v, '::', 2))"
MACROS = (
    f"""CREATE MACRO v4_number(v) AS CASE WHEN regexp_full_match(v, '{V4}')
        THEN split_part(v, '.', 1)::BIGINT * 16777216 + split_part(v, '.', 2)::BIGINT * 65536
           + split_part(v, '.', 3)::BIGINT * 256 + split_part(v, '.', 4)::BIGINT END""",
    "CREATE MACRO v6_parts(x) AS CASE WHEN x = '' THEN []::VARCHAR[] ELSE string_split(x, ':') END",
    "CREATE MACRO v6_valid(parts) AS len(list_filter(parts, lambda p: NOT regexp_full_match(p, '[0-9a-f]{1,4}'))) = 0",
    "CREATE MACRO v6_hex(parts) AS array_to_string(list_transform(parts, lambda p: lpad(p, 4, '0')), '')",
    f"""CREATE MACRO v6_text(v) AS CASE
        WHEN NOT regexp_full_match(v, '[0-9a-f:]{{2,39}}') THEN NULL
        WHEN len(string_split(v, '::')) = 2 THEN
            CASE WHEN v6_valid({_LEFT}) AND v6_valid({_RIGHT}) AND len({_LEFT}) + len({_RIGHT}) <= 7
            THEN rpad(v6_hex({_LEFT}), (32 - 4 * len({_RIGHT}))::INTEGER, '0') || v6_hex({_RIGHT}) END
        WHEN len(string_split(v, ':')) = 8 AND v6_valid(string_split(v, ':')) THEN v6_hex(string_split(v, ':')) END""",
)
"""Run once on a connection before conditions are."""

Predicate = Callable[[str], str]


class Condition:
    """A condition under construction: ``sql`` with the parameters it binds."""

    def __init__(self, node: Node) -> None:
        self.params: dict[str, Any] = {}
        self._bound: dict[str, str] = {}
        self.sql = self._node(node)

    def bind(self, value: Any) -> str:
        """A placeholder for a value; texts, which come again and again, are bound once."""
        if isinstance(value, str) and (name := self._bound.get(value)):
            return f"${name}"
        name = f"p{len(self.params)}"
        self.params[name] = value
        if isinstance(value, str):
            self._bound[value] = name
        return f"${name}"

    def also(self, node: Node) -> str:
        """Another condition beside this one, bound to the same parameters."""
        return self._node(node)

    def _node(self, node: Node) -> str:
        match node:
            case All():
                return "true"
            case And(parts):
                return "(" + " AND ".join(self._node(part) for part in parts) + ")" if parts else "true"
            case Or(parts):
                return self._either(parts)
            case Not(part):
                return f"(({self._node(part)}) IS NOT TRUE)"
            case Exists(field):
                return self._exists(field)
            case Text(value):
                return "false" if SEPARATOR in value else f"contains({_name(TEXT)}, {self.bind(fold(value))})"
            case Term():
                return self._term(node)
            case Like(field, pattern):
                return self._like(field, pattern)
            case Between():
                return self._between(node)
            case _:
                assert_never(node)

    def _either(self, parts: Sequence[Node]) -> str:
        """One of the parts; the terms on a field of text are one look into a list, however many they are."""
        wanted: dict[str, list[str]] = {}
        for part in parts:
            if isinstance(part, Term) and isinstance(text := term_value(part), str):
                wanted.setdefault(part.field, []).append(text)
        listed = {field: texts for field, texts in wanted.items() if len(texts) >= LISTED_FROM}
        tests = [self._one_of(field, texts) for field, texts in listed.items()]
        tests += [self._node(part) for part in parts if not (isinstance(part, Term) and part.field in listed)]
        return "(" + " OR ".join(tests) + ")" if tests else "false"

    def _one_of(self, field: str, texts: Sequence[str]) -> str:
        listed = f"{self.bind(sorted(set(texts)))}::VARCHAR[]"
        return self._texts(field, lambda x: f"list_contains({listed}, {x})")

    def _term(self, node: Term) -> str:
        wanted = term_value(node)
        if isinstance(wanted, str):
            value = self.bind(wanted)
            return self._texts(node.field, lambda x: f"{x} = {value}", wanted)
        value = self._constant(wanted)
        return self._each(node.field, lambda x: f"{x} = {value}")

    def _like(self, field: str, pattern: tuple[str | Wild, ...]) -> str:
        if kind(field) != Kind.TEXT:
            raise QueryError(_("「{field}」にワイルドカードは使えません(文字列の項目だけ)。").format(field=field))
        written = "".join(
            _escaped(fold(part)) if isinstance(part, str) else "%" if part.many else "_" for part in pattern
        )
        value = self.bind(written)
        literal = max((fold(part) for part in pattern if isinstance(part, str)), key=len, default="")
        return self._texts(field, lambda x: f"{x} LIKE {value} ESCAPE '\\'", literal)

    def _between(self, node: Between) -> str:
        span = range_of(node)
        if span.kind == Kind.NUMBER and kind(node.field) == Kind.TEXT:
            test = self._bounds(node, span, lambda value: f"{self.bind(str(value))}::DECIMAL(38, 18)")
            return self._texts(
                node.field,
                lambda x: (
                    f"CASE WHEN regexp_full_match({x}, '{NUMBER}') "
                    f"THEN {test(f'CAST({x} AS DECIMAL(38, 18))')} ELSE false END"
                ),
            )
        if span.kind == Kind.IP and span.version == 4:
            test = self._bounds(node, span, lambda value: f"{self.bind(value)}::BIGINT")
            start = self.bind(_shared_octets(span))  # most values are ruled out without taking them apart
            return self._texts(
                node.field,
                lambda x: f"CASE WHEN starts_with({x}, {start}) THEN {test(f'v4_number({x})')} ELSE false END",
            )
        if span.kind == Kind.IP:
            test = self._bounds(node, span, lambda value: self.bind(format(value, "032x")))
            return self._texts(node.field, lambda x: test(f"v6_text({x})"))
        return self._each(node.field, self._bounds(node, span, self._constant))

    def _bounds(self, node: Between, span: Range, constant: Callable[[Any], str]) -> Predicate:
        """A test of one expression against both bounds, each bound once."""
        tests = []
        if span.low is not None:
            tests.append((">=" if node.low_inclusive else ">", constant(span.low)))
        if span.high is not None:
            tests.append(("<=" if node.high_inclusive else "<", constant(span.high)))
        return lambda x: "(" + " AND ".join(f"{x} {sign} {value}" for sign, value in tests) + ")"

    def _constant(self, value: Any) -> str:
        if isinstance(value, datetime):
            return f"{self.bind(value.isoformat())}::TIMESTAMPTZ"
        if isinstance(value, Decimal):
            whole = value == value.to_integral_value()
            return f"{self.bind(str(int(value)))}::BIGINT" if whole else f"{self.bind(str(value))}::DECIMAL(38, 18)"
        return self.bind(value)

    def _each(self, field: str, test: Predicate) -> str:
        """The test on a number, boolean or date column; on an array, on one of its items."""
        column = _name(field)
        return _any(column, test) if is_list(field) else test(column)

    def _texts(self, field: str, test: Predicate, literal: str = "") -> str:
        """The test on one of the folded texts of a text or address field.

        ``literal`` must occur in a text that passes; where it is long enough, TEXT is asked first.
        """
        folded = _name(FOLDED)
        path = self.bind(_path(field))
        exact = _any(f"json_extract_string({folded}, {path} || '[*]')", test)
        if field not in COLUMNS:
            direct = test(f"lower(json_extract_string({_name(EXTRA)}, {path}))")
        elif is_list(field):
            direct = _any(_name(field), lambda x: test(f"lower({x})"))
        else:
            direct = test(f"lower({_name(field)})")
        whole = (
            f"CASE WHEN {folded} IS NULL THEN {direct} "
            f"WHEN json_exists({folded}, {path}) THEN {exact} ELSE {direct} END"
        )
        if field in COLUMNS:
            return whole
        hints = [f"contains({_name(EXTRA)}, {self.bind(_key(field))})"]
        if len(literal) >= PREFILTER_FROM:
            hints.insert(0, f"contains({_name(TEXT)}, {self.bind(literal)})")
        return "(" + " AND ".join([*hints, whole]) + ")"

    def _exists(self, field: str) -> str:
        if field in COLUMNS:
            return _any(_name(field), lambda x: f"{x} IS NOT NULL") if is_list(field) else f"{_name(field)} IS NOT NULL"
        extra, path = _name(EXTRA), self.bind(_path(field))
        items = _any(f"json_extract_string({extra}, {path} || '[*]')", lambda x: f"{x} IS NOT NULL")
        return (
            f"(contains({extra}, {self.bind(_key(field))}) AND CASE json_type({extra}, {path}) "
            f"WHEN 'NULL' THEN false WHEN 'ARRAY' THEN {items} ELSE json_exists({extra}, {path}) END)"
        )


def _shared_octets(span: Range) -> str:
    """How every IPv4 address in the range begins: ``10.1.`` for 10.1.0.0 to 10.1.255.255, '' without a bound."""
    if span.low is None or span.high is None:
        return ""
    shared = ""
    for shift in (24, 16, 8):
        if span.low >> shift != span.high >> shift:
            break
        shared += f"{span.low >> shift & 255}."
    return shared


def _any(items: str, test: Predicate) -> str:
    return f"(len(list_filter({items}, lambda x: {test('x')})) > 0)"


def _name(column: str) -> str:
    assert '"' not in column
    return f'"{column}"'


def _path(field: str) -> str:
    """The JSON path of a top-level key; see `secops.query.limits.check_name`."""
    check_name(field)
    return f'$."{field}"'


def _key(field: str) -> str:
    """The key as `orjson` writes it, to look for in EXTRA before taking it apart."""
    return orjson.dumps(field).decode()


def _escaped(literal: str) -> str:
    return literal.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
