"""Which events a rule's logsource means, and which columns its fields are: `rules/logsources.yml`, read and checked.

The file has two lists. ``products`` gives field names and column prefixes that hold for all logsources of a product::

    products:
      windows: {fields: {EventID: event.code}, prefixes: [winlog.event_data.]}

``logsources`` maps a rule's (product, category, service) to conditions; several entries for the same three are
alternatives (process_creation: Sysmon 1, and Security 4688)::

    logsources:
      - {product: windows, category: process_creation, where: {event.code: 1}, fields: {Image: [a, b]}}
      - {category: database, unmapped: "no normalizer"}

A condition's value is a text, a number, a list (any of them), ``*`` as a wildcard, or null (must be missing).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import yaml

from secops.errors import Problem, RuleError
from secops.locale import _
from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.bound import Bound
from secops.siem.detect.cells import Columns
from secops.siem.detect.logsources import Logsource, LogsourceMap
from secops.siem.detect.specs import ANY, glob_spec
from secops.siem.detect.yamls import check_depth

_TOP = {"products", "logsources"}
_PRODUCT = {"fields", "prefixes"}
_NOTHING: tuple[dict[str, Columns], Columns] = ({}, ())
_ENTRY = {"product", "category", "service", "where", "fields", "prefixes", "unmapped"}


def read_logsources(text: str, path: str = "rules/logsources.yml") -> LogsourceMap:
    """Read the map.

    Raises:
        RuleError: the text is not YAML, or not of the shape above; every mistake is listed.
    """
    try:
        check_depth(text)
        document = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleError([yaml_problem(path, text, error)]) from error
    problems: list[Problem] = []
    if not isinstance(document, dict) or not _TOP.issuperset(document):
        raise RuleError([Problem(path, _("products と logsources だけを持つ YAML にしてください。"))])
    products = {}
    for name, raw in (document.get("products") or {}).items():
        if not isinstance(raw, dict) or not _PRODUCT.issuperset(raw):
            problems.append(Problem(f"{path}: {name}", _("書けるのは fields と prefixes だけです。")))
            continue
        products[name] = (_fields(raw.get("fields")), tuple(raw.get("prefixes") or ()))
    entries = []
    for number, raw in enumerate(document.get("logsources") or [], 1):
        where = f"{path}: logsources[{number}]"
        if not isinstance(raw, dict) or not _ENTRY.issuperset(raw):
            problems.append(Problem(where, _("書けるのは {keys} だけです。").format(keys=", ".join(sorted(_ENTRY)))))
            continue
        entries.extend(_entries(raw, products))
    if problems:
        raise RuleError(problems)
    return LogsourceMap(entries)


def _entries(raw: Mapping[str, Any], products: Mapping[str, tuple[dict[str, Columns], Columns]]) -> list[Logsource]:
    """One entry for each combination of the names given as lists."""
    names = [_listed(raw.get(part)) or [""] for part in ("product", "category", "service")]
    own = _fields(raw.get("fields"))
    tree, bounds = _condition(raw.get("where") or {})
    return [
        Logsource(
            key=(product, category, service),
            tree=tree,
            bounds=bounds,
            fields={**products.get(product, _NOTHING)[0], **own},
            prefixes=tuple(raw["prefixes"]) if "prefixes" in raw else products.get(product, _NOTHING)[1],
            unmapped=str(raw.get("unmapped") or ""),
        )
        for product, category, service in itertools.product(*names)
    ]


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _fields(raw: Any) -> dict[str, Columns]:
    return {str(name): tuple(_listed(columns)) for name, columns in (raw or {}).items()}


def _condition(where: Mapping[str, Any]) -> tuple[Any, tuple[Bound, ...]]:
    tree: list[Any] = ["and"]
    bounds: list[Bound] = []
    for column, wanted in where.items():
        if wanted is None:
            tree.append(["not", len(bounds)])
            bounds.append(Bound((column,), ANY))
            continue
        choices = []
        for text in _listed(wanted):
            parts: list[str | None] = []
            for number, piece in enumerate(text.split("*")):
                parts += [None] if number else []
                parts += [piece] if piece else []
            choices.append(len(bounds))
            bounds.append(Bound((column,), glob_spec(parts, cased=False)))
        tree.append(["or", *choices])
    return tree, tuple(bounds)
