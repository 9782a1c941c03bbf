"""What alerts tell of a department, for the question who is audited next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import case, func, or_, select

from secops.schema.severity import Severity
from secops.siem.ports import Verdict
from secops.store.records.engine import Database
from secops.store.records.siem_tables import alerts


class SqlRisk:
    """See `secops.isms.audit.ports.PlanDesk.alert_counts`."""

    _database: Database

    def alert_counts(self, since: datetime) -> Mapping[str, tuple[int, int]]:
        """Department name → incidents, and alerts of level 高 or above that were no false alarms."""
        columns = alerts.c
        incident = columns.verdict == Verdict.TRUE_POSITIVE.value
        grave = (columns.severity >= int(Severity.HIGH)) & or_(
            columns.verdict.is_(None), columns.verdict != Verdict.FALSE_POSITIVE.value
        )
        counts = [func.sum(case((what, 1), else_=0)) for what in (incident, grave)]
        here = (columns.department != "") & (columns.opened_at >= since) & columns.merged_into.is_(None)
        statement = select(columns.department, *counts).where(here).group_by(columns.department)
        with self._database.read() as connection:
            return {name: (int(first), int(second)) for name, first, second in connection.execute(statement)}
