"""The Markdown form of the ward's documents: what is written is read again; every mistake is named with its line."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given

from secops.errors import PolicyError
from secops.isms.clauses.markdown import digest_of, read_document, write_document
from secops.isms.clauses.model import Document, DocumentKind, Link, LinkKind, Numbering
from tests.isms.clauses.documents import documents

TEXT = """---
id: taisaku
title: 見本区情報セキュリティ対策基準
kind: control_standard
numbering: articles
owner: 区民情報課
review: 2027-03-31
public: true
history:
- day: 2019-04-01
  what: 制定
- day: 2027-04-01
  what: 改正
statutory:
- body: 区長
  published_at: https://example.lg.jp/policy
  published_on: 2026-04-01
---

この基準は、基本方針に基づいて定める。

# 第1章 総則 {#taisaku-c1}

## 第1条 目的 {#taisaku-a1 implements=mic-2025-03-6.2,mic-2025-03-6.3 partly=mic-2025-03-6.1-8 review=2026-09-30}

この基準の目的を定める。

| 区分 | 例 |
|---|---|
| 高 | 名簿 |

### 2 - {#taisaku-a1-2 owner="情報 課"}

\\# で始まる行も文である。
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_document("taisaku.md", text)
    return [str(problem) for problem in caught.value.problems]


@given(documents)
def test_a_document_that_was_written_is_read_as_the_same_document(document: Document) -> None:
    text = write_document(document)
    read = read_document("any.md", text)
    assert read == document
    assert write_document(read) == text
    assert read.digest == digest_of(text)


def test_a_file_says_head_preamble_and_tree() -> None:
    document = read_document("taisaku.md", TEXT)

    assert (document.id, document.kind, document.numbering) == (
        "taisaku",
        DocumentKind.CONTROL_STANDARD,
        Numbering.ARTICLES,
    )
    assert document.preamble == "この基準は、基本方針に基づいて定める。"
    assert [one.what for one in document.history] == ["制定", "改正"]
    assert document.statutory[0].published_on == date(2026, 4, 1)
    chapter, article, paragraph = document.clauses
    assert (chapter.label, chapter.title, chapter.parent) == ("第1章", "総則", "")
    assert article.links == (
        Link("mic-2025-03-6.2"),
        Link("mic-2025-03-6.3"),
        Link("mic-2025-03-6.1-8", LinkKind.PARTLY),
    )
    assert article.review == date(2026, 9, 30)
    assert article.text.splitlines()[2] == "| 区分 | 例 |"
    assert (paragraph.parent, paragraph.depth, paragraph.owner) == ("taisaku-a1", 3, "情報 課")
    assert paragraph.text == "# で始まる行も文である。"
    assert paragraph.where == "taisaku.md:32"
    assert document.number("taisaku-a1-2") == "第1条第2項"


def test_the_layout_of_a_file_does_not_change_its_digest() -> None:
    loose = (
        TEXT.replace("\n", "\r\n").replace("## 第1条 目的", "##  第1条\u3000目的 ").replace("owner: 区", "owner:  区")
    )
    assert read_document("a.md", "\ufeff" + loose).digest == read_document("b.md", TEXT).digest


def test_every_mistake_is_named_with_its_line() -> None:
    wrong = (
        TEXT.replace("kind: control_standard", "kind: standard")
        .replace("review: 2027-03-31\n", 'review: "2027-03-31"\n')
        .replace("# 第1章 総則 {#taisaku-c1}", "# 第1章 総則")
        .replace("{#taisaku-a1-2 ", "{#taisaku-a1 ")
        .replace("mic-2025-03-6.3", "6.3")
        .replace("review=2026-09-30", "review=2026-13-30")
        .replace('owner="情報 課"', "boss=課長")
    )
    found = mistakes(wrong)

    assert [one.split(":")[1].split()[0] for one in found] == ["4", "7", "22", "24", "24", "24", "32", "32"]
    assert "control_standard" in found[0]
    assert "2027-03-31 のように" in found[1]
    assert "{#id}" in found[2]
    assert "深すぎます" in " ".join(found)
    assert "boss=課長" in " ".join(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# 第1条 目的 {#a1}\n", "頭書きがありません"),
        ("", "頭書きがありません"),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n", "条文がありません"),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n# 1 x {#A 1}\n", "「A」は使えません"),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n# 1 x {#}\n", "「」は使えません"),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n# 1 x {#a}\n\x07\n", "U+0007"),
        ("---\nid: a\ntitle: [\nkind: plan\n---\n# 1 x {#a}\n", "YAML として読めません"),
        (
            "---\nid: a\ntitle: b\nkind: plan\n---\n# 1 x {#a implements=mic-2025-03-6.2 partly=mic-2025-03-6.2}\n",
            "二度",
        ),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n# 1 x {#a owner=a owner=b}\n", "「owner」が二度"),
        ("---\nid: a\ntitle: b\nkind: plan\n---\n#" + "x" * 5000 + "\n", "長すぎます"),
    ],
)
def test_what_cannot_be_a_document_is_refused_with_the_reason(text: str, said: str) -> None:
    assert said in "\n".join(mistakes(text))


def test_clauses_may_stand_deeper_than_markdown_knows() -> None:
    lines = ["---", "id: a", "title: b", "kind: plan", "---"]
    lines += [f"{'#' * depth} {depth} - {{#a{depth}}}" for depth in range(1, 10)]
    document = read_document("a.md", "\n".join(lines))
    assert document.clauses[-1].depth == 9
    assert document.clauses[-1].parent == "a8"
