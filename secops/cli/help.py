"""Help in the reader's language: commands keep their Japanese texts, and what is shown is a translated copy."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable

import click

from secops.locale import _


class _Formatter(click.HelpFormatter):
    """A help page whose own words, which click has in English only, are translated as well."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, _("使い方: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """The title of a part."""
        super().write_heading({"Options": _("オプション"), "Commands": _("コマンド")}.get(heading, heading))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Options or commands, and what they are for."""
        words = {
            "Show this message and exit.": _("この説明を表示して終わる"),
            "Show the version and exit.": _("版を表示して終わる"),
        }
        super().write_dl([(name, words.get(text, text)) for name, text in rows], col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


def translated(command: click.Command) -> click.Command:
    """A copy of a command whose help is in the language now in force; of a group, with the commands in it."""
    found = copy.copy(command)
    found.context_class = _Context
    found.help = _text(command.help)
    found.params = [_option(one) for one in command.params]
    if isinstance(found, click.Group):
        found.commands = {name: translated(one) for name, one in found.commands.items()}
    return found


def _option(parameter: click.Parameter) -> click.Parameter:
    if not isinstance(parameter, click.Option):
        return parameter
    found = copy.copy(parameter)
    found.help = _text(parameter.help)
    return found


def _text(japanese: str | None) -> str | None:
    return _(inspect.cleandoc(japanese)) if japanese else japanese
