"""The table of evidence sheets: it only grows."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

# `body` is the canonical text that `sha256` is of; the columns beside it are what lists and scopes ask for.
evidence_sheets = Table(
    "evidence_sheets",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False),
    Column("title", Text, nullable=False),
    Column("round", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("department_name", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("zones", Text),
    Column("missing", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("ix_evidence_sheets_department", "department", "id"),
)
