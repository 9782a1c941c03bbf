"""Correlation documents → resolved correlations, with every mistake and its line; a part of compiling a rulebook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from pyparsing import ParseException
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError

from secops.errors import Problem
from secops.locale import _
from secops.siem.detect.aggregate import KINDS, NUMERIC, TEMPORAL
from secops.siem.detect.compiled import CompiledRule
from secops.siem.detect.correlation_fields import FieldMapper, Fields
from secops.siem.detect.logsources import LogsourceMap
from secops.siem.detect.rulebook import Document, Lines

_KEYS = ("type", "rules", "generate", "group-by", "timespan", "aliases", "condition")
_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}
_TIMESPAN = re.compile(r"([0-9]{1,9})([smhdwMy])")
_WORDS = re.compile(r"\b(AND|OR|NOT)\b")
Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Draft:
    """A correlation as its document says it: references are as written."""

    index: int
    document: Document
    kind: str = ""
    refs: list[str] = field(default_factory=list)
    group_by: list[str] = field(default_factory=list)
    seconds: int = 0
    conditions: list[tuple[str, str]] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    percentile: int = 0
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)
    generate: bool = False
    tree: Any = None
    mistakes: list[tuple[Path, str]] = field(default_factory=list)
    found: list[int] = field(default_factory=list)  # indexes of the rules that ``refs`` mean
    renamed: dict[str, dict[int, str]] = field(default_factory=dict)  # ``aliases`` by index of rule

    def wrong(self, path: Path, what: str) -> None:
        """Note a mistake at a path below ``correlation``."""
        self.mistakes.append((("correlation", *path), what))

    def field_in(self, name: str, rule: int) -> str:
        """What a name is called in a rule that it refers to."""
        return self.renamed.get(name, {}).get(rule, name)


def compile_correlations(
    found: Sequence[tuple[int, Document]],
    named: Mapping[str, Sequence[int]],
    rules: list[CompiledRule],
    files: Sequence[tuple[str, str]],
    where: LogsourceMap,
    mapper: FieldMapper,
) -> list[dict[str, Any]]:
    """Read and resolve correlation documents, which stand in ``rules`` at the given indexes.

    ``named`` maps ids and names to indexes of rules, ``mapper`` has what pipelines do to field names. One that cannot
    run gets its reason in ``rules``; the others are returned as plain data, inner ones first (see
    `secops.siem.ports.Correlation`).
    """
    drafts = {index: _read(index, document) for index, document in found}
    for draft in drafts.values():
        _resolve(draft, named, rules)
    ordered: list[_Draft] = []
    left = dict(drafts)
    while ready := [one for one in left.values() if not any(ref in left for ref in one.found)]:
        for draft in ready:
            del left[draft.index]
            _map(draft, mapper)
            _check(draft, drafts, rules, where)
            _finish(draft, rules, files)
        ordered += ready
    for draft in left.values():
        names = ", ".join(rules[index].meta.title for index in left)
        draft.wrong(("rules",), _("相関ルールが互いを参照していて、終わりがありません: {names}").format(names=names))
        _finish(draft, rules, files)
    return [_plain(draft, rules) for draft in ordered if not rules[draft.index].reason]


# ------------------------------------------------------------------------------------------------------------ reading


def _read(index: int, document: Document) -> _Draft:
    draft = _Draft(index, document)
    raw = (document.correlation or {}).get("correlation")
    if not isinstance(raw, dict):
        draft.wrong((), _("correlation はキーと値の組で書いてください。"))
        return draft
    for key in raw:
        if key not in _KEYS:
            text = _("「{key}」は使えません。使えるのは {expected} です。")
            draft.wrong((str(key),), text.format(key=key, expected=", ".join(_KEYS)))
    draft.kind = str(raw.get("type", ""))
    if draft.kind not in KINDS:
        text = _("type「{kind}」は使えません。使えるのは {expected} です。")
        draft.wrong(("type",), text.format(kind=draft.kind, expected=", ".join(KINDS)))
    draft.refs = _texts(draft, raw, "rules")
    draft.group_by = _texts(draft, raw, "group-by")
    if not isinstance(raw.get("generate", False), bool):
        draft.wrong(("generate",), _("generate は true か false で書いてください。"))
    draft.generate = raw.get("generate") is True
    draft.seconds = _seconds(draft, raw.get("timespan"))
    draft.aliases = _aliases(draft, raw.get("aliases"))
    _condition(draft, raw.get("condition"))
    if not draft.refs:
        draft.wrong(("rules",), _("rules に、元になるルールの id か name を書いてください。"))
    return draft


def _texts(draft: _Draft, raw: Mapping[str, Any], key: str) -> list[str]:
    value = raw.get(key)
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item for item in items):
        draft.wrong((key,), _("{key} は文字列か、その一覧で書いてください。").format(key=key))
        return []
    if len(set(items)) != len(items):
        draft.wrong((key,), _("{key} に同じものが 2 回あります。").format(key=key))
    return list(dict.fromkeys(items))


def _seconds(draft: _Draft, value: Any) -> int:
    matched = _TIMESPAN.fullmatch(value) if isinstance(value, str) else None
    seconds = int(matched[1]) * _UNITS[matched[2]] if matched else 0
    if not 0 < seconds <= 10 * _UNITS["y"]:
        text = _(
            "timespan「{value}」は使えません。数字と s m h d w M y のどれかで、10 年までを書いてください(例: 10m)。"
        )
        draft.wrong(("timespan",), text.format(value="" if value is None else value))
    return seconds


def _aliases(draft: _Draft, value: Any) -> dict[str, dict[str, str]]:
    if value is None:
        return {}
    good = isinstance(value, dict) and all(
        isinstance(one, dict) and all(isinstance(name, str) for name in one.values()) for one in value.values()
    )
    if not good:
        draft.wrong(("aliases",), _("aliases は、別名ごとに「ルール: 項目名」の組で書いてください。"))
        return {}
    return {str(name): {str(ref): name_in for ref, name_in in one.items()} for name, one in value.items()}


def _condition(draft: _Draft, value: Any) -> None:
    if isinstance(value, str) and draft.kind in TEMPORAL:
        _expression(draft, value)
        return
    if value is None and draft.kind in TEMPORAL:
        draft.conditions = [("gte", str(len(draft.refs)))]
        return
    if not isinstance(value, dict):
        text = _("condition がありません。例: condition: {example}")
        draft.wrong(("condition",), text.format(example="{gte: 10}"))
        return
    for key, number in value.items():
        if key in _OPERATORS:
            if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
                draft.wrong(("condition", key), _("{key} には数を書いてください。").format(key=key))
            else:
                draft.conditions.append((key, str(number)))
        elif key not in {"field", "percentile"}:
            expected = ", ".join((*_OPERATORS, "field", "percentile"))
            text = _("「{key}」は使えません。使えるのは {expected} です。")
            draft.wrong(("condition", str(key)), text.format(key=key, expected=expected))
    if not draft.conditions and not draft.mistakes:
        draft.wrong(
            ("condition",), _("condition に {names} のどれかを書いてください。").format(names=", ".join(_OPERATORS))
        )
    _field(draft, value)


def _field(draft: _Draft, value: Mapping[str, Any]) -> None:
    needed = draft.kind == "value_count" or draft.kind in NUMERIC
    draft.fields = _texts(draft, value, "field")
    if needed and not draft.fields:
        draft.wrong(("condition",), _("{kind} には condition の field が必要です。").format(kind=draft.kind))
    if draft.kind in NUMERIC and len(draft.fields) > 1:
        draft.wrong(("condition", "field"), _("{kind} の field は 1 つだけ書いてください。").format(kind=draft.kind))
    if not needed and draft.fields:
        draft.wrong(("condition", "field"), _("{kind} に field は使いません。").format(kind=draft.kind))
    percent = value.get("percentile")
    if draft.kind == "value_percentile":
        if isinstance(percent, bool) or not isinstance(percent, int) or not 1 <= percent <= 100:
            draft.wrong(("condition",), _("value_percentile には condition の percentile(1 から 100)が必要です。"))
        else:
            draft.percentile = percent
    elif percent is not None:
        draft.wrong(("condition", "percentile"), _("percentile は value_percentile だけで使います。"))


def _expression(draft: _Draft, text: str) -> None:
    """A condition over rule names; ``temporal_ordered`` takes only their order from it."""
    try:
        parsed = SigmaExtendedCorrelationCondition.parse(_WORDS.sub(lambda word: word[0].lower(), text))
    except (SigmaError, ParseException, RecursionError) as error:
        what = " ".join(str(error).split())
        draft.wrong(("condition",), _("condition を読めません: {what}").format(what=what))
        return
    names = list(dict.fromkeys(_names(parsed)))
    if draft.refs and set(draft.refs) != set(names):
        both = ", ".join(sorted(set(draft.refs) ^ set(names)))
        draft.wrong(
            ("condition",), _("condition と rules の片方だけにあるルールがあります: {names}").format(names=both)
        )
        return
    draft.refs = draft.refs or names
    if draft.kind == "temporal":
        draft.tree = _tree(parsed, {name: index for index, name in enumerate(draft.refs)})
        return
    plain = isinstance(parsed, SigmaRuleReference) or (
        isinstance(parsed, CorrelationConditionAND) and all(isinstance(one, SigmaRuleReference) for one in parsed.args)
    )
    if not plain:
        draft.wrong(("condition",), _("temporal_ordered の condition には and だけを使えます。"))
    draft.refs, draft.conditions = names, [("gte", str(len(names)))]


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, SigmaRuleReference):
        yield node.reference
    elif isinstance(node, CorrelationConditionItem):
        for child in node.args:
            yield from _names(child)


def _tree(node: Any, places: Mapping[str, int]) -> Any:
    if isinstance(node, SigmaRuleReference):
        return places[node.reference]
    children = [_tree(child, places) for child in node.args]
    if isinstance(node, CorrelationConditionNOT):
        return ["not", *children]
    return ["and" if isinstance(node, CorrelationConditionAND) else "or", *children]


# ---------------------------------------------------------------------------------------------------------- resolving


def _resolve(draft: _Draft, named: Mapping[str, Sequence[int]], rules: Sequence[CompiledRule]) -> None:
    by_text: dict[str, int] = {}
    for number, ref in enumerate(draft.refs):
        index = _find(draft, ref, ("rules", number), named, rules)
        if index is not None:
            by_text[ref] = index
            draft.found.append(index)
    for name, mapping in draft.aliases.items():
        for ref, column in mapping.items():
            index = by_text.get(ref)
            if index is None:
                index = _find(draft, ref, ("aliases", name, ref), named, rules)
            if index is None:
                continue
            if index not in draft.found:
                text = _("別名の「{ref}」は rules にありません。")
                draft.wrong(("aliases", name, ref), text.format(ref=ref))
            draft.renamed.setdefault(name, {})[index] = column


def _find(
    draft: _Draft, ref: str, path: Path, named: Mapping[str, Sequence[int]], rules: Sequence[CompiledRule]
) -> int | None:
    """The rule that an id or name means; of several with a name, the one in the same file."""
    found = named.get(ref) or named.get(ref.lower()) or ()
    near = [index for index in found if rules[index].file == draft.document.file]
    chosen = found if len(found) == 1 else near
    if len(chosen) == 1:
        return chosen[0]
    text = (
        _("name「{ref}」のルールが {count} つあります。id で書いてください。")
        if found
        else _("「{ref}」という id・name のルールがありません。")
    )
    draft.wrong(path, text.format(ref=ref, count=len(found)))
    return None


def _map(draft: _Draft, mapper: FieldMapper) -> None:
    """Let the pipelines rename its fields, once those of the rules it refers to are renamed."""
    if draft.mistakes:
        return
    fields = Fields(draft.group_by, draft.fields, draft.renamed)
    found = mapper.mapped(draft.index, draft.document.correlation or {}, draft.found, fields)
    if isinstance(found, str):
        draft.wrong((), found)
        return
    draft.group_by, draft.fields = list(found.group_by), list(found.counted)
    draft.renamed = {name: dict(one) for name, one in found.aliases.items()}


def _check(draft: _Draft, drafts: Mapping[int, _Draft], rules: Sequence[CompiledRule], where: LogsourceMap) -> None:
    """Whether the rules it refers to can run, and know the fields it asks for."""
    for index in draft.found:
        if rules[index].reason:
            text = _("元のルール「{title}」が動きません: {reason}")
            draft.wrong(("rules",), text.format(title=rules[index].meta.title, reason=rules[index].reason))
    if draft.mistakes:
        return
    for path, names in ((("group-by",), draft.group_by), (("condition", "field"), draft.fields)):
        for name in names:
            for index in draft.found:
                for title, column in _unknown(index, draft.field_in(name, index), drafts, rules, where):
                    text = _("項目「{name}」を、ルール「{title}」のログに割り当てられません。")
                    draft.wrong(path, text.format(name=column, title=title))


def _unknown(
    index: int, name: str, drafts: Mapping[int, _Draft], rules: Sequence[CompiledRule], where: LogsourceMap
) -> Iterator[tuple[str, str]]:
    """Rules that do not know a field: an event rule in none of its logsources, a correlation in one below it."""
    inner = drafts.get(index)
    if inner is None:
        if not any(where.entries[entry].columns(name) for entry in rules[index].entries):
            yield rules[index].meta.title, name
    else:
        for below in inner.found:
            yield from _unknown(below, inner.field_in(name, below), drafts, rules, where)


def _finish(draft: _Draft, rules: list[CompiledRule], files: Sequence[tuple[str, str]]) -> None:
    """Put the mistakes into the rule."""
    path, text = files[draft.document.file]
    rule = rules[draft.index]
    if not draft.mistakes:
        return
    lines = Lines(text, draft.document.number)
    problems = [Problem(f"{path}:{lines.at(where)}", what) for where, what in draft.mistakes]
    reason = rule.reason or _("ルールに誤りがあります: {what}").format(what=draft.mistakes[0][1])
    rules[draft.index] = replace(rule, reason=reason, problems=[*rule.problems, *problems])


def _plain(draft: _Draft, rules: Sequence[CompiledRule]) -> dict[str, Any]:
    ids = [rule.meta.id for rule in rules]
    return {
        "rule_id": ids[draft.index],
        "kind": draft.kind,
        "refs": [ids[index] for index in draft.found],
        "group_by": draft.group_by,
        "seconds": draft.seconds,
        "conditions": draft.conditions,
        "aliases": {name: {ids[i]: column for i, column in one.items()} for name, one in draft.renamed.items()},
        "fields": draft.fields,
        "percentile": draft.percentile,
        "tree": draft.tree,
        "generate": draft.generate,
        "level": rules[draft.index].meta.level,
    }
