"""Reads ``scoring.toml``: what verdicts are worth, where grades begin, what caps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from secops.isms.audit.model import Grade
from secops.isms.edge import Strict, read_toml, whole
from secops.locale import _

_Share = Annotated[Decimal, Field(ge=0, le=1), whole]
_Percent = Annotated[Decimal, Field(ge=0, le=100), whole]
_Letter = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """The parameters of the one formula; ``borders`` are (grade, least achievement in percent), best first.

    ``digest`` is of the values alone: a comment in the file changes nothing.
    """

    met: Decimal
    partial: Decimal
    not_met: Decimal
    borders: tuple[tuple[Grade, Decimal], ...]
    mandatory_cap: Grade
    major_cap: Grade
    needed_coverage: Decimal
    digest: str


class _Values(Strict):
    met: _Share
    partial: _Share
    not_met: _Share

    @model_validator(mode="after")
    def _falling(self) -> _Values:
        if not self.met >= self.partial >= self.not_met or self.met == self.not_met:
            raise ValueError(_("met、partial、not_met の順に小さくしてください(met と not_met は同じにできません)"))
        return self


class _Grades(Strict):
    A: _Percent
    B: _Percent
    C: _Percent

    @model_validator(mode="after")
    def _falling(self) -> _Grades:
        if not self.A > self.B > self.C:
            raise ValueError(_("A、B、C の順に小さくしてください"))
        return self


class _Caps(Strict):
    mandatory_not_met: _Letter
    open_major: _Letter


class _Coverage(Strict):
    needed: _Percent


class _File(Strict):
    values: _Values
    grades: _Grades
    caps: _Caps
    coverage: _Coverage


def read_rules(path: str, text: str) -> ScoringRules:
    """The rules in a file's text.

    Raises:
        AuditError: with every mistake of the file.
    """
    read = read_toml(_File, path, text)
    return ScoringRules(
        met=read.values.met,
        partial=read.values.partial,
        not_met=read.values.not_met,
        borders=((Grade.A, read.grades.A), (Grade.B, read.grades.B), (Grade.C, read.grades.C), (Grade.D, Decimal(0))),
        mandatory_cap=Grade(read.caps.mandatory_not_met),
        major_cap=Grade(read.caps.open_major),
        needed_coverage=read.coverage.needed,
        digest=_digest(read),
    )


def spelled(rules: ScoringRules) -> dict[str, str]:
    """The values by their names in the file: 1, 1.0 and 1.00 are the same text."""
    said = {"values.met": rules.met, "values.partial": rules.partial, "values.not_met": rules.not_met}
    said |= {f"grades.{grade.value}": least for grade, least in rules.borders if grade is not Grade.D}
    said["coverage.needed"] = rules.needed_coverage
    caps = {"caps.mandatory_not_met": rules.mandatory_cap.value, "caps.open_major": rules.major_cap.value}
    return {name: format(value.normalize() + 0, "f") for name, value in said.items()} | caps


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What differs between two sets of values: name, old, new; a value that was not there is empty."""
    return [(name, old.get(name, ""), new.get(name, "")) for name in {**old, **new} if old.get(name) != new.get(name)]


def _digest(read: _File) -> str:
    """The same for 1, 1.0 and 1.00."""
    said = {
        f"{table}.{key}": str(value.normalize() + 0) if isinstance(value, Decimal) else value
        for table, values in read.model_dump().items()
        for key, value in values.items()
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
