"""A wrong command line is answered in the reader's language, with the exit code 2."""

from __future__ import annotations

import click
import pytest

from secops.cli.usage import _VALUES, said
from secops.locale import catalogue, use_language
from tests.e2e.here import run_here


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("hunt", "PATHS... を指定してください。"),
        ("hunt --fromat x", "--fromat という指定はありません。 もしかして: --format"),
        ("serch x", "serch というコマンドはありません。 もしかして: search"),
        ("search x --since", "--since の後に値を書いてください。"),
        ("search x --json=yes", "--json に値は書けません。"),
        ("hunt . --processes x", "--processes: 'x' は整数ではありません。"),
        ("hunt . --processes 0", "--processes: 0 は範囲 1<=x<=64 の外です。"),
        ("init a extra", "余分な引数があります: extra"),
        ("alerts lst", "lst というコマンドはありません。 もしかして: list"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_and_where_help_is(line, says):
    done = run_here(line.split())
    assert done.returncode == 2
    assert says in done.stderr
    assert "Error" not in done.stderr
    assert done.stdout == ""


def test_it_says_so_in_english_as_well(monkeypatch):
    monkeypatch.setenv("SECOPS_LANG", "en")
    use_language("en")
    try:
        error = click.NoSuchOption("--fromat", possibilities=["--format"])
        assert said(error) == "There is no option --fromat. Did you mean: --format"
    finally:
        use_language("ja")


def test_the_words_for_values_are_translated():
    assert {text for _pattern, text in _VALUES} <= catalogue("en").keys()
