"""``secops policy calendar`` and ``reviewed``: what has to be looked at again, and that it was."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, plain, site_option
from secops.cli.policy_exceptions import day
from secops.errors import ConflictError
from secops.locale import _

if TYPE_CHECKING:
    from secops.wiring import Site
    from secops.wiring.policy_watch import Watch

OUTCOMES = ("unchanged", "changed", "to_change")


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(calendar)
    group.add_command(reviewed)


def _watch(opened: Site) -> Watch:
    from secops.wiring.policy_watch import Watch, documents_of

    return Watch(opened, documents_of(opened))


@click.command()
@site_option
@click.option("--overdue", "only_overdue", is_flag=True, help="期日を過ぎたものだけ")
@click.option("--ics", type=click.Path(dir_okay=False, path_type=Path), help="iCalendar ファイル(.ics)に書き出す")
@json_option
def calendar(site: Path, only_overdue: bool, ics: Path | None, as_json: bool) -> None:
    """見直しの予定: 規程、計画、訓練、台帳。期日を過ぎたものがあれば終了コード 1。"""
    from secops.isms.policy.calendar import DUE_LABELS, overdue
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.policy_watch import ics_of

    with open_site(site) as opened:
        found = _watch(opened).calendar()
        today = opened.now().astimezone(JST).date()
        if ics is not None:
            if ics.exists():
                raise ConflictError(_("{path} はすでにあります。別の名前にしてください。").format(path=ics))
            ics.write_bytes(ics_of(found.entries, opened.settings.site, opened.now()).encode())
    late = overdue(found.entries, today)
    shown = late if only_overdue else found.entries
    if as_json:
        emit_json([{**plain(one), "state": one.state(today).value, "late": one.late(today)} for one in shown])
    elif ics is not None:
        click.echo(
            _("{path} に {n} 件を書き出しました。").format(path=ics, n=sum(one.due is not None for one in shown))
        )
    else:
        emit_table(
            [_("状態"), _("期日"), _("id"), _("見直すもの"), _("責任者"), _("前回")],
            [
                (_(DUE_LABELS[one.state(today)]), one.due or "—", one.id, one.title, one.owner or "—", one.last or "—")
                for one in shown
            ],
        )
        if not found.own:
            text = _("繰り返しの予定は付属の見本です。区の予定は、サイトの policies/calendar.yml に書いてください。")
            click.echo(text, err=True)
    if late:
        raise SystemExit(1)


@click.command()
@click.argument("entry")
@click.option("--on", "done_on", required=True, help="実施した日(例: 2026-11-20)")
@click.option(
    "--result",
    type=click.Choice(OUTCOMES),
    default="unchanged",
    show_default=True,
    help="結果: unchanged 変更なし、changed 改めた、to_change 改める必要がある",
)
@click.option("--note", default="", help="結果の内容")
@click.option("--next", "next_on", default="", help="次の期日(省略時は間隔から決める)")
@click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")
@site_option
@json_option
def reviewed(
    entry: str, done_on: str, result: str, note: str, next_on: str, actor: str, site: Path, as_json: bool
) -> None:
    """見直しを行ったことを記録する(ENTRY は secops policy calendar の id)。"""
    from secops.isms.policy.calendar import Outcome, Review
    from secops.wiring import open_site

    with open_site(site) as opened:
        review = Review(
            entry,
            day(done_on),
            Outcome(result),
            note,
            day(next_on) if next_on else None,
            actor.strip() or getpass.getuser(),
            opened.now(),
        )
        found = _watch(opened).record(review)
    if as_json:
        emit_json(found)
    else:
        text = _("「{title}」の見直しを記録しました。次の期日は {day} です。")
        click.echo(text.format(title=found.title, day=found.due or "—"))
