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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from secops.errors import Problem, RuleError
from secops.locale import _
from secops.schema.ecs import COLUMNS
from secops.siem.detect.cells import Columns
from secops.siem.detect.judge import Judge
from secops.siem.detect.plan import Bound
from secops.siem.detect.specs import ANY, glob_spec
from secops.siem.detect.yamls import check_depth

Key = tuple[str, str, str]  # product, category, service; "" where a rule does not say
_TOP = {"products", "logsources"}
_PRODUCT = {"fields", "prefixes"}
_NOTHING: tuple[dict[str, Columns], Columns] = ({}, ())
_ENTRY = {"product", "category", "service", "where", "fields", "prefixes", "unmapped"}


@dataclass(frozen=True, slots=True)
class Logsource:
    """One meaning of a logsource: the condition its events meet, and where its fields are.

    ``tree`` is over ``bounds`` as in `lower`. ``unmapped`` says why there is none.
    """

    key: Key
    tree: Any
    bounds: tuple[Bound, ...]
    fields: Mapping[str, Columns] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    unmapped: str = ""

    def may_be(self, known: Mapping[str, str | None]) -> bool:
        """Whether events of which some columns are known (None: missing) can meet the condition."""
        return _may_hold(self.tree, [_verdict(bound, known) for bound in self.bounds]) is not False

    def columns(self, name: str) -> Columns:
        """The columns of a field in order of preference; empty where the field is not known for this logsource."""
        if name in self.fields:
            return self.fields[name]
        if name in COLUMNS:
            return (name,)
        if self.prefixes:
            return tuple(name if name.startswith(prefix) else prefix + name for prefix in self.prefixes)
        return (name,) if "." in name else ()


@dataclass(frozen=True, slots=True)
class LogsourceMap:
    """All entries of the file, in its order."""

    entries: Sequence[Logsource]

    def find(self, key: Key) -> list[int]:
        """Indexes of the entries for exactly these three names."""
        return [index for index, entry in enumerate(self.entries) if entry.key == key]


def read_logsources(text: str, path: str = "rules/logsources.yml") -> LogsourceMap:
    """Read the map.

    Raises:
        RuleError: the text is not YAML, or not of the shape above; every mistake is listed.
    """
    try:
        check_depth(text)
        document = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise RuleError([Problem(where, _("YAML として読めません。"))]) from error
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


def _verdict(bound: Bound, known: Mapping[str, str | None]) -> bool | None:
    """Whether a predicate holds; None where its column is not known."""
    if len(bound.columns) != 1 or bound.columns[0] not in known:
        return None
    value = known[bound.columns[0]]
    return value is not None and bool(Judge({0: bound.spec})(value))


def _may_hold(tree: Any, truth: Sequence[bool | None]) -> bool | None:
    """A tree over predicates of which some are not known: its value, or None where that depends on them."""
    if isinstance(tree, int):
        return truth[tree]
    found = [_may_hold(child, truth) for child in tree[1:]]
    if tree[0] == "not":
        return None if found[0] is None else not found[0]
    decisive = tree[0] == "or"
    return decisive if decisive in found else None if None in found else not decisive
