"""Writes `docs/ja/commands.md` from the program itself: `make docs`. A test holds the two together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from secops.cli import SUMMARIES, secops

PATH = Path(__file__).parent / "ja" / "commands.md"
HEAD = """# コマンドの一覧

`make docs` がプログラムから作ります。手で書き換えないでください。

- `--site フォルダ` は環境変数 `SECOPS_SITE` でも指定できます。
- `--json` を付けると JSON で出力します。
- 終了コード: 0 正常、1 実行したが問題があった(内容は表示)、2 使い方の誤り。
- 表示を英語にするには環境変数 `SECOPS_LANG=en` を付けます。
"""


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def text() -> str:
    """The whole document."""
    parts = [HEAD]
    last = ""
    for path, command in leaves(secops):
        if path[0] != last:
            last = path[0]
            parts.append(f"## secops {last}\n\n{SUMMARIES[last]}。\n")
        parts.append(_section(path, command))
    return "\n".join(parts)


def _section(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name="secops " + " ".join(path))
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"### secops {' '.join(path)}", "", " ".join((command.help or "").split()), ""]
    lines += ["```", f"secops {' '.join(path)} {usage}", "```", ""]
    options = [record for option in command.params if (record := option.get_help_record(context))]
    if options:
        lines += ["| オプション | 意味 |", "| --- | --- |"]
        lines += [f"| `{names}` | {_cell(help_text)} |" for names, help_text in options]
        lines.append("")
    return "\n".join(lines)


def _cell(help_text: str) -> str:
    return " ".join(help_text.replace("|", "\\|").split())


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
