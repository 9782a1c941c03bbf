"""A text built like the official guideline, in our own words: another part before it, contents, two runs through."""

from __future__ import annotations

from collections.abc import Sequence

from secops.isms.clauses.official import Piece

TEXT = """\
第2編 例文
目次
1. 組織体制 ......... 3
6.1. コンピュータ及びネットワークの管理……12
第1章 情報セキュリティ基本方針
1 目的
この方針は、例である。
2 定義
(1) ネットワーク
第2章 情報セキュリティ対策基準
1. 組織体制
(1)最高情報セキュリティ責任者(CISO)
①副区長を充てる。
②助言者を置くことができる。
(ア) 任期は二年とする。
(2)統括情報セキュリティ責任者
① 部長を充てる。
3 年間保存する記録は、別に定める。
6. 技術的セキュリティ
6.1. コンピュータ及びネットワークの管理
(1) 文書サーバの設定等
(2) バックアップの実施
重要な情報は写しを取る。
(5) 仕様書等の管理
(9) どこからも続かない番号
6.2. アクセス制御
① 権限を決める。
第3編 解説
1. 組織体制
役割を説明する。
(1) 最高情報セキュリティ責任者(CISO)
最終の責任を持つ。
(3) 解説だけの項
"""
TITLES = {
    "1": "組織体制",
    "1-1": "最高情報セキュリティ責任者(CISO)",
    "1-2": "統括情報セキュリティ責任者",
    "6": "技術的セキュリティ",
    "6.1": "コンピュータ及びネットワークの管理",
    "6.1-1": "文書サーバの設定等",
    "6.1-2": "バックアップの実施",
    "6.1-5": "情報システム仕様書等の管理",
    "6.2": "アクセス制御",
}


def pieces(text: str = TEXT) -> Sequence[Piece]:
    """The lines of a text."""
    return [Piece(at, line) for at, line in enumerate(text.splitlines(), 1)]
