"""Whom the program trusts changed, or somebody is guessing: others must see it, so it is an alert."""

from __future__ import annotations

from datetime import datetime

from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Alert
from secops.siem.triage.states import new_alert

KEY = "program|trust"
TITLE = "利用者・権限の変更、ログインの停止"
TITLE_EN = "Users or rights changed, or a login was locked"


def new_administrator(name: str, actor: str) -> str:
    """Somebody became an administrator."""
    return _("{actor} が「{name}」をシステム管理者にしました。心当たりがなければ止めてください。").format(
        name=name, actor=actor
    )


def reset(name: str, actor: str, *, factors: bool) -> str:
    """Somebody got a new set-up code."""
    if factors:
        text = _("{actor} が「{name}」のパスワードを無効にし、多要素認証を外して、登録コードを発行しました。")
    else:
        text = _("{actor} が「{name}」のパスワードを無効にし、登録コードを発行しました。")
    return text.format(name=name, actor=actor)


def locked(name: str, peer: str, *, count: int, minutes: int) -> str:
    """Too many failures at one place."""
    text = _(
        "「{name}」のログインが同じところから {n} 回続けて失敗し、そこからのログインを {minutes} 分間停止しました"
        "(接続元 {peer})。ほかの端末からは入れます。"
    )
    return text.format(name=name, n=count, minutes=minutes, peer=peer or "-")


def stopped(name: str, peer: str, *, count: int, minutes: int) -> str:
    """Too many failures at places that are not known."""
    text = _(
        "「{name}」のログインがあちこちから {n} 回失敗しました。続く間とその後 {minutes} 分間は、初めての端末では"
        "パスワードや確認コードだけで入れません(最後の接続元 {peer})。"
        "前にログインした端末、パスキー、回復コードでは入れます。"
    )
    return text.format(name=name, n=count, minutes=minutes, peer=peer or "-")


def alert_of_trust(number: int, now: datetime) -> Alert:
    """The alert that tells of it; while it is not closed, what follows joins it."""
    return new_alert(number, KEY, (TITLE, TITLE_EN), Severity.MEDIUM, now, kind="program")
