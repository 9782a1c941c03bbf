"""Every command is in the documents, and the documents are what the program says."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secops.cli import COMMANDS, SUMMARIES, secops

ROOT = Path(__file__).parent.parent


def generator():
    spec = importlib.util.spec_from_file_location("commands", ROOT / "docs" / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_md_is_what_the_program_says():
    written = (ROOT / "docs/ja/commands.md").read_text(encoding="utf-8")
    assert written == generator().text(), "run `make docs`"


def test_every_command_has_a_summary_and_help():
    assert list(COMMANDS) == list(SUMMARIES)
    for path, command in generator().leaves(secops):
        assert command.help, path


def test_documents_name_only_commands_and_options_that_exist():
    known = dict(generator().leaves(secops))
    for document in [ROOT / "README.md", *(ROOT / "docs/ja").glob("*.md"), ROOT / "rules/README.md"]:
        for line in re.findall(r"^secops .*$", document.read_text(encoding="utf-8"), re.MULTILINE):
            words = line.split("#")[0].split()[1:]
            path = next((tuple(words[:size]) for size in (2, 1) if tuple(words[:size]) in known), None)
            assert path, f"{document.name}: {line}"
            options = {name for option in known[path].params for name in [*option.opts, *option.secondary_opts]}
            used = {word.split("=")[0] for word in words if word.startswith("--")}
            assert used <= options | {"--help"}, f"{document.name}: {line}"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["alerts", "--help"]])
def test_the_real_program_answers(arguments):
    done = subprocess.run([sys.executable, "-m", "secops.cli", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "secops" in done.stdout


def test_wrong_usage_is_exit_code_2_and_says_what_to_do(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "secops.cli", "status"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "--site" in done.stderr
