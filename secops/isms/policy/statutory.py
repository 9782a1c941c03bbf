"""The サイバーセキュリティを確保するための方針 of 地方自治法244条の6: which document, whose, and published where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from secops.errors import AuditError, PolicyError
from secops.isms.clauses.model import Statutory
from secops.isms.edge import Line, Strict, read_toml
from secops.isms.policy.library import Entry
from secops.isms.policy.ports import Statement


class Lack(StrEnum):
    """What a body still lacks."""

    POLICY = "policy"
    IN_FORCE = "in_force"
    PUBLIC = "public"
    PLACE = "place"
    DAY = "day"


LACK_LABELS = {
    Lack.POLICY: "方針とする文書がない",
    Lack.IN_FORCE: "文書が施行されていない",
    Lack.PUBLIC: "文書が非公開になっている",
    Lack.PLACE: "公表した場所の記入がない",
    Lack.DAY: "公表した日の記入がない",
}


class _Rules(Strict):
    law: Line
    since: date
    bodies: list[Line]


@dataclass(frozen=True, slots=True)
class StatutoryRules:
    """The law, since when it is in force, and the bodies that have to have a policy."""

    law: str
    since: date
    bodies: tuple[str, ...]


def read_statutory(path: str, text: str) -> StatutoryRules:
    """What a file says of the law and the bodies.

    Raises:
        PolicyError: with every mistake of the file.
    """
    try:
        found = read_toml(_Rules, path, text)
    except AuditError as error:
        raise PolicyError(error.problems) from None
    return StatutoryRules(found.law, found.since, tuple(found.bodies))


@dataclass(frozen=True, slots=True)
class BodyState:
    """A body with its policy; ``document`` is empty where it has none."""

    body: str
    document: str
    title: str
    published_at: str
    published_on: date | None
    lacks: tuple[Lack, ...]


def statutory_state(
    entries: Iterable[Entry], statements: Mapping[tuple[str, str], Statement], bodies: Sequence[str]
) -> list[BodyState]:
    """Each body that must have a policy, then further ones that documents name."""
    named: dict[str, tuple[Entry, Statutory]] = {}
    for entry in entries:
        for one in entry.current.statutory:
            named.setdefault(one.body, (entry, one))
    return [_state(body, named.get(body), statements) for body in dict.fromkeys([*bodies, *named])]


def _state(
    body: str, found: tuple[Entry, Statutory] | None, statements: Mapping[tuple[str, str], Statement]
) -> BodyState:
    if found is None:
        return BodyState(body, "", "", "", None, (Lack.POLICY,))
    entry, one = found
    document = entry.current
    said = statements.get((document.id, body))
    place = said.published_at if said else one.published_at
    day = said.published_on if said else one.published_on
    lacks = {
        Lack.IN_FORCE: entry.in_force is None,
        Lack.PUBLIC: not document.public,
        Lack.PLACE: not place,
        Lack.DAY: day is None,
    }
    return BodyState(
        body, document.id, document.title, place, day, tuple(lack for lack, is_so in lacks.items() if is_so)
    )
