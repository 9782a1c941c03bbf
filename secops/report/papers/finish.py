"""The last touch of a paper: brackets and comma as papers have them, large letters for what is shown on a wall."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from secops.isms.audit.paper_style import PaperKind
from secops.report.papers.model import Order, Paper

_WORDS = {
    "text",
    "title",
    "caption",
    "alt",
    "head",
    "rows",
    "items",
    "to",
    "sender",
    "subtitle",
    "author",
    "blocks",
    "cover",
}
_BRACKETS = re.compile(r"\(([^()]*)\)")
_LABEL = re.compile(r"[0-9０-９]{1,3}|[ぁ-ヿ]|[a-zA-Z]|[①-⑳]")
_JAPANESE = re.compile(r"[\u3005-\u30ff\u3400-\u9fff\uff00-\uffef]")
_WALL = 14.0  # points: 講評資料 is shown on a screen
T = TypeVar("T")


def sized(order: Order) -> Order:
    """The order with letters large enough for the kind of paper."""
    if order.kind is not PaperKind.BRIEFING or order.style.size >= _WALL:
        return order
    return replace(order, style=replace(order.style, size=_WALL))


def finished(paper: Paper) -> Paper:
    """The paper with wide brackets and the ward's comma; words of others (quotes) keep their own."""
    comma = paper.order.style.comma
    return _mapped(paper, lambda text: bracketed(text).replace("、", comma))


def bracketed(text: str) -> str:
    """Wide brackets around words and behind them; numbers such as (1) and (ア), and Latin text, keep narrow ones."""
    return _BRACKETS.sub(_widened, _BRACKETS.sub(_widened, text))  # the inner ones first


def _widened(match: re.Match[str]) -> str:
    inner = match[1]
    if _LABEL.fullmatch(inner) or not (_JAPANESE.search(inner) or _JAPANESE.search(match.string[: match.start()][-1:])):
        return match[0]
    return f"（{inner}）"


def _mapped(value: T, change: Callable[[str], str]) -> T:
    """The value with every word of it changed."""
    changed: Any = value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, tuple):
        changed = tuple(_mapped(one, change) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        if getattr(value, "quote", False) or getattr(value, "kind", "") == "quote":
            return value
        parts = {one.name: getattr(value, one.name) for one in fields(value) if one.name in _WORDS}
        changed = replace(value, **{name: _mapped(part, change) for name, part in parts.items()})
    return changed  # type: ignore[no-any-return]  # the same type as what came in
