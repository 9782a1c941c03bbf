"""``secops audit plan visit``: appointments of the fieldwork, which the plan and the letter of notice name."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.audit_plan import actor_option, plan, who
from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.ports import PlanRecord
    from secops.org.model import Directory


def register(_audit: click.Group) -> None:
    """Add the command to those of plans."""
    plan.add_command(visit)


@click.command()
@click.argument("number")
@site_option
@click.option("--unit", "unit_text", default="", help="監査単位(部署、又は 部署/システム)。省略すると一覧だけ")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="実地監査の日")
@click.option("--from", "begins", default="", help="始まりの時刻(例: 09:30)")
@click.option("--to", "ends", default="", help="終わりの時刻")
@click.option("--place", default="", help="場所")
@click.option("--attend", "attendees", multiple=True, help="出席を求める者(職)。繰り返せる")
@click.option("--material", "materials", multiple=True, help="準備を依頼する資料。繰り返せる")
@click.option("--cancel", is_flag=True, help="この日時の予定を取り消す")
@actor_option
@json_option
def visit(
    number: str,
    site: Path,
    unit_text: str,
    day: datetime | None,
    begins: str,
    ends: str,
    place: str,
    attendees: tuple[str, ...],
    materials: tuple[str, ...],
    cancel: bool,
    actor: str,
    as_json: bool,
) -> None:
    """実地監査の予定。監査計画書と監査実施通知書に日時・場所・出席者・資料が載る。"""
    from secops.isms.audit.round import Visit
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING, unit_of

    with open_site(site) as opened:
        rounds = opened.desk.rounds
        how: dict[str, Any] = {"actor": who(actor), "now": opened.now()}
        found = rounds.plan(number, EVERYTHING)
        if unit_text:
            unit, first = unit_of(opened.directory, unit_text), _moment(day, begins)
            if cancel:
                found = rounds.drop_visit(number, unit, first, **how)
            else:
                made = Visit(unit, first, _moment(day, ends), place, attendees, materials)
                found = rounds.plan_visit(number, made, **how)
        directory = opened.directory
    if as_json:
        emit_json(found.visits)
    else:
        _print(found, directory)


def _print(found: PlanRecord, directory: Directory) -> None:
    from secops.schema.dates import JST
    from secops.wiring.rounds import place_of

    rows: list[tuple[Any, ...]] = []
    for one in found.visits:
        begins, ends, where = one.begins.astimezone(JST), one.ends.astimezone(JST), place_of(directory, one.unit)
        when = f"{begins:%Y-%m-%d %H:%M}-{ends:%H:%M}"
        people, papers = "、".join(one.attendees), "、".join(one.materials)
        rows.append((when, str(one.unit), f"{where.department} {where.system}".strip(), one.place, people, papers))
    if rows:
        emit_table([_("日時"), _("監査単位"), _("名称"), _("場所"), _("出席者"), _("資料")], rows)
    else:
        click.echo(_("実地監査の予定はありません。"))


def _moment(day: datetime | None, clock: str) -> datetime:
    from secops.schema.dates import JST

    try:
        at = time.fromisoformat(clock)
    except ValueError:
        at = None
    if day is None or at is None or at.tzinfo is not None:
        raise UsageError(_("実地監査の日と、始まりと終わりの時刻(例: 09:30)を入力してください。"))
    return datetime.combine(day.date(), at, JST)
