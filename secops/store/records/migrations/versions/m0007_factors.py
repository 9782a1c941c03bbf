"""Second factors, set-up codes, logins by an identity provider, and what a session knows of its browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Up."""
    for column in (
        sa.Column("setup_code", sa.String(length=64)),
        sa.Column("setup_until", sa.BigInteger()),
        sa.Column("totp_secret", sa.Text()),
        sa.Column("totp_step", sa.BigInteger()),
        sa.Column("subject", sa.Text()),
    ):
        op.add_column("users", column)
    op.create_index("ix_users_subject", "users", ["subject"])
    for column in (
        sa.Column("agent", sa.Text(), nullable=False, server_default=""),
        sa.Column("confirmed", sa.BigInteger()),
        sa.Column("passed", sa.BigInteger()),
        sa.Column("challenge", sa.Text()),
        sa.Column("secret", sa.Text()),
    ):
        op.add_column("sessions", column)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=400), nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger()),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_passkeys_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
    )
    op.create_index("ix_passkeys_user", "passkeys", ["user"])
    op.create_table(
        "recovery_codes",
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_recovery_codes_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user", "digest", name="pk_recovery_codes"),
    )
