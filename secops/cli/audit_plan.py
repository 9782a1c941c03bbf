"""``secops audit plan``: audit plans, who is audited, approval, auditors with their independence."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.ports import PlanRecord
    from secops.isms.audit.priority import Ranked
    from secops.org.model import Directory
    from secops.wiring import Site

F = TypeVar("F", bound=Callable[..., Any])


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(plan)


def actor_option(function: F) -> F:
    """Add ``--as-user``, passed on as ``actor``; empty: whoever runs the command."""
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


def who(actor: str) -> str:
    """The name that goes into the records."""
    return actor.strip() or getpass.getuser()


@click.group()
def plan() -> None:
    """監査計画: 中期計画、年度計画、実施計画、特命監査。"""


@plan.command("list")
@site_option
@click.option("--year", type=int, help="この年度を含む計画だけ")
@json_option
def list_(site: Path, year: int | None, as_json: bool) -> None:
    """計画の一覧。"""
    from secops.isms.audit.round import PLAN_LABELS
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING

    with open_site(site) as opened:
        found = opened.desk.rounds.plans(EVERYTHING, year=year)
    if as_json:
        emit_json(found)
        return
    emit_table(
        [_("番号"), _("種類"), _("題名"), _("年度"), _("監査単位"), _("うち監査対象"), _("承認")],
        [
            (
                one.plan.number,
                _(PLAN_LABELS[one.plan.level]),
                one.plan.title,
                "-".join(map(str, dict.fromkeys(one.plan.years))),
                len(one.plan.units),
                len(one.plan.audited) or "",
                f"{one.plan.approved_on} {one.plan.approved_by}" if one.approved else _("案"),
            )
            for one in found
        ],
        right=(4, 5),
    )


@plan.command()
@click.argument("number")
@site_option
@json_option
def show(number: str, site: Path, as_json: bool) -> None:
    """1 つの計画: 監査単位、選んだ理由、監査人。"""
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING

    with open_site(site) as opened:
        found = opened.desk.rounds.plan(number, EVERYTHING)
        directory = opened.directory
    if as_json:
        emit_json(found)
        return
    _print_plan(found, directory)


def _print_plan(found: PlanRecord, directory: Directory) -> None:
    from secops.isms.audit.round import CONDUCT_LABELS, PLAN_LABELS
    from secops.wiring.rounds import place_of

    one = found.plan
    approved = f"{one.approved_on} {one.approved_by}" if found.approved else _("未承認(案)")
    click.echo(f"{one.number} {one.title}")
    click.echo(f"{_(PLAN_LABELS[one.level])} / {_(CONDUCT_LABELS[one.conduct])} / {approved}")
    decisions = {decision.unit: decision for decision in found.decisions}
    rows = []
    for unit in one.units:
        place, decision = place_of(directory, unit), decisions.get(unit)
        people = "、".join(who.name for who in found.assignments if who.unit == unit)
        chosen = _("監査対象") if unit in one.audited else ""
        said = " ".join(filter(None, (decision.proposed, decision.note))) if decision else ""
        rows.append((str(unit), f"{place.department} {place.system}".strip(), chosen, said, people))
    emit_table([_("監査単位"), _("名称"), _("監査対象"), _("選んだ理由"), _("監査人")], rows)
    for who_ in found.assignments:
        for note in who_.notes:
            click.echo(_("{name}({unit}): {note}").format(name=who_.name, unit=who_.unit, note=note), err=True)


@plan.command()
@site_option
@click.option(
    "--level",
    type=click.Choice(["audit_programme", "annual_plan", "engagement_plan", "special_audit"]),
    required=True,
    help="中期計画、年度計画、実施計画、特命監査",
)
@click.option("--year", type=int, required=True, help="年度(中期計画は初年度)")
@click.option("--to-year", type=int, help="中期計画の最終年度(省略すると 3 年間)")
@click.option("--title", default="", help="題名(省略すると年度と種類から作る)")
@click.option("--number", default="", help="番号(省略すると次の番号)")
@click.option("--above", default="", help="上位の計画の番号")
@click.option("--stage", type=click.IntRange(1, 3), default=1, show_default=True, help="段階")
@click.option(
    "--conduct",
    type=click.Choice(["internal", "external_advisory", "external_assurance"]),
    default="internal",
    show_default=True,
    help="内部監査、外部監査(助言型)、外部監査(保証型)",
)
@click.option("--purpose", default="", help="監査の目的")
@click.option("--theme", default="", help="監査方針・重点テーマ")
@click.option("--unit", "units", multiple=True, help="監査単位(部署、又は 部署/システム。コードか名前)。繰り返せる")
@click.option("--all-units", is_flag=True, help="台帳のすべての課と情報システムを監査単位にする")
@click.option("--office", default="", help="ポリシーを所管する部署(全庁の点検票に答える)")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="自己点検の期限")
@click.option("--begins", type=click.DateTime(["%Y-%m-%d"]), help="実施期間の始まり")
@click.option("--ends", type=click.DateTime(["%Y-%m-%d"]), help="実施期間の終わり")
@click.option(
    "--period", nargs=2, type=click.DateTime(["%Y-%m-%d"]), help="監査対象期間の最初の日と最後の日", default=None
)
@actor_option
@json_option
def create(site: Path, actor: str, as_json: bool, **said: Any) -> None:
    """計画の案を作る。年度計画は承認すると自己点検が始まる。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        made = opened.desk.rounds.create_plan(_plan(opened, said), actor=who(actor), now=opened.now())
    if as_json:
        emit_json(made)
    else:
        text = _("監査計画 {number} の案を作りました(監査単位 {count} 件)。")
        click.echo(text.format(number=made.plan.number, count=len(made.plan.units)))


