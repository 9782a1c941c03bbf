"""The audit log: who saw and did what, from where, and when. It only grows; nobody can change it here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import ROLE_LABELS, AuditFilter, Right, Session
from secops.locale import _
from secops.schema.dates import JST
from secops.web.pages import page
from secops.web.session import reads, services

router = APIRouter()
PAGE_SIZE = 100
NAMES = ("actor", "action", "q", "since", "until")
LABELS: Mapping[str, str] = {
    "login": "ログイン",
    "login_password": "パスワードの確認(多要素認証の前)",
    "login_failed": "ログインの失敗",
    "factor_failed": "多要素認証の失敗",
    "confirm_failed": "パスワードの再確認の失敗",
    "logout": "ログアウト",
    "session_ended": "ログインを終わらせた",
    "sessions_ended": "ほかのログインをすべて終わらせた",
    "password_set": "パスワードの設定",
    "password_changed": "パスワードの変更",
    "password_reset": "パスワードのリセット",
    "factor_added": "多要素認証の登録",
    "factor_removed": "多要素認証の解除",
    "recovery_made": "回復コードの発行",
    "user_added": "利用者の登録",
    "user_changed": "役割・範囲の変更",
    "user_disabled": "利用者の停止",
    "user_enabled": "利用者の停止の取り消し",
    "user_reset": "利用者のリセット",
    "user_locked": "ログインの停止(失敗の連続)",
    "user_unlocked": "ログイン停止の解除",
    "role_changed": "役割の変更",
    "role_kept": "役割を変更せず(ただ 1 人のシステム管理者)",
    "alert_viewed": "アラートの閲覧",
    "alerts_listed": "アラートの一覧・検索",
    "alerts_assigned": "アラートの担当",
    "alerts_closed": "アラートの対応完了",
    "alerts_reopened": "アラートの対応再開",
    "alerts_noted": "アラートのメモ",
    "alerts_confirmed": "アラートの通知の確認",
    "alerts_reported": "アラートの登録",
    "alerts_linked": "アラートの関連付け",
    "alerts_unlinked": "アラートの関連付けの解除",
    "alerts_merged": "アラートの統合",
    "alerts_unmerged": "アラートの統合の解除",
    "alerts_split": "アラートの分割",
    "alerts_undone": "一括操作の取り消し",
    "event_viewed": "イベントの閲覧",
    "raw_viewed": "元ログの閲覧",
    "events_searched": "イベントの検索",
    "events_exported": "検索結果の書き出し",
    "register_exported": "台帳の書き出し",
    "evidence_viewed": "裏付け票の閲覧",
    "evidence_exported": "裏付け票の書き出し",
    "exception.written": "例外の作成",
    "rules.changed": "検知ルール・例外の変更",
    "rule_tried": "検知ルールの試行(過去のログ)",
    "backup_made": "バックアップ",
    "replayed": "検知のやり直し",
    "rules_imported": "ルール集の取り込み",
    "rules_import_undone": "ルール集の取り込みの取り消し",
}


# What the accounts write beside an action, and where a command came from.
WORDS: Mapping[str, str] = {
    **{role.value: text for role, text in ROLE_LABELS.items()},
    "code": "登録コード",
    "totp": "認証アプリ",
    "passkey": "パスキー",
    "recovery": "回復コード",
    "factors": "多要素認証も解除",
    "oidc": "認証基盤",
    "demo": "デモ用",
    "cli": "コマンド",
    "zones": "系統",
    "departments": "課",
    "all": "すべて",
    "none": "なし",
    "place": "その接続元だけ",
    "everywhere": "初めての端末すべて",
}


# Actions beside which there is what people wrote, or what they searched for.
FREE = frozenset({"raw_viewed", "exception.written", "events_searched", "events_exported", "rules.changed"})
FREE |= {"rule_tried", "backup_made", "replayed"}
FREE |= {action for action in LABELS if action.startswith("alert")}


def worded(text: str, action: str = "") -> str:
    """The text of an entry with its codes in words: whole, known ones, and nothing that people wrote."""
    if action in FREE:
        return text
    return " ".join(_(WORDS[one]) if one in WORDS else one for one in text.split(" "))


def about(target: str) -> str:
    """What was done or seen something to, in words where it is an action on many alerts."""
    found = re.fullmatch(r"bulk ([0-9]+)", target)
    return _("一括操作 {id}").format(id=found[1]) if found else target


def stamp(moment: datetime) -> str:
    """Date with its year and time in JST: a log is read years later, and written out side by side with others."""
    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}"


def label(action: str) -> str:
    """The word for an action; the code itself where it has none."""
    return _(LABELS[action]) if action in LABELS else action


def parse(values: Mapping[str, str]) -> tuple[AuditFilter, list[str]]:
    """Read a URL's values; what makes no sense is left out and named. Days are those of Japan, both inclusive."""
    wrong: list[str] = []

    def day(name: str) -> datetime | None:
        text = values.get(name, "").strip()
        try:
            return datetime.combine(date.fromisoformat(text), time(), JST) if text else None
        except ValueError:
            wrong.append(f"{name}={text[:40]}")
            return None

    found = AuditFilter(values.get("actor", "")[:64], values.get("action", "")[:40], values.get("q", "").strip()[:200])
    since, until = day("since"), day("until")
    return replace(found, since=since, until=until + timedelta(days=1) if until else None), wrong


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@router.get("/audit-log")
def show_audit_log(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_AUDIT_LOG))]) -> Response:
    """A page of it, newest first; pages begin behind an entry, so that new ones push nothing out of sight."""
    values, access = request.query_params, session.user.access
    wanted, wrong = parse(values)
    wanted = replace(wanted, access=access)
    accounts = services(request).accounts
    before, after = _number(values.get("before", "")), _number(values.get("after", ""))
    found = accounts.audit_page(wanted, limit=PAGE_SIZE, before=before, after=after)
    actors, actions = accounts.audit_names(access)
    kept = {name: values[name] for name in NAMES if values.get(name)}

    def url(**more: int) -> str:
        query = urlencode({**kept, **more})
        return f"/audit-log?{query}" if query else "/audit-log"

    shown = found.entries
    last = found.newer + len(shown)
    return page(
        request,
        "audit_log.html",
        found=found,
        last=last,
        newest=url(),
        newer=url(after=shown[0].number) if shown and found.newer else "",
        older=url(before=shown[-1].number) if shown and last < found.total else "",
        asked={name: values.get(name, "") for name in NAMES},
        narrowed=bool(kept),
        access=access,
        wrong=wrong,
        actors=actors,
        actions=sorted(actions, key=label),
        label=label,
        worded=worded,
        about=about,
        stamp=stamp,
    )
