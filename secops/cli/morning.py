"""`secops morning`: what happened since the last working day's evening."""

from __future__ import annotations

from pathlib import Path

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.cli.trace import note_list
from secops.locale import _


@click.command()
@site_option
@json_option
def morning(site: Path, as_json: bool) -> None:
    """朝の確認: 前の開庁日の夕方から今までの、系統ごとのアラート、いつもと違う収集元、未完了の経過、稼働。"""
    from secops.siem.ports import Scope, Span
    from secops.siem.triage.morning import AGES, evening_before
    from secops.siem.triage.morning import morning as put_together
    from secops.siem.triage.usual import CONDUCT_LABELS, behaviours, reach
    from secops.wiring import open_site
    from secops.wiring.status import system_status

    with open_site(site) as opened:
        system = system_status(opened)
        span = Span(evening_before(opened.now(), opened.settings.web.day_ends), opened.now())
        judged = behaviours(opened.desk.arrivals(reach(span)), [one.id for one in system.sources], span)
        night = opened.desk.night(span, Scope(), AGES)
        note_list(opened, "", "alerts_listed", "morning")
        found = put_together(night, judged, system.sources, list(opened.settings.zones), span, system.problems)
    if as_json:
        emit_json(found)
        return
    emit_table(
        [_("系統"), _("新規"), _("完了"), _("未完了")],
        [(zone.zone, sum(zone.opened), sum(zone.closed), sum(zone.open)) for zone in found.zones],
        right=(1, 2, 3),
    )
    for alert in found.worst:
        click.echo(f"{alert.severity.mark} {_(alert.severity.label)}  {alert.id}  {alert.title!r}")
    for one in found.unusual:
        label = _("受信なし") if one.silent_now else _(CONDUCT_LABELS[one.behaviour.conduct])
        text = _("{name}: {label}({count} 件、いつもは {usual} 件)")
        usual = round(one.behaviour.usual)
        click.echo(text.format(name=one.name, label=label, count=one.behaviour.count, usual=usual))
    text = _("通常どおり {usual} 件、資料不足(同じ曜日の記録が 3 週分ない){unknown} 件")
    click.echo(text.format(usual=found.usual, unknown=len(found.unknown)))
    for problem in found.program:
        click.echo(problem)
