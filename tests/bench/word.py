"""A Word file of 100 pages: read in the child, as a tree, and matched with the document that exists; and written."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from secops.isms.clauses.word_in import import_word
from secops.report.policy_docx import write_policy_docx
from secops.wiring.word import open_word
from tests.bench.measure import Row
from tests.isms.clauses.word_files import p, word

ARTICLES = 640  # with their paragraphs and items some 4,000 lines: 100 pages of 40
WORDS = ["職員等", "情報資産", "管理者", "端末", "記録", "委託事業者", "情報システム", "ネットワーク", "区分", "手続"]
TABLE = "<w:tbl>" + "".join("<w:tr>" + f"<w:tc>{p('区分')}</w:tc>" * 4 + "</w:tr>" for _row in range(8)) + "</w:tbl>"


def rows(folder: Path) -> Iterator[Row]:
    path = folder / "100-pages.docx"
    path.write_bytes(word("".join(_body(random.Random(1)))))
    started = time.perf_counter()
    first = import_word(open_word(path), id="taisaku", title="対策基準")
    taken = time.perf_counter() - started
    clauses = len(first.document.clauses)
    yield Row(f"word: import of a 100-page docx ({clauses} clauses)", f"{taken:.2f} s", "", "< 5 s")
    path.write_bytes(word("".join(_body(random.Random(2)))))  # other words nearly everywhere: the hardest case
    started = time.perf_counter()
    import_word(open_word(path), id="taisaku", into=first.document)
    yield Row("word: import into a document that exists", f"{time.perf_counter() - started:.2f} s", "", "< 5 s")
    started = time.perf_counter()
    write_policy_docx(first.document)
    yield Row("word: export of the same", f"{time.perf_counter() - started:.2f} s", "", "< 5 s")


def _body(dice: random.Random) -> Iterator[str]:
    def said(count: int) -> str:
        return "、".join(dice.choices(WORDS, k=count)) + "に関する事項を定める。"

    yield p("みどり区情報セキュリティ対策基準")
    for article in range(1, ARTICLES + 1):
        if article % 40 == 1:
            yield p(f"第{article // 40 + 1}章\u3000章の題名")
        yield p(f"({dice.choice(WORDS)}の{dice.choice(WORDS)})")
        yield p(f"第{article}条\u3000{said(6)}")
        yield p(f"2\u3000{said(6)}")
        yield from (p(f"({item})\u3000{said(4)}") for item in range(1, 4))
        if article % 30 == 0:
            yield TABLE
