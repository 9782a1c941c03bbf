"""The compiled rulebook as plain data, and its cache.

Compiling 3,000 rules takes seconds, reading the compiled form a fraction of one. The cache file is JSON: a tampered one
can at worst make wrong rules, and it can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from secops.errors import Problem
from secops.locale import language
from secops.siem.detect.filters import CompiledFilter, decode_filters, encode_filters
from secops.siem.detect.specs import Spec

_FORMAT = "3"  # counts up whenever the compiled form or its meaning changes

KEPT = 8  # compiled rulebooks in one cache folder


@dataclass(frozen=True, slots=True)
class Meta:
    """What a rule document says about itself; the fields are those of `secops.siem.ports.Rule`."""

    id: str
    name: str
    title: str
    level: int
    title_ja: str = ""
    description: str = ""
    description_ja: str = ""
    tags: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    logsource: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule as the detector needs it.

    ``entries`` are indexes of the logsource map. A leaf is (selection, field, operator, pattern, number of its spec).
    """

    meta: Meta
    file: int
    entries: Sequence[int]
    leaves: Sequence[tuple[str, str, str, str, int]]
    tree: Any
    reason: str
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Compiled:
    """All rules and filters of a rulebook, the specs their leaves share, and mistakes that are in no rule."""

    rules: Sequence[CompiledRule]
    specs: Sequence[Spec]
    filters: Sequence[CompiledFilter] = ()
    problems: Sequence[Problem] = ()


def cache_key(
    files: Sequence[tuple[str, str]],
    logsources: str,
    placeholders: Mapping[str, Sequence[str]],
    pipelines: Sequence[tuple[str, str]],
) -> str:
    """The hash of all that a compiled rulebook is made from: texts, paths, logsource map, versions, language."""
    digest = hashlib.sha256()
    for part in (
        _FORMAT,
        language(),
        version("secops"),
        version("pysigma"),
        logsources,
        json.dumps([sorted((name, list(values)) for name, values in placeholders.items()), list(pipelines)]),
        *(part for pair in files for part in pair),
    ):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]


def _encode(compiled: Compiled) -> bytes:
    rules = [
        [
            asdict(rule.meta),
            rule.file,
            rule.entries,
            rule.leaves,
            rule.tree,
            rule.reason,
            [(problem.where, problem.what) for problem in rule.problems],
        ]
        for rule in compiled.rules
    ]
    return orjson.dumps({
        "specs": compiled.specs,
        "rules": rules,
        "filters": encode_filters(compiled.filters),
        "problems": [(problem.where, problem.what) for problem in compiled.problems],
    })  # fmt: skip


def _decode(data: Any) -> Compiled:
    rules = [
        CompiledRule(_meta(meta), file, entries, leaves, tree, reason, [Problem(*problem) for problem in problems])
        for meta, file, entries, leaves, tree, reason, problems in data["rules"]
    ]
    specs = [tuple(spec) for spec in data["specs"]]
    problems = [Problem(*problem) for problem in data["problems"]]
    return Compiled(rules, specs, decode_filters(data["filters"]), problems)


def _meta(raw: dict[str, Any]) -> Meta:
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Meta(**plain)


def read_cache(path: Path) -> Compiled | None:
    """What a cache file holds; None where there is none, or one that is not of the expected shape."""
    try:
        return _decode(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def write_cache(path: Path, compiled: Compiled) -> None:
    """Write beside and rename, so that nobody reads half a file; a cache that cannot be written is no harm.

    Of older ones the newest few stay: a folder may serve several sets of rules.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(_encode(compiled))
        beside.replace(path)
        for old in sorted(path.parent.glob("rules-*.json"), key=lambda one: -one.stat().st_mtime_ns)[KEPT:]:
            old.unlink()
