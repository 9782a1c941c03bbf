"""``secops journal``: the raw records as they were received, and the proof that nobody changed them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import NotFoundError, UsageError
from secops.locale import _

STATES = {"open": "書き込み中", "closed": "封印待ち", "sealed": "封印済み", "removed": "削除済み"}


@click.group(help=_("原本ログの一覧・表示・検証"))
def journal() -> None:
    """The group of the commands below."""


@journal.command("list", help=_("区間(封印の単位)の一覧"))
@site_option
@json_option
def list_(site: Path, *, as_json: bool) -> None:
    """All segments with what is in them."""
    from secops.schema.dates import screen
    from secops.wiring import open_site

    segments = open_site(site).journal.segments()
    if as_json:
        emit_json(segments)
        return
    headers = [
        _("区間"),
        _("状態"),
        _("受信 最初"),
        _("受信 最後"),
        _("件数"),
        _("元の大きさ"),
        _("保存"),
        _("ハッシュ"),
    ]
    rows = [
        (
            one.number,
            _(STATES[one.state]),
            screen(one.first_received) if one.first_received else "",
            screen(one.last_received) if one.last_received else "",
            f"{one.records:,}",
            f"{one.raw_bytes:,}",
            f"{one.stored_bytes:,}",
            one.digest[:16],
        )
        for one in segments
    ]
    emit_table(headers, rows, right=(0, 4, 5, 6))


@journal.command("show", help=_("原本ログの表示: イベントID(サイト.収集元.番号)、または 収集元 番号"))
@click.argument("event", metavar="EVENT_ID | SOURCE")
@click.argument("seq", required=False, type=click.IntRange(min=1))
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(min=1), help=_("続けて表示する件数"))
@click.option("--raw", is_flag=True, help=_("受信したバイト列をそのまま出力する(区切りなし)"))
@site_option
@json_option
def show(event: str, seq: int | None, count: int, site: Path, *, raw: bool, as_json: bool) -> None:
    """Raw records with receive time and origin."""
    from secops.siem.journal.show import parse_event_id, printable, shown
    from secops.wiring import open_site

    opened = open_site(site)
    try:
        source, first = (event, seq) if seq is not None else parse_event_id(event, opened.settings.site.id)
    except ValueError as error:
        raise UsageError(str(error)) from None
    found = shown(opened.journal, source, first, count)
    if not found:
        text = _("{source} の {seq} 番の記録はありません(保存期間を過ぎて削除されたか、まだ受信していません)。")
        raise NotFoundError(text.format(source=source, seq=first))
    if raw:
        for record in found:
            sys.stdout.buffer.write(record.data)
        sys.stdout.buffer.flush()
    elif as_json:
        emit_json([record.values() for record in found])
    else:
        for record in found:
            click.echo(printable(record))


@journal.command("verify", help=_("ハッシュ連鎖と署名を検証し、改ざん・欠落を示す"))
@site_option
@json_option
def verify(site: Path, *, as_json: bool) -> None:
    """Check every byte; exit code 1 if something is wrong."""
    from secops.siem.journal import load_public_key
    from secops.siem.journal import verify as check
    from secops.siem.journal.show import report_lines

    report = check(site / "journal", load_public_key(site / "keys"))
    if as_json:
        emit_json({"ok": report.ok, "report": report})
    else:
        for line in report_lines(report):
            click.echo(line)
    if not report.ok:
        sys.exit(1)
