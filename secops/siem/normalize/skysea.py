"""Operation logs of terminal management products as CSV with Japanese headers (SKYSEA-like; CP932 by its source).

Headers differ by product, version and export setting, so they are looked up in a table of known spellings; what is not
in it is kept under ``skysea.<header>``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import polars as pl

from secops.siem.normalize import moments
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import Input, Want
from secops.siem.normalize.mapped import Table, emit
from secops.siem.normalize.rows import split
from secops.siem.normalize.urls import split as split_url
from secops.siem.normalize.values import Memo

MODULE = "skysea"

_HEADERS: dict[str, tuple[str, ...]] = {
    "clean:host.name host:host.hostname": (
        "端末名",
        "コンピューター名",
        "コンピュータ名",
        "コンピュータ",
        "端末",
        "マシン名",
        "PC名",
        "クライアント名",
    ),
    "user:user.name domain:user.domain": (
        "ユーザー名",
        "ユーザ名",
        "ログオンユーザー",
        "ログオンユーザー名",
        "ログオンユーザ名",
        "ユーザー",
        "使用者",
    ),
    "clean:user.full_name": ("氏名", "表示名", "ユーザー表示名"),
    "clean:user.id": ("職員番号", "社員番号", "ユーザーID"),
    "clean:user.group.name": ("部署", "部署名", "所属", "所属部署", "グループ", "部門"),
    "ips:host.ip ip:source.ip": ("IPアドレス", "端末IPアドレス", "クライアントIPアドレス"),
    "clean:source.mac": ("MACアドレス",),
    "clean:file.path name:file.name dir:file.directory ext:file.extension": (
        "ファイル",
        "ファイルパス",
        "ファイル名",
        "元ファイル",
        "元ファイル名",
        "コピー元",
        "移動元",
        "対象ファイル",
        "パス",
        "操作対象",
    ),
    "clean:file.target_path": (
        "コピー先",
        "移動先",
        "変更後ファイル名",
        "先ファイル",
        "出力先",
        "保存先",
        "先ファイル名",
    ),
    "long:file.size": ("ファイルサイズ", "サイズ"),
    "clean:device.model.name": ("デバイス", "デバイス名", "媒体名", "USBデバイス名", "接続機器"),
    "clean:device.serial_number": ("シリアル番号", "シリアルNo", "シリアルNo.", "シリアル", "デバイスシリアル番号"),
    "clean:device.manufacturer": ("ベンダー", "メーカー", "製造元", "ベンダー名"),
    "clean:device.id": ("デバイスID", "機器ID", "インスタンスID"),
    "clean:file.drive_letter": ("ドライブ", "ドライブ名"),
    "clean:url.full": ("URL", "アクセス先URL", "アクセスURL"),
    "clean:process.name": ("プロセス名", "アプリケーション名", "アプリ名", "実行ファイル名", "プログラム名"),
    "clean:process.executable": ("実行ファイルパス", "プロセスパス"),
    "clean:email.subject": ("件名",),
    "list:email.to.address": ("宛先", "送信先"),
    "clean:destination.address ip:destination.ip": ("接続先", "接続先IPアドレス", "宛先IPアドレス"),
    "clean:rule.name": ("ポリシー名", "アラート名", "ルール名"),
    "clean:message": ("詳細", "内容", "備考", "メッセージ", "説明"),
}
_ACTION = (
    "操作",
    "ログ種別",
    "操作種別",
    "ログ種類",
    "ログの種類",
    "操作内容",
    "イベント",
    "アクション",
    "種別",
    "種類",
)
_MOMENT = ("日時", "発生日時", "操作日時", "記録日時", "発生時刻", "ログ日時", "操作時刻")
_DAY = ("日付", "発生日", "操作日")
_CLOCK = ("時刻", "時間", "発生時間", "操作時間")

# The first expression found in the operation's name says what it is: action, category, type.
_ACTIONS: tuple[tuple[re.Pattern[str], str, str, str], ...] = tuple(
    (re.compile(pattern), action, category, kind)
    for pattern, action, category, kind in (
        (
            r"(USB|デバイス|媒体|メディア|リムーバブル|外部記憶).*(取り?外|切断|抜|アンマウント|取出|解除)",
            "usb-device-removed",
            "host",
            "info",
        ),
        (
            r"(USB|デバイス|媒体|メディア|リムーバブル|外部記憶).*(書き?込|コピー|持ち?出)",
            "file-copied",
            "file",
            "creation",
        ),
        (
            r"(USB|デバイス|媒体|メディア|リムーバブル|外部記憶).*(接続|挿入|使用|検出|マウント|追加)",
            "usb-device-attached",
            "host",
            "info",
        ),
        (r"ログ(オン|イン).*(失敗|エラー)", "logon-failed", "authentication", "start"),
        (r"ログ(オン|イン)|サインイン|画面ロック解除", "logged-in", "authentication", "start"),
        (r"ログ(オフ|アウト)|サインアウト", "logged-out", "authentication", "end"),
        (r"印刷|プリント", "document-printed", "file", "access"),
        (r"メール.*送信|送信.*メール", "email-sent", "email", "info"),
        (r"メール.*受信", "email-received", "email", "info"),
        (r"(Web|ウェブ|WEB).*(書き?込|アップロード|送信)|アップロード", "web-uploaded", "web", "access"),
        (r"ダウンロード", "web-downloaded", "web", "access"),
        (r"Web|ウェブ|WEB|サイト.*(閲覧|アクセス)|URL", "web-accessed", "web", "access"),
        (r"コピー|複写", "file-copied", "file", "creation"),
        (r"移動", "file-moved", "file", "change"),
        (r"名(前|称)?.*変更|リネーム", "file-renamed", "file", "change"),
        (r"削除", "file-deleted", "file", "deletion"),
        (r"(ファイル|フォルダ).*(作成|新規)|新規作成", "file-created", "file", "creation"),
        (r"(ファイル|フォルダ).*(更新|保存|上書|変更|書き?込)|上書", "file-changed", "file", "change"),
        (r"(ファイル|フォルダ).*(開|参照|閲覧|アクセス|読)", "file-accessed", "file", "access"),
        (r"(アプリ|プロセス|プログラム|ソフト).*(終了|停止)", "process-terminated", "process", "end"),
        (r"(アプリ|プロセス|プログラム|ソフト).*(起動|実行|開始)", "process-created", "process", "start"),
        (r"インストール", "package-installed", "package", "installation"),
        (r"(電源|PC|端末|コンピュータ).*(ON|オン|起動)", "host-started", "host", "start"),
        (r"(電源|PC|端末|コンピュータ).*(OFF|オフ|終了|シャットダウン)|シャットダウン", "host-stopped", "host", "end"),
        (r"通信|ネットワーク", "network-connected", "network", "connection"),
    )
)
_FAILED = re.compile(r"失敗|禁止|ブロック|拒否|遮断|エラー|不許可")


def _meaning(operation: str) -> tuple[str, tuple[str, ...], tuple[str, ...], str]:
    """Action, category, type and outcome of an operation's name; one not in the table is its own action."""
    folded = unicodedata.normalize("NFKC", operation)
    outcome = "failure" if _FAILED.search(folded) else "success"
    for pattern, action, category, kind in _ACTIONS:
        if pattern.search(folded):
            return action, (category,), (kind,), outcome
    return operation, (), (), outcome


