"""The pages of a wing's part, shown under its title: one line a page."""

from __future__ import annotations

from secops.access.ports import Right
from secops.web.menu import Place

POLICY: tuple[Place, ...] = ()
AUDIT: tuple[Place, ...] = (
    Place("/audit/plans", "監査計画", "", Right.SEE_AUDIT),
    Place("/audit/next", "次の監査対象", "", Right.LEAD_AUDIT),
    Place("/audit/progress", "自己点検の進み具合", "", Right.SEE_AUDIT),
    Place("/audit/papers", "監査調書", "", Right.SEE_AUDIT),
    Place("/findings", "指摘事項", "", Right.SEE_AUDIT),
    Place("/audit/items", "監査項目", "", Right.SEE_POLICY),
    Place("/audit/evidence", "ログによる裏付け", "", Right.SEE_EVIDENCE),
)
