"""``secops audit log``: what was done in the policy and audit wing, with its chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.store.records.trail import Broken, SqlTrail


def register(group: click.Group) -> None:
    """Add the command."""
    group.add_command(log)


@click.command()
@site_option
@click.option("--target", default="", help="この対象だけ(例: plan 2026-1)")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="新しい順に何件まで")
@click.option("--verify", is_flag=True, help="記録のつながり(ハッシュの連鎖)を確かめる")
@click.option(
    "--export", "path", type=click.Path(path_type=Path), help="すべてを JSON Lines に書き出し、つながりを確かめる"
)
@json_option
def log(site: Path, target: str, limit: int, verify: bool, path: Path | None, as_json: bool) -> None:
    """ポリシーと監査で行われたことの記録。追記だけができ、1 件ごとに前の記録とつながっている。"""
    from secops.schema.dates import dated
    from secops.wiring import open_site

    with open_site(site) as opened:
        trail = opened.desk.trail
        if path is not None:
            _export(trail, path)
        if verify or path is not None:
            _verdict(trail.verify(), as_json=as_json)
            return
        found = trail.entries(target=target, limit=limit)
    if as_json:
        emit_json(found)
        return
    emit_table(
        [_("番号"), _("日時"), _("操作した人"), _("操作"), _("対象"), _("内容")],
        [
            (one.number, dated(one.at), one.actor, one.action, one.target, json.dumps(one.detail, ensure_ascii=False))
            for one in found
        ],
    )


def _export(trail: SqlTrail, path: Path) -> None:
    from dataclasses import asdict

    from secops.store.records.codec import to_json

    with path.open("x", encoding="utf-8") as file:
        for entry in trail.all():
            file.write(to_json(asdict(entry)) + "\n")


def _verdict(found: Broken, *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
    elif found.number is None:
        text = _("{count} 件の記録はすべてつながっています(最後のハッシュ {head})。")
        click.echo(text.format(count=found.entries, head=found.head))
    else:
        text = _("番号 {number} の記録が前の記録とつながりません。データベースが書き換えられたおそれがあります。")
        click.echo(text.format(number=found.number), err=True)
    if found.number is not None:
        raise SystemExit(1)
