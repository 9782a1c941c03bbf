"""Reads ``scoring.toml``: what verdicts are worth, where grades begin, what caps them."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from secops.errors import AuditError, Problem
from secops.isms.audit.edge import Strict, problems
from secops.isms.audit.model import Grade
from secops.locale import _


def _whole(value: object) -> object:
    """TOML's 90 is a whole number, 90.0 is not; both are numbers here."""
    return Decimal(value) if type(value) is int else value


_Share = Annotated[Decimal, Field(ge=0, le=1), BeforeValidator(_whole)]
_Percent = Annotated[Decimal, Field(ge=0, le=100), BeforeValidator(_whole)]
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
    try:
        read = _File.model_validate(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise AuditError([Problem(path, _("TOML として読めません: {error}").format(error=error))]) from None
    except ValidationError as error:

        def where(_loc: Sequence[str | int]) -> str:
            return f"{path}:"

        raise AuditError(problems([dict(one) for one in error.errors()], where)) from None
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


def _digest(read: _File) -> str:
    """The same for 1, 1.0 and 1.00."""
    said = {
        f"{table}.{key}": str(value.normalize() + 0) if isinstance(value, Decimal) else value
        for table, values in read.model_dump().items()
        for key, value in values.items()
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
