"""What a Word file says, before anybody asks what its numbers mean: blocks in order, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Beside(StrEnum):
    """What a Word file holds that is more than plain paragraphs and tables."""

    MACRO = "macro"
    INSERTED = "inserted"
    DELETED = "deleted"
    REFORMATTED = "reformatted"
    COMMENT = "comment"
    FOOTNOTE = "footnote"
    TEXT_BOX = "text_box"
    HEADER = "header"
    FOOTER = "footer"
    IMAGE = "image"
    OBJECT = "object"
    OUTSIDE = "outside"
    HIDDEN = "hidden"
    CONTENTS = "contents"
    NESTED = "nested"
    MERGED = "merged"
    FRAME = "frame"
    RUBY = "ruby"
    SYMBOL = "symbol"
    FORMULA = "formula"
    NUMBERS = "numbers"


BESIDE_LABELS = {
    Beside.MACRO: "マクロ(読まない)",
    Beside.INSERTED: "変更履歴の挿入(反映済みとして読む)",
    Beside.DELETED: "変更履歴の削除(削除済みとして読む)",
    Beside.REFORMATTED: "変更履歴の書式",
    Beside.COMMENT: "コメント(本文に入れない)",
    Beside.FOOTNOTE: "脚注(本文に残す)",
    Beside.TEXT_BOX: "テキストボックス(本文に残す)",
    Beside.HEADER: "ヘッダー(本文に入れない)",
    Beside.FOOTER: "フッター(本文に入れない)",
    Beside.IMAGE: "図(代わりの文字だけ)",
    Beside.OBJECT: "埋め込みオブジェクト(読まない)",
    Beside.OUTSIDE: "外部ファイルへの参照(開かない)",
    Beside.HIDDEN: "隠し文字(本文に残す)",
    Beside.CONTENTS: "目次(本文に入れない)",
    Beside.NESTED: "表の中の表(文字として残す)",
    Beside.MERGED: "結合されたセル(左上に文字を残す)",
    Beside.FRAME: "一つのセルだけの表(枠として、段落で読む)",
    Beside.RUBY: "ふりがな(本文に入れない)",
    Beside.SYMBOL: "記号フォントの文字(〓 に置き換え)",
    Beside.FORMULA: "数式(文字として残す)",
    Beside.NUMBERS: "読めない自動番号",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something beside the text: ``number`` is that of the block it belongs to, 0 where it belongs to none."""

    kind: Beside
    number: int
    text: str


class BlockKind(StrEnum):
    """What a block is."""

    TEXT = "text"
    TABLE = "table"
    ASIDE = "aside"  # a footnote or text box: text that is never numbered as a provision


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a table of the body.

    ``number`` counts the paragraphs and tables of the body from 1, empty ones too, as a reader can count them.
    ``text`` is the paragraph, or the table as a Markdown table. ``label`` is what Word's automatic numbering prints
    before it. ``outline`` is 1 to 9 for headings, else 0.
    """

    number: int
    text: str
    kind: BlockKind = BlockKind.TEXT
    label: str = ""
    style: str = ""
    outline: int = 0
    bold: bool = False
    centred: bool = False
    indent: int = 0


@dataclass(frozen=True, slots=True)
class WordText:
    """A Word file as text: its blocks in order, and everything beside them."""

    blocks: tuple[Block, ...]
    remarks: tuple[Remark, ...] = ()
    title: str = ""
