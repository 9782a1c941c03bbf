"""How a clause is cited, from the labels of the clauses above it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secops.isms.clauses.model import Numbering

_ARTICLE = re.compile(r"第.+条(?:の.+)?")
_BRACKETS = "()\uff08\uff09"  # both widths


def cite(numbering: Numbering, labels: Sequence[str]) -> str:
    """The citation of a clause with these labels, from the top of the document down.

    Rules of 条 are cited from the article on (``第12条第2項第1号ア``): chapters and sections do not identify it. A
    first paragraph has no number of its own; where an item stands right below an article, that is said without 項.
    """
    if numbering is not Numbering.ARTICLES:
        return " ".join(labels)
    start = next((at for at, label in enumerate(labels) if _ARTICLE.fullmatch(label)), None)
    if start is None:
        return " ".join(labels)
    return labels[start] + "".join(map(_part, labels[start + 1 :]))


def _part(label: str) -> str:
    bare = label.strip(_BRACKETS)
    if label.isdecimal():
        return f"第{bare}項"
    if bare.isdecimal() and bare != label:
        return f"第{bare}号"
    return label
