"""The query tree: what can be asked of any event store, with one meaning.

Semantics, the same in every store:

* Text is compared folded (NFKC, case): ``process.name:POWERSHELL.EXE`` finds ``powershell.exe``. A term on a field is
  the whole value, not a part of it; ``*`` and ``?`` are the only wildcards.
* A field with several values matches if one of them does.
* Numbers: on a numeric field the term must be a number; on a text field a number is its decimal text.
* ``Not`` is two-valued: it holds where the field is absent.
* Lengths and the shape of patterns are bounded (`secops.query.limits`): no store refuses what another answers.
* There is no order of text, no regular expression, no fuzziness: stores differ in them.
* ``Text`` is a bare word or phrase: it is found as a folded part of any text value of the event.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class All:
    """Every event."""


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class Term:
    """The field has exactly this value (folded)."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Like:
    """The field matches a pattern: a tuple of literal strings, ``*`` (``Any``) and ``?`` (``One``) marks."""

    field: str
    pattern: tuple[str | Wild, ...]


@dataclass(frozen=True, slots=True)
class Wild:
    """A wildcard: ``many`` is ``*``, else ``?``."""

    many: bool


@dataclass(frozen=True, slots=True)
class Between:
    """The field lies in a range; None is open. Bounds are numbers, dates or addresses, by the field's type."""

    field: str
    low: str | None
    high: str | None
    low_inclusive: bool = True
    high_inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class Text:
    """The folded words occur, in this form, somewhere in the event's text."""

    value: str


Node = All | And | Or | Not | Term | Like | Between | Exists | Text
