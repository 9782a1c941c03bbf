"""Items and catalogues for the tests of the audit room."""

from __future__ import annotations

from secops.isms.audit.catalogue import read_catalogue
from secops.isms.audit.model import Catalogue

ITEM = """  - id: {id}
    title: ログを取得しているか。
    mandatory: {mandatory}
    clauses: [mic-2025-03-6.1-6]
    look: ログ取得一覧
    check:
      test: 届いている機器を台帳と突き合わせる
      examine: 一覧を読む
    evidence: [ログ取得一覧, 機器台帳]
    weight: {weight}
    answers: system
    stage: {stage}
"""


def item(id: str, *, weight: int = 1, mandatory: bool = False, stage: int = 1) -> str:
    return ITEM.format(id=id, weight=weight, mandatory=str(mandatory).lower(), stage=stage)


def chapter(number: str, *items: str, title: str = "技術") -> str:
    return f'chapter: "{number}"\ntitle: {title}\nitems:\n' + "".join(items)


def catalogue(**chapters: list[str]) -> Catalogue:
    """``catalogue(c6=[item("a1")])``: chapter 6 with one item."""
    return read_catalogue([(f"{name}.yml", chapter(name[1:], *items)) for name, items in chapters.items()])
