"""`secops ingest`: take in log files once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, json_option, plain, progress_bar, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.collect.ingest import FileReport
    from secops.wiring.ingest import Outcome


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--zone", required=True, help="ログの系統(secops.toml の zones にあるもの)")
@click.option("--format", "format_name", default=None, help="ログの形式(省略すると内容から判定)")
@click.option("--encoding", default=None, help="文字コード: utf-8, cp932, euc_jp, utf-16(省略すると判定)")
@click.option(
    "--timezone", default=None, help="時差の付いていない時刻のタイムゾーン(例: UTC。既定: secops.toml の site)"
)
@click.option("--source", default=None, help="収集元の id(既定: import-系統名)")
@click.option("--again", is_flag=True, help="取り込み済みのファイルでも、もう一度取り込む")
@site_option
@json_option
def ingest(
    files: tuple[Path, ...],
    zone: str,
    format_name: str | None,
    encoding: str | None,
    timezone: str | None,
    source: str | None,
    again: bool,
    site: Path,
    as_json: bool,
) -> None:
    """FILES(ファイルかフォルダ)を原本ログに入れ、解析と検知まで行う。"""
    from secops.wiring import open_site
    from secops.wiring.ingest import Job, ingest_files, total_bytes

    job = Job(files, zone, format_name, encoding, source, again, timezone)
    with open_site(site) as opened, progress_bar(_("取り込み"), total_bytes(job)) as advance:
        outcome = ingest_files(opened, job, advance)
    if as_json:
        emit_json({**plain(outcome), "files": [_file(report) for report in outcome.files]})
    else:
        _print(outcome)
    sys.exit(1 if outcome.problems else 0)


def _file(report: FileReport) -> dict[str, object]:
    members = [
        {"name": name, "format": guess.format, "encoding": guess.encoding, "reason": guess.reason}
        for name, guess in report.members
    ]
    return {**plain(report), "members": members}


def _print(outcome: Outcome) -> None:
    for report in outcome.files:
        if report.skipped:
            click.echo(_("{path}: 取り込み済みです(もう一度取り込むには --again)").format(path=report.path))
        for name, guess in report.members:
            text = _("{name}: 形式 {format}、文字コード {encoding}({reason})")
            click.echo(text.format(name=name, format=guess.format, encoding=guess.encoding, reason=guess.reason))
    text = _("取り込み {records:,} 件(収集元 {source})、アラート新規 {opened} 件・更新 {raised} 件")
    click.echo(
        text.format(
            records=outcome.records,
            source=outcome.source,
            opened=outcome.alerts_opened,
            raised=outcome.alerts_raised,
        )
    )
    if outcome.rejected:  # kept as they came, so nothing is wrong with the import
        text = _("{n} 件は解析できませんでした(原本のまま保管済み)。例: secops search 'event.kind:pipeline_error'")
        click.echo(text.format(n=outcome.rejected), err=True)
    for problem in outcome.problems:
        click.echo(problem, err=True)
