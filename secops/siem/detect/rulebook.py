"""Rule files as text → what each document says, and every mistake with its line. Nothing is opened or looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml
from sigma.exceptions import (
    SigmaConditionError,
    SigmaDetectionError,
    SigmaError,
    SigmaLogsourceError,
    SigmaModifierError,
    SigmaPlaceholderError,
    SigmaRegularExpressionError,
    SigmaTypeError,
    SigmaValueError,
)
from sigma.rule import SigmaRule

from secops.errors import Problem
from secops.locale import _
from secops.schema.severity import Severity
from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.compiled import Meta
from secops.siem.detect.regexes import restore
from secops.siem.detect.vet import Placeholders, RefusedError, vet
from secops.siem.detect.words import words
from secops.siem.detect.yamls import RuleLoader, check_depth, unfolds

SAMPLES_SUFFIX = ".samples.yml"
OWN_KEYS = {"title_ja", "description_ja", "clauses", "next_steps", "group_by"}
_TEXTS = ("title_ja", "description_ja")
# Stands in for detections that are refused, so that the other mistakes of the rule are found as well.
_HARMLESS = {"selection": {"field": "value"}, "condition": "selection"}
# A mistake of another kind (a date, a tag) is reported, but the rule can run.
FATAL = (
    SigmaConditionError,
    SigmaDetectionError,
    SigmaLogsourceError,
    SigmaModifierError,
    SigmaPlaceholderError,
    SigmaRegularExpressionError,
    SigmaTypeError,
    SigmaValueError,
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a rule file.

    ``sigma`` is the parsed rule, or None where ``reason`` says why it cannot run. ``problems`` are all its mistakes.
    ``filter`` is the raw document of a filter, which is no rule, ``correlation`` that of a correlation, which is one
    over others. ``name`` is what others may refer to it by.
    """

    file: int
    number: int
    meta: Meta
    sigma: SigmaRule | None
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    filter: dict[str, Any] | None = None
    correlation: dict[str, Any] | None = None
    name: str = ""


def is_placeholder_file(path: str) -> bool:
    """Whether a file of a rule folder holds the values of placeholders."""
    return PurePath(path).name in {"placeholders.yml", "placeholders.yaml"}


def read_rules(files: Sequence[tuple[str, str]], placeholders: Placeholders | None = None) -> Iterator[Document]:
    """All documents of rule files given as (path, text), in order; a broken file is one document with the reason.

    ``placeholders`` are put in where a rule says ``expand``. Files of placeholders are no rules and left out.
    """
    for number, (path, text) in enumerate(files):
        if not is_placeholder_file(path):
            yield from _read_file(number, path, text, placeholders or Placeholders())


def _read_file(file: int, path: str, text: str, placeholders: Placeholders) -> Iterator[Document]:
    try:
        check_depth(text)
        documents = [document for document in yaml.load_all(text, RuleLoader) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = yaml_problem(path, text, error)
        meta = Meta(id=path, name=PurePath(path).stem, title=PurePath(path).name, level=Severity.MEDIUM)
        yield Document(file, 0, meta, None, problem.what, (problem,))
        return
    aliased = "&" in text and "*" in text
    for number, document in enumerate(documents):
        if aliased and not unfolds(document):
            reason = _("別名(& と *)で大きくなりすぎます。別名を使わずに書いてください。")
            meta = Meta(
                id=f"{path}#{number}", name=PurePath(path).stem, title=PurePath(path).name, level=Severity.MEDIUM
            )
            yield Document(file, number, meta, None, reason, (Problem(f"{path}:1", reason),))
            continue
        yield _read_document(file, number, path, text, document, placeholders)


def _read_document(file: int, number: int, path: str, text: str, document: Any, placeholders: Placeholders) -> Document:
    stem = PurePath(path).stem if number == 0 else f"{PurePath(path).stem}-{number + 1}"
    if not isinstance(document, dict):
        reason = _("ルールではありません(title と detection を持つ YAML にしてください)。")
        meta = Meta(id=f"{path}#{number}", name=stem, title=PurePath(path).name, level=Severity.MEDIUM)
        return Document(file, number, meta, None, reason, (Problem(f"{path}:1", reason),))
    if "filter" in document:
        return Document(file, number, _meta(document, stem, {}), None, filter=document)
    lines = Lines(text, number)
    own, own_problems = _own_fields(document.get("secops"), path, lines)
    meta = _meta(document, stem, own)
    name = str(document.get("name") or "")
    if "action" in document:
        reason = _("action を使う古い書き方には対応していません。")
        return Document(file, number, meta, None, reason, own_problems)
    if "correlation" in document:
        return Document(file, number, meta, None, "", own_problems, correlation=document, name=name)
    sigma, errors = _parse(document, placeholders)
    problems = [Problem(f"{path}:{lines.of_error(error)}", words(error)) for error in errors]
    fatal = [error for error in errors if isinstance(error, FATAL) or not isinstance(error, SigmaError)]
    reason = _("ルールに誤りがあります: {what}").format(what=words(fatal[0])) if fatal else ""
    return Document(file, number, meta, None if fatal else sigma, reason, (*problems, *own_problems), name=name)


def _parse(document: dict[str, Any], placeholders: Placeholders) -> tuple[SigmaRule | None, list[Exception]]:
    known = {key: value for key, value in document.items() if key != "secops"}
    errors: list[Exception] = []
    patterns: Mapping[str, str] = {}
    if isinstance(known.get("detection"), dict):
        vetted = vet(known["detection"], "detection", placeholders)
        errors += vetted.mistakes
        patterns = vetted.patterns
        known["detection"] = _HARMLESS if errors else vetted.section
    try:
        rule = SigmaRule.from_dict(known, collect_errors=True)
    except (SigmaError, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError) as error:
        return None, [*errors, error]
    restore(rule.detection, patterns)
    return rule, [*errors, *rule.errors]


def _meta(document: Mapping[str, Any], stem: str, own: Mapping[str, Any]) -> Meta:
    title = str(document.get("title") or stem)
    logsource = document.get("logsource")
    try:
        level = Severity.parse(str(document.get("level") or "medium"))
    except ValueError:
        level = Severity.MEDIUM
    return Meta(
        id=str(document.get("id") or document.get("name") or stem),
        name=str(document.get("name") or stem),
        title=title,
        level=int(level),
        title_ja=own.get("title_ja") or title,
        description=str(document.get("description") or "").strip(),
        description_ja=(own.get("description_ja") or "").strip(),
        tags=_texts(document.get("tags")),
        clauses=own.get("clauses", ()),
        next_steps=own.get("next_steps", ()),
        false_positives=_texts(document.get("falsepositives")),
        group_by=own.get("group_by", ()),
        logsource={
            part: str(logsource[part])
            for part in ("product", "category", "service")
            if isinstance(logsource, dict) and logsource.get(part)
        },
    )


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(item) for item in value if item is not None)
    return () if value is None else (str(value),)


