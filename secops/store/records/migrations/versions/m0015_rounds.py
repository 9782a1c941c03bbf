"""Audit plans, sheets of the self-inspection with their answers and evidence."""

from __future__ import annotations

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Up."""
