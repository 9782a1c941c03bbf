"""Evidence from telemetry, released reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secops.store.records.guard import only_grows

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Up."""
    # ---- released reports (secops/store/records/release_tables.py)
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "releases",
        sa.Column("id", row_id, nullable=False, autoincrement=True),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("department_name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=False),
        sa.Column("replaces", sa.String(length=20), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("figures", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
        sa.UniqueConstraint("number", name="uq_releases_number"),
    )
    op.create_index("ix_releases_year", "releases", ["year"])
    op.create_table(
        "release_files",
        sa.Column("release", row_id, nullable=False, autoincrement=False),
        sa.Column("place", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release", "place", name="pk_release_files"),
        sa.UniqueConstraint("name", name="uq_release_files_name"),
        sa.ForeignKeyConstraint(["release"], ["releases.id"], name="fk_release_files_release"),
    )
    only_grows("releases")
    only_grows("release_files")

    # ---- evidence sheets (secops/store/records/evidence_tables.py)
    op.create_table(
        "evidence_sheets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("round", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("department_name", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("zones", sa.Text(), nullable=True),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_sheets"),
    )
    op.create_index("ix_evidence_sheets_department", "evidence_sheets", ["department", "id"])
    only_grows("evidence_sheets")
