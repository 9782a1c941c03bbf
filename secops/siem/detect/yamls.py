"""A look at YAML before it is loaded: the C loader recurses, and a file of brackets would end the whole program."""

from __future__ import annotations

import re
from typing import Any

import yaml
from sigma.rule import SigmaYAMLLoader

from secops.locale import _

MAX_DEPTH = 50
MAX_NODES = 200_000  # of a document with its aliases unfolded
_MERGE = "tag:yaml.org,2002:merge"
_INDENT = re.compile(rf"^[ \-?]{{{2 * MAX_DEPTH},}}", re.MULTILINE)


class RuleLoader(SigmaYAMLLoader):
    """pySigma's loader, which refuses keys that stand twice, without constructing every key twice to find them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; see `SigmaYAMLLoader`."""
        if any(key.tag == _MERGE for key, _value in node.value):
            return super().construct_mapping(node, deep)
        mapping = yaml.CSafeLoader.construct_mapping(self, node, deep)
        if len(mapping) < len(node.value):
            raise _doubled(self, node)
        return mapping


class TooDeepError(yaml.MarkedYAMLError):
    """Lists and maps within each other without end."""

    in_our_words = True  # see `yaml_problem`


class DoubledError(yaml.MarkedYAMLError):
    """A key that stands twice in a map."""

    in_our_words = True


def _doubled(loader: RuleLoader, node: yaml.MappingNode) -> DoubledError:
    seen: set[Any] = set()
    for key, _value in node.value:
        name = loader.construct_object(key, deep=True)
        if name in seen:
            problem = _("「{key}」が 2 回書かれています。片方を消すか、1 つにまとめてください。").format(key=name)
            return DoubledError(problem=problem, problem_mark=key.start_mark)
        seen.add(name)
    raise AssertionError("a map that is shorter than its nodes has a key twice")


def check_depth(text: str) -> None:
    """Refuse what is nested deeper than any rule is.

    A text without many brackets or much indentation cannot be, and is not read for this.

    Raises:
        TooDeepError: with the place.
        yaml.YAMLError: the text is not YAML.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH and not _INDENT.search(text):
        return
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                problem = _("入れ子が深すぎます({limit} 段まで)").format(limit=MAX_DEPTH)
                raise TooDeepError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]  # stubs: the mark of C is no Mark
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def unfolds(document: object) -> bool:
    """Whether a loaded document is of a size that can be walked: aliases make a small file large, or endless."""
    pending = [document]
    count = 0
    while pending:
        count += 1
        if count > MAX_NODES:
            return False
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list | tuple | set):
            pending.extend(item)
    return True
