"""From a rule as pySigma parsed it to plain leaves and a plain tree (lists and strings: what the cache keeps).

A *leaf* is one value of one field: ``(selection, field, operator, pattern, spec)``; field is "" for a keyword. A *tree*
is an index of a leaf, or ``["and", …]``, ``["or", …]``, ``["not", tree]``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, cast

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    SigmaCondition,
)
from sigma.exceptions import SigmaError
from sigma.modifiers import reverse_modifier_mapping
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from secops.locale import _
from secops.siem.detect.specs import ANY, Spec, glob_spec, regex_spec

Tree = Any  # int | list, recursive, and JSON; None where a pipeline dropped what stood there
MAX_LEAVES = 20_000
_OPERATORS = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}
_ANCHORING = {"contains", "startswith", "endswith"}
_HIDDEN = {"all", "neq", "cased", "windash", "wide", "base64", "base64offset", "utf16", "utf16be", "fieldref"}


class UnsupportedError(Exception):
    """The rule asks for something the engine does not do; the message says what, ``about`` is the text in the rule."""

    def __init__(self, message: str, about: str = "") -> None:
        self.about = about
        super().__init__(message)


class Leaf(NamedTuple):
    """One value of one field of one selection; operator and pattern are for people."""

    selection: str
    field: str
    operator: str
    pattern: str
    spec: Spec


class Lowered(NamedTuple):
    """A rule's leaves and its conditions (several are alternatives) as one tree over their indexes."""

    leaves: list[Leaf]
    tree: Tree


def lower(detections: SigmaDetections) -> Lowered:
    """Translate the detections of a rule or filter that pySigma parsed without an error.

    Raises:
        UnsupportedError: too many values, or a regular expression that RE2 refuses.
        sigma.exceptions.SigmaError: the condition cannot be read.
    """
    work = _Lowering(detections)
    found = [work.condition(_parsed(condition.condition)) for condition in detections.parsed_condition]
    conditions = [tree for tree in found if tree is not None]
    if not conditions:
        raise UnsupportedError(_("パイプラインがすべての条件を取り除きました。"))
    return Lowered(work.leaves, _join("or", conditions))


@lru_cache(maxsize=4096)
def _parsed(condition: str) -> Any:
    """The tree of a condition, read only: pySigma makes a copy each time, and most rules say ``selection``."""
    no_detections = cast("SigmaDetections", None)  # only postprocessing looks at them
    return SigmaCondition(condition, no_detections).parse(postprocess=False)


def try_lower(detections: SigmaDetections) -> tuple[Lowered, Exception | None]:
    """The translation, or nothing and why there is none."""
    try:
        return lower(detections), None
    except UnsupportedError as error:
        return Lowered([], ["or"]), error
    except (SigmaError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return Lowered([], ["or"]), error


class _Lowering:
    """Collects leaves while the tree is built; a selection used twice is translated once."""

    def __init__(self, detections: SigmaDetections) -> None:
        self.detections = detections
        self.leaves: list[Leaf] = []
        self.done: dict[str, Tree] = {}

    def condition(self, node: Any) -> Tree:
        """A node of pySigma's unprocessed condition tree."""
        if isinstance(node, ConditionSelector):
            names = node.resolve_referenced_detections(self.detections)
            if not names:
                raise UnsupportedError(
                    _("condition の「{pattern}」に当てはまる選択がありません。").format(pattern=node.pattern)
                )
            word = "and" if node.cond_class is ConditionAND else "or"
            return _join(word, [self.selection(name.identifier) for name in names])
        if isinstance(node, ConditionIdentifier):
            return self.selection(node.identifier)
        assert isinstance(node, ConditionItem)
        children = [self.condition(child) for child in node.args]
        if isinstance(node, ConditionNOT):
            return None if children[0] is None else ["not", children[0]]
        assert isinstance(node, ConditionAND | ConditionOR)
        return _join("and" if isinstance(node, ConditionAND) else "or", children)

    def selection(self, name: str) -> Tree:
        """A named detection."""
        if name not in self.done:
            found = self.detections.detections.get(name)
            if found is None:
                raise UnsupportedError(_("condition の「{name}」は detection にありません。").format(name=name))
            self.done[name] = self.detection(found, name)
        return self.done[name]

    def detection(self, detection: SigmaDetection, name: str) -> Tree:
        """A map (all of it), or a list of maps (one of them)."""
        children = [
            self.detection(item, name) if isinstance(item, SigmaDetection) else self.item(item, name)
            for item in detection.detection_items
        ]
        return _join("and" if detection.item_linking is ConditionAND else "or", children)

    def item(self, item: SigmaDetectionItem, name: str) -> Tree:
        """A field with its values, or keywords."""
        modifiers = [reverse_modifier_mapping[modifier.__name__] for modifier in item.modifiers]
        values = item.value or [SigmaNull()]
        word = "and" if item.value_linking is ConditionAND else "or"
        tree = _join(word, [self.value(value, item, name, modifiers) for value in values])
        return ["not", tree] if item.negated else tree

    def value(self, value: SigmaType, item: SigmaDetectionItem, name: str, modifiers: list[str]) -> Tree:
        """One value; what stands for several (windash, base64offset) is one of them."""
        absent = False
        if isinstance(value, SigmaString):  # nearly all are
            spec = self.spec(value, item.field is None, modifiers)
        elif isinstance(value, SigmaExpansion):
            return _join("or", [self.value(part, item, name, modifiers) for part in value.values])
        else:
            absent = isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value)
            asks = not absent and not isinstance(value, SigmaExists)
            spec = self.spec(value, item.field is None, modifiers) if asks else ANY
        operator, pattern = _words(value, modifiers)
        self.leaves.append(Leaf(name, item.field or "", operator, pattern, spec))
        if len(self.leaves) > MAX_LEAVES:
            raise UnsupportedError(_("値が多すぎます({limit} 個まで)。").format(limit=MAX_LEAVES))
        leaf = len(self.leaves) - 1
        return ["not", leaf] if absent else leaf

    def spec(self, value: SigmaType, keyword: bool, modifiers: list[str]) -> Spec:
        """What the value asks for."""
        if isinstance(value, SigmaString):
            wrap = keyword and not _ANCHORING.intersection(modifiers)
            return glob_spec(_parts(value, wrap=wrap), cased=isinstance(value, SigmaCasedString))
        if isinstance(value, SigmaRegularExpression):
            return _regex_spec(_regex_text(value), _flags(value))
        if isinstance(value, SigmaTimestampPart):
            return ("part", value.timestamp_part.name.lower(), "eq", str(value.number))
        if isinstance(value, SigmaCompareExpression):
            number = value.number
            if isinstance(number, SigmaTimestampPart):
                return ("part", number.timestamp_part.name.lower(), _OPERATORS[value.op], str(number.number))
            return (_OPERATORS[value.op], str(number.number))
        if isinstance(value, SigmaNumber):
            return ("contains", str(value.number)) if keyword else ("num", str(value.number))
        if isinstance(value, SigmaBool):
            text = str(value.boolean).lower()
            return ("contains", text) if keyword else ("eq", text)
        if isinstance(value, SigmaCIDRExpression):
            return ("cidr", str(value.network))
        if isinstance(value, SigmaFieldReference):
            mode = {(True, True): "contains", (True, False): "starts", (False, True): "ends"}
            cased = "c" if "cased" in modifiers else ""
            return ("ref", value.field, mode.get((value.starts_with, value.ends_with), "eq"), cased)
        raise UnsupportedError(_("値の種類「{kind}」には対応していません。").format(kind=type(value).__name__))