def _plan(opened: Site, said: dict[str, Any]) -> Any:
    from secops.isms.audit.round import PLAN_LABELS, Conduct, Plan, PlanLevel
    from secops.wiring.rounds import all_units, department_of, unit_of

    level, year = PlanLevel(said["level"]), said["year"]
    units = all_units(opened.directory) if said["all_units"] else []
    units += [unit_of(opened.directory, text) for text in said["units"]]
    last = said["to_year"] or (year + 2 if level is PlanLevel.PROGRAMME else year)
    days: dict[str, Any] = {name: said[name].date() if said[name] else None for name in ("due", "begins", "ends")}
    title = said["title"] or _("{year} 年度 情報セキュリティ監査 {level}").format(
        year=year, level=_(PLAN_LABELS[level])
    )
    return Plan(
        number=said["number"],
        level=level,
        title=title,
        years=(year, last),
        conduct=Conduct(said["conduct"]),
        stage=said["stage"],
        purpose=said["purpose"],
        theme=said["theme"],
        units=tuple(dict.fromkeys(units)),
        above=said["above"],
        period=tuple(one.date() for one in said["period"]) if said["period"] else None,
        office=department_of(opened.directory, said["office"]) if said["office"] else "",
        **days,
    )


@plan.command()
@click.argument("number")
@site_option
@click.option("--add", "added", multiple=True, help="加える監査単位(部署、又は 部署/システム)")
@click.option("--remove", "removed", multiple=True, help="外す監査単位")
@click.option("--audit", "chosen", multiple=True, help="年度計画で、今年度の監査対象に選ぶ監査単位")
@click.option("--no-audit", "dropped", multiple=True, help="監査対象から外す監査単位")
@click.option("--note", default="", help="選んだ理由。提案の順位どおりでないときは必要")
@actor_option
@json_option
def units(number: str, site: Path, note: str, actor: str, as_json: bool, **said: tuple[str, ...]) -> None:
    """計画の監査単位を変える。年度計画では、今年度に監査する単位を選ぶ(提案は plan next)。"""
    from dataclasses import replace

    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING, propose, unit_of

    with open_site(site) as opened:
        rounds, user = opened.desk.rounds, who(actor)
        found = rounds.plan(number, EVERYTHING)
        added, removed, chosen, dropped = (
            [unit_of(opened.directory, text) for text in said[name]]
            for name in ("added", "removed", "chosen", "dropped")
        )
        if added or removed:
            kept = tuple(one for one in dict.fromkeys([*found.plan.units, *added]) if one not in removed)
            audited = tuple(one for one in found.plan.audited if one in kept)
            changed = replace(found.plan, units=kept, audited=audited)
            found = rounds.change_plan(changed, revision=found.revision, actor=user, now=opened.now())
        for unit in chosen:
            proposal = propose(opened, found, unit, note)
            found = rounds.decide(number, unit, chosen=True, note=note, proposed=proposal, actor=user, now=opened.now())
        for unit in dropped:
            found = rounds.decide(number, unit, chosen=False, note=note, proposed="", actor=user, now=opened.now())
        directory = opened.directory
    if as_json:
        emit_json(found)
    else:
        _print_plan(found, directory)


@plan.command()
@click.argument("number")
@site_option
@click.option("--by", required=True, help="承認した会議又は人(例: 情報セキュリティ委員会)")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="承認した日")
@actor_option
def approve(number: str, site: Path, by: str, day: Any, actor: str) -> None:
    """計画を承認済にする。以後は変えられない。年度計画なら、監査項目を固定して自己点検票を配る。"""
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING, opening_of

    with open_site(site) as opened:
        rounds = opened.desk.rounds
        opening = opening_of(opened, rounds.plan(number, EVERYTHING).plan)
        how: dict[str, Any] = {"actor": who(actor), "now": opened.now(), "opening": opening}
        rounds.approve(number, by=by, on=day.date(), **how)
        sheets = rounds.sheets(EVERYTHING, of=number)
    click.echo(_("監査計画 {number} を承認済にしました。").format(number=number))
    if sheets:
        click.echo(_("自己点検票 {count} 枚を配りました。").format(count=len(sheets)))


