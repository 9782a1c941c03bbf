"""The fieldwork and what comes of it, as one object over the records."""

from __future__ import annotations

from secops.store.records.audit_field import SqlField
from secops.store.records.audit_findings import SqlFindings
from secops.store.records.audit_horizontal import SqlHorizontals
from secops.store.records.audit_sheets import SqlSheets
from secops.store.records.engine import Database


class SqlAuditWork(SqlFindings, SqlHorizontals, SqlField):
    """A `FindingDesk`, a `HorizontalDesk` and a `FieldDesk` (see `secops.isms.audit.findings_ports`)."""

    def __init__(self, database: Database, sheets: SqlSheets) -> None:
        self._database = database
        self._sheets = sheets
        self._read = {}
