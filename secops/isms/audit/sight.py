"""What of a round somebody may see: departments, the units of their plans, the zones of evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from secops.isms.audit.round import EvidenceSheet, Finding, Unit


@dataclass(frozen=True, slots=True)
class Sight:
    """None is all: of ``departments`` (names or codes), of ``units`` in the plans of an auditor, of ``zones``.

    As on the pages of sheets and findings: a sheet is of one unit exactly, while who audits a department is shown the
    findings of its systems too.
    """

    departments: Collection[str] | None = None
    units: frozenset[Unit] | None = None
    zones: frozenset[str] | None = None

    @property
    def everywhere(self) -> bool:
        """Whether no department is out of sight."""
        return self.departments is None and self.units is None

    def department(self, code: str, names: Mapping[str, str]) -> bool:
        """Whether anything of a department is seen."""
        own = self.departments is None or code in self.departments or names.get(code) in self.departments
        return own and (self.units is None or any(one.department == code for one in self.units))

    def whole(self, code: str, names: Mapping[str, str]) -> bool:
        """Whether the department itself is seen, and not only one of its systems."""
        return self.unit(Unit(code), names)

    def unit(self, unit: Unit, names: Mapping[str, str]) -> bool:
        """Whether a unit is seen."""
        return self.department(unit.department, names) and (self.units is None or unit in self.units)

    def finding(self, one: Finding, names: Mapping[str, str]) -> bool:
        """Whether a finding is seen."""
        return self.whole(one.department, names) or self.unit(Unit(one.department, one.system), names)

    def evidence(self, one: EvidenceSheet, names: Mapping[str, str]) -> bool:
        """Whether a sheet is seen: of a unit in sight, made of no more zones than the reader may see."""
        zoned = self.zones is None or (one.zones is not None and self.zones.issuperset(one.zones))
        return zoned and self.unit(one.unit, names)
