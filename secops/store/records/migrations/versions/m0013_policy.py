"""Documents of the policy with their versions, decisions on links to the guideline, work lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Up."""
    _work_lists()


def _work_lists() -> None:
    """The work lists of revisions (`worklist_tables`)."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "work_lists",
        sa.Column("id", row_id, nullable=False, autoincrement=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_work_lists"),
        sa.UniqueConstraint("source", "target", name="uq_work_lists_source_target"),
    )
    op.create_table(
        "work_items",
        sa.Column("id", row_id, nullable=False, autoincrement=True),
        sa.Column("list_id", row_id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("thing", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["work_lists.id"], name="fk_work_items_list_id"),
        sa.PrimaryKeyConstraint("id", name="pk_work_items"),
        sa.UniqueConstraint("list_id", "kind", "thing", name="uq_work_items_list_id_kind_thing"),
    )
    op.create_index("ix_work_items_due", "work_items", ["done_at", "due"])
