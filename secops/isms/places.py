"""YAML with the line of every value, so that a mistake is named where an editor can jump to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from secops.errors import Problem
from secops.locale import _

MAX_DEPTH = 20  # the C parser recurses: a file of brackets must not end the program


class Unreadable(Exception):  # noqa: N818 - carries Problems to the reader of several files, is never shown itself
    """A file that is no YAML of ours; ``problems`` says where and why."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class Document:
    """One YAML document: its value, and the line of each part of it.

    Raises:
        Unreadable: no YAML, nested too deep, with aliases, or with a key that stands twice.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        try:
            _look(path, text)
            self._root = yaml.compose(text, yaml.CSafeLoader)
            doubled = list(_doubled(path, self._root))
            if doubled:
                raise Unreadable(*doubled)
            self.value: Any = SafeConstructor().construct_document(self._root) if self._root else None
        except (yaml.YAMLError, ValueError) as error:
            raise Unreadable(_problem(path, text, error)) from None

    def where(self, loc: Sequence[str | int]) -> str:
        """``file:line`` of a place such as ``("items", 3, "weight")``: of the deepest part of it that exists."""
        node, line = self._root, 1
        for part in loc:
            found = _below(node, part)
            if found is None:
                break
            line, node = found
        return f"{self.path}:{line}"


def _look(path: str, text: str) -> None:
    """Refuse what is too deep, and aliases: a small file of them is a huge one."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            what = _("別名(*)は使えません。同じ内容をもう一度書いてください。")
            raise Unreadable(Problem(_at(path, event), what))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                what = _("入れ子が深すぎます({limit} 段まで)").format(limit=MAX_DEPTH)
                raise Unreadable(Problem(_at(path, event), what))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _at(path: str, event: yaml.Event) -> str:
    return f"{path}:{event.start_mark.line + 1 if event.start_mark else 1}"


def _doubled(path: str, node: yaml.Node | None) -> list[Problem]:
    found = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                what = _("「{key}」が二度書かれています。").format(key=key.value)
                found.append(Problem(f"{path}:{key.start_mark.line + 1}", what))
            seen.add(str(key.value))
            found += _doubled(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _doubled(path, value)
    return found


def _below(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """Line and node of a part of a map or list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        value = node.value[part]
        return value.start_mark.line + 1, value
    return None


def _problem(path: str, text: str, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    place = getattr(error, "position", None)  # of a character that YAML forbids
    line = mark.line + 1 if mark else text.count("\n", 0, place) + 1 if isinstance(place, int) else 1
    line = min(line, text.count("\n") + 1)  # the parser finds an unclosed bracket after the end
    what = " ".join(str(getattr(error, "problem", None) or error).split())
    return Problem(f"{path}:{line}", _("YAML として読めません: {what}").format(what=what))
