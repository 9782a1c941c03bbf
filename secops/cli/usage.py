"""What is wrong with a command line, in the reader's language: click says it in English only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

import click

from secops.locale import _

# What click's own types say of a value, and what we say instead.
_VALUES = (
    (r"(?P<value>.+) is not one of (?P<choices>.+)\.", "{value} は選べません。選べるのは {choices} です。"),
    (r"(?P<value>.+) is not a valid integer(?: range)?\.", "{value} は整数ではありません。"),
    (r"(?P<value>.+) is not a valid float(?: range)?\.", "{value} は数ではありません。"),
    (r"(?P<value>.+) is not in the range (?P<range>.+)\.", "{value} は範囲 {range} の外です。"),
    (r"\w+ (?P<value>'.+') does not exist\.", "{value} がありません。"),
    (r"\w+ (?P<value>'.+') is a file\.", "{value} はフォルダではなくファイルです。"),
    (r"\w+ (?P<value>'.+') is a directory\.", "{value} はファイルではなくフォルダです。"),
    (r"\w+ (?P<value>'.+') is not readable\.", "{value} を読む権限がありません。"),
    (r"\w+ (?P<value>'.+') is not writable\.", "{value} に書く権限がありません。"),
)
_EXTRA = re.compile(r"Got unexpected extra arguments? \((?P<extra>.+)\)", re.DOTALL)


def show(error: click.ClickException) -> None:
    """Write on standard error how the command is used, what was wrong, and where help is."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
    click.echo(_("エラー: {message}").format(message=said(error)), err=True)
    if context is not None and context.command.get_help_option(context) is not None:
        click.echo(_("説明: {command} --help").format(command=context.command_path), err=True)


def said(error: click.ClickException) -> str:
    """What is wrong, in one sentence or two; click's own words where it says something that is not known here."""
    if isinstance(error, click.NoSuchOption):
        return _("{name} という指定はありません。").format(name=error.option_name) + _instead(error.possibilities)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return _("{name} というコマンドはありません。").format(name=error.command_name) + _instead(_alike(error))
    if isinstance(error, click.MissingParameter):
        return _missing(error)
    if isinstance(error, click.BadParameter):
        return _bad(error)
    if isinstance(error, click.BadOptionUsage) and "requires" in error.message:
        return _("{name} の後に値を書いてください。").format(name=error.option_name)
    if isinstance(error, click.BadOptionUsage) and "does not take" in error.message:
        return _("{name} に値は書けません。").format(name=error.option_name)
    if found := _EXTRA.fullmatch(error.message):
        return _("余分な引数があります: {extra}").format(extra=found["extra"])
    if error.message == "Missing command.":
        return _("コマンドを指定してください。")
    return error.format_message()


def _alike(error: click.exceptions.NoSuchCommand) -> list[str]:
    group = error.cmd
    if error.ctx is None or not isinstance(group, click.Group):
        return []
    return get_close_matches(error.command_name, group.list_commands(error.ctx))


def _instead(possibilities: Sequence[str] | None) -> str:
    return _(" もしかして: {names}").format(names=", ".join(sorted(possibilities))) if possibilities else ""


def _missing(error: click.MissingParameter) -> str:
    text = _("{name} を指定してください。").format(name=_name(error))
    if error.param is not None and isinstance(error.param.type, click.Choice):
        choices = ", ".join(map(str, error.param.type.choices))
        text += _("選べるのは {choices} です。").format(choices=choices)
    return text


def _bad(error: click.BadParameter) -> str:
    for pattern, ours in _VALUES:
        if found := re.fullmatch(pattern, error.message, re.DOTALL):
            return f"{_name(error)}: {_(ours).format(**found.groupdict())}"
    return f"{_name(error)}: {error.message}"


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "")
    return error.param.get_error_hint(error.ctx).replace("'", "") if error.ctx else error.param.name or ""
