"""Terminal operation logs the way an asset-management product exports them: CSV in CP932 with a Japanese header."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from secops.schema.dates import JST

COLUMNS = (
    "発生日時",
    "端末名",
    "IPアドレス",
    "ログオンユーザー名",
    "ログ種別",
    "操作",
    "ファイルパス",
    "コピー先",
    "ファイルサイズ",
    "デバイス名",
    "シリアル番号",
    "アプリケーション名",
    "ウィンドウタイトル",
)
ENCODING = "cp932"


def header() -> bytes:
    """The first line of each file."""
    return ",".join(COLUMNS).encode(ENCODING)


def row(
    at: datetime,
    computer: str,
    ip: str,
    user: str,
    kind: str,
    action: str,
    *,
    path: str = "",
    copied_to: str = "",
    size: int | None = None,
    device: str = "",
    serial: str = "",
    application: str = "",
    title: str = "",
) -> bytes:
    """One operation; ``kind`` is the product's ログ種別: ファイル操作, デバイス, 起動・終了, アプリケーション, 印刷."""
    cells = (
        f"{at.astimezone(JST):%Y/%m/%d %H:%M:%S}",
        computer,
        ip,
        user,
        kind,
        action,
        path,
        copied_to,
        "" if size is None else str(size),
        device,
        serial,
        application,
        title,
    )
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue().encode(ENCODING, errors="replace")
