"""Every Japanese sentence in the program has an English one."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from secops.cli import secops
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
    from secops.wiring.backup import LEFT_OUT

    found |= dict.fromkeys(SUMMARIES.values(), "cli/__init__.py") | dict.fromkeys(LEFT_OUT.values(), "wiring/backup.py")
    return found | dict.fromkeys(_EXPECTED.values(), "settings.py")


def test_every_marked_text_is_translated():
    english = catalogue("en")
    missing = {text: where for text, where in marked_texts().items() if text not in english and not text.isascii()}
    assert missing == {}


def help_texts(command: click.Command, path: str = "secops") -> dict[str, str]:
    """Text of a command or option → whose it is."""
    texts = {inspect.cleandoc(command.help or ""): path}
    texts |= {one.help: f"{path} {one.opts[0]}" for one in command.params if isinstance(one, click.Option) and one.help}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            texts |= help_texts(below, f"{path} {name}")
    return texts


def test_every_help_text_is_translated():
    english = catalogue("en")
    missing = {text: where for text, where in help_texts(secops).items() if text not in english and not text.isascii()}
    assert missing == {}


@pytest.mark.parametrize("arguments", [["--help"], ["alerts", "--help"], ["hunt", "--help"], ["zones", "check", "-h"]])
def test_help_is_in_the_language_that_is_asked_for(arguments):
    def said(language: str) -> str:
        argv = [sys.executable, "-m", "secops.cli", *arguments]
        environment = {**os.environ, "SECOPS_LANG": language}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout

    assert re.findall(r"[぀-ヿ一-鿿]+", said("en")) in ([], ["区"])  # an example of a name
    assert not {"Usage:", "Options:", "Commands:", "Show this message and exit."} & set(re.split(r"\n|  +", said("ja")))


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
