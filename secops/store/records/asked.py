"""A search of alerts (`secops.siem.triage.search`) as a condition in SQL, with the meaning of `secops.query.evaluate`.

* Fields with few values in all (zone, assignee, rule …) are judged once for each value there is, which makes a list.
* Names are in `alerts.names` as folded texts ``field=value``, one pattern each. To look for a part of the whole list
  (or of the folded words beside it) is much faster, so that comes first.
* Moments and numbers are columns. Every condition is true or false, never NULL, so that NOT means not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import Boolean, ColumnElement, Connection, FromClause, and_, false, literal, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from secops.query.evaluate import check, matches, term_value
from secops.query.fields import range_of
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text, Wild
from secops.schema.names import SEPARATOR
from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import Scope, State, Verdict
from secops.siem.triage.search import ALERTS
from secops.store.records.codec import to_json
from secops.store.records.siem_tables import alerts
from secops.store.records.sight import visible

FEW = {"zone": "zone", "department": "department", "assignee": "assignee", "rule": "rule_id", "category": "category"}
CODES: dict[str, tuple[str, Sequence[Any]]] = {
    "severity": ("severity", [int(one) for one in Severity]),
    "state": ("state", [one.value for one in State]),
    "verdict": ("verdict", [one.value for one in Verdict]),
}
MOMENTS = {"opened": "opened_at", "closed": "closed_at", "first": "first_seen", "last": "last_seen"}


class Contains(FunctionElement[bool]):
    """Whether a text contains another; several times faster than LIKE, and nothing in it needs escaping."""

    type = Boolean()
    inherit_cache = True


@compiles(Contains)
def _contains(element: Contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


@compiles(Contains, "sqlite")
def _contains_sqlite(element: Contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


class Named(FunctionElement[bool]):
    """Whether a JSON list of texts has one that matches a pattern, given as GLOB and as LIKE: case counts in these."""

    type = Boolean()
    inherit_cache = True


@compiles(Named)
def _named(element: Named, compiler: SQLCompiler, **options: Any) -> str:
    column, _glob, like = (compiler.process(one, **options) for one in element.clauses)
    return (
        f"EXISTS (SELECT 1 FROM json_array_elements_text(CAST({column} AS JSON)) AS one(name) WHERE name LIKE {like})"
    )


@compiles(Named, "sqlite")
def _named_sqlite(element: Named, compiler: SQLCompiler, **options: Any) -> str:
    column, glob, _like = element.clauses
    texts = f"json_each({compiler.process(column, **options)})"
    return f"EXISTS (SELECT 1 FROM {texts} WHERE json_each.value GLOB {compiler.process(glob, **options)})"


def says(word: str, scope: Scope) -> ColumnElement[bool]:
    """Whether a folded word occurs in an alert or in one that is merged into it."""
    if not _storable(word):
        return false()
    return _standing_for(scope, lambda table: Contains(table.c.words, word))


def _standing_for(scope: Scope, condition: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The condition holds for an alert, or for one merged into it that the reader may see."""
    member = alerts.alias()
    led = select(member.c.merged_into).where(
        member.c.merged_into.is_not(None), visible(scope, member), condition(member)
    )
    return or_(condition(alerts), alerts.c.id.in_(led))