def _own_fields(raw: Any, path: str, lines: Lines) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """The ``secops:`` mapping of our own rules: texts, and lists of texts."""
    if raw is None:
        return {}, ()
    if not isinstance(raw, dict):
        return {}, (Problem(f"{path}:{lines.of('secops')}", _("secops はキーと値の組で書いてください。")),)
    own: dict[str, Any] = {}
    problems = []
    for key, value in raw.items():
        where = f"{path}:{lines.of('secops', str(key))}"
        if key not in OWN_KEYS:
            expected = ", ".join(sorted(OWN_KEYS))
            problems.append(
                Problem(
                    where,
                    _("secops.{key} は使えません。使えるのは {expected} です。").format(key=key, expected=expected),
                )
            )
        elif key in _TEXTS and isinstance(value, str):
            own[key] = value.strip()
        elif key in _TEXTS:
            problems.append(Problem(where, _("secops.{key} は文字列で書いてください。").format(key=key)))
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            own[key] = tuple(value)
        else:
            problems.append(Problem(where, _("secops.{key} は文字列の一覧で書いてください。").format(key=key)))
    return own, tuple(problems)


class Lines:
    """Where things stand in a YAML text; the text is only looked at again when there is something to report."""

    def __init__(self, text: str, document: int = 0) -> None:
        self._text = text
        self._document = document
        self._root: yaml.Node | None = None
        self._read = False

    def of(self, *path: str) -> int:
        """The line (from 1) of a key by its path, or of the deepest part of the path that exists."""
        node = self._node()
        line = node.start_mark.line + 1 if node else 1
        for part in path:
            pair = next((pair for pair in _pairs(node) if pair[0].value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        return line

    def item(self, key: str, number: int, *below: str) -> int:
        """The line of an item of the list under a top-level key, or under keys ``below`` it."""
        node = self._node()
        for part in (key, *below):
            node = next((value for name, value in _pairs(node) if name.value == part), None)
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        return items[number].start_mark.line + 1 if number < len(items) else self.of(key, *below)

    def at(self, path: Sequence[str | int]) -> int:
        """The line of what a path of keys and list positions leads to, or of the deepest part of it that exists."""
        node = self._node()
        line = node.start_mark.line + 1 if node else 1
        for part in path:
            if isinstance(part, int):
                items = node.value if isinstance(node, yaml.SequenceNode) else []
                node = items[part] if part < len(items) else None
                line = node.start_mark.line + 1 if node else line
                continue
            pair = next((pair for pair in _pairs(node) if pair[0].value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        return line

    def of_error(self, error: Exception, part: str = "detection") -> int:
        """The line of what an error is about: the key its kind names, or the longest text of it the message quotes.

        ``part`` is the top-level key under which the detections stand.
        """
        if isinstance(error, RefusedError):
            return self.at(error.path)
        kind = type(error).__name__.removeprefix("Sigma").removesuffix("Error").lower()
        if kind == "condition":
            return self.of(part, "condition")
        for key in ("title", "level", "status", "logsource", "description", "date", "modified", "references", "tags"):
            if kind.startswith(key):
                return self.of(key)
        for key, of_kind in (("id", "identifier"), ("falsepositives", "falsepositives"), ("related", "related")):
            if kind == of_kind:
                return self.of(key)
        return self._quoted(getattr(error, "about", "") or str(error), part)

    def _quoted(self, message: str, part: str) -> int:
        best = (0, self.of(part))
        root = self._node()
        detection = next((value for key, value in _pairs(root) if key.value == part), None)
        for scalar in _scalars(detection):
            parts = [scalar.value, *scalar.value.split("|")[1:]]
            size = max((len(part) for part in parts if len(part) > 1 and part in message), default=0)
            if size > best[0]:
                best = (size, scalar.start_mark.line + 1)
        return best[1]

    def _node(self) -> yaml.Node | None:
        if not self._read:
            self._read = True
            nodes = list(yaml.compose_all(self._text, yaml.CSafeLoader))
            self._root = nodes[self._document] if self._document < len(nodes) else None
        return self._root


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _scalars(node: yaml.Node | None) -> Iterable[yaml.ScalarNode]:
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, yaml.ScalarNode):
            yield item
        elif isinstance(item, yaml.MappingNode):
            pending.extend(part for pair in item.value for part in pair)
        elif isinstance(item, yaml.SequenceNode):
            pending.extend(item.value)
