"""Every command is in the documents, and the documents are what the program says."""

from __future__ import annotations

import importlib.util
import os
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
            path = next((tuple(words[:size]) for size in (3, 2, 1) if tuple(words[:size]) in known), None)
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


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "secops.cli", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_a_folder_that_cannot_be_made_is_one_line():
    done = run("init", "/proc/nosuch/site", "--id", "ward")
    assert done.returncode == 1
    assert done.stderr.startswith("エラー: /proc/nosuch: ")
    assert done.stderr.count("\n") == 1


def test_settings_are_shown_as_they_could_be_written(tmp_path):
    from secops.settings import load, parse

    assert run("init", tmp_path / "site", "--id", "ward").returncode == 0
    path = tmp_path / "site" / "secops.toml"
    source = '[[sources]]\nid = "a"\nkind = "file"\npath = \'C:\\logs\\"x".log\'\n'
    paging = '[[notify.channels]]\nid = "c"\nkind = "command"\nargv = ["lamp"]\n'
    paging += '[[notify.people]]\nid = "p"\nname = "当番"\ncontacts = { c = "1" }\n'
    text = path.read_text().replace("[rules.disabled]", '[rules.disabled]\n"1.2" = "試験"')
    path.write_text(text + paging + source)
    shown = run("config", "show", "--site", tmp_path / "site")
    assert shown.returncode == 0
    assert parse(shown.stdout, "shown") == load(tmp_path / "site")


def test_a_hunt_without_rules_is_wrong_usage(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "a.log").write_text("x\n")
    done = run("hunt", tmp_path / "a.log", "-r", tmp_path / "rules")
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path / "rules") in done.stderr


def test_an_import_says_what_could_not_be_parsed_and_what_was_told_to_it(tmp_path):
    assert run("init", tmp_path / "site", "--id", "ward").returncode == 0
    (tmp_path / "a.json").write_text('{"a":1}\n{"a":\n')
    done = run("ingest", tmp_path / "a.json", "--zone", "lgwan", "--format", "json", "--site", tmp_path / "site")
    assert done.returncode == 0
    assert "指定された形式です" in done.stdout
    assert "1 件は解析できませんでした" in done.stderr
