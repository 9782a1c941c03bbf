"""Who is audited next: units in the order of risk, with the reasons. It proposes; a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from secops.isms.audit.model import Grade
from secops.isms.edge import Strict, read_toml, whole
from secops.locale import _

Points = Annotated[Decimal, Field(ge=0, le=1000), whole]


class PersonalData(StrEnum):
    """The gravest kind of personal information that a unit handles."""

    NONE = "none"
    HELD = "held"
    SENSITIVE = "sensitive"
    SPECIFIC = "specific"


PERSONAL_DATA_LABELS = {
    PersonalData.NONE: "個人情報なし",
    PersonalData.HELD: "保有個人情報",
    PersonalData.SENSITIVE: "要配慮個人情報",
    PersonalData.SPECIFIC: "特定個人情報",
}


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What is known of a unit that may be audited (department × system). None: no record, which is not zero.

    ``last_audited`` is a 年度. Incidents and alerts are those since then.
    """

    department: str
    system: str = ""
    last_grade: Grade | None = None
    last_audited: int | None = None
    majors: int | None = 0
    minors: int | None = 0
    incidents: int | None = None
    alerts: int | None = None
    personal_data: PersonalData | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a unit stands where it stands: points and a text for people."""

    points: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit with its points and every reason, the heaviest first."""

    unit: UnitRecord
    points: Decimal
    reasons: tuple[Reason, ...]


class _Grade(Strict):
    A: Points
    B: Points
    C: Points
    D: Points
    unknown: Points


class _Each(Strict):
    each: Points
    most: Points
    unknown: Points

    def of(self, count: int | None) -> Decimal:
        """Points for a count."""
        return self.unknown if count is None else min(self.most, self.each * count)


class _Personal(Strict):
    none: Points
    held: Points
    sensitive: Points
    specific: Points
    unknown: Points


class RiskRules(Strict):
    """What each reason is worth: ``risk.toml``."""

    grade: _Grade
    majors: _Each
    minors: _Each
    incidents: _Each
    alerts: _Each
    personal_data: _Personal
    years: _Each


def read_risk(path: str, text: str) -> RiskRules:
    """The rules in a file's text.

    Raises:
        AuditError: with every mistake of the file.
    """
    return read_toml(RiskRules, path, text)


def rank(units: Iterable[UnitRecord], rules: RiskRules, year: int) -> list[Ranked]:
    """Units by points, most first; where they are equal, the one that waits longer, then by code."""

    def order(one: Ranked) -> tuple[Decimal, int, str, str]:
        return (-one.points, one.unit.last_audited or 0, one.unit.department, one.unit.system)

    return sorted((_rank(unit, rules, year) for unit in units), key=order)


def _rank(unit: UnitRecord, rules: RiskRules, year: int) -> Ranked:
    reasons = sorted(_reasons(unit, rules, year), key=lambda one: -one.points)
    return Ranked(unit, sum((one.points for one in reasons), Decimal(0)), tuple(reasons))


def _reasons(unit: UnitRecord, rules: RiskRules, year: int) -> Iterator[Reason]:
    """Every reason that has points, and every record that is missing."""
    if unit.last_grade is None:
        yield Reason(rules.grade.unknown, _("前回の評価の記録なし"))
    elif points := {Grade.A: rules.grade.A, Grade.B: rules.grade.B, Grade.C: rules.grade.C, Grade.D: rules.grade.D}[
        unit.last_grade
    ]:
        yield Reason(points, _("前回の評価 {grade}").format(grade=unit.last_grade.value))
    yield from _counted(rules.majors, unit.majors, _("未是正の重大な不適合 {count} 件"), _("重大な不適合の記録なし"))
    yield from _counted(rules.minors, unit.minors, _("未是正の軽微な不適合 {count} 件"), _("軽微な不適合の記録なし"))
    yield from _counted(
        rules.incidents,
        unit.incidents,
        _("前回の監査の後のインシデント {count} 件"),
        _("インシデントの記録なし(0 件とはみなさない)"),
    )
    yield from _counted(
        rules.alerts,
        unit.alerts,
        _("前回の監査の後の「高」以上のアラート {count} 件"),
        _("アラートの記録なし(0 件とはみなさない)"),
    )
    if unit.personal_data is None:
        yield Reason(rules.personal_data.unknown, _("取り扱う個人情報の記録なし"))
    elif points := getattr(rules.personal_data, unit.personal_data.value):
        label = _(PERSONAL_DATA_LABELS[unit.personal_data])
        yield Reason(points, _("{label}を取り扱う").format(label=label))
    years = None if unit.last_audited is None else max(0, year - unit.last_audited)
    yield from _counted(rules.years, years, _("前回の監査から {count} 年"), _("監査の記録なし"))


def _counted(rule: _Each, count: int | None, text: str, unknown: str) -> Iterator[Reason]:
    points = rule.of(count)
    if count is None or points:
        yield Reason(points, unknown if count is None else text.format(count=count))
