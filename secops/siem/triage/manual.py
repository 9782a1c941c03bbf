"""Cases that no log tells: a person reports them, and they join the same queue."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from secops.errors import UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Alert
from secops.siem.triage.states import new_alert

CATEGORIES = {
    "loss": "紛失",
    "theft": "盗難",
    "misdelivery": "誤送付",
    "missent_mail": "誤送信",
    "outage": "障害",
    "other": "その他",
}


def check_report(title: str, category: str) -> tuple[str, str]:
    """Title and category code of a report, cleaned.

    ``category`` may be the code or the Japanese word. Raises UsageError where one is missing or unknown.
    """
    title = " ".join(title.split())
    if not title:
        raise UsageError(_("件名がありません。何が起きたかを一行で入力してください。"))
    if len(title) > 200:
        raise UsageError(_("件名が長すぎます({n} 字)。200 字以内で入力してください。").format(n=len(title)))
    code = next((code for code, label in CATEGORIES.items() if category in {code, label}), "")
    if not code:
        known = ", ".join(f"{code}({label})" for code, label in CATEGORIES.items())
        raise UsageError(
            _("種別「{found}」はありません。次から選んでください: {known}").format(found=category, known=known)
        )
    return title, code


def reported(
    number: int, title: str, category: str, *, zone: str, severity: Severity, department: str, now: datetime
) -> Alert:
    """The alert of a report that `check_report` passed; each is its own, so the number is in its key."""
    key = f"manual|{category}|{number}"
    alert = new_alert(number, key, (title, title), severity, now, zone=zone, department=department, kind="manual")
    return replace(alert, category=category)
