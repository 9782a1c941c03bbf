"""`secops.access.ports.Accounts` in SQL, from its parts."""

from __future__ import annotations

from secops.access.box import Box, memory_box
from secops.access.passwords import Passwords
from secops.access.ports import LoginPolicy, SessionLimits
from secops.schema.severity import Severity
from secops.store.records.audit import SqlAuditLog
from secops.store.records.engine import Database
from secops.store.records.factors import SqlFactors
from secops.store.records.people import SqlUsers


class SqlAccounts(SqlUsers, SqlFactors, SqlAuditLog):
    """Users of one site, their sessions and factors, and the audit log."""

    def __init__(
        self,
        database: Database,
        limits: SessionLimits,
        passwords: Passwords | None = None,
        policy: LoginPolicy | None = None,
        page_from: Severity | None = None,
        box: Box | None = None,
    ) -> None:
        passwords, policy = passwords or Passwords(), policy or LoginPolicy()
        SqlUsers.__init__(self, database, policy, passwords, page_from)
        SqlFactors.__init__(self, database, limits, policy, passwords, page_from)
        SqlAuditLog.__init__(self, database)
        self._box = box or memory_box()
