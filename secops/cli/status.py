"""`secops status`: is it all right?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, plain, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.health import SystemStatus


@click.command()
@site_option
@json_option
def status(site: Path, as_json: bool) -> None:
    """収集元ごとの件数、遅れ、検知ルール、ディスク、原本ログの封の状態。問題があれば終了コード 1。"""
    from secops.wiring import open_site
    from secops.wiring.status import system_status

    with open_site(site) as opened:
        found = system_status(opened)
    if as_json:
        emit_json({**plain(found), "ok": found.ok})
    else:
        _print(found)
    sys.exit(0 if found.ok else 1)


def _print(found: SystemStatus) -> None:
    _print_sources(found)
    click.echo()
    inactive = sum(found.rules_inactive.values())
    click.echo(_("検知ルール: 有効 {active}、無効 {inactive}").format(active=found.rules_active, inactive=inactive))
    for reason, count in found.rules_inactive.items():
        click.echo(f"  {count:>5}  {reason}")
    if found.filters:
        text = _("例外(フィルタ): 有効 {active}、無効 {rest}、抑止した検知 {count:,} 件")
        active = sum(one.state == "active" for one in found.filters)
        count = sum(one.suppressed for one in found.filters)
        click.echo(text.format(active=active, rest=len(found.filters) - active, count=count))
    _print_correlation(found)
    text = _("原本ログ: 区切り {segments}、封の先頭 {head}")
    click.echo(text.format(segments=found.chain.segments, head=found.chain.head[:16] or "—"))
    text = _("ディスク: 空き {free:.1f} GiB / {total:.1f} GiB(原本 {journal:.1f} MiB、検索用 {lake:.1f} MiB)")
    disk = found.disk
    free, total = disk.free / 2**30, disk.total / 2**30
    click.echo(text.format(free=free, total=total, journal=disk.journal / 2**20, lake=disk.lake / 2**20))
    _print_paging(found)
    _print_store(found)
    for name, state in found.parts.items():
        words = {"running": _("稼働中"), "stopped": _("停止中"), "missing": _("動いていません")}
        click.echo(_("処理 {name}: {state}").format(name=name, state=words.get(state, state)))
    for problem in found.problems:
        click.secho(f"⚠ {problem}", fg="yellow", err=True)
    if found.ok:
        click.echo(_("問題はありません。"))


def _print_paging(found: SystemStatus) -> None:
    counts = found.paging
    if not counts.enabled:
        click.echo(_("通知: 設定なし(secops.toml の [notify])"))
        return
    text = _(
        "通知: 送信済み {sent}、送信待ち {waiting}、断念 {given_up}、応答なし {unanswered}、稼働の異常 {conditions}"
    )
    states = counts.states
    click.echo(
        text.format(
            sent=states.get("sent", 0),
            waiting=states.get("waiting", 0) + states.get("failed", 0),
            given_up=states.get("given_up", 0),
            unanswered=counts.unanswered,
            conditions=counts.conditions,
        )
    )


def _print_store(found: SystemStatus) -> None:
    if found.store.kind == "elasticsearch":
        state = _("応答なし") if found.store.away else _("正常")
        click.echo(_("検索用データ: Elasticsearch({state})").format(state=state))
    if found.store.refused:
        text = _("  {count:>5,}  元の形では受け付けられず、全文だけを保管した記録(secops.rejected に理由)")
        click.echo(text.format(count=found.store.refused))
    if found.store.cut:
        text = _("  {count:>5,}  長い値があり、その先頭だけを検索できる記録(secops.cut に項目名)")
        click.echo(text.format(count=found.store.cut))


def _print_correlation(found: SystemStatus) -> None:
    one = found.correlation
    lag = one.lag_s(found.at)
    text = _("相関: ルール {rules}、追跡中 {groups} 組({inputs} 件)、処理待ち {waiting} 件、確定までの遅れ {lag}")
    shown = _("{seconds} 秒").format(seconds=round(lag)) if lag is not None else "—"
    click.echo(text.format(rules=one.rules, groups=one.groups, inputs=one.inputs, waiting=one.waiting, lag=shown))
    for word, counts in (
        (_("遅れて届いた記録"), one.late),
        (_("多すぎて忘れた記録"), one.evicted),
        (_("まとめる項目がない記録"), one.ungrouped),
    ):
        if counts:
            click.echo(f"  {sum(counts.values()):>5}  {word}({', '.join(counts)})")


def _print_sources(found: SystemStatus) -> None:
    from secops.schema.dates import relative

    headers = [_("収集元"), _("系統"), _("受信"), _("保管"), _("解析不可"), _("破棄"), _("処理待ち"), _("遅れ(秒)")]
    rows = [
        (
            source.name,
            source.zone,
            f"{source.received:,}",
            f"{source.stored:,}",
            f"{source.rejected:,}",
            f"{sum(source.dropped.values()):,}",
            f"{source.waiting:,}",
            f"{source.lag_s:.1f}",
            relative(source.last_received, found.at) if source.last_received else "—",
            source.problem or (_("受信なし") if source.silent else _("正常")),
        )
        for source in found.sources
    ]
    emit_table([*headers, _("最終受信"), _("状態")], rows, right=range(2, 8))
