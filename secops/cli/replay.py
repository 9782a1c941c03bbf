"""`secops replay`: build events and hits anew from the journal."""

from __future__ import annotations

from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, progress_bar, site_option
from secops.cli.trace import note_list
from secops.errors import UsageError
from secops.locale import _


@click.command()
@click.option("--since", default=None, help="この時点より後に受信した分だけ(24h, 7d, 2026-11-23 など)")
@site_option
@json_option
def replay(since: str | None, site: Path, as_json: bool) -> None:
    """原本ログから、検索用データと検知をやり直す。担当・メモ・完了の記録は残る。"""
    from secops.schema.dates import parse_moment
    from secops.wiring import open_site
    from secops.wiring.replay import replay as run

    with open_site(site) as opened:
        try:
            moment = parse_moment(since, opened.now()) if since else None
        except ValueError as error:
            raise UsageError(f"--since: {error}") from None
        with progress_bar(_("やり直し"), sum(opened.journal.heads().values())) as seen:
            done = run(opened, moment, seen)
        note_list(opened, "", "replayed", f"since={since or '-'}", f"→ {done.records}")
    if as_json:
        emit_json(done)
        return
    text = _("{records:,} 件を読み直しました。検知 {hits:,} 件、アラート新規 {opened} 件・取消 {removed} 件")
    click.echo(text.format(records=done.records, hits=done.hits, opened=done.opened, removed=done.removed))
    if done.unconfirmed:
        text = _("いまのルールでは検知されないアラート {count} 件は、記録があるため残しました。")
        click.echo(text.format(count=done.unconfirmed))
