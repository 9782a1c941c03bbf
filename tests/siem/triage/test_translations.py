from __future__ import annotations

import ast
from pathlib import Path

import pytest

from secops import access, cli, locale
from secops.access.ports import ROLE_LABELS
from secops.siem import triage
from secops.siem.ports import STATE_LABELS, VERDICT_LABELS
from secops.siem.triage.manual import CATEGORIES
from secops.siem.triage.states import ACTION_LABELS
from secops.store import records

FOLDERS = [Path(module.__file__ or "").parent for module in (triage, access, records)]
FILES = [path for folder in FOLDERS for path in folder.rglob("*.py")]
FILES += [Path(cli.__file__).parent / name for name in ("alerts.py", "users.py")]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_text_for_people_has_its_english(path: Path):
    texts = {
        node.args[0].value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "_"
        and isinstance(node.args[0], ast.Constant)
    }
    assert texts <= set(locale.catalogue("en"))


def test_every_label_has_its_english():
    tables = (STATE_LABELS, VERDICT_LABELS, ACTION_LABELS, CATEGORIES, ROLE_LABELS)
    labels = {label for table in tables for label in table.values()} - {"CSIRT"}
    assert labels <= set(locale.catalogue("en"))
