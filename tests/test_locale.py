"""Every Japanese sentence in the program has an English one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from secops.locale import catalogue, gettext, use_language

ROOT = Path(__file__).parent.parent / "secops"


def marked_texts() -> dict[str, str]:
    """Japanese text → where it is marked, in code and in templates."""
    found: dict[str, str] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "gettext"}:
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found[argument.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    for path in ROOT.rglob("*.html"):
        for match in re.finditer(r"""_\(\s*(?:"([^"]*)"|'([^']*)')\s*[,)]""", path.read_text(encoding="utf-8")):
            found[match[1] or match[2]] = str(path.relative_to(ROOT))
    from secops.cli import SUMMARIES

    from secops.settings import _EXPECTED

    found |= dict.fromkeys(SUMMARIES.values(), "cli/__init__.py")
    return found | dict.fromkeys(_EXPECTED.values(), "settings.py")


def test_every_marked_text_is_translated():
    english = catalogue("en")
    missing = {text: where for text, where in marked_texts().items() if text not in english and not text.isascii()}
    assert missing == {}


def test_translations_keep_the_placeholders():
    wrong = {
        text: english
        for text, english in catalogue("en").items()
        if set(re.findall(r"\{(\w*)", text)) != set(re.findall(r"\{(\w*)", english))
    }
    assert wrong == {}


def test_japanese_unless_english_is_asked_for():
    text = "必要な設定がありません。"
    assert gettext(text) == text
    use_language("en")
    assert gettext(text) != text
    use_language("ja")
