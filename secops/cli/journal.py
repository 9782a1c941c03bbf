"""``secops journal``: the raw records as they were received, and the proof that nobody changed them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from secops.cli.common import emit_json, emit_table, json_option, progress_bar, site_option
from secops.cli.trace import note_list
from secops.errors import NotFoundError, UsageError
from secops.locale import _

_STATES = {"open": "書き込み中", "closed": "封印待ち", "sealed": "封印済み", "removed": "削除済み"}


@click.group()
def journal() -> None:
    """原本ログの一覧・表示・検証。"""


@journal.command("list")
@site_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """区間(封印の単位)の一覧。"""
    from secops.schema.dates import dated
    from secops.wiring import open_site

    with open_site(site) as opened:
        segments = opened.journal.segments()
    if as_json:
        emit_json(segments)
        return
    headers = [_("区間"), _("状態"), _("受信 最初"), _("受信 最後"), _("件数"), _("元のバイト数"), _("保存バイト数")]
    rows = [
        (
            one.number,
            _(_STATES[one.state]),
            dated(one.first_received) if one.first_received else "",
            dated(one.last_received) if one.last_received else "",
            f"{one.records:,}",
            f"{one.raw_bytes:,}",
            f"{one.stored_bytes:,}",
            one.digest[:16],
        )
        for one in segments
    ]
    emit_table([*headers, _("ハッシュ")], rows, right=(0, 4, 5, 6))


@journal.command()
@click.argument("event", metavar="EVENT_ID|SOURCE")
@click.argument("seq", required=False, type=click.IntRange(min=1))
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(min=1), help="続けて表示する件数")
@click.option("--raw", is_flag=True, help="受信したバイト列をそのまま出力する(区切りなし)")
@click.option("--reason", default="", help="閲覧の理由(監査ログに残る)")
@site_option
@json_option
def show(event: str, seq: int | None, count: int, site: Path, raw: bool, reason: str, as_json: bool) -> None:
    """受信したままの記録。イベントID(サイト.収集元.番号)、または収集元と番号で指定する。閲覧は監査ログに残る。"""
    from secops.siem.journal.show import parse_event_id, printable, shown
    from secops.wiring import open_site

    with open_site(site) as opened:
        try:
            source, first = (event, seq) if seq is not None else parse_event_id(event, opened.settings.site.id)
        except ValueError as error:
            raise UsageError(str(error)) from None
        # Before anything is shown: what is in the journal is not masked. It may be of any zone.
        note_list(opened, "", "raw_viewed", f"{source}/{first}" + (f" +{count - 1}" if count > 1 else ""), reason)
        found = shown(opened.journal, source, first, count)
    if not found:
        text = _("{source} の {seq} 番の記録はありません(保存期間を過ぎて削除されたか、まだ受信していません)。")
        raise NotFoundError(text.format(source=source, seq=first))
    if as_json:
        emit_json([record.values() for record in found])
    elif raw:
        sys.stdout.buffer.writelines(record.data for record in found)
        sys.stdout.buffer.flush()
    else:
        for record in found:
            click.echo(printable(record))


@journal.command()
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="SEGMENT:HASH",
    help="外部に控えた「区間:ハッシュ」と照合する(何度でも指定可)",
)
@site_option
@json_option
def verify(anchors: tuple[str, ...], site: Path, as_json: bool) -> None:
    """ハッシュ連鎖と署名を検証し、改ざん・欠落とその場所を示す。異常があれば終了コード 1。"""
    from secops.siem.journal import load_public_key
    from secops.siem.journal import verify as check
    from secops.siem.journal.catalogue import size_on_disk
    from secops.siem.journal.show import parse_anchors, report_lines
    from secops.wiring.chain import note
    from secops.wiring.clock import now

    folder = site / "journal"
    try:
        noted = parse_anchors(anchors)
    except ValueError as error:
        raise UsageError(str(error)) from None
    key = load_public_key(site / "keys")
    with progress_bar(_("原本ログを検証"), size_on_disk(folder)) as advance:
        report = check(folder, key, noted, advance)
    note(site, report.findings, now())
    if as_json:
        emit_json({"ok": report.ok, "report": report})
    else:
        for line in report_lines(report):
            click.echo(line)
    if not report.ok:
        sys.exit(1)


@journal.command()
@site_option
@json_option
def seal(site: Path, as_json: bool) -> None:
    """いま書き込み中の区間を区切り、封(署名)をする。媒体で持ち出す前などに使う。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        opened.sealing_journal.rotate(opened.now())
        sealed = opened.sealing_journal.seal_closed(opened.now())
    if as_json:
        emit_json({"sealed": sealed})
        return
    click.echo(_("封をした区間: {count} 件").format(count=len(sealed)))
