"""Two releases of a rule collection held against each other, by rule id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from secops.siem.detect.yamls import check_depth, unfolds

_KINDS = ("detection", "correlation", "filter")
_SHOWN = ("title", "level", "status", "logsource", *_KINDS, "tags", "description", "falsepositives", "references")


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule document of a release, as far as a comparison needs it; ``kind`` is rule, correlation or filter."""

    id: str
    title: str
    level: str
    path: str
    document: Mapping[str, Any] = field(hash=False, repr=False)

    @property
    def kind(self) -> str:
        """What the document is."""
        return next((kind for kind in ("correlation", "filter") if kind in self.document), "rule")


@dataclass(frozen=True, slots=True)
class Change:
    """A rule that both releases have, and which of its keys differ."""

    before: Entry
    after: Entry
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a new release brings; each list in order of titles."""

    new: Sequence[Entry]
    changed: Sequence[Change]
    withdrawn: Sequence[Entry]
    unchanged: int


def entries(files: Iterable[tuple[str, str]]) -> dict[str, Entry]:
    """The rule documents of files given as (path, text), by id; of two with one id the first counts.

    Files that are no YAML, and documents that are no rules, are left out: compiling says what is wrong with them.
    """
    found: dict[str, Entry] = {}
    for path, text in files:
        try:
            check_depth(text)
            documents = list(yaml.load_all(text, yaml.CSafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        for number, document in enumerate(documents):
            if is_rule(document) and unfolds(document):
                identity = str(document.get("id") or document.get("name") or f"{path}#{number}")
                title = str(document.get("title") or identity)
                found.setdefault(identity, Entry(identity, title, str(document.get("level") or ""), path, document))
    return found


def is_rule(document: object) -> bool:
    """Whether a YAML document is a Sigma rule, correlation or filter."""
    return isinstance(document, dict) and any(kind in document for kind in _KINDS)


def compare(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Comparison:
    """New, changed and withdrawn rules; a file that only moved is unchanged."""
    changed = []
    for identity in before.keys() & after.keys():
        keys = _differing(before[identity].document, after[identity].document)
        if keys:
            changed.append(Change(before[identity], after[identity], keys))
    return Comparison(
        new=_sorted(after[identity] for identity in after.keys() - before.keys()),
        changed=sorted(changed, key=lambda change: (change.after.title, change.after.id)),
        withdrawn=_sorted(before[identity] for identity in before.keys() - after.keys()),
        unchanged=len(before.keys() & after.keys()) - len(changed),
    )


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    names = [*_SHOWN, *sorted((before.keys() | after.keys()) - set(_SHOWN) - {"id", "date", "modified"}, key=str)]
    return tuple(str(name) for name in names if before.get(name) != after.get(name))


def _sorted(found: Iterable[Entry]) -> list[Entry]:
    return sorted(found, key=lambda entry: (entry.title, entry.id))
