"""The compiled rulebook as plain data, and its cache.

Compiling 3,000 rules takes seconds, reading the compiled form a fraction of one. The cache file is JSON: a tampered one
can at worst make wrong rules, and it can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import orjson

from secops.errors import Problem
from secops.locale import language
from secops.siem.detect.bound import Bound
from secops.siem.detect.cells import Columns
from secops.siem.detect.filters import CompiledFilter, decode_filters, encode_filters
from secops.siem.detect.logsources import LogsourceMap, decode_logsources, encode_logsources
from secops.siem.detect.specs import Spec

_FORMAT = "12"  # counts up whenever the compiled form or its meaning changes

_LISTS = slice(7, 12)  # the fields of `Meta` that are tuples

KEPT = 8  # compiled rulebooks in one cache folder


Leaf = tuple[str, str, str, str, int]  # selection, field, operator, pattern, number of its spec
# What a rule is in one logsource entry: the predicate of each leaf, and its witness (see `conditions.witness`).
Asked = tuple[Sequence[int], Sequence[int] | None]


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

    ``entries`` are indexes of the logsource map, ``asked`` what the rule asks in each of them. A leaf is (selection,
    field, operator, pattern, number of its spec).
    """

    meta: Meta
    file: int
    entries: Sequence[int]
    leaves: Sequence[Leaf]
    tree: Any
    reason: str
    problems: Sequence[Problem]
    asked: Sequence[Asked] = ()

    def predicates(self, entry: int) -> Sequence[int]:
        """The predicate of each leaf in an entry."""
        return self.asked[self.entries.index(entry)][0]


@dataclass(frozen=True, slots=True)
class Compiled:
    """All rules, filters and correlations of a rulebook, specs of their leaves, and mistakes that are in no rule.

    ``bounds`` are the predicates that the rules ask, by number.
    """

    rules: Sequence[CompiledRule]
    specs: Sequence[Spec]
    filters: Sequence[CompiledFilter] = ()
    problems: Sequence[Problem] = ()
    correlations: Sequence[Mapping[str, Any]] = ()  # inner ones first; see `compile_correlations`
    bounds: Sequence[Bound] = ()


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
        *_versions("secops", "pysigma"),
        logsources,
        json.dumps([sorted((name, list(values)) for name, values in placeholders.items()), list(pipelines)]),
        *(part for pair in files for part in pair),
    ):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]


def _versions(*packages: str) -> list[str]:
    """The versions of installed packages, from the names of the folders that say so.

    `importlib.metadata` reads what is in them with the parser of e-mails, which takes a tenth of the start to import.
    """
    found: dict[str, str] = {}
    for place in sys.path:
        with suppress(OSError):
            for name in os.listdir(place or "."):  # noqa: PTH208 - names only, without a path for each
                package, dash, rest = name.partition("-")
                if dash and package in packages and name.endswith(".dist-info"):
                    found.setdefault(package, rest.removesuffix(".dist-info"))
    if len(found) < len(packages):
        from importlib.metadata import version

        found.update((package, version(package)) for package in packages if package not in found)
    return [found[package] for package in packages]


class PackedAsked(Sequence[Asked]):
    """What a rule from the cache asks, as it stands there: it is taken apart when an event may be of its logsource."""

    __slots__ = ("_asked", "_packed")

    def __init__(self, packed: str) -> None:
        self._packed = packed
        self._asked: Sequence[Asked] | None = None

    def _all(self) -> Sequence[Asked]:
        if self._asked is None:
            self._asked = orjson.loads(self._packed)
        return self._asked

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Asked: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Asked]: ...

    def __getitem__(self, index: int | slice) -> Asked | Sequence[Asked]:
        return self._all()[index]


class PackedLeaves(Sequence[Leaf]):
    """The leaves of a rule from the cache: numbers of texts, five to a leaf; most rules are never looked into."""

    __slots__ = ("_known", "_packed", "_texts")

    def __init__(self, packed: str, texts: Sequence[str]) -> None:
        self._packed = packed
        self._texts = texts
        self._known: Sequence[int] | None = None

    @property
    def _numbers(self) -> Sequence[int]:
        if self._known is None:
            self._known = orjson.loads(self._packed)
        return self._known

    def __len__(self) -> int:
        return len(self._numbers) // 5

    def asked(self) -> tuple[set[str], set[int]]:
        """See `asked_of`; without making the leaves."""
        return {self._texts[number] for number in set(self._numbers[1::5])}, set(self._numbers[4::5])

    def pairs(self) -> Iterator[tuple[str, int]]:
        """See `asked_pairs`; without making the leaves."""
        return zip(map(self._texts.__getitem__, self._numbers[1::5]), self._numbers[4::5], strict=True)

    def __iter__(self) -> Iterator[Leaf]:
        numbers, text = self._numbers, self._texts.__getitem__
        names = (map(text, numbers[place::5]) for place in range(4))
        return zip(*names, numbers[4::5], strict=True)

    @overload
    def __getitem__(self, index: int) -> Leaf: ...

    @overload
    def __getitem__(self, index: slice) -> list[Leaf]: ...

    def __getitem__(self, index: int | slice) -> Leaf | list[Leaf]:
        if isinstance(index, slice):
            return list(self)[index]
        *names, spec = self._numbers[5 * index : 5 * index + 5]
        selection, field_, operator, pattern = map(self._texts.__getitem__, names)
        return selection, field_, operator, pattern, spec


