"""Which modifiers may follow which: chains that mean something, and what to say of those that do not.

pySigma accepts some chains in silence that do nothing or the wrong thing (``re|contains``, ``startswith|endswith``,
``cased|base64``); here each is either given its one meaning or refused with the modifiers that are possible instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from secops.locale import _

ANCHORS = frozenset({"contains", "startswith", "endswith"})
ENCODERS = frozenset({"wide", "utf16le", "utf16be", "utf16"})
BASE64 = frozenset({"base64", "base64offset"})
FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
COMPARISONS = frozenset({"lt", "lte", "gt", "gte"})
TIME_PARTS = frozenset({"minute", "hour", "day", "week", "month", "year"})
LISTS = frozenset({"all", "neq"})
TEXTS = ANCHORS | ENCODERS | BASE64 | {"cased", "windash", "expand"}
ALONE = frozenset({"re", "cidr", "exists", "fieldref"}) | COMPARISONS | TIME_PARTS
ALL = TEXTS | ALONE | LISTS | frozenset(FLAGS)
KEYWORDS = (TEXTS - {"startswith", "endswith"}) | {"re", "all"} | frozenset(FLAGS)


def objection(chain: tuple[str, ...], *, keyword: bool) -> str:
    """Why this chain is refused, with what could stand there instead; empty where it is legal."""
    place = _first_wrong(chain, keyword)
    if place < 0:
        return ""
    before, modifier = chain[:place], chain[place]
    legal = following(before, keyword=keyword)
    if modifier not in ALL:
        near = get_close_matches(modifier.lower(), sorted(ALL), 1)
        hint = _("「{near}」のつもりなら直してください。").format(near=near[0]) if near else ""
        text = _("修飾子「{modifier}」はありません。{hint}ここで使えるのは {legal} です。")
        return text.format(modifier=modifier, hint=hint, legal=_listed(legal))
    if not before:
        text = _("キーワード(項目名のない検索語)に {modifier} は使えません。使えるのは {legal} です。")
        if not keyword:
            text = _("{modifier} は最初には使えません。使えるのは {legal} です。")
        return text.format(modifier=modifier, legal=_listed(legal))
    if not legal:
        text = _("{before} の後に {modifier} は使えません。{before} には何も続けられません。")
        return text.format(before="|".join(before), modifier=modifier)
    text = _("{before} の後に {modifier} は使えません。使えるのは {legal} です。{hint}")
    return text.format(before="|".join(before), modifier=modifier, legal=_listed(legal), hint=_hint(before, modifier))


@lru_cache(maxsize=4096)
def _first_wrong(chain: tuple[str, ...], keyword: bool) -> int:
    """The place of the first modifier that may not stand there, or -1."""
    places = (place for place, one in enumerate(chain) if one not in following(chain[:place], keyword=keyword))
    return next(places, -1)


def following(chain: Sequence[str], *, keyword: bool = False) -> frozenset[str]:
    """The modifiers that may come after a legal chain."""
    used = set(chain)
    rest = [modifier for modifier in chain if modifier not in LISTS]
    lists = LISTS - used
    if not rest:
        legal = ALL - frozenset(FLAGS) - used
        # `all` or `neq` alone: whatever takes a list of values can still follow.
        legal = legal - {"exists"} if chain else legal
    elif rest[0] == "re":
        flags = {FLAGS[modifier] for modifier in used & FLAGS.keys()}
        legal = frozenset(name for name, flag in FLAGS.items() if flag not in flags) | {"expand"} - used | lists
    elif rest[0] == "cidr":
        legal = frozenset({"expand"}) - used | lists
    elif rest[0] == "exists":
        legal = frozenset()
    elif rest[0] in COMPARISONS:
        legal = lists
    elif rest[0] in TIME_PARTS:
        legal = lists | (COMPARISONS if len(rest) == 1 else frozenset())
    elif "fieldref" in rest:
        legal = lists | (ANCHORS if not used & ANCHORS else frozenset())
    else:
        legal = _after_text(used, rest) | lists
    return legal & KEYWORDS if keyword else legal


def _after_text(used: set[str], rest: Sequence[str]) -> frozenset[str]:
    """What may follow modifiers of texts: values first (expand, windash), then encodings, then where it must stand."""
    legal = set(TEXTS - used)
    if used & (ENCODERS | BASE64):
        legal -= {"windash", "expand"}
    if used & ENCODERS:
        legal -= ENCODERS
    if "base64offset" in used:
        legal -= BASE64
    if used & ANCHORS:
        legal -= ANCHORS | ENCODERS | BASE64
    if list(rest) == ["cased"]:
        legal.add("fieldref")
    return frozenset(legal)


def in_order(chain: Sequence[str]) -> tuple[str, ...]:
    """A legal chain as pySigma does it right: ``cased`` behind what makes new texts, ``all`` and ``neq`` last.

    ``expand`` is done before and left out; ``utf16le`` is another word for ``wide``.
    """
    late = LISTS if "fieldref" in chain else LISTS | {"cased"}
    kept = ["wide" if modifier == "utf16le" else modifier for modifier in chain if modifier != "expand"]
    return tuple(sorted(kept, key=lambda modifier: (modifier in late, modifier in LISTS)))


def _hint(before: Sequence[str], modifier: str) -> str:
    used = set(before)
    if modifier in used:
        return _("同じ修飾子は 1 回だけ書きます。")
    if used & ANCHORS and modifier in ANCHORS:
        return _("どこかに含まれることを調べるなら contains だけを書きます。")
    if used & ANCHORS and modifier in ENCODERS | BASE64:
        return _("符号化は contains などより前に書きます。")
    if used & (ENCODERS | BASE64) and modifier in {"windash", "expand"}:
        return _("{modifier} は符号化より前に書きます。").format(modifier=modifier)
    if "re" in used and modifier in ANCHORS:
        return _("正規表現はもともと途中にも当てはまります。位置は ^ と $ で書きます。")
    if modifier in ALONE and not used & ALONE:
        return _("{modifier} は最初に書きます。").format(modifier=modifier)
    return ""


def _listed(modifiers: frozenset[str]) -> str:
    return ", ".join(sorted(modifiers))
