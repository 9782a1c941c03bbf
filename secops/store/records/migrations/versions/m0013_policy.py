"""Documents of the policy with their versions, decisions on links to the guideline, work lists."""

from __future__ import annotations

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Up."""
