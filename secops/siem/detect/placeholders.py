"""Values of placeholders (``expand``): ``placeholders.yml`` in rule folders, and those of the settings.

The file is a map of names to texts::

    domain_controllers: [DC01, DC02]
    admins: [adm_*, root]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from secops.errors import Problem
from secops.locale import _
from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.rulebook import Lines, is_placeholder_file
from secops.siem.detect.vet import Placeholders
from secops.siem.detect.yamls import check_depth

_NAME = re.compile(r"[^%\s]+")


def read_placeholders(
    files: Sequence[tuple[str, str]], own: Mapping[str, Sequence[str]]
) -> tuple[Placeholders, list[Problem]]:
    """The placeholders of a rulebook and every mistake in its files.

    A name in a later file goes before one in an earlier, and ``own`` (of the settings) before all.
    """
    values: dict[str, Sequence[str]] = {}
    problems: list[Problem] = []
    for path, text in files:
        if is_placeholder_file(path):
            found, wrong = _read(path, text)
            values.update(found)
            problems += wrong
    values.update({name: tuple(texts) for name, texts in own.items()})
    return Placeholders(values), problems


def _read(path: str, text: str) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    try:
        check_depth(text)
        document = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, [yaml_problem(path, text, error)]
    if document is None:
        return {}, []
    if not isinstance(document, dict):
        return {}, [Problem(f"{path}:1", _("「名前: 値の一覧」の組で書いてください。"))]
    lines = Lines(text)
    values: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name, raw in document.items():
        texts = _texts(raw)
        if not _NAME.fullmatch(str(name)):
            problems.append(Problem(f"{path}:{lines.of(str(name))}", _("名前に空白と % は使えません。")))
        elif not texts:
            what = _("「{name}」の値は、文字列か数の一覧(1 つ以上)で書いてください。").format(name=name)
            problems.append(Problem(f"{path}:{lines.of(str(name))}", what))
        else:
            values[str(name)] = texts
    return values, problems


def _texts(raw: Any) -> tuple[str, ...]:
    """The values as texts; none where something else is among them."""
    items = raw if isinstance(raw, list) else [raw]
    right = all(isinstance(item, str | int | float) and not isinstance(item, bool) and item != "" for item in items)
    return tuple(str(item) for item in items) if right else ()
