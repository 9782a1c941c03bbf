"""A tree of clauses as OSCAL sees it: groups above, controls, and parts of controls below."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from secops.isms.clauses.labels import Kind, label_of
from secops.isms.clauses.model import Change, Document, Edition, Numbering

NAMESPACE = "urn:secops:oscal"  # of the properties that OSCAL has no name for
_UNITS = {Kind.PART, Kind.CHAPTER, Kind.SECTION, Kind.SUBSECTION, Kind.DIVISION}
_GONE = "削除"  # an article that only holds its place


class Role(StrEnum):
    """What a clause is in a catalog; a mapping names controls and statements."""

    GROUP = "group"
    CONTROL = "control"
    PART = "part"


@dataclass(frozen=True)
class Node:
    """A clause of ours or of the guideline."""

    id: str
    label: str
    title: str
    text: str
    parent: str
    links: Sequence[tuple[str, str]] = ()  # guideline clause, relation
    props: Sequence[tuple[str, str]] = ()  # of our own namespace
    withdrawn: bool = False


@dataclass(frozen=True)
class Forest:
    """All clauses with their roles; ``children`` are by id, those at the top under the empty one."""

    nodes: Mapping[str, Node]
    children: Mapping[str, Sequence[str]]
    roles: Mapping[str, Role]
    order: Mapping[str, int] = field(default_factory=dict)

    @property
    def controls(self) -> list[str]:
        """The ids of all controls, in order."""
        return [key for key in self.nodes if self.roles[key] is Role.CONTROL]

    def control_of(self, key: str) -> str:
        """The control that a clause is or belongs to; empty for a group."""
        while key and self.roles[key] is Role.PART:
            key = self.nodes[key].parent
        return key if key and self.roles[key] is Role.CONTROL else ""

    def below(self, key: str) -> Iterator[str]:
        """All controls below a group."""
        for one in self.children.get(key, ()):
            if self.roles[one] is Role.CONTROL:
                yield one
            elif self.roles[one] is Role.GROUP:
                yield from self.below(one)


def forest_of_document(document: Document) -> Forest:
    """Chapters are groups, articles controls; without articles, what stands at the top is a group."""
    articles = document.numbering is Numbering.ARTICLES
    nodes = [
        Node(
            one.id,
            one.label,
            one.title,
            one.text,
            one.parent,
            [(link.guideline, link.kind.value) for link in one.links],
            [(name, value) for name, value in (("owner", one.owner), ("review", _day(one.review))) if value],
            withdrawn=one.text.strip() == _GONE,
        )
        for one in document.clauses
    ]

    def groups(node: Node, *, top: bool) -> bool:
        label = label_of(f"{node.label} x") if node.label else None
        if label is not None and label.kind in _UNITS:
            return True
        return top and not articles and not node.text

    return _forest(nodes, groups)


def forest_of_edition(edition: Edition) -> Forest:
    """Chapters are groups, what stands below them controls, the numbered points of those parts."""
    nodes = [
        Node(
            one.id,
            one.number,
            one.title,
            one.summary,
            one.parent,
            [(previous, "predecessor-version") for previous in one.previous],
            [
                (name, value)
                for name, value in (
                    ("change", one.change.value if one.change is not Change.SAME else ""),
                    ("change-note", one.note),
                    ("to-be-confirmed", "yes" if one.confirm else ""),
                )
                if value
            ],
        )
        for one in edition.clauses
    ]
    return _forest(nodes, lambda _node, *, top: top)


def _forest(nodes: Sequence[Node], groups: Any) -> Forest:
    children: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        children[node.parent].append(node.id)
    roles: dict[str, Role] = {}
    for node in nodes:
        above = roles.get(node.parent)
        if above in {Role.CONTROL, Role.PART}:
            roles[node.id] = Role.PART
        elif node.id in children and groups(node, top=above is None):
            roles[node.id] = Role.GROUP
        else:
            roles[node.id] = Role.CONTROL
    return Forest({node.id: node for node in nodes}, children, roles, {node.id: at for at, node in enumerate(nodes, 1)})


def _day(day: Any) -> str:
    return day.isoformat() if day else ""
