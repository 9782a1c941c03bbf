"""The command line: one file per command group, loaded only when its command is asked for."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from secops.cli.help import translated
from secops.errors import SecopsError
from secops.locale import _

# Command → module of this package that defines it under the command's name.
COMMANDS: dict[str, str] = {
    "init": "init",
    "demo": "demo",
    "run": "run",
    "status": "status",
    "config": "config",
    "ingest": "ingest",
    "hunt": "hunt",
    "search": "search",
    "replay": "replay",
    "alerts": "alerts",
    "morning": "morning",
    "journal": "journal",
    "collect": "collect",
    "rules": "rules",
    "zones": "zones",
    "inventory": "inventory",
    "policy": "policy",
    "audit": "audit",
    "users": "users",
    "store": "store",
    "notify": "notify",
    "backup": "backup",
    "restore": "backup",
    "doctor": "doctor",
}

# One line each for `secops --help`, here so that help needs no import of the command itself.
SUMMARIES: dict[str, str] = {
    "init": "サイト(設定・ログ保管・台帳の一式)を作る",
    "demo": "模擬の区でデモサイトを作り、動かす",
    "run": "収集・検知・画面をまとめて動かす",
    "status": "収集元・検知ルール・保管の状態を確かめる",
    "config": "設定を確かめる・表示する",
    "ingest": "ログファイルを一度だけ取り込む",
    "hunt": "サイトなしで、ファイルにルールを当てる",
    "search": "保管したイベントを検索する",
    "replay": "保管したログから検索用データと検知をやり直す",
    "alerts": "アラートの一覧・担当・完了",
    "morning": "朝の確認: 夕方から今までに起きたこと",
    "journal": "原本ログの一覧・表示・検証・封",
    "collect": "収集元の一覧・点検",
    "rules": "検知ルールの点検・試験",
    "zones": "系統(三層)と通信の点検",
    "inventory": "部署・職員・端末・システムの台帳",
    "policy": "情報セキュリティポリシー: ガイドライン・規程・改定の影響",
    "audit": "情報セキュリティ監査: 監査項目・採点・抽出",
    "users": "画面の利用者",
    "store": "検索用データの整理・保存期間",
    "notify": "通知の一覧・試験・当番表",
    "backup": "動いているサイトを 1 つのファイルに写す",
    "restore": "バックアップからサイトを戻す",
    "doctor": "機械とサイトの具合を調べ、直し方を示す",
}


# What a shell says of a program that SIGPIPE ended, as it does `cat` and `grep` in `… | head`. The signal itself stays
# ignored: it would also end a collector or a console whose peer hangs up.
CLOSED_PIPE = 141


class LazyGroup(click.Group):
    """A group that imports a command's module when the command runs, so that ``--help`` stays fast."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Read the arguments; this is where ``--help`` is written."""
        with _quiet_when_nobody_reads():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _quiet_when_nobody_reads():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command by name, or None."""
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"secops.cli.{name}"), cmd_name)
        assert isinstance(command, click.Command)
        return translated(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands with one line each, without importing them."""
        with formatter.section(_("コマンド")):
            formatter.write_dl([(name, _(SUMMARIES[name])) for name in COMMANDS])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="secops", message="secops %(version)s")
def secops() -> None:
    """自治体の情報セキュリティ運用(ログ収集・検知・監査)のための道具。"""


# New objects before a collection of garbage: with Python's 700, a twentieth of a one-shot job is spent looking for
# cycles that there are next to none of.
COLLECT_EVERY = 50_000


def main() -> None:
    """Be the program: `answer`, in a process of its own."""
    gc.set_threshold(COLLECT_EVERY, *gc.get_threshold()[1:])
    ended: list[int] = []
    atexit.register(_end_at_once, ended)  # registered first, so all other ends come before it
    try:
        answer()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            ended.append(end.code or 0)
        raise


def _end_at_once(ended: list[int]) -> None:
    """Leave without freeing a million objects one by one; how long that takes is seen at the end of every command."""
    if ended:
        with _quiet_when_nobody_reads():
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ended[0])


def answer() -> NoReturn:
    """Run the command line; a SecopsError becomes its message on standard error and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    # Not from within the handler: the traceback would keep what the command used alive, and libraries complain of that.
    code = _run()
    sys.exit(code)


def _run() -> int | str | None:
    try:
        end = translated(secops)(standalone_mode=False)  # the code of an early end such as --help
        return end if isinstance(end, int) else 0
    except SystemExit as end:
        return end.code
    except click.ClickException as error:
        from secops.cli.usage import show

        show(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(_("中止しました。"), err=True)
        return 1
    except SecopsError as error:
        click.echo(_("エラー: {message}").format(message=error), err=True)
        return error.exit_code
    except OSError as error:  # a full disk, a folder that may not be written: the user's to mend, not ours
        place = f"{error.filename}: " if error.filename else ""
        click.echo(_("エラー: {message}").format(message=f"{place}{error.strerror or error}"), err=True)
        return 1


@contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    """End the program without a word when the reader of its output has gone (``| head``); click would say 1."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what they still hold is flushed at the exit, and must not fail
            os.dup2(nowhere, stream.fileno())
        sys.exit(CLOSED_PIPE)
