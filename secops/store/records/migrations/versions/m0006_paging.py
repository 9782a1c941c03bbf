"""Paging: notices, the outbox with its tries, conditions of the program itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    _conditions()
    _notices()
    _outbox()


def _conditions() -> None:
    """What is wrong with the program."""
    op.create_table(
        "conditions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conditions"),
    )
    on = sa.text("ended IS NULL")
    op.create_index(
        "uq_conditions_open", "conditions", ["kind", "subject"], unique=True, sqlite_where=on, postgresql_where=on
    )


def _notices() -> None:
    """What causes a page."""
    op.create_table(
        "notices",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("alert_id", ROW_ID, nullable=True),
        sa.Column("condition_id", ROW_ID, nullable=True),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("paged_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["condition_id"], ["conditions.id"], name="fk_notices_condition_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_state", "notices", ["state", "next_at"])
    op.create_index("ix_notices_alert", "notices", ["alert_id", "state"])
    op.create_index("ix_notices_paged_at", "notices", ["paged_at"])


def _outbox() -> None:
    """Messages and tries."""
    op.create_table(
        "outbox",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "channel", "next_at"])
    op.create_table(
        "outbox_notices",
        sa.Column("outbox_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("notice_id", ROW_ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_notices_outbox_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_outbox_notices_notice_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outbox_id", "notice_id", name="pk_outbox_notices"),
    )
    op.create_index("ix_outbox_notices_notice", "outbox_notices", ["notice_id"])
    op.create_table(
        "outbox_attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("outbox_id", ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_attempts_outbox_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_attempts"),
    )
    op.create_index("ix_outbox_attempts_outbox", "outbox_attempts", ["outbox_id", "id"])
