"""`secops ingest`: take in log files once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, site_option
from secops.locale import _


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--zone", required=True, help="ログの系統(secops.toml の zones にあるもの)")
@click.option("--format", "format_name", default=None, help="ログの形式(省略すると内容から判定)")
@click.option("--encoding", default=None, help="文字コード: utf-8, cp932, euc_jp, utf-16(省略すると判定)")
@click.option("--source", default=None, help="収集元の id(既定: import-系統名)")
@click.option("--again", is_flag=True, help="取り込み済みのファイルでも、もう一度取り込む")
@site_option
@json_option
def ingest(
    files: tuple[Path, ...],
    zone: str,
    format_name: str | None,
    encoding: str | None,
    source: str | None,
    again: bool,
    site: Path,
    as_json: bool,
) -> None:
    """FILES(ファイルかフォルダ)を原本ログに入れ、解析と検知まで行う。"""
    from secops.wiring import open_site
    from secops.wiring.ingest import Job, ingest_files

    job = Job(files, zone, format_name, encoding, source, again)
    with open_site(site) as opened, _progress() as seen:
        summary = ingest_files(opened, job, seen)
    if as_json:
        emit_json(summary)
    else:
        for file in summary.files:
            click.echo(file.text)
        text = _("取り込み {records:,} 件、アラート新規 {opened}・更新 {raised}")
        click.echo(text.format(records=summary.records, opened=summary.alerts_opened, raised=summary.alerts_raised))
    for problem in summary.problems:
        click.echo(problem, err=True)
    sys.exit(1 if summary.problems else 0)


def _progress():  # type: ignore[no-untyped-def]
    raise NotImplementedError
