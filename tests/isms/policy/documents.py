"""Small documents for tests, written as one line a clause."""

from __future__ import annotations

from secops.isms.clauses.model import Clause, Document, DocumentKind, Link, LinkKind, Numbering


def document(*clauses: Clause, title: str = "〇〇区情報セキュリティ対策基準", **more) -> Document:
    return Document("taisaku", title, DocumentKind.CONTROL_STANDARD, clauses, **more)


def clause(id: str, label: str, title: str = "", text: str = "", *, parent: str = "", links: str = "") -> Clause:
    """A clause; its depth is the number of dashes in its id. Links as ``mic-… mic-…~`` (``~``: partly)."""
    found = [
        Link(one.rstrip("~"), LinkKind.PARTLY if one.endswith("~") else LinkKind.IMPLEMENTS) for one in links.split()
    ]
    return Clause(id, label, id.count("-"), parent, title, text, tuple(found))


def sample() -> Document:
    """Two chapters, three articles, paragraphs and a table."""
    return document(
        clause("t-1", "第1章", "総則"),
        clause("t-1-1", "第1条", "目的", "この基準は、情報資産を守るために必要な対策を定める。", parent="t-1"),
        clause("t-1-2", "第2条", "適用範囲", "この基準は、全ての職員に適用する。", parent="t-1"),
        clause("t-1-2-2", "2", "", "前項の職員には、会計年度任用職員を含む。", parent="t-1-2"),
        clause("t-1-2-3", "3", "", "委託事業者については、契約で定める。", parent="t-1-2"),
        clause("t-2", "第2章", "情報資産"),
        clause(
            "t-2-1",
            "第3条",
            "分類",
            "情報資産を次の表のとおり分類する。\n| 区分 | 例 |\n|---|---|\n| 3 | 住民票 |\n| 2 | 起案 |",
            parent="t-2",
        ),
        clause("t-2-2", "第4条", "持ち出し", "許可なく持ち出してはならない。", parent="t-2"),
        clause("t-3", "附則", "", "この基準は、令和7年4月1日から施行する。"),
        numbering=Numbering.ARTICLES,
    )


def revised() -> Document:
    """The sample after a revision: a word, a table, a new article (so numbers move), one removed paragraph."""
    return document(
        clause("t-1", "第1章", "総則"),
        clause("t-1-1", "第1条", "目的", "この基準は、情報資産を守るために必要な対策を定める。", parent="t-1"),
        clause("t-1-2", "第2条", "適用範囲", "この基準は、全ての職員等に適用する。", parent="t-1"),
        clause("t-1-2-3", "2", "", "委託事業者については、契約で定める。", parent="t-1-2"),
        clause("t-2", "第2章", "情報資産"),
        clause("t-2-9", "第3条", "台帳", "情報資産の台帳を作る。", parent="t-2"),
        clause(
            "t-2-1",
            "第4条",
            "分類",
            "情報資産を次の表のとおり分類する。\n| 区分 | 例 |\n|---|---|\n| 3 | 住民記録 |\n| 2 | 起案 |\n"
            "| 1 | 広報 |",
            parent="t-2",
        ),
        clause("t-2-2", "第5条", "持ち出し", "許可なく持ち出してはならない。", parent="t-2"),
        clause("t-3", "附則", "", "この基準は、令和7年4月1日から施行する。"),
        numbering=Numbering.ARTICLES,
    )
