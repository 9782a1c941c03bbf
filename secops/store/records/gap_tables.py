"""The table of what people decided about links between our clauses and the guideline's."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table, Text, UniqueConstraint

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

policy_links = Table(
    "policy_links",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("document", String(100), nullable=False),
    Column("clause", String(100), nullable=False),
    Column("guideline", String(100), nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("clause_digest", String(64), nullable=False),
    Column("guideline_digest", String(64), nullable=False),
    UniqueConstraint("document", "clause", "guideline", name="uq_policy_links_pair"),
)