@plan.command()
@click.argument("number")
@site_option
@click.option("--reason", required=True, help="削除する理由(記録に残る)")
@actor_option
def drop(number: str, site: Path, reason: str, actor: str) -> None:
    """計画の案を削除する。承認した計画と、下に計画のあるものは削除できない。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        opened.desk.rounds.drop_plan(number, reason=reason, actor=who(actor), now=opened.now())
    click.echo(_("監査計画の案 {number} を削除しました。").format(number=number))


@plan.command("next")
@site_option
@click.option("--year", type=int, help="この年度の監査として(省略すると今年度)")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="上位何件まで")
@json_option
def next_(site: Path, year: int | None, limit: int, as_json: bool) -> None:
    """次に監査する部署・システムの提案。点数の理由をすべて示す。決めるのは人(plan units --audit)。"""
    from secops.schema.dates import JST, fiscal_year
    from secops.wiring import open_site
    from secops.wiring.rounds import place_of, ranked

    with open_site(site) as opened:
        found = ranked(opened, year or fiscal_year(opened.now().astimezone(JST).date()))
        directory = opened.directory
    if as_json:
        emit_json([_ranked(at, one) for at, one in enumerate(found[:limit], 1)])
        return
    from secops.isms.audit.round import Unit

    rows = []
    for at, one in enumerate(found[:limit], 1):
        unit = Unit(one.unit.department, one.unit.system)
        place = place_of(directory, unit)
        reasons = "、".join(f"{reason.text}({reason.points})" for reason in one.reasons)
        rows.append((at, str(unit), f"{place.department} {place.system}".strip(), one.points, reasons))
    emit_table([_("順位"), _("監査単位"), _("名称"), _("点"), _("理由")], rows, right=(0, 3))
    if len(found) > limit:
        click.echo(_("ほかに {count} 件あります(--limit)。").format(count=len(found) - limit), err=True)


def _ranked(at: int, one: Ranked) -> dict[str, Any]:
    reasons = [{"points": float(reason.points), "text": reason.text} for reason in one.reasons]
    unit = {"department": one.unit.department, "system": one.unit.system}
    return {"rank": at, **unit, "points": float(one.points), "reasons": reasons}


@plan.command()
@click.argument("number")
@click.argument("person", required=False, default="")
@site_option
@click.option("--unit", "unit_text", default="", help="監査単位(部署、又は 部署/システム)")
@click.option("--login", default="", help="この監査人の画面の利用者名。担当の監査だけが見える")
@click.option("--remove", is_flag=True, help="監査人から外す")
@click.option("--posts", "path", type=click.Path(path_type=Path), help="過去の所属・担当の CSV を先に取り込む")
@actor_option
@json_option
def assign(
    number: str, person: str, site: Path, unit_text: str, login: str, remove: bool, path: Path | None, actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """監査人(職員番号か氏名)を割り当てる。対象期間の所属(兼務も)と担当から独立でない者は、理由を示して断る。"""
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING, appointment_of, engagement_of, organisation, read_posts, unit_of

    with open_site(site) as opened:
        rounds, directory = opened.desk.rounds, opened.directory
        how: dict[str, Any] = {"actor": who(actor), "now": opened.now()}
        if path is not None:
            added = rounds.add_posts(*read_posts(directory, path), **how)
            click.echo(_("所属・担当を {count} 件記録しました。").format(count=added), err=True)
        if not person:
            if path is None:
                raise UsageError(_("監査人(職員番号か氏名)か、--posts を指定してください。"))
            return
        if not unit_text:
            raise UsageError(_("--unit で監査単位を指定してください。"))
        unit = unit_of(directory, unit_text)
        who_ = appointment_of(directory, unit, person, login, opened.now().astimezone(JST).date())
        if remove:
            rounds.unassign(number, unit, who_.person, **how)
            click.echo(_("{name} を {unit} の監査人から外しました。").format(name=who_.name, unit=unit))
            return
        found = rounds.plan(number, EVERYTHING)
        made = rounds.assign(number, who_, engagement_of(directory, found.plan, unit), organisation(directory), **how)
    if as_json:
        emit_json(made)
        return
    click.echo(_("{name} を {unit} の監査人にしました。").format(name=made.name, unit=unit))
    for note in made.notes:
        click.echo(note, err=True)
