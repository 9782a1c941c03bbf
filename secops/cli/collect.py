"""`secops collect`: the sources of logs, and whether each would work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.locale import _


@click.group()
def collect() -> None:
    """収集元(ログの取り込み口)の一覧と点検。"""


@collect.command("list")
@site_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """収集元の一覧と、最後に分かっている状態を示す。"""
    from secops.siem.collect.status import list_sources
    from secops.wiring import open_site

    with open_site(site) as opened:
        rows = list_sources(opened.settings, opened.folder)
    if as_json:
        emit_json(rows)
    else:
        headers = [_("収集元"), _("種別"), _("場所"), _("形式"), _("系統"), _("受信(今回)"), _("最終受信"), _("状態")]
        emit_table(headers, [_row(row) for row in rows], right=[5])
    sys.exit(1 if any(row["problem"] for row in rows) else 0)


def _row(row: dict[str, Any]) -> list[object]:
    state = row["problem"] or (_("収集中") if row["running"] else _("停止中"))
    return [
        row["id"],
        row["kind"],
        row["place"],
        row["format"],
        row["zone"],
        row["received"],
        row["last_received"],
        state,
    ]


@collect.command()
@click.argument("sources", nargs=-1)
@site_option
@json_option
def check(sources: tuple[str, ...], site: Path, as_json: bool) -> None:
    """SOURCES(省略するとすべて)の場所・ポート・形式・文字コードを、最初の 1 件で確かめる。"""
    from secops.siem.collect.checks import check_sources
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = check_sources(opened.settings, opened.folder, sources)
    if as_json:
        emit_json(found)
    else:
        headers = [_("収集元"), _("場所"), _("ファイル数"), _("形式"), _("文字コード"), _("最初の 1 件")]
        rows = [[one.id, one.place, one.files, one.format, one.encoding, one.sample[:100]] for one in found]
        emit_table(headers, rows, right=[2])
        for one in found:
            for problem in one.problems:
                click.echo(f"{one.id}: {problem}", err=True)
    sys.exit(1 if any(one.problems for one in found) else 0)
