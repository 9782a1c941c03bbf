"""The states of an alert: 未対応 → 対応中 → 対応完了, and back when a closing was a mistake.

Functions from alert to alert; they raise ConflictError where the present state does not allow the action and
UsageError where what a person has to say is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from secops.errors import ConflictError, UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import VERDICT_LABELS, Alert, State, Verdict

SYSTEM = "secops"  # the actor of what nobody did
MAX_TEXT = 4000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # no database keeps all of these

ACTION_LABELS: Mapping[str, str] = {
    "detected": "検知",
    "raised": "再検知",
    "reported": "登録",
    "viewed": "閲覧",
    "assigned": "担当",
    "noted": "メモ",
    "closed": "対応完了",
    "reopened": "対応再開",
    "replayed": "再検証",
    "changed": "変更",
    "notified": "通知",
    "confirmed": "通知の確認",
    "linked": "関連付け",
    "unlinked": "関連付けの解除",
    "merged": "統合",
    "unmerged": "統合の解除",
    "split": "分割",
    "undone": "一括操作の取り消し",
}


def new_alert(
    number: int,
    key: str,
    titles: tuple[str, str],
    severity: Severity,
    now: datetime,
    *,
    zone: str = "",
    department: str = "",
    kind: str = "rule",
) -> Alert:
    """How every alert begins: nobody's and without hits; ``titles`` are the Japanese and the English one."""
    return Alert(
        id=number,
        key=key,
        rule_id="",
        title=titles[0],
        title_en=titles[1],
        severity=severity,
        state=State.OPEN,
        zone=zone,
        department=department,
        entities={},
        count=0,
        first_seen=now,
        last_seen=now,
        opened_at=now,
        assignee="",
        verdict=None,
        closed_reason="",
        closed_at=None,
        previous=None,
        kind=kind,
    )


def assigned(alert: Alert, assignee: str, now: datetime) -> Alert:
    """Taken or handed over; what was open is in progress from now on."""
    if alert.state is State.CLOSED:
        raise ConflictError(
            _("アラート {id} は対応完了です。担当を決めるには、先に対応を再開してください。").format(id=alert.id)
        )
    seen = alert.acknowledged_at or now
    return replace(alert, assignee=said(assignee, _("担当者")), state=State.IN_PROGRESS, acknowledged_at=seen)


def closed(alert: Alert, verdict: Verdict, reason: str, now: datetime) -> Alert:
    """Closed with a verdict and a reason, which is what the next person will read when it comes again."""
    if alert.state is State.CLOSED:
        raise ConflictError(_("アラート {id} はすでに対応完了です。").format(id=alert.id))
    reason = said(reason, _("完了の理由"))
    seen = alert.acknowledged_at or now
    return replace(
        alert, state=State.CLOSED, verdict=verdict, closed_reason=reason, closed_at=now, acknowledged_at=seen
    )


def reopened(alert: Alert, successor: int | None) -> Alert:
    """A closing undone; ``successor`` is the active alert with the same key, if one has followed meanwhile."""
    if alert.state is not State.CLOSED:
        raise ConflictError(_("アラート {id} は対応完了ではありません。").format(id=alert.id))
    if successor is not None:
        raise ConflictError(
            _("アラート {id} の続きはアラート {successor} で対応中です。そちらで対応してください。").format(
                id=alert.id, successor=successor
            )
        )
    state = State.IN_PROGRESS if alert.assignee else State.OPEN
    return replace(alert, state=state, verdict=None, closed_reason="", closed_at=None)


def cleaned(text: str) -> str:
    """What somebody typed as every database can keep it, without blanks around it."""
    return _CONTROL.sub("", text).strip()


def said(text: str, what: str) -> str:
    """A text that a person must give, without blanks around it; ``what`` names it in the message."""
    text = cleaned(text)
    if not text:
        raise UsageError(_("{what}がありません。入力してください。").format(what=what))
    if len(text) > MAX_TEXT:
        raise UsageError(
            _("{what}が長すぎます({n} 字)。{limit} 字以内で入力してください。").format(
                what=what, n=len(text), limit=MAX_TEXT
            )
        )
    return text


def closing_text(verdict: Verdict, reason: str) -> str:
    """What history keeps of a closing: it must outlive a reopening."""
    return f"{VERDICT_LABELS[verdict]}: {cleaned(reason)}"