def _join(word: str, children: list[Tree]) -> Tree:
    """Several trees as one; those that a pipeline dropped are left out, as if nobody had written them."""
    kept = [child for child in children if child is not None]
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else [word, *kept]


def _parts(value: SigmaString, *, wrap: bool) -> list[str | None]:
    """Literal texts, None for ``*``, "" for ``?``; a keyword may stand anywhere in its text."""
    parts: list[str | None] = []
    for part in value.s:
        if isinstance(part, str):
            if part:
                parts.append(part)
        elif part is SpecialChars.WILDCARD_MULTI:
            parts.append(None)
        else:  # a single wildcard: placeholders were put in before
            parts.append("")
    return [None, *parts, None] if wrap else parts


def _regex_text(value: SigmaRegularExpression) -> str:
    return str(value.regexp)


def _regex_spec(pattern: str, flags: str) -> Spec:
    try:
        return regex_spec(pattern, flags)
    except re2.error as error:
        found = error.args[0] if error.args else error
        what = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
        text = _("RE2 で使えない正規表現です: {what}。{hint}")
        hint = _("先読み・後読み・後方参照はありません。条件を分けるか、contains などで書き直してください。")
        if "perl operator" not in what and "escape sequence" not in what:
            hint = _("RE2 の書き方に直してください(繰り返しは 1,000 回まで)。")
        raise UnsupportedError(text.format(what=what[:200], hint=hint), pattern) from error


def _flags(value: SigmaRegularExpression) -> str:
    return "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))


def _words(value: SigmaType, modifiers: list[str]) -> tuple[str, str]:
    """Operator and pattern as a person would name them."""
    shown = [modifier for modifier in modifiers if modifier not in _HIDDEN]
    if isinstance(value, SigmaString):
        text = "".join(
            part if isinstance(part, str) else "*" if part is SpecialChars.WILDCARD_MULTI else "?" for part in value.s
        )
        if len(text) > 1 and _ANCHORING.intersection(shown):
            text = text[text.startswith("*") :]
            text = text[: -1 if len(text) > 1 and text.endswith("*") else None]
        return "|".join(shown) or "=", text
    if isinstance(value, SigmaNull):
        return "null", ""
    if isinstance(value, SigmaExists):
        return "exists", str(bool(value)).lower()
    if isinstance(value, SigmaRegularExpression):
        return "|".join(shown) or "re", _regex_text(value)
    if isinstance(value, SigmaFieldReference):
        return "|".join(["fieldref", *shown]), value.field
    if isinstance(value, SigmaCompareExpression):
        return "|".join(shown), str(value.number.number)
    if isinstance(value, SigmaCIDRExpression):
        return "cidr", str(value.network)
    return "|".join(shown) or "=", str(value)
