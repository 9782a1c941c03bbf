"""Tables of the work lists of revisions."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, String, Table, Text, UniqueConstraint

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

work_lists = Table(
    "work_lists",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("target", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("source", "target"),
)

work_items = Table(
    "work_items",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("list_id", RowId, ForeignKey("work_lists.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("thing", String(200), nullable=False),
    Column("title", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("where", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", Date),
    Column("done_by", Text, nullable=False),
    Column("done_at", Moment),
    Column("note", Text, nullable=False),
    UniqueConstraint("list_id", "kind", "thing"),
    Index("ix_work_items_due", "done_at", "due"),
)
