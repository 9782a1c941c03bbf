"""Tables of the review calendar and of exceptions from the policy."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text, UniqueConstraint

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

waivers = Table(
    "waivers",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("year", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("department", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("clauses", Text, nullable=False),
    Column("subjects", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("begins", Date, nullable=False),
    Column("ends", Date, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("renews", String(20), nullable=False),
    Column("approved", Integer, nullable=True),
    Column("decider", Text, nullable=False),
    Column("decided_on", Date, nullable=True),
    Column("conditions", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("revoked_on", Date, nullable=True),
    Column("ended_on", Date, nullable=True),
    Column("ended_by", Text, nullable=False),
    Column("ended_note", Text, nullable=False),
    Column("renewed_by", String(20), nullable=False),
    UniqueConstraint("year", "running"),
    Index("ix_waivers_department", "department"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("entry", Text, nullable=False),
    Column("done_on", Date, nullable=False),
    Column("result", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("next_on", Date, nullable=True),
    Column("actor", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_reviews_entry", "entry", "id"),
)
