"""Documents of the policy with their versions, decisions on links to the guideline, work lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secops.store.records.guard import only_grows

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Up."""
    _documents()
    _work_lists()
    _links()


def _documents() -> None:
    """The documents with their versions and drafts (`policy_tables`)."""
    op.create_table(
        "policy_versions",
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("promulgated_on", sa.Date(), nullable=True),
        sa.Column("committee", sa.Text(), nullable=False),
        sa.Column("approved_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document", "number", name="pk_policy_versions"),
    )
    only_grows("policy_versions")
    op.create_table(
        "policy_drafts",
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("document", name="pk_policy_drafts"),
    )
    op.create_table(
        "policy_saves",
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["policy_drafts.document"], name="fk_policy_saves_document", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document", "revision", name="pk_policy_saves"),
    )
    op.create_table(
        "policy_statements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("published_at", sa.Text(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("stated_by", sa.Text(), nullable=False),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_statements"),
    )
    op.create_index("ix_policy_statements_document", "policy_statements", ["document", "id"])
    only_grows("policy_statements")


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


def _links() -> None:
    """Decisions on links to the guideline (`gap_tables`)."""
    op.create_table(
        "policy_links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("clause", sa.String(length=100), nullable=False),
        sa.Column("guideline", sa.String(length=100), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("clause_digest", sa.String(length=64), nullable=False),
        sa.Column("guideline_digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_links"),
        sa.UniqueConstraint("document", "clause", "guideline", name="uq_policy_links_pair"),
    )
