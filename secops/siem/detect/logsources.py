"""Which events a rule's logsource means, and which columns its fields are (see `read_logsources`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from secops.schema.ecs import COLUMNS
from secops.siem.detect.bound import Bound
from secops.siem.detect.cells import Columns
from secops.siem.detect.judge import Judge
from secops.siem.detect.specs import Spec

Key = tuple[str, str, str]  # product, category, service; "" where a rule does not say


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
        return self.verdict(known) is not False

    def verdict(self, known: Mapping[str, str | None]) -> bool | None:
        """Whether such events meet it; None where that depends on other columns."""
        return _verdict(self.tree, self.bounds, known)

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


def _verdict(tree: Any, bounds: Sequence[Bound], known: Mapping[str, str | None]) -> bool | None:
    """`may_hold`, asking no more than it must: there are as many questions as entries times kinds of events."""
    if isinstance(tree, int):
        columns, spec, _other = bounds[tree]
        if len(columns) != 1 or columns[0] not in known:
            return None
        value = known[columns[0]]
        return value is not None and _meets(spec, value)
    word, *children = tree
    if word == "not":
        found = _verdict(children[0], bounds, known)
        return None if found is None else not found
    decisive, certain = word == "or", True
    for child in children:
        found = _verdict(child, bounds, known)
        if found is decisive:
            return decisive
        certain = certain and found is not None
    return not decisive if certain else None


@lru_cache(maxsize=4096)
def _meets(spec: Spec, value: str) -> bool:
    return bool(Judge({0: spec})(value))


def may_hold(tree: Any, truth: Sequence[bool | None]) -> bool | None:
    """A tree over predicates of which some are not known: its value, or None where that depends on them."""
    if isinstance(tree, int):
        return truth[tree]
    found = [may_hold(child, truth) for child in tree[1:]]
    if tree[0] == "not":
        return None if found[0] is None else not found[0]
    decisive = tree[0] == "or"
    return decisive if decisive in found else None if None in found else not decisive


def encode_logsources(where: LogsourceMap) -> list[Any]:
    """The map as JSON can hold it."""
    return [
        [one.key, one.tree, [list(bound) for bound in one.bounds], dict(one.fields), one.prefixes, one.unmapped]
        for one in where.entries
    ]


def decode_logsources(data: Sequence[Any]) -> LogsourceMap:
    """What `encode_logsources` made."""
    return LogsourceMap([
        Logsource(
            key=(key[0], key[1], key[2]),
            tree=tree,
            bounds=tuple(Bound(*map(tuple, bound)) for bound in bounds),
            fields={name: tuple(columns) for name, columns in fields.items()},
            prefixes=tuple(prefixes),
            unmapped=unmapped,
        )
        for key, tree, bounds, fields, prefixes, unmapped in data
    ])  # fmt: skip
