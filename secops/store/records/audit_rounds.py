"""Plans, rounds and sheets of the audit in the records: a `RoundDesk` (see `secops.isms.audit.ports`)."""

from __future__ import annotations

from secops.store.records.audit_files import SqlFiles, SqlStaff
from secops.store.records.audit_plans import SqlPlans
from secops.store.records.audit_risk import SqlRisk
from secops.store.records.audit_sheets import SqlSheets
from secops.store.records.engine import Database


class SqlRounds(SqlPlans, SqlSheets, SqlFiles, SqlStaff, SqlRisk):
    """All of it over one database; every write notes in the trail what was done, in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
