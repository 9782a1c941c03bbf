"""The pages of a wing's part, shown under its title: one line a page."""

from __future__ import annotations

from secops.access.ports import Right
from secops.web.menu import Place

POLICY: tuple[Place, ...] = ()
AUDIT: tuple[Place, ...] = (
    Place("/audit/items", "監査項目", "", Right.SEE_POLICY),
    Place("/audit/evidence", "ログによる裏付け", "", Right.SEE_EVIDENCE),
)
