"""``secops rules impact``: what a new or changed rule would have raised on stored events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, plain, progress_bar, site_option
from secops.cli.trace import note_list
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.triage.impact import Impact, Raised

HOSTS = 10


@click.command()
@click.argument("rule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--since", default="30d", show_default=True, help="この時点から(24h, 30d, 2026-11-01 など)")
@click.option("--until", default=None, help="この時点の前まで(省略するといままで)")
@click.option("--examples", default=5, show_default=True, type=click.IntRange(0, 100), help="示す例の数")
@site_option
@json_option
def impact(rule: Path, since: str, until: str | None, examples: int, site: Path, as_json: bool) -> None:
    """ルール・相関ルール・例外(RULE)を有効にする前に、保存済みの原本ログで何件検知したはずかを、例とともに示す。"""
    from secops.schema.dates import parse_moment
    from secops.siem.triage.impact import as_plain
    from secops.wiring import open_site
    from secops.wiring.impact import Range, carry_out, plan_of

    with open_site(site) as opened:
        now = opened.now()
        try:
            wanted = Range(parse_moment(since, now), parse_moment(until, now) if until else now, examples)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"--since / --until: {error}") from None
        plan = plan_of(opened, rule, wanted)
        with progress_bar(_("原本ログを調べています"), plan.records) as seen:
            found = carry_out(opened, plan, seen)
        asked = f"{rule} since={since}" + (f" until={until}" if until else "")
        note_list(opened, "", "rule_tried", asked, f"→ {found.new.hits}")
    if as_json:
        emit_json(as_plain(found, HOSTS))
        return
    _show(found)


def _show(found: Impact) -> None:
    click.echo(
        _("「{title}」を {since} から {until} までの原本ログ {count} 件に当てました。").format(
            title=found.title, since=plain(found.since), until=plain(found.until), count=f"{found.scanned:,}"
        )
    )
    for source, count in sorted(found.removed.items()):
        text = _("収集元 {source} の {count} 件は保存期間を過ぎて削除済みのため、調べていません。")
        click.echo(text.format(source=source, count=f"{count:,}"))
    labels = (
        (_("この例外を入れる"), _("いまのまま")) if found.kind == "filter" else (_("このルール"), _("いま有効な版"))
    )
    rows = [(label, *_counts(one)) for label, one in zip(labels, (found.new, found.old), strict=True) if one]
    emit_table([_("版"), _("検知"), _("アラート"), _("例外で抑止")], rows, right=[1, 2, 3])
    if found.old and found.kind == "filter":
        click.echo(_("この例外は {count} 件の検知を抑止します。").format(count=f"{found.old.hits - found.new.hits:,}"))
    elif found.old:
        text = _("この版だけが検知: {new} 件、いま有効な版だけが検知: {old} 件")
        click.echo(text.format(new=f"{found.only_new:,}", old=f"{found.only_old:,}"))
    _show_inputs(found)
    if not found.new.hits:
        click.echo(_("この期間に当てはまるイベントはありませんでした。"))
        return
    emit_table([_("日"), _("検知")], [(day, f"{count:,}") for day, count in sorted(found.new.days.items())], right=[1])
    emit_table([_("系統"), _("検知")], [(zone, f"{n:,}") for zone, n in found.new.zones.most_common()], right=[1])
    hosts = found.new.hosts
    emit_table([_("端末"), _("検知")], [(host, f"{n:,}") for host, n in hosts.most_common(HOSTS)], right=[1])
    if len(hosts) > HOSTS:
        click.echo(_("ほか {count} 台").format(count=f"{len(hosts) - HOSTS:,}"))
    for example in found.new.examples:
        who = " ".join(f"{name}={value}" for name, value in example.entities.items())
        click.echo(f"{plain(example.timestamp)} {example.zone} {example.event_id} {who}")
        for one in example.matched:
            click.echo(f"    {one.field or _('キーワード')} {one.operator} {one.pattern} ← {one.value}")
        if example.counted:
            click.echo("    " + _("数えた記録 {count} 件(新しい順)").format(count=f"{example.counted:,}"))
        for event in reversed(example.events):
            click.echo(f"      {plain(event.time)} {event.event_id} {found.names.get(event.rule_id, event.rule_id)}")


def _show_inputs(found: Impact) -> None:
    """Of a correlation: how many events met each of the rules it refers to."""
    inputs = found.new.inputs
    if inputs:
        rows = [(found.names.get(rule_id, rule_id), f"{count:,}") for rule_id, count in inputs.most_common()]
        emit_table([_("元になるルール"), _("当てはまった記録")], rows, right=[1])
    if found.new.lost:
        text = _("元になる記録が多すぎるため、{count} 件を数えていません。期間を短くしてください。")
        click.echo(text.format(count=f"{found.new.lost:,}"))


def _counts(raised: Raised) -> tuple[str, str, str]:
    return f"{raised.hits:,}", f"{len(raised.keys):,}", f"{raised.filtered:,}"