_MEANINGS = Memo(lambda operation: _meaning(operation) if operation else ("", (), (), ""))


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).replace(" ", "").upper()


_SPECS = {_fold(name): spec for spec, names in _HEADERS.items() for name in names}


@lru_cache(maxsize=64)
def _table(names: tuple[str, ...]) -> Table:
    return Table("skysea.", {name: _SPECS[_fold(name)] for name in names if _fold(name) in _SPECS})


def _first(names: tuple[str, ...], known: Sequence[str]) -> int | None:
    """The column that stands first in our order of preference."""
    folded = [_fold(name) for name in names]
    return next((folded.index(_fold(name)) for name in known if _fold(name) in folded), None)


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a CSV row."""
    names, groups, wrong = split(records, given)
    wide = Wide()
    for indexes, rows in groups.of.values():
        constants = {"event.kind": "event", "event.module": MODULE, "event.dataset": "skysea.operation"}
        emit(wide, indexes, names, rows, _table(names), want, constants, _derived(names, rows, given.origin.timezone))
    if wrong:
        texts, messages = zip(*wrong.values(), strict=True)
        wide.group(*failed(list(wrong), texts, messages, MODULE))
    return wide.frame()


def _derived(names: tuple[str, ...], rows: Sequence[Sequence[Any]], timezone: str | None) -> dict[str, Sequence[Any]]:
    cells = list(zip(*rows, strict=True))
    derived: dict[str, Sequence[Any]] = {"@timestamp": _times(names, cells, timezone)}
    if (place := _first(names, _ACTION)) is not None:
        found = _MEANINGS.all(cells[place])
        derived["event.action"] = [one[0] or None for one in found]
        derived["event.category"] = [list(one[1]) or None for one in found]
        derived["event.type"] = [list(one[2]) or None for one in found]
        derived["event.outcome"] = [one[3] or None for one in found]
    urls = next((i for i, name in enumerate(names) if _SPECS.get(_fold(name), "").endswith("url.full")), None)
    if urls is not None:
        derived["url.domain"] = [split_url(one)[1] for one in cells[urls]]
    return derived


def _times(names: tuple[str, ...], cells: list[tuple[Any, ...]], timezone: str | None) -> list[int | None]:
    """The moment in the origin's local time, from one column or from a date and a time column."""
    local = moments.local_time(timezone)
    if (place := _first(names, _MOMENT)) is not None:
        return local.all(cells[place])
    day, clock = _first(names, _DAY), _first(names, _CLOCK)
    if day is None or clock is None:
        return [None] * (len(cells[0]) if cells else 0)
    return local.all([f"{a} {b}" for a, b in zip(cells[day], cells[clock], strict=True)])
