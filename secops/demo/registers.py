"""The simulated ward's registers of systems and information assets; some rows leave something out, as in real life."""

from __future__ import annotations

from datetime import date

from secops.schema.dates import fiscal_year

SYSTEM_HEADS = (
    "システムコード", "システム名", "主管課コード", "系統", "機器名", "機密性", "委託事業者", "クラウド",
    "クラウドサービス名", "個人情報", "本人数", "情報システム管理者", "状態", "確認日",
)  # fmt: skip
ASSET_HEADS = (
    "資産番号", "情報資産名", "主管課コード", "資産の種類", "媒体", "機密性", "完全性", "可用性", "保存期間",
    "保管場所", "システムコード", "個人情報", "情報資産管理者", "確認日",
)  # fmt: skip
# "-" is an empty cell; "*" in the last column: confirmed this fiscal year, "<": the year before.
_SYSTEMS = """
JUMIN 住民記録システム 211 mynumber JUMIN-AP01 3A みどり計算センター㈱ なし - 特定個人情報 214300 区民課長 稼働中 *
ZEI 税務システム 212 mynumber ZEI-AP01 3A みどり計算センター㈱ なし - 特定個人情報 158200 税務課長 稼働中 *
FUKUSHI 福祉総合システム 221 mynumber FUKU-AP01 3A ㈱福祉情報 なし - 特定個人情報 41800 福祉課長 稼働中 <
FILE-MN 基幹系ファイルサーバ 121 mynumber MN-FS01;MN-DC01 3A なし なし - 特定個人情報 214300 情報政策課長 稼働中 *
FILE-LG 庁内ファイルサーバ 121 lgwan LG-FS01;LG-DC01 3B なし なし - 保有個人情報 - 情報政策課長 稼働中 *
GW グループウェア 121 lgwan LG-GW01 2 オフィスねっと㈱ なし - 保有個人情報 1200 情報政策課長 稼働中 *
BUNSHO 文書管理システム 111 lgwan LG-BUN01 3B - なし - 保有個人情報 - 総務課長 稼働中 *
RENKEI 庁内データ連携基盤 121 lgwan LG-RENKEI01 3A みどり計算センター㈱ なし - 特定個人情報 214300 情報政策課長 稼働中 *
VDI 画面転送基盤 121 internet IN-VDI01 2 オフィスねっと㈱ なし - なし - 情報政策課長 稼働中 *
PROXY Web中継サーバ 121 internet IN-PRX01 2 なし なし - なし - 情報政策課長 稼働中 *
MUGAI ファイル無害化 121 internet IN-MUGAI01 2 - なし - なし - 情報政策課長 稼働中 <
YOYAKU 施設予約システム 122 internet - 2 ㈱よやくナビ あり よやくナビ自治体版 保有個人情報 18400 - 稼働中 *
HOIKU 保育園入園選考システム 223 mynumber - 3A ㈱福祉情報 - - 要配慮個人情報 3600 子育て支援課長 稼働中 *
DOURO 道路台帳システム 131 lgwan - - - - - - - - 稼働中 -
OLD-ZEI 旧税務システム 212 mynumber - 3A なし なし - 特定個人情報 - 税務課長 廃止 <
"""
_ASSETS = """
S-001 住民異動届 211 文書 紙 3B 2 2 3年 2階書庫 JUMIN 保有個人情報 区民課長 *
S-002 住民基本台帳データ 211 データ サーバ 3A 2 2 常用 - JUMIN 特定個人情報 区民課長 *
S-003 課税台帳データ 212 データ サーバ 3A 2 2 10年 - ZEI 特定個人情報 税務課長 *
S-004 滞納整理票 212 文書 紙 3B 2 1 5年 税務課キャビネット - 要配慮個人情報 税務課長 <
S-005 生活保護ケース記録 221 文書 紙 3A 2 2 5年 福祉課書庫 - 要配慮個人情報 福祉課長 *
S-006 見守り名簿 222 データ 端末 3B 2 2 - - - 要配慮個人情報 - *
S-007 職員人事データ 112 データ サーバ 3B 2 1 常用 - FILE-LG 保有個人情報 人事課長 *
S-008 予算要求書 113 文書 サーバ 2 2 1 5年 - FILE-LG なし 財政課長 *
S-009 システム構成図 121 文書 サーバ 3B 2 1 常用 - FILE-LG なし 情報政策課長 *
S-010 バックアップ媒体 121 記録媒体 外部記録媒体 3A 2 2 3世代 耐火金庫 FILE-MN 特定個人情報 情報政策課長 *
S-011 広報用写真 122 データ サーバ 1 1 1 5年 - FILE-LG 保有個人情報 広報課長 <
S-012 道路台帳図 131 データ サーバ - - - 常用 - DOURO - - -
"""


def systems(today: date) -> list[tuple[str, ...]]:
    """The rows of the register of systems."""
    return _rows(_SYSTEMS, today)


def assets(today: date) -> list[tuple[str, ...]]:
    """The rows of the 情報資産管理台帳."""
    return _rows(_ASSETS, today)


def _rows(text: str, today: date) -> list[tuple[str, ...]]:
    year = fiscal_year(today)
    this_year = min(date(year, 5, 20), today)
    days = {"*": this_year.isoformat(), "<": f"{year - 1}-05-22", "-": ""}
    rows = [line.split() for line in text.strip().splitlines()]
    return [(*("" if cell == "-" else cell for cell in row[:-1]), days[row[-1]]) for row in rows]
