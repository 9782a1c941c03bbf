"""How a clause is cited, from the labels of the clauses above it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from secops.isms.clauses.model import Numbering

_ARTICLE = re.compile(r"第.+条(?:の.+)?")
_KANJI = re.compile("[一二三四五六七八九十百]+")
_BRACKETS = "()\uff08\uff09"  # both widths


def cite(numbering: Numbering, labels: Sequence[str]) -> str:
    """The citation of a clause with these labels, from the top of the document down.

    Rules of 条 are cited from the article on (``第12条第2項第1号ア``): chapters and sections do not identify it. A
    first paragraph has no number of its own; where an item stands right below an article, that is said without 項.
    """
    if numbering is not Numbering.ARTICLES:
        return " ".join(label for label, below in zip_longest(labels, labels[1:]) if not _repeats(below, label))
    start = next((at for at, label in enumerate(labels) if _ARTICLE.fullmatch(label)), None)
    if start is None:
        return " ".join(labels)
    return labels[start] + "".join(map(_part, labels[start + 1 :]))


def _repeats(below: str | None, label: str) -> bool:
    """Whether the label below says this one too: 2―6―1 below 2―6."""
    return below is not None and below.startswith((f"{label}―", f"{label}."))


def _part(label: str) -> str:
    bare = label.strip(_BRACKETS)
    if bare == label and _KANJI.fullmatch(label):
        return f"第{bare}号"
    if label.isdecimal():
        return f"第{bare}項"
    if bare.isdecimal() and bare != label:
        return f"第{bare}号"
    return label