def _storable(text: str) -> bool:
    """Whether a database takes the text: what it does not, no alert has."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes conditions for one reader, within one transaction."""

    connection: Connection
    scope: Scope

    def condition(self, node: Node) -> ColumnElement[bool]:
        """The alerts that a query finds.

        Raises:
            QueryError: the tree asks for what nobody can answer.
        """
        check(node, ALERTS)
        return self._of(node)

    def _of(self, node: Node) -> ColumnElement[bool]:
        match node:
            case All():
                return true()
            case And(parts):
                return and_(true(), *map(self._of, parts))
            case Or(parts):
                return or_(false(), *map(self._of, parts))
            case Not(part):
                return not_(self._of(part))
            case Text(value):
                return false() if SEPARATOR in value or "\n" in value else says(fold(value), self.scope)
            case Term() | Like() | Between() | Exists():
                return self._leaf(node)
            case _:
                assert_never(node)

    def _leaf(self, node: Term | Like | Between | Exists) -> ColumnElement[bool]:
        field = node.field
        if field in FEW:
            return self._among(node, FEW[field])
        if field in CODES:
            name, known = CODES[field]
            column = alerts.c[name]
            return and_(column.is_not(None), column.in_(_judged(node, known)))
        if field in MOMENTS:
            return _moment(node, alerts.c[MOMENTS[field]])
        if field == "number":
            return _number(node)
        return self._named(node)

    def _among(self, node: Term | Like | Between | Exists, column: str) -> ColumnElement[bool]:
        values = self.connection.execute(select(alerts.c[column]).distinct()).scalars()
        return alerts.c[column].in_(sorted(_judged(node, [value for value in values if value])))

    def _named(self, node: Term | Like | Between | Exists) -> ColumnElement[bool]:
        match node:
            case Term(_field, value):
                pattern: tuple[str | Wild, ...] = (value,)
            case Like(_field, marks):
                pattern = marks
            case _:
                pattern = (Wild(many=False), Wild(many=True))  # none is empty
        parts = [fold(part) if isinstance(part, str) else part for part in pattern]
        if not all(_storable(part) for part in parts if isinstance(part, str)):
            return false()
        whole: list[str | Wild] = [f"{node.field}=", *parts]
        glob, like = _glob(whole), _like(whole)
        begin = to_json(f"{node.field}={parts[0]}")[:-1] if isinstance(parts[0], str) else ""
        longest = max((part for part in parts if isinstance(part, str)), key=len, default="")

        def condition(table: FromClause) -> ColumnElement[bool]:
            named = Named(table.c.names, literal(glob), literal(like))
            if begin:
                return and_(Contains(table.c.names, begin), named)
            # Clauses are not among the words.
            return and_(Contains(table.c.words, longest), named) if longest and node.field != "clause" else named

        return _standing_for(self.scope, condition)


def _judged(node: Term | Like | Between | Exists, values: Sequence[Any]) -> list[Any]:
    return [value for value in values if matches(node, {node.field: value}, ALERTS)]


def _moment(node: Term | Like | Between | Exists, column: ColumnElement[Any]) -> ColumnElement[bool]:
    if isinstance(node, Exists):
        return column.is_not(None)
    if isinstance(node, Term):
        return and_(column.is_not(None), column == term_value(node, ALERTS))
    assert isinstance(node, Between)
    span = range_of(node, ALERTS)
    bounds = [column.is_not(None)]
    if span.low is not None:
        bounds.append(column >= span.low if node.low_inclusive else column > span.low)
    if span.high is not None:
        bounds.append(column <= span.high if node.high_inclusive else column < span.high)
    return and_(*bounds)


def _number(node: Term | Like | Between | Exists) -> ColumnElement[bool]:
    """Numbers of alerts are whole and every one has one."""
    column = alerts.c.id
    if isinstance(node, Exists):
        return true()
    if isinstance(node, Term):
        wanted: Decimal = term_value(node, ALERTS)
        return column == int(wanted) if wanted == int(wanted) else false()
    assert isinstance(node, Between)
    span = range_of(node, ALERTS)
    bounds: list[ColumnElement[bool]] = [true()]
    if span.low is not None:
        bounds.append(column >= (math.ceil(span.low) if node.low_inclusive else math.floor(span.low) + 1))
    if span.high is not None:
        bounds.append(column <= (math.floor(span.high) if node.high_inclusive else math.ceil(span.high) - 1))
    return and_(*bounds)


def _glob(pattern: Sequence[str | Wild]) -> str:
    """SQLite's own patterns; a special character is a set of one."""
    return "".join(
        re.sub(r"[*?\[]", r"[\g<0>]", part) if isinstance(part, str) else "*" if part.many else "?" for part in pattern
    )


def _like(pattern: Sequence[str | Wild]) -> str:
    """The SQL standard's patterns, escaped by backslashes as PostgreSQL reads them."""
    return "".join(
        re.sub(r"[\\%_]", r"\\\g<0>", part) if isinstance(part, str) else "%" if part.many else "_" for part in pattern
    )