def asked_of(leaves: Sequence[Leaf]) -> tuple[set[str], set[int]]:
    """The fields that some leaves are about ("" for keywords), and the numbers of their specs."""
    if isinstance(leaves, PackedLeaves):
        return leaves.asked()
    return {leaf[1] for leaf in leaves}, {leaf[4] for leaf in leaves}


def asked_pairs(leaves: Sequence[Leaf]) -> Iterable[tuple[str, int]]:
    """Field ("" for keywords) and number of the spec of each leaf."""
    if isinstance(leaves, PackedLeaves):
        return leaves.pairs()
    return [(leaf[1], leaf[4]) for leaf in leaves]


def _encode(compiled: Compiled, where: LogsourceMap) -> bytes:
    texts: dict[str, int] = {}
    numbers = {spec: number for number, spec in enumerate(compiled.specs)}
    columns: dict[Columns, int] = {}

    def packed(leaves: Sequence[Leaf]) -> str:
        return orjson.dumps([
            number
            for *names, spec in leaves
            for number in (*(texts.setdefault(str(name), len(texts)) for name in names), spec)
        ]).decode()  # fmt: skip

    rules = [
        [
            [getattr(rule.meta, name) for name in Meta.__slots__],
            rule.file,
            rule.entries,
            packed(rule.leaves),
            rule.tree,
            rule.reason,
            [(problem.where, problem.what) for problem in rule.problems],
            orjson.dumps(list(rule.asked)).decode(),
        ]
        for rule in compiled.rules
    ]
    bounds = (
        [columns.setdefault(one.columns, len(columns)) for one in compiled.bounds],
        [numbers[one.spec] for one in compiled.bounds],
        [columns.setdefault(one.other, len(columns)) for one in compiled.bounds],
    )
    return orjson.dumps({
        "specs": compiled.specs,
        "rules": rules,
        "texts": list(texts),
        "columns": list(columns),
        "bounds": bounds,
        "filters": encode_filters(compiled.filters),
        "problems": [(problem.where, problem.what) for problem in compiled.problems],
        "correlations": compiled.correlations,
        "logsources": encode_logsources(where),
    })  # fmt: skip


def _decode(data: Any) -> tuple[Compiled, LogsourceMap]:
    texts = data["texts"]
    rules = [
        CompiledRule(
            _meta(meta),
            file,
            entries,
            PackedLeaves(leaves, texts),
            tree,
            reason,
            [Problem(*one) for one in problems],
            PackedAsked(asked),
        )
        for meta, file, entries, leaves, tree, reason, problems, asked in data["rules"]
    ]
    specs = list(map(tuple, data["specs"]))
    problems = [Problem(*problem) for problem in data["problems"]]
    columns = list(map(tuple, data["columns"]))
    mine, asked_spec, other = data["bounds"]
    column, spec = columns.__getitem__, specs.__getitem__
    parts = zip(map(column, mine), map(spec, asked_spec), map(column, other), strict=True)
    bounds = list(map(tuple.__new__, itertools.repeat(Bound), parts))  # as `Bound._make` does, in half the time
    compiled = Compiled(rules, specs, decode_filters(data["filters"]), problems, data["correlations"], bounds)
    return compiled, decode_logsources(data["logsources"])


def _meta(raw: Sequence[Any]) -> Meta:
    return Meta(*raw[: _LISTS.start], *map(tuple, raw[_LISTS]), *raw[_LISTS.stop :])


def read_cache(path: Path) -> tuple[Compiled, LogsourceMap] | None:
    """What a cache file holds; None where there is none, or one that is not of the expected shape."""
    try:
        return _decode(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError):
        return None


def write_cache(path: Path, compiled: Compiled, where: LogsourceMap) -> None:
    """Write beside and rename, so that nobody reads half a file; a cache that cannot be written is no harm.

    Of older ones the newest few stay: a folder may serve several sets of rules.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(_encode(compiled, where))
        beside.replace(path)
        for old in sorted(path.parent.glob("rules-*.json"), key=lambda one: -one.stat().st_mtime_ns)[KEPT:]:
            old.unlink()
