"""Tables of the documents of the policy: versions that only grow, drafts with their saves, statutory statements."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("document", String(100), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("title", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),  # canonical Markdown
    Column("digest", String(64), nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("promulgated_on", Date),
    Column("committee", Text, nullable=False),
    Column("approved_on", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", Moment, nullable=False),
)

# One row for each document that ever had a draft: its revision rises for ever, so an old form never fits a new draft.
policy_drafts = Table(
    "policy_drafts",
    metadata,
    Column("document", String(100), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("base", Integer, nullable=False),
)

# The saves of the present draft, so that a second saver can be told what changed meanwhile.
policy_saves = Table(
    "policy_saves",
    metadata,
    Column("document", String(100), ForeignKey("policy_drafts.document", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("saved_by", Text, nullable=False),
    Column("saved_at", Moment, nullable=False),
)

policy_statements = Table(
    "policy_statements",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("document", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", Text, nullable=False),
    Column("published_on", Date, nullable=False),
    Column("stated_by", Text, nullable=False),
    Column("stated_at", Moment, nullable=False),
    Index("ix_policy_statements_document", "document", "id"),
)
