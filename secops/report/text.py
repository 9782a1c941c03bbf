"""Log text on a page: nothing in it may act, hide or reorder what stands around it.

Escaping makes markup harmless; it does not stop characters that have no shape or that turn the writing direction
(Unicode TR36, "bidirectional text spoofing"). Those are shown by their code point instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from secops.locale import _

LONGEST = 2000  # characters of one value on a page; the rest is counted and said

# C0, DEL and C1 controls (tab and line feed are handled apart), soft hyphen, Arabic letter mark, zero-width and
# direction marks, line and paragraph separators, embeddings, overrides, isolates, invisible operators, byte order
# mark, interlinear annotation, tag characters, lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def _marked(text: str) -> Markup:
    """Escaped text with every unseen character as a small labelled box."""
    if _UNSEEN.search(text) is None:
        return escape(text)
    parts: list[Markup] = []
    end = 0
    for found in _UNSEEN.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<span class="ctl">U+{}</span>').format(f"{ord(found[0]):04X}"))
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def plain(value: object) -> str:
    """Text where markup is impossible (a page title, an SVG title): unseen characters as ``<U+202E>``."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", flat(value))


def flat(value: object) -> str:
    """A field's value as one text: list items joined by a comma, all that is no text as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(_json(item) if isinstance(item, list | tuple | dict) else flat(item) for item in value)
    if isinstance(value, dict):
        return _json(value)
    return "" if value is None else str(value)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return _("(入れ子が深すぎるため省略)")


def visible(value: object, limit: int = LONGEST) -> Markup:
    """Log text as safe HTML, isolated from the writing direction around it; what is cut is counted and said."""
    text = flat(value)
    if len(text) <= limit:
        return Markup("<bdi>") + _marked(text) + Markup("</bdi>")
    rest = _("…(先頭 {shown:,} 文字。全 {total:,} 文字)").format(shown=limit, total=len(text))
    return Markup('<bdi>{}</bdi><span class="faint">{}</span>').format(_marked(text[:limit]), rest)


def highlighted(value: str, pattern: str, operator: str, limit: int = LONGEST) -> Markup:
    """A value with the parts that met the pattern marked; the whole value where no literal part can be found in it.

    ``*`` and ``?`` in the pattern are wildcards; ``operator`` is the detector's word for how it was compared.
    """
    if operator in {"re", "cidr", "lt", "lte", "gt", "gte", "exists", "null"}:
        return Markup("<mark>{}</mark>").format(visible(value, limit))
    spans = _spans(value, [part for part in re.split(r"[*?]+", pattern) if part])
    if not spans or spans[-1][1] > limit:
        return Markup("<mark>{}</mark>").format(visible(value, limit))
    pieces: list[Markup] = []
    end = 0
    for begin, stop in spans:
        pieces += [_marked(value[end:begin]), Markup("<mark>{}</mark>").format(_marked(value[begin:stop]))]
        end = stop
    return Markup("<bdi>{}</bdi>{}").format(Markup("").join(pieces), visible(value[end:], max(limit - end, 0)))


def _spans(value: str, literals: Sequence[str]) -> list[tuple[int, int]]:
    """Where the literals stand in the value, in order; empty as soon as one is missing. Case is ignored."""
    spans: list[tuple[int, int]] = []
    end = 0
    for literal in literals:
        found = re.compile(re.escape(literal), re.IGNORECASE).search(value, end)
        if found is None:
            return []
        spans.append(found.span())
        end = found.end()
    return spans
