"""`secops alerts link|merge|unmerge|times`: what people do with several alerts, and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.cli.trace import note, note_list
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.triage.times import Line


def register(group: click.Group, actor_option: Callable[..., Any], who: Callable[[str], str]) -> None:
    """Add the commands to `secops alerts`."""

    def several(name: str, done: str, text: str) -> None:
        @group.command(name, help=text)
        @site_option
        @click.argument("alert_id", type=int)
        @click.argument("others", type=int, nargs=-1, required=True)
        @actor_option
        @json_option
        def command(site: Path, alert_id: int, others: tuple[int, ...], actor: str, as_json: bool) -> None:
            from secops.siem.ports import Scope
            from secops.wiring import open_site

            with open_site(site) as opened:
                how = {"actor": who(actor), "scope": Scope(), "now": opened.now()}
                count = getattr(opened.desk, name)(alert_id, others, **how)
                note(opened, actor, done, [alert_id, *others], f"×{count}")
            emit_json({"changed": count}) if as_json else click.echo(_("{n} 件を変更しました。").format(n=count))

    several("link", "alerts_linked", "アラートを関連付ける。")
    several("merge", "alerts_merged", "ALERT_ID にほかのアラートを統合する。以後の検知も ALERT_ID に数える。")
    several("unmerge", "alerts_unmerged", "統合を解除する。")
    group.add_command(times)


def _length(length: timedelta | None) -> str:
    return "—" if length is None else str(timedelta(seconds=int(length.total_seconds())))


@click.command()
@site_option
@click.option("--since", default="30d", show_default=True, help="この時点より後に検知したもの(30d、2026-04-01 など)")
@json_option
def times(site: Path, since: str, as_json: bool) -> None:
    """対応開始と完了までの時間: 系統ごと・ルールごとの件数、中央値、最長。まだのものは別に数える。"""
    from secops.schema.dates import parse_moment
    from secops.siem.ports import Scope, Span
    from secops.siem.triage.times import as_plain
    from secops.siem.triage.times import times as table_of
    from secops.wiring import open_site

    with open_site(site) as opened:
        now = opened.now()
        try:
            begin = parse_moment(since, now)
        except ValueError as error:
            raise UsageError(_("--since を読めません: {error}").format(error=error)) from None
        table = table_of(opened.desk.lengths(Span(begin, now), Scope()), list(opened.settings.zones), now)
        note_list(opened, "", "alerts_listed", f"times since={since}", f"→ {table.all.total}")
    if as_json:
        emit_json({"since": begin, "until": now, **as_plain(table)})
        return
    heads = [_("区分"), _("アラート")]
    for name in (_("対応開始"), _("完了")):
        heads += [name, _("中央値"), _("最長"), _("まだのもの(最長)")]
    emit_table(heads, [_row(line) for line in (table.all, *table.zones, *table.rules)], right=range(1, 10))


def _row(line: Line) -> list[object]:
    cells: list[object] = [line.title or line.name or _("すべて"), line.total]
    for one in (line.acknowledged, line.closed):
        cells += [one.count, _length(one.median), _length(one.worst), f"{one.waiting} ({_length(one.oldest)})"]
    return cells
