"""The pages of a wing's part, shown under its title: one line a page."""

from __future__ import annotations

from secops.access.ports import Right
from secops.web.menu import Place

POLICY: tuple[Place, ...] = (
    Place("/policy", "文書", "", Right.SEE_POLICY),
    Place("/policy/gap", "ガイドラインとの対応", "", Right.SEE_POLICY),
    Place("/policy/compare", "新旧対照表", "", Right.SEE_POLICY),
    Place("/policy/guideline", "ガイドライン", "", Right.SEE_POLICY),
    Place("/policy/impact", "改定の影響", "", Right.SEE_POLICY),
    Place("/policy/calendar", "見直しの予定", "", Right.SEE_POLICY),
    Place("/policy/exceptions", "例外措置", "", Right.SEE_REGISTERS),
    Place("/policy/registers", "台帳", "", Right.SEE_REGISTERS),
)
AUDIT: tuple[Place, ...] = (
    Place("/audit/plans", "監査計画", "", Right.SEE_AUDIT),
    Place("/audit/next", "次の監査対象", "", Right.LEAD_AUDIT),
    Place("/audit/progress", "自己点検の進み具合", "", Right.SEE_AUDIT),
    Place("/audit/papers", "監査調書", "", Right.SEE_AUDIT),
    Place("/findings", "指摘事項", "", Right.SEE_AUDIT),
    Place("/audit/heatmap", "達成状況", "", Right.SEE_AUDIT),
    Place("/audit/reports", "文書", "", Right.SEE_RELEASED),
    Place("/audit/items", "監査項目", "", Right.SEE_POLICY),
    Place("/audit/evidence", "ログによる裏付け", "", Right.SEE_EVIDENCE),
)
