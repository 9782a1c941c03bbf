"""pySigma processing pipelines (YAML): which field names, values and logsources a site's rules are meant to have.

Only transformations that change the rule itself are taken, from an explicit list: nothing that reads files, opens
addresses, runs commands or fills templates, and nothing about the queries of other products.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from secops.errors import Problem, RuleError
from secops.locale import _
from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.rulebook import Lines
from secops.siem.detect.vet import Placeholders
from secops.siem.detect.yamls import check_depth

TOP = ("name", "priority", "vars", "transformations", "allowed_backends")
PLACEHOLDERS = ("value_placeholders", "wildcard_placeholders")
ALLOWED = (
    "add_condition",
    "add_field",
    "case",
    "change_logsource",
    "convert_type",
    "detection_item_failure",
    "drop_detection_item",
    "field_name_mapping",
    "field_name_prefix",
    "field_name_prefix_mapping",
    "field_name_suffix",
    "hashes_fields",
    "map_string",
    "nest",
    "remove_field",
    "replace_string",
    "rule_failure",
    "set_custom_attribute",
    "set_field",
    "set_state",
    "set_value",
    "strict_field_mapping_failure",
    *PLACEHOLDERS,
)
_OUTSIDE = {"file_placeholders", "http_placeholders", "command_placeholders"}
_QUERIES = {"postprocessing", "finalizers"}
_CONDITIONS = ("rule_conditions", "detection_item_conditions", "field_name_conditions")
_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Pipelines:
    """All pipelines of a rulebook as one, in order of their priority, and the placeholders that they give values to."""

    pipeline: ProcessingPipeline | None = None
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wild: bool = False

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> SigmaError | None:
        """Change a rule in place; an error where a pipeline refuses it."""
        if self.pipeline is None:
            return None
        try:
            self.pipeline.apply(rule)
        except SigmaError as error:
            return error
        return None

    def with_site(self, site: Placeholders) -> Placeholders:
        """The placeholders of the pipelines and of the site; those of the site go first."""
        return Placeholders({**self.placeholders, **site.values}, wild=self.wild)


def read_pipelines(files: Sequence[tuple[str, str]]) -> Pipelines:
    """Read pipelines given as (path, text).

    Raises:
        RuleError: a file is not YAML, or asks for what is not on the list; every mistake is listed with its line.
    """
    problems: list[Problem] = []
    parsed: list[ProcessingPipeline] = []
    placeholders: dict[str, Sequence[str]] = {}
    wild = False
    for path, text in files:
        reader = _Reader(path, text)
        pipeline = reader.read()
        problems += reader.problems
        if pipeline is not None:
            parsed.append(pipeline)
        placeholders.update(reader.placeholders)
        wild |= reader.wild
    if problems:
        raise RuleError(problems)
    joined: ProcessingPipeline | None = None
    for pipeline in sorted(parsed, key=lambda one: one.priority):
        joined = pipeline if joined is None else joined + pipeline
    return Pipelines(joined, placeholders, wild)


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = Lines(text)
        self.problems: list[Problem] = []
        self.placeholders: dict[str, Sequence[str]] = {}
        self.wild = False

    def read(self) -> ProcessingPipeline | None:
        """The pipeline of the file; None where there was a mistake."""
        try:
            check_depth(self.text)
            document = yaml.load(self.text, yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.problems.append(yaml_problem(self.path, self.text, error))
            return None
        if not isinstance(document, dict) or not isinstance(document.get("transformations", []), list):
            self._tell((), _("パイプラインではありません(transformations の一覧を持つ YAML にしてください)。"))
            return None
        for key in document:
            if key in _QUERIES:
                text = _("{key} は使えません。ほかの製品の検索式を作るためのもので、この検知には当てはまりません。")
                self._tell((str(key),), text.format(key=key))
            elif key not in TOP:
                text = _("「{key}」は使えません。使えるのは {expected} です。")
                self._tell((str(key),), text.format(key=key, expected=", ".join(TOP)))
        items = document.get("transformations", [])
        self._check(items, ("transformations",))
        if self.problems:
            return None
        kept = [item for item in items if not self._placeholders(item, document.get("vars") or {})]
        try:
            return ProcessingPipeline.from_dict({**document, "transformations": kept})
        except (SigmaError, TypeError, ValueError, KeyError, AttributeError) as error:
            self._tell(("transformations",), " ".join(str(error).split()) or type(error).__name__)
            return None

    def _tell(self, place: Iterable[str | int], what: str) -> None:
        self.problems.append(Problem(f"{self.path}:{self.lines.at(tuple(place))}", what))

    def _check(self, items: Any, place: tuple[str | int, ...]) -> None:
        """Every transformation of a list must be on ours."""
        if not isinstance(items, list) or len(place) > 2 * _DEPTH:
            self._tell(place, _("transformations は一覧で書いてください(入れ子は {n} 段まで)。").format(n=_DEPTH))
            return
        for number, item in enumerate(items):
            here = (*place, number)
            kind = item.get("type") if isinstance(item, dict) else None
            if kind in _OUTSIDE:
                text = _("{kind} は使えません。パイプラインからファイル・ネットワーク・コマンドには触れさせません。")
                self._tell(here, text.format(kind=kind) + _("値は placeholders.yml に書いてください。"))
            elif kind not in ALLOWED or (kind in PLACEHOLDERS and len(place) > 1):
                text = _("変換「{kind}」は使えません。使えるのは {allowed} です。")
                self._tell(here, text.format(kind=kind, allowed=", ".join(ALLOWED)))
            elif kind == "nest":
                self._check(item.get("items"), (*here, "items"))

    def _placeholders(self, item: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
        """Whether a transformation is about placeholders; these are put in before pySigma reads the rules."""
        if item["type"] not in PLACEHOLDERS:
            return False
        chosen = set(item) - {"type", "id"}
        if any(item.get(name) for name in _CONDITIONS) or (item["type"] == "wildcard_placeholders" and chosen):
            text = _("{kind} に条件や include / exclude は付けられません(プレースホルダはすべてのルールで同じ値です)。")
            self._tell(("transformations",), text.format(kind=item["type"]))
            return True
        if item["type"] == "wildcard_placeholders":
            self.wild = True
            return True
        include, exclude = item.get("include"), item.get("exclude") or ()
        for name, raw in given.items():
            if name not in exclude and (include is None or name in include):
                self.placeholders[str(name)] = tuple(str(one) for one in (raw if isinstance(raw, list) else [raw]))
        return True
