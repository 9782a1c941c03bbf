"""`secops store`: size, compaction and retention of the searchable copy."""

from __future__ import annotations

from pathlib import Path

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _


@click.group()
def store() -> None:
    """検索用データ(原本ログの写し)の大きさ・整理・保存期間。"""


@store.command()
@site_option
@json_option
def stats(site: Path, as_json: bool) -> None:
    """件数・ファイル数・大きさ・期間を示す。"""
    from secops.schema.dates import dated
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.store.stats()
    if as_json:
        emit_json(found)
        return
    rows = [
        (_("件数"), f"{found.rows:,}"),
        (_("ファイル数"), f"{found.files:,}"),
        (_("大きさ(MB)"), f"{found.bytes / 1e6:,.1f}"),
        (_("最も古い時刻"), dated(found.oldest) if found.oldest else "-"),
        (_("最も新しい時刻"), dated(found.newest) if found.newest else "-"),
        (_("先頭だけを検索できる値がある記録"), f"{found.cut:,}"),
        (_("元の形では受け付けられなかった記録"), f"{found.refused:,}"),
    ]
    emit_table([_("項目"), _("値")], rows, right=[1])


@store.command()
@site_option
@json_option
def compact(site: Path, as_json: bool) -> None:
    """小さなファイルをまとめ、使われなくなったファイルを消す。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        done = dict(opened.store.compact())
    if as_json:
        emit_json(done)
        return
    text = _("{merged} 個のファイルを {written} 個にまとめ、不要な {vacuumed} 個を消しました。")
    click.echo(text.format(merged=done["merged"], written=done["written"], vacuumed=done["vacuumed"]))


@store.command()
@click.option("--before", default=None, help="この時点より前に受信した分を消す(省略すると設定の保存期間)")
@site_option
@json_option
def retain(before: str | None, site: Path, as_json: bool) -> None:
    """保存期間を過ぎたイベントを検索用データから消す。原本ログは消さない。"""
    from secops.schema.dates import parse_moment
    from secops.wiring import open_site

    with open_site(site) as opened:
        try:
            moment = parse_moment(before or opened.settings.retention.lake, opened.now())
        except (ValueError, OverflowError) as error:
            raise UsageError(f"--before: {error}") from None
        gone = opened.store.retain(moment)
    if as_json:
        emit_json({"before": moment, "removed": gone})
    else:
        click.echo(_("{gone:,} 件を検索用データから消しました。").format(gone=gone))
